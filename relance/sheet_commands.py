"""``relance plan import``, ``export`` and ``worksheet``: plans as spreadsheets."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from journeys.worksheet_words import LANGUAGES
from messages import advice, judging, sheet_plans, sheet_template
from messages.catalog import Catalog, PlanFile
from relance import plan_files, plan_life, sheet_files, shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import plans
from storage.plans import UnknownPlanError

console = Console(soft_wrap=True, markup=False, highlight=False)
aside = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def made_of(file: Path, only: str | None) -> list[PlanFile]:
    """Make plans of a sheet.

    Raises:
        UsageError: something in it is wrong; every problem of the sheet itself has its cell.

    """
    _known(only, "--only")
    made = sheet_plans.of_sheet(sheet_files.read(file), only)
    if made.problems:
        raise UsageError("\n".join(f"{file}:{problem}" for problem in made.problems))
    if wrong := [each.plan.name for each in made.plans if not sheet_plans.read_back(each)]:
        raise UsageError(f"{file}: the plan '{wrong[0]}' cannot be written as a file; write its texts in plain words")
    for each in made.plans:
        plan_life.allow(each.plan, judging.judge(each.messages, each.plan))
    return made.plans


async def check(file: Path, only: str | None) -> None:
    """Check a sheet and write nothing."""
    for each in made_of(file, only):
        _tell(each, only)
    console.print("Nothing is written: --out FOLDER writes the plans, --shop SHOP publishes them.")


async def write(file: Path, only: str | None, out: Path, *, replace: bool) -> None:
    """Write the plans of a sheet as files; those that stand there are kept, unless they are to be replaced.

    Raises:
        UsageError: something in the sheet is wrong, or files stand in the way; then nothing was written.

    """
    made = made_of(file, only)
    _write(made, out, replace=replace)
    for each in made:
        _tell(each, only)
        console.print(f"written to {out / each.plan.name}.yaml and {out / 'messages' / each.plan.name}")


def _write(made: list[PlanFile], out: Path, *, replace: bool) -> None:
    written = {out / path: text for each in made for path, text in sheet_plans.texts(each).items()}
    others = [path for path, text in written.items() if path.exists() and not _holds(path, text)]
    if others and not replace:
        raise UsageError(f"{others[0]} is there already and says otherwise; --replace writes over it")
    try:
        for path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from None
    for path, text in written.items():
        sheet_files.save(path, text.encode())


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


async def publish(settings: Settings, file: Path, only: str | None, shop: str) -> None:
    """Publish the plans of a sheet for a shop, all of them or none."""
    made = made_of(file, only)
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        async with parts.pool.acquire() as connection, connection.transaction():
            versions = [
                await plans.publish_in(connection, shop, each.plan, each.messages.model_dump_json()) for each in made
            ]
    for each, version in zip(made, versions, strict=True):
        _tell(each, only)
        console.print(
            f"{each.plan.name} version {version} is published for {shop}; running journeys keep their version"
        )


def _tell(file: PlanFile, only: str | None) -> None:
    for said in advice.advise(file.messages, file.plan):
        # Where one language is everybody's, what is said of it counts once.
        if only is None or "the SMS in " not in said or f"the SMS in {only} " in said:
            console.print(f"advice: {said}")
    languages = f"everybody is written to in {only}" if only else f"in {', '.join(LANGUAGES)}"
    console.print(f"{file.plan.name}: fine ({len(file.plan.sends)} messages, {languages})")


async def export(name: str, out: Path, language: str) -> None:
    """Write a plan of files as a sheet."""
    _export(plan_files.read(name), out, language)


async def export_published(settings: Settings, name: str, shop: str, out: Path, language: str) -> None:
    """Write a plan that a shop has published as a sheet."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        try:
            version = await parts.plans.newest_of(parts.pool, shop, name)
        except UnknownPlanError:
            raise UsageError(f"shop '{shop}' has published no plan '{name}'") from None
    messages = Catalog.model_validate_json(version.messages)
    _export(PlanFile(version.plan, messages), out, language)


def _export(file: PlanFile, out: Path, language: str) -> None:
    _known(language, "--language")
    written = sheet_plans.to_sheet(file, language)
    if len(written.rows) == 1:
        raise UsageError(f"{file.plan.name} has no message that a sheet could say")
    sheet_files.write(out, written.rows, language)
    console.print(f"{file.plan.name}: {len(written.rows) - 1} rows are written to {out}")
    if written.guessed:
        console.print(
            "Everybody is written to in one language, and nothing tells which: import it with --only and that."
        )
    elif written.only:
        console.print(f"Everybody is written to in {written.only}: import it with --only {written.only}.")
    if written.notes:
        aside.print("The plan says more than a sheet can. Left out, and lost if the sheet is imported in its place:")
    for note in written.notes:
        aside.print(f"- {note}")


async def worksheet(out: Path, language: str, *, empty: bool) -> None:
    """Write a worksheet to fill in."""
    _known(language, "--language")
    if out.suffix.lower() != ".xlsx":
        raise UsageError(f"--out {out}: a worksheet with choices is written as .xlsx")
    sheet_files.save(out, sheet_template.workbook(language, empty=empty))
    console.print(f"{out} is written; once it is filled in: relance plan import {out} --only {language} --out FOLDER")


def _known(language: str | None, option: str) -> None:
    if language is not None and language not in LANGUAGES:
        raise UsageError(f"{option}: '{language}' is not one of {', '.join(LANGUAGES)}")
