"""Standard Webhooks: any other backend's signed messages."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from storage import hooks as stored
from tests.integration.hook_calls import STANDARD_SECRET, Hooks, ago, events, packed, standard_headers

ORDER = {
    "type": "track",
    "userId": "ann",
    "event": "Order Completed",
    "properties": {"order_id": "o-1", "total": 40, "currency": "EUR"},
}
OTHER_SECRET = "whsec_" + "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI="


async def ids(hooks: Hooks) -> list[str]:
    rows = await hooks.shop.parts.pool.fetch("select message_id from events order by message_id")
    return [row["message_id"] for row in rows]


async def test_what_the_library_signed_is_taken(hooks: Hooks) -> None:
    body, now = json.dumps(ORDER), datetime.now(UTC)
    given = Webhook(STANDARD_SECRET).sign("msg_1", now, body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": given}
    answer = await hooks.post("standard", body.encode(), headers)
    assert answer.json() == {
        "success": True,
        "results": [{"message_id": "hook:msg_1", "status": "new", "field": None, "problem": None, "note": None}],
        "problem": None,
    }
    assert await events(hooks.shop) == [("Order Completed", "ann")]


async def test_a_webhook_counts_once_by_its_signed_id(hooks: Hooks) -> None:
    first = await hooks.standard(ORDER)
    again = await hooks.standard(ORDER, at=time.time() - 100)
    assert [r.json()["results"][0]["status"] for r in (first, again)] == ["new", "duplicate"]
    assert await ids(hooks) == ["hook:msg_1"]


async def test_a_batch_is_taken_and_named_by_the_webhook_where_its_messages_are_not(hooks: Hooks) -> None:
    page = {"type": "page", "userId": "ann"}
    answer = await hooks.standard({"batch": [page, page | {"messageId": "m-1"}, ORDER]}, name="msg_2")
    assert answer.json()["success"] is True
    assert await ids(hooks) == ["hook:msg_2:0", "hook:msg_2:2", "m-1"]


async def test_one_of_several_signatures_is_enough(hooks: Hooks) -> None:
    body = packed(ORDER)
    mine, others = standard_headers(STANDARD_SECRET, body), standard_headers(OTHER_SECRET, body)
    both = f"v1a,AAAA {others['webhook-signature']} {mine['webhook-signature']}"
    assert (await hooks.post("standard", body, mine | {"webhook-signature": both})).status_code == 200
    assert (await hooks.post("standard", body, others)).status_code == 401


async def test_each_of_two_secrets_signs_while_they_are_rotated(hooks: Hooks) -> None:
    await hooks.add("standard", OTHER_SECRET)
    for number, secret in enumerate((STANDARD_SECRET, OTHER_SECRET)):
        assert (await hooks.standard(ORDER, secret=secret, name=f"msg_{number}")).status_code == 200


async def test_a_signature_that_was_caught_is_stale_after_five_minutes(hooks: Hooks) -> None:
    assert (await hooks.standard(ORDER, at=time.time() - 290)).status_code == 200
    assert (await hooks.standard(ORDER, at=time.time() - 310)).status_code == 401
    assert (await hooks.standard(ORDER, at=time.time() + 310)).status_code == 401


async def test_an_id_of_10_kb_is_a_fine_id_and_counts_once(hooks: Hooks) -> None:
    for _ in range(2):
        assert (await hooks.standard(ORDER, name="x" * 10_000)).json()["success"] is True
    assert (await hooks.standard(ORDER, name="x" * 9_999 + "y")).json()["results"][0]["status"] == "new"
    assert len(await ids(hooks)) == 2


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"batch": 7}, "batch: is not a list"),
        ({"batch": [7]}, "batch: holds something that is no message"),
        ({"type": "track", "userId": "ann"}, "event: a track call needs the name of the event"),
        ({"type": "page", "userId": "a\x00"}, "event: contains a NUL character"),
        (b'{"type": "page", "userId": "\\ud800"}', "event: contains half of a surrogate pair; send valid Unicode"),
        ({"type": "page", "userId": "x" * 10_000}, "userId: must have at most 256 characters"),
        ({"type": "page", "userId": "ann", "timestamp": "now"}, "timestamp: must be ISO 8601"),
        (b"[" * 100_000, "the body is not JSON, or nested too deep"),
    ],
)
async def test_what_cannot_be_read_is_named_and_kept(hooks: Hooks, body: Any, problem: str) -> None:
    answer = await hooks.standard(body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert problem in answer.json()["problem"]
    [kept] = await stored.kept(hooks.shop.parts.pool, hooks.shop.shop)
    assert kept.heading == "msg_1"


async def test_a_bad_message_in_a_batch_keeps_no_other_out(hooks: Hooks) -> None:
    answer = await hooks.standard({"batch": [ORDER, {"type": "track"}, ORDER | {"messageId": "m-2"}]})
    assert [result["status"] for result in answer.json()["results"]] == ["new", "rejected", "new"]


async def test_a_backend_is_believed_and_its_clock_is_put_right(hooks: Hooks) -> None:
    await hooks.standard(ORDER | {"timestamp": ago(hours=-2)})
    row = await hooks.shop.parts.pool.fetchrow("select at <= received_at as past, content from events")
    assert row is not None
    assert (row["past"], row["content"]["from_backend"]) == (True, True)
