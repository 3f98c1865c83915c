"""Which accounts each channel can have: the one list of the providers that Relance speaks to."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

from channels.fcm import FcmAccount
from channels.infobip import InfobipAccount
from channels.infobip_email import InfobipEmailAccount
from channels.infobip_messages import InfobipMmsAccount, InfobipRcsAccount, InfobipWhatsappAccount
from channels.infobip_push import InfobipPushAccount
from channels.infobip_voice import InfobipVoiceAccount
from channels.settings import REVEAL, AccountSettings
from channels.smtp import SmtpAccount
from channels.twilio import TwilioAccount, TwilioMmsAccount
from channels.twilio_voice import TwilioVoiceAccount
from channels.web_push import WebPushAccount
from journeys.facts import Channel

_QUIET = ConfigDict(hide_input_in_errors=True)


def _one_of(accounts: Any) -> TypeAdapter[Any]:
    """Read whichever account the field ``provider`` names. Its errors quote nothing, as those of one account do not."""
    return TypeAdapter(Annotated[accounts, Field(discriminator="provider")], config=_QUIET)


ACCOUNTS: dict[Channel, TypeAdapter[Any]] = {
    Channel.SMS: _one_of(InfobipAccount | TwilioAccount),
    Channel.MMS: _one_of(InfobipMmsAccount | TwilioMmsAccount),
    Channel.RCS: TypeAdapter(InfobipRcsAccount),
    Channel.WHATSAPP: TypeAdapter(InfobipWhatsappAccount),
    Channel.VOICE: _one_of(InfobipVoiceAccount | TwilioVoiceAccount),
    Channel.EMAIL: _one_of(InfobipEmailAccount | SmtpAccount),
    Channel.WEB_PUSH: TypeAdapter(WebPushAccount),
    Channel.APP_PUSH: _one_of(FcmAccount | InfobipPushAccount),
}
"""What reads the accounts of each channel."""


def read(channel: Channel, settings: bytes | str) -> AccountSettings:
    """Read an account's settings, as JSON.

    Raises:
        pydantic.ValidationError: naming the fields. Its text quotes no value, but ``errors()`` does unless it is
            called with ``include_input=False``.
        ValueError: the channel needs no account.

    """
    if channel not in ACCOUNTS:
        raise ValueError(f"{channel} needs no account: Relance shows it itself")
    account: AccountSettings = ACCOUNTS[channel].validate_json(settings)
    return account


def write(account: AccountSettings) -> bytes:
    """Write an account's settings as JSON that ``read`` takes. Its secrets are plain: encrypt it at once."""
    return account.model_dump_json(context=REVEAL).encode()
