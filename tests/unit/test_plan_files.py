"""Plans and their messages, read from files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from messages.locale import LANGUAGES
from relance import plan_files
from relance.errors import UsageError


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A shop's own copy of a plan, with its messages beside it; gives the plan's file."""
    messages = tmp_path / "messages" / "mine"
    shutil.copytree(plan_files.PLANS / "messages" / "cart-recovery", messages)
    shutil.copy(plan_files.PLANS / "cart-recovery.yaml", tmp_path / "mine.yaml")
    return tmp_path / "mine.yaml"


def language(plan: Path, name: str) -> Path:
    return plan.parent / "messages" / plan.stem / f"{name}.yaml"


def change(file: Path, right: str, wrong: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")


def refusal(name: str | Path) -> list[str]:
    with pytest.raises(UsageError) as error:
        plan_files.read(str(name))
    return str(error.value).splitlines()


@pytest.mark.parametrize("name", plan_files.names())
def test_a_plan_that_comes_along_is_right_in_every_language_and_bears_its_files_name(name: str) -> None:
    file = plan_files.read(name)
    assert file.plan.name == name
    assert sorted(file.messages.languages) == sorted(LANGUAGES)


def test_the_plan_for_carts_comes_along() -> None:
    assert "cart-recovery" in plan_files.names()


def test_a_plan_that_there_is_not_is_told_those_that_there_are() -> None:
    [told] = refusal("cart-recover")
    assert told.startswith("there is no plan 'cart-recover'; there are ")
    assert "cart-recovery" in told.split("; ")[1]


def test_a_plan_is_read_by_its_path_with_the_messages_beside_it(mine: Path) -> None:
    change(language(mine, "en"), "subject: Your cart is still here", "subject: Your own words")
    file = plan_files.read(str(mine))
    assert file.plan == plan_files.read("cart-recovery").plan
    words = file.messages.languages["en"]["first"].email
    assert words
    assert words.subject == "Your own words"


def test_a_mistake_in_the_plan_is_told_with_file_line_and_field(mine: Path) -> None:
    change(mine, "holdout: 10", "holdot: 10")
    assert refusal(mine) == [f"{mine}:14: holdot: is not a field here; did you mean 'holdout'?"]


def test_a_file_that_comes_along_is_named_as_it_stands_in_the_checkout(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_files, "PLANS", mine.parent)
    change(mine, "holdout: 10", "holdout: -1")
    assert refusal("mine") == [f"{mine.parent.name}/mine.yaml:14: holdout: input should be at least 0"]


def test_a_mistake_in_a_language_is_told_with_file_line_and_field(mine: Path) -> None:
    file = language(mine, "fr")
    change(file, "subject:", "subjet:")
    [missing, unknown] = refusal(mine)
    assert re.fullmatch(re.escape(str(file)) + r":\d+: first\.email\.subject: is missing", missing)
    assert re.fullmatch(
        re.escape(str(file)) + r":\d+: first\.email\.subjet: is not a field here; did you mean 'subject'\?", unknown
    )


def test_a_language_that_is_missing_is_told_for_each_send(mine: Path) -> None:
    language(mine, "pt").unlink()
    folder = mine.parent / "messages" / "mine"
    assert refusal(mine) == [
        f"{folder}: step {step}: message '{step}' in pt for {channel} is missing"
        for step, channels in (
            ("first", ("app_push", "web_push", "on_site", "sms", "email")),
            ("second", ("on_site", "email", "sms")),
        )
        for channel in channels
    ]


def test_a_variable_that_no_message_has_is_told(mine: Path) -> None:
    change(language(mine, "it"), "{{ cart.link }}", "{{ cart.url }}")
    [told] = refusal(mine)
    assert told.endswith("step first: message 'first' in it for sms uses 'cart.url', which no message has")


@pytest.mark.parametrize("name", ["mine.yaml", "messages/mine/en.yaml"])
def test_a_file_that_is_no_text_is_refused(mine: Path, name: str) -> None:
    (mine.parent / name).write_bytes(b"\xff\xfe\x00")
    [told] = refusal(mine)
    assert str(mine) in told


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "plans.yaml").mkdir()
    [told] = refusal(tmp_path / "plans.yaml")
    assert told.startswith("there is no plan")
