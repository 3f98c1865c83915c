"""What a database holds when its schema changes is still there afterwards."""

from __future__ import annotations

import shutil
import uuid
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


async def test_where_shops_are_called_and_what_they_have_heard_of_tasks_move_along(
    postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test_{uuid.uuid4().hex}"
    url = postgres_server.replace("/relance?", f"/{name}?")
    admin = await asyncpg.connect(postgres_server.replace("/relance?", "/postgres?"))
    await admin.execute(f"create database {name}")
    try:
        for file in migrate.MIGRATIONS.glob("*.sql"):
            if file.name < "0035":
                shutil.copy(file, tmp_path)
        with monkeypatch.context() as then:
            then.setattr(migrate, "MIGRATIONS", tmp_path)
            await migrate.migrate(url)
        db = await asyncpg.connect(url)
        await db.execute(BEFORE)
        assert [file for file in await migrate.migrate(url) if file < "1"][:2] == [
            "0035_endpoints.sql",
            "0036_task_news.sql",
        ]
        kept = await db.fetch("select kind, settings from endpoints order by kind")
        assert [tuple(row) for row in kept] == [("offer_api", b"codes"), ("task_hook", b"tasks")]
        told = await db.fetch("select task_id, what from task_told where whom = 'webhook' order by task_id, what")
        assert [tuple(row) for row in told] == [("late", "escalated"), ("late", "opened"), ("told", "opened")]
        await db.close()
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
