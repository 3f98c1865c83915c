"""Lengths of time as people write them in a plan: ``30m``, ``2h``, ``12h``, ``3d``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORM = re.compile(r"(\d{1,5})\s*([smhd])")


def parse(value: Any) -> Any:
    """Read ``2h`` as two hours; a timedelta passes through.

    Raises:
        ValueError: the text has another form.

    """
    if isinstance(value, timedelta):
        return value
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a number and a unit: 30m, 2h or 3d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def show(value: timedelta) -> str:
    """Write a duration in the largest unit that fits it whole; one day is 24h, as people say it of waiting."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0 and not (unit == "d" and seconds == size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Duration = Annotated[timedelta, BeforeValidator(parse), PlainSerializer(show)]
"""A timedelta that reads and writes itself the way plans do."""
