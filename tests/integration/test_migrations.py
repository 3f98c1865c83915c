"""What a database holds when its schema changes is still there afterwards."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from storage import migrate

BEFORE = """
insert into shops (shop, name) values ('boutique', 'Boutique');
insert into offer_apis values ('boutique', 'codes');
insert into task_hooks values ('boutique', 'tasks');
insert into plan_versions (shop, plan, version, content, messages, content_hash)
 values ('boutique', 'p', 1, '{}', '{}', '');
insert into journeys (id, shop, plan, plan_version, customer_id, key, entry, held_out, status, started_at, first_due)
 values ('j', 'boutique', 'p', 1, 'ann', 'ann', 1, false, 'running', now(), now());
insert into tasks (task_id, journey, step, shop, customer_id, title, opened_at, due_at, told_at, escalated_at)
 values ('told', 'j', 'a', 'boutique', 'ann', 'A', now(), now(), now(), null),
        ('late', 'j', 'b', 'boutique', 'ann', 'B', now(), now(), now(), now()),
        ('new', 'j', 'c', 'boutique', 'ann', 'C', now(), now(), null, null);
"""


@asynccontextmanager
async def as_before(
    file: str, server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """A database as it was before a migration: its address, and a connection."""
    name = f"test_{uuid.uuid4().hex}"
    url = server.replace("/relance?", f"/{name}?")
    admin = await asyncpg.connect(server.replace("/relance?", "/postgres?"))
    await admin.execute(f"create database {name}")
    try:
        for older in migrate.MIGRATIONS.glob("*.sql"):
            if older.name < file:
                shutil.copy(older, folder)
        with monkeypatch.context() as then:
            then.setattr(migrate, "MIGRATIONS", folder)
            await migrate.migrate(url)
        db = await asyncpg.connect(url)
        yield url, db
        await db.close()
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def test_where_shops_are_called_and_what_they_have_heard_of_tasks_move_along(
    postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with as_before("0035", postgres_server, tmp_path, monkeypatch) as (url, db):
        await db.execute(BEFORE)
        assert [file for file in await migrate.migrate(url) if file < "1"][:2] == [
            "0035_endpoints.sql",
            "0036_task_news.sql",
        ]
        kept = await db.fetch("select kind, settings from endpoints order by kind")
        assert [tuple(row) for row in kept] == [("offer_api", b"codes"), ("task_hook", b"tasks")]
        told = await db.fetch("select task_id, what from task_told where whom = 'webhook' order by task_id, what")
        assert [tuple(row) for row in told] == [("late", "escalated"), ("late", "opened"), ("told", "opened")]


async def test_who_wanted_nothing_by_any_medium_wants_nothing_on_the_shops_pages(
    postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = ("sms", "email", "push", "voice", "whatsapp")
    async with as_before("0037", postgres_server, tmp_path, monkeypatch) as (url, db):
        for person, refused in (("nothing", media), ("one-thing", media[:1]), ("all-but-one", media[1:])):
            words = [("boutique", person, medium, medium not in refused) for medium in media]
            for table, whose in (("consents", "customer_id"), ("consent_words", "told_by")):
                await db.executemany(
                    f"insert into {table} (shop, {whose}, channel, purpose, granted, at, message_id)"
                    " values ($1, $2, $3, 'marketing', $4, now(), 'm-1')",
                    words,
                )
        await migrate.migrate(url)
        for table, whose in (("consents", "customer_id"), ("consent_words", "told_by")):
            found = await db.fetch(f"select {whose}, granted from {table} where channel = 'on_site'")
            assert [tuple(row) for row in found] == [("nothing", False)]
