"""Which way somebody goes who fits several rows of a worksheet, and rows that nobody is left for."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.facts import Segment
from journeys.never_taken import never_taken
from journeys.steps import Wait, WaitUntilIdle
from journeys.worksheet_cells import show_segments
from journeys.worksheet_rows import Line
from messages import sheet_plans
from messages.judging import judge
from tests.unit.test_worksheet_import import SEEDS, by_segment, made, refusal
from tests.worksheets import FRENCH, changed


def test_who_leaves_carts_again_and_again_goes_the_own_way_first(tmp_path: Path) -> None:
    [file] = made(tmp_path, SEEDS["004"][1])
    assert [arm.condition.segment for arm in by_segment(file.plan).branch] == [
        [Segment.SERIAL_ABANDONER],
        [Segment.PROSPECT],
        [Segment.CUSTOMER],
    ]


def test_everybody_is_whoever_no_other_row_is_for(tmp_path: Path) -> None:
    [file] = made(tmp_path, SEEDS["003"][1])
    assert [step.id for step in by_segment(file.plan).otherwise] == ["everybody-1-wait", "everybody-1"]
    [alone] = made(tmp_path, SEEDS["000"][1])
    assert isinstance(alone.plan.steps[0], WaitUntilIdle)
    assert isinstance(alone.plan.steps[2], Wait)


def arms(tmp_path: Path, *segments: str) -> list[list[Segment] | None]:
    rows = [["Panier", each, "Bonjour", "2 h", "SMS"] for each in segments]
    [file] = made(tmp_path, [FRENCH, *rows])
    assert [one.level for one in judge(file.messages, file.plan, []) if one.level == "error"] == []
    return [arm.condition.segment for arm in by_segment(file.plan).branch]


@pytest.mark.parametrize("rows", list(permutations(["Prospects", "Clients", "Comparent", "Clients fidèles"])))
def test_narrower_segments_go_their_own_way_before_wider_ones_in_any_order_of_rows(
    tmp_path: Path, rows: tuple[str, ...]
) -> None:
    found = [each[0] for each in arms(tmp_path, *rows) if each]
    assert {*found[:2]} == {Segment.COMPARING, Segment.LOYAL}
    assert found[2:] == [Segment.PROSPECT, Segment.CUSTOMER]


def test_of_segments_that_somebody_may_be_in_at_once_the_row_that_comes_first_counts(tmp_path: Path) -> None:
    assert arms(tmp_path, "Comparent", "Navigateurs", "Tous") == [[Segment.COMPARING], [Segment.BROWSER]]
    assert arms(tmp_path, "Navigateurs", "Comparent", "Tous") == [[Segment.BROWSER], [Segment.COMPARING]]
    together = arms(tmp_path, "Clients, navigateurs", "Prospects, fidèles")
    assert together == [[Segment.PROSPECT, Segment.LOYAL], [Segment.CUSTOMER, Segment.BROWSER]]


def test_a_row_that_nobody_is_left_for_is_told_at_its_segment(tmp_path: Path) -> None:
    assert refusal(tmp_path, changed(B3="Tous")) == [
        (
            "B3: Segment: is for nobody: everybody is in Prospects, Clients, whose rows come first; delete it, or name"
            " fewer in those"
        )
    ]
    assert refusal(tmp_path, changed(B2="Récidivistes, clients", B3="Fidèles", B4="Clients fidèles", D4="36 h")) == [
        f"B{row}: Segment: is for nobody in Clients fidèles: all are in Clients, whose row comes first; name Clients in"
        " a row alone"
        for row in (3, 4)
    ]
    everybody = changed(
        B2="Comparent", B3="Récidivistes, prospects, clients", B4="Récidivistes, prospects, clients", D3="1 h"
    )
    [told] = refusal(tmp_path, everybody)
    assert told.startswith("B2: Segment: is for nobody: everybody is in Prospects, Clients")


@given(
    named=st.dictionaries(st.sampled_from(Segment), st.integers(0, 3), min_size=1),
    rest=st.booleans(),
)
def test_a_sheet_whose_segments_are_fine_makes_a_plan_whose_arms_are_all_taken(
    named: dict[Segment, int], *, rest: bool
) -> None:
    groups = [tuple(who for who in named if named[who] == group) for group in dict.fromkeys(named.values())]
    rows = [["Cart", show_segments(who, "en"), "Hello", "2 h", "SMS"] for who in [*groups, *([()] if rest else [])]]
    heading = ["Sticking point", "Segment", "What to say", "When", "Channels"]
    done = sheet_plans.of_sheet([Line(n, list(row)) for n, row in enumerate([heading, *rows], 1)], "en")
    assert {(problem.name, "is for nobody" in problem.sentence) for problem in done.problems} <= {("Segment", True)}
    for file in done.plans:
        assert list(never_taken(file.plan)) == []
