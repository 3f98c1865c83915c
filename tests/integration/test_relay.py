"""The relay, where something cannot be delivered."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.support import TestShop


async def test_a_row_that_cannot_be_delivered_waits_with_its_reason_and_stops_no_other(shop: TestShop) -> None:
    await shop.fill("c-1", person="ann")
    await shop.fill("c-2", person="bob")
    await shop.parts.pool.execute(
        "update outbox set signal = 'no_such_signal', payload = '{}' where journey like '%:c-1:%'"
    )
    nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
    assert await shop.parts.relay(nowhere).deliver_batch()
    rows = await shop.parts.pool.fetch(
        "select journey, problem, tries, try_at > now() as later from outbox order by id"
    )
    assert [(row["problem"], row["tries"], row["later"]) for row in rows] == [
        ("KeyError", 1, True),
        ("RuntimeError", 1, True),
    ]
