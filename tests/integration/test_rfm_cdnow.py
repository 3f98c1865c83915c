"""RFM on real purchase histories: the CDNOW sample, 2,357 customers and 6,919 orders of 1997 and 1998."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from journeys.events import Event, parse
from relance import plan_files
from storage import ingest, plans, segment_changes
from tests.integration.segmenting import count_all, work_off
from tests.support import TestShop

MONTHS = [datetime(1998, month, 1, tzinfo=UTC) for month in range(1, 8)]
"""The ends of December 1997 to June 1998."""


class Order:
    """A line of the file, and the event that tells it."""

    def __init__(self, number: int, line: str) -> None:
        _, self.person, day, _, dollars = line.split()
        self.number = number
        self.at = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        # Cents, so that sums are exact.
        self.cents = round(float(dollars) * 100)

    def event(self) -> Event:
        message: dict[str, Any] = {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"m-{self.number}",
            "userId": self.person,
            "timestamp": self.at.isoformat(),
            "properties": {"order_id": f"o-{self.number}", "total": f"{self.cents / 100:.2f}", "currency": "USD"},
        }
        return parse(message, received_at=self.at, from_backend=True)


def read(file: Path) -> list[Order]:
    with gzip.open(file, "rt") as lines:
        return [Order(number, line) for number, line in enumerate(lines)]


def quintiles(values: dict[str, Any]) -> dict[str, int]:
    """Everybody's fifth, from the sorted list alone: by the place of the first of those who have the same."""
    first: dict[Any, int] = {}
    for place, value in enumerate(sorted(values.values())):
        first.setdefault(value, place)
    return {person: 5 * first[value] // len(values) + 1 for person, value in values.items()}


def plainly(orders: list[Order], until: datetime) -> dict[str, str]:
    """The scores of everybody who ordered up to a moment, as ``555``."""
    last: dict[str, datetime] = {}
    times: Counter[str] = Counter()
    cents: defaultdict[str, int] = defaultdict(int)
    for order in orders:
        if order.at <= until:
            last[order.person] = max(order.at, last.get(order.person, order.at))
            times[order.person] += 1
            cents[order.person] += order.cents
    r, f, m = quintiles(last), quintiles(times), quintiles(cents)
    return {person: f"{r[person]}{f[person]}{m[person]}" for person in last}


async def scored(shop: TestShop) -> dict[str, str]:
    rows = await shop.parts.pool.fetch("select customer_id, r, f, m from person_segments where r is not null")
    return {row["customer_id"]: f"{row['r']}{row['f']}{row['m']}" for row in rows}


async def taken(shop: TestShop, shared: Path) -> list[Order]:
    """Have the shop know all orders of the file."""
    orders = read(shared / "data" / "cdnow-sample.txt.gz")
    await ingest.take_all(shop.parts.pool, shop.parts.following, shop.shop, [order.event() for order in orders])
    # Who ordered is to be counted as of then, not as of today.
    await shop.parts.pool.execute("delete from segment_queue")
    return orders


async def test_the_scores_of_each_month_and_who_dropped_are_those_of_a_plain_computation(
    shop: TestShop, shared: Path
) -> None:
    orders = await taken(shop, shared)
    expected: list[tuple[str, str, str]] = []
    before: dict[str, str] = {}
    for month in MONTHS:
        await count_all(shop, month)
        now = plainly(orders, month)
        assert await scored(shop) == now
        expected += [(person, before[person], now[person]) for person in before if before[person] != now[person]]
        before = now
    assert len(before) == 2357
    await work_off(shop)
    rows = await shop.parts.pool.fetch(
        "select customer_id, content #>> '{properties,rfm_before}' as before,"
        " content #>> '{properties,rfm_after}' as after from events where name = 'Segment Changed'"
    )
    told = Counter((row["customer_id"], row["before"], row["after"]) for row in rows)
    between = Counter({change: n for change, n in told.items() if None not in change[1:] and change[1] != change[2]})
    assert between == Counter(expected)
    drops = [(was, now) for _, was, now in expected if was == "555" and now == "455"]
    assert len(drops) == 91
    assert sum(n for change, n in between.items() if change[1:] == ("555", "455")) == len(drops)


def dropped(was: str | None, now: str) -> bool:
    """Tell whether one of the best is no longer among those who ordered last: 555 to 455, and such."""
    return was in {"555", "554", "545", "544"} and now[0] < "5" and min(now[1:]) >= "4"


async def test_the_win_back_journeys_of_half_a_year_are_those_of_a_plain_computation(
    shop: TestShop, shared: Path
) -> None:
    orders, pool = await taken(shop, shared), shop.parts.pool
    await pool.execute(
        "insert into consents (shop, customer_id, channel, purpose, granted, at, message_id)"
        " select shop, customer_id, 'sms', 'marketing', true, $1, '' from customers",
        datetime(1997, 1, 1, tzinfo=UTC),
    )
    file = plan_files.read("win-back")
    await plans.publish(pool, shop.shop, file.plan, file.messages.model_dump_json())
    expected: dict[str, datetime] = {}
    before: dict[str, str] = {}
    for month in MONTHS:
        await count_all(shop, month)
        while await segment_changes.tell(pool, shop.parts.following, month):
            pass
        now = plainly(orders, month)
        # Nobody enters again within half a year.
        new = {person for person in now if dropped(before.get(person), now[person])} - expected.keys()
        expected |= dict.fromkeys(new, month)
        before = now
    rows = await pool.fetch("select key, started_at from journeys where plan = 'win-back'")
    assert {row["key"]: row["started_at"] for row in rows} == expected
    listed = Counter(f"{month - timedelta(days=1):%B}" for month in sorted(expected.values()))
    assert listed == {"January": 37, "February": 32, "March": 46, "April": 32, "May": 29, "June": 23}
    # The page that says so.
    page = (Path(__file__).parents[2] / "docs" / "segments.md").read_text()
    assert ", ".join(f"{number} in {month}" for month, number in listed.items()) in " ".join(page.split())
