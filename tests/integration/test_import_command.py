"""``relance import`` as a process: what it prints, what it keeps out, and what the page shows of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
from pathlib import Path

import pytest

from journeys.imports import What
from tests.integration.importing import PATIENCE, Program, count, people

ROOT = Path(__file__).parents[2]


def shown() -> dict[str, str]:
    """The files of the page, by what they hold."""
    page = (ROOT / "docs" / "import.md").read_text()
    return dict(re.findall(r"^### (\w+)\n\n```(?:csv|ndjson)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


def shown_commands() -> list[tuple[str, str, list[str]]]:
    page = (ROOT / "docs" / "import.md").read_text()
    lines = re.findall(r"^relance import (\w+) (\S+) --shop boutique(.*)$", page, re.MULTILINE)
    return [(what, file, more.split()) for what, file, more in lines]


async def test_the_files_and_commands_of_the_page_work_and_say_what_the_page_says(
    program: Program, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "import.md").read_text()
    assert {what for what, _, _ in shown_commands()} == shown().keys() == set(What)
    for what, name, more in shown_commands():
        (tmp_path / name).write_text(shown()[what])
        done = await program(what, tmp_path / name, *more)
        assert (done.code, done.err) == (0, "")
        said = done.out.replace(str(tmp_path / name), name).replace(program.shop.shop, "boutique")
        assert said == f"imported {what} of {name} into boutique: 2 new, 0 known already, 0 rejected\n"
        assert what != "customers" or said in page
    pool = program.shop.parts.pool
    traits = await pool.fetchval("select traits from customers where customer_id = 'u-2'")
    assert {name: word["value"] for name, word in traits.items()} == {
        "firstName": "Zoë",
        "lastName": "Martin",
        "email": "zoe@example.com",
        "phone": "+33639980002",
        "country": "FR",
        "locale": "fr-FR",
    }
    orders = await pool.fetch("select order_id, cart_id, at::text from orders order by order_id")
    assert [tuple(row) for row in orders][1] == ("o-2", "c-7", "2026-02-20 11:00:00+00")
    words = await pool.fetch("select customer_id, channel, granted, wording from consents order by customer_id")
    assert [tuple(row) for row in words] == [
        ("u-1", "sms", True, "Yes, remind me by SMS"),
        ("u-2", "email", False, None),
    ]
    kept = await pool.fetch("select channel, address, reason from suppressions order by channel")
    assert [tuple(row) for row in kept] == [
        ("email", "bob@example.com", "hard bounce"),
        ("sms", "+33639980003", "asked by telephone"),
    ]


async def test_a_file_may_be_imported_again_and_changes_nothing(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("id,email\n1,a@example.com\n2,b@example.com\n2,b@example.com\n")
    first = await program("customers", file)
    assert "2 new, 1 known already, 0 rejected" in first.out
    before = await people(program.shop)
    second = await program("customers", file)
    assert "This file was imported on" in second.err
    assert (second.code, second.out) == (0, first.out)
    third = await program("customers", file, "--again")
    assert "0 new, 3 known already, 0 rejected" in third.out
    assert await people(program.shop) == before
    assert await count(program.shop, "events") == 2


async def test_on_a_terminal_an_import_shows_how_far_it_is_and_ends_with_a_table(
    program: Program, tmp_path: Path
) -> None:
    file = tmp_path / "[bold]customers.csv"
    file.write_text("id\n" + "".join(f"{number}\n" for number in range(1, 1201)))
    ours, terminal = pty.openpty()
    process = await program.start("customers", file, terminal=terminal)
    os.close(terminal)
    shown = await asyncio.wait_for(asyncio.to_thread(all_of, ours), PATIENCE)
    assert await process.wait() == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "1201/1201" in shown
    assert re.search(r"\d+/s", shown)
    assert f"customers of {file.name} into {program.shop.shop}" in " ".join(shown.split())
    assert re.search(r"│ 1200 +│ 0 +│ 0 +│", shown)


def all_of(terminal: int) -> str:
    """Read what is shown on a terminal until the program at it ends."""
    shown = b""
    # Linux ends a terminal by an error.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65536):
            shown += part
    os.close(terminal)
    return shown.decode()


async def test_rejected_rows_are_mended_where_they_are_told_of_and_imported_from_there(
    program: Program, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(
        "order_id;customer_id;at;total;currency\n"
        "o-1;u-1;2026-03-01T10:15:00Z;12.50;EUR\n"
        "o-2;u-1;2026-03-01T10:15:00Z;12,50;EUR\n"
        "o-3;u-1;2026-03-01;12.50;EUR\n"
        "o-4;u-1;2026-03-01T10:15:00Z;12.50;EUR;too much\n"
        "o-5;u-1;2026-03-01T10:15:00Z;12.50;EUR\n"
    )
    done = await program("orders", file)
    errors = tmp_path / "orders.csv.errors.ndjson"
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[0].endswith(": 2 new, 0 known already, 3 rejected")
    assert str(errors) in done.out.splitlines()[1]
    told = [json.loads(line) for line in errors.read_text().splitlines()]
    assert [(each["line"], each["column"]) for each in told] == [(3, "total"), (4, "at"), (5, None)]
    assert told[0]["row"]["order_id"] == "o-2"
    assert "--timezone" in told[1]["problem"]

    told[0]["row"]["total"] = "12.50"
    told[2]["row"].pop("")
    errors.write_text("".join(json.dumps(each) + "\n" for each in told))
    mended = await program("orders", errors, "--timezone", "Europe/Paris")
    assert (mended.code, mended.err) == (0, "")
    assert "3 new, 0 known already, 0 rejected" in mended.out
    assert await count(program.shop, "orders") == 5


async def test_a_stray_quote_costs_one_row_that_is_mended_where_it_is_told_of(program: Program, tmp_path: Path) -> None:
    lines = [f"u-{number},Ann,u-{number}@example.com" for number in range(1, 1001)]
    lines[5] = 'u-6,"Ann,u-6@example.com'
    lines[800] = 'u-801,"Ann, the second",u-801@example.com'
    file = tmp_path / "customers.csv"
    file.write_text("\n".join(["id,first name,email", *lines]))
    done = await program("customers", file)
    assert (done.code, done.err) == (1, "")
    assert ": 999 new, 0 known already, 1 rejected" in done.out
    errors = tmp_path / "customers.csv.errors.ndjson"
    told = json.loads(errors.read_text())
    assert (told["line"], told["row"]) == (7, lines[5])

    errors.write_text(json.dumps(told | {"row": {"id": "u-6", "first name": "Ann", "email": "u-6@example.com"}}))
    mended = await program("customers", errors)
    assert (mended.code, mended.err) == (0, "")
    assert {row["customer_id"] for row in await people(program.shop)} == {f"u-{number}" for number in range(1, 1001)}


async def test_a_dry_run_checks_the_file_and_asks_for_no_database(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "bounced.csv"
    file.write_text("email\nann@example.com\nnobody\n")
    program._url = "postgresql://nobody@127.0.0.1:1/relance"  # noqa: SLF001 nothing answers there
    done = await program("suppressions", file, "--dry-run", "--errors", str(tmp_path / "wrong"))
    assert done.code == 1
    assert "1 suppressions can be imported, 1 cannot; nothing was changed" in done.out
    assert str(tmp_path / "wrong.dry-run") in done.out
    assert json.loads((tmp_path / "wrong.dry-run").read_text())["line"] == 3
    assert not (tmp_path / "wrong").exists()
    assert await count(program.shop, "suppressions") == 0


async def test_rows_that_are_being_mended_outlast_a_dry_run_and_another_import(
    program: Program, tmp_path: Path
) -> None:
    file, errors = tmp_path / "bounced.csv", tmp_path / "bounced.csv.errors.ndjson"
    file.write_text("email\nann@example.com\nnobody\n")
    assert (await program("suppressions", file)).code == 1
    errors.write_text(half_mended := errors.read_text().replace("nobody", "bob@example.com"))
    for _ in range(2):
        done = await program("suppressions", file, "--dry-run")
        assert (done.code, done.err, errors.read_text()) == (1, "", half_mended)
        assert len((tmp_path / "bounced.csv.errors.ndjson.dry-run").read_text().splitlines()) == 1
    done = await program("suppressions", file, "--again")
    aside = tmp_path / "bounced.csv.errors.ndjson.1"
    assert done.err == f"What stood in {errors} is in {aside} now.\n"
    assert (done.code, aside.read_text()) == (1, half_mended)
    assert json.loads(errors.read_text())["row"] == {"email": "nobody"}


@pytest.mark.parametrize(
    ("content", "words", "problem"),
    [
        ("", "", "is empty"),
        ("email,total\na@example.com,1\n", "", "lacks a column that customers need: customer_id or"),
        ("id\n1\n", "--timezone Europe/Pari", "there is no time zone 'Europe/Pari'"),
        ("id\n1\n", "--timezone ../../etc/passwd", "there is no time zone"),
        ("id\n1\n", "--as-of yesterday", "--as-of must be a date of ISO 8601"),
        ("id\n1\n", "--as-of 2026-01-01", "--as-of has no time zone"),
        ("id\n1\n", "--as-of 9999-01-01T00:00:00Z", "--as-of lies in the future"),
        ("id\n1\n", "--shop nowhere", "there is no shop 'nowhere'; relance shop create nowhere makes it"),
        ("id\n1\n", "--errors FILE", "--errors must be another file"),
    ],
)
async def test_what_keeps_a_whole_file_out_is_said_in_one_line(
    program: Program, tmp_path: Path, content: str, words: str, problem: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(content)
    done = await program("customers", file, *words.replace("FILE", str(file)).split())
    assert (done.code, done.out) == (2, "")
    [line] = done.err.splitlines()
    assert line.startswith("relance: ")
    assert problem in line
    assert await count(program.shop, "customers") == 0


async def test_a_dry_run_writes_over_no_file_that_it_checks(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "wrong.dry-run"
    file.write_text("email\nnobody\n")
    done = await program("suppressions", file, "--dry-run", "--errors", str(tmp_path / "wrong"))
    assert done.code == 2
    assert "--errors must be another file" in done.err
    assert file.read_text() == "email\nnobody\n"
