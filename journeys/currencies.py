"""Currencies by their codes, as ISO 4217 has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from babel.numbers import list_currencies


def no_currencies(field: str, codes: Iterable[str]) -> Iterator[str]:
    """Tell which codes are no currency, each in a sentence that names the field."""
    known = list_currencies()
    for code in codes:
        if code not in known:
            yield f"{field}: {code} is no currency of ISO 4217; write one such as EUR"
