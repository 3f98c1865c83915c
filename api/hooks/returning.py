"""What providers tell: how each signs it, and how its words read. One adapter for each."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from api.hooks import bounced, mailed
from api.hooks.adapter import Headers, RefusedError, UnreadableError, inner, read_object, rows, word
from channels import infobip_voice, twilio, twilio_voice
from channels.voices import STOP_DIGIT
from journeys.facts import Medium
from journeys.returns import Answer, Fate, Receipt, Unsubscribed

Told = Receipt | Answer | Unsubscribed
"""One word of a provider on what became of a message."""
_NUMBER = re.compile(r"\+?(\d{5,15})")


@dataclass(frozen=True)
class Call:
    """A request as it came.

    Attributes:
        url: as the provider called it: the public address, the path and the query.

    """

    url: str
    headers: Headers
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def form(self) -> list[tuple[str, str]]:
        """The body as a form.

        Raises:
            UnreadableError: it is none.

        """
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=1_000)
        except ValueError:
            raise UnreadableError("is no form") from None


@dataclass(frozen=True)
class Source:
    """One provider.

    Attributes:
        verify: makes sure that a secret signed the call; raises RefusedError.
        receipts: reads what became of messages, which key was pressed in a call, and who unsubscribed; raises
            UnreadableError.
        answers: reads what people wrote, or which key they pressed; raises UnreadableError.
        wants: what it is answered when it tells what people said, and of which type; None for what was taken, in JSON.

    """

    name: str
    verify: Callable[[Call, str], None]
    receipts: Callable[[Call], list[Told]]
    answers: Callable[[Call], list[Answer]]
    wants: tuple[str, str] | None = None


# Twilio: https://www.twilio.com/docs/usage/security and /docs/messaging/guides/webhook-request


def _verify_twilio(call: Call, token: str) -> None:
    given = call.headers.get("x-twilio-signature")
    if not given:
        raise RefusedError("unsigned")
    try:
        form = call.form
    except UnreadableError:
        raise RefusedError("signature") from None
    if not twilio.is_signed(call.url, form, given, token):
        raise RefusedError("signature")


_TWILIO_FATES = {
    "delivered": Fate.DELIVERED,
    "read": Fate.DELIVERED,
    "undelivered": Fate.FAILED,
    "failed": Fate.FAILED,
}
_TWILIO_NEVER = {"21211", "21610", "21614", "30005", "30006"}
"""Errors after which the number never works, by https://www.twilio.com/docs/api/errors; 30003 is a telephone off."""


_TWILIO_CALLS = {
    "completed": Fate.DELIVERED,
    "busy": Fate.FAILED,
    "no-answer": Fate.FAILED,
    "failed": Fate.FAILED,
    "canceled": Fate.FAILED,
}
"""By https://www.twilio.com/docs/voice/api/call-resource#call-status-values; the rest is on its way."""
_TWILIO_HEARS = "text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""It plays an error to whoever is on the line where it gets no TwiML; this one says nothing, and ends a call."""


def _twilio_receipts(call: Call) -> list[Told]:
    form = dict(call.form)
    if sid := form.get("CallSid"):
        return _twilio_call(call.query.get("send_id"), sid, form.get("CallStatus", ""))
    status, sid = form.get("MessageStatus") or form.get("SmsStatus"), form.get("MessageSid") or form.get("SmsSid")
    if not status or not sid:
        raise UnreadableError("has no MessageStatus or no MessageSid")
    fate = _TWILIO_FATES.get(status)
    if fate is None:
        # On its way: queued, sending, sent.
        return []
    send_id = call.query.get("send_id")
    if fate is Fate.DELIVERED:
        return [Receipt(send_id, sid, fate, None)]
    error = form.get("ErrorCode", "")
    reason = f"Twilio error {error}" if error.isdecimal() else "not delivered"
    return [Receipt(send_id, sid, fate, None, reason, suppress=error in _TWILIO_NEVER)]


def _twilio_call(send_id: str | None, sid: str, status: str) -> list[Told]:
    fate = _TWILIO_CALLS.get(status)
    if fate is None:
        return []
    return [Receipt(send_id, sid, fate, None, f"call was {status}" if fate is Fate.FAILED else None)]


def _twilio_answers(call: Call) -> list[Answer]:
    form = dict(call.form)
    if called := form.get("CallSid"):
        return [_pressed(called, form.get("To", ""), None)] if twilio_voice.pressed_stop(form) else []
    sid, sender = form.get("MessageSid"), form.get("From", "")
    if not sid or not sender:
        raise UnreadableError("has no MessageSid or no From")
    medium = Medium.WHATSAPP if sender.startswith("whatsapp:") else Medium.SMS
    number = _number(sender.removeprefix("whatsapp:"))
    return [Answer(sid, medium, number, form.get("Body", ""), None, answered="OptOutType" in form)]


# Infobip: https://www.infobip.com/docs/api/channels/sms


def _verify_password(call: Call, secret: str) -> None:
    given = call.query.get("token") or _password(call.headers.get("authorization"))
    if not given:
        raise RefusedError("unsigned")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise RefusedError("signature")


def _password(authorization: str | None) -> str | None:
    """Give the password of a Basic login, whoever logs in."""
    scheme, _, told = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(told, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return None


_INFOBIP_FATES = {
    "DELIVERED": Fate.DELIVERED,
    "UNDELIVERABLE": Fate.FAILED,
    "EXPIRED": Fate.FAILED,
    "REJECTED": Fate.FAILED,
}
_INFOBIP_MEDIA = {"SMS": Medium.SMS, "MMS": Medium.SMS, "RCS": Medium.SMS, "WHATSAPP": Medium.WHATSAPP}
"""By its Messages API; the rest are channels by which nobody was written."""
_DEAREST = 1_000
"""No message costs more; what says so says something else."""


def _infobip_receipts(call: Call) -> list[Told]:
    body = read_object(call.body)
    if "notificationType" in body:
        return [*mailed.tracked(body)]
    told: list[Told] = []
    for row in rows(body, "results"):
        told += filter(None, [_infobip_receipt(row)])
        if infobip_voice.pressed_stop(row):
            told.append(_pressed(word(row, "messageId") or "", word(row, "to") or "", _moment(word(row, "doneAt"))))
    return told


def _infobip_receipt(row: Mapping[str, Any]) -> Receipt | None:
    status, error = inner(row, "status"), inner(row, "error")
    send_id, group = word(row, "messageId"), word(status, "groupName")
    if send_id is None or group is None:
        raise UnreadableError("results: one has no messageId or no status.groupName")
    fate = _INFOBIP_FATES.get(group)
    if fate is None:
        return None
    failed = fate is Fate.FAILED
    return Receipt(
        send_id,
        None,
        fate,
        _moment(word(row, "doneAt")),
        f"Infobip status {word(status, 'id') or group}, error {word(error, 'id') or 'none'}" if failed else None,
        suppress=failed and mailed.is_never(row),
        price=_price(row),
    )


def _price(row: Mapping[str, Any]) -> Decimal | None:
    try:
        each, count = Decimal(str(inner(row, "price").get("pricePerMessage"))), Decimal(str(row.get("messageCount", 1)))
    except InvalidOperation:
        return None
    price = each * count
    return price if price.is_finite() and 0 <= price < _DEAREST else None


def _infobip_answers(call: Call) -> list[Answer]:
    """Read what people wrote, in the form of Infobip's SMS API or in that of its Messages API."""
    return [
        _infobip_message(row) if "content" in row else _infobip_sms(row)
        for row in rows(read_object(call.body), "results")
        if row.get("event", "MO") == "MO"
    ]


def _infobip_sms(row: Mapping[str, Any]) -> Answer:
    message_id, sender = word(row, "messageId"), word(row, "from")
    if message_id is None or sender is None:
        raise UnreadableError("results: one has no messageId or no from")
    return Answer(message_id, Medium.SMS, _number(sender), _text(row), _moment(word(row, "receivedAt")))


def _infobip_message(row: Mapping[str, Any]) -> Answer:
    message_id, sender, channel = word(row, "messageId"), word(row, "sender"), word(row, "channel")
    if message_id is None or sender is None:
        raise UnreadableError("results: one has no messageId or no sender")
    if channel not in _INFOBIP_MEDIA:
        raise UnreadableError(f"results: channel is none of {', '.join(_INFOBIP_MEDIA)}")
    said = next(filter(None, map(_text, rows(row, "content"))), "")
    return Answer(message_id, _INFOBIP_MEDIA[channel], _number(sender), said, _moment(word(row, "receivedAt")))


def _text(row: Mapping[str, Any]) -> str:
    """Give what was written, without the keyword that led it here; also what is written on a button or a picture."""
    text = row.get("cleanText") or row.get("text")
    return text if isinstance(text, str) else ""


def _no_answers(_call: Call) -> list[Answer]:
    raise UnreadableError("is no answer: mail is answered to the shop's own mailbox")


def _pressed(call_id: str, number: str, at: datetime | None) -> Answer:
    return Answer(call_id, Medium.VOICE, _number(number), f"pressed {STOP_DIGIT}", at, pressed_stop=True)


def _number(told: str) -> str:
    match = _NUMBER.fullmatch(told.strip())
    if match is None:
        raise UnreadableError("comes from what is no number")
    return f"+{match[1]}"


def _moment(told: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(told or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


SOURCES = {
    source.name: source
    for source in (
        Source("twilio", _verify_twilio, _twilio_receipts, _twilio_answers, _TWILIO_HEARS),
        Source("infobip", _verify_password, _infobip_receipts, _infobip_answers),
        Source("smtp", _verify_password, lambda call: [*bounced.receipts(call.body)], _no_answers),
    )
}
