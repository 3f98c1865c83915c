"""``relance plan``: shown, paused, published, compared, archived, imported and exported."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from storage import database
from tests.unit.program import Relance, the_line
from tests.worksheets import FILLED_IN, changed, saved


def test_a_plan_is_paused_and_goes_on(installed: Relance) -> None:
    assert installed("shop", "create", "boutique").code == 0
    words = ("cart-recovery", "--shop", "boutique")
    assert "is paused" in installed("plan", "pause", *words).out
    assert "goes on" in installed("plan", "resume", *words).out
    assert "was not paused" in installed("plan", "resume", *words).out
    assert "has published no plan 'x'" in the_line(installed("plan", "pause", "x", "--shop", "boutique"))


def test_all_plans_are_paused_and_go_on_at_once(installed: Relance) -> None:
    assert installed("shop", "create", "boutique").code == 0
    assert "cart-recovery is paused" in installed("plan", "pause", "--all", "--shop", "boutique").out
    assert "paused" in installed("plan", "list", "--shop", "boutique").out
    assert "cart-recovery goes on" in installed("plan", "resume", "--all", "--shop", "boutique").out
    for words in (["--shop", "boutique"], ["cart-recovery", "--all", "--shop", "boutique"]):
        assert "name one plan, or give --all" in the_line(installed("plan", "pause", *words))


def test_all_plans_are_archived_and_start_again_at_once(installed: Relance) -> None:
    assert installed("shop", "create", "boutique").code == 0
    assert installed("plan", "publish", "nps", "--shop", "boutique").code == 0
    every = ("--all", "--shop", "boutique")
    told = installed("plan", "archive", *every).out
    assert [line.partition(" for ")[0] for line in told.splitlines()] == [
        "cart-recovery is archived",
        "nps is archived",
    ]
    assert installed("plan", "unarchive", "nps", "--shop", "boutique").code == 0
    assert installed("plan", "unarchive", *every).out.splitlines() == [
        "cart-recovery starts journeys again for boutique",
        "nps was not archived for boutique",
    ]
    for verb in ("archive", "unarchive"):
        for words in (["--shop", "boutique"], ["cart-recovery", *every]):
            assert "name one plan, or give --all" in the_line(installed("plan", verb, *words))
        assert "x" in the_line(installed("plan", verb, "--all", "--shop", "x"))


def test_a_plan_is_shown_in_words_and_as_a_flowchart(installed: Relance) -> None:
    assert "a-day-later: wait 24h" in installed("plan", "show", "cart-recovery").out
    assert installed("plan", "show", "cart-recovery", "--mermaid").out.startswith("flowchart TD\n")
    installed("shop", "create", "boutique")
    of_shop = ("plan", "show", "cart-recovery", "--shop", "boutique")
    assert installed(*of_shop).out.startswith("version 1, published ")
    assert "cart-recovery has no version 2 for boutique; the newest is 1" in the_line(
        installed(*of_shop, "--version", "2")
    )
    assert "say which with --shop" in the_line(installed("plan", "show", "cart-recovery", "--version", "1"))


PLANS = Path(__file__).parents[2] / "plans"


def written(folder: Path, name: str, *changes: tuple[str, str]) -> str:
    """Write a plan like the one that comes along, and give its file."""
    shutil.copytree(PLANS / "messages" / "cart-recovery", folder / "messages" / name, dirs_exist_ok=True)
    text = (PLANS / "cart-recovery.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.yaml").write_text(text)
    return str(folder / f"{name}.yaml")


def test_versions_are_published_compared_rolled_back_and_archived(installed: Relance, tmp_path: Path) -> None:
    installed("shop", "create", "boutique")
    shop = ("cart-recovery", "--shop", "boutique")
    file = written(tmp_path, "cart-recovery", ("longest_life: 3d", "longest_life: 4d"))
    assert "version 2 is published for boutique (content " in installed("plan", "publish", file, *shop[1:]).out
    assert "header: longest_life: 3d → 4d" in installed("plan", "diff", *shop).out
    assert (
        "version 3 is published for boutique with the content of version 1"
        in installed("plan", "rollback", *shop, "--to", "1").out
    )
    assert "nothing changed" in installed("plan", "diff", *shop, "--from", "1", "--to", "3").out
    assert "says what version 1 said" in the_line(installed("plan", "rollback", *shop, "--to", "1"))
    assert "has no version 9" in the_line(installed("plan", "diff", *shop, "--to", "9"))
    assert "nothing starts it until" in installed("plan", "archive", *shop).out
    assert "archived" in installed("plan", "list", *shop[1:]).out
    assert "the plan is archived: it starts no journeys" in installed("plan", "publish", file, *shop[1:]).out
    assert "starts journeys again" in installed("plan", "unarchive", *shop).out
    assert "was not archived" in installed("plan", "unarchive", *shop).out


def test_the_first_version_has_nothing_to_be_compared_with(installed: Relance) -> None:
    installed("shop", "create", "boutique")
    line = the_line(installed("plan", "diff", "cart-recovery", "--shop", "boutique"))
    assert "version 1 of cart-recovery is the first" in line


def test_a_plan_with_something_that_never_happens_is_neither_fine_nor_published(
    installed: Relance, tmp_path: Path
) -> None:
    installed("shop", "create", "boutique")
    file = written(tmp_path, "cart-recovery", ("wait: 24h", "wait: 365d"))
    for words in (["check", file], ["publish", file, "--shop", "boutique"]):
        done = installed("plan", *words)
        assert done.code == 2
        assert "relance: cart-recovery: step a-day-later: ends 8762h after the beginning at the earliest" in done.err
    assert "version" in installed("plan", "list", "--shop", "boutique").out
    assert "has no version 2" in the_line(installed("plan", "diff", "cart-recovery", "--shop", "boutique", "--to", "2"))


def test_a_life_out_of_bounds_is_refused_and_no_version_that_has_one_is_published_again(
    installed: Relance, tmp_path: Path, database_url: str
) -> None:
    installed("shop", "create", "boutique")
    bounds = "relance: cart-recovery: longest_life: a journey lives 1m at least and 366d at most"
    file = written(tmp_path, "cart-recovery", ("longest_life: 3d", "longest_life: 400d"))
    for words in (["check", file], ["publish", file, "--shop", "boutique"]):
        done = installed("plan", *words)
        assert (done.code, bounds in done.err) == (2, True)
    shop = ("cart-recovery", "--shop", "boutique")
    installed("plan", "publish", written(tmp_path, "cart-recovery"), *shop[1:])
    asyncio.run(_live_longer(database_url))
    assert "header: longest_life: 400d → 3d" in installed("plan", "diff", *shop).out
    back = installed("plan", "rollback", *shop, "--to", "1")
    assert (back.code, bounds in back.err) == (2, True)
    assert "has no version 3" in the_line(installed("plan", "diff", *shop, "--to", "3"))


async def _live_longer(database_url: str) -> None:
    """Have version 1 be of an earlier program, and version 2 of this one."""
    pool = await database.connect(database_url)
    await pool.execute(
        "insert into plan_versions select shop, plan, 2, content, messages, content_hash from plan_versions"
    )
    old = "content = jsonb_set(content::jsonb, '{longest_life}', '\"400d\"')::text, content_hash = 'old'"
    await pool.execute(f"update plan_versions set {old} where version = 1")
    await pool.close()


def test_a_worksheet_with_rows_that_nobody_comes_to_is_refused_as_a_plan_is(installed: Relance, tmp_path: Path) -> None:
    installed("shop", "create", "boutique")
    everybody = ["Panier abandonné", "Tous", "Vous aussi.", "3 h", "SMS", ""]
    file = saved(tmp_path / "sheet.csv", [*FILLED_IN, everybody])
    for more in ((), ("--shop", "boutique")):
        done = installed("plan", "import", str(file), "--only", "fr", *more)
        assert done.code == 2
        assert f"{file}:B5: Segment: is for nobody: everybody is in Prospects, Clients" in done.err
    assert "panier-abandonne" not in installed("plan", "list", "--shop", "boutique").out


def test_two_plans_of_one_name_and_a_file_that_is_no_plan_are_refused(relance: Relance, tmp_path: Path) -> None:
    file, other = written(tmp_path, "cart-recovery"), written(tmp_path, "other")
    line = the_line(relance("plan", "check", file))
    assert f"'cart-recovery' is the name of {other} as well" in line
    Path(other).write_text("# " + "x" * 10 * 1024 * 1024)
    assert "has more than 2048 KB" in the_line(relance("plan", "check", other))


def test_a_worksheet_is_published_whole_or_not_at_all_and_comes_back(installed: Relance, tmp_path: Path) -> None:
    assert installed("shop", "create", "boutique").code == 0
    file, again = saved(tmp_path / "sheet.csv", changed(D3="bientôt")), tmp_path / "again.csv"
    publish = ("plan", "import", str(file), "--only", "fr", "--shop", "boutique")
    assert f"{file}:D3: Quand: 'bientôt' cannot be read" in the_line(installed(*publish))
    export = ("plan", "export", "panier-abandonne", "--shop", "boutique", "--out", str(again), "--language", "fr")
    assert "has published no plan 'panier-abandonne'" in the_line(installed(*export))
    saved(file, FILLED_IN)
    assert "panier-abandonne version 1 is published for boutique" in installed(*publish).out
    assert installed(*export).code == 0
    unchanged = installed("plan", "import", str(again), "--only", "fr", "--shop", "boutique")
    assert "panier-abandonne version 1 is published" in unchanged.out
    assert "not both" in the_line(installed(*publish, "--out", str(tmp_path)))
