"""Plans that a plan names and that are not there: advised, never forbidden."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from journeys.named_plans import missing
from relance.plan_files import LIBRARY
from tests.unit.program import Relance
from tests.unit.test_plan_in_vain import OUT, SAY, plan

START = {"id": "more", "start": "reviw-request"}
TYPO = {"running": ["win-bak"]}
KNOWN = ["review-request", "win-back"]


def branch(asked: dict[str, Any]) -> dict[str, Any]:
    return {"id": "who", "branch": [{"if": {"segment": ["loyal"]}}, {"if": asked, "then": [OUT]}]}


@pytest.mark.parametrize(
    ("steps", "audience", "advice"),
    [
        ([START], None, "step more: start: there is no plan 'reviw-request' yet; did you mean 'review-request'?"),
        ([SAY | {"id": "s"}, {"id": "more", "start": "other"}], None, "step more: start: there is no plan 'other' yet"),
        (
            [branch(TYPO)],
            None,
            "step who: arm 2: running: there is no plan 'win-bak' yet; did you mean 'win-back'?",
        ),
        (
            [branch({"open_cart": True, "unless": TYPO})],
            None,
            "step who: arm 2: running: there is no plan 'win-bak' yet; did you mean 'win-back'?",
        ),
        (
            [SAY],
            {"any": [{"open_cart": True}, TYPO]},
            "audience: running: there is no plan 'win-bak' yet; did you mean 'win-back'?",
        ),
    ],
)
def test_a_plan_that_is_not_there_is_named(steps: Any, audience: Any, advice: str) -> None:
    [one] = missing(plan(*steps, audience=audience), KNOWN)
    assert (one.level, one.sentence) == ("advice", advice)


def test_a_plan_that_is_there_and_the_plan_itself_need_no_word() -> None:
    asked = {"running": ["win-back", "p"]}
    assert list(missing(plan({"id": "more", "start": "win-back"}, branch(asked), audience=asked), KNOWN)) == []


ADVICE = "advice: step review: start: there is no plan 'reviw-request' yet; did you mean 'review-request'?"
RIGHT = "start: review-request"


def copied(folder: Path, started: str) -> str:
    """Copy the survey of the library, which starts another plan, and give its file."""
    shutil.copytree(LIBRARY / "messages" / "nps", folder / "messages" / "nps")
    text = (LIBRARY / "nps.yaml").read_text()
    assert RIGHT in text
    (folder / "nps.yaml").write_text(text.replace(RIGHT, f"start: {started}"))
    return str(folder / "nps.yaml")


def test_a_file_that_starts_a_plan_that_is_nowhere_at_hand_is_fine_and_advised(
    relance: Relance, tmp_path: Path
) -> None:
    done = relance("plan", "check", copied(tmp_path, "reviw-request"))
    assert (done.code, [line for line in done.out.splitlines() if "no plan" in line]) == (0, [ADVICE])
    # In the library, and beside the file.
    assert "no plan" not in relance("plan", "check", "nps").out
    shutil.copy(LIBRARY / "review-request.yaml", tmp_path / "own.yaml")
    text = (tmp_path / "own.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("name: review-request", "name: reviw-request"))
    assert "no plan" not in relance("plan", "check", str(tmp_path / "nps.yaml")).out


def test_a_plan_that_starts_one_that_the_shop_has_not_is_published_and_advised(installed: Relance) -> None:
    installed("shop", "create", "boutique")
    done = installed("plan", "publish", "nps", "--shop", "boutique")
    assert (done.code, "start: there is no plan 'review-request' yet\n" in done.out) == (0, True)
    assert installed("plan", "publish", "review-request", "--shop", "boutique").code == 0
    assert "no plan" not in installed("plan", "publish", "nps", "--shop", "boutique").out
