"""The ids by which browsers are known to the scripts of ``api/static``: random, so that nobody guesses one."""

from __future__ import annotations

import re

FORM = r"^([0-9]{20,40}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
"""128 bits in digits, as capture.js makes them, or a UUID, as push.js and others do. Postgres reads it, too."""


def is_one(text: object) -> bool:
    """Tell whether something has the form of a browser's id; the id of an order, or of most users, has not."""
    return isinstance(text, str) and re.fullmatch(FORM, text) is not None
