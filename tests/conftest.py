"""Real parts for the tests: one Postgres and one Temporal server for the session, a database for each test."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

# A terminal's width that a test runner tells its processes would count for every table of the command line.
os.environ.pop("COLUMNS", None)

from temporalio.worker._workflow import _WorkflowWorker

from relance import embedded
from storage.migrate import migrate
from tests import examples
from tests.support import TestShop, opened_shop

examples.load()

LONGEST_STALL = 60
"""Seconds."""
SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture(scope="session", autouse=True)
def _stalls_are_no_deadlocks() -> Iterator[None]:
    """Temporal gives a workflow's turn two seconds, which a machine that stalls takes; no option changes that yet."""
    limit = "_deadlock_timeout_seconds"
    assert limit in _WorkflowWorker.__init__.__code__.co_names, "Temporal calls its limit by another name now"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_WorkflowWorker, limit, property(lambda _: LONGEST_STALL, lambda *_: None), raising=False)
        yield


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A folder that Postgres' own user may pass through: as root, each start of pytest closes pytest's for others."""
    with tempfile.TemporaryDirectory(prefix="relance-test-") as folder:
        yield Path(folder)


@pytest_asyncio.fixture(scope="session")
async def postgres_server(postgres_folder: Path) -> AsyncIterator[str]:
    """A Postgres server; gives the URL of a migrated database that others are copied from."""
    async with embedded.postgres(postgres_folder / "data", durable=False) as url:
        await migrate(url)
        yield url


@asynccontextmanager
async def own_database(server: str) -> AsyncIterator[str]:
    """A migrated database of its own, on the server of the session."""
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(server.replace("/relance?", "/postgres?"))
    try:
        await admin.execute(f"create database {name} template relance")
        yield server.replace("/relance?", f"/{name}?")
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def database_url(postgres_server: str) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async with own_database(postgres_server) as url:
        yield url


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[TestShop]:
    """A shop with cart-recovery published, without its holdout."""
    async with opened_shop(database_url) as shop:
        yield shop


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material that lies beside the checkout, where it does."""
    if not SHARED.is_dir():
        pytest.skip("the shared material is not there")
    return SHARED
