"""What a shop knew before Relance: rows of its files as the events that they would have been.

An imported event carries the row's own date, so that what was told since stands above it, and an id that is made of
what the row says, so that the same row counts once, in whichever file and however often it comes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, TypeVar

from journeys.addresses import comparable, usable
from journeys.events import BadEventError, Event, Name, parse
from journeys.facts import Medium, Purpose
from journeys.rows import BadRowError, Columns, Row, plain

Kind = TypeVar("Kind", bound=StrEnum)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class What(StrEnum):
    """The kinds of files."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    CONSENTS = "consents"
    SUPPRESSIONS = "suppressions"


_CUSTOMER = ("customer_id", "user_id", "customer_user", "external_id")
_EMAIL = ("email", "email_address", "user_email", "billing_email")
_PHONE = ("phone", "phone_number", "mobile", "billing_phone", "default_address_phone")
_COUNTRY = ("country_code", "default_address_country_code", "country", "billing_country", "country_region")

COLUMNS: Mapping[What, Columns] = {
    What.CUSTOMERS: {
        "customer_id": (*_CUSTOMER, "id"),
        "email": _EMAIL,
        "phone": _PHONE,
        "first_name": ("first_name", "billing_first_name"),
        "last_name": ("last_name", "billing_last_name"),
        "locale": ("locale", "language"),
        "country": _COUNTRY,
        "timezone": ("timezone", "time_zone"),
        "created_at": ("created_at", "created", "date_added", "date_created", "user_registered", "sign_up"),
        "updated_at": ("updated_at", "updated", "last_updated", "date_modified"),
    },
    What.ORDERS: {
        "order_id": ("order_id", "id", "order_number"),
        "customer_id": _CUSTOMER,
        "at": ("at", "created_at", "order_date", "date_created", "completed_at", "date"),
        "total": ("total", "order_total", "total_price"),
        "currency": ("currency", "order_currency", "currency_code"),
        "cart_id": ("cart_id", "cart_token"),
        "checkout_id": ("checkout_id", "checkout_token"),
        "items": ("items", "products", "line_items"),
    },
    What.CONSENTS: {
        "customer_id": (*_CUSTOMER, "id"),
        "channel": ("channel",),
        "granted": ("granted", "consent", "consented", "subscribed", "status"),
        "at": ("at", "granted_at", "consented_at", "consent_timestamp", "timestamp", "date"),
        "purpose": ("purpose",),
        "text": ("text", "wording", "consent_text"),
    },
    What.SUPPRESSIONS: {
        "address": ("address",),
        "email": _EMAIL,
        "phone": _PHONE,
        "channel": ("channel",),
        "country": _COUNTRY,
        "reason": ("reason", "suppression_reason", "type"),
        "at": ("at", "suppressed_at", "unsubscribed_at", "timestamp", "date", "created_at", "created"),
    },
}
"""The fields of each kind, with the columns of the exports of Shopify, WooCommerce and Klaviyo that they stand in."""

NEEDED: Mapping[What, tuple[tuple[str, ...], ...]] = {
    What.CUSTOMERS: (("customer_id",),),
    What.ORDERS: (("order_id",), ("customer_id",), ("at",), ("total",), ("currency",)),
    What.CONSENTS: (("customer_id",), ("channel",), ("granted",), ("at",)),
    What.SUPPRESSIONS: (("address", "email", "phone"),),
}
"""The fields without which no row can be read; of those in one bracket one is enough."""

_TRAITS = {"firstName": "first_name", "lastName": "last_name", "locale": "locale", "timezone": "timezone"}
_DATES = ("at", "updated_at", "created_at")
_FIELDS = {
    "userId": "customer_id",
    "properties.order_id": "order_id",
    "properties.cart_id": "cart_id",
    "properties.checkout_id": "checkout_id",
}
"""The fields of an event that are wrong only because a column is."""
_NOT_ADDRESSES = {
    Medium.EMAIL: "is no e-mail address such as ann@example.com",
    Medium.SMS: "is no telephone number such as +33639980001; one without + needs a column country_code, such as FR",
}


@dataclass(frozen=True)
class Reading:
    """How the rows of a file are to be understood.

    Attributes:
        zone: of dates that name none; None where there must be no such date.
        as_of: when the file was written, for rows that do not say how old they are; None where nobody knows.

    """

    zone: tzinfo | None = None
    as_of: datetime | None = None


@dataclass(frozen=True)
class Suppression:
    """An address that nothing is sent to, in the form in which addresses are compared.

    Attributes:
        at: since when; None where the file does not say.

    """

    channel: Medium
    address: str
    reason: str
    at: datetime | None


def missing(what: What, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Tell which needed fields have no column; each with the names that its column may have."""
    there = {plain(name) for name in names}
    groups = [tuple(alias for field in group for alias in COLUMNS[what][field]) for group in NEEDED[what]]
    return [group for group in groups if there.isdisjoint(plain(alias) for alias in group)]


def event(what: What, values: Mapping[str, Any], reading: Reading, *, received_at: datetime) -> Event:
    """Read a row of customers, orders or consents as the event that it would have been.

    Raises:
        BadRowError: it cannot be read; it names the column and what would be right.

    """
    row = Row(values, COLUMNS[what], reading.zone)
    said = _SAID[what](row, reading)
    try:
        read = parse(said, received_at=received_at, from_backend=True)
    except BadEventError as error:
        raise _in_the_files_words(row, error) from None
    canonical = json.dumps(said, sort_keys=True)
    return read.model_copy(update={"message_id": f"import:{what}:{hashlib.sha256(canonical.encode()).hexdigest()}"})


def _in_the_files_words(row: Row, error: BadEventError) -> BadRowError:
    if error.field == "timestamp":
        # The only thing that can be wrong with a date that was read already.
        date = next((column for field in _DATES if (column := row.told_in(field))), None)
        return BadRowError(date, "lies in the future")
    field = _FIELDS.get(error.field)
    return BadRowError(row.column(field) if field else None, error.problem)


def _customer(row: Row, reading: Reading) -> dict[str, Any]:
    country = row.text("country")
    traits: dict[str, Any] = {
        **_unknown_columns(row),
        **{trait: row.text(field) for trait, field in _TRAITS.items()},
        "country": country,
        "email": _address(row, Medium.EMAIL, "email"),
        "phone": _address(row, Medium.SMS, "phone", country),
    }
    created_at, updated_at = row.moment("created_at"), row.moment("updated_at")
    if created_at is not None:
        traits["createdAt"] = created_at.isoformat()
    # What nobody can date must not win over anything that was told live, and must stay the same when it comes again:
    # so never now. The day the account was made is the latest that is sure; else it is older than everything.
    at = updated_at or reading.as_of or created_at or EPOCH
    return {
        "type": "identify",
        "userId": _customer_id(row),
        "timestamp": at.isoformat(),
        "traits": {name: value for name, value in traits.items() if value is not None},
    }


def _unknown_columns(row: Row) -> dict[str, Any]:
    rest = row.rest()
    for name in rest:
        if plain(name) in {"consent", "consents"}:
            raise BadRowError(name, "needs a date and a channel: import it with 'relance import consents'")
    return rest


def _order(row: Row, _: Reading) -> dict[str, Any]:
    row.needed("order_id")
    currency = row.needed("currency")
    if not (isinstance(currency, str) and currency.isascii() and currency.isalpha() and len(currency) == 3):  # noqa: PLR2004 ISO 4217
        raise BadRowError(row.column("currency"), "must be a currency's three letters, such as EUR")
    properties = {
        "order_id": row.value("order_id"),
        "cart_id": row.value("cart_id"),
        "checkout_id": row.value("checkout_id"),
        "total": row.amount("total"),
        "currency": currency.upper(),
        "products": _items(row),
    }
    return {
        "type": "track",
        "event": Name.ORDER_COMPLETED,
        "userId": _customer_id(row),
        "timestamp": _needed_moment(row, "at").isoformat(),
        "properties": {name: value for name, value in properties.items() if value is not None},
    }


def _items(row: Row) -> list[dict[str, Any]] | None:
    items = row.value("items")
    if isinstance(items, str):
        try:
            items = json.loads(items)
        except (ValueError, RecursionError):
            items = False
    if items is not None and not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
        raise BadRowError(row.column("items"), 'must be a JSON list, such as [{"product_id": "p-1", "quantity": 1}]')
    return items


def _consent(row: Row, _: Reading) -> dict[str, Any]:
    at = _needed_moment(row, "at").isoformat()
    purpose = _one_of(row, "purpose", Purpose) if row.value("purpose") else Purpose.MARKETING
    granted: dict[str, Any] = {"granted": row.agreed("granted"), "purpose": str(purpose), "at": at}
    if text := row.text("text"):
        granted["text"] = text
    return {
        "type": "identify",
        "userId": _customer_id(row),
        "timestamp": at,
        "traits": {"consent": {str(_one_of(row, "channel", Medium)): granted}},
    }


_SAID: Mapping[What, Callable[[Row, Reading], dict[str, Any]]] = {
    What.CUSTOMERS: _customer,
    What.ORDERS: _order,
    What.CONSENTS: _consent,
}


def suppressions(values: Mapping[str, Any], reading: Reading) -> list[Suppression]:
    """Read a row of suppressions: each address that it names.

    Raises:
        BadRowError: it cannot be read; it names the column and what would be right.

    """
    row = Row(values, COLUMNS[What.SUPPRESSIONS], reading.zone)
    country = row.text("country")
    told = {"email": Medium.EMAIL, "phone": Medium.SMS, "address": _channel(row)}
    found = [
        (channel, comparable(channel, address))
        for field, channel in told.items()
        if (address := _address(row, channel, field, country))
    ]
    if not found:
        raise BadRowError("address", "is missing")
    reason, at = row.text("reason") or "imported", row.moment("at")
    return [Suppression(channel, address, reason, at) for channel, address in found]


def _channel(row: Row) -> Medium:
    """Tell what the column ``address`` is for: the row says it, or the address shows it."""
    if row.value("channel") is not None:
        return _one_of(row, "channel", Medium)
    return Medium.EMAIL if "@" in (row.text("address") or "") else Medium.SMS


def _address(row: Row, channel: Medium, field: str, country: str | None = None) -> str | None:
    said = row.text(field)
    if said is None:
        return None
    # Shopify puts an apostrophe before the + so that a spreadsheet takes the number for text.
    address = usable(channel, said.removeprefix("'"), country)
    if address is None:
        raise BadRowError(row.column(field), _NOT_ADDRESSES.get(channel, _NOT_ADDRESSES[Medium.SMS]))
    return address


def _customer_id(row: Row) -> str:
    customer = row.needed("customer_id")
    if str(customer) == "0":
        raise BadRowError(row.column("customer_id"), "is 0, which stands for a guest: all guests would be one person")
    return customer  # type: ignore[no-any-return]  # parse says what an id may be


def _needed_moment(row: Row, field: str) -> datetime:
    row.needed(field)
    return row.moment(field) or EPOCH


def _one_of(row: Row, field: str, kind: type[Kind]) -> Kind:
    try:
        return kind(str(row.needed(field)).lower())
    except ValueError:
        raise BadRowError(row.column(field), f"must be one of {', '.join(kind)}") from None
