"""A plan becomes a worksheet again: what a sheet can say comes back, and what it cannot is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.facts import Channel, Segment
from journeys.saying import All, First
from journeys.worksheet_cells import show_channels, show_segments
from journeys.worksheet_offers import incentives, show_incentives
from journeys.worksheet_rows import Line
from journeys.worksheet_times import When, show_when
from journeys.worksheet_words import LANGUAGES, NEEDED, example_rows, vocabulary
from messages import sheet_plans
from messages.catalog import PlanFile
from messages.sheets import MOST_ROWS
from relance import plan_files, sheet_commands, sheet_files
from relance.errors import UsageError
from tests.examples import examples
from tests.worksheets import FILLED_IN, saved

POINTS = ("The cart waits", "Shipping costs", BROWSING := "Browsing products")
OFFERS = (
    "",
    "5 € off",
    "10 € / 9 £ off from 99.50 € / 90 £ or free shipping",
    "30 R$ off the next order",
    "free shipping",
)
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="{}%", exclude_categories=["Cc"]), min_size=1, max_size=40
)
TITLED = (Channel.EMAIL, Channel.WEB_PUSH, Channel.APP_PUSH, Channel.MMS, Channel.RCS)


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[Line], str | None]:
    """Fill in a sheet in one language or in four, with one plan; gives its language, where it is one."""
    written = draw(st.sampled_from(LANGUAGES))
    only = draw(st.none() | st.sampled_from(LANGUAGES))
    point = draw(st.sampled_from(POINTS))
    fields = [*NEEDED, "title", "offer", "language", "plan"]
    rows = [[vocabulary(written).columns[field][0] for field in fields]]
    who: list[tuple[Segment, ...]] = draw(
        st.sampled_from([[()], [(Segment.CUSTOMER, Segment.BUYER), ()], [(s,) for s in Segment]])
    )
    for segments in who:
        for turn in range(draw(st.integers(1, 3))):
            length = timedelta(minutes=draw(st.integers(1, 3000)))
            named = draw(st.lists(st.sampled_from(Channel), min_size=1, max_size=3, unique=True))
            together = len(named) > 1 and draw(st.booleans())
            offered = incentives(draw(st.sampled_from(OFFERS)), "en") if point != BROWSING else ()
            for language in [only] if only else LANGUAGES:
                title = draw(TEXTS.filter(str.strip)) if any(channel in TITLED for channel in named) else ""
                row = [
                    point,
                    show_segments(segments, written),
                    draw(TEXTS.filter(str.strip)),
                    show_when(When(length, later=turn > 0), written),
                    show_channels(All(all=named) if together else First(first=named), written),
                    title,
                    show_incentives(offered, written),
                    language,
                    "a-name",
                ]
                rows.append([str(cell) for cell in row])
    return [Line(number, list(row)) for number, row in enumerate(rows, 1)], only


@settings(max_examples=examples(25))
@given(sheets(), st.sampled_from(LANGUAGES), st.sampled_from(["csv", "xlsx"]))
def test_what_a_sheet_says_comes_back_from_its_plan_whole(
    tmp_path: Path, filled_in: tuple[list[Line], str | None], language: str, kind: str
) -> None:
    made = sheet_plans.of_sheet(*filled_in)
    assert made.problems == []
    [plan] = made.plans
    assert sheet_plans.read_back(plan)
    written = sheet_plans.to_sheet(plan, language)
    assert written.notes == []
    file = tmp_path / f"sheet.{kind}"
    sheet_files.write(file, written.rows, language)
    assert sheet_plans.of_sheet(sheet_files.read(file), written.only).plans == [plan]
    assert sheet_plans.to_sheet(plan, language) == written


def test_cart_recovery_is_exported_with_all_that_a_sheet_cannot_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sheet.csv"
    asyncio.run(sheet_commands.export("cart-recovery", file, "en"))
    said = capsys.readouterr()
    assert "cart-recovery: 8 rows are written" in said.out
    assert said.err.startswith("The plan says more than a sheet can. Left out, and lost if")
    for told in (
        "- step how-soon: branches on more than the segment",
        "- step second: its offer is more than a row can say",
        "- step offer-lives: waits behind the last message",
        "- message 'second' in it: only its words by on_site are in the sheet",
    ):
        assert told in said.err
    lines = sheet_files.read(file)
    assert [line.cells[3] for line in lines[1:]] == ["2 hours"] * 4 + ["24 hours later"] * 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"holdout": 0}, "holdout: 0 (a sheet gives 10)"),
        ({"at_most": {"sms": 1}}, "at_most: {'sms': 1} (a sheet gives nothing)"),
        ({"sticking_point": "Paiement"}, "entry: "),
        ({"longest_life": timedelta(days=9)}, "longest_life: 9d (a sheet gives 4d)"),
        ({"audience": {"segment": ["prospect"]}}, "audience: "),
        ({"re_entry": "30d"}, "re_entry: 30d (a sheet gives never)"),
    ],
)
def test_what_a_header_says_that_no_sheet_can_is_told(change: dict[str, Any], told: str) -> None:
    [file] = sheet_plans.of_sheet([Line(n, list(row)) for n, row in enumerate(FILLED_IN, 1)], "fr").plans
    other = type(file.plan).model_validate({**file.plan.model_dump(by_alias=True), **change})
    notes = sheet_plans.to_sheet(replace(file, plan=other), "fr").notes
    assert [note for note in notes if note.startswith(told)]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"id": "gone", "exit": "enough"}, "step gone: is of a kind that a sheet has no words for"),
        ({"id": "end", "wait": "2h"}, "step end: waits behind the last message"),
        ({"id": "idle", "wait_until_idle": "2h"}, "step idle: waits until the person is idle"),
        (
            {"id": "more", "send": {"message": "everybody-1", "channels": {"until_delivered": ["sms", "email"]}}},
            "step more: that it goes on until one is delivered is left out",
        ),
        (
            {"id": "more", "send": {"message": "everybody-1", "channels": {"first": ["sms"]}, "deadline": "2h"}},
            "step more: its deadline is left out",
        ),
    ],
)
def test_what_a_step_says_that_no_sheet_can_is_told(step: dict[str, Any], told: str) -> None:
    rows = [FILLED_IN[0], ["Panier", "Tous", "Bonjour", "2 h", "SMS, e-mail", ""]]
    [file] = sheet_plans.of_sheet([Line(n, list(row)) for n, row in enumerate(rows, 1)], "fr").plans
    said = file.plan.model_dump(by_alias=True, exclude_none=True)
    other = type(file.plan).model_validate({**said, "steps": [*said["steps"], step]})
    assert [note for note in sheet_plans.to_sheet(replace(file, plan=other), "fr").notes if note.startswith(told)]


def test_that_arms_come_in_another_order_is_told() -> None:
    [file] = sheet_plans.of_sheet([Line(n, list(row)) for n, row in enumerate(FILLED_IN, 1)], "fr").plans
    said = file.plan.model_dump(by_alias=True, exclude_none=True)
    leaves, branch = said["steps"]
    narrow = {"if": {"segment": ["comparing"]}, "then": []}
    last, first = ([*branch["branch"], narrow], [narrow, *branch["branch"]])
    told = "step by-segment: its arms change places; a sheet puts those for prospects and customers last"
    for arms, notes in ((last, [told]), (first, [])):
        plan = type(file.plan).model_validate({**said, "steps": [leaves, {**branch, "branch": arms}]})
        found = sheet_plans.to_sheet(replace(file, plan=plan), "fr").notes
        assert [note for note in found if "change places" in note] == notes


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_that_nothing_tells_is_the_one_of_the_columns_and_not_claimed(
    tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [FILLED_IN[0][:5], ["Cart", "Tous", "Your cart waits.", "2 h", "push"]]
    [plan] = sheet_commands.made_of(saved(tmp_path / "sheet.csv", rows), "en")
    assert sheet_plans.to_sheet(plan, language).only == language
    sheet_commands._export(plan, tmp_path / "again.csv", language)  # noqa: SLF001 the command reads its plan from a file
    assert "Everybody is written to in one language, and nothing tells which: import" in capsys.readouterr().out
    rows[1][4] = "SMS"
    [plan] = sheet_commands.made_of(saved(tmp_path / "sheet.csv", rows), "en")
    assert sheet_plans.to_sheet(plan, language).only == "en"
    assert [row[2] for row in sheet_plans.to_sheet(plan, language).rows[1:]] == ["Your cart waits."]
    sheet_commands._export(plan, tmp_path / "again.csv", language)  # noqa: SLF001 the command reads its plan from a file
    assert "Everybody is written to in en: import it with --only en." in capsys.readouterr().out


def test_a_plan_of_whoever_only_looks_comes_back_in_both_kinds_of_file(tmp_path: Path) -> None:
    rows = [FILLED_IN[0][:5], ["Navigation", "Tous", "Encore intéressé ?", "2 h", "SMS, e-mail"]]
    [plan] = sheet_commands.made_of(saved(tmp_path / "sheet.csv", rows), "fr")
    assert sheet_plans.to_sheet(plan, "fr").rows == rows
    for kind in ("csv", "xlsx"):
        file = tmp_path / f"again.{kind}"
        sheet_commands._export(plan, file, "pt")  # noqa: SLF001 the command reads its plan from a file
        assert sheet_commands.made_of(file, "fr") == [plan]


def test_of_a_plan_about_people_who_do_not_browse_all_that_a_sheet_makes_otherwise_is_told() -> None:
    notes = sheet_plans.to_sheet(plan_files.read("welcome"), "en").notes
    assert [note for note in notes if note == "key: customer (a sheet gives cart)"]


def test_what_a_person_wrote_is_in_no_sheet() -> None:
    notes = sheet_plans.to_sheet(plan_files.read("win-back"), "en").notes
    assert [note for note in notes if "uses 'task.text', which is always empty: no step of the plan has a task" in note]


def test_a_plan_that_says_nothing_is_refused(tmp_path: Path) -> None:
    file = plan_files.read("cart-recovery")
    silent = file.plan.model_copy(update={"steps": file.plan.steps[:1]})
    with pytest.raises(UsageError, match="has no message that a sheet could say"):
        sheet_commands._export(PlanFile(silent, file.messages), tmp_path / "x.csv", "en")  # noqa: SLF001 the command reads its plan from a file


@pytest.mark.parametrize("name", ["sheet.ods", "sheet", "none/sheet.csv"])
def test_a_sheet_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"is written as .csv or .xlsx|cannot write"):
        asyncio.run(sheet_commands.export("cart-recovery", tmp_path / name, "en"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_offers_choices_and_shows_a_row_for_each_journey(tmp_path: Path, language: str) -> None:
    file = tmp_path / "worksheet.xlsx"
    asyncio.run(sheet_commands.worksheet(file, language, empty=True))
    book = openpyxl.load_workbook(file)
    sheet, examples, choices = book.worksheets
    assert (sheet.max_row, examples.max_row) == (1, 1 + len(example_rows(language)))
    columns = ("B", "D", "E")
    offered = {str(each.sqref): each for each in sheet.data_validations.dataValidation}
    assert offered.keys() == {f"{column}2:{column}{MOST_ROWS + 1}" for column in columns}
    for validation in offered.values():
        title, _, cells = validation.formula1.partition("!")
        assert title == f"'{choices.title}'"
        assert all(cell.value for (cell,) in choices[cells.replace("$", "")])


def test_a_sheet_of_the_filled_in_kind_comes_back_in_both_kinds_of_file(tmp_path: Path) -> None:
    [plan] = sheet_commands.made_of(saved(tmp_path / "sheet.csv", FILLED_IN), "fr")
    for kind in ("csv", "xlsx"):
        file = tmp_path / f"again.{kind}"
        sheet_commands._export(plan, file, "it")  # noqa: SLF001 the command reads its plan from a file
        assert sheet_commands.made_of(file, "fr") == [plan]
