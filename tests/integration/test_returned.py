"""What providers tell of messages and what people answer: signed, taken once, in any order."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from twilio.request_validator import RequestValidator

from journeys.facts import Channel
from storage import reading
from tests.integration.returning import INFOBIP, PUBLIC, TOKEN, Returning, calling_back
from tests.support import TestShop, cart_recovery
from tests.workflows.providers import PHONE, send


@pytest_asyncio.fixture
async def returning(shop: TestShop) -> AsyncIterator[Returning]:
    async with calling_back(shop) as providers:
        yield providers


async def one_sent(shop: TestShop) -> str:
    """Send a first message, and give its id."""
    await shop.identify()
    await shop.fill()
    assert (await send(shop)).outcome == "sent"
    send_id: str = await shop.parts.pool.fetchval("select send_id from sends")
    return send_id


async def row_of(shop: TestShop) -> dict[str, Any]:
    row = await shop.parts.pool.fetchrow("select state, delivered_at, failed_at, reason, cost from sends")
    assert row is not None
    return dict(row)


def report(send_id: str, group: str = "DELIVERED", at: str = "2026-01-01T10:00:00.000+0000") -> dict[str, Any]:
    status = {"id": 5, "groupName": group, "name": "X"}
    price = {"pricePerMessage": 0.065, "currency": "EUR"}
    return {"messageId": send_id, "to": "33639980001", "doneAt": at, "status": status, "price": price}


# Signatures


async def test_a_call_that_twilios_own_sdk_signed_is_taken_and_a_tampered_one_is_not(returning: Returning) -> None:
    send_id = await one_sent(returning.shop)
    query = f"?send_id={send_id}"
    fine = await returning.twilio("receipt", query, MessageSid="SM1", MessageStatus="delivered")
    assert (fine.status_code, fine.json()) == (200, {"taken": 1, "passed_over": 0})
    path = f"/v1/hooks/{returning.shop.shop}/twilio/receipt{query}"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    good = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{path}", form)
    for changed_path, changed_form, signature in (
        (path, {**form, "MessageStatus": "failed"}, good),
        (path, {**form, "More": "x"}, good),
        (path + "0", form, good),
        (path, form, "AAAA" + good[4:]),
        (path, form, ""),
        (path, form, "é"),
    ):
        headers = [(b"X-Twilio-Signature", signature.encode()), (b"Content-Type", b"application/x-www-form-urlencoded")]
        answer = await returning.api.post(changed_path, content=urlencode(changed_form), headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize("port", ["", ":443"])
async def test_twilio_may_sign_the_address_with_its_port_or_without(returning: Returning, port: str) -> None:
    path = f"/v1/hooks/{returning.shop.shop}/twilio/inbound"
    form = {"MessageSid": "SM1", "From": PHONE, "Body": "Hello"}
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{port}{path}", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    assert (await returning.api.post(path, content=urlencode(form), headers=headers)).status_code == 200


async def test_infobip_is_known_by_its_password_or_by_a_secret_in_the_address(returning: Returning) -> None:
    assert (await returning.infobip("receipt")).status_code == 200
    assert (await returning.infobip("receipt", secret="another")).status_code == 401
    path = f"/v1/hooks/{returning.shop.shop}/infobip/receipt"
    body: dict[str, Any] = {"results": []}
    assert (await returning.api.post(path, json=body)).status_code == 401
    assert (await returning.api.post(path, params={"token": INFOBIP}, json=body)).status_code == 200
    assert (await returning.api.post(path, params={"token": "x"}, json=body)).status_code == 401
    assert (await returning.api.post(path, headers={"Authorization": "Basic %%%"}, json=body)).status_code == 401
    assert (await returning.api.post("/v1/hooks/nobody/infobip/receipt", json=body)).status_code == 401
    assert (await returning.api.post(path.replace("infobip", "pigeon"), json=body)).status_code == 401


async def test_the_body_of_another_provider_is_a_clear_error_and_changes_nothing(returning: Returning) -> None:
    send_id = await one_sent(returning.shop)
    before = await row_of(returning.shop)
    wrong = await returning.twilio("receipt", results=str([report(send_id)]))
    assert wrong.status_code == 400
    assert wrong.json()["detail"] == "body: has no MessageStatus or no MessageSid"
    path = f"/v1/hooks/{returning.shop.shop}/infobip/receipt"
    for body in (b"MessageSid=1", b"[]", b'{"results": [1]}', b'{"results": [{}]}', b"\xff"):
        assert (await returning.api.post(path, content=body, auth=("r", INFOBIP))).status_code == 400
    assert await row_of(returning.shop) == before


# Receipts


async def test_a_receipt_of_a_send_that_we_never_made_is_counted_and_changes_nothing(returning: Returning) -> None:
    await one_sent(returning.shop)
    before = await row_of(returning.shop)
    answer = await returning.infobip("receipt", report("f" * 32), report("x\x00y"))
    assert answer.json() == {"taken": 0, "passed_over": 2}
    assert await row_of(returning.shop) == before


async def test_receipts_in_any_order_and_twice_give_the_same_row(returning: Returning) -> None:
    shop = returning.shop
    send_id = await one_sent(shop)
    said = [
        report(send_id, "DELIVERED", "2026-01-01T10:00:00.000+0000"),
        report(send_id, "UNDELIVERABLE", "2026-01-01T09:00:00.000+0000"),
        report(send_id, "PENDING", "2026-01-01T08:00:00.000+0000"),
        report(send_id, "DELIVERED", "2026-01-01T10:00:00.000+0000"),
    ]
    first = None
    for state in ("accepted", "unknown"):
        for order in itertools.permutations(said):
            await shop.parts.pool.execute("delete from seen where message_id like 'receipt:%'")
            await shop.parts.pool.execute("alter table sends disable trigger send_transition")
            await shop.parts.pool.execute(
                "update sends set state = $1, delivered_at = null, failed_at = null, reason = null, cost = null", state
            )
            await shop.parts.pool.execute("alter table sends enable trigger send_transition")
            for one in order:
                assert (await returning.infobip("receipt", one)).status_code == 200
            row = await row_of(shop)
            first = first or row
            assert row == first
    assert first is not None
    assert first["state"] == "accepted"
    assert first["delivered_at"] is not None
    assert first["failed_at"] is not None


async def test_an_unknown_send_is_accepted_once_its_provider_speaks_of_it(returning: Returning) -> None:
    shop = returning.shop
    send_id = await one_sent(shop)
    await shop.parts.pool.execute("alter table sends disable trigger send_transition")
    await shop.parts.pool.execute("update sends set state = 'unknown'")
    await shop.parts.pool.execute("alter table sends enable trigger send_transition")
    await returning.infobip("receipt", report(send_id))
    assert (await row_of(shop))["state"] == "accepted"
    # A receipt is not something that the person did.
    events = await shop.parts.pool.fetch("select name, customer_id from events where name like 'Message%'")
    assert [tuple(event) for event in events] == [("Message Delivered", "ann")]
    last = await shop.parts.pool.fetchval("select last_activity from customers where customer_id = 'ann'")
    assert last == shop.begins


@pytest.mark.parametrize(("error", "suppressed"), [("21610", True), ("30005", True), ("30003", False)])
async def test_a_number_that_will_never_work_is_suppressed(
    returning: Returning, error: str, *, suppressed: bool
) -> None:
    shop = returning.shop
    send_id = await one_sent(shop)
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": error}
    assert (await returning.twilio("receipt", f"?send_id={send_id}", **form)).status_code == 200
    read = await reading.situation(shop.parts.pool, (await shop.journey()).id, cart_recovery(), shop.begins)
    assert (Channel.SMS in read.suppressed) == suppressed
    assert (await row_of(shop))["reason"] == f"Twilio error {error}"


async def test_nobody_but_a_backend_can_make_a_receipt_up(returning: Returning) -> None:
    shop = returning.shop
    send_id = await one_sent(shop)
    forged = shop.event("Message Failed", send_id=send_id, suppress=True, reason="forged")
    await shop.take(forged)
    assert (await row_of(shop))["failed_at"] is None
    assert await shop.parts.pool.fetchval("select count(*) from suppressions") == 0


@pytest.mark.parametrize(
    ("reason", "price"), [({"code": 7}, "NaN"), (["gone"], "1e-20000"), (7, "-Infinity"), (None, "a lot")]
)
async def test_a_receipt_of_the_shops_own_backend_counts_whatever_it_gives_as_its_reason_and_price(
    shop: TestShop, reason: Any, price: str
) -> None:
    send_id = await one_sent(shop)
    told = shop.event("Message Failed", send_id=send_id, reason=reason, price=price)
    await shop.take(told.model_copy(update={"from_backend": True}))
    row = await row_of(shop)
    assert (row["failed_at"] is not None, row["reason"], row["cost"] in {None, 0}) == (True, None, True)
