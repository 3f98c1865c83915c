"""Addresses as people and shops write them, in the one form that providers take."""

from __future__ import annotations

import re

import phonenumbers

from journeys.facts import Channel

_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")


def usable(channel: Channel, value: object, country: object = None) -> str | None:
    """Give an address that a message can go to, or None where there is none.

    Args:
        channel: what it is for.
        value: what the shop said: a telephone number, an e-mail address, or anything else.
        country: ISO 3166 code, such as FR, by which a number without ``+`` is read.

    Returns:
        A telephone number in E.164, or the e-mail address without the spaces around it.

    """
    if not isinstance(value, str):
        return None
    if channel is Channel.EMAIL:
        return value.strip() if _EMAIL.fullmatch(value.strip()) else None
    region = country.upper() if isinstance(country, str) else None
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def comparable(channel: Channel, address: str) -> str:
    """Give the form in which two usable addresses are the same if one mailbox or telephone is behind both."""
    return address.lower() if channel is Channel.EMAIL else address
