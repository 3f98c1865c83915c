"""A shop's own API for codes that listens here. Its brain is the example that docs/offer-codes.md shows."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from channels.signed import Endpoint
from relance import hook_commands
from storage import endpoints
from storage.endpoints import Kind
from tests.integration.loopback import Answer, Break, Request, Silence, listening, read_request, say
from tests.support import TestShop

PAGE = Path(__file__).parents[2] / "docs" / "offer-codes.md"


def example() -> dict[str, Any]:
    """Run the page's Python, and give what it defines."""
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(source, defined)
    return defined


@dataclass
class ShopApi:
    """The API: what it has been asked, and what is wrong with its next answers.

    Attributes:
        faults: said one after the other in place of answers; the last one for good where ``stays`` is true.
        loses: it does what it is asked, and the next answers are lost.
        release: it has heard a call, and answers when it is told to.

    """

    secret: str
    url: str = ""
    shop: dict[str, Any] = field(default_factory=example)
    requests: list[Request] = field(default_factory=list)
    faults: list[Answer | Break | Silence] = field(default_factory=list)
    stays: bool = False
    loses: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event | None = None

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The bodies of all calls."""
        return [json.loads(request.body) for request in self.requests]

    @property
    def asked(self) -> list[str]:
        """The types of all calls."""
        return [call["type"].removeprefix("offer.") for call in self.calls]

    @property
    def codes(self) -> dict[str, dict[str, Any]]:
        """The codes that are good, by our ids."""
        codes: dict[str, dict[str, Any]] = self.shop["codes"]
        return codes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        request = await read_request(reader)
        self.requests.append(request)
        self.heard.set()
        if self.release is not None:
            await self.release.wait()
        if self.faults:
            return await say(self.faults[0] if self.stays else self.faults.pop(0), reader, writer)
        said = self.shop["answer"](self.secret, request.headers, request.body)
        if self.loses:
            self.loses -= 1
            return await say(Break(), reader, writer)
        return await say(Answer(200, json.dumps(said).encode()), reader, writer)


async def tell(shop: TestShop, url: str, secret: str) -> None:
    """Have Relance know where a shop's API is."""
    settings = Endpoint.model_validate({"url": url, "secret": secret})
    box = shop.parts.secret.endpoint(Kind.OFFER_API)
    await endpoints.save(shop.parts.pool, shop.shop, Kind.OFFER_API, box.encrypt(settings.write()))


@asynccontextmanager
async def offer_api(shop: TestShop) -> AsyncIterator[ShopApi]:
    """Run a shop's API, of which Relance knows."""
    api = ShopApi(hook_commands.new_secret())
    async with listening(api.serve) as port:
        api.url = f"http://127.0.0.1:{port}/codes"
        await tell(shop, api.url, api.secret)
        yield api
