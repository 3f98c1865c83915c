"""Ids that may be read by anybody: in workflow ids, search attributes and logs."""

from __future__ import annotations

import hashlib
import hmac
import re

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PHONE = re.compile(r"[+0-9(][0-9 ()./-]{6,}")


def public_id(value: str, secret: bytes) -> str:
    """Show a cart or order id verbatim where it is plain, else as a keyed hash.

    A hash is 20 hexadecimal digits after ``h-``: it identifies, and gives nothing away.
    """
    if _PLAIN.fullmatch(value):
        return value
    return "h-" + hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()[:20]


def public_customer_id(value: str, secret: bytes) -> str:
    """Show a customer id; one that is a telephone number or an e-mail address is hashed as well."""
    if _PHONE.fullmatch(value):
        return public_id("\0" + value, secret)
    return public_id(value, secret)


def journey_id(plan: str, shop: str, public_key: str, entry: int) -> str:
    """Name a journey and its workflow: ``{plan}:{shop}:{key}:{n}``."""
    return f"{plan}:{shop}:{public_key}:{entry}"
