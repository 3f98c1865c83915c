"""Python's values as JSON's, without loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


def plain(value: object, path: str) -> Any:  # noqa: PLR0911 one for each kind of value
    """Turn a value into what JSON has: a Decimal into a string of all its digits, a moment into ISO 8601.

    Args:
        value: the value, with any others inside.
        path: where it stands, for errors.

    Raises:
        TypeError: it cannot be sent.
        ValueError: it is of the right type and cannot be sent all the same.

    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return _text(value, path)
        case float() | Decimal():
            return _number(value, path)
        case datetime():
            return moment(value, path)
        case UUID():
            return str(value)
        case Mapping():
            return {_name(key, path): plain(inner, f"{path}.{key}") for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    takes = "strings, numbers, Decimal, datetime, UUID, booleans, None, and lists and mappings of these"
    raise TypeError(f"{path}: a {type(value).__name__} cannot be sent; it may hold {takes}")


def moment(value: datetime, path: str) -> str:
    """Write a moment as ISO 8601 with its zone.

    Raises:
        ValueError: it has no zone.

    """
    if value.utcoffset() is None:
        raise ValueError(f"{path}: the datetime has no time zone; give it one, as in datetime.now(timezone.utc)")
    return value.isoformat()


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{path}: contains half of a surrogate pair; send valid Unicode") from None
    return value


def _number(value: float | Decimal, path: str) -> float | str:
    if not math.isfinite(value):
        raise ValueError(f"{path}: is {value}, which JSON does not have")
    return format(value, "f") if isinstance(value, Decimal) else value


def _name(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{path}: the names of its fields must be strings")
    return _text(key, path)
