"""The settings of accounts: what they take, what they hide, and the clients they make."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from channels.accounts import InfobipAccount, SmtpAccount, TwilioAccount, connect, read, write
from channels.infobip import InfobipSms
from channels.smtp import SmtpEmail, Tls
from channels.twilio import TwilioSms
from journeys.facts import Channel

SECRET = "secret-of-the-shop"
INFOBIP = {"provider": "infobip", "base_url": "https://x.api.infobip.com", "api_key": SECRET, "sender": "Boutique"}
TWILIO = {
    "provider": "twilio",
    "account_sid": "AC" + "a" * 32,
    "auth_token": SECRET,
    "sender": "+33700000000",
    "status_callback": "https://shop.example/receipt?token=t",
}
SMTP = {
    "provider": "smtp",
    "host": "mail.shop.example",
    "username": "shop",
    "password": SECRET,
    "sender": "news@shop.example",
}
ALL = [INFOBIP, TWILIO, SMTP]


def without(settings: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != field}


@pytest.mark.parametrize(
    ("settings", "model"), [(INFOBIP, InfobipAccount), (TWILIO, TwilioAccount), (SMTP, SmtpAccount)]
)
def test_the_provider_field_says_which_account_it_is(settings: dict[str, Any], model: type) -> None:
    assert type(read(json.dumps(settings))) is model


@pytest.mark.parametrize("settings", ALL)
def test_what_is_written_reads_back_the_same_with_its_secrets(settings: dict[str, Any]) -> None:
    account = read(json.dumps(settings))
    assert SECRET.encode() in write(account)
    assert read(write(account)) == account


@pytest.mark.parametrize("settings", ALL)
def test_no_secret_shows_unless_it_is_written_on_purpose(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    account = read(json.dumps(settings))
    logging.getLogger("test").error("%s %r", account, account)
    shown = caplog.text + f"{account!r} {account} {account.model_dump()} {account.model_dump_json()}"
    assert SECRET not in shown
    assert "token=t" not in repr(account)


@pytest.mark.parametrize("settings", ALL)
@pytest.mark.parametrize("change", [{"sender": None}, {"colour": SECRET}, {"sender": {"x": SECRET}}])
def test_an_error_names_the_field_and_quotes_no_secret(settings: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(json.dumps({**settings, **change}))
    assert next(iter(change)) in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "model"), [(INFOBIP, InfobipAccount), (TWILIO, TwilioAccount), (SMTP, SmtpAccount)]
)
def test_an_error_of_one_kind_of_account_quotes_no_secret_either(
    settings: dict[str, Any], model: type[InfobipAccount | TwilioAccount | SmtpAccount]
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(without(settings, "sender"))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("settings", [{"api_key": SECRET}, {"provider": "carrier pigeon", "api_key": SECRET}])
def test_an_unknown_provider_is_refused_without_quoting_a_secret(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(json.dumps(settings))
    assert "provider" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        (INFOBIP, {"base_url": "ftp://x"}),
        (INFOBIP, {"base_url": f"https://user:{SECRET}@x.api.infobip.com"}),
        (INFOBIP, {"base_url": "https://x.api.infobip.com?a=b"}),
        (INFOBIP, {"api_key": ""}),
        (INFOBIP, {"sender": ""}),
        (TWILIO, {"account_sid": "AC"}),
        (TWILIO, {"account_sid": "AC" + "a" * 30 + "/."}),
        (SMTP, {"host": "mail server"}),
        (SMTP, {"host": "mail..example"}),
        (SMTP, {"port": 0}),
        (SMTP, {"tls": "perhaps"}),
        (SMTP, {"sender": "news"}),
        (SMTP, {"sender": "news@shop.example, b@x"}),
        (SMTP, {"sender": "news@shop.example\r\nBcc: b@x"}),
        (SMTP, {"sender": "news@shop.example\n"}),
        (SMTP, {"sender": "été@shop.example"}),
        (SMTP, {"username": None}),
        (SMTP, {"password": None}),
        (SMTP, {"tls": "none"}),  # its password would be sent in the clear
    ],
)
def test_settings_that_could_not_work_are_refused(settings: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(json.dumps({**settings, **change}))
    assert SECRET not in str(caught.value)


def test_a_mail_server_without_login_needs_no_encryption() -> None:
    account = read(json.dumps({**without(without(SMTP, "username"), "password"), "tls": "none", "port": 25}))
    assert isinstance(account, SmtpAccount)
    assert account.tls is Tls.NONE


@pytest.mark.parametrize(
    ("settings", "client", "name", "channel", "idempotent"),
    [
        (INFOBIP, InfobipSms, "infobip", Channel.SMS, True),
        (TWILIO, TwilioSms, "twilio", Channel.SMS, False),
        (SMTP, SmtpEmail, "smtp", Channel.EMAIL, False),
    ],
)
async def test_an_account_makes_its_own_client(
    settings: dict[str, Any], client: type, name: str, channel: Channel, *, idempotent: bool
) -> None:
    async with httpx.AsyncClient() as http:
        provider = connect(read(json.dumps(settings)), http)
    assert type(provider) is client
    assert (provider.name, provider.channel, provider.idempotent) == (name, channel, idempotent)
