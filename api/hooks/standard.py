"""Standard Webhooks (standardwebhooks.com): any other backend signs Segment messages, one or a batch."""

from __future__ import annotations

import hashlib
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.hooks.adapter import Adapter, Headers, Message, RefusedError, UnreadableError, read_object

_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_LONGEST_ID = 200


def verify(headers: Headers, body: bytes, secret: str) -> None:
    """Make sure that a secret signed id, timestamp and body within the last 5 minutes.

    Raises:
        RefusedError: it did not.

    """
    if not all(headers.get(name) for name in _SIGNED):
        raise RefusedError("unsigned")
    try:
        Webhook(secret).verify(body, {name: headers[name] for name in _SIGNED}, json_parse=False)
    except WebhookVerificationError as error:
        raise RefusedError("stale" if "timestamp" in str(error) else "signature") from None
    except ValueError:
        # The library does not look whether a signature is base64, or the body text.
        raise RefusedError("signature") from None


def heading(headers: Headers) -> str:
    """Give the webhook's id, which is signed; a digest of one that is too long to be kept."""
    name = headers["webhook-id"]
    if len(name) <= _LONGEST_ID and name.isprintable():
        return name
    return hashlib.sha256(name.encode()).hexdigest()


def messages(heading: str, body: bytes) -> list[Message]:
    """Give the messages; one without a ``messageId`` has the webhook's id, so that a delivery counts once.

    Raises:
        UnreadableError: the body is no JSON object, or its batch no list.

    """
    value = read_object(body)
    if "batch" not in value:
        return [_named(value, f"hook:{heading}")]
    batch = value["batch"]
    if not isinstance(batch, list):
        raise UnreadableError("batch: is not a list of messages")
    return [_named(message, f"hook:{heading}:{number}") for number, message in enumerate(batch)]


def _named(message: Any, name: str) -> Message:
    if not isinstance(message, dict):
        raise UnreadableError("batch: holds something that is no message")
    return {"messageId": name} | message


ADAPTER = Adapter("standard", verify, heading, messages)
