"""What mail servers report: bounces (RFC 3464) and complaints (RFC 5965), each the mail that it came as."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from api.hooks.adapter import UnreadableError
from journeys.returns import Fate, Receipt

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,300}>")
_OURS = re.compile(r"<([a-z0-9-]{1,64})@")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)
NO_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
"""RFC 3463: there is no such mailbox or domain, or none any more."""
_COMPLAINTS = {"abuse", "fraud", "virus", "other", "opt-out"}
"""RFC 5965, 7.3; ``not-spam`` takes a complaint back, which no address is opened again for."""


def receipts(body: bytes) -> list[Receipt]:
    """Read a report. What is none, such as an answer while somebody is away, tells nothing.

    Whose message it is about, its own Message-ID tells, which only those know who were sent it or handed it on.

    Raises:
        UnreadableError: it is no mail, or nothing tells which message it is about.

    """
    try:
        parts = list(message_from_bytes(body).walk())
        said = next((word for part in parts if (word := _word(part)) is not None), None)
        message_id = next(_message_ids(parts), None) if said else None
    except (ValueError, LookupError, RecursionError):
        raise UnreadableError("is no mail that can be read") from None
    if said is None:
        return []
    if message_id is None:
        raise UnreadableError("has no Message-ID of the message that it is about")
    ours = _OURS.match(message_id)
    return [Receipt(ours[1] if ours else None, message_id, said.fate, None, said.reason, suppress=said.suppress)]


@dataclass(frozen=True)
class _Word:
    fate: Fate
    reason: str | None = None
    suppress: bool = False


def _word(part: Message) -> _Word | None:
    """Tell what a part of a report says; None where it is no such part, or says that the message is on its way."""
    match part.get_content_type():
        case "message/delivery-status":
            return next((word for fields in _blocks(part) if (word := _delivery(fields)) is not None), None)
        case "message/feedback-report":
            kind = _field(next(_blocks(part), part), "Feedback-Type")
            return _Word(Fate.COMPLAINED, f"complaint: {kind}", suppress=True) if kind in _COMPLAINTS else None
    return None


def _delivery(fields: Message) -> _Word | None:
    action = _field(fields, "Action")
    if action == "delivered":
        return _Word(Fate.DELIVERED)
    if action != "failed":
        # By RFC 3464, 2.3.3, it is delayed, relayed or expanded: on its way.
        return None
    status = _STATUS.match(_field(fields, "Status"))
    code = status[0] if status else ""
    return _Word(Fate.FAILED, f"bounced ({code})" if code else "bounced", suppress=code in NO_MAILBOX)


def _blocks(part: Message) -> Iterator[Message]:
    """Give the fields of a report, for each recipient of their own."""
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))
    elif isinstance(payload, str):
        yield message_from_bytes(payload.encode("ascii", "replace"))


def _field(fields: Message, name: str) -> str:
    return str(fields.get(name, "")).strip().lower()


def _message_ids(parts: list[Message]) -> Iterator[str]:
    """Give the Message-IDs of the message that came back, whole or its headers alone."""
    for part in parts[1:]:
        match part.get_content_type():
            case "message/rfc822" if isinstance(whole := part.get_payload(), list):
                returned = whole[0]
            case "text/rfc822-headers" if isinstance(headers := part.get_payload(decode=True), bytes):
                returned = message_from_bytes(headers)
            case _:
                continue
        if isinstance(returned, Message) and (found := _MESSAGE_ID.fullmatch(str(returned["Message-ID"]).strip())):
            yield found[0]
