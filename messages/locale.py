"""Which language a person is written to in, and how money and dates look there."""

from __future__ import annotations

import re
from collections.abc import Collection

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
    "DE": "de",
    "AT": "de",
    "LI": "de",
    "ES": "es",
    "MX": "es",
    "AR": "es",
    "CL": "es",
    "CO": "es",
    "PE": "es",
}
"""The language of most people, where a country has one."""
_REGIONS = {"fr": "FR", "it": "IT", "pt": "PT", "en": "GB"}
_FALLBACK = "en"
_TAG = re.compile(r"([A-Za-z]{2})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}))?(?:[-_.@].*)?")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


def language_of(locale: str | None, country: str | None, default: str, among: Collection[str] = LANGUAGES) -> str:
    """Choose one of some languages: by the person's locale, their country, or else the default.

    Args:
        locale: what the shop said of the person, such as ``pt-BR``; garbage counts as nothing.
        country: ISO 3166 code of two letters; garbage counts as nothing.
        default: the shop's language.
        among: what there is to choose from; the languages of plans' messages where nothing is said.

    """
    language, _ = _read(locale)
    candidates = (language, _BY_COUNTRY.get((country or "").upper(), ""), default)
    return next((one for one in candidates if one in among), _FALLBACK)


def format_locale(language: str, locale: str | None, country: str | None) -> str:
    """Choose the locale for money and dates: the language as it is written where the person lives.

    The result is one that Babel knows.
    """
    spoken, region = _read(locale)
    if (spoken != language or not region) and country and _COUNTRY.fullmatch(country):
        region = country.upper()
    elif spoken != language:
        region = ""
    name = f"{language}_{region}"
    return name if exists(name) else f"{language}_{_REGIONS[language]}"


def _read(locale: str | None) -> tuple[str, str]:
    """Split a locale into language and region; both are empty where it is none."""
    match = _TAG.fullmatch(locale) if locale else None
    return (match[1].lower(), (match[2] or "").upper()) if match else ("", "")
