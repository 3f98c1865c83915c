"""Each part is killed and started again under load: what was acknowledged is applied once, and heard once in effect."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.books import books_of
from tests.chaos.load import EVENTS_OF_A_VISIT, Load, visits
from tests.chaos.processes import COMPONENTS, Killable, installed

VISITS = 150
EVENTS = VISITS * EVENTS_OF_A_VISIT
KILLED_AT = (0.25, 0.6)
"""Shares of the events that are acknowledged by then."""
DOWN_FOR = 0.5


async def kill(part: Killable, load: Load) -> None:
    """Kill a part in the middle of a load, more than once, and start it again."""
    for share in KILLED_AT:
        while len(load.accepted) < share * EVENTS:
            assert not load.given_up, f"Relance does not come back: {load.failures}"
            await asyncio.sleep(0.01)
        await asyncio.to_thread(part.kill)
        await asyncio.sleep(DOWN_FOR)
        await asyncio.to_thread(part.start)


@pytest.mark.parametrize("component", COMPONENTS)
async def test_what_is_acknowledged_is_applied_once_and_heard_once_whatever_is_killed(
    component: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with installed(data) as relance:
        load = Load(relance.url, relance.write_key)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(visits(VISITS)))
            group.create_task(kill(relance.parts[component], load))
        async with books_of(relance) as books:
            await books.settle()
            report = await books.compare(load.accepted)
    with capsys.disabled():
        print(  # noqa: T201 the report itself
            f"\nkilled {len(KILLED_AT)} times: {component}; accepted: {report.accepted} of {EVENTS} events, "
            f"lost: {len(report.lost)}, duplicated: {len(report.duplicated)} "
            f"(tries that failed: {load.failures}, signals heard again: {report.heard_again})"
        )
    assert (report.lost, report.duplicated, report.repaired) == ([], [], 0)
    assert not load.given_up
    assert report.accepted == EVENTS
