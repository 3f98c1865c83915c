"""Offers that nobody is made are refused or advised of, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import plan_check
from journeys.cart import Cart, Item
from journeys.facts import Segment
from journeys.offers import NoOffer, OfferPolicy, choose
from tests.unit.test_plan_in_vain import OF_CART, SAY, plan

OFF = {"kind": "item_amount", "amount": {"EUR": 5}, "from_price": {"EUR": 50}}
CREDIT = {"kind": "next_order_credit", "amount": {"EUR": 10}}
SHIPPING = {"kind": "free_shipping"}
WHERE = "step say: prospect: incentive"


def found(*incentives: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    offer = {"valid_for": "24h", "by_segment": {"prospect": list(incentives)}} | changes
    about = plan({"id": "say", "send": SAY["send"] | {"offer": offer}}, **OF_CART)  # type: ignore[operator]
    return [(one.level, one.sentence) for one in plan_check.check(about)]


@pytest.mark.parametrize(
    ("incentive", "problem"),
    [
        (CREDIT | {"amount": {"EUR": 0}}, "amount: 0 EUR is no offer; write what it is worth"),
        (CREDIT | {"amount": {"GBP": 5, "EUR": "0.00"}}, "amount: 0 EUR is no offer; write what it is worth"),
        (OFF | {"amount": {"EUR": 0}}, "amount: 0 EUR is no offer; write what it is worth"),
        (CREDIT | {"amount": {}}, "amount names no currency, so it fits no cart; write one such as {EUR: 5}"),
        (OFF | {"amount": {}}, "amount names no currency, so it fits no cart; write one such as {EUR: 5}"),
        (
            OFF | {"from_price": {"GBP": 50, "CHF": 50}},
            "amount and from_price name no currency that is the same (EUR and GBP, CHF), so it fits no cart",
        ),
        (
            OFF | {"from_price": {}},
            "amount and from_price name no currency that is the same (EUR and none), so it fits no cart",
        ),
        (CREDIT | {"amount": {"XXQ": 5}}, "amount: XXQ is no currency of ISO 4217; write one such as EUR"),
        (
            OFF | {"from_price": {"EUR": 50, "XXQ": 5}},
            "from_price: XXQ is no currency of ISO 4217; write one such as EUR",
        ),
        (SHIPPING | {"costs": {"XXQ": 5}}, "costs: XXQ is no currency of ISO 4217; write one such as EUR"),
    ],
)
def test_what_is_worth_nothing_or_fits_no_cart_is_refused(incentive: dict[str, Any], problem: str) -> None:
    assert found(incentive) == [("error", f"{WHERE} 1: {problem}")]


def test_an_offer_that_is_over_when_it_is_made_is_refused() -> None:
    never = "step say: an offer that is valid_for 0s is over when it is made; write how long it is good"
    assert found(OFF, valid_for="0s") == [("error", never)]
    assert found(OFF, valid_for="1s") == []


@pytest.mark.parametrize(
    ("incentives", "last", "taken"),
    [
        ((SHIPPING, OFF), 2, 1),
        ((OFF, SHIPPING, SHIPPING), 3, 2),
        ((CREDIT, OFF), 2, 1),
        ((OFF, OFF | {"amount": {"EUR": 10}, "from_price": {"EUR": 100}}), 2, 1),
        ((OFF, OFF | {"amount": {"EUR": 60}, "from_price": {"EUR": 1}}), 2, 1),
    ],
)
def test_what_stands_behind_what_fits_each_cart_is_advised_of(incentives: Any, last: int, taken: int) -> None:
    why = f"incentive {taken} fits each cart that it fits; put it before that, or take it out"
    assert found(*incentives) == [("advice", f"{WHERE} {last} is never offered: {why}")]
    # A floor may refuse the first one.
    assert found(*incentives, margin_floor=10, assumed_margin=30) == []


@pytest.mark.parametrize(
    "incentives",
    [
        (OFF, SHIPPING),
        (CREDIT, SHIPPING),
        (CREDIT, CREDIT | {"amount": {"GBP": 9}}),
        (OFF | {"from_price": {"EUR": 100}}, OFF),
        (SHIPPING | {"costs": {"EUR": 0}},),
    ],
)
def test_what_may_be_offered_is_let_through(incentives: Any) -> None:
    assert found(*incentives) == []


def test_an_offer_that_nobody_may_be_made_is_advised_of() -> None:
    assert found(OFF, per_person=0) == [("advice", "step say: per_person: 0, so nobody is ever made its offer")]


# What is said never to be offered is never chosen

prices = st.fixed_dictionaries({}, optional={"EUR": st.integers(1, 9), "GBP": st.integers(1, 9)})
incentives = st.one_of(
    st.just(SHIPPING),
    st.builds(lambda amount: {"kind": "next_order_credit", "amount": amount}, prices),
    st.builds(lambda amount, least: {"kind": "item_amount", "amount": amount, "from_price": least}, prices, prices),
)
carts = st.builds(
    lambda currency, price: Cart(
        items=(Item(product_id="p", name="P", price=Decimal(price)),), currency=currency, value=Decimal(price)
    ),
    st.sampled_from(["EUR", "GBP", "CHF"]),
    st.integers(1, 12),
)


@given(offered=st.lists(incentives, min_size=2, max_size=3), cart=carts)
def test_what_is_said_never_to_be_offered_changes_nothing_where_it_is_taken_out(
    offered: list[dict[str, Any]], cart: Cart
) -> None:
    def chosen(from_these: list[dict[str, Any]]) -> object:
        policy = OfferPolicy.model_validate({"valid_for": "1h", "by_segment": {"prospect": from_these}})
        made = choose(policy, (Segment.PROSPECT,), cart, made_before=0, at=datetime(2026, 1, 1, tzinfo=UTC))
        return None if isinstance(made, NoOffer) else made

    said = " ".join(sentence for _, sentence in found(*offered))
    left = [
        one
        for number, one in enumerate(offered, start=1)
        if f"incentive {number} is never offered" not in said
        and f"incentive {number}: amount n" not in said
        and f"incentive {number}: amount a" not in said
    ]
    assert chosen(offered) == chosen(left)
