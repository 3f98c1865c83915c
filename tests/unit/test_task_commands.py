"""``relance tasks`` and ``task-mail``: what people are to do, found and done at the terminal, and whom mails tell."""

from __future__ import annotations

import asyncio
import io
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from journeys.steps import Task
from relance import task_commands
from storage import tasks
from tests.support import HOUR, opened_shop
from tests.unit.program import Relance, the_line


async def _open_task(database_url: str, due: timedelta) -> tuple[str, str]:
    """Open a task of a journey; give the shop and the task."""
    async with opened_shop(database_url) as shop:
        await shop.identify()
        journey = await shop.fill()
        step = Task.model_validate({"id": "help", "task": {"title": "Help with the [size]", "within": "4h"}})
        async with shop.parts.pool.acquire() as db:
            await tasks.open_task(db, journey, step, shop.begins, due_at=shop.begins + due)
        return shop.shop, (await tasks.of_journey(shop.parts.pool, journey.id))["help"].task_id


def test_a_task_is_listed_shown_claimed_and_done(
    installed: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, task = asyncio.run(_open_task(database_url, 4 * HOUR))
    listed = installed("tasks", "list", "--shop", shop, "--state", "open").out
    assert all(told in listed for told in (task, "Help with the [size]", "ann"))
    ours = ("tasks", "list", "--shop", shop, "--plan", "cart-recovery", "--customer")
    assert task in installed(*ours, "ann").out
    assert installed(*ours, "bob").out == "no such tasks\n"
    assert "is claimed by Zoé" in installed("tasks", "claim", task, "--by", "Zoé").out
    assert installed("tasks", "list", "--shop", shop, "--state", "open").out == "no such tasks\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("It runs [large]\n"))
    done = ("tasks", "complete", task, "--by", "Zoé", "--text", "-")
    assert "its journey goes on" in installed(*done).out
    shown = installed("tasks", "show", task).out
    assert all(told in shown for told in ("cart-recovery", "done", "Zoé", "It runs [large]"))
    assert all(told in shown for told in ("language", "in the cart", "1 x Teapot", "agreed to"))
    assert not any(address in shown for address in ("ann@example.com", "+33639980001"))
    assert the_line(installed("tasks", "claim", task, "--by", "Ana")) == "relance: the task is done"


def test_a_task_whose_time_is_over_is_refused(installed: Relance, database_url: str) -> None:
    _, task = asyncio.run(_open_task(database_url, -HOUR))
    words = ("tasks", "complete", task, "--by", "Zoé", "--text", "late")
    assert the_line(installed(*words)) == "relance: the task is expired"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("list --shop atelier", "there is no shop 'atelier'"),
        ("list --shop boutique --state odd", "'odd' is not one of open, claimed, done, expired, withdrawn"),
        ("show x", "there is no task 'x'; relance tasks list shows them"),
        ("claim x --by Zoé", "there is no task 'x'"),
        (f"claim x --by {'y' * 257}", "--by must be 1 to 256 characters of text"),
        (f"complete x --by Zoé --text {'y' * 2001}", "--text must be 1 to 2000 characters of text"),
    ],
)
def test_what_cannot_be_is_told_with_what_to_change(installed: Relance, words: str, problem: str) -> None:
    assert installed("shop", "create", "boutique").code == 0
    assert problem in the_line(installed("tasks", *words.split()))


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("claim", "x", "--by", "  "), "by"),
        (("complete", "x", "--by", " ", "--text", "done"), "by"),
        (("complete", "x", "--by", "Zoé", "--text", " \n"), "text"),
    ],
)
def test_what_is_blank_is_nobodys_name_and_no_words(installed: Relance, words: tuple[str, ...], option: str) -> None:
    assert f"--{option} must be 1 to" in the_line(installed("tasks", *words))


# Whom mails tell


@pytest.fixture
def boutique(installed: Relance) -> Relance:
    assert installed("shop", "create", "boutique").code == 0
    return installed


def test_whom_mails_tell_is_kept_shown_replaced_and_forgotten(boutique: Relance, tmp_path: Path) -> None:
    assert "tells nobody of tasks by mail" in boutique("task-mail", "show", "boutique").out
    done = boutique("task-mail", "set", "boutique", "agents@shop.example", "--escalate-to", "chief@shop.example")
    assert done.code == 0
    assert "it has no account for email yet" in done.out
    shown = boutique("task-mail", "show", "boutique").out.replace("\n", " ")
    assert "tells agents@shop.example of tasks by mail, and chief@shop.example of those that are late" in shown
    assert "agents@shop.example, chief@shop.example" in boutique("shop", "show", "boutique").out
    account = tmp_path / "email.json"
    account.write_text('{"provider": "smtp", "host": "127.0.0.1", "sender": "a@b.example", "tls": "none"}')
    assert boutique("shop", "set", "boutique", "--account", f"email={account}").code == 0
    again = boutique("task-mail", "set", "boutique", "all@shop.example").out
    assert ("late" in again, "no account" in again) == (False, False)
    assert boutique("task-mail", "remove", "boutique").code == 0
    assert the_line(boutique("task-mail", "remove", "boutique")).endswith("tells nobody of tasks by mail")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("set atelier agents@shop.example", "there is no shop 'atelier'"),
        ("show atelier", "there is no shop 'atelier'"),
        ("set boutique agents", "'agents' is not an e-mail address"),
        ("set boutique a@b.example --escalate-to +33639980001", "'+33639980001' is not an e-mail address"),
        ("set boutique a@b.example,c@d.example", "is not an e-mail address"),
    ],
)
def test_an_address_that_is_none_is_refused(boutique: Relance, words: str, problem: str) -> None:
    done = boutique("task-mail", *words.split())
    assert done.code == 2
    assert problem in the_line(done)


def test_what_is_not_utf_8_is_refused_before_anything_is_kept(
    installed: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, task = asyncio.run(_open_task(database_url, 4 * HOUR))
    by = b"Zo\xe9".decode(errors="surrogateescape")
    assert the_line(installed("tasks", "claim", task, "--by", by)) == "relance: Zo?: is not UTF-8"
    for encoding, errors in (("utf-8", "strict"), ("utf-8", "surrogateescape")):
        stdin = io.TextIOWrapper(io.BytesIO(b"It runs l\xe9ger"), encoding, errors)
        monkeypatch.setattr(sys, "stdin", stdin)
        line = the_line(installed("tasks", "complete", task, "--by", "Ana", "--text", "-"))
        assert line == "relance: what comes by standard input is not UTF-8"


def test_a_task_stands_whole_on_one_line_for_a_program_and_its_id_whole_on_a_terminal(
    installed: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shop, task = asyncio.run(_open_task(database_url, 4 * HOUR))
    [line] = [line for line in installed("tasks", "list", "--shop", shop).out.splitlines() if task in line]
    assert "Help with the [size]" in line
    monkeypatch.setattr(task_commands, "console", Console(force_terminal=True))
    shown = installed("tasks", "list", "--shop", shop).out
    assert task in shown
    assert max(len(Text.from_ansi(row).plain) for row in shown.splitlines()) <= 80
