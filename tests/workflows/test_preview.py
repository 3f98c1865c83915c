"""What a preview tells is what the journey then does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from activities import preview
from api import app
from storage import shops
from tests.support import Engine, TestShop, cart_recovery, without_temporal
from tests.workflows.gated import allow, plan, publish


async def everything(shop: TestShop) -> list[Any]:
    """What stands in the tables that a send or an offer would change."""
    tables = ("sends", "offers", "outbox", "journeys", "journey_log", "sandbox_messages", "spend")
    return [await shop.parts.pool.fetchval(f"select count(*) from {table}") for table in tables]


@pytest.mark.parametrize("price", [40, 400])
async def test_the_journey_does_what_its_preview_told_at_the_moments_it_told(engine: Engine, price: float) -> None:
    shop = engine.shop
    await shop.identify()
    await shop.fill(price=price)
    before = await everything(shop)
    told = await preview.of_key(shop.parts.pool, shop.shop, cart_recovery(), "c-1", shop.begins)
    assert await everything(shop) == before
    assert told is not None
    await engine.deliver()
    await engine.finish()
    sent = await shop.parts.pool.fetch(
        "select step, channel, decided_at from sends where state = 'accepted' order by decided_at"
    )
    previewed = [
        (line.step, next(said.channel for said in line.channels if said.answer == "allowed"), line.at)
        for line in told
        if line.what == "sends"
    ]
    assert [(row["step"], row["channel"]) for row in sent] == [(step, channel) for step, channel, _ in previewed]
    for row, (_, _, at) in zip(sent, previewed, strict=True):
        assert abs(row["decided_at"] - at) < timedelta(minutes=1)
    assert told[-1].what == "ends"


async def test_a_preview_counts_what_the_plan_itself_sends_against_the_caps(shop: TestShop) -> None:
    twice: list[dict[str, Any]] = [
        {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}},
        {"id": "a-while", "wait": "1h"},
        {"id": "second", "send": {"message": "second", "channels": {"first": ["sms"]}}},
    ]
    await publish(shop, plan(steps=twice))
    await shop.identify()
    await shop.fill()
    told = await preview.of_key(shop.parts.pool, shop.shop, plan(steps=twice), "c-1", shop.begins)
    assert told is not None
    assert [(line.step, line.what) for line in told] == [
        ("first", "sends"),
        ("a-while", "waits"),
        ("second", "defers"),
        ("second", "sends"),
        (None, "ends"),
    ]
    deferred = told[2]
    assert deferred.until == shop.begins + timedelta(hours=24)
    assert deferred.channels[0].reason == "cap of 1 in 24h by sms is reached"


async def test_the_api_tells_the_answer_of_every_rule(shop: TestShop) -> None:
    await allow(shop)
    await shop.identify(consent={"sms": False, "email": True})
    journey = await shop.fill()
    secret = await shops.create_key(shop.parts.pool, shop.shop, "api", "")
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as api:
        answer = await api.post("/v1/plans/cart-recovery/preview", json={"cart_id": "c-1"})
        assert answer.status_code == 200
        sends = [line for line in answer.json()["steps"] if line["what"] == "sends"]
        *_, by_sms, by_email = sends[0]["channels"]
        assert (by_sms["answer"], by_sms["reason"]) == ("refused", "no consent to marketing by sms")
        assert by_email["answer"] == "allowed"
        said = {rule["rule"]: rule["answer"] for rule in by_sms["rules"]}
        assert said["permitted"] == "refused"
        assert said["journey_runs"] == "allowed"
        of_journey = (await api.get(f"/v1/journeys/{journey.id}")).json()["sending_rules"]
        assert {line["channel"]: line["answer"] for line in of_journey} == {
            "sms": "refused",
            "email": "allowed",
            "web_push": "refused",
            "app_push": "refused",
            "on_site": "refused",
        }

        assert (await api.post("/v1/plans/cart-recovery/preview", json={"cart_id": "x"})).status_code == 404
        assert (await api.post("/v1/plans/nothing/preview", json={"cart_id": "c-1"})).status_code == 404
        assert (await api.post("/v1/plans/cart-recovery/pause")).json()["paused"] is True
        lines = (await api.post("/v1/plans/cart-recovery/preview", json={"cart_id": "c-1"})).json()["steps"]
        assert "plan is paused" in str(lines)
        assert (await api.post("/v1/plans/cart-recovery/resume")).json()["paused"] is False
