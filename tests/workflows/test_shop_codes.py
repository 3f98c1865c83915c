"""Offers whose codes the shop's own API gives: one for each step, asked for while nothing is locked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import shop_codes as asking
from activities.contracts import Revoked, SendInput, SendResult
from channels import signed
from journeys.facts import Channel
from journeys.offers import ASK_AGAIN_AFTER, MOST_TRIES, Offer
from journeys.play import first_stage
from journeys.question import Mode
from storage import commands, endpoints, offer_codes, offers, shop_codes, shops, story
from storage.endpoints import Kind
from storage.journeys import Journey
from tests.integration.calls import Keys
from tests.integration.loopback import Answer, Break, Loopback, Silence, closed_port, serving
from tests.integration.served import served
from tests.support import HOUR, MINUTE, Engine, TestShop, until
from tests.workflows.providers import CREATED, connect_twilio, sending
from tests.workflows.shop_api import ShopApi, offer_api, tell
from tests.workflows.test_gate import plan, publish

POLICY = {"valid_for": "24h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}, "codes": "shop"}
DAY = 24 * HOUR


def plan_with(**policy: Any) -> Any:
    send = {"message": "second", "channels": {"first": ["sms"]}, "offer": {**POLICY, **policy}}
    return plan(steps=[{"id": "first", "send": send}])


async def begin(shop: TestShop, cart: str = "c-1", **policy: Any) -> None:
    """Have a person fill a cart, of whom the plan offers free shipping with a code of the shop's own."""
    await publish(shop, plan_with(**policy))
    await shop.identify()
    await shop.fill(cart)


@pytest_asyncio.fixture
async def twilio(shop: TestShop) -> AsyncIterator[Loopback]:
    """A provider, so that the shop is out of sandbox mode."""
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        yield twilio


@pytest_asyncio.fixture
async def api(shop: TestShop, twilio: Loopback) -> AsyncIterator[ShopApi]:  # noqa: ARG001 no sandbox
    async with offer_api(shop) as api:
        yield api


async def send(shop: TestShop, after: timedelta = timedelta(0), cart: str = "c-1") -> SendResult:
    """Run the send of a cart's journey once, as a worker does some time after it was due."""
    order = SendInput(
        journey=(await shop.journey(cart)).id,
        stage=first_stage(plan_with(), shop.begins),
        at=shop.begins + after,
        channel=Channel.SMS,
    )
    result: SendResult = await ActivityEnvironment().run(sending(shop).send, order)
    return result


async def made(shop: TestShop) -> list[offers.Made]:
    return await offers.of_journey(shop.parts.pool, (await shop.journey()).id)


async def why_nothing(shop: TestShop, cart: str = "c-1") -> list[str | None]:
    told = await story.tell(shop.parts.pool, await shop.journey(cart))
    return [line.why for line in told if line.what == "first: no offer"]


async def revoke(shop: TestShop, after: timedelta = timedelta(0)) -> Revoked:
    """Run the revocations, as if some time had passed since the last."""
    await shop.parts.pool.execute("update shop_codes set tell_at = tell_at - $1::interval", after)
    found: Revoked = await ActivityEnvironment().run(shop.parts.shop_codes.revoke)
    return found


async def turn(shop: TestShop, mode: Mode) -> None:
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, mode=mode))


async def cancel(shop: TestShop) -> None:
    assert await commands.cancel(shop.parts.pool, (await shop.journey()).id, "the shop was called", shop.begins + HOUR)


# What is asked


async def test_the_message_has_the_code_and_the_offer_is_bound_to_its_cart_with_the_deadline_that_was_told(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    assert (await send(shop)).outcome == "sent"
    [offer] = await made(shop)
    assert (offer.code, offer.cart_id, offer.state) == ("SPRING-0", "c-1", "issued")
    assert "SPRING-0" in str(twilio.requests[0].body)
    [call] = api.calls
    assert datetime.fromisoformat(call.pop("deadline")) == offer.deadline
    assert call == {
        "type": "offer.wanted",
        "id": next(iter(api.codes)),
        "journey": (await shop.journey()).id,
        "step": "first",
        "customer": "ann",
        "cart": "c-1",
        "kind": "free_shipping",
        "amount": None,
        "currency": None,
        "product_id": None,
    }
    assert api.requests[0].headers["idempotency-key"] == api.requests[0].headers["webhook-id"] == call["id"]
    async with served(shop) as door, httpx.AsyncClient(base_url=door.url, auth=Keys("", door.api_key)) as checkout:
        assert (await checkout.get("/v1/offers/SPRING-0")).json()["state"] == "issued"


async def test_what_an_incentive_gives_is_told(shop: TestShop, api: ShopApi) -> None:
    off = {"kind": "item_amount", "amount": {"EUR": 5}, "from_price": {"EUR": 30}}
    await begin(shop, by_segment={"prospect": [off]})
    assert (await send(shop)).outcome == "sent"
    [call] = api.calls
    assert {name: call[name] for name in ("kind", "amount", "currency", "product_id")} == {
        "kind": "item_amount",
        "amount": "5",
        "currency": "EUR",
        "product_id": "p-1",
    }


async def test_a_message_that_may_not_go_out_asks_for_no_code(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await shop.identify(consent={"sms": False})
    assert (await send(shop)).outcome == "failed"
    assert api.calls == []


async def test_who_is_offered_nothing_has_no_code_asked_for(shop: TestShop, api: ShopApi) -> None:
    await begin(shop, by_segment={"customer": [{"kind": "free_shipping"}]})
    assert (await send(shop)).outcome == "sent"
    assert api.calls == []


async def test_in_sandbox_mode_the_code_is_relances_own(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await turn(shop, Mode.SANDBOX)
    assert (await send(shop)).outcome == "sent"
    [offer] = await made(shop)
    assert len(offer.code) == 10
    assert api.calls == []


# What is wrong with the API

TEN_KB = b'{"code": "' + b"A" * 10_000 + b'"}'
FAULTS: dict[str, tuple[Answer | Break | Silence, str]] = {
    "it is down": (Break(), "it could not be reached, or broke off"),
    "it fails": (Answer(500), "it answered HTTP 500"),
    "it is busy": (Answer(429, b"", {"Retry-After": "86400"}), "it answered HTTP 429"),
    "it redirects": (Answer(307, b"", {"Location": "http://127.0.0.1:1/"}), "it answered HTTP 307"),
    "it is silent": (Silence(), "it did not answer in time"),
    "it is cut off": (Break(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"code"'), "it could not be reached"),
    "it speaks no HTTP": (Break(b"SSH-2.0-OpenSSH\r\n"), "it could not be reached"),
    "its answer is empty": (Answer(200), "its answer holds no code"),
    "it is no JSON": (Answer(200, b"SPRING-1"), "its answer holds no code"),
    "it is a list": (Answer(200, b"[]"), "its answer holds no code"),
    "there is no code": (Answer(200, b"{}"), "its answer holds no code"),
    "it is a number": (Answer(200, b'{"code": 7}'), "its answer holds no code"),
    "it is empty": (Answer(200, b'{"code": ""}'), "its answer holds no code"),
    "it has a NUL": (Answer(200, rb'{"code": "A\u0000"}'), "its answer holds no code"),
    "it has a line break": (Answer(200, rb'{"code": "A\n"}'), "its answer holds no code"),
    "it has a half of a character": (Answer(200, rb'{"code": "\ud800"}'), "its answer holds no code"),
    "it is deep": (Answer(200, b"[" * 4000), "its answer holds no code"),
    "it has 65 characters": (Answer(200, b'{"code": "' + b"A" * 65 + b'"}'), "its answer holds no code"),
    "it has 10 KB": (Answer(200, TEN_KB), "its answer is longer than 4096 bytes"),
    "it is another's": (Answer(200, b'{"code": "TAKEN"}'), "it gave a code that somebody else has"),
    "another step waits with it": (Answer(200, b'{"code": "RESERVED"}'), "it gave a code that somebody else has"),
    "it is in a pool": (Answer(200, b'{"code": "POOLED"}'), "it gave a code that somebody else has"),
}


async def give_others_their_codes(shop: TestShop, journey: Journey) -> None:
    pool, offer = shop.parts.pool, Offer(kind="free_shipping", deadline=shop.begins + DAY)
    async with pool.acquire() as db:
        await offers.make(db, journey, "another-step", offer, shop.begins, "TAKEN")
    waiting = await shop_codes.begin(pool, journey, "first", offer)
    assert waiting is not None
    assert await shop_codes.keep(pool, waiting, "RESERVED")
    assert await offer_codes.add(pool, shop.shop, "spring", ["POOLED", "RESERVED", "TAKEN"]) == 1


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
async def test_an_api_that_fails_is_asked_a_few_times_and_the_message_goes_out_without_an_offer(
    shop: TestShop,
    api: ShopApi,
    twilio: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    fault: Answer | Break | Silence,
    reason: str,
) -> None:
    monkeypatch.setattr(signed, "CALL", timedelta(seconds=0.3))
    await begin(shop, "c-0")
    await give_others_their_codes(shop, await shop.journey("c-0"))
    await shop.fill("c-1")
    api.faults, api.stays = [fault], True
    waits = []
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(ApplicationError) as failed:
            await send(shop)
        waits.append(failed.value.next_retry_delay)
    assert waits == list(ASK_AGAIN_AFTER)
    assert (await send(shop)).outcome == "sent"
    assert (await send(shop)).outcome == "sent"
    assert len(api.requests) == MOST_TRIES
    assert len({(request.body, request.headers["webhook-id"]) for request in api.requests}) == 1
    assert await made(shop) == []
    [why] = await why_nothing(shop)
    assert why is not None
    assert why.startswith(f"the shop's API gave no code: {reason}")
    assert len(twilio.requests) == 1


@pytest.mark.usefixtures("twilio")
async def test_an_endless_body_is_not_waited_for(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "CALL", timedelta(seconds=0.5))
    await begin(shop)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        await tell(shop, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "whsec_" + "A" * 32)
        async with asyncio.timeout(5):
            with pytest.raises(ApplicationError, match="did not answer in time"):
                await send(shop)


@pytest.mark.usefixtures("twilio")
async def test_nobody_listens_and_the_message_goes_out_all_the_same(shop: TestShop) -> None:
    await begin(shop)
    with closed_port() as port:
        await tell(shop, f"http://127.0.0.1:{port}", "whsec_" + "A" * 32)
        for _ in range(MOST_TRIES - 1):
            with pytest.raises(ApplicationError):
                await send(shop)
        assert (await send(shop)).outcome == "sent"
    assert await why_nothing(shop) == ["the shop's API gave no code: it could not be reached, or broke off"]


async def test_a_message_that_another_try_would_make_late_goes_out_at_once(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    api.faults, api.stays = [Answer(500)], True
    assert (await send(shop, 48 * HOUR - timedelta(seconds=1))).outcome == "sent"
    assert api.asked == ["wanted"]


async def test_a_shop_that_gives_no_code_is_asked_once(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    api.faults = [Answer(200, b'{"code": null}')]
    assert (await send(shop)).outcome == "sent"
    assert await why_nothing(shop) == ["the shop's API gave no code: it gives none for this one"]


@pytest.mark.usefixtures("twilio")
async def test_a_shop_without_an_api_is_told_what_to_do(shop: TestShop) -> None:
    await begin(shop)
    assert (await send(shop)).outcome == "sent"
    [why] = await why_nothing(shop)
    assert why == "the shop's API gave no code: the shop has told of none: relance offer-api set"


# One code for a step


async def test_an_answer_that_was_lost_is_asked_for_again_and_is_the_same(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    api.loses = 1
    with pytest.raises(ApplicationError):
        await send(shop)
    assert (await send(shop)).outcome == "sent"
    assert [offer.code for offer in await made(shop)] == ["SPRING-0"]
    assert len(api.codes) == 1
    assert api.requests[0].body == api.requests[1].body


async def test_a_repetition_asks_for_nothing_anew(shop: TestShop, api: ShopApi, twilio: Loopback) -> None:
    await begin(shop)
    twilio.reply = Answer(429, b"{}")
    for _ in range(3):
        with pytest.raises(ApplicationError):
            await send(shop)
    twilio.reply = CREATED
    assert (await send(shop, MINUTE)).outcome == "sent"
    assert api.asked == ["wanted"]
    assert len({request.headers["webhook-id"] for request in api.requests}) == 1


async def test_a_message_that_goes_out_later_has_the_same_code_and_a_deadline_to_which_the_api_has_agreed(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    twilio.reply = Answer(429, b"{}")
    with pytest.raises(ApplicationError):
        await send(shop)
    twilio.reply = CREATED
    assert (await send(shop, 30 * HOUR)).outcome == "sent"
    [offer] = await made(shop)
    assert api.asked == ["wanted", "moved"]
    [kept] = api.codes.values()
    assert offer.code == kept["code"]
    assert offer.deadline == datetime.fromisoformat(kept["deadline"]) == shop.begins + 30 * HOUR + DAY


async def fail_to_move(shop: TestShop, api: ShopApi, twilio: Loopback, after: timedelta) -> None:
    """Have a message go out so much later than its code was given, while the API does not move the deadline."""
    await begin(shop)
    twilio.reply = Answer(429, b"{}")
    with pytest.raises(ApplicationError):
        await send(shop)
    twilio.reply = CREATED
    api.faults, api.stays = [Answer(500)], True
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(ApplicationError):
            await send(shop, after)
    assert (await send(shop, after)).outcome == "sent"


async def test_a_deadline_that_the_api_does_not_move_is_printed_as_it_was(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await fail_to_move(shop, api, twilio, 3 * HOUR)
    [offer] = await made(shop)
    assert offer.deadline == datetime.fromisoformat(api.calls[0]["deadline"])
    assert offer.code in str(twilio.requests[-1].body)


async def test_an_offer_whose_deadline_has_passed_and_was_not_moved_is_not_made(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await fail_to_move(shop, api, twilio, 25 * HOUR)
    assert "SPRING-0" not in str(twilio.requests[-1].body)
    assert await why_nothing(shop) == ["the shop's API let its code live no longer: it answered HTTP 500"]


async def test_nothing_is_locked_while_the_api_is_asked_and_an_order_that_comes_meanwhile_is_the_goal(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    api.release = asyncio.Event()
    under_way = asyncio.create_task(send(shop))
    await api.heard.wait()
    async with asyncio.timeout(2):
        await shop.order(MINUTE)
    api.release.set()
    assert (await under_way).outcome == "held"
    assert twilio.requests == []
    assert await made(shop) == []


# Taking codes back


async def test_cancelling_takes_the_code_back_and_the_api_hears_it_once(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    assert await revoke(shop) == Revoked(told=0, failed=0)
    assert await revoke(shop, MINUTE) == Revoked(told=1, failed=0)
    assert api.codes == {}
    assert api.calls[-1] == {"type": "offer.revoked", "id": api.calls[0]["id"], "code": "SPRING-0"}
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)


@pytest.mark.parametrize("fault", [Break(), Answer(500), Answer(302), Silence()], ids=str)
async def test_a_revocation_survives_an_outage(
    shop: TestShop, api: ShopApi, monkeypatch: pytest.MonkeyPatch, fault: Answer | Break | Silence
) -> None:
    monkeypatch.setattr(signed, "CALL", timedelta(seconds=0.3))
    await begin(shop)
    await send(shop)
    await cancel(shop)
    api.faults, api.stays = [fault], True
    assert await revoke(shop, MINUTE) == Revoked(told=0, failed=1)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=1)
    api.faults, api.stays = [], False
    assert await revoke(shop, HOUR) == Revoked(told=1, failed=0)
    assert api.codes == {}


async def test_a_revocation_whose_answer_is_lost_is_told_again(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    api.loses = 1
    assert (await revoke(shop, MINUTE)).failed == 1
    assert (await revoke(shop, HOUR)).told == 1
    first, second = api.requests[-2:]
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


@pytest.mark.parametrize("status", [404, 410])
async def test_an_api_that_knows_no_such_code_has_taken_it_back(shop: TestShop, api: ShopApi, status: int) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    api.faults = [Answer(status)]
    assert await revoke(shop, MINUTE) == Revoked(told=1, failed=0)


async def test_a_code_whose_answer_was_lost_is_taken_back_too(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    api.loses = 1
    with pytest.raises(ApplicationError):
        await send(shop)
    await cancel(shop)
    assert await revoke(shop, MINUTE) == Revoked(told=1, failed=0)
    assert (api.codes, api.calls[-1]["code"]) == ({}, None)


async def test_a_code_that_comes_after_the_cancel_is_taken_back_again(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    api.release = asyncio.Event()
    under_way = asyncio.create_task(send(shop))
    await api.heard.wait()
    await cancel(shop)
    api.release.set()
    assert (await under_way).outcome == "held"
    # As if the revocation had come first, and an API had given the code after all.
    kept = await shop_codes.of_step(shop.parts.pool, (await shop.journey()).id, "first")
    assert kept is not None
    assert await revoke(shop) == Revoked(told=1, failed=0)
    assert api.codes == {}
    assert twilio.requests == []


@pytest.mark.usefixtures("api")
async def test_a_code_that_was_used_stays(shop: TestShop) -> None:
    await begin(shop)
    await send(shop)
    [offer] = await made(shop)
    assert await offers.redeem(shop.parts.pool, shop.shop, offer.code, "o-1", shop.begins)
    await cancel(shop)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)


@pytest.mark.usefixtures("api")
async def test_a_journey_that_ends_otherwise_takes_nothing_back(shop: TestShop) -> None:
    await begin(shop)
    await send(shop)
    await shop.order(HOUR)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)


@pytest.mark.usefixtures("api")
async def test_a_shop_in_sandbox_mode_hears_of_a_revocation_when_it_leaves_that(shop: TestShop) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    await turn(shop, Mode.SANDBOX)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)
    await turn(shop, Mode.ALLOWLIST)
    assert await revoke(shop) == Revoked(told=1, failed=0)


async def test_a_shop_whose_api_is_down_holds_up_no_other(shop: TestShop, api: ShopApi, twilio: Loopback) -> None:
    other = TestShop(shop.parts)
    await other.open()
    async with offer_api(other) as theirs:
        await connect_twilio(other, twilio.url)
        for each in (shop, other):
            await begin(each)
            await send(each)
            await cancel(each)
        api.faults, api.stays = [Break()], True
        assert await revoke(shop, MINUTE) == Revoked(told=1, failed=1)
        assert theirs.codes == {}
        assert len(api.codes) == 1


# On the engine


async def test_temporal_tries_again_and_the_message_goes_out_with_the_code(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ASK_AGAIN_AFTER", (timedelta(milliseconds=10),) * (MOST_TRIES - 1))
    shop = engine.shop
    async with offer_api(shop) as api, serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        api.faults = [Answer(500), Break()]
        await begin(shop)
        await engine.deliver()
        await engine.finish()

        async def is_sent() -> bool:
            return bool(twilio.requests)

        await until(is_sent)
        assert api.asked == ["wanted"] * 3
        assert "SPRING-0" in str(twilio.requests[0].body)
        assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]
        assert await endpoints.get(shop.parts.pool, shop.shop, Kind.OFFER_API) is not None
