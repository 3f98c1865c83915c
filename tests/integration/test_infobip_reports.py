"""What Infobip reports of e-mails and pushes, taken by the door for receipts: it moves the ledger's row."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from infobip_api_client.models.email_webhook_dlr_report_response import EmailWebhookDLRReportResponse

from api.hooks import mailed
from api.hooks.adapter import UnreadableError
from journeys.facts import Channel, Medium
from storage import hooks, reading, shops
from tests.integration.returning import INFOBIP, Returning, calling_back
from tests.support import TestShop, cart_recovery
from tests.workflows.providers import EMAIL

MAIL, PUSH = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
APP = "5e2ae8b4-9d5c-4b5e-8a53-0a7f0d6f5b41"
HARD = {"id": 6034, "name": "EC_SUPPRESSED_BOUNCE", "groupId": 1, "groupName": "HANDSET_ERRORS", "permanent": True}
SENDER = {**HARD, "id": 6012, "name": "EC_SENDER_ADDRESS_INVALID"}
SOFT = {**HARD, "id": 6011, "name": "EC_SOFT_BOUNCE", "permanent": False}
FINE = {"id": 0, "name": "NO_ERROR", "groupId": 0, "groupName": "OK", "permanent": False}


@pytest_asyncio.fixture
async def returning(shop: TestShop) -> AsyncIterator[Returning]:
    """A shop whose e-mail and whose push Infobip took."""
    await shop.identify()
    await shop.fill()
    journey = await shop.journey()
    for send_id, channel, address in ((MAIL, Channel.EMAIL, EMAIL), (PUSH, Channel.APP_PUSH, APP)):
        await shop.parts.pool.execute(
            "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, decided_at,"
            " sent_at, provider, provider_id, address)"
            " values ($1, $2, $3, 1, $4, 'ann', 'c-1', $3, 'claimed', now(), now(), 'infobip', $1, $5)",
            send_id,
            journey.id,
            channel,
            shop.shop,
            address,
        )
    async with calling_back(shop) as providers:
        yield providers


def report(send_id: str, group: str, error: dict[str, Any], status: int = 4, **more: Any) -> dict[str, Any]:
    """A report, as Infobip sends it of an e-mail; of a push it has ``messageCount`` in place of ``smsCount``."""
    return {
        "bulkId": "b",
        "price": {"pricePerMessage": 0.0025, "currency": "EUR"},
        "status": {"id": status, "groupId": 2, "groupName": group, "name": "X", "description": "of a message"},
        "error": error,
        "messageId": send_id,
        "doneAt": "2026-03-10T10:00:00.256+0000",
        "smsCount": 1,
        "sentAt": "2026-03-10T10:00:00.000+0000",
        "to": EMAIL if send_id == MAIL else APP,
        **more,
    }


def tracking(kind: str, send_id: str = MAIL) -> dict[str, Any]:
    """A tracking report, of which there is one in a call."""
    return {
        "notificationType": kind,
        "eventId": "8d2f8781-91fc-4473-9b0a-b12b51fafbe6",
        "domain": "shop.example",
        "recipient": EMAIL,
        "sendDateTime": 1704106800000,
        "messageId": send_id,
        "bulkId": "b",
    }


async def tracked(returning: Returning, body: Any, secret: str = INFOBIP) -> httpx.Response:
    path = f"/v1/hooks/{returning.shop.shop}/infobip/receipt"
    return await returning.api.post(path, json=body, auth=("relance", secret))


async def row_of(shop: TestShop, send_id: str) -> tuple[str, bool, bool, str | None]:
    """Give the state, whether it was delivered, whether it failed, and why."""
    row = await shop.parts.pool.fetchrow(
        "select state, delivered_at is not null, failed_at is not null, reason from sends where send_id = $1", send_id
    )
    assert row is not None
    return tuple(row)


async def suppressed(shop: TestShop) -> list[tuple[str, str, bool]]:
    rows = await shop.parts.pool.fetch("select channel, address, marketing_only from suppressions")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("send_id", [MAIL, PUSH], ids=["email", "app_push"])
async def test_a_delivery_moves_the_row(returning: Returning, send_id: str) -> None:
    told = report(send_id, "DELIVERED", FINE, 5, smtp={"response": "250 2.0.0 OK"})
    for _ in range(2):
        assert (await returning.infobip("receipt", told)).json() == {"taken": 1, "passed_over": 0}
    assert await row_of(returning.shop, send_id) == ("accepted", True, False, None)
    cost = await returning.shop.parts.pool.fetchval("select cost from sends where send_id = $1", send_id)
    assert cost == Decimal("0.0025")
    assert await suppressed(returning.shop) == []


@pytest.mark.parametrize(
    ("send_id", "address"), [(MAIL, ("email", EMAIL, False)), (PUSH, ("push", APP, False))], ids=["email", "app_push"]
)
async def test_a_permanent_failure_suppresses_the_address(
    returning: Returning, send_id: str, address: tuple[str, str, bool]
) -> None:
    await returning.infobip("receipt", report(send_id, "UNDELIVERABLE", HARD))
    assert await row_of(returning.shop, send_id) == ("accepted", False, True, "Infobip status 4, error 6034")
    assert await suppressed(returning.shop) == [address]


@pytest.mark.parametrize(
    ("error", "status", "answer"),
    [
        (SOFT, 4, None),
        (SENDER, 4, None),  # else one wrong setting would suppress all customers
        (HARD, 12, None),  # no credit
        (HARD, 13, None),  # the sender is blocklisted
        (HARD, 4, "550 5.7.1 looks like spam"),
        (HARD, 4, "552 5.2.2 mailbox full"),
    ],
    ids=str,
)
async def test_a_failure_that_is_no_fault_of_the_address_suppresses_nothing(
    returning: Returning, error: dict[str, Any], status: int, answer: str | None
) -> None:
    told = report(MAIL, "UNDELIVERABLE", error, status, smtp={"response": answer})
    assert (await returning.infobip("receipt", told)).json()["taken"] == 1
    assert (await row_of(returning.shop, MAIL))[2]
    assert await suppressed(returning.shop) == []


async def test_what_the_mail_server_says_of_the_mailbox_counts_more_than_what_infobip_makes_of_it(
    returning: Returning,
) -> None:
    answer = {"response": "550 5.1.1 <someone@example.com>: no such user"}
    await returning.infobip("receipt", report(MAIL, "UNDELIVERABLE", SOFT, smtp=answer))
    assert await suppressed(returning.shop) == [("email", EMAIL, False)]
    assert (await row_of(returning.shop, MAIL))[3] == "Infobip status 4, error 6011"


@pytest.mark.parametrize("group", ["PENDING", "ACCEPTED"])
async def test_what_is_on_its_way_tells_nothing(returning: Returning, group: str) -> None:
    assert (await returning.infobip("receipt", report(MAIL, group, FINE))).json() == {"taken": 0, "passed_over": 0}
    assert (await row_of(returning.shop, MAIL))[0] == "claimed"


async def test_a_report_as_infobips_own_client_has_it_is_taken(returning: Returning) -> None:
    told = EmailWebhookDLRReportResponse.from_dict({"results": [report(MAIL, "UNDELIVERABLE", HARD)]})
    assert told is not None
    assert (await tracked(returning, json.loads(json.dumps(told.to_dict(), default=str)))).json() == {
        "taken": 1,
        "passed_over": 0,
    }
    assert (await row_of(returning.shop, MAIL))[2]


async def test_the_examples_of_infobips_specification_are_read_and_are_of_no_send(
    returning: Returning, shared: Path
) -> None:
    spec = json.loads((shared / "specs" / "infobip-email.json").read_text())
    answers = {}
    for name in ("receive-email-delivery-reports", "receive-email-tracking-reports"):
        content = spec["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]
        for title, example in content["examples"].items():
            answers[title] = (await tracked(returning, example["value"])).json()["passed_over"]
    assert answers == {
        "Example": 1,
        "Open reports": 0,
        "Click reports": 0,
        "Unsubscribe reports": 1,
        "Complained reports": 1,
        "Late bounce reports": 1,
    }


async def test_a_complaint_fails_the_message_and_suppresses_the_address(returning: Returning) -> None:
    assert (await tracked(returning, tracking("COMPLAINED"), secret="another")).status_code == 401
    for _ in range(2):
        assert (await tracked(returning, tracking("COMPLAINED"))).json() == {"taken": 1, "passed_over": 0}
    assert await row_of(returning.shop, MAIL) == ("accepted", False, True, "complaint")
    assert await suppressed(returning.shop) == [("email", EMAIL, False)]


async def test_a_late_bounce_fails_a_message_that_was_delivered_and_suppresses_nothing(returning: Returning) -> None:
    await returning.infobip("receipt", report(MAIL, "DELIVERED", FINE, 5))
    await tracked(returning, tracking("LATE_BOUNCE"))
    assert await row_of(returning.shop, MAIL) == ("accepted", True, True, "bounced late")
    assert await suppressed(returning.shop) == []


async def test_who_unsubscribes_at_infobip_is_sent_no_marketing_by_email(returning: Returning) -> None:
    shop = returning.shop
    for _ in range(2):
        assert (await tracked(returning, tracking("UNSUBSCRIBED"))).json() == {"taken": 1, "passed_over": 0}
    said = await shop.parts.pool.fetch("select channel, granted from consents where purpose = 'marketing'")
    assert {row["channel"]: row["granted"] for row in said} == {"sms": True, "email": False}
    assert await suppressed(shop) == [("email", EMAIL, True)]
    read = await reading.situation(shop.parts.pool, (await shop.journey()).id, cart_recovery(), shop.begins)
    assert not read.decide(cart_recovery(), Channel.EMAIL).allowed
    assert await shop.parts.pool.fetchval("select count(*) from sends") == 2  # an e-mail is not answered by an e-mail


async def test_an_unsubscription_from_what_the_shop_did_not_send_changes_nothing(returning: Returning) -> None:
    for stranger in ("f" * 32, "x\x00y", "é"):
        answer = await tracked(returning, tracking("UNSUBSCRIBED", stranger))
        assert answer.json() == {"taken": 0, "passed_over": 1}
    assert await suppressed(returning.shop) == []
    consents = "select bool_and(granted) from consents where channel = $1"
    assert await returning.shop.parts.pool.fetchval(consents, Medium.EMAIL)


async def test_one_shop_cannot_tell_of_anothers_messages(returning: Returning) -> None:
    parts = returning.shop.parts
    await shops.create(parts.pool, "other", "Another shop")
    await hooks.add_secret(parts.pool, "other", "infobip", parts.secret.hooks.encrypt(b"another"))
    for body in (tracking("UNSUBSCRIBED"), tracking("COMPLAINED"), {"results": [report(MAIL, "UNDELIVERABLE", HARD)]}):
        told = await returning.api.post("/v1/hooks/other/infobip/receipt", json=body, auth=("relance", "another"))
        assert told.json() == {"taken": 0, "passed_over": 1}
    assert await suppressed(returning.shop) == []
    assert (await row_of(returning.shop, MAIL))[0] == "claimed"


@pytest.mark.parametrize("kind", ["OPENED", "CLICKED", "NOVEL", None, 7])
async def test_other_tracking_tells_nothing(returning: Returning, kind: Any) -> None:
    assert (await tracked(returning, tracking(kind))).json() == {"taken": 0, "passed_over": 0}
    assert (await row_of(returning.shop, MAIL))[0] == "claimed"


async def test_tracking_that_names_no_message_is_a_clear_error(returning: Returning) -> None:
    answer = await tracked(returning, {"notificationType": "COMPLAINED"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "body: has no messageId")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("error", "status", "smtp"), ANYTHING)))
def test_whatever_a_report_holds_it_is_read(row: dict[str, Any]) -> None:
    assert mailed.is_never(row) in {True, False}


@given(st.fixed_dictionaries({"notificationType": ANYTHING}, optional={"messageId": ANYTHING}))
def test_whatever_tracking_holds_it_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        told = mailed.tracked(body)
    except UnreadableError:
        return
    assert len(told) <= 1
