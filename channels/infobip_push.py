"""App push by Infobip: ``POST /push/3/messages`` of its Mobile Push API v3."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
from pydantic import Field

from channels.base import Accepted, Asked, Outcome, Outgoing, Provider, Rejected
from channels.infobip_api import InfobipApi, InfobipLogin, validity
from channels.rich import shortened
from journeys.facts import Channel

LONGEST_TITLE = 50
LONGEST_TEXT = 4_000


class InfobipPush:
    """Infobip's client. That it recognises a repeated push is promised nowhere, so none is repeated.

    The address is the app's registration at Infobip (``pushRegistrationId``), which Infobip's own library in the app
    tells; a token of FCM is none.

    Args:
        api: with a key that has the scope ``mobile-app-messaging:send``.
        application_code: the code or the id of the app's profile at Infobip.
        report_url: where Infobip reports what became of a message.

    """

    name = "infobip"
    channel = Channel.APP_PUSH
    idempotent = False

    def __init__(self, api: InfobipApi, *, application_code: str, report_url: str | None = None) -> None:
        self._api = api
        self._application_code = application_code
        self._report_url = report_url

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over. A title or a text that is too long is shortened."""
        return await self._api.send("/push/3/messages", self._body(message), message.send_id)

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up by our id. Infobip has no logs of pushes, but reports, each of which it gives out once."""
        return await self._api.look_up("/push/3/reports", asked.send_id)

    def _body(self, message: Outgoing) -> dict[str, Any]:
        told = {"send_id": message.send_id, **({"link": message.link} if message.link else {})}
        options: dict[str, Any] = {"customPayload": told}
        if message.expires_in is not None:
            options["validityPeriod"] = validity(message.expires_in)
        said: dict[str, Any] = {
            "sender": self._application_code,
            "destinations": [
                {"type": "REGISTRATION", "pushRegistrationId": message.to, "messageId": message.send_id},
            ],
            "content": _content(message),
            "options": options,
        }
        if self._report_url:
            said["webhooks"] = {"delivery": {"url": self._report_url}}
        return {"messages": [said]}


def _content(message: Outgoing) -> dict[str, Any]:
    content = {"type": "TEXT", "text": shortened(message.text, LONGEST_TEXT)}
    if message.subject:
        content["title"] = shortened(message.subject, LONGEST_TITLE)
    image = message.cards[0].image if message.cards else None
    return {**content, "type": "IMAGE", "url": image} if image else content


class InfobipPushAccount(InfobipLogin):
    """App push by Infobip.

    Attributes:
        application_code: the code or the id of the app's profile at Infobip.

    """

    application_code: Annotated[str, Field(min_length=1, max_length=100)]

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipPush(self.api(http), application_code=self.application_code, report_url=self.reports)
