"""A shop's API for codes that fails: it is asked a few times, and the message goes out without an offer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from channels import signed
from journeys.offers import ASK_AGAIN_AFTER, MOST_TRIES, Offer
from storage import offer_codes, offers, shop_codes
from storage.journeys import Journey
from tests.integration.loopback import Answer, Break, Loopback, Silence, closed_port
from tests.support import HOUR, PATIENCE, TestShop
from tests.workflows.offering import DAY, api, begin, made, send, twilio, why_nothing
from tests.workflows.shop_api import ShopApi, tell

__all__ = ["api", "twilio"]

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
        async with asyncio.timeout(PATIENCE.total_seconds()):
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
