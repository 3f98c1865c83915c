"""A shop's pages, as the documentation shows them, and a visitor who looks at them in Chromium."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.integration.loopback import Answer, Request, listening, read_request, say
from tests.integration.served import Served, served
from tests.support import TestShop, until

DOCS = Path(__file__).parents[2] / "docs" / "capture.md"
PRODUCT, CHECKOUT = re.findall(r"^```html\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
AGREED = "cookies", "agreed"
"""The cookie by which the shop of the documentation notes that cookies are agreed to."""
LAST = "Last Word"
"""The name of an event by which a test knows that all before it has come."""


@dataclass
class Site:
    """The shop's own server, on another origin than Relance: its pages, and the requests that it heard."""

    pages: dict[str, str]
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; any page that there is not says thank you."""
        request = await read_request(reader)
        self.requests.append(request)
        page = self.pages.get(request.target.partition("?")[0], "<title>Thank you</title>")
        kind = "text/javascript" if request.target.endswith(".js") else "text/html"
        await say(Answer(200, page.encode(), {"Content-Type": f"{kind}; charset=utf-8"}), reader, writer)


@dataclass
class Visitor:
    """Somebody at the shop: what they see, and what became known of it.

    Attributes:
        complaints: what the page threw, and what the script warned of in the console.
        failures: what the script said of sends that did not arrive.

    """

    shop: TestShop
    api: Served
    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def agreed(self) -> None:
        """Have agreed to cookies on an earlier visit."""
        await self.has_cookie(*AGREED)

    async def has_cookie(self, name: str, value: str) -> None:
        """Have a cookie of the shop's."""
        await self.context.add_cookies([{"name": name, "value": value, "url": self.site.url}])

    async def open(self, path: str) -> None:
        """Go to a page; when this returns, its script has come."""
        await self.page.goto(self.site.url + path)
        await self.page.wait_for_function("!Array.isArray(window.relance)")

    async def tick(self, box: str) -> None:
        """Click a box, as a person does; when this returns, the script has seen it."""
        await self.page.click(f"[name={box}]")
        await self.page.evaluate("new Promise((done) => setTimeout(done))")

    async def type(self, name: str, text: str) -> None:
        """Type into a field and leave it."""
        await self.page.click(f"input[name={name}]", click_count=3)
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Tab")

    async def call(self, *call: Any) -> None:
        """Call the script as a page does."""
        await self.page.evaluate("(call) => relance.push(call)", call)

    async def stored(self) -> list[Any]:
        """Everything that the browser keeps for the shop."""
        cookies = [cookie.get("name") for cookie in await self.context.cookies()]
        kept = await self.page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
        return [name for name in cookies if name != AGREED[0]] + list(kept)

    def sent(self) -> list[dict[str, Any]]:
        """Every message that left the browser, whether it arrived or not."""
        posts = [r for r in self.api.weather.requests if r.target == "/v1/capture"]
        assert {r.method for r in posts} <= {"POST"}, "the browser need not ask first"
        return [message for r in posts for message in json.loads(r.body)["batch"]]

    async def events(self) -> list[dict[str, Any]]:
        """What is in Postgres, in the order in which it came."""
        rows = await self.shop.parts.pool.fetch("select content from events order by received_at")
        return [row["content"] for row in rows]

    async def names(self) -> list[str]:
        """The names of what is in Postgres."""
        return [event["name"] for event in await self.events()]

    async def until_told(self, name: str, times: int = 1) -> dict[str, Any]:
        """Wait until an event is in Postgres, and give the last of that name."""

        async def is_told() -> bool:
            return (await self.names()).count(name) >= times

        await until(is_told)
        return [event for event in await self.events() if event["name"] == name][-1]

    async def until_all_is_told(self) -> list[str]:
        """Wait until what the script had to tell before this is in Postgres; give the names of it."""
        said = (await self.names()).count(LAST)
        await self.call("track", LAST)
        await self.until_told(LAST, times=said + 1)
        return [name for name in await self.names() if name != LAST]


@asynccontextmanager
async def visiting(shop: TestShop, browser: Browser, **context: Any) -> AsyncIterator[Visitor]:
    """A visitor of a shop whose pages are those of the documentation, and who speaks Portuguese."""
    async with served(shop) as api:
        site = Site({path: for_api(page, api) for path, page in (("/tent", PRODUCT), ("/checkout", CHECKOUT))})
        async with listening(site.serve) as port:
            site.url = f"http://localhost:{port}"
            opened = await browser.new_context(locale="pt-BR", timezone_id="America/Sao_Paulo", **context)
            try:
                visitor = Visitor(shop, api, site, opened, await opened.new_page())
                visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
                visitor.page.on("console", lambda message: _note(visitor, message))
                visitor.page.on("dialog", lambda dialog: visitor.complaints.append(dialog.message))
                visitor.page.on("popup", lambda popup: visitor.complaints.append(popup.url))
                yield visitor
            finally:
                await opened.close()


def for_api(page: str, api: Served) -> str:
    """Put the real address and the real key into a page of the documentation."""
    return page.replace("https://relance.example.com", api.url).replace("write_…", api.write_key)


def _note(visitor: Visitor, message: ConsoleMessage) -> None:
    if message.text.startswith("relance:"):
        (visitor.failures if message.type == "debug" else visitor.complaints).append(message.text)
