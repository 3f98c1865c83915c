"""Which language a person is written to in, and how their money and dates look."""

from __future__ import annotations

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from messages.locale import LANGUAGES, format_locale, language_of


@pytest.mark.parametrize(
    ("locale", "country", "language"),
    [
        ("fr-FR", None, "fr"),
        ("pt-BR", None, "pt"),
        ("pt_PT.UTF-8", None, "pt"),
        ("PT-br", None, "pt"),
        ("it", "FR", "it"),  # what the person reads comes before where they live
        ("zh-Hans-CN", "IT", "it"),
        (None, "BR", "pt"),
        (None, "br", "pt"),
        ("de-DE", None, "en"),
        ("fra", None, "en"),
        ("", "", "en"),
        ("🙂", "Atlantis", "en"),
    ],
)
def test_the_language_is_the_persons_then_their_countrys_then_the_default(
    locale: str | None, country: str | None, language: str
) -> None:
    assert language_of(locale, country, "en") == language


def test_the_shops_language_is_the_default() -> None:
    assert language_of("de-DE", "DE", "it") == "it"
    assert language_of(None, None, "de") == "en"


@pytest.mark.parametrize(
    ("language", "locale", "country", "written"),
    [
        ("pt", "pt-BR", None, "pt_BR"),
        ("pt", "pt-br", None, "pt_BR"),
        ("pt", "pt-PT", "BR", "pt_PT"),
        ("pt", "pt", "BR", "pt_BR"),
        ("pt", "pt-Latn-BR", None, "pt_BR"),
        ("pt", "pt", None, "pt_PT"),
        ("en", "en-US", None, "en_US"),
        ("en", None, None, "en_GB"),
        ("fr", "fr", "CA", "fr_CA"),
        ("en", "de-DE", None, "en_GB"),  # the default language was taken: the region of another says nothing
        ("en", "de-DE", "IE", "en_IE"),
        ("fr", "fr-XX", None, "fr_FR"),
        ("fr", None, "../IT", "fr_FR"),
    ],
)
def test_money_and_dates_look_as_where_the_person_lives(
    language: str, locale: str | None, country: str | None, written: str
) -> None:
    assert format_locale(language, locale, country) == written


GARBAGE = st.one_of(st.none(), st.text(), st.from_regex(r"[a-zA-Z]{2}([-_][a-zA-Z]{2,4})?([-_./]\w*)?"))


@given(GARBAGE, GARBAGE, st.sampled_from(LANGUAGES))
def test_garbage_always_gives_a_language_and_a_locale_that_exist(
    locale: str | None, country: str | None, default: str
) -> None:
    language = language_of(locale, country, default)
    assert language in LANGUAGES
    assert Locale.parse(format_locale(language, locale, country)).language == language


def test_another_list_of_languages_may_be_chosen_from() -> None:
    assert language_of("de-DE", None, "it", ("de", "it")) == "de"
    assert language_of(None, "AT", "it", ("de", "it")) == "de"
    assert language_of("fr", "FR", "it", ("de", "it")) == "it"
