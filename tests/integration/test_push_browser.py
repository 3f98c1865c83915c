"""A push reaches a shop's service worker in a real browser, and a page subscribes with the person's consent."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession

from channels.base import Card, Outgoing
from channels.web_push import payload
from tests.integration.browsing import Visitor, for_api, visiting
from tests.support import PATIENCE, TestShop, until

DOCS = (Path(__file__).parents[2] / "docs" / "push.md").read_text()
[WORKER] = re.findall(r"^```js\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
[PAGE] = re.findall(r"^```html\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)

SUBSCRIPTION = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/abc",
    "expirationTime": None,
    "keys": {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}
PUSHED = Outgoing(
    send_id="s-1",
    to="",
    text="O teu cesto espera. 🙂",
    subject="Tent for two",
    link="https://shop.example.com/cart?c=1",
    cards=(Card("Tent", image="https://shop.example.com/tent.png"),),
)


async def at_the_shop(visitor: Visitor) -> None:
    """Open a page of the shop that holds what the documentation shows."""
    visitor.site.pages |= {"/": for_api(PAGE, visitor.api), "/relance-worker.js": for_api(WORKER, visitor.api)}
    await visitor.page.goto(visitor.site.url + "/")


async def registered(visitor: Visitor) -> tuple[CDPSession, str]:
    """Register the worker as the page does; give the browser's own id of it."""
    session = await visitor.context.new_cdp_session(visitor.page)
    known: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(told: dict[str, Any]) -> None:
        for registration in told["registrations"]:
            if not known.done():
                known.set_result(registration["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    await session.send("ServiceWorker.enable")
    await visitor.page.evaluate(
        "navigator.serviceWorker.register('/relance-worker.js').then(() => navigator.serviceWorker.ready).then(() => 1)"
    )
    return session, await asyncio.wait_for(known, PATIENCE.total_seconds())


SHOWN = """
async () => {
  const registration = await navigator.serviceWorker.ready;
  for (let tries = 0; tries < 200; tries++) {
    const shown = await registration.getNotifications();
    if (shown.length) return shown.map(({ title, body, tag, data, image }) => ({ title, body, tag, data, image }));
    await new Promise((done) => setTimeout(done, 50));
  }
  return [];
}
"""


async def test_a_push_is_shown_by_the_shops_service_worker(shop: TestShop, chromium: Browser) -> None:
    async with visiting(shop, chromium, permissions=["notifications"]) as visitor:
        await at_the_shop(visitor)
        session, registration = await registered(visitor)
        told = payload(replace(PUSHED, receipt=f"{visitor.api.url}/l/abcdefghij")).decode()
        pushed = {"origin": visitor.site.url, "registrationId": registration, "data": told}
        await session.send("ServiceWorker.deliverPushMessage", pushed)
        [shown] = await visitor.page.evaluate(SHOWN)
        assert (shown["title"], shown["body"], shown["tag"]) == ("Tent for two", "O teu cesto espera. 🙂", "s-1")
        assert shown["data"] == {"link": "https://shop.example.com/cart?c=1"}

        async def is_told() -> bool:
            return ("POST", "/l/abcdefghij") in [(r.method, r.target) for r in visitor.api.weather.requests]

        await until(is_told)


async def test_a_page_subscribes_on_a_click_and_tells_the_consent_with_its_words(
    shop: TestShop, chromium: Browser
) -> None:
    async with visiting(shop, chromium, permissions=["notifications"]) as visitor:
        # The push service that Chromium subscribes at is on the Internet: only its answer is put in place.
        await visitor.context.add_init_script(
            f"PushManager.prototype.subscribe = async (wanted) => {{ window.wanted = wanted;"
            f" return {{ toJSON: () => ({json.dumps(SUBSCRIPTION)}) }}; }}"
        )
        await at_the_shop(visitor)
        await visitor.page.click("#push")
        await visitor.page.wait_for_function("window.wanted")
        told = await visitor.until_told("identify")
        assert told["traits"]["consent"]["push"]["text"] == "Tell me here when something waits in my cart"
        assert told["anonymous_id"] == await visitor.page.evaluate("localStorage.relance")
        assert await visitor.page.evaluate("window.wanted.userVisibleOnly") is True
        kept = await shop.parts.pool.fetchval("select address from devices")
        assert SUBSCRIPTION["endpoint"] in kept


async def test_who_refuses_is_not_subscribed_and_nothing_is_told(shop: TestShop, chromium: Browser) -> None:
    async with visiting(shop, chromium) as visitor:
        await visitor.context.add_init_script("Notification.requestPermission = async () => 'denied'")
        await at_the_shop(visitor)
        assert await visitor.page.evaluate("relanceSubscribe('yes')") is None
        assert visitor.sent() == []


async def test_a_subscription_for_another_key_is_given_up(shop: TestShop, chromium: Browser) -> None:
    async with visiting(shop, chromium, permissions=["notifications"]) as visitor:
        await visitor.context.add_init_script(
            "window.given_up = 0; const old = { options: { applicationServerKey: new Uint8Array([1, 2, 3]).buffer },"
            " unsubscribe: async () => window.given_up++ };"
            " PushManager.prototype.getSubscription = async () => old;"
            " PushManager.prototype.subscribe = async (wanted) =>"
            f" ({{ toJSON: () => ({json.dumps(SUBSCRIPTION)}) }});"
        )
        await at_the_shop(visitor)
        await visitor.page.click("#push")
        await visitor.until_told("identify")
        assert await visitor.page.evaluate("window.given_up") == 1
        # "AQID" is how the old one's key is written: for the shop's own it stays.
        await visitor.page.evaluate("document.querySelector('[data-key]').dataset.key = 'AQID'")
        await visitor.page.click("#push")
        await visitor.until_told("identify", times=2)
        assert await visitor.page.evaluate("window.given_up") == 1
