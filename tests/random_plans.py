"""Random plans, and what happens while they are played: all that a plan may say, put together at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from journeys.durations import parse
from journeys.facts import CUSTOMER_FIELDS, Channel, Medium, Moment, Purpose, Segment
from journeys.plan import ORDERED, Key, Plan
from journeys.saying import ANSWERED_BY, Expects
from journeys.steps import Weekday
from messages import catalog
from messages.catalog import Catalog
from messages.locale import LANGUAGES

NAME = "random"
OTHER, ABSENT = "other", "absent"
"""Plans that it may start: one that the shop has, and one that it does not have."""
EVENTS = ["Order Shipped", "Product Reviewed", "Support Closed"]
LABELS = {"tier": ["gold", "plain"], "seen": ["yes"]}
CATEGORIES = ["Kitchen", "Garden"]
OPTIONS = ["late", "broken"]
MOST_STEPS, DEEPEST = 4, 2
SAID = """
sms: {text: "Hello"}
rich: {title: "Hello", text: "Hello"}
whatsapp: {text: "Hello"}
email: {subject: "Hello", text: "Hello"}
push: {title: "Hello", text: "Hello"}
voice: {text: "Hello"}
on_site: {title: "Hello", text: "Hello", button: "Hello"}
"""
MESSAGES = ["said", "asked", "asked-again"]

LENGTHS = ["0s", "1s", "20m", "5h", "30h", "4d", "40d"]
lengths = st.sampled_from(LENGTHS)
lives = st.sampled_from(["1m", "2h", "26h", "5d", "30d"])
channels = st.sampled_from(list(Channel))
Draw = Callable[..., Any]


def words() -> Catalog:
    """Give the messages of every random plan: each is said by every channel, in every language."""
    said = SAID.replace("\n", ", ").strip(", ")
    text = "\n".join(f"{name}: {{{said}}}" for name in MESSAGES)
    return catalog.load({f"{language}.yaml": text for language in LANGUAGES})


@dataclass
class Made:
    """The steps that were made so far: conditions may ask for them."""

    key: Key
    steps: list[dict[str, Any]] = field(default_factory=list)

    def named(self, step: dict[str, Any]) -> dict[str, Any]:
        """Give a step the next id."""
        named = {"id": f"s{len(self.steps) + 1}", **step}
        self.steps.append(named)
        return named

    def ids(self, *kinds: str) -> list[str]:
        """Name the steps of some kinds."""
        return [step["id"] for step in self.steps if step.keys() & set(kinds)]


@st.composite
def plans(draw: Draw, keys: tuple[Key, ...] = tuple(Key)) -> Plan:
    """A valid plan."""
    key = draw(st.sampled_from(keys))
    made = Made(key)
    ends = ["ordered_elsewhere", "cart_emptied"] if key is Key.CART else EVENTS
    goal = ORDERED if key is Key.CART else draw(st.sampled_from([None, ORDERED, *EVENTS]))
    return Plan.model_validate(
        {
            "name": NAME,
            "sticking_point": "Anywhere",
            "key": key,
            "entry": {"events": ["Random Begun"], "within": "12h"},
            "goal": goal,
            "exits_on": draw(st.lists(st.sampled_from(ends), unique=True, max_size=1)),
            "purpose": draw(st.sampled_from(Purpose)),
            "priority": draw(st.integers(1, 5)),
            "attribution": "2d",
            "longest_life": draw(lives),
            "at_most": draw(st.dictionaries(channels, st.integers(0, 2), max_size=1)),
            "steps": steps(draw, made, 0, least=2),
        }
    )


@st.composite
def once_valid(draw: Draw) -> Plan:
    """A plan that was valid once: some of what it says is out of bounds by now, or nothing is."""
    said = draw(plans()).model_dump(mode="json", by_alias=True)
    said["longest_life"] = draw(st.sampled_from(["0s", "59s", "5d", "400d", said["longest_life"]]))
    for one in _parts(said):
        if "escalate_after" in one:
            one["escalate_after"] = draw(st.sampled_from([None, *LENGTHS]))
        if one.get("expects") == Expects.CHOICE:
            one["options"] = draw(st.sampled_from([OPTIONS, [*OPTIONS, OPTIONS[0]]]))
            one["words"] = draw(st.sampled_from([{}, {OPTIONS[0]: ["да", "tardy"]}]))
        if one.keys() & {"at_least", "at_most"} and "below" not in one:
            one["at_least"], one["at_most"] = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return Plan.model_validate(said)


def _parts(said: Any) -> Iterator[dict[str, Any]]:
    """Give each part of a plan that has fields, the header left out."""
    for one in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
        if isinstance(one, dict):
            yield one
        yield from _parts(one)


versions = st.sampled_from(Key).flatmap(lambda key: st.tuples(plans((key,)), plans((key,))))
"""Two versions of a plan: they have nothing in common but their name, what they are about, and the ids of steps."""


def steps(draw: Draw, made: Made, depth: int, least: int = 0) -> list[dict[str, Any]]:
    """Some steps in a row; those that hold others are not nested deeper than ``DEEPEST``."""
    makers = FLAT if depth == DEEPEST else [*FLAT, *NESTING]
    count = draw(st.integers(least, MOST_STEPS - depth))
    return [draw(st.sampled_from(makers))(draw, made, depth) for _ in range(count)]


# Steps that hold no others


def wait(draw: Draw, made: Made, _: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(["wait", "wait_until_idle"]))
    return made.named({kind: draw(lengths)})


def until(draw: Draw, made: Made, _: int) -> dict[str, Any]:
    if made.key is Key.ORDER and draw(st.booleans()):
        known = {"moment": draw(st.sampled_from(Moment))}
        return made.named({"wait_until": known | draw(offsets)})
    days = draw(st.lists(st.sampled_from(Weekday), min_size=1, unique=True))
    return made.named({"wait_until": {"time": draw(st.sampled_from(["00:00", "02:30", "18:30"])), "on": days}})


offsets = st.sampled_from([{}, {"before": "5h"}, {"after": "30h"}])


def send(draw: Draw, made: Made, _: int) -> dict[str, Any]:
    offered = {"offer": {"valid_for": "24h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}}}
    offer = offered if made.key is Key.CART and draw(st.booleans()) else {}
    ways = draw(ways_to_say)
    # One message answers, and no call.
    may_answer = "all" not in ways and Channel.VOICE not in next(iter(ways.values()))
    said = {
        "message": "said",
        "channels": ways,
        "deadline": draw(deadlines),
        "before": draw(st.none() | st.sampled_from(Moment)) if made.key is Key.ORDER else None,
        "answers": answered(draw, made) if may_answer else None,
    }
    return made.named({"send": said | offer})


def answered(draw: Draw, made: Made) -> str | None:
    """The step whose question is answered, of those that there are already; often none."""
    question: str | None = draw(st.sampled_from([None, *made.ids("ask")]))
    return question


deadlines = st.none() | st.sampled_from(["0s", "20m", "30h"])
several = st.lists(channels, min_size=1, max_size=3)
until_delivered = st.builds(
    lambda firsts, last, within: {"until_delivered": [*firsts, last], "within": within},
    st.lists(channels.filter(lambda channel: channel is not Channel.EMAIL), min_size=1, max_size=2),
    channels,
    lengths,
)
ways_to_say = several.map(lambda them: {"first": them}) | several.map(lambda them: {"all": them}) | until_delivered


def ask(draw: Draw, made: Made, _: int) -> dict[str, Any]:
    expects = draw(st.sampled_from(Expects))
    asked = {
        "message": "asked",
        "channels": {"first": draw(st.lists(st.sampled_from(ANSWERED_BY), min_size=1, max_size=2))},
        "expects": expects,
        "options": OPTIONS if expects is Expects.CHOICE else [],
        "within": draw(lengths),
        "again": draw(st.sampled_from([None, "asked-again"])),
        "deadline": draw(deadlines),
        "answers": answered(draw, made),
    }
    return made.named({"ask": asked})


def start(draw: Draw, made: Made, _: int) -> dict[str, Any]:
    return made.named({"start": draw(st.sampled_from([OTHER, ABSENT]))})


def label(draw: Draw, made: Made, _: int) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(LABELS)))
    return made.named({"set": {name: draw(st.sampled_from(LABELS[name]))}})


def leave(_: Draw, made: Made, __: int) -> dict[str, Any]:
    return made.named({"exit": "left at random"})


# Steps that hold others


def wait_for(draw: Draw, made: Made, depth: int) -> dict[str, Any]:
    expected = {"event": draw(st.sampled_from(EVENTS) | some(EVENTS)), "within": draw(lengths)}
    return made.named({"wait_for": expected, "otherwise": steps(draw, made, depth + 1)})


def task(draw: Draw, made: Made, depth: int) -> dict[str, Any]:
    within = draw(lengths)
    shorter = [length for length in LENGTHS if parse(length) < parse(within)]
    wanted = {"title": "Ring them", "within": within, "escalate_after": draw(st.sampled_from([None, *shorter]))}
    return made.named({"task": wanted, "otherwise": steps(draw, made, depth + 1)})


def split(draw: Draw, made: Made, depth: int) -> dict[str, Any]:
    share = draw(st.integers(0, 100))
    variants = [
        {"variant": name, "share": part, "then": steps(draw, made, depth + 1)}
        for name, part in (("a", share), ("b", 100 - share))
    ]
    return made.named({"split": variants})


def branch(draw: Draw, made: Made, depth: int) -> dict[str, Any]:
    arms = [{"if": condition(draw, made), "then": steps(draw, made, depth + 1)} for _ in range(draw(st.integers(1, 2)))]
    return made.named({"branch": arms, "otherwise": steps(draw, made, depth + 1)})


FLAT = [wait, wait, wait, until, send, send, ask, ask, start, label, leave]
"""Some are made more often than others."""
NESTING = [wait_for, task, split, branch]


# Conditions


def condition(draw: Draw, made: Made, depth: int = 0) -> dict[str, Any]:
    """What an arm may ask for: one field or two, and what must not hold."""
    fields = possible(made)
    names = draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=2, unique=True))
    asked = {name: draw(fields[name]) for name in names}
    if depth == 0 and draw(st.booleans()):
        asked["unless"] = condition(draw, made, 1)
    if depth == 0 and draw(st.booleans()):
        asked["any"] = [condition(draw, made, 1) for _ in range(2)]
    return asked


def some(values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2)


def _is_a_range(count: dict[str, Any]) -> bool:
    return bool(count["at_least"] <= count.get("at_most", 1_000))


amounts = st.fixed_dictionaries({"EUR": st.integers(0, 80)})
ranges = st.fixed_dictionaries({}, optional={"at_least": amounts, "below": amounts}).filter(bool)
answers = st.sampled_from([{}, {"at_least": 5}, {"at_most": 5}, {"choice": OPTIONS[:1]}, {"yes": True}])
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "segment": some(Segment),
    "rfm": st.fixed_dictionaries({"r": st.fixed_dictionaries({"at_least": st.integers(1, 5)})}),
    "cart_value": ranges,
    "order_value": ranges,
    "cart_category": some(CATEGORIES),
    "customer": st.dictionaries(
        st.sampled_from(sorted(CUSTOMER_FIELDS)), some(["FR", "fr", "Europe/Paris"]), min_size=1
    ),
    "event": st.fixed_dictionaries(
        {"name": st.sampled_from([ORDERED, *EVENTS]), "at_least": st.integers(0, 2)},
        optional={
            "at_most": st.integers(0, 3),
            "within": lengths,
            "same": st.sampled_from(["product_id", "category"]),
            "where": st.sampled_from([{"product_id": ["p-1"]}, {"category": ["x"]}]),
        },
    ).filter(_is_a_range),
    "orders": st.fixed_dictionaries({"at_most": st.integers(0, 3)}),
    "label": st.sampled_from(sorted(LABELS)).map(lambda name: {name: LABELS[name][:1]}),
    "open_cart": st.booleans(),
    "running": some([OTHER, ABSENT]),
    "consented": some(Medium),
    "agreed": st.dictionaries(st.sampled_from(Purpose), some(Medium), min_size=1),
}


def possible(made: Made) -> dict[str, st.SearchStrategy[Any]]:
    """The fields of a condition, with what may be asked in each; some are about the steps that there are already."""
    of_steps = {
        "variant": _by_step(made.ids("split"), some(["a", "b"])),
        "reply": _by_step(made.ids("ask"), answers),
        "task": _by_step(made.ids("task"), some(["open", "done", "expired"])),
        "sent": some(ids) if (ids := made.ids("send", "ask")) else None,
        "known": some(Moment) if made.key is Key.ORDER else None,
    }
    return CONDITIONS | {name: strategy for name, strategy in of_steps.items() if strategy is not None}


def _by_step(ids: list[str], asked: st.SearchStrategy[Any]) -> st.SearchStrategy[Any] | None:
    return st.dictionaries(st.sampled_from(ids), asked, min_size=1, max_size=1) if ids else None


# What happens meanwhile


@dataclass(frozen=True)
class Happening:
    """What happens so long after the one before, or after the beginning; ``word`` says what exactly."""

    after: timedelta
    what: str
    word: str = ""


gaps = st.sampled_from(["0s", "1s", "10m", "2h", "20h", "3d"]).map(parse)
WORDS_OF = {
    "event": st.sampled_from(EVENTS),
    "reply": st.sampled_from(["7", "1", "oui", "non", "late", "??", "I never got it"]),
    "signal": st.sampled_from(["pause", "resume"]),
}
HAPPEN = ["activity", "event", "event", "reply", "reply", "task", "arrival", "pause", "resume", "signal", *["move"] * 2]
LAST = ["goal", "goal", "cancel"]
"""Each comes once at most: what comes after it finds a journey that has ended."""


@st.composite
def stories(draw: Draw) -> list[Happening]:
    """What happens while a plan is played, in its order."""
    kinds = draw(st.lists(st.sampled_from(HAPPEN), max_size=6))
    kinds += draw(st.lists(st.sampled_from(LAST), max_size=1))
    kinds += draw(st.lists(st.sampled_from(HAPPEN), max_size=1))
    return [Happening(draw(gaps), kind, draw(WORDS_OF.get(kind, st.just("")))) for kind in kinds]
