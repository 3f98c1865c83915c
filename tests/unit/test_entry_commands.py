"""Plans with a schedule at the terminal: checked, shown, published while their moment is to come, and their runs."""

from __future__ import annotations

import asyncio
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from relance.plan_files import LIBRARY
from storage import database, entry_runs, plans
from tests.unit.program import PAGE, Relance, the_line

DAY = timedelta(days=1)
SCHEDULE = 'schedule: {time: "10:00", on: [tue], timezone: Europe/Paris}'
NEXT = r"next moments: (\d{4}-\d\d-\d\d 10:00 CES?T(, )?){3}\n"
TUESDAY = datetime(2027, 1, 5, 9, tzinfo=UTC)


def written(folder: Path, entry: str) -> str:
    """Write the promotion with another entry, and give its file."""
    shutil.copytree(LIBRARY / "messages" / "promotion", folder / "messages" / "promotion", dirs_exist_ok=True)
    text = (LIBRARY / "promotion.yaml").read_text()
    assert SCHEDULE in text
    (folder / "promotion.yaml").write_text(text.replace(SCHEDULE, entry))
    return str(folder / "promotion.yaml")


def test_a_plan_with_a_schedule_is_checked_shown_and_published_with_its_next_moments(installed: Relance) -> None:
    installed("shop", "create", "boutique")
    for words in (
        ("check", "promotion"),
        ("show", "promotion"),
        ("publish", "promotion", "--shop", "boutique"),
        ("show", "promotion", "--shop", "boutique"),
        ("runs", "promotion", "--shop", "boutique"),
    ):
        done = installed("plan", *words)
        assert (done.code, len(re.findall(NEXT, done.out))) == (0, 1), done
    assert "no moment has come yet\n" in done.out
    assert "next moments" not in installed("plan", "show", "promotion", "--mermaid").out


def test_a_plan_whose_moment_has_passed_is_neither_fine_nor_published(installed: Relance, tmp_path: Path) -> None:
    installed("shop", "create", "boutique")
    file = written(tmp_path, "at: 2026-01-06T10:00:00+01:00")
    passed = "relance: promotion: entry.at: 2026-01-06 10:00 UTC+01:00 has passed, so nobody would enter"
    for words in (("check", file), ("publish", file, "--shop", "boutique")):
        done = installed("plan", *words)
        assert (done.code, passed in done.err) == (2, True), done
    assert "promotion" not in installed("plan", "list", "--shop", "boutique").out


async def _missed_and_begun(database_url: str) -> None:
    pool = await database.connect(database_url)
    await pool.execute("update plan_versions set published_at = $1 where plan = 'promotion'", TUESDAY - DAY)
    await entry_runs.open_due(pool, plans.Plans(), TUESDAY + DAY)
    await entry_runs.open_due(pool, plans.Plans(), TUESDAY + 7 * DAY)
    await pool.close()


def _rows(table: str) -> list[list[str]]:
    """Read the rows of a table that begin with a moment of that year."""
    cells = ([cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines())
    return [row for row in cells if row and row[0].startswith("2027")]


def test_the_runs_of_a_plan_are_listed_newest_first(installed: Relance, database_url: str) -> None:
    installed("shop", "create", "boutique")
    installed("plan", "publish", "promotion", "--shop", "boutique")
    asyncio.run(_missed_and_begun(database_url))
    runs = ("plan", "runs", "promotion", "--shop", "boutique")
    newer, older = _rows(installed(*runs).out)
    assert newer == ["2027-01-12 10:00 CET", "1", "running", "0", "0", "-"]
    assert older == ["2027-01-05 10:00 CET", "1", "missed", "0", "0", "more than 6 hours had passed"]
    assert "these are the newest 1; --limit shows more" in installed(*runs, "--limit", "1").out
    installed("plan", "pause", "promotion", "--shop", "boutique")
    assert "paused" in installed(*runs).out


def test_a_plan_without_a_schedule_has_no_runs(installed: Relance) -> None:
    installed("shop", "create", "boutique")
    out = installed("plan", "runs", "cart-recovery", "--shop", "boutique").out
    assert out == "cart-recovery is entered by events, at no moment of a schedule\n"
    assert "has published no plan 'x'" in the_line(installed("plan", "runs", "x", "--shop", "boutique"))


def test_a_plan_with_a_schedule_is_not_rehearsed_by_recorded_events(relance: Relance, tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text(PAGE)
    line = the_line(relance("rehearse", str(tmp_path / "events.ndjson"), "--plan", "promotion"))
    assert "promotion is entered by a schedule, and by no recorded event: relance plan preview" in line


def test_a_preview_tells_what_a_plan_with_a_schedule_would_do(installed: Relance, database_url: str) -> None:
    installed("shop", "create", "boutique")
    installed("plan", "publish", "promotion", "--shop", "boutique")

    async def know() -> None:
        db = await asyncpg.connect(database_url)
        await db.execute("insert into customers (shop, customer_id) values ('boutique', 'ann')")
        await db.close()

    asyncio.run(know())
    out = installed("plan", "preview", "promotion", "--shop", "boutique", "--key", "ann").out
    assert re.search(r"news +│ passes over", out)
    assert "finished: plan played to its end" in out
