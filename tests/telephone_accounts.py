"""An account for each channel of the telephone, at each provider, for tests that all of them must pass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from channels import accounts
from channels.base import Card, Outgoing, Provider
from journeys.facts import Channel

SECRET = "secret-of-the-shop"
SID = "AC" + "a" * 32
REPORTS = "https://shop.example/v1/hooks/boutique/provider/receipt?token=t"
TO = "+33639980001"
MESSAGE = Outgoing(
    send_id="send-1",
    to=TO,
    text="Zoé, votre panier vous attend",
    subject="La Boutique",
    locale="fr-FR",
    country="FR",
    link="https://shop.example/cart?relance=abc",
    button="Voir mon panier",
    cards=(
        Card("Tente 2 places", "149,00 €", "https://cdn.example/tente.jpg", "https://shop.example/tente"),
        Card("Lampe", "2 x 25,00 €", "https://cdn.example/lampe.jpg"),
    ),
    expires_in=timedelta(hours=4),
)


@dataclass(frozen=True)
class TelephoneAccount:
    """A channel, and what an account says beside the login."""

    channel: Channel
    provider: str
    path: str
    says: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.provider} {self.channel}"

    def settings(self, base_url: str) -> str:
        """The account as JSON, for a provider at an address."""
        login = (
            {"api_key": SECRET, "report_url": REPORTS}
            if self.provider == "infobip"
            else {"account_sid": SID, "auth_token": SECRET, "status_callback": REPORTS}
        )
        return json.dumps({"provider": self.provider, "base_url": base_url, **login, **self.says})

    def connect(self, http: httpx.AsyncClient, base_url: str) -> Provider:
        """The account's client."""
        return accounts.read(self.channel, self.settings(base_url)).connect(http)


_MESSAGES = "/messages-api/1/messages"
_TWILIO = f"/2010-04-01/Accounts/{SID}"
INFOBIP = [
    TelephoneAccount(Channel.SMS, "infobip", "/sms/3/messages", {"sender": "Boutique"}),
    TelephoneAccount(Channel.MMS, "infobip", _MESSAGES, {"sender": "36105", "sms_sender": "Boutique"}),
    TelephoneAccount(Channel.RCS, "infobip", _MESSAGES, {"sender": "boutique_agent", "sms_sender": "Boutique"}),
    TelephoneAccount(Channel.WHATSAPP, "infobip", _MESSAGES, {"sender": "447491163862"}),
    TelephoneAccount(Channel.VOICE, "infobip", "/tts/3/advanced", {"caller": "+33939000001"}),
]
TWILIO = [
    TelephoneAccount(Channel.SMS, "twilio", f"{_TWILIO}/Messages.json", {"sender": "+33939000001"}),
    TelephoneAccount(Channel.MMS, "twilio", f"{_TWILIO}/Messages.json", {"sender": "+18005550100"}),
    TelephoneAccount(Channel.VOICE, "twilio", f"{_TWILIO}/Calls.json", {"caller": "+33939000001", "stop_url": REPORTS}),
]
