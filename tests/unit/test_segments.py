"""Segments and scores: the table, its page, and the laws that hold whatever somebody did."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from journeys import segment_table, yamlfile
from journeys.cart import Cart
from journeys.conditions import Condition
from journeys.events import MESSAGE_REPLIED, Name, parse
from journeys.facts import LIVE, SERIAL_ABANDONED_CARTS, SERIAL_WINDOW_DAYS, Facts, Segment, segments
from journeys.offers import OfferPolicy, choose
from journeys.rfm import UNCOMPARED, Edges, Rfm, score, scores
from journeys.segment_table import Table, table
from journeys.segments import CartSeen, Summary, View, segments_of, with_live
from storage.segments import told

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "journeys" / "segments.yaml").read_text()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

# The table


def test_the_table_names_every_segment_and_no_other() -> None:
    assert tuple(segment.value for segment in Segment) == segment_table.NAMES
    assert tuple(table().segments) == segment_table.NAMES


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("at_most: 0}", "most: 0}", "most: is not a field here"),
        ("count: products_viewed", "count: pages", "should be 'orders'"),
        (", within: 7d, at_least: 3", ", within: 7d", "give at_least, at_most, or both"),
        ("within: 7d, ", "", "within is missing: only orders are counted of all time"),
        ("within: 7d", "within: a week", "write a number and a unit"),
        ("  loyal:", "  loyals:", "loyals"),
        ("{count: orders, at_most: 0}", "{count: orders, at_most: 1}", "everybody is one of the two"),
        (
            "{count: abandoned_carts,",
            "{count: purchases_begun,",
            "serial_abandoner is counted by abandoned_carts alone",
        ),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(right: str, wrong: str, sentence: str) -> None:
    assert right in TEXT
    with pytest.raises(yamlfile.FileError, match=re.escape(sentence)):
        yamlfile.parse(Table, TEXT.replace(right, wrong, 1), "segments.yaml")


def test_a_table_without_a_segment_is_refused() -> None:
    with pytest.raises(yamlfile.FileError, match="the segment lapsing is missing"):
        yamlfile.parse(Table, TEXT[: TEXT.index("  lapsing:")], "segments.yaml")


def test_the_page_shows_the_table_as_it_is() -> None:
    def shown(rule: dict[str, str]) -> str:
        within = f" in {rule['within']}" if "within" in rule else ""
        ends = {"at_least": "at least", "at_most": "at most"}
        return f"`{rule['count']}`{within}: " + ", ".join(f"{ends[end]} {rule[end]}" for end in ends if end in rule)

    rows = [
        f"| `{name}` | {'; '.join(map(shown, rules))} | {'at each decision' if name in LIVE else 'kept'} |"
        for name, rules in yaml.safe_load(TEXT)["segments"].items()
    ]
    page = (ROOT / "docs" / "segments.md").read_text()
    assert re.findall(r"^\| `\w+` \| .* \| (?:kept|at each decision) \|$", page, re.MULTILINE) == rows
    assert not [count for count in get_args(segment_table.Count) if f"| `{count}` |" not in page]


def test_the_live_segments_are_what_running_plans_were_written_with() -> None:
    assert (SERIAL_ABANDONED_CARTS, SERIAL_WINDOW_DAYS) == (3, 90)


# One by one, at their edges


@pytest.mark.parametrize(
    ("segment", "did", "holds"),
    [
        (Segment.BUYER, {"carts": (CartSeen(NOW - 30 * DAY, abandoned=True),)}, True),
        (Segment.BUYER, {"carts": (CartSeen(NOW - 30 * DAY - SECOND, abandoned=True),)}, False),
        (Segment.BUYER, {"orders": (NOW - 30 * DAY,)}, True),
        (Segment.BROWSER, {"views": (View("p", "", NOW - 30 * DAY),)}, True),
        (Segment.BROWSER, {"views": (View("p", "", NOW - 30 * DAY - SECOND),)}, False),
        (Segment.BROWSER, {"views": (View("p", "", NOW),), "orders": (NOW - 30 * DAY,)}, False),
        (Segment.COMPARING, {"views": tuple(View(p, "Tents", NOW - 7 * DAY) for p in "abc")}, True),
        (Segment.COMPARING, {"views": tuple(View(p, "Tents", NOW - 7 * DAY) for p in "aab")}, False),
        (Segment.COMPARING, {"views": tuple(View(p, "", NOW - 7 * DAY) for p in "abc")}, False),
        (Segment.COMPARING, {"views": tuple(View(p, f"of {p}", NOW - DAY) for p in "abc")}, False),
        (Segment.COMPARING, {"views": tuple(View(p, "Tents", NOW - 7 * DAY - SECOND) for p in "abc")}, False),
        (Segment.COMPARING, {"views": tuple(View(p, "T", NOW - DAY) for p in "abc"), "orders": (NOW - DAY,)}, False),
        (Segment.COMPARING, {"views": tuple(View(p, "T", NOW - DAY) for p in "abc"), "orders": (NOW - 2 * DAY,)}, True),
        (Segment.LOYAL, {"orders": (NOW - 365 * DAY, NOW - DAY, NOW)}, True),
        (Segment.LOYAL, {"orders": (NOW - 365 * DAY - SECOND, NOW - DAY, NOW)}, False),
        (Segment.LAPSING, {"orders": (NOW - 90 * DAY,)}, False),
        (Segment.LAPSING, {"orders": (NOW - 90 * DAY - SECOND,)}, True),
        (Segment.LAPSING, {}, False),
    ],
)
def test_a_segment_begins_and_ends_where_the_table_says(segment: Segment, did: dict[str, Any], *, holds: bool) -> None:
    assert (segment in segments_of(Summary(at=NOW, **did))) == holds


# Laws

MOMENTS = st.integers(0, 400 * 24).map(lambda hours: NOW - timedelta(hours=hours))
SUMMARIES = st.builds(
    Summary,
    at=st.just(NOW),
    orders=st.lists(MOMENTS, max_size=5).map(lambda found: tuple(sorted(found))),
    spent=st.decimals(0, 1000, places=2),
    currency=st.sampled_from(["EUR", "BRL", ""]),
    carts=st.lists(st.builds(CartSeen, MOMENTS, st.booleans()), max_size=5).map(tuple),
    views=st.lists(st.builds(View, st.sampled_from("abcd"), st.sampled_from(["T", "P", ""]), MOMENTS), max_size=8).map(
        tuple
    ),
)


@given(did=SUMMARIES)
def test_everybody_is_prospect_or_customer_and_nobody_is_both(did: Summary) -> None:
    found = segments_of(did)
    assert (Segment.PROSPECT in found) != (Segment.CUSTOMER in found)


@given(did=SUMMARIES)
def test_what_is_kept_of_the_live_segments_is_what_a_look_would_find_at_that_moment(did: Summary) -> None:
    since = NOW - timedelta(days=SERIAL_WINDOW_DAYS)
    abandoned = [cart for cart in did.carts if cart.abandoned and cart.last_at >= since]
    live = segments(orders=len(did.orders), abandoned_carts=len(abandoned))
    found = segments_of(did)
    assert tuple(segment for segment in found if segment in LIVE) == live
    assert with_live(live, found) == found


@given(values=st.lists(st.integers(0, 50), min_size=5), one=st.integers(0, 50), other=st.integers(0, 50))
def test_a_score_is_monotone_and_lies_between_1_and_5(values: list[int], one: int, other: int) -> None:
    edges = edges_of(values)
    assert 1 <= score(one, edges) <= 5
    assert (score(one, edges) <= score(other, edges)) or one > other


@given(values=st.lists(st.integers(0, 50), min_size=5))
def test_the_lowest_has_a_1_and_whoever_has_a_score_has_no_fifth_more_below_them_than_it_says(
    values: list[int],
) -> None:
    edges = edges_of(values)
    assert score(min(values), edges) == 1
    for value in values:
        lower = sum(other < value for other in values)
        assert score(value, edges) == 5 * lower // len(values) + 1


def edges_of(values: Sequence[int]) -> list[int]:
    return [sorted(values)[-(-k * len(values) // 5) - 1] for k in range(1, 5)]


def test_whoever_spends_in_a_currency_of_few_is_compared_with_nobody() -> None:
    edges = Edges(r=(NOW,) * 4, f=(1, 2, 3, 4), m={"EUR": (Decimal(1), Decimal(2), Decimal(3), Decimal(4))})
    assert scores([NOW + DAY], Decimal(9), "EUR", edges) == Rfm(r=5, f=1, m=5)
    assert scores([NOW + DAY], Decimal(9), "BRL", edges) == Rfm(r=5, f=1, m=UNCOMPARED)
    assert scores([], Decimal(0), "EUR", edges) is None
    assert scores([NOW], Decimal(9), "EUR", None) is None


# Who asks


def facts(**known: Any) -> Facts:
    return Facts(shop_time=NOW, last_activity=NOW, **known)


@pytest.mark.parametrize(
    ("asked", "rfm", "holds"),
    [
        ({"r": {"at_least": 4, "at_most": 5}}, "455", True),
        ({"r": {"at_least": 4}}, "355", False),
        ({"r": {"at_most": 4}, "f": {"at_least": 5}, "m": {"at_least": 5}}, "455", True),
        ({"r": {"at_most": 4}, "f": {"at_least": 5}, "m": {"at_least": 5}}, "454", False),
        ({"r": {"at_least": 1}}, None, False),
    ],
)
def test_a_condition_asks_for_ranges_of_scores(asked: dict[str, Any], rfm: str | None, *, holds: bool) -> None:
    known = Rfm(r=int(rfm[0]), f=int(rfm[1]), m=int(rfm[2])) if rfm else None
    assert Condition.model_validate({"rfm": asked}).holds(facts(rfm=known)) == holds


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "give at least one of r, f, m"),
        ({"r": {}}, "give at_least, at_most, or both"),
        ({"r": {"at_least": 6}}, "less than or equal to 5"),
        ({"x": {"at_least": 1}}, "Extra inputs"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Condition.model_validate({"rfm": asked})


@pytest.mark.parametrize("segment", Segment)
def test_a_condition_can_ask_for_every_segment(segment: Segment) -> None:
    condition = Condition.model_validate({"segment": [segment.value]})
    assert condition.holds(facts(segments=(Segment.PROSPECT, segment)))
    assert not condition.holds(facts())


def test_facts_of_a_history_from_before_there_were_scores_are_read() -> None:
    old = {"shop_time": NOW, "last_activity": NOW, "segments": ["customer", "serial_abandoner"]}
    assert Facts.model_validate(old).rfm is None


def test_of_several_segments_the_offer_is_that_of_the_one_that_the_policy_names_first() -> None:
    credit = {"kind": "next_order_credit"}
    policy = OfferPolicy.model_validate(
        {
            "valid_for": "24h",
            "by_segment": {
                "loyal": [{**credit, "amount": {"EUR": 20}}],
                "customer": [{**credit, "amount": {"EUR": 10}}],
            },
        }
    )
    cart = Cart.model_validate({"items": [{"product_id": "p", "price": 100}], "currency": "EUR"})
    for found, amount in (((Segment.CUSTOMER, Segment.LOYAL), 20), ((Segment.CUSTOMER,), 10)):
        offer = choose(policy, found, cart, made_before=0, at=NOW)
        assert getattr(offer, "amount", None) == amount


@pytest.mark.parametrize("name", [Name.SEGMENT_CHANGED, MESSAGE_REPLIED])
def test_a_change_of_segment_and_an_answer_are_no_activity_on_the_shops_pages(name: str) -> None:
    told = {"type": "track", "event": name, "messageId": "m-1", "userId": "ann", "timestamp": NOW.isoformat()}
    assert not parse(told, received_at=NOW, from_backend=True).is_activity


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"added": ["lapsing"], "removed": ["serial_abandoner"]}, "now lapsing, no longer serial abandoner"),
        ({"rfm_before": "555", "rfm_after": "455", "added": ["lapsing"], "removed": []}, "555 to 455; now lapsing"),
        ({"rfm_before": None, "rfm_after": "111"}, "no scores to 111"),
    ],
)
def test_a_change_of_segment_is_said_in_words(changed: dict[str, Any], said: str) -> None:
    assert told(changed) == said
