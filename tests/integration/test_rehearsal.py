"""Rehearsals: recorded shops go in, the right messages come out, the same ones every time."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from temporalio.client import Client

from journeys.caps import DEFAULTS
from journeys.facts import Channel, Medium
from journeys.policy import Policy
from journeys.quiet_hours import next_allowed
from journeys.zones import zones_of
from messages.catalog import PlanFile
from relance import logs, plan_files, rehearsal, rehearse_command, results, shop_day
from relance.errors import UsageError
from relance.up import DEMO_SHOP
from tests.integration.by_hand import Owed, owed

DAY = datetime(2026, 3, 10, tzinfo=UTC)
APART = ("decided_at", "sent_at")


def without_holdout() -> PlanFile:
    file = plan_files.read("cart-recovery")
    return PlanFile(file.plan.model_copy(update={"holdout": 0}), file.messages)


async def play(
    messages: list[dict[str, Any]], folder: Path, speed: float, begins: datetime = DAY
) -> tuple[list[dict[str, Any]], str]:
    """Play events; give the sends and all that Temporal keeps of them."""
    feed = rehearsal.Feed()
    for message in messages:
        feed.add(rehearsal.recorded(message))
    (folder / "data").mkdir(parents=True)
    url, file = "https://r.example.com", without_holdout()
    async with rehearse_command.stage(folder / "data", begins, speed, url, file, Policy(quiet_hours=False)) as on:
        await rehearsal.play(on.parts, on.client, on.clock, DEMO_SHOP, feed)
        await results.write(on.parts.pool, on.client, folder)
        kept = await all_that_temporal_keeps(on.client)
    return [json.loads(line) for line in (folder / "sends.ndjson").read_text().splitlines()], kept


async def all_that_temporal_keeps(client: Client) -> str:
    """Every history, id, search attribute, memo and summary, as text."""
    kept: list[str] = []
    async for run in client.list_workflows():
        history = await client.get_workflow_handle(run.id).fetch_history()
        kept += [run.id, str(run.typed_search_attributes), str(await run.memo()), history.to_json(), str(run.raw_info)]
        for event in history.events:
            payloads = [event.user_metadata.summary, event.user_metadata.details]
            kept += [payload.data.decode() for payload in payloads]
            kept.append(str(event))
    return "\n".join(kept)


async def test_a_day_gives_the_same_sends_at_any_speed_and_leaves_no_personal_data_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    messages = shop_day.generate(visits=30, day=DAY)
    logs.set_up("debug")
    try:
        first, kept = await play(messages, tmp_path / "one", 40_000)
        second, _ = await play(messages, tmp_path / "two", 80_000)
    finally:
        structlog.reset_defaults()
    said = capfd.readouterr()
    assert alike(first) == alike(second)
    assert any(row["state"] == "accepted" for row in first)
    assert '"event": "sent"' in said.err
    for name, secrets in personal_data(messages).items():
        for secret in secrets:
            assert secret not in kept, f"a {name} is in Temporal"
            assert secret not in said.err + said.out, f"a {name} is in the log"


def alike(sends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sends without what may differ from one rehearsal to the next, such as a claim that a busy machine let go."""
    claimed = [row for row in sends if row["reason"] != "claim grew too old before the call"]
    return [{name: value for name, value in row.items() if name not in APART} for row in claimed]


async def test_the_first_days_of_the_recorded_month_give_the_same_sends_twice(tmp_path: Path, shared: Path) -> None:
    with gzip.open(shared / "data" / "visits-2020-01.ndjson.gz", "rt") as lines:
        messages = [message for message in map(json.loads, lines) if message["timestamp"] < "2020-01-03"]
    begins = datetime.fromisoformat(min(message["timestamp"] for message in messages))
    first, _ = await play(messages, tmp_path / "one", 80_000, begins)
    second, _ = await play(messages, tmp_path / "two", 160_000, begins)
    assert alike(first) == alike(second)
    assert {row["state"] for row in first} == {"accepted", "refused"}


def personal_data(messages: list[dict[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for message in messages:
        for name in ("email", "phone", "firstName"):
            if value := message.get("traits", {}).get(name):
                found[name].add(value)
    assert set(found) == {"email", "phone", "firstName"}
    # A short name may stand in an id or a word by chance: those that cannot are searched for.
    found["firstName"] = {f'"{name}"' for name in found["firstName"]} | {f" {name}" for name in found["firstName"]}
    return found


CART_EVENT = '"type": "track", "userId": "u", "event": "Product Added", "timestamp": "2026-01-01T00:00:00Z"'
IDENTIFY = '"type": "identify", "userId": "u", "timestamp": "2026-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"type": "track"', "not JSON"),
        ('{"type": "track", "userId": "u", "event": "x"}', "must say when it happened"),
        ('{"type": "track", "userId": "u", "event": "x", "timestamp": "yesterday"}', "ISO 8601"),
        ('{"type": "track", "event": "x", "timestamp": "2026-01-01T00:00:00Z"}', "userId"),
        ("7", "must say when it happened"),
        (f'{{{CART_EVENT}, "properties": {{"cart_id": "c", "product_id": "p", "price": -5}}}}', "properties.price"),
        (f'{{{CART_EVENT}, "properties": {{"cart_id": "c", "products": 7}}}}', "product_id"),
        (f'{{{IDENTIFY}, "traits": {{"consent": {{"sms": "maybe"}}}}}}', "traits.consent.sms"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text('{"type": "page", "userId": "u", "timestamp": "2026-01-01T00:00:00Z"}\n' + line + "\n")
    with pytest.raises(UsageError, match=f"events.ndjson:2: .*{problem}"):
        rehearsal.read(file)


@pytest.fixture(scope="module")
async def month(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded month, played once, for a shop that sends at any hour and without caps."""
    out = tmp_path_factory.mktemp("month")
    events = shared / "data" / "visits-2020-01.ndjson.gz"
    policy = Policy(quiet_hours=False, caps=dict.fromkeys(Medium, ()))
    await rehearse_command.rehearse(events, "cart-recovery", 80_000, out, policy, holdout=False)
    return out


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_the_recorded_month_ends_as_an_independent_count_says(month: Path) -> None:
    journeys, sends = rows(month / "journeys.ndjson"), rows(month / "sends.ndjson")
    assert Counter(j["outcome"] for j in journeys) == {"converted": 430, "finished": 107, "exited": 77}
    assert Counter((s["step"], s["channel"]) for s in sends if s["state"] == "accepted") == {
        ("first", "sms"): 90,
        ("first", "email"): 42,
        ("second", "email"): 88,
    }
    assert all(send["reason"] for send in sends if send["state"] == "refused")


async def test_in_the_recorded_month_nothing_is_sent_after_an_order_or_without_consent(
    month: Path, shared: Path
) -> None:
    sends = [send for send in rows(month / "sends.ndjson") if send["state"] == "accepted"]
    traits, orders = {}, defaultdict(list)
    with gzip.open(shared / "data" / "visits-2020-01.ndjson.gz", "rt") as lines:
        for event in map(json.loads, lines):
            if event["type"] == "identify":
                traits[event["userId"]] = event["traits"]
            if event.get("event") == "Order Completed":
                orders[event["userId"]].append(datetime.fromisoformat(event["timestamp"]))
    started = {j["id"]: datetime.fromisoformat(j["started_at"]) for j in rows(month / "journeys.ndjson")}
    for send in sends:
        decided = datetime.fromisoformat(send["decided_at"])
        person = traits[send["customer"]]
        assert not any(started[send["journey"]] <= at <= decided for at in orders[send["customer"]]), send
        assert person["consent"].get(send["channel"]) is True
        assert person["phone" if send["channel"] == "sms" else "email"]
    assert max(Counter(s["key"] for s in sends if s["channel"] == "sms").values()) == 1


async def test_in_the_recorded_month_exactly_the_messages_owed_go_out_each_by_its_channel_at_its_moment(
    month: Path, shared: Path
) -> None:
    with gzip.open(shared / "data" / "visits-2020-01.ndjson.gz", "rt") as lines:
        expected = owed(map(json.loads, lines))
    assert {
        Owed(send["key"], send["step"], send["channel"], datetime.fromisoformat(send["decided_at"]))
        for send in rows(month / "sends.ndjson")
        if send["state"] == "accepted"
    } == expected


@pytest.fixture(scope="module")
async def open_hours(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded month, played with quiet hours and caps; what the command said is kept beside it."""
    out = tmp_path_factory.mktemp("open-hours")
    events = shared / "data" / "visits-2020-01.ndjson.gz"
    with (out / "said.txt").open("w") as said, contextlib.redirect_stdout(said):
        await rehearse_command.rehearse(events, "cart-recovery", 80_000, out, Policy(), holdout=False)
    return out


async def test_with_quiet_hours_and_caps_nothing_is_sent_outside_its_window_or_above_its_cap(
    open_hours: Path, shared: Path
) -> None:
    with gzip.open(shared / "data" / "visits-2020-01.ndjson.gz", "rt") as lines:
        events = [json.loads(line) for line in lines]
    traits = {event["userId"]: event["traits"] for event in events if event["type"] == "identify"}
    heard: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for send in rows(open_hours / "sends.ndjson"):
        if send["state"] != "accepted":
            continue
        at, person = datetime.fromisoformat(send["decided_at"]), traits[send["customer"]]
        zones = zones_of(person["timezone"], person["country"])
        assert next_allowed(Channel(send["channel"]).medium, "marketing", person["country"], None, zones, at) == at, (
            send
        )
        heard[send["customer"], send["channel"]].append(at)
    assert len(heard) > 100
    for (_, channel), moments in heard.items():
        for cap in DEFAULTS[Channel(channel).medium]:
            for last in moments:
                assert sum(last - cap.within < at <= last for at in moments) <= cap.at_most


async def test_the_command_prints_what_was_sent_deferred_and_refused(open_hours: Path) -> None:
    said = (open_hours / "said.txt").read_text()
    accepted = Counter(
        f"{send['step']} by {send['channel']}"
        for send in rows(open_hours / "sends.ndjson")
        if send["state"] == "accepted"
    )
    assert accepted
    for what, count in accepted.items():
        assert f"  sent: {what}: {count}\n" in said
    assert re.search(r"^  deferred: quiet hours for SMS in FR: [1-9]\d*$", said, re.MULTILINE)
    assert "  refused: no consent to marketing by sms: " in said
