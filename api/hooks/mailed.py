"""What Infobip tells of e-mails beside its delivery reports, and which of its reports say that an address is no good.

Its specification of ``receive-email-tracking-reports`` and ``receive-email-delivery-reports`` names the fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from api.hooks.adapter import UnreadableError, inner, word
from api.hooks.bounced import NO_MAILBOX
from channels.infobip_api import OF_THE_ACCOUNT
from journeys.returns import Fate, Receipt, Unsubscribed

_ANSWER = re.compile(r"\s*[245]\d\d[ -]([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
"""What a mail server answered, with its status of RFC 3463."""
_ACCOUNT = frozenset(map(str, OF_THE_ACCOUNT))
_OF_THE_SENDER = "EC_SENDER"
"""Begins the names of errors such as EC_SENDER_ADDRESS_INVALID, which are permanent until the shop mends them."""


def tracked(body: Mapping[str, Any]) -> list[Receipt | Unsubscribed]:
    """Read one tracking report. What was opened or clicked is not asked for, and tells nothing.

    Raises:
        UnreadableError: it names no message.

    """
    send_id = word(body, "messageId")
    if send_id is None:
        raise UnreadableError("has no messageId")
    match body.get("notificationType"):
        case "COMPLAINED":
            return [Receipt(send_id, None, Fate.COMPLAINED, None, "complaint", suppress=True)]
        case "LATE_BOUNCE":
            return [Receipt(send_id, None, Fate.FAILED, None, "bounced late")]
        case "UNSUBSCRIBED":
            return [Unsubscribed(send_id)]
    return []


def is_never(row: Mapping[str, Any]) -> bool:
    """Tell whether a report of a failure says that nothing will ever reach the address.

    ``permanent`` says that this very message will fail again, which may be the fault of the sender or of the account.
    What the person's mail server answered is more exact.
    """
    error, status = inner(row, "error"), inner(row, "status")
    if answered := _ANSWER.match(word(inner(row, "smtp"), "response") or ""):
        return answered[1] in NO_MAILBOX
    if word(status, "id") in _ACCOUNT or (word(error, "name") or "").startswith(_OF_THE_SENDER):
        return False
    return error.get("permanent") is True
