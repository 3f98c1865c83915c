"""What no browser can know, told by one: it is kept, starts nothing, ends nothing and is counted nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.events import BACKENDS_ALONE, Event, Name
from storage import ingest, story
from tests.support import MINUTE, TestShop
from tests.workflows.keyed import OF_PEOPLE, SAY, journeys_of, publish

CHANGED = Name.SEGMENT_CHANGED
OF_CHANGES = OF_PEOPLE | {"entry": {"events": [CHANGED], "within": "12h"}}
OF_VIEWS = OF_PEOPLE | {"audience": {"event": {"name": CHANGED, "within": "1h"}}}
WAIT = {"id": "wait", "wait": "2d"}

believed = pytest.mark.parametrize("from_backend", [False, True])


def told(shop: TestShop, what: str, *, from_backend: bool, **said: Any) -> Event:
    return shop.event(what, MINUTE, **said).model_copy(update={"from_backend": from_backend})


@believed
@pytest.mark.parametrize("name", sorted(BACKENDS_ALONE))
async def test_only_a_backends_word_starts_a_journey(shop: TestShop, name: str, *, from_backend: bool) -> None:
    await publish(shop, OF_CHANGES | {"entry": {"events": [name], "within": "12h"}}, SAY)
    await shop.take(told(shop, name, from_backend=from_backend))
    assert len(await journeys_of(shop)) == from_backend
    assert await shop.parts.pool.fetchval("select count(*) from events where name = $1", name) == 1


@believed
async def test_only_a_backends_word_ends_a_journey(shop: TestShop, *, from_backend: bool) -> None:
    await publish(shop, OF_PEOPLE, WAIT, exits_on=[CHANGED])
    await shop.take(shop.event("Product Viewed"))
    await shop.take(told(shop, CHANGED, from_backend=from_backend))
    [journey] = await journeys_of(shop)
    assert (journey.outcome == "exited") is from_backend


@believed
async def test_only_a_backends_word_that_came_before_ends_a_journey_at_once(
    shop: TestShop, *, from_backend: bool
) -> None:
    await publish(shop, OF_PEOPLE, WAIT, exits_on=[CHANGED])
    await shop.take(told(shop, CHANGED, from_backend=from_backend))
    await shop.take(shop.event("Product Viewed"))
    [journey] = await journeys_of(shop)
    assert (journey.outcome == "exited") is from_backend


@believed
@pytest.mark.parametrize("at_once", [False, True])
async def test_only_a_backends_word_is_counted(shop: TestShop, *, from_backend: bool, at_once: bool) -> None:
    await publish(shop, OF_VIEWS, SAY)
    events = [told(shop, what, from_backend=from_backend) for what in (CHANGED, "Product Viewed")]
    for some in [events] if at_once else [[event] for event in events]:
        await ingest.take_together(shop.parts.pool, shop.parts.following, shop.shop, some)
    assert len(await journeys_of(shop)) == from_backend


@believed
async def test_a_change_that_is_none_keeps_no_story_from_being_told(shop: TestShop, *, from_backend: bool) -> None:
    await publish(shop, OF_PEOPLE, WAIT)
    await shop.take(shop.event("Product Viewed"))
    await shop.take(told(shop, CHANGED, from_backend=from_backend, rfm_before="lol", added=5, removed={"a": 1}))
    [journey] = await journeys_of(shop)
    [line] = [line for line in await story.tell(shop.parts.pool, journey) if line.what == CHANGED]
    assert line.why == ("lol to no scores" if from_backend else None)
