"""Pushes through the gate: to the app or to the browser, never to both at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from journeys.devices import Kind, Told
from journeys.facts import Channel
from messages import catalog
from storage import plans, reading, story
from tests.integration.served import served
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.gated import plan
from tests.workflows.providers import connect

APP = Told(kind=Kind.APP, address="token-1")
BROWSER = Told(kind=Kind.BROWSER, address='{"endpoint":"https://push.example/1","keys":{}}')
MESSAGES = """
first:
  push: {title: "{{ shop.name }}", text: "Your {{ cart.items[0].name }} is waiting"}
  sms: {text: "{{ shop.name }}: {{ cart.link }} STOP"}
"""
BOTH = ["app_push", "web_push"]


def by(*channels: str) -> Any:
    return plan(steps=[{"id": "first", "send": {"message": "first", "channels": {"first": list(channels)}}}])


async def publish(shop: TestShop, *channels: str) -> None:
    files = {f"{language}.yaml": MESSAGES for language in ("fr", "it", "pt", "en")}
    await plans.publish(shop.parts.pool, shop.shop, by(*channels), catalog.load(files).model_dump_json())


async def seen(shop: TestShop, device: Told, after: timedelta) -> None:
    event = shop.event("Product Viewed", after)
    await shop.take(event.model_copy(update={"device": device}))


@pytest.mark.parametrize(
    ("app_seen", "reached"), [(-HOUR, "app_push"), (-timedelta(days=20), "web_push"), (None, "web_push")]
)
async def test_a_push_goes_to_the_app_if_that_was_seen_lately_else_to_the_browser(
    engine: Engine, app_seen: timedelta | None, reached: str
) -> None:
    shop = engine.shop
    await publish(shop, *BOTH)
    await shop.identify(consent={"push": True})
    await seen(shop, BROWSER, -2 * HOUR)
    if app_seen is not None:
        await seen(shop, APP, app_seen)
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    assert await shop.sent() == [("first", reached)]
    kept = await shop.parts.pool.fetchrow("select address, subject, body from sandbox_messages")
    assert kept is not None
    assert kept["address"] == (APP if reached == "app_push" else BROWSER).address
    assert (kept["subject"], kept["body"]) == ("Test Shop", "Your Teapot is waiting")


async def test_a_plan_that_pushes_to_browsers_only_does_not_wait_for_an_app(shop: TestShop) -> None:
    await publish(shop, "web_push")
    await shop.identify(consent={"push": True})
    await seen(shop, APP, -HOUR)
    await seen(shop, BROWSER, -2 * HOUR)
    journey = await shop.fill()
    read = await reading.situation(shop.parts.pool, journey.id, by("web_push"), shop.begins)
    assert read.decide(by("web_push"), Channel.WEB_PUSH).allowed


async def test_a_push_for_which_the_shop_has_no_account_stands_before_none_for_which_it_has(shop: TestShop) -> None:
    await publish(shop, *BOTH)
    await shop.identify(consent={"push": True})
    await seen(shop, APP, -HOUR)
    await seen(shop, BROWSER, -2 * HOUR)
    journey = await shop.fill()
    key = "Hy7Dl7m1CGNxJlGTPNKeGCWUSz4TrJ0Cr7CSrDVE5pI"
    account = {"provider": "vapid", "private_key": key, "subject": "mailto:it@shop.example.com"}
    await connect(shop, Channel.WEB_PUSH, json.dumps(account))
    await shop.parts.pool.execute("update shops set mode = 'live'")
    read = await reading.situation(shop.parts.pool, journey.id, by(*BOTH), shop.begins)
    assert read.decide(by(*BOTH), Channel.WEB_PUSH).allowed
    assert read.decide(by(*BOTH), Channel.APP_PUSH).reason == "the person is reached by web_push"


async def test_without_consent_or_a_device_nothing_is_pushed(shop: TestShop) -> None:
    await publish(shop, *BOTH)
    await shop.identify(consent={"push": False})
    await seen(shop, APP, -HOUR)
    journey = await shop.fill()
    read = await reading.situation(shop.parts.pool, journey.id, by(*BOTH), shop.begins)
    assert read.decide(by(*BOTH), Channel.APP_PUSH).reason == "no consent to marketing by push"
    await shop.identify("bob", consent={"push": True})
    bobs = await shop.fill("c-2", person="bob")
    read = await reading.situation(shop.parts.pool, bobs.id, by(*BOTH), shop.begins)
    assert read.decide(by(*BOTH), Channel.APP_PUSH).reason == "no address for app_push"


async def test_the_devices_of_two_who_are_one_are_the_survivors(shop: TestShop) -> None:
    await publish(shop, *BOTH)
    await shop.identify(consent={"push": True})
    await seen(shop, BROWSER, -HOUR)
    alias = shop.event("page", person="bob")
    told = {"kind": "alias", "name": "alias", "previous_id": "ann", "from_backend": True}
    await shop.take(alias.model_copy(update=told))
    journey = await shop.fill(person="bob")
    read = await reading.situation(shop.parts.pool, journey.id, by(*BOTH), shop.begins)
    assert read.address(Channel.WEB_PUSH) == BROWSER.address


def until_delivered(*channels: str, **more: Any) -> Any:
    both = {"until_delivered": list(channels), "within": "1h"}
    later = {"id": "later", "wait": "24h"}
    return plan(steps=[{"id": "first", "send": {"message": "first", "channels": both, **more}}, later])


async def pushed(engine: Engine, *channels: str) -> None:
    """Let a push go out to the app of somebody who takes pushes in a browser, too."""
    shop = engine.shop
    files = {f"{language}.yaml": MESSAGES for language in ("fr", "it", "pt", "en")}
    words = catalog.load(files).model_dump_json()
    await plans.publish(shop.parts.pool, shop.shop, until_delivered(*channels), words)
    await shop.identify(consent={"push": True})
    await seen(shop, BROWSER, -2 * HOUR)
    await seen(shop, APP, -HOUR)
    await shop.fill()
    await engine.deliver()
    await engine.forward(MINUTE)
    assert await shop.sent() == [("first/app_push", "app_push")]


async def arrive(shop: TestShop) -> None:
    """Have the device tell that the push is there, twice."""
    code = await shop.parts.pool.fetchval("select code from sends where state = 'accepted'")
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as device:
        for _ in range(2):
            assert (await device.post(f"/l/{code}")).status_code == 204
        assert (await device.post("/l/nobodymadethis")).status_code == 404


@pytest.mark.parametrize("channels", [BOTH, BOTH[::-1]], ids=["app-first", "browser-first"])
async def test_the_other_push_goes_where_the_first_is_not_delivered_in_time(
    engine: Engine, channels: list[str]
) -> None:
    await pushed(engine, *channels)
    await engine.forward(58 * MINUTE)
    assert await engine.shop.sent() == [("first/app_push", "app_push")]
    await engine.forward(2 * MINUTE)
    assert await engine.shop.sent() == [("first/app_push", "app_push"), ("first/web_push", "web_push")]
    await engine.finish()
    told = await story.tell(engine.shop.parts.pool, await engine.shop.journey())
    assert any("first: 1h to arrive" in (line.why or "") for line in told)


async def test_the_other_push_does_not_go_where_the_first_has_arrived(engine: Engine) -> None:
    await pushed(engine, *BOTH)
    await arrive(engine.shop)
    journey = await engine.finish()
    assert await engine.shop.sent() == [("first/app_push", "app_push")]
    told = [line.what for line in await story.tell(engine.shop.parts.pool, journey) if line.kind == "send"]
    assert told == ["first/app_push by app_push: accepted", "first/app_push by app_push: delivered"]


async def test_an_order_ends_the_wait_for_a_push_to_arrive(engine: Engine) -> None:
    await pushed(engine, *BOTH)
    await engine.shop.order(30 * MINUTE)
    await engine.deliver()
    assert (await engine.finish()).outcome == "converted"
    assert await engine.shop.sent() == [("first/app_push", "app_push")]


async def test_after_pushes_that_do_not_arrive_an_sms_goes_out_and_what_refuses_it_is_kept(engine: Engine) -> None:
    await pushed(engine, *BOTH, "sms")
    await engine.finish()
    ledger = {(step, state): reason for step, _, state, reason in await engine.shop.ledger()}
    assert ledger["first/web_push", "accepted"] is None
    assert ledger["first/sms", "refused"] == "no consent to marketing by sms"


def test_a_mail_does_not_tell_whether_it_arrived() -> None:
    with pytest.raises(ValidationError, match="email can only be the last channel"):
        until_delivered("email", "sms")


async def test_an_accounts_client_is_kept_with_its_token_until_the_account_is_changed(shop: TestShop) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"provider": "fcm", "project_id": "shop-app", "client_email": "p@shop.example.com", "private_key": pem}
    providers = shop.parts.providers
    await connect(shop, Channel.APP_PUSH, json.dumps(account))
    [first] = await providers.accounts(shop.shop, Channel.APP_PUSH)
    assert await providers.accounts(shop.shop, Channel.APP_PUSH) == [first]
    assert first.name == "fcm"
    await connect(shop, Channel.APP_PUSH, json.dumps({**account, "project_id": "other-app"}))
    [second] = await providers.accounts(shop.shop, Channel.APP_PUSH)
    assert second is not first
