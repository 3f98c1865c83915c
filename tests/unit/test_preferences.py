"""What a person may choose, the links that let them, and the forms that say so."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import forms
from api.preference_words import WORDS
from journeys.customers import consents
from journeys.events import BadEventError, parse
from journeys.facts import Medium, Purpose
from journeys.preferences import EVERYTHING, Choice, as_trait, changed, is_wanted, with_revoke_all
from messages.links import BadLinkError, CartLinks
from messages.locale import LANGUAGES
from messages.preferences import PersonRef, PreferenceLinks

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LINKS = PreferenceLinks(b"a secret")
TOKEN = LINKS.token("boutique", "u-1")
SMS: Choice = (Medium.SMS, Purpose.MARKETING)
MAIL: Choice = (Medium.EMAIL, Purpose.MARKETING)

choices = st.sampled_from(EVERYTHING)
said = st.dictionaries(choices, st.booleans())

# Links


@given(shop=st.text(max_size=40), customer=st.text(max_size=256))
def test_a_token_names_the_person_that_it_was_signed_for(shop: str, customer: str) -> None:
    assert LINKS.read(LINKS.token(shop, customer)) == PersonRef(shop, customer)


def test_a_link_fits_an_sms_beside_its_text() -> None:
    uuid = "9f1c2e5a-77c3-4b5e-9a54-0e1d6f3b2a10"
    assert len(f"https://relance.example.com/u/{LINKS.token('boutique', uuid)}") < 160 - 20
    assert set(LINKS.token("boutique", "é ñ/?&#")) <= set(string.ascii_letters + string.digits + "-_.")


@pytest.mark.parametrize("behind", [".", ").", "!", "\u2026", " ", ">", "'"])
def test_what_a_text_puts_behind_a_link_does_not_matter(behind: str) -> None:
    assert LINKS.read(TOKEN + behind) == PersonRef("boutique", "u-1")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        TOKEN[:-1],
        TOKEN[1:],
        f"{TOKEN}A",
        TOKEN.swapcase(),
        "\ud800",
        "a" * 10_000,
        PreferenceLinks(b"another secret").token("boutique", "u-1"),
        CartLinks(b"a secret").token("boutique", "u-1"),
    ],
    ids=lambda token: ascii(token[:20]),
)
def test_a_token_that_was_changed_or_signed_for_something_else_is_none(token: str) -> None:
    with pytest.raises(BadLinkError):
        LINKS.read(token)


def test_a_token_opens_no_cart() -> None:
    with pytest.raises(BadLinkError):
        CartLinks(b"a secret").read(TOKEN)


# Choices


def test_marketing_needs_a_yes_and_service_no_no() -> None:
    assert not is_wanted(SMS, {})
    assert is_wanted((Medium.SMS, Purpose.SERVICE), {})
    assert is_wanted((Medium.ON_SITE, Purpose.MARKETING), {})
    for choice in EVERYTHING:
        assert is_wanted(choice, {choice: True})
        assert not is_wanted(choice, {choice: False})


@given(shown=said, ticked=st.sets(choices))
def test_a_form_says_what_the_person_changed_in_it_and_nothing_else(
    shown: dict[Choice, bool], ticked: set[Choice]
) -> None:
    found = changed(shown, ticked)
    for choice in EVERYTHING:
        if choice in shown and shown[choice] != (choice in ticked):
            assert found[choice] is (choice in ticked)
        else:
            assert choice not in found


@given(said)
def test_where_one_no_stops_everything_no_yes_is_left_beside_it(chosen: dict[Choice, bool]) -> None:
    found = with_revoke_all(chosen)
    if False in chosen.values():
        assert dict(found) == dict.fromkeys(EVERYTHING, False)
    else:
        assert found == chosen


@given(said)
def test_what_was_chosen_is_what_is_read_from_the_event(chosen: dict[Choice, bool]) -> None:
    trait = as_trait(chosen, WORDS["fr"].beside(), "https://relance.example.com/u")
    found = consents(event(trait))
    assert {(word.channel, word.purpose): word.granted for word in found} == chosen
    for word in found:
        assert word.wording == f"{WORDS['fr'].beside()[word.channel, word.purpose]} (https://relance.example.com/u)"


def test_every_language_has_words_for_every_choice() -> None:
    assert set(WORDS) == set(LANGUAGES)
    for words in WORDS.values():
        assert set(words.beside()) == set(EVERYTHING)
        assert len(set(words.beside().values())) == len(EVERYTHING)


# A list of words on one channel


def event(consent: Any, **more: Any) -> Any:
    message = {"userId": "u-1", "traits": {"consent": consent}, **more}
    return parse(message, received_at=NOW, kind="identify", from_backend=True)


def test_a_list_says_a_word_for_each_purpose() -> None:
    words = [{"granted": False, "purpose": "marketing", "text": "No offers"}, {"granted": True, "purpose": "service"}]
    found = consents(event({"sms": words, "email": True}))
    assert [(w.channel, w.purpose, w.granted, w.wording) for w in found] == [
        ("sms", "marketing", False, "No offers"),
        ("sms", "service", True, None),
        ("email", "marketing", True, None),
    ]


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ([], "traits.consent.sms: must be true, false,"),
        ([True], "traits.consent.sms: must be true, false,"),
        ([[]], "traits.consent.sms: must be true, false,"),
        ([{"granted": True}, {"granted": False, "purpose": "marketing"}], "traits.consent.sms: names a purpose twice"),
        (
            [{"granted": True}, {"granted": True, "purpose": "service", "at": "yesterday"}],
            r"traits.consent.sms\[1\].at: must be ISO 8601",
        ),
    ],
)
def test_a_bad_list_is_refused_with_what_to_change(word: Any, problem: str) -> None:
    with pytest.raises(BadEventError, match=problem):
        consents(event({"sms": word}))


AHEAD = (NOW + timedelta(minutes=4)).isoformat()


@pytest.mark.parametrize(
    "word",
    [True, {"granted": True}, [{"granted": True}], {"granted": True, "at": AHEAD}, [{"granted": True, "at": AHEAD}]],
)
def test_no_word_stands_above_what_is_said_after_it(word: Any) -> None:
    """A device whose clock is ahead must not overrule an unsubscribe that follows."""
    ahead = event({"sms": word}, timestamp=AHEAD)
    assert [found.at for found in consents(ahead)] == [NOW]


# Forms

RFC_8058_PARTS = (
    b"---FormBoundaryjWmhtjORrn\r\n"
    b'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n---FormBoundaryjWmhtjORrn--\r\n'
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("application/x-www-form-urlencoded; charset=UTF-8", b"List-Unsubscribe=One%2DClick"),
        ("", b"List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=-FormBoundaryjWmhtjORrn", RFC_8058_PARTS),
        ('Multipart/Form-Data; boundary="-FormBoundaryjWmhtjORrn"; charset=utf-8', RFC_8058_PARTS),
    ],
)
def test_a_form_is_read_however_mail_programs_post_it(content_type: str, body: bytes) -> None:
    assert forms.read(content_type, body).get("List-Unsubscribe") == "One-Click"


def test_a_field_may_stand_several_times() -> None:
    form = forms.read("", b"on=sms.marketing&on=email.service&act=")
    assert (form.all("on"), form.get("act"), form.get("none")) == (["sms.marketing", "email.service"], "", None)


@given(st.one_of(st.text(), st.sampled_from(["multipart/form-data; boundary=b", "multipart/form-data"])), st.binary())
def test_anything_that_is_no_form_is_an_empty_one(content_type: str, body: bytes) -> None:
    assert forms.read(content_type, body).get("List-Unsubscribe") is None
    assert forms.read(content_type, b"--b\r\n--b\r\n\r\n" + body + b"\r\n--b" * 200).get("act") is None
