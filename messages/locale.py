"""Which language a person is written to in, and how money and dates look there."""

from __future__ import annotations

import re

from babel.localedata import exists

LANGUAGES = ("fr", "it", "pt", "en")
_BY_COUNTRY = {
    "FR": "fr",
    "MC": "fr",
    "LU": "fr",
    "IT": "it",
    "SM": "it",
    "PT": "pt",
    "BR": "pt",
    "AO": "pt",
    "MZ": "pt",
    "GB": "en",
    "IE": "en",
    "US": "en",
    "CA": "en",
    "AU": "en",
    "NZ": "en",
}
"""The language of most people, where a country has one that Relance writes."""
_REGIONS = {"fr": "FR", "it": "IT", "pt": "PT", "en": "GB"}
_TAG = re.compile(r"([A-Za-z]{2})(?:[-_]([A-Za-z]{2}))?(?:[-_.].*)?")


def language_of(locale: str | None, country: str | None, default: str) -> str:
    """Choose one of the languages Relance writes: by the person's locale, their country, or else the default."""
    match = _TAG.fullmatch(locale) if locale else None
    if match and match[1].lower() in LANGUAGES:
        return match[1].lower()
    return _BY_COUNTRY.get((country or "").upper(), default)


def format_locale(language: str, locale: str | None, country: str | None) -> str:
    """Choose the locale for money and dates: the language as it is written where the person lives.

    The result is one that Babel knows.
    """
    match = _TAG.fullmatch(locale) if locale else None
    region = match[2] if match and match[2] and match[1].lower() == language else country
    name = f"{language}_{(region or '').upper()}"
    return name if exists(name) else f"{language}_{_REGIONS[language]}"
