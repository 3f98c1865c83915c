"""Imports, in this process and by the real command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from journeys.imports import Reading, What
from relance.import_errors import ErrorsFile
from relance.import_files import look_through
from relance.importing import Import
from storage import imports
from storage.imports import Key, Progress
from tests.chaos.conftest import RELANCE, environment
from tests.support import SECRET_TEXT, TestShop

PATIENCE = 120


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


async def take(shop: TestShop, what: What, rows: Iterable[dict[str, Any]], file: Path, batch: int = 500) -> Progress:
    """Import rows in this process."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = look_through(file)
    key, errors = Key(shop.shop, what, source.digest), ErrorsFile(file.with_suffix(".errors"))
    begun = await imports.begin(shop.parts.pool, key, shop.begins, again=False)
    return await Import(source, what, Reading(), batch).take(shop.parts, key, begun, errors, lambda _: None)


async def count(shop: TestShop, table: str) -> int:
    found: int = await shop.parts.pool.fetchval(f"select count(*) from {table}")
    return found


async def people(shop: TestShop) -> list[dict[str, Any]]:
    rows = await shop.parts.pool.fetch(
        "select customer_id, known, last_activity, traits from customers where shop = $1 order by customer_id",
        shop.shop,
    )
    return [dict(row) for row in rows]
