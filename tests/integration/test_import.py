"""The first day: what a shop knew before comes in from files, once, and starts nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import random
import re
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.facts import Channel
from journeys.imports import Reading, What
from relance.import_errors import ErrorsFile
from relance.import_files import look_through
from relance.importing import Import
from storage import imports, situation, suppressions
from storage.imports import Key, Progress
from tests.chaos.conftest import RELANCE, environment
from tests.support import HOUR, SECRET_TEXT, WAITING_FOR_A_LOCK, TestShop, until

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)
PATIENCE = 60


class Done:
    """What a command did."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out.decode(), err.decode()


class Program:
    """The real command, for one shop."""

    def __init__(self, shop: TestShop, database_url: str) -> None:
        self.shop, self._url = shop, database_url

    async def start(
        self, what: str, file: Path, *words: str, terminal: int | None = None
    ) -> asyncio.subprocess.Process:
        """Start an import, at a terminal or at none."""
        output = asyncio.subprocess.PIPE if terminal is None else terminal
        return await asyncio.create_subprocess_exec(
            *(str(RELANCE), "import", what, str(file), "--shop", self.shop.shop, *words),
            stdout=output,
            stderr=output,
            env=environment(RELANCE_DATABASE_URL=self._url, RELANCE_SECRET=SECRET_TEXT, TERM="xterm", COLUMNS="120"),
        )

    async def __call__(self, what: str, file: Path, *words: str) -> Done:
        """Import a file and wait for it."""
        process = await self.start(what, file, *words)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        return Done(process.returncode or 0, out, err)


@pytest_asyncio.fixture
async def program(shop: TestShop, database_url: str) -> AsyncIterator[Program]:
    yield Program(shop, database_url)


async def take(shop: TestShop, what: What, rows: Iterable[dict[str, Any]], file: Path, batch: int = 500) -> Progress:
    """Import rows in this process."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = look_through(file)
    key, errors = Key(shop.shop, what, source.digest), ErrorsFile(file.with_suffix(".errors"), 0)
    begun = await imports.begin(shop.parts.pool, key, shop.begins, again=False)
    return await Import(source, what, Reading(), batch).take(shop.parts, key, begun, errors, lambda _: None)


def moment(shop: TestShop, after: timedelta) -> str:
    return (shop.begins + after).isoformat()


def past_order(shop: TestShop, after: timedelta, order: str = "o-1", **more: Any) -> dict[str, Any]:
    given = {"order_id": order, "customer_id": "ann", "at": moment(shop, after), "total": "40.00", "currency": "EUR"}
    return given | more


async def count(shop: TestShop, table: str) -> int:
    found: int = await shop.parts.pool.fetchval(f"select count(*) from {table}")
    return found


# What the documentation shows


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


# What an import leaves, and what it leaves alone


async def test_an_import_starts_nothing_and_is_no_activity(shop: TestShop, tmp_path: Path) -> None:
    rows = [{"customer_id": "ann", "email": "ann@example.com"}]
    await take(shop, What.CUSTOMERS, rows, tmp_path / "a")
    words = [{"customer_id": "ann", "channel": "sms", "granted": True, "at": moment(shop, -DAY)}]
    await take(shop, What.CONSENTS, words, tmp_path / "b")
    row = await shop.parts.pool.fetchrow("select known, last_activity from customers")
    assert tuple(row or ()) == (True, None)
    await take(shop, What.ORDERS, [past_order(shop, -30 * DAY)], tmp_path / "c")
    assert await shop.parts.pool.fetchval("select last_activity from customers") == shop.begins - 30 * DAY
    assert [await count(shop, table) for table in ("journeys", "outbox", "carts")] == [0, 0, 0]


async def test_whoever_has_an_imported_order_is_a_customer(shop: TestShop, tmp_path: Path) -> None:
    journey = await shop.fill()
    before = await situation.read(shop.parts.pool, journey.id, shop.begins)
    await take(shop, What.ORDERS, [past_order(shop, -30 * DAY)], tmp_path / "orders")
    after = await situation.read(shop.parts.pool, journey.id, shop.begins)
    assert (before.segments, after.segments) == (("prospect",), ("customer",))


async def test_an_old_order_without_a_cart_leaves_the_carts_that_were_opened_after_it(
    shop: TestShop, tmp_path: Path
) -> None:
    await shop.fill("c-1")
    await take(shop, What.ORDERS, [past_order(shop, -DAY)], tmp_path / "orders")
    journey = await shop.journey("c-1")
    assert (journey.status, journey.outcome) == ("running", None)
    assert await shop.parts.pool.fetchval("select ordered_at from carts") is None
    assert await shop.parts.pool.fetchval("select count(*) from outbox where signal is not null") == 0


async def test_an_order_of_the_file_completes_the_cart_that_was_opened_before_it(
    shop: TestShop, tmp_path: Path
) -> None:
    await shop.fill("c-1", -2 * HOUR)
    await take(shop, What.ORDERS, [past_order(shop, -HOUR)], tmp_path / "orders")
    assert (await shop.journey("c-1")).outcome == "converted"


async def test_an_order_that_was_told_live_is_not_told_again_by_a_file(shop: TestShop, tmp_path: Path) -> None:
    await shop.order(-DAY, None)
    await shop.fill("c-1", -2 * HOUR)
    await take(shop, What.ORDERS, [past_order(shop, -HOUR)], tmp_path / "orders")
    assert await count(shop, "orders") == 1
    assert (await shop.journey("c-1")).status == "running"


async def test_a_word_that_was_told_live_stands_above_an_older_one_of_a_file(shop: TestShop, tmp_path: Path) -> None:
    await shop.identify(consent={"sms": False}, email="new@example.com")
    await take(shop, What.CUSTOMERS, [{"customer_id": "ann", "email": "old@example.com", "vip": "yes"}], tmp_path / "a")
    words = [{"customer_id": "ann", "channel": "sms", "granted": True, "at": moment(shop, -DAY)}]
    await take(shop, What.CONSENTS, words, tmp_path / "b")
    traits = await shop.parts.pool.fetchval("select traits from customers")
    assert (traits["email"]["value"], traits["vip"]["value"]) == ("new@example.com", "yes")
    assert await shop.parts.pool.fetchval("select granted from consents where channel = 'sms'") is False


async def test_only_the_channel_and_the_shop_of_a_suppressed_address_are_refused(
    shop: TestShop, tmp_path: Path
) -> None:
    await take(shop, What.SUPPRESSIONS, [{"email": "ann@example.com"}], tmp_path / "rows")
    addresses = {Channel.EMAIL: "Ann@example.com", Channel.SMS: "+33639980001"}
    pool = shop.parts.pool
    assert await suppressions.among(pool, shop.shop, addresses) == {Channel.EMAIL}
    assert await suppressions.among(pool, "another", addresses) == frozenset()


@pytest.mark.parametrize("order", [1, -1])
async def test_the_oldest_word_on_a_suppressed_address_is_kept(shop: TestShop, tmp_path: Path, order: int) -> None:
    rows = [
        {"email": "ann@example.com", "reason": "hard bounce", "at": "2025-01-01T00:00:00Z"},
        {"email": "ANN@example.com", "reason": "unsubscribed", "at": "2026-01-01T00:00:00Z"},
    ]
    done = await take(shop, What.SUPPRESSIONS, rows[::order], tmp_path / "rows")
    assert (done.new, done.known) == (1, 1)
    assert await shop.parts.pool.fetchval("select reason from suppressions") == "hard bounce"


# Again, in pieces, and in any order

PEOPLE = st.sampled_from(["ann", "bob"])
DATES = st.sampled_from([None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"customer_id": PEOPLE},
        optional={
            "email": st.sampled_from(["a@example.com", "b@example.com"]),
            "first_name": st.text("xyz", max_size=1),
            "points": st.integers(0, 3),
            "updated_at": DATES,
        },
    ),
    min_size=1,
    max_size=8,
)


async def people(shop: TestShop) -> list[dict[str, Any]]:
    rows = await shop.parts.pool.fetch(
        "select customer_id, known, last_activity, traits from customers where shop = $1 order by customer_id",
        shop.shop,
    )
    return [dict(row) for row in rows]


@given(rows=ROWS, cut=st.integers(0, 8), batch=st.integers(1, 4), seed=st.integers(0, 999))
@settings(max_examples=30)
async def test_any_shuffled_split_of_a_file_gives_the_same_customers(
    shop: TestShop, tmp_path: Path, rows: list[dict[str, Any]], cut: int, batch: int, seed: int
) -> None:
    whole, split = TestShop(shop.parts, begins=shop.begins), TestShop(shop.parts, begins=shop.begins)
    await whole.open()
    await split.open()
    await take(whole, What.CUSTOMERS, rows, tmp_path / "whole")
    shuffled = random.Random(seed).sample(rows, len(rows))
    for part in (shuffled[:cut], shuffled[cut:], shuffled[cut:]):
        if part:
            await take(split, What.CUSTOMERS, part, tmp_path / "part", batch)
    assert await people(split) == await people(whole)


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


async def test_a_dry_run_checks_the_file_and_asks_for_no_database(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "bounced.csv"
    file.write_text("email\nann@example.com\nnobody\n")
    program._url = "postgresql://nobody@127.0.0.1:1/relance"  # noqa: SLF001 nothing answers there
    done = await program("suppressions", file, "--dry-run", "--errors", str(tmp_path / "wrong"))
    assert done.code == 1
    assert "1 suppressions can be imported, 1 cannot; nothing was changed" in done.out
    assert json.loads((tmp_path / "wrong").read_text())["line"] == 3
    assert await count(program.shop, "suppressions") == 0


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


# Broken off

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


async def test_a_row_that_cannot_be_taken_by_our_own_mistake_is_told_of_and_keeps_no_other_out(
    shop: TestShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A mistake that nobody has made yet: the database refuses one person.
    await shop.parts.pool.execute("alter table customers add constraint odd check (customer_id <> 'odd')")
    rows = [{"customer_id": name, "note": "secret"} for name in ("ann", "odd", "bob")]
    done = await take(shop, What.CUSTOMERS, rows, tmp_path / "rows")
    assert (done.rejected, await count(shop, "customers")) == (1, 2)
    told = json.loads((tmp_path / "rows.errors").read_text())
    assert (told["line"], told["row"]["customer_id"]) == (2, "odd")
    assert "by a mistake of Relance" in told["problem"]
    assert "secret" not in capsys.readouterr().out
