"""Messages: what a plan says, in each language, on each channel, and with each offer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import sms
from journeys.facts import Channel
from messages import catalog
from messages.catalog import Catalog
from messages.locale import LANGUAGES
from messages.render import (
    CartWords,
    Context,
    CustomerWords,
    ItemWords,
    OfferWords,
    RenderError,
    ShopWords,
    ViewedWords,
    product_name,
    render,
)
from tests.unit.saying import CATALOG, LINK, PLAN, UNSUBSCRIBE, changed, context, said, with_item

SAID_BY = (Channel.SMS, Channel.EMAIL)
KINDS = ("", "item_amount", "free_shipping", "next_order_credit")
SAID = [(step.send.message, kind) for step in PLAN.sends for kind in (KINDS if step.send.offer else KINDS[:1])]
BREAKS = [chr(n) for n in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066)]


# The messages that come along


def test_the_messages_that_come_along_are_complete() -> None:
    assert sorted(CATALOG.languages) == sorted(LANGUAGES)
    assert catalog.check(CATALOG, PLAN) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", SAID_BY)
@pytest.mark.parametrize(("message", "kind"), SAID)
def test_every_message_gives_the_link_the_shop_the_way_to_stop_and_the_offer(
    message: str, kind: str, channel: Channel, language: str
) -> None:
    about = context(language, kind)
    text = said(message, channel, language, about)["text"]
    assert LINK in text.split()
    assert about.shop.name in text
    assert (UNSUBSCRIBE if channel is Channel.EMAIL else "STOP") in text
    offered = about.offer.model_dump(exclude={"kind", "item"}).values()
    assert [word for word in offered if word not in text] == []
    assert ("Enamelled teapot" in text) == (channel == Channel.EMAIL or kind in {"", "item_amount"})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", SAID_BY)
@pytest.mark.parametrize("kind", ["item_amount", "free_shipping"])
def test_an_offer_without_a_code_does_not_speak_of_one(kind: str, channel: Channel, language: str) -> None:
    text = said("second", channel, language, context(language, kind, code=""))["text"]
    assert not {"code", "codice", "código", "use"} & set(text.split())
    assert not [gap for gap in (" .", " ,", ", .", ": .", "  ") if gap in text]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("message", "kind"), SAID)
def test_an_sms_is_at_most_two_parts_of_gsm_7_on_one_line(message: str, kind: str, language: str) -> None:
    text = said(message, Channel.SMS, language, context(language, kind))["text"]
    assert sms.outside_gsm7(text) == ""
    assert sms.parts(text) <= 2
    assert "\n" not in text
    assert "  " not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_without_a_first_name_is_greeted_all_the_same(language: str) -> None:
    named = said("first", Channel.EMAIL, language, context(language))["text"].splitlines()[0]
    unnamed = said("first", Channel.EMAIL, language, context(language, customer=CustomerWords()))["text"].splitlines()[
        0
    ]
    assert named == unnamed.replace(",", " Ann,")
    assert unnamed.endswith(",")
    assert " " not in unnamed


def test_an_sms_names_one_item_and_counts_the_others() -> None:
    cart = CartWords(items=[ItemWords(name=n, quantity=1, price="1") for n in "abc"], value="3", link=LINK)
    assert " a (+2) is still in your cart" in said("first", Channel.SMS, "en", context(cart=cart))["text"]


# Data is said, never read


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% if %}", "{{ shop.name", "{% raw %}", "{# x #}", "<b>&amp;", "%}}}"])
def test_data_that_looks_like_liquid_comes_out_literally(text: str, language: str) -> None:
    cart, person, shop = with_item(text), CustomerWords(first_name=text), ShopWords(name=text)
    about = context(language, cart=cart, customer=person, shop=shop)
    for channel in SAID_BY:
        assert text in said("first", channel, language, about)["text"]


@given(name=st.text(), item=st.text(min_size=1), shop=st.text(), kind=st.sampled_from(KINDS))
def test_whatever_data_says_it_is_rendered_and_breaks_no_line(name: str, item: str, shop: str, kind: str) -> None:
    offer = OfferWords(kind=kind, amount="5", item=item, code="C", deadline="D") if kind else OfferWords()
    about = Context(
        shop=ShopWords(name=shop), customer=CustomerWords(first_name=name), cart=with_item(item), offer=offer
    )
    for language in LANGUAGES:
        for message in ("first", "second"):
            text = said(message, Channel.SMS, language, about)["text"]
            mail = said(message, Channel.EMAIL, language, about)
            assert mail["subject"]
            assert not [char for char in BREAKS if char in text + mail["subject"]]
            assert len(mail["text"].splitlines()) < 25
            assert product_name(item) in mail["text"]


@pytest.mark.parametrize("char", BREAKS)
def test_a_character_that_breaks_lines_or_turns_writing_becomes_a_space(char: str) -> None:
    assert ItemWords(name=f"a{char}b", quantity=1, price="1").name == "a b"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("message", "kind"), SAID)
def test_a_long_name_does_not_lengthen_an_sms(message: str, kind: str, language: str) -> None:
    name = "x" * 5000
    about = context(language, kind, cart=with_item(name))
    about = about.model_copy(update={"offer": about.offer.model_copy(update={"item": name})})
    assert sms.parts(said(message, Channel.SMS, language, about)["text"]) <= 2
    assert len(said(message, Channel.EMAIL, language, about)["subject"]) < 100


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Teapot", "Teapot"),
        ("Locked! https://evil.example/pay WWW.evil.example now", "Locked! now"),
        ("x" * 8_000, "x" * 117 + "..."),
        ("a\nb", "a b"),
    ],
)
def test_a_products_name_is_short_and_leads_nowhere(told: str, shown: str) -> None:
    assert ItemWords(name=told, quantity=1, price="1").name == shown
    assert ViewedWords(name=told).name == shown


# Templates are strict and limited


@pytest.mark.parametrize(
    "source",
    [
        "{{ cart.nothing }}",
        "{{ cart.items[0].nmae }}",
        "{% for item in cart.items %}{{ item.nmae }}{% endfor %}",
        "{% if customer.frist_name != '' %}x{% endif %}",
        "{{ shop.name | shout }}",
        "{% for n in (1..5000) %}{% endfor %}",
        "{% for n in (1..900) %}{% for m in (1..900) %}x{% endfor %}{% endfor %}",
        "x" * 100_001,
        "{{ shop.name",
        "{% include 'other' %}",
        "{% if true %}" * 500 + "{% endif %}" * 500,
        "{% assign x = 'ab' %}{% for n in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
        # what only some persons would get
        "{% if customer.first_name == '' %}{{ 1 | divided_by: 0 }}{% endif %}",
        "{% if offer.kind == 'free_shipping' %}{{ 1 | divided_by: 0 }}{% endif %}",
    ],
)
def test_a_template_that_is_wrong_or_runs_away_is_refused_at_check_and_at_rendering(source: str) -> None:
    with pytest.raises(RenderError):
        render({"text": source}, context(kind="free_shipping", customer=CustomerWords()))
    [problem] = set(catalog.check(changed("first", "sms", source), PLAN))
    assert problem.startswith("step first: message 'first' in en for sms ")
    assert "\n" not in problem


def test_a_subject_is_checked_as_a_text_is() -> None:
    email = {"subject": "{{ cart.total }}", "text": "x"}
    with pytest.raises(RenderError):
        render({"text": "x", "subject": "{{ cart.total }}"}, context())
    languages = CATALOG.model_dump()["languages"]
    languages["fr"]["first"]["email"] = email
    [problem] = catalog.check(Catalog.model_validate({"languages": languages}), PLAN)
    assert problem == "step first: message 'first' in fr for email uses 'cart.total', which no message has"


def test_a_subject_is_one_line_and_a_text_ends_where_its_words_end() -> None:
    assert render({"text": "\n a\n\nb \n", "subject": "a\r\n b\n"}, context()) == {"text": "a\n\nb", "subject": "a  b"}


def test_a_rendering_error_names_no_person() -> None:
    with pytest.raises(RenderError) as caught:
        render({"text": "{{ customer.first_name | divided_by: 0 }}"}, context())
    assert "Ann" not in str(caught.value)
    assert caught.value.__cause__ is None
