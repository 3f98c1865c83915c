"""What a condition asks, and what it makes of the facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from journeys.condition_words import sentence
from journeys.conditions import Condition, EventCount
from journeys.facts import Facts, Moment, Segment
from journeys.plan import Plan

NOW = datetime(2027, 1, 1, tzinfo=UTC)
HAS_CART, IS_LOYAL = {"open_cart": True}, {"segment": ["loyal"]}


def facts(**known: Any) -> Facts:
    return Facts(shop_time=NOW, last_activity=NOW, **known)


@given(open_cart=st.booleans(), loyal=st.booleans())
def test_any_holds_where_one_of_its_conditions_does_and_the_other_fields_hold_too(
    *, open_cart: bool, loyal: bool
) -> None:
    found = facts(open_cart=open_cart, segments=(Segment.LOYAL,) if loyal else ())
    either = Condition.model_validate({"any": [HAS_CART, IS_LOYAL]})
    assert either.holds(found) is (open_cart or loyal)
    both = Condition.model_validate({"any": [HAS_CART, IS_LOYAL], "segment": ["loyal"]})
    assert both.holds(found) is loyal
    neither = Condition.model_validate({"unless": {"any": [HAS_CART, IS_LOYAL]}})
    assert neither.holds(found) is not (open_cart or loyal)


@given(orders=st.integers(0, 5), least=st.integers(0, 3), most=st.integers(3, 5))
def test_orders_are_counted_with_both_ends(*, orders: int, least: int, most: int) -> None:
    asked = Condition.model_validate({"orders": {"at_least": least, "at_most": most}})
    assert asked.holds(facts(orders=orders)) is (least <= orders <= most)


@pytest.mark.parametrize("asked", [{}, {"at_least": -1}])
def test_a_count_of_orders_that_asks_nothing_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate({"orders": asked})


def test_what_stands_in_a_condition_is_asked_for_and_said_as_well() -> None:
    counted = {"event": {"name": "Product Viewed", "at_least": 2}}
    asked = Condition.model_validate({"any": [HAS_CART, {"unless": counted}]})
    assert asked.asks_for == {"any", "open_cart", "unless", "event"}
    assert [count.key for count in asked.counted] == ["Product Viewed"]
    assert sentence(asked) == (
        "(the person has a cart with something in it)"
        " or (not (Product Viewed came 2 times or more since the journey began))"
    )


@pytest.mark.parametrize(
    ("properties", "fits"),
    [
        ({"before": "555", "kind": ["a", "b"], "n": 3}, True),
        ({"before": "554", "kind": "b", "n": 3.0}, False),
        ({"before": "554", "kind": "b", "n": 3}, True),
        ({"before": 555, "kind": ["b"], "n": 3}, True),
        ({"before": "455", "kind": ["b"], "n": 3}, False),
        ({"before": "555", "kind": ["c"], "n": 3}, False),
        ({"before": "555", "kind": [], "n": 3}, False),
        ({"before": "555", "kind": {"b": 1}, "n": 3}, False),
        ({"before": None, "kind": ["b"], "n": 3}, False),
        ({}, False),
    ],
)
def test_an_event_is_counted_by_the_words_of_its_properties(properties: dict[str, Any], *, fits: bool) -> None:
    asked = EventCount(name="Changed", where={"before": ["555", "554"], "kind": ["b"], "n": ["3"]})
    assert asked.fits(properties) is fits
    assert asked.key == "Changed where before is 555 or 554 and kind is b and n is 3"


def test_a_moment_may_be_known() -> None:
    asked = Condition.model_validate({"known": ["order.payment_due", "order.expected"]})
    assert asked.holds(facts(moments={Moment.EXPECTED: NOW}))
    assert not asked.holds(facts(moments={Moment.SHIPPED: NOW}))


@pytest.mark.parametrize("where", ["audience", "steps"])
def test_a_moment_is_known_of_an_order_alone(where: str) -> None:
    asks: dict[str, Any] = {"unless": {"known": ["order.shipped"]}}
    steps: list[dict[str, Any]] = [{"id": "s", "wait": "1h"}]
    if where == "steps":
        steps = [{"id": "s", "branch": [{"if": asks}]}]
    plan: dict[str, Any] = {
        "name": "p",
        "sticking_point": "x",
        "purpose": "marketing",
        "longest_life": "3d",
        "entry": {"events": ["X"], "within": "1h"},
        "audience": asks if where == "audience" else None,
        "steps": steps,
    }
    assert Plan.model_validate({**plan, "key": "order"})
    with pytest.raises(ValidationError, match="moments are known of an order; this plan's key is 'customer'"):
        Plan.model_validate({**plan, "key": "customer"})


@pytest.mark.parametrize("asked", [{"any": []}, {"any": [HAS_CART]}, {"event": {"name": "X", "where": {"a": []}}}])
def test_a_choice_of_nothing_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="at least"):
        Condition.model_validate(asked)


@given(st.integers(min_value=1, max_value=5_000))
def test_conditions_in_conditions_are_read_or_refused(depth: int) -> None:
    asked: dict[str, Any] = HAS_CART
    for _ in range(depth):
        asked = {"unless": asked}
    try:
        read = Condition.model_validate(asked)
    except ValidationError:
        return
    assert read.holds(facts()) is bool(depth % 2)
    assert sentence(read).count("not (") == depth
