"""Imports that are broken off go on where they were, and take every row once."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.importing import PATIENCE, Program, count
from tests.support import WAITING_FOR_A_LOCK, until

MANY = 2500
BAD = {700, 1200, 2400}


def many(file: Path) -> Path:
    """A file of which some rows are bad, long enough to be met in the middle."""
    emails = {number: "nobody" if number in BAD else f"p-{number}@example.com" for number in range(MANY)}
    file.write_text("id,email\n" + "".join(f"p-{number},{email}\n" for number, email in emails.items()))
    return file


@asynccontextmanager
async def met_in_the_middle(program: Program, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """An import that has two batches behind it and waits in the third, for a person whom somebody else holds."""
    pool = program.shop.parts.pool
    async with pool.acquire() as db:
        held = db.transaction()
        await held.start()
        await db.execute("insert into customers (shop, customer_id) values ($1, 'p-1300')", program.shop.shop)
        process = await program.start("customers", file)
        await until(lambda: pool.fetchval("select lines_done >= 1000 from imports"))
        await until(lambda: pool.fetchval(WAITING_FOR_A_LOCK))
        yield process
        await held.rollback()


async def test_an_import_that_is_killed_goes_on_and_leaves_every_row_taken_once(
    program: Program, tmp_path: Path
) -> None:
    file, pool = many(tmp_path / "customers.csv"), program.shop.parts.pool
    async with met_in_the_middle(program, file) as process:
        process.kill()
        await process.communicate()
    assert await pool.fetchval("select lines_done from imports") == 1001
    assert await count(program.shop, "customers") < MANY - len(BAD)

    done = await program("customers", file)
    assert "Going on after line 1001; --again starts over." in done.err
    assert done.code == 1
    row = await pool.fetchrow("select new + known as taken, known, rejected, lines_done from imports")
    assert row is not None
    assert (row["taken"], row["rejected"], row["lines_done"]) == (MANY - len(BAD), len(BAD), MANY + 1)
    assert row["known"] <= 500
    assert await count(program.shop, "customers") == MANY - len(BAD)
    events = await pool.fetchrow("select count(*), count(distinct message_id) from events")
    assert tuple(events or ()) == (MANY - len(BAD), MANY - len(BAD))
    errors = (tmp_path / "customers.csv.errors.ndjson").read_text().splitlines()
    assert [json.loads(line)["line"] for line in errors] == sorted(number + 2 for number in BAD)


async def test_ctrl_c_ends_an_import_with_a_word_on_how_to_go_on(program: Program, tmp_path: Path) -> None:
    async with met_in_the_middle(program, many(tmp_path / "customers.csv")) as process:
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, out) == (130, b"")
    assert err.decode().splitlines() == ["Stopped. Nothing that was taken is lost; the same command goes on from here."]


async def test_a_file_that_is_being_imported_is_not_imported_by_another_process_meanwhile(
    program: Program, tmp_path: Path
) -> None:
    file = many(tmp_path / "customers.csv")
    async with met_in_the_middle(program, file) as process:
        second = await program("customers", file)
        process.kill()
        await process.communicate()
    assert second.code == 2
    assert "is being imported by another process" in second.err


async def test_a_database_that_goes_away_in_the_middle_is_told_and_the_import_goes_on_later(
    program: Program, tmp_path: Path
) -> None:
    file, pool = many(tmp_path / "customers.csv"), program.shop.parts.pool
    async with met_in_the_middle(program, file) as process:
        await pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'"
            " and datname = current_database()"
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, out) == (2, b"")
    assert "once it is back, the same command goes on" in err.decode()
    done = await program("customers", file)
    assert "Going on after line 1001" in done.err
    assert await count(program.shop, "customers") == MANY - len(BAD)
