"""Plans that a plan names: what is not there is advised of, and what can never be started by it is forbidden."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from journeys.named_plans import missing, started_in_vain
from journeys.plan import Key
from relance.plan_files import LIBRARY
from tests.unit.program import Relance, the_line
from tests.unit.test_plan_in_vain import OF_CART, OF_ORDER, OF_PERSON, OUT, SAY, plan

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


HEADERS = {"cart": OF_CART, "order": OF_ORDER, "customer": OF_PERSON}
STARTS = {"id": "more", "start": "kb"}


@pytest.mark.parametrize(
    ("key", "other"), [("cart", "order"), ("order", "cart"), ("customer", "cart"), ("customer", "order")]
)
def test_a_plan_about_something_that_a_journey_does_not_have_is_not_started(key: str, other: str) -> None:
    starts, kb = plan(STARTS, **HEADERS[key]), plan(SAY, **HEADERS[other], name="kb")
    [error] = started_in_vain(starts, [kb, starts])
    why = f"kb is about the {other}, and a journey about a {key} has none to follow"
    assert (error.level, error.sentence) == (
        "error",
        f"step more: start: {why}; start a plan whose key is {' or '.join(dict.fromkeys([key, 'customer']))}",
    )
    # The other one may have been there first; it is right by itself.
    [advice] = started_in_vain(kb, [starts, kb])
    why = f"a journey about a {key} has no {other} to follow"
    assert (advice.level, advice.sentence) == ("advice", f"key: step more of p starts this plan in vain: {why}")


@pytest.mark.parametrize("key", Key)
def test_a_plan_about_the_same_or_about_the_person_may_be_started(key: Key) -> None:
    for other in (key, Key.CUSTOMER):
        starts, kb = plan(STARTS, **HEADERS[key]), plan(SAY, **HEADERS[other], name="kb")
        assert [*started_in_vain(starts, [kb]), *started_in_vain(kb, [starts])] == []


REFUSED = (
    "relance: nps: step review: start: payment-pending is about the order, and a journey about a customer has none to"
    " follow; start a plan whose key is customer"
)


def test_what_starts_a_plan_that_its_journeys_cannot_is_neither_published_nor_published_again(
    installed: Relance, tmp_path: Path
) -> None:
    file = copied(tmp_path, "payment-pending")
    installed("shop", "create", "boutique")
    assert installed("plan", "publish", file, "--shop", "boutique").code == 0
    told = installed("plan", "publish", "payment-pending", "--shop", "boutique")
    assert (told.code, "step review of nps starts this plan in vain" in told.out) == (0, True)
    assert installed("plan", "publish", file, "--shop", "boutique").err.strip() == REFUSED
    assert installed("plan", "publish", "nps", "--shop", "boutique").code == 0
    assert the_line(installed("plan", "rollback", "nps", "--shop", "boutique", "--to", "1")) == REFUSED
    shutil.copy(LIBRARY / "payment-pending.yaml", tmp_path)
    assert the_line(installed("plan", "check", file)) == REFUSED
