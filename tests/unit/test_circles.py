"""Plans that start each other: a circle is found, written out, and refused where files are checked."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.circles import circle
from journeys.plan import Plan
from relance import plan_files
from tests.unit.program import Relance, the_line
from tests.workflows.keyed import OF_PEOPLE

NAMES = ["a", "b", "c", "d", "e"]


def plan(name: str, *starts: str) -> Plan:
    steps = [{"id": f"starts-{one}", "start": one} for one in starts]
    return Plan.model_validate({**OF_PEOPLE, "name": name, "steps": [*steps, {"id": "gone", "exit": "done"}]})


graphs = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from([one for one in NAMES if one != name]), unique=True, max_size=3) for name in NAMES}
)


def reached(graph: dict[str, list[str]], start: str) -> set[str]:
    """All that is started by a plan, sooner or later."""
    found = set(graph[start])
    while more := {then for name in found for then in graph[name]} - found:
        found |= more
    return found


@given(graph=graphs)
def test_a_circle_is_found_where_there_is_one_and_each_of_its_plans_starts_the_next(
    graph: dict[str, list[str]],
) -> None:
    plans = [plan(name, *starts) for name, starts in graph.items()]
    way = circle(plan("a", *graph["a"]), plans)
    assert (way is not None) is ("a" in reached(graph, "a"))
    if way is not None:
        assert way[0] == way[-1] == "a"
        assert all(then in graph[name] for name, then in pairwise(way))
        assert len(set(way)) == len(way) - 1


def test_a_plan_as_it_is_to_be_counts_and_not_as_it_was() -> None:
    assert circle(plan("a"), [plan("a", "b"), plan("b", "a")]) is None
    assert circle(plan("a", "b"), [plan("a"), plan("b", "a")]) == ["a", "b", "a"]


def test_a_start_inside_a_branch_counts() -> None:
    arm = {"if": {"open_cart": True}, "then": [{"id": "starts", "start": "b"}]}
    inside = Plan.model_validate({**OF_PEOPLE, "name": "a", "steps": [{"id": "who", "branch": [arm]}]})
    assert circle(inside, [plan("b", "a")]) == ["a", "b", "a"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the survey of the library, which is to start a plan of the shop's own."""
    for name in ("nps.yaml", "messages/nps"):
        source = plan_files.LIBRARY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def beside(folder: Path, *starts: str) -> None:
    """Write the plan that the survey starts."""
    header = 'name: review-request\nsticking_point: x\nkey: customer\nentry: {events: [X], within: "1h"}\n'
    steps = "".join(f"  - {{id: s-{number}, start: {name}}}\n" for number, name in enumerate(starts))
    text = f"{header}purpose: service\nlongest_life: 1d\nsteps:\n{steps}  - {{id: gone, exit: done}}\n"
    (folder / "review-request.yaml").write_text(text)


CIRCLE = "relance: nps: it starts itself again: nps → review-request → nps; take one of these starts out"


def test_a_plans_file_that_leads_back_to_itself_by_those_beside_it_is_refused(relance: Relance, folder: Path) -> None:
    beside(folder, "nps")
    (folder / "no-plan.yaml").write_text("name: [")
    refused = relance("plan", "check", str(folder / "nps.yaml"))
    assert (refused.code, refused.err.strip()) == (2, CIRCLE)
    beside(folder, "another")
    assert relance("plan", "check", str(folder / "nps.yaml")).code == 0


def test_a_plan_that_leads_back_to_itself_by_what_the_shop_has_published_is_not_published(
    installed: Relance, folder: Path
) -> None:
    beside(folder, "nps")
    installed("shop", "create", "boutique")
    nps, review = folder / "nps.yaml", folder / "review-request.yaml"
    assert installed("plan", "publish", str(review), "--shop", "boutique").code == 0
    refused = installed("plan", "publish", str(nps), "--shop", "boutique")
    assert (refused.code, refused.err.strip()) == (2, CIRCLE)
    assert "nps" not in installed("plan", "list", "--shop", "boutique").out
    beside(folder)
    assert installed("plan", "publish", str(review), "--shop", "boutique").code == 0
    assert installed("plan", "publish", str(nps), "--shop", "boutique").code == 0
    back = installed("plan", "rollback", "review-request", "--shop", "boutique", "--to", "1")
    assert "review-request → nps → review-request" in the_line(back)
