"""E-mail by SMTP (RFC 5321), one connection for each message.

How far the dialogue came decides what its end means. Before the recipient is named, a refusal concerns the account;
from then on it concerns the message; and once DATA was begun, silence leaves it open whether the server took it.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

import aiosmtplib
import httpx
from pydantic import Field, SecretStr, model_validator

from channels.base import HTTP_TIMEOUT, Accepted, Outcome, Outgoing, Provider, Rejected, Released, Unknown
from channels.mails import from_field, is_mailbox, one_line, unsubscribing
from channels.settings import AccountSettings, AsciiAddress, HostName, Secret
from journeys.facts import Channel

_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b", re.ASCII)
"""RFC 3463. It is the one part of a server's text that surely names nobody."""
_LONGEST_FAREWELL = 1.0


class Tls(StrEnum):
    """How the connection is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class _Phase(StrEnum):
    """What a refusal concerns. The session lasts until the recipient is named, so MAIL FROM belongs to it."""

    SESSION = "the account"
    RECIPIENT = "the recipient"
    CONTENT = "the message"


class SmtpEmail:
    """A mail server's client. SMTP knows no repetition, so a lost answer is unknown.

    Args:
        host: the mail server.
        port: usually 587 with starttls, 465 with tls.
        sender: the address in From and in the envelope; ASCII.
        sender_name: the name beside it.
        reply_to: where answers go; to the sender without.
        bounces_to: the envelope's sender, to whom undeliverable mail is reported; the sender without.
        tls: how the connection is encrypted.
        username: for AUTH; None for a server that asks for none.
        password: for AUTH.
        timeout: for the whole dialogue.
        tls_context: which certificates are trusted; the system's by default.

    """

    name = "smtp"
    channel = Channel.EMAIL
    idempotent = False

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        sender_name: str = "",
        reply_to: str | None = None,
        bounces_to: str | None = None,
        tls: Tls = Tls.STARTTLS,
        username: str | None = None,
        password: SecretStr | None = None,
        timeout: timedelta = HTTP_TIMEOUT,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._sender_name = sender_name
        self._reply_to = reply_to
        self._bounces_to = bounces_to or sender
        self._domain = sender.rpartition("@")[2]
        self._tls = tls
        self._username = username
        self._password = password
        self._timeout = timeout
        self._tls_context = tls_context

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        if not is_mailbox(message.to):
            return Rejected("the address is not a mailbox")
        mail = self._compose(message)
        client = self._client()
        try:
            return await self._hand_over(client, message.to, mail)
        finally:
            client.close()

    async def _hand_over(self, client: aiosmtplib.SMTP, to: str, mail: EmailMessage) -> Outcome:
        content = mail.as_bytes()
        phase = _Phase.SESSION
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
                if not to.isascii() and not client.supports_extension("smtputf8"):
                    return Rejected("the mail server takes ASCII addresses only")
                await client.mail(self._bounces_to, options=[] if to.isascii() else ["SMTPUTF8"])
                phase = _Phase.RECIPIENT
                await client.rcpt(to, encoding="utf-8")
                phase = _Phase.CONTENT
                await client.data(content)
        except aiosmtplib.SMTPResponseException as answer:
            outcome = _refused(phase, answer)
        except (aiosmtplib.SMTPException, OSError):
            return _lost(phase)
        else:
            outcome = Accepted(mail["Message-ID"])
        await _quit(client)
        return outcome

    def _compose(self, message: Outgoing) -> EmailMessage:
        # Seven bits need no promise from the server; only an address beyond ASCII needs SMTPUTF8 (RFC 6531).
        mail = EmailMessage(policy=SMTP.clone(cte_type="7bit", utf8=not message.to.isascii()))
        mail["From"] = from_field(self._sender_name, self._sender)
        mail["To"] = message.to
        if message.subject is not None:
            mail["Subject"] = one_line(message.subject)
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{message.send_id}@{self._domain}>"
        for name, value in unsubscribing(message).items():
            mail[name] = value
        if self._reply_to is not None:
            mail["Reply-To"] = self._reply_to
        mail.set_content(message.text, charset="utf-8")
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html", charset="utf-8")
        return mail

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password.get_secret_value() if self._password else None,
            # To look this machine's own name up may take longer than the whole dialogue.
            local_hostname=self._domain,
            timeout=self._timeout.total_seconds(),
            use_tls=self._tls is Tls.TLS,
            start_tls=self._tls is Tls.STARTTLS,
            tls_context=self._tls_context,
        )


def _refused(phase: _Phase, answer: aiosmtplib.SMTPResponseException) -> Outcome:
    """Judge an answer by its class of RFC 5321, 4.2.1: 4yz is for now, 5yz for good."""
    code = str(answer.code)
    if found := _ENHANCED_CODE.match(answer.message):
        code += " " + found[0]
    match answer.code // 100, phase:
        case 4, _:
            return Released(f"the mail server defers {phase} ({code})")
        case 5, _Phase.SESSION:
            return Released(f"the mail server refuses {phase} ({code}): check the sender, the login and tls")
        case 5, _:
            return Rejected(f"the mail server refuses {phase} ({code})", suppress=_is_no_mailbox(phase, code))
        case _:
            return _lost(phase)


def _is_no_mailbox(phase: _Phase, code: str) -> bool:
    """Tell whether there is no such mailbox, or none any more: RFC 3463, X.1.1, X.1.2, X.1.3, X.1.6 and X.1.10."""
    return phase is _Phase.RECIPIENT and code.partition(" ")[2] in {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}


def _lost(phase: _Phase) -> Outcome:
    if phase is _Phase.CONTENT:
        return Unknown("the mail server did not say whether it took the message")
    if phase is _Phase.SESSION:
        return Released("no session with the mail server: if this lasts, check host, port, tls and the login")
    return Released("the connection to the mail server was lost before the message was sent")


async def _quit(client: aiosmtplib.SMTP) -> None:
    """Say goodbye. The outcome stands already, whatever the server makes of it."""
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=_LONGEST_FAREWELL)


class SmtpAccount(AccountSettings):
    """E-mail by SMTP. ``sender`` is the From address, ``sender_name`` the name beside it."""

    provider: Literal["smtp"] = "smtp"
    host: HostName
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = Tls.STARTTLS
    username: Annotated[str, Field(min_length=1)] | None = None
    password: Secret | None = None
    sender: AsciiAddress
    sender_name: str = ""
    reply_to: AsciiAddress | None = None
    bounces_to: AsciiAddress | None = None

    @model_validator(mode="after")
    def _login_is_whole_and_encrypted(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password, or neither")
        if self.password and self.tls is Tls.NONE:
            raise ValueError("a password needs tls: starttls or tls")
        return self

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account; SMTP needs no HTTP."""
        del http
        return SmtpEmail(
            host=self.host,
            port=self.port,
            sender=self.sender,
            sender_name=self.sender_name,
            reply_to=self.reply_to,
            bounces_to=self.bounces_to,
            tls=self.tls,
            username=self.username,
            password=self.password,
        )
