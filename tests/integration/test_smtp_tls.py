"""The mail client: encryption and login."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from channels.base import Accepted, Released
from channels.smtp import Tls
from tests.integration.mailserver import (
    MESSAGE,
    PASSWORD,
    Mailbox,
    client,
    mail_port,
    mail_server,
    names_nobody,
    self_signed,
)


@dataclass(frozen=True)
class Contexts:
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    folder = tmp_path_factory.mktemp("tls")
    certificate = self_signed(folder)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    return Contexts(server, ssl.create_default_context(cafile=certificate))


def authenticate(
    _server: object, _session: object, _envelope: object, _mechanism: str, data: LoginPassword
) -> AuthResult:
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


async def test_starttls_encrypts_the_mail(contexts: Contexts) -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox, tls_context=contexts.server, require_starttls=True)) as port:
        outcome = await client(port, tls=Tls.STARTTLS, tls_context=contexts.client).send(MESSAGE)
    assert isinstance(outcome, Accepted)
    assert mailbox.sessions[0].ssl is not None


async def test_tls_from_the_start_encrypts_the_mail(contexts: Contexts) -> None:
    async with mail_port(mail_server(Mailbox()), contexts.server) as port:
        outcome = await client(port, tls=Tls.TLS, tls_context=contexts.client).send(MESSAGE)
    assert isinstance(outcome, Accepted)


async def test_a_server_without_starttls_is_sent_nothing_where_starttls_is_asked_for() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        assert isinstance(await client(port, tls=Tls.STARTTLS).send(MESSAGE), Released)
    assert mailbox.envelopes == []


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.TLS])
async def test_a_certificate_that_nobody_vouches_for_is_sent_nothing(contexts: Contexts, tls: Tls) -> None:
    mailbox = Mailbox()
    wrapped = contexts.server if tls is Tls.TLS else None
    async with mail_port(mail_server(mailbox, tls_context=contexts.server), wrapped) as port:
        assert isinstance(await client(port, tls=tls).send(MESSAGE), Released)
    assert mailbox.envelopes == []


async def test_the_login_is_given_where_there_is_one(contexts: Contexts) -> None:
    mailbox = Mailbox()
    factory = mail_server(mailbox, tls_context=contexts.server, authenticator=authenticate, auth_required=True)
    async with mail_port(factory) as port:
        outcome = await client(
            port, tls=Tls.STARTTLS, tls_context=contexts.client, username="shop", password=SecretStr(PASSWORD)
        ).send(MESSAGE)
    assert isinstance(outcome, Accepted)
    assert mailbox.sessions[0].authenticated


async def test_a_wrong_password_releases_the_mail_and_tells_what_to_mend(contexts: Contexts) -> None:
    factory = mail_server(Mailbox(), tls_context=contexts.server, authenticator=authenticate, auth_required=True)
    async with mail_port(factory) as port:
        outcome = await client(
            port, tls=Tls.STARTTLS, tls_context=contexts.client, username="shop", password=SecretStr("wrong")
        ).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert "535" in outcome.reason
    assert "login" in outcome.reason


async def test_nothing_personal_and_no_secret_is_shown_or_logged(
    contexts: Contexts, caplog: pytest.LogCaptureFixture
) -> None:
    factory = mail_server(Mailbox(), tls_context=contexts.server, authenticator=authenticate, auth_required=True)
    async with mail_port(factory) as port:
        caplog.set_level("DEBUG")
        # The server of the test logs what it hears; only the client is in question.
        caplog.set_level("CRITICAL", "mail.log")
        provider = client(
            port, tls=Tls.STARTTLS, tls_context=contexts.client, username="shop", password=SecretStr(PASSWORD)
        )
        await provider.send(MESSAGE)
    assert names_nobody(caplog.text)
    assert PASSWORD not in repr(vars(provider))
