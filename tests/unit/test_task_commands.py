"""``relance tasks``: what people are to do, found and done at the terminal."""

from __future__ import annotations

import asyncio
import io
import sys
from datetime import timedelta

import pytest

from journeys.steps import Task
from storage import tasks
from tests.support import HOUR, opened_shop
from tests.unit.test_cli import Relance, installed, relance, the_line

__all__ = ["installed", "relance"]


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
    assert "is claimed by Zoé" in installed("tasks", "claim", task, "--by", "Zoé").out
    assert installed("tasks", "list", "--shop", shop, "--state", "open").out == "no such tasks\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("It runs [large]\n"))
    done = ("tasks", "complete", task, "--by", "Zoé", "--text", "-")
    assert "its journey goes on" in installed(*done).out
    shown = installed("tasks", "show", task).out
    assert all(told in shown for told in ("cart-recovery", "done", "Zoé", "It runs [large]"))
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
