"""Addresses as people and shops write them, in the one form that providers take."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import phonenumbers

from journeys import devices
from journeys.facts import Medium

_WRITTEN_TOGETHER = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
"""Japanese is written in all of them."""
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_WITHOUT_TEXT = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
    }
)
_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")


def usable(medium: Medium, value: object, country: object = None) -> str | None:
    """Give an address that a message can go to, or None where there is none.

    Args:
        medium: what it is for; it takes telephone numbers unless it is e-mail.
        value: what the shop said: a telephone number, an e-mail address, or anything else.
        country: ISO 3166 code, such as FR, by which a number without ``+`` is read.

    Returns:
        A telephone number in E.164, or the e-mail address without the spaces around it.

    """
    if not isinstance(value, str):
        return None
    if medium is Medium.EMAIL:
        return _mailbox(value.strip())
    region = country.upper() if isinstance(country, str) else None
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None if is_landline(written) and medium is not Medium.VOICE else written


def _mailbox(value: str) -> str | None:
    """Give an e-mail address in the form that every mail server takes, or None where it is none, or a look-alike.

    A domain whose labels mix scripts is made to be taken for another one: no shop's customer has such an address.
    """
    if not _EMAIL.fullmatch(value) or not value.isprintable():
        return None
    name, _, domain = value.rpartition("@")
    if domain.isascii():
        return value
    if any(_mixes_scripts(label) for label in domain.split(".")):
        return None
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return None


def _mixes_scripts(label: str) -> bool:
    scripts = {unicodedata.name(char, "?").split()[0] for char in label if char.isalpha()}
    return len(scripts) > 1 and not scripts <= _WRITTEN_TOGETHER


def home_of(traits: Mapping[str, object], phone: str | None) -> str | None:
    """Tell where a person lives: as the shop says, or else as their telephone number does.

    Args:
        traits: Segment's: ``country``, or ``address.country``; ISO 3166 of two letters, all else counts as nothing.
        phone: a number in E.164.

    """
    address = traits.get("address")
    said = [traits.get("country"), address.get("country") if isinstance(address, Mapping) else None]
    for country in said:
        if isinstance(country, str) and _COUNTRY.fullmatch(country):
            return country.upper()
    return country_of(phone) if phone else None


def region_of(traits: Mapping[str, object]) -> str | None:
    """Tell the state or province that a person lives in, such as FL: ``region``, or ``address.state``."""
    address = traits.get("address")
    for region in (traits.get("region"), address.get("state") if isinstance(address, Mapping) else None):
        if isinstance(region, str) and region.strip():
            return region.strip().upper()
    return None


def comparable(medium: Medium, address: str) -> str:
    """Give the form in which two usable addresses are the same if one mailbox, telephone or browser is behind both."""
    if medium is Medium.PUSH:
        return devices.endpoint_of(address) or address
    return address.lower() if medium is Medium.EMAIL else address


def country_of(number: str) -> str | None:
    """Give the country (ISO 3166) of a telephone number in E.164: its own, whatever is said of the person.

    None for a number of no country, such as a satellite telephone's.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    # A number that its plan does not know yet still begins with a country's code.
    plan = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    region = phonenumbers.region_code_for_number(parsed) or plan
    return region if region and region.isalpha() and region != "ZZ" else None


def is_landline(number: str) -> bool:
    """Tell whether a telephone number in E.164 surely takes no text; where a plan does not tell, it may take one."""
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False
    return kind in _WITHOUT_TEXT
