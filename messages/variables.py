"""The variables of a template, and which of them are empty in every journey of a kind of plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from liquid.exceptions import LiquidError

from journeys.events import PRODUCT_VIEWED
from journeys.plan import Key, Plan
from journeys.steps import Task, walk
from messages.render import parse


@lru_cache(maxsize=4096)
def variables(source: str) -> frozenset[str]:
    """Name the variables of a template; one that cannot be read has none."""
    try:
        return frozenset(str(path) for path in parse(source).global_variable_paths())
    except LiquidError:
        return frozenset()


def root(name: str) -> str:
    """Give the part that a variable is taken from: ``cart`` of ``cart.items[0].name``."""
    return re.split(r"[.\[]", name, maxsplit=1)[0]


@dataclass(frozen=True)
class Kind:
    """What the journeys of a plan have to tell of.

    Attributes:
        key: what they are about.
        has_views: whether the plan asks for ``Product Viewed``, so that what was looked at is known.
        has_tasks: whether somebody may have written something for one of its tasks.

    """

    key: Key
    has_views: bool
    has_tasks: bool

    @classmethod
    def of(cls, plan: Plan) -> Kind:
        """Give the kind of a plan."""
        has_tasks = any(isinstance(step, Task) for step in walk(plan.steps))
        return cls(plan.key, PRODUCT_VIEWED in plan.names, has_tasks)


@dataclass(frozen=True)
class _Rule:
    """Which variables of a part are empty in journeys of which kind, and why."""

    part: str
    is_empty: Callable[[Kind], bool]
    why: str
    but: frozenset[str] = frozenset()


def _has_no_cart(kind: Kind) -> bool:
    return kind.key is not Key.CART


_RULES = (
    # The link leads to the order's page, or the shop's, where there is no cart.
    _Rule("cart", _has_no_cart, "a journey about the {key} has no cart", but=frozenset({"cart.link"})),
    _Rule("offer", _has_no_cart, "an offer is made for a cart, not in a journey about the {key}"),
    _Rule("related", _has_no_cart, "a journey about the {key} has no cart that something is related to"),
    _Rule("order", lambda kind: kind.key is not Key.ORDER, "a journey about the {key} has no order"),
    _Rule("viewed", lambda kind: not kind.has_views, "no journey of the plan begins with Product Viewed"),
    _Rule("task", lambda kind: not kind.has_tasks, "no step of the plan has a task"),
)


def empty(source: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """Give each variable of a template that is empty in every journey of a kind, with why."""
    for name in sorted(variables(source)):
        for rule in _RULES:
            if rule.part == root(name) and name not in rule.but and rule.is_empty(kind):
                yield name, rule.why.format(key=kind.key)
