"""Lengths of time as people write them in a plan: ``30m``, ``2h``, ``12h``, ``3d``."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORM = re.compile(r"(\d{1,5})\s*([smhd])")
_NEGATIVE = re.compile(r"[-\u2212]\s*(\d.*)")
_FRACTION = re.compile(r"(\d{1,5}[.,]\d{1,5})\s*([smhd])")
_DAYS = {"week": 7, "month": 30, "year": 365}
_LONG = re.compile(r"(\d{1,2})\s*(w|mo|y|week|month|yr|year)s?")


def parse(value: Any) -> Any:
    """Read ``2h`` as two hours; a timedelta passes through.

    Raises:
        ValueError: the text has another form.

    """
    if isinstance(value, timedelta):
        return value
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_trouble(value) if isinstance(value, str) else _WANTED)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


_WANTED = "write a number and a unit: 30m, 2h or 3d"


def _trouble(said: str) -> str:
    """Tell why a text is no length of time, and what to write."""
    if match := _NEGATIVE.fullmatch(said):
        return f"'{said}' is negative; write how long, such as {match[1] if _FORM.fullmatch(match[1]) else '2h'}"
    if match := _LONG.fullmatch(said):
        unit = next(unit for unit in _DAYS if unit.startswith(match[2].replace("yr", "year")))
        return f"'{said}' is in {unit}s; write days: {int(match[1]) * _DAYS[unit]}d"
    if (match := _FRACTION.fullmatch(said)) and _FORM.fullmatch(whole := _whole(match[1], match[2])):
        return f"'{said}' has a fraction; write {whole}"
    return _WANTED


def _whole(number: str, unit: str) -> str:
    """Write a length of time with a fraction without one, in seconds at the least."""
    size = timedelta(**{_UNITS[unit]: 1})
    seconds = Decimal(number.replace(",", ".")) * int(size.total_seconds())
    return show(timedelta(seconds=math.ceil(seconds)))


def show(value: timedelta) -> str:
    """Write a duration in the largest unit that fits it whole; one day is 24h, as people say it of waiting."""
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0 and not (unit == "d" and seconds == size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


Duration = Annotated[timedelta, BeforeValidator(parse), PlainSerializer(show)]
"""A timedelta that reads and writes itself the way plans do."""
