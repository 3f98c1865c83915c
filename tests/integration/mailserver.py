"""Mail servers on this machine: real ones, and ones that follow a script and break off at an exact moment."""

from __future__ import annotations

import asyncio
import email
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import aiosmtpd.smtp
from aiosmtpd.smtp import Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels.base import Outgoing
from channels.smtp import SmtpEmail, Tls

TO = "zoe.martin@example.com"
MESSAGE = Outgoing(send_id="send-1", to=TO, subject="Zoé, votre panier", text="Bonjour Zoé\n.\nÀ bientôt\n")
PASSWORD = "password-of-the-shop"


def client(port: int, **changes: Any) -> SmtpEmail:
    account: dict[str, Any] = {"host": "127.0.0.1", "port": port, "sender": "news@shop.example", "tls": Tls.NONE}
    return SmtpEmail(**{**account, **changes})


def names_nobody(reason: str) -> bool:
    return not any(part in reason for part in ("zoe", "Zoé", "panier", "Bonjour", PASSWORD))


@dataclass
class Mailbox:
    """A mail server's handler: it keeps what it takes, or answers as it is told."""

    at_mail: str | None = None
    at_rcpt: str | None = None
    at_data: str | None = None
    envelopes: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 the server's names
        self, _server: object, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_mail:
            return self.at_mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 the server's names
        self, _server: object, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.at_rcpt:
            return self.at_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, session: Session, envelope: Envelope) -> str:  # noqa: N802 its name
        if self.at_data:
            return self.at_data
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 2.0.0 OK"


def refusing(at: str, answer: str) -> Mailbox:
    mailbox = Mailbox()
    setattr(mailbox, at, answer)
    return mailbox


def newest(mailbox: Mailbox) -> EmailMessage:
    content = mailbox.envelopes[-1].content
    assert isinstance(content, bytes)
    mail = email.message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


@asynccontextmanager
async def mail_port(
    factory: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def mail_server(mailbox: Mailbox, *, utf8: bool = True, **options: Any) -> Callable[[], aiosmtpd.smtp.SMTP]:
    loop = asyncio.get_running_loop()
    return lambda: aiosmtpd.smtp.SMTP(mailbox, enable_SMTPUTF8=utf8, hostname="mx", loop=loop, **options)


@dataclass
class Script:
    """A server that answers each line as written, and stays silent or hangs up where the script ends."""

    answers: dict[str, str]
    hang_up: bool = True
    banner: str = "220 mx"
    pause: timedelta = timedelta(0)
    heard: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.banner}\r\n".encode())
        await self._follow(reader, writer)
        if self.hang_up:
            writer.transport.abort()
        else:
            await reader.read()

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (command := await self._next(reader)) in self.answers:
            await asyncio.sleep(self.pause.total_seconds())
            writer.write(f"{self.answers[command]}\r\n".encode())

    async def _next(self, reader: asyncio.StreamReader) -> str:
        """Read one command; after DATA it is the dot that ends the content."""
        if self.heard[-1:] == ["DATA"]:
            command = (await reader.readuntil(b"\r\n.\r\n"))[-3:].decode().strip()
        else:
            command = (await reader.readline()).decode().strip().split(" ")[0]
        self.heard.append(command)
        return command


DIALOGUE = {"EHLO": "250 mx", "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 go on", ".": "250 OK"}


def until(command: str, **changes: Any) -> Script:
    """Follow the usual dialogue and stop at a command."""
    commands = list(DIALOGUE)
    return Script({name: DIALOGUE[name] for name in commands[: commands.index(command)]}, **changes)


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
