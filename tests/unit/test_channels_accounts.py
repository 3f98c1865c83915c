"""The settings of accounts: what they take, what they hide, and the clients they make."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from channels import accounts
from channels.accounts import write
from channels.infobip import InfobipAccount, InfobipSms
from channels.infobip_email import InfobipEmail, InfobipEmailAccount
from channels.infobip_push import InfobipPush, InfobipPushAccount
from channels.settings import AccountSettings
from channels.smtp import SmtpAccount, SmtpEmail, Tls
from channels.twilio import TwilioAccount, TwilioSms
from journeys.facts import Channel
from tests.internet_accounts import EMAIL, PUSH
from tests.telephone_accounts import INFOBIP as ON_INFOBIP
from tests.telephone_accounts import SECRET as TELEPHONE_SECRET
from tests.telephone_accounts import TWILIO as ON_TWILIO
from tests.telephone_accounts import TelephoneAccount

SECRET = "secret-of-the-shop"
INFOBIP = {"provider": "infobip", "base_url": "https://x.api.infobip.com", "api_key": SECRET, "sender": "Boutique"}
TWILIO = {
    "provider": "twilio",
    "account_sid": "AC" + "a" * 32,
    "auth_token": SECRET,
    "sender": "+33939000001",
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
SMS_BY_INFOBIP, MMS_BY_INFOBIP, _, WHATSAPP, CALLS_BY_INFOBIP = ON_INFOBIP
_, MMS_BY_TWILIO, CALLS_BY_TWILIO = ON_TWILIO


def read(settings: bytes | str) -> AccountSettings:
    """Read them for the channel that they are of."""
    channel = Channel.EMAIL if "host" in json.loads(settings) else Channel.SMS
    return accounts.read(channel, settings)


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


@pytest.mark.parametrize(
    ("account", "change"),
    [
        (SMS_BY_INFOBIP, {"sender": "A name that is too long"}),
        (SMS_BY_INFOBIP, {"report_url": "ftp://x"}),
        (SMS_BY_INFOBIP, {"transliterate": "perhaps"}),
        (MMS_BY_INFOBIP, {"sms_sender": ""}),
        (MMS_BY_TWILIO, {"sender": ""}),
        (WHATSAPP, {"sender": "Boutique"}),
        (WHATSAPP, {"languages": {"fr": 1}}),
        (WHATSAPP, {"languages": {"de": "de"}}),
        (CALLS_BY_INFOBIP, {"caller": "Boutique"}),
        (CALLS_BY_INFOBIP, {"caller": "0939000001"}),
        (CALLS_BY_INFOBIP, {"report_url": None}),  # nobody would hear who pressed the key that stops calls
        (CALLS_BY_TWILIO, {"stop_url": None}),
        (EMAIL, {"sender": "Boutique"}),
        (EMAIL, {"sender": "news@shop.example, b@x"}),
        (EMAIL, {"reply_to": "help"}),
        (EMAIL, {"host": "mail.shop.example"}),
        (PUSH, {"application_code": ""}),
        (PUSH, {"project_id": "boutique-app"}),
    ],
    ids=str,
)
def test_settings_of_an_account_that_could_not_work_are_refused(
    account: TelephoneAccount, change: dict[str, Any]
) -> None:
    settings = {**json.loads(account.settings("https://provider.example")), **change}
    with pytest.raises(ValidationError, match=next(iter(change))) as caught:
        accounts.read(account.channel, json.dumps(settings))
    assert TELEPHONE_SECRET not in str(caught.value)


@pytest.mark.parametrize("account", [*ON_INFOBIP, *ON_TWILIO, EMAIL, PUSH], ids=str)
def test_every_account_reads_back_the_same_and_shows_no_secret(account: TelephoneAccount) -> None:
    settings = accounts.read(account.channel, account.settings("https://provider.example"))
    assert accounts.read(account.channel, write(settings)) == settings
    assert TELEPHONE_SECRET.encode() in write(settings)
    assert TELEPHONE_SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "token=t" not in repr(settings)


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
        provider = read(json.dumps(settings)).connect(http)
    assert type(provider) is client
    assert (provider.name, provider.channel, provider.idempotent) == (name, channel, idempotent)


@pytest.mark.parametrize(
    ("account", "kind", "client", "idempotent"),
    [(EMAIL, InfobipEmailAccount, InfobipEmail, True), (PUSH, InfobipPushAccount, InfobipPush, False)],
    ids=["email", "app_push"],
)
async def test_infobip_is_a_provider_of_email_and_app_push(
    account: TelephoneAccount, kind: type, client: type, *, idempotent: bool
) -> None:
    settings = accounts.read(account.channel, account.settings("https://x.api.infobip.com"))
    async with httpx.AsyncClient() as http:
        provider = settings.connect(http)
    assert (type(settings), type(provider)) == (kind, client)
    assert (provider.name, provider.channel, provider.idempotent) == ("infobip", account.channel, idempotent)
