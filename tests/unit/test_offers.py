"""Who is offered what: by segment, above the margin's floor, not too often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from journeys.cart import Cart, Item
from journeys.facts import Segment
from journeys.offers import NoOffer, Offer, OfferPolicy, PoolCodes, choose

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
FIVE_OFF = {"kind": "item_amount", "amount": {"EUR": 5}, "from_price": {"EUR": 50}}
SHIPPING = {"kind": "free_shipping", "costs": {"EUR": 6}}
CREDIT = {"kind": "next_order_credit", "amount": {"EUR": 5}}


def policy(**changes: Any) -> OfferPolicy:
    by_segment = {"prospect": [FIVE_OFF, SHIPPING], "customer": [CREDIT]}
    return OfferPolicy.model_validate({"valid_for": "24h", "by_segment": by_segment} | changes)


def cart(price: object = 60, cost: object = None, quantity: int = 1) -> Cart:
    told = Decimal(str(cost)) if cost is not None else None
    item = Item(product_id="p-1", name="Teapot", price=Decimal(str(price)), quantity=quantity, cost=told)
    return Cart(items=(item,), currency="EUR")


def offered(of: OfferPolicy, *segments: Segment, what: Cart | None = None, before: int = 0) -> Offer | NoOffer:
    return choose(of, segments or (Segment.PROSPECT,), what or cart(), made_before=before, at=NOW)


def test_a_prospect_gets_an_amount_off_an_item_and_a_customer_a_credit() -> None:
    first, second = offered(policy()), offered(policy(), Segment.CUSTOMER)
    assert isinstance(first, Offer)
    assert isinstance(second, Offer)
    assert (first.kind, first.amount, first.deadline) == ("item_amount", Decimal(5), NOW + timedelta(hours=24))
    assert second.kind == "next_order_credit"


@pytest.mark.parametrize("buyer", [Segment.PROSPECT, Segment.CUSTOMER])
def test_a_serial_abandoner_is_offered_nothing_unless_the_plan_says_so(buyer: Segment) -> None:
    assert offered(policy(), buyer, Segment.SERIAL_ABANDONER) == NoOffer(
        "the plan offers nothing to a serial abandoner"
    )
    for_them = policy(by_segment={"serial_abandoner": [SHIPPING]})
    assert isinstance(offered(for_them, buyer, Segment.SERIAL_ABANDONER), Offer)


def test_nobody_is_made_more_offers_in_their_life_than_the_plan_allows() -> None:
    assert isinstance(offered(policy(per_person=2), before=1), Offer)
    assert offered(policy(per_person=2), before=2) == NoOffer("was made 2 offers before, and the plan allows 2")


@pytest.mark.parametrize(
    ("cost", "floor", "kind"),
    [
        # 55 left of 60, which cost 40: 15 of 55 are 27 %.
        (40, 27, "item_amount"),
        # 28 % are not left with 5 off, nor with shipping for 6.
        (40, 28, None),
        (0, 100, "item_amount"),
        (60, 0, None),
    ],
)
def test_no_offer_takes_the_margin_below_its_floor(cost: int, floor: int, kind: str | None) -> None:
    made = offered(policy(margin_floor=floor), what=cart(60, cost))
    assert (made.kind if isinstance(made, Offer) else None) == kind
    if kind is None:
        assert made == NoOffer(f"the margin would fall below {floor} %")


def test_a_margin_that_nobody_knows_keeps_no_floor() -> None:
    assert isinstance(offered(policy(margin_floor=1)), NoOffer)
    assert isinstance(offered(policy(margin_floor=20, assumed_margin=40)), Offer)


@given(
    price=st.decimals(0, 500, places=2),
    cost=st.none() | st.decimals(0, 500, places=2),
    quantity=st.integers(1, 4),
    floor=st.integers(0, 100),
    assumed=st.none() | st.integers(0, 100),
    segment=st.sampled_from(Segment),
    before=st.integers(0, 4),
)
def test_whatever_the_cart_an_offer_keeps_the_floor_and_the_cap_and_costs_no_more_than_its_item(
    price: Decimal,
    cost: Decimal | None,
    quantity: int,
    floor: int,
    assumed: int | None,
    segment: Segment,
    before: int,
) -> None:
    of = policy(margin_floor=floor, assumed_margin=assumed, per_person=2)
    made = offered(of, segment, what=cart(price, cost, quantity), before=before)
    if isinstance(made, NoOffer):
        assert made.reason
        return
    assert before < 2
    assert segment is not Segment.SERIAL_ABANDONER
    takes = Decimal(6) if made.kind == "free_shipping" else made.amount or Decimal(0)
    if made.kind == "item_amount":
        assert takes <= price
    each = price - cost if cost is not None else price * (assumed or 0) / 100
    assert each * quantity - takes >= (price * quantity - takes) * floor / 100


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ({}, "relance"),
        ({"pool": None}, "relance"),
        ({"codes": "shop"}, "shop"),
        ({"codes": {"pool": "spring"}}, PoolCodes(pool="spring")),
        ({"pool": "spring"}, PoolCodes(pool="spring")),
    ],
)
def test_where_codes_come_from_is_read_as_plans_say_it_now_and_said_it_before(said: Any, codes: object) -> None:
    read = policy(**said)
    assert read.codes == codes
    assert OfferPolicy.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(
    "said",
    [{"codes": "mine"}, {"codes": {"pool": "a b"}}, {"pool": "a b"}, {"pool": "a", "codes": "shop"}, {"codes": None}],
)
def test_codes_that_come_from_nowhere_or_from_two_places_are_refused(said: Any) -> None:
    with pytest.raises(ValidationError):
        policy(**said)
