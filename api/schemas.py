"""What messages look like, as JSON Schemas for the OpenAPI document.

They describe what ``journeys.events.parse`` takes and are not used to check anything: each event is judged there, on
its own, with sentences of our own. Not said here, since no schema can: an event is at most 32 KB, holds no NUL
character, and lies at most 5 minutes in the future.
"""

from __future__ import annotations

from typing import Any

from journeys.cart import CART_EVENTS
from journeys.events import MAX_ID, Name
from journeys.facts import Medium, Purpose

Schema = dict[str, Any]

MAX_BATCH = 5_000


def ref(name: str) -> Schema:
    """Point to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


_ID: Schema = {"type": ["string", "integer"], "minLength": 1, "maxLength": MAX_ID, "pattern": r"\S"}
_ID_OR_NULL = {**_ID, "type": ["string", "integer", "null"]}
_ID_OR_EMPTY: Schema = {"type": ["string", "integer", "null"], "maxLength": MAX_ID, "pattern": r"^$|\S"}
_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time", "minLength": 1}
_MONEY: Schema = {
    "type": ["number", "string", "null"],
    "minimum": 0,
    "maximum": 10**12,
    "pattern": r"^[0-9]{1,12}(\.[0-9]{1,4})?$",
    "description": "In the currency's main unit; a string where digits must not be lost.",
}
_CURRENCY: Schema = {
    "type": ["string", "null"],
    "pattern": "^[A-Za-z]{3}$",
    "minLength": 3,
    "maxLength": 3,
    "description": "ISO 4217",
}
_TEXT = {"type": ["string", "null"]}

_PERSON = {"anyOf": [{"required": [by], "properties": {by: _ID}} for by in ("userId", "anonymousId")]}
_COMMON: Schema = {
    "messageId": {**_ID_OR_EMPTY, "description": "The same message may be sent again, and counts once."},
    "userId": _ID_OR_EMPTY,
    "anonymousId": _ID_OR_EMPTY,
    "timestamp": {**_MOMENT, "description": "When it happened; now, where it is missing."},
    "originalTimestamp": _MOMENT,
    "sentAt": {**_MOMENT, "description": "The sender's clock when it sent: only the difference is then trusted."},
    "context": {"type": "object", "properties": {"locale": {"type": "string"}, "timezone": {"type": "string"}}},
    "writeKey": {"type": "string", "description": "Where there is no Authorization header."},
}
_ABOUT: Schema = {"cart_id": _ID_OR_NULL, "checkout_id": _ID_OR_NULL, "order_id": _ID_OR_NULL}
_OF_A_CART: Schema = {**_ABOUT, "cart_url": {"type": "string", "format": "uri"}, "currency": _CURRENCY}
_ITEM: Schema = {
    "product_id": {"type": ["string", "integer"], "minLength": 1, "minimum": 1},
    "sku": {"type": ["string", "integer"], "minLength": 1, "minimum": 1},
    "name": _TEXT,
    "category": _TEXT,
    "price": _MONEY,
    "cost": _MONEY,
    "quantity": {"type": "integer", "minimum": 0, "maximum": 10**6, "default": 1},
    "url": _TEXT,
    "image_url": _TEXT,
}
_NAMED = {"anyOf": [{"required": ["product_id"]}, {"required": ["sku"]}]}


def _message(kind: str, describe: str, fields: Schema, *needed: str) -> Schema:
    properties = {"type": {"const": kind}, **_COMMON, **fields}
    message: Schema = {"type": "object", "description": describe, "properties": properties, **_PERSON}
    return message | ({"required": list(needed)} if needed else {})


def _track(describe: str, event: Schema, properties: Schema, *more: str) -> Schema:
    return _message("track", describe, {"event": event, "properties": properties}, "event", *more)


def _one_of(*names: Name) -> Schema:
    return {"type": "string", "enum": [name.value for name in names]}


_PRODUCT = _track(
    "Adds a line to a cart, or takes pieces off it.",
    _one_of(Name.PRODUCT_ADDED, Name.PRODUCT_REMOVED),
    {"type": "object", "properties": {**_OF_A_CART, **_ITEM}, **_NAMED},
    "properties",
)
_CART = _track(
    "With products, the cart holds exactly these from now on.",
    _one_of(Name.CART_VIEWED, Name.CART_UPDATED, Name.CHECKOUT_STARTED),
    {
        "type": "object",
        "properties": {
            **_OF_A_CART,
            "discount": _MONEY,
            "tax": _MONEY,
            "products": {"type": "array", "items": ref("Item")},
        },
    },
)
_ORDER = _track(
    "Completes the cart that it names; without cart_id, every cart that the person opened before.",
    _one_of(Name.ORDER_COMPLETED),
    {
        "type": "object",
        "properties": {**_OF_A_CART, "order_id": _ID, "total": _MONEY},
        "required": ["order_id"],
    },
    "properties",
)
_OTHER = _track(
    "Any other event is kept, and counts as activity of the person unless the shop did it.",
    {
        "type": "string",
        "maxLength": MAX_ID,
        "pattern": r"\S",
        "not": {"enum": sorted(CART_EVENTS | {Name.ORDER_COMPLETED})},
    },
    {"type": ["object", "null"], "properties": _ABOUT},
)
_WORD: Schema = {
    "granted": {"type": "boolean"},
    "purpose": {"type": "string", "enum": [purpose.value for purpose in Purpose]},
    "text": _TEXT,
    "at": _MOMENT,
}
_CONSENT_WORD: Schema = {"type": "object", "properties": _WORD, "required": ["granted"]}
_CONSENT: Schema = {
    "description": "A person's word on a channel; marketing is meant where no purpose is given.",
    "anyOf": [
        {"type": "boolean"},
        _CONSENT_WORD,
        {"type": "array", "items": _CONSENT_WORD, "minItems": 1, "description": "One word for each purpose."},
    ],
}
_CAPTURED_NO: Schema = {
    "type": "object",
    "properties": {**_WORD, "granted": {"const": False}},
    "required": ["granted"],
}
_CAPTURED_YES: Schema = {
    "type": "object",
    "properties": {
        **_WORD,
        "granted": {"const": True},
        "text": {"type": "string", "pattern": r"\S"},
        "at": {"type": "string", "format": "date-time"},
        "page": {"type": "string", "pattern": "^https?://."},
    },
    "required": ["granted", "text", "at", "page"],
}
_CAPTURED_CONSENT: Schema = {
    "description": "As Consent; a yes brings its proof: the words beside the box, when it was ticked, on which page.",
    "anyOf": [
        {"const": False},
        _CAPTURED_NO,
        _CAPTURED_YES,
        {"type": "array", "items": {"anyOf": [_CAPTURED_NO, _CAPTURED_YES]}, "minItems": 1},
    ],
}


def _consents(word: str) -> Schema:
    return {"type": "object", "additionalProperties": ref(word)}


_TRAITS: Schema = {
    "type": ["object", "null"],
    "properties": {
        "email": _TEXT,
        "phone": _TEXT,
        "firstName": _TEXT,
        "locale": _TEXT,
        "country": _TEXT,
        "timezone": _TEXT,
        "consent": _consents("Consent"),
    },
}
_FREE = {"type": ["object", "null"]}
_VIEW: Schema = {"name": _ID_OR_EMPTY, "properties": {**_FREE, "properties": _ABOUT}}


def _batch(*messages: str, needed: tuple[str, ...] = ()) -> Schema:
    message = {"type": "object", "required": ["type"], "anyOf": [ref(name) for name in messages]}
    properties = {
        "batch": {"type": "array", "maxItems": MAX_BATCH, "items": message},
        "sentAt": _COMMON["sentAt"],
        "context": _COMMON["context"],
        "writeKey": _COMMON["writeKey"],
    }
    return {"type": "object", "properties": properties, "required": ["batch", *needed]}


COMPONENTS: dict[str, Schema] = {
    "Item": {"type": "object", "description": "A line of a cart.", "properties": _ITEM, **_NAMED},
    "Consent": _CONSENT,
    "ConsentByChannel": {
        "type": "object",
        "description": "As traits.consent of an identify.",
        "properties": {medium.value: ref("Consent") for medium in Medium},
        "additionalProperties": False,
        "minProperties": 1,
    },
    "ProductEvent": _PRODUCT,
    "CartEvent": _CART,
    "OrderEvent": _ORDER,
    "OtherEvent": _OTHER,
    "TrackMessage": {"anyOf": [ref(name) for name in ("ProductEvent", "CartEvent", "OrderEvent", "OtherEvent")]},
    "IdentifyMessage": _message("identify", "What is known of a person.", {"traits": _TRAITS}),
    "PageMessage": _message("page", "A person looked at a page.", _VIEW),
    "ScreenMessage": _message("screen", "A person looked at a screen of an app.", _VIEW),
    "GroupMessage": _message("group", "What a person belongs to.", {"groupId": _ID, "traits": _FREE}, "groupId"),
    "AliasMessage": _message("alias", "A person was known by another id.", {"previousId": _ID}, "previousId"),
    "CapturedConsent": _CAPTURED_CONSENT,
    "CapturedIdentify": _message(
        "identify",
        "What a visitor typed beside a box that they ticked.",
        {"traits": {**_TRAITS, "properties": {**_TRAITS["properties"], "consent": _consents("CapturedConsent")}}},
    ),
    "Batch": _batch("TrackMessage", "IdentifyMessage", "PageMessage", "ScreenMessage", "GroupMessage", "AliasMessage"),
    "Captured": _batch("TrackMessage", "CapturedIdentify", "PageMessage", needed=("writeKey",)),
}
"""By name, for the document's ``components``."""
