"""One process each, for production: ``relance migrate | api | relay | worker``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from temporalio.client import Client

from api import app
from relance import serving
from relance.assembly import Parts, assemble
from relance.errors import UsageError
from relance.secret import Secret
from relance.settings import Settings
from storage import migrate as schema
from storage import partitions
from workers import schedules, temporal
from workers.worker import QUEUES

_SECRET_LENGTH = 32
_UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Parts]:
    """Open the parts against the database that the settings name.

    Raises:
        UsageError: a setting is missing, or the database does not answer.

    """
    secret = settings.secret.get_secret_value() if settings.secret else ""
    if len(secret) < _SECRET_LENGTH:
        raise UsageError("set RELANCE_SECRET to the installation's secret: 32 characters or more, the same everywhere")
    url = database_url(settings)
    try:
        (await asyncpg.connect(url)).terminate()
    except _UNREACHABLE as error:
        raise UsageError(f"the database at RELANCE_DATABASE_URL cannot be used: {error}") from None
    months = settings.keep_events_months
    async with assemble(url, Secret(secret), settings.public_url, keep_events_months=months) as parts:
        yield parts


def database_url(settings: Settings) -> str:
    """Give the database's URL.

    Raises:
        UsageError: it is not set.

    """
    if settings.database_url is None:
        raise UsageError("set RELANCE_DATABASE_URL, such as postgresql://relance:secret@localhost/relance")
    return settings.database_url


async def migrate(settings: Settings) -> None:
    """Migrate the database, then make sure that Temporal has what journeys need and looks after them."""
    try:
        applied = await schema.migrate(database_url(settings))
        made = await partitions.make_now(database_url(settings))
    except (*_UNREACHABLE, schema.MigrationError) as error:
        raise UsageError(f"the database at RELANCE_DATABASE_URL cannot be migrated: {error}") from None
    for name in applied:
        print(f"applied {name}")  # noqa: T201 what the command did
    for name in made:
        print(f"made {name}")  # noqa: T201
    client = await _temporal()
    await temporal.bootstrap(client)
    await schedules.make(client)
    print("database and Temporal namespace are ready")  # noqa: T201


async def _temporal() -> Client:
    try:
        return await temporal.connect()
    except RuntimeError:
        raise UsageError(
            "Temporal does not answer; TEMPORAL_ADDRESS says where it is (127.0.0.1:7233 by default)"
        ) from None


async def api(settings: Settings, host: str, port: int) -> None:
    """Serve the API."""
    async with connected(settings) as parts, serving.until_told() as stop:
        client = await temporal.connect(lazy=True)
        await serving.serve(app.build(parts.services(client)), host, port, stop)


async def relay(settings: Settings) -> None:
    """Run a relay, and beside it what counts segments after events."""
    async with connected(settings) as parts, serving.until_told() as stop:
        telling = parts.relay(await temporal.connect(lazy=True, retry=temporal.ONCE))
        await serving.together(stop, telling.run(stop), parts.segmenting.run(stop))


async def worker(settings: Settings, queues: list[str] | None) -> None:
    """Run workers."""
    async with connected(settings) as parts, serving.until_told() as stop:
        try:
            workers = parts.workers(await _temporal(), queues or QUEUES)
        except ValueError as error:
            raise UsageError(str(error)) from None
        await serving.together(stop, *(serving.work(build, stop) for build in workers))
