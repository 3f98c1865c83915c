"""The plans that come along: each is walked through, on the engine, along every way that there is in it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.contracts import JourneyState
from journeys.caps import Cap
from journeys.facts import LIVE, Answered, Medium, Purpose, Segment
from journeys.holdout import bucket
from journeys.plan import Key, Plan
from journeys.policy import Policy
from journeys.replies import REPLIED
from journeys.steps import Ask, Split, Step, Task, WaitFor, walk
from relance import plan_files
from storage import archived_plans, commands, journeys, labels, plans, sent, shops, story, tasks
from storage.journeys import Journey
from tests.support import MINUTE, PATIENCE, Engine, TestShop
from tests.walks import CURRENCY, UNCLEAR, Walk, unreached, walks

NAMES = [*plan_files.names(), *plan_files.library()]
DUE = timedelta(days=3)
NO_CAPS = {medium: (Cap(at_most=100, within=timedelta(days=1)),) for medium in Medium}
SENDS_OR_DOES = re.compile(r": (?:sends|does) (\S+)$")
EVERYBODY = {"unless": {"label": {"let-in": ["never"]}}}
"""Where a schedule lets people in, an audience must be named."""
WORDS = {UNCLEAR: "??", Answered(yes=True): "oui", Answered(yes=False): "non", Answered(): "Rien du tout"}


def plan_to_walk(name: str) -> Plan:
    """A plan that everybody may enter, and of each of whose variants somebody is."""
    plan = plan_files.read(name).plan.model_copy(deep=True)
    for step in walk(plan.steps):
        if isinstance(step, Split):
            _share_out(step)
    content = plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    audience = EVERYBODY if "events" not in content["entry"] else None
    return Plan.model_validate({**content, "audience": audience, "holdout": 0, "rollout": 100})


def _share_out(split: Split) -> None:
    """Let each variant have its share: a plan that comes along tries none by itself."""
    each, rest = divmod(100, len(split.split))
    split.split[:] = [
        variant.model_copy(update={"share": each + (rest if number == 0 else 0)})
        for number, variant in enumerate(split.split)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_can_be_walked_through_along_each_of_its_ways(name: str) -> None:
    plan = plan_to_walk(name)
    assert unreached(plan, walks(plan)) == []


@pytest.mark.parametrize("name", NAMES)
async def test_the_engine_does_on_each_way_what_stands_in_the_plan(engine: Engine, name: str) -> None:
    plan = plan_to_walk(name)
    await prepare(engine.shop, plan)
    for number, expected in enumerate(walks(plan)):
        walker = Walker(engine, plan, expected, person_for(engine.shop, plan, expected, number))
        journey = await walker.play()
        did = await what_was_done(engine.shop, journey)
        assert (did, (journey.outcome, journey.reason)) == (expected.did, expected.ended), str(expected)
        ledger = await sent.of_journey(engine.shop.parts.pool, journey.id)
        said = [(row.step, row.state, row.reason) for row in ledger]
        # What the first channel of a step refuses goes out by another one.
        assert {step for step, *_ in said} == {step for step, state, _ in said if state == "accepted"}, said


async def prepare(shop: TestShop, plan: Plan) -> None:
    """Publish a plan to a shop that may write as often as it likes."""
    found = await shops.get(shop.parts.pool, shop.shop)
    policy = Policy(quiet_hours=False, caps=NO_CAPS)
    await shops.save(shop.parts.pool, shops.Shop(**{**vars(found), "policy": policy}))
    messages = plan_files.read(plan.name).messages.model_dump_json()
    await plans.publish(shop.parts.pool, shop.shop, plan, messages)
    if plan.key is Key.CART and plan.name != "cart-recovery":
        # It would follow the same cart, and goes first.
        await archived_plans.archive(shop.parts.pool, shop.shop, "cart-recovery", shop.begins)


def person_for(shop: TestShop, plan: Plan, walked: Walk, number: int) -> str:
    """Name somebody who goes the walk's way at each split."""
    splits = [step for step in walk(plan.steps) if isinstance(step, Split)]
    for attempt in itertools.count():
        name = f"p{number}-{attempt}"
        if all(
            step.variant_of(bucket(shop.shop, plan.name, name, step.id)).variant == walked.world["variant", step.id]
            for step in splits
        ):
            return name
    raise AssertionError("the numbers have come to an end")


async def what_was_done(shop: TestShop, journey: Journey) -> list[str]:
    """Name the steps of which the journey's looks say that it sends or does them, each once."""
    looks = [line.why or "" for line in await story.tell(shop.parts.pool, journey) if line.kind == "decision"]
    steps = [found[1] for found in map(SENDS_OR_DOES.search, looks) if found]
    return [step for step, _ in itertools.groupby(steps)]


@dataclass
class Walker:
    """Has happen to one person what leads along a walk, and lets time pass in between."""

    engine: Engine
    plan: Plan
    walk: Walk
    person: str
    now: timedelta = timedelta(0)
    happened: set[str] = field(default_factory=set)

    @property
    def shop(self) -> TestShop:
        return self.engine.shop

    @property
    def key(self) -> str:
        return self.person if self.plan.key is Key.CUSTOMER else f"{self.plan.key}-{self.person}"

    async def play(self) -> Journey:
        """Play the journey to its end."""
        journey = await self._enter()
        await self.engine.deliver()
        handle = self.engine.client.get_workflow_handle(journey.id)
        # The journey may end at any moment: then there is no time left to skip.
        with contextlib.suppress(RPCError):
            length = journey.first_due - journey.started_at + MINUTE
            while await self._forward(handle, length):
                length = MINUTE
                await self._next(journey, handle)
                await self.engine.deliver()
        await handle.result()
        return await journeys.get(self.shop.parts.pool, journey.id)

    async def take(self, what: str, after: timedelta | None = None, /, **properties: Any) -> None:
        event = self.shop.event(what, self.now if after is None else after, person=self.person, **properties)
        await self.shop.take(event.model_copy(update={"from_backend": what == REPLIED}))

    async def _enter(self) -> Journey:
        """Make the world as the walk has it, then enter the plan."""
        traits = {name: value for (kind, name), value in self.walk.world.items() if kind == "customer" and value}
        await self.shop.identify(self.person, **traits)
        for (kind, name), value in self.walk.world.items():
            if kind in BEFORE:
                await BEFORE[kind](self, name, value)
        await self._make_known()
        journey = await self._found() or await self._start()
        for (kind, name), value in self.walk.world.items():
            if kind == "event":
                await self._repeat(name, value)
        return journey

    async def _make_known(self) -> None:
        """Tell of what the journey is about; in most plans that starts it."""
        world = self.walk.world
        item = {"product_id": "p-1", "name": "Teapot", "quantity": 1, "currency": CURRENCY}
        if self.plan.key is Key.CART:
            price = float(world.get(("cart_value", ""), Decimal(40)))
            category = world.get(("cart_category", ""), "Kitchen")
            await self.take("Product Added", cart_id=self.key, price=price, category=category, **item)
        if self.plan.key is Key.ORDER:
            total = float(world.get(("order_value", ""), Decimal(40)))
            due = (self.shop.begins + DUE).isoformat()
            told = {"total": total, "currency": CURRENCY, "payment_due": due, "products": [{**item, "price": total}]}
            await self.take("Order Completed", order_id=self.key, **told)

    async def _found(self) -> Journey | None:
        pool = self.shop.parts.pool
        found = await journeys.page(
            pool, self.shop.shop, plan=self.plan.name, customer=None, key=self.key, status=None, before=None, limit=1
        )
        return found[0] if found else None

    async def _start(self) -> Journey:
        parts = self.shop.parts
        version = await parts.plans.newest_of(parts.pool, self.shop.shop, self.plan.name)
        async with parts.pool.acquire() as db, db.transaction():
            begun = await commands.start(db, parts.following, version, self.key, self.shop.begins)
        assert isinstance(begun, Journey), begun
        return begun

    async def _repeat(self, counted: str, times: int) -> None:
        asked = self.plan.counted[counted]
        already = 1 if asked.name == "Order Completed" and self.plan.key is Key.ORDER else 0
        for _ in range(times - already):
            about = {"order_id": self.key} if self.plan.key is Key.ORDER else {}
            await self.take(asked.name, product_id="p-1", category="Kitchen", **about)

    async def _next(self, journey: Journey, handle: WorkflowHandle[Any, Any]) -> None:
        """Have happen what the walk has happen at this step, else let the time pass for which the journey waits."""
        state = await handle.query("state", result_type=JourneyState)
        step = self.plan.by_id.get(state.step or "")
        happens = self._happening(step, journey)
        if happens is not None and step is not None and step.id not in self.happened:
            self.happened.add(step.id)
            await self._forward(handle, MINUTE)
            await happens()
        elif state.next_at is not None:
            await self._forward(handle, max(state.next_at - self.shop.begins - self.now, MINUTE))

    def _happening(self, step: Step | None, journey: Journey) -> Callable[[], Awaitable[None]] | None:
        world = self.walk.world
        match step:
            case WaitFor() if (what := world["happens", step.id]) is not None:
                about = {} if self.plan.key is Key.CUSTOMER else {f"{self.plan.key}_id": self.key}
                return lambda: self.take(what, **about)
            case Ask() if (answer := world["reply", step.id]) is not None:
                said = _written(step, answer)
                return lambda: self.take(REPLIED, channel="sms", text=said, journey=journey.id)
            case Task() if world["done", step.id]:
                return lambda: self._complete(journey, step)
        return None

    async def _complete(self, journey: Journey, step: Task) -> None:
        pool, at = self.shop.parts.pool, self.shop.begins + self.now
        task = (await tasks.of_journey(pool, journey.id))[step.id]
        await tasks.claim(pool, task, "Zoé", at)
        await tasks.complete(pool, task, "Zoé", "Words of a person", at)

    async def _forward(self, handle: WorkflowHandle[Any, Any], length: timedelta) -> bool:
        """Let time pass for the journey; tell whether it still runs."""
        self.now += length
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await self.engine.env.fast_forward(handle, length)


def _written(step: Ask, answer: Answered) -> str:
    if answer.score is not None:
        return str(answer.score)
    return str(step.ask.options.index(answer.choice) + 1) if answer.choice else WORDS[answer]


# What was so before


async def _is_in(walker: Walker, _: str, segments: tuple[Segment, ...]) -> None:
    if Segment.CUSTOMER in segments:
        await walker.take("Order Completed", -timedelta(days=30), order_id=f"old-{walker.person}", total=10)
    kept = [segment for segment in segments if segment not in LIVE]
    assert Segment.SERIAL_ABANDONER not in segments, "nobody here leaves carts"
    await walker.shop.parts.pool.execute(
        "insert into person_segments values ($1, $2, $3, null, null, null, now())"
        " on conflict (shop, customer_id) do update set segments = excluded.segments",
        walker.shop.shop,
        walker.person,
        kept,
    )


async def _bears(walker: Walker, label: str, word: str | None) -> None:
    if word is None:
        return
    pool, begins = walker.shop.parts.pool, walker.shop.begins
    async with pool.acquire() as db:
        await labels.put(db, walker.shop.shop, walker.person, {label: word}, begins)


async def _fills(walker: Walker, _: str, is_open: bool) -> None:  # noqa: FBT001 the world's value
    if is_open:
        item = {"product_id": "p-9", "price": 5, "quantity": 1}
        # Before the journey: what comes later may end it.
        await walker.take("Product Added", -MINUTE, cart_id=f"open-{walker.person}", **item)


async def _is_followed(walker: Walker, _: str, running: tuple[str, ...]) -> None:
    assert set(running) <= {"cart-recovery"}, f"nothing here starts {running}"
    await _fills(walker, "", bool(running))
    if running and walker.walk.world.get(("open_cart", "")) is False:
        # The journey sees that the cart is empty only when it next looks.
        await walker.take("Product Removed", -MINUTE / 2, cart_id=f"open-{walker.person}", product_id="p-9")


async def _agrees(walker: Walker, _: str, media: tuple[Medium, ...]) -> None:
    await walker.shop.identify(walker.person, consent={medium: medium in media for medium in Medium})


async def _says_yes(walker: Walker, _: str, agreed: dict[Purpose, tuple[Medium, ...]]) -> None:
    for purpose in (Purpose.MARKETING, *agreed):
        said = {medium: {"granted": medium in agreed.get(purpose, ()), "purpose": purpose} for medium in (Medium.SMS,)}
        await walker.shop.identify(walker.person, consent=said)


async def _is_known(walker: Walker, event: str, known: bool) -> None:  # noqa: FBT001 the world's value
    if known:
        await walker.take(event, -MINUTE, order_id=walker.key)


BEFORE: dict[str, Callable[[Walker, str, Any], Awaitable[None]]] = {
    "segment": _is_in,
    "label": _bears,
    "open_cart": _fills,
    "running": _is_followed,
    "consented": _agrees,
    "agreed": _says_yes,
    "known": _is_known,
}
"""How a world is brought about, by the kind of what is so in it."""
HAPPENS_LATER = {
    "customer",
    "cart_value",
    "cart_category",
    "order_value",
    "event",
    "reply",
    "happens",
    "done",
    "variant",
}


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_plan_asks_for_can_be_brought_about(name: str) -> None:
    kinds = {kind for walked in walks(plan_to_walk(name)) for kind, _ in walked.world}
    assert kinds <= BEFORE.keys() | HAPPENS_LATER
