"""What an adapter is, and how it reads JSON that others wrote."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from journeys.events import MAX_EVENT_BYTES

Headers = Mapping[str, str]
Message = dict[str, Any]
"""A Segment message."""

_ROOM_AROUND = 4 * 1024
_LONGEST_NAME = 200


class RefusedError(Exception):
    """A delivery that is not signed by a secret.

    Attributes:
        why: ``unsigned``, ``signature`` or ``stale``; a label of a counter.

    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnreadableError(Exception):
    """A signed body that cannot be read; the text says what is wrong, without any of its values."""


@dataclass(frozen=True)
class Adapter:
    """One source of webhooks.

    Attributes:
        verify: makes sure that a secret signed these headers and raw bytes; raises RefusedError.
        heading: what the headers say of the body: the topic, of which unknown ones are passed over, or the webhook's
            id, printable and of at most 200 characters.
        messages: tells a signed body with its heading as Segment messages; raises UnreadableError. None: the source
            speaks of something else.
        is_harmless: whether an unsigned delivery is to be answered as if it were signed, because it says nothing.

    """

    source: str
    verify: Callable[[Headers, bytes, str], None]
    heading: Callable[[Headers], str]
    messages: Callable[[str, bytes], list[Message]]
    is_harmless: Callable[[bytes], bool] = lambda _: False


def verify_hmac(given: str | None, body: bytes, secret: str) -> None:
    """Make sure that ``given`` is base64(HMAC-SHA256(body)), in constant time.

    Raises:
        RefusedError: it is not.

    """
    if not given:
        raise RefusedError("unsigned")
    right = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(right, given.encode()):
        raise RefusedError("signature")


def read_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object.

    Raises:
        UnreadableError: it is none.

    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("is not JSON, or nested too deep") from None
    if not isinstance(value, dict):
        raise UnreadableError("is not a JSON object")
    return value


def word(body: Mapping[str, Any], field: str) -> str | None:
    """Read a text or a whole number as text; None where there is nothing, or something else."""
    value = body.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def needed(body: Mapping[str, Any], field: str) -> str:
    """Read a text or a whole number that must be there.

    Raises:
        UnreadableError: it is not.

    """
    value = word(body, field)
    if value is None:
        raise UnreadableError(f"{field}: is missing")
    return value


def inner(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Read an object; an empty one where there is none (Shopify writes [] or null then)."""
    value = body.get(field)
    return value if isinstance(value, Mapping) else {}


def rows(body: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """Read a list of objects; an empty one where there is none.

    Raises:
        UnreadableError: it holds something else.

    """
    value = body.get(field) or []
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise UnreadableError(f"{field}: is not a list of objects")
    return value


def said(**values: Any) -> dict[str, Any]:
    """Leave out what nothing is said of."""
    return {name: value for name, value in values.items() if value is not None}


def digest(body: bytes) -> str:
    """Name a body by what is in it: headers are not signed, so no id of a delivery can be trusted."""
    return hashlib.sha256(body).hexdigest()[:32]


def product(product_id: str, line: Mapping[str, Any], *, name: str | None, **more: Any) -> dict[str, Any]:
    """Tell one line of a cart or an order."""
    more = {field: value for field, value in more.items() if value is not None}
    return said(product_id=product_id, sku=word(line, "sku"), name=name and name[:_LONGEST_NAME]) | more


def fitting(products: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out names and the like where the lines would not fit into one event."""
    lines = list(products)
    if fits(lines):
        return lines
    return [{name: line[name] for name in ("product_id", "price", "quantity") if name in line} for line in lines]


def fits(lines: list[dict[str, Any]]) -> bool:
    """Tell whether lines fit into one event."""
    return len(json.dumps(lines, ensure_ascii=False, default=str)) < MAX_EVENT_BYTES - _ROOM_AROUND
