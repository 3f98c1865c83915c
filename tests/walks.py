"""Every way through a plan, worked out of the plan itself: what must be so, and what the journey then does.

It is told here once more what a plan means, apart from ``journeys.play``: the engine is held against it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from journeys.conditions import Condition, EventCount, ReplyIs, ValueRange
from journeys.facts import Answered, Channel, Facts, Medium, Moment, Out, Purpose, Segment
from journeys.paths import ways
from journeys.plan import Key, Plan
from journeys.saying import Expects
from journeys.steps import Ask, Branch, Exit, Send, Set, Split, Start, Step, Task, WaitFor, walk

CURRENCY = "EUR"
UNCLEAR = Answered(unclear=True)
SILENT = NOTHING = None
UNDERSTOOD, SILENCE, RIDDLE = "understood", "silence", "riddle"
"""What became of a question."""
Knob = tuple[str, str]
"""What may be so or otherwise: a kind, and the step, event or field that it is about."""
World = Mapping[Knob, Any]
"""What is so, for each knob."""
MOST = 50_000
"""Worlds in which one plan is walked through."""
_CENT = Decimal("0.01")
_MOMENTS = {"Order Shipped": Moment.SHIPPED, "Order Delivered": Moment.DELIVERED}
_EVENTS = {moment: event for event, moment in _MOMENTS.items()}
_NOW = datetime(2027, 1, 1, tzinfo=UTC)


@dataclass
class Walk:
    """One way through a plan.

    Attributes:
        world: what leads along it.
        taken: the steps in their order; where one parts ways, with the number of the way; of a question, with what
            became of it.
        did: what it sends and does, by the steps' ids.
        happened: what came of that for which it waited.
        ended: the outcome and the reason.

    """

    world: World
    taken: list[tuple[str, int | str | None]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    happened: set[str | None] = field(default_factory=set)
    ended: tuple[str, str] = ("finished", "plan played to its end")
    replies: dict[str, Answered] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name it by where it goes."""
        return " ".join(step if way is None else f"{step}:{way}" for step, way in self.taken)


def walks(plan: Plan) -> list[Walk]:
    """Give each way through a plan once."""
    knobs = _knobs(plan)
    assert math.prod(map(len, knobs.values())) <= MOST, f"{plan.name} asks too much at once: {list(knobs)}"
    found: dict[str, Walk] = {}
    for values in itertools.product(*knobs.values()):
        world: World = dict(zip(knobs, values, strict=True))
        walked = Walk(world, happened={name for (kind, name), known in world.items() if kind == "known" and known})
        _go(plan, plan.steps, walked)
        found.setdefault(str(walked), walked)
    return list(found.values())


def unreached(plan: Plan, found: Iterable[Walk]) -> list[str]:
    """Name the ways of a plan that none of the walks takes."""
    taken = {at for walked in found for at in walked.taken}
    return [f"{step.id}:{way}" for step in walk(plan.steps) for way in _numbers(step) if (step.id, way) not in taken]


def _numbers(step: Step) -> list[int | str | None]:
    """Name the ways on from a step, as they stand in a walk."""
    if isinstance(step, Ask):
        return [UNDERSTOOD, SILENCE]
    return [*range(len(ways(step)))] or [None]


# What a plan means


def _go(plan: Plan, steps: list[Step], walked: Walk) -> bool:
    """Walk along some steps; tell whether the journey goes on after them."""
    for step in steps:
        parted = ways(step)
        way = _way(plan, step, walked) if parted else None
        walked.taken.append((step.id, _heard(walked.world["reply", step.id]) if isinstance(step, Ask) else way))
        match step:
            case Send() | Start() | Set() | Task():
                walked.did.append(step.id)
            case Ask():
                _ask(step, walked)
            case Exit():
                walked.ended = ("exited", step.exit)
                return False
        if way is not None and not _go(plan, parted[way].steps, walked):
            return False
    return True


def _way(plan: Plan, step: Step, walked: Walk) -> int:
    """Tell which way is taken where they part, by its number."""
    match step:
        case Branch():
            facts = _facts(plan, walked)
            arms = (number for number, arm in enumerate(step.branch) if arm.condition.holds(facts))
            return next(arms, len(step.branch))
        case Split():
            return [variant.variant for variant in step.split].index(walked.world["variant", step.id])
        case WaitFor():
            walked.happened.add(walked.world["happens", step.id])
            return 1 if walked.happened.isdisjoint(step.wait_for.names) else 0
        case Task():
            done = walked.world["done", step.id]
            walked.tasks[step.id] = "done" if done else "expired"
            return 0 if done else 1
    raise AssertionError(f"a step of kind {type(step).__name__} parts ways, and nothing here says how")


def _heard(answer: Answered | None) -> str:
    return SILENCE if answer is SILENT else RIDDLE if answer.unclear else UNDERSTOOD


def _ask(step: Ask, walked: Walk) -> None:
    answer = walked.world["reply", step.id]
    walked.did.append(step.id)
    if answer == UNCLEAR and step.ask.again:
        walked.did.append(step.asking(again=True).id)
    if answer is not SILENT:
        walked.replies[step.id] = answer


def _facts(plan: Plan, walked: Walk) -> Facts:
    """Put together what a look would find at this place of a walk."""
    world = walked.world
    of = {kind: {name: value for (k, name), value in world.items() if k == kind} for kind, _ in world}
    labels = dict(of.get("label", {}))
    for step in (plan.by_id[name] for name in walked.did if name in plan.by_id):
        if isinstance(step, Set):
            labels |= step.set
    return Facts(
        shop_time=_NOW,
        last_activity=_NOW,
        cart_value=world.get(("cart_value", ""), Decimal(0)),
        currency=CURRENCY,
        cart_categories=(world.get(("cart_category", ""), ""),),
        segments=world.get(("segment", ""), ()),
        customer={name: value for name, value in of.get("customer", {}).items() if value},
        order_value=world.get(("order_value", "")),
        order_currency=CURRENCY,
        moments={_MOMENTS[name]: _NOW for name in walked.happened if name in _MOMENTS},
        events=of.get("event", {}),
        labels={name: value for name, value in labels.items() if value},
        variants=of.get("variant", {}),
        replies=walked.replies,
        tasks=walked.tasks,
        out={step: {Channel.SMS: Out(at=_NOW, delivered=True)} for step in walked.did if step in plan.send_by_id},
        open_cart=world.get(("open_cart", ""), False),
        running=world.get(("running", ""), ()),
        consented=world.get(("consented", ""), ()),
        agreed=world.get(("agreed", ""), {}),
    )


# What may be so


def _knobs(plan: Plan) -> dict[Knob, list[Any]]:
    """Give all that decides the plan's ways, with the values that make a difference."""
    knobs: dict[Knob, list[Any]] = {}
    for knob, values in itertools.chain(_of_steps(plan), *map(_of_condition, _all(plan.conditions))):
        known = knobs.setdefault(knob, [])
        known.extend(value for value in values if value not in known)
    if plan.key is Key.ORDER and ("segment", "") in knobs:
        knobs["segment", ""].remove((Segment.PROSPECT,))
    return knobs


def _of_steps(plan: Plan) -> Iterator[tuple[Knob, list[Any]]]:
    for step in walk(plan.steps):
        match step:
            case Ask():
                asked = [c.reply[step.id] for c in _all(plan.conditions) if c.reply and step.id in c.reply]
                yield ("reply", step.id), [*_answers(step, asked), *([UNCLEAR] if step.ask.again else []), SILENT]
            case WaitFor():
                yield ("happens", step.id), [*step.wait_for.names, NOTHING]
            case Task():
                yield ("done", step.id), [True, False]
            case Split():
                yield ("variant", step.id), [variant.variant for variant in step.split]


def _answers(step: Ask, asked: list[ReplyIs]) -> list[Answered]:
    match step.ask.expects:
        case Expects.SCORE:
            bounds = {bound for one in asked for bound in (one.at_least, one.at_most) if bound is not None} or {5}
            around = {bound + off for bound in bounds for off in (-1, 0, 1)}
            return [Answered(score=score) for score in sorted(around) if 0 <= score <= 10]
        case Expects.CHOICE:
            return [Answered(choice=option) for option in step.ask.options]
        case Expects.YES_NO:
            return [Answered(yes=True), Answered(yes=False)]
        case Expects.TEXT:
            return [Answered()]


def _all(conditions: Iterable[Condition]) -> Iterator[Condition]:
    for condition in conditions:
        yield condition
        yield from _all(condition.inner)


def _of_condition(condition: Condition) -> Iterator[tuple[Knob, list[Any]]]:
    for name in type(condition).model_fields:
        value = getattr(condition, name)
        if value is None or name in _OF_STEPS:
            continue
        assert name in _VALUES, f"a branch asks for '{name}', and nothing here says what makes it hold"
        yield from _VALUES[name](value)


_OF_STEPS = {"variant", "reply", "task", "sent", "any", "unless"}
"""What follows from what the steps before did."""


def _amounts(name: str) -> Callable[[ValueRange], Iterator[tuple[Knob, list[Any]]]]:
    def values(asked: ValueRange) -> Iterator[tuple[Knob, list[Any]]]:
        bounds = [bound[CURRENCY] for bound in (asked.at_least, asked.below) if bound]
        yield (name, ""), [value for bound in bounds for value in (bound, bound - _CENT)]

    return values


def _segments(asked: list[Segment]) -> Iterator[tuple[Knob, list[Any]]]:
    """Whoever is in a segment is a customer here; somebody else is in none."""
    others = [(Segment.CUSTOMER, segment) for segment in asked if segment not in {Segment.PROSPECT, Segment.CUSTOMER}]
    yield ("segment", ""), [(Segment.PROSPECT,), (Segment.CUSTOMER,), *others]


def _categories(asked: list[str]) -> Iterator[tuple[Knob, list[Any]]]:
    yield ("cart_category", ""), [*asked, "something else"]


def _counts(asked: EventCount) -> Iterator[tuple[Knob, list[Any]]]:
    most = [] if asked.at_most is None else [asked.at_most + 1]
    yield ("event", asked.key), sorted({0, asked.at_least, *most})


def _named(kind: str) -> Callable[[dict[str, list[str]]], Iterator[tuple[Knob, list[Any]]]]:
    def values(asked: dict[str, list[str]]) -> Iterator[tuple[Knob, list[Any]]]:
        yield from (((kind, name), [*wanted, None]) for name, wanted in asked.items())

    return values


def _open_cart(_: bool) -> Iterator[tuple[Knob, list[Any]]]:  # noqa: FBT001 the condition's value
    yield ("open_cart", ""), [False, True]


def _plans(asked: list[str]) -> Iterator[tuple[Knob, list[Any]]]:
    yield ("running", ""), [(), *((plan,) for plan in asked)]


def _media(asked: list[Medium]) -> Iterator[tuple[Knob, list[Any]]]:
    yield ("consented", ""), [tuple(asked), ()]


def _moments(asked: list[Moment]) -> Iterator[tuple[Knob, list[Any]]]:
    """What happened may be known before the journey begins."""
    yield from ((("known", event), [False, True]) for moment in asked if (event := _EVENTS.get(moment)))


def _purposes(asked: dict[Purpose, list[Medium]]) -> Iterator[tuple[Knob, list[Any]]]:
    yield ("agreed", ""), [{purpose: tuple(media) for purpose, media in asked.items()}, {}]


_VALUES: dict[str, Callable[[Any], Iterator[tuple[Knob, list[Any]]]]] = {
    "segment": _segments,
    "cart_value": _amounts("cart_value"),
    "order_value": _amounts("order_value"),
    "cart_category": _categories,
    "customer": _named("customer"),
    "event": _counts,
    "label": _named("label"),
    "open_cart": _open_cart,
    "running": _plans,
    "consented": _media,
    "agreed": _purposes,
    "known": _moments,
}
"""For each kind of condition, the values that make it hold and those that do not."""
