"""How fast events are acknowledged and applied, beside a bare app that inserts the same rows.

    python -m benchmarks.ingest [--visits N] [--rounds N] [--rows N]

Both run on the same server, uvicorn with one process, against databases of the same Postgres, whose commits are
durable; their rounds take turns in one run, so that what else the machine does meets both. What counts is the ratio.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import asyncpg
import typer
import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api import app
from benchmarks import delay, load
from benchmarks.bare import SHOP, Bare
from benchmarks.side import BATCH, CONNECTIONS, Side
from relance import embedded, plan_files
from relance.assembly import assemble
from relance.embedded import TemporalAddress, free_port
from relance.secret import Secret
from storage import plans, shops
from storage.migrate import migrate
from workers import temporal

SECRET = Secret("a secret that only the benchmark uses, 32 characters or more")

console = Console(width=110)


def main(
    visits: Annotated[int, typer.Option(help="Visits of the day that is sent in each round.")] = 400,
    rounds: Annotated[int, typer.Option(help="Rounds of each kind on each side.")] = 5,
    rows: Annotated[int, typer.Option(help="Rows that the log has got when its cost is asked again.")] = 1_000_000,
    orders: Annotated[int, typer.Option(help="Orders whose way to Temporal is timed.")] = 300,
) -> None:
    """Measure, and print the tables."""
    asyncio.run(_measure(visits, rounds, rows, orders))


async def _measure(visits: int, rounds: int, rows: int, orders: int) -> None:
    day = load.shop_day(visits)
    console.print(
        f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, Python {platform.python_version()}"
    )
    console.print(f"Each round is a shop day of {len(day):,} events.")
    with tempfile.TemporaryDirectory(prefix="relance-bench-") as folder:
        async with _sides(Path(folder)) as (relance, bare, address):
            empty = await _compare(relance, bare, day, rounds)
            console.print(await delay.measure(relance, SECRET, address, orders))
            for side in (relance, bare):
                await _fill(side, rows)
            full = await _compare(relance, bare, day, rounds)
    _print(empty, full, rows)


Speeds = dict[tuple[str, str], list[float]]


async def _compare(relance: Side, bare: Side, day: list[load.Message], rounds: int) -> Speeds:
    speeds: Speeds = {(kind, side.name): [] for kind in CONNECTIONS for side in (relance, bare)}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("rounds", total=(rounds + 1) * len(speeds))
        for number in range(rounds + 1):
            for kind, name in speeds:
                side = relance if name == relance.name else bare
                speed = await side.round(kind, day)
                if number:  # the first one warms both up
                    speeds[kind, name].append(speed)
                progress.advance(task)
    return speeds


def _print(empty: Speeds, full: Speeds, rows: int) -> None:
    table = Table("calls", "log", "Relance, events/s", "bare, events/s", "ratio", title="Acknowledged and applied")
    for label, speeds in (("as it was", empty), (f"+ {rows:,} rows", full)):
        for kind in CONNECTIONS:
            ours, theirs = (median(speeds[kind, name]) for name in ("relance", "bare"))
            ratio = median(a / b for a, b in zip(speeds[kind, "relance"], speeds[kind, "bare"], strict=True))
            table.add_row(
                kind if kind == "single" else f"batch of {BATCH}",
                label,
                f"{ours:,.0f}",
                f"{theirs:,.0f}",
                f"{ratio:.2f}",
            )
    console.print(table)


@asynccontextmanager
async def _sides(folder: Path) -> AsyncIterator[tuple[Side, Side, TemporalAddress]]:
    folder.chmod(0o755)
    async with (
        embedded.postgres(folder / "postgres") as url,
        embedded.temporal_server(folder / "temporal") as address,
    ):
        admin = await asyncpg.connect(url.replace("/relance?", "/postgres?"))
        urls = {name: url.replace("/relance?", f"/{name}?") for name in ("ours", "theirs")}
        keys = {}
        for name, own in urls.items():
            await admin.execute(f"create database {name}")
            await migrate(own)
            keys[name] = await _shop(own)
        await admin.close()
        relance = Side("relance", free_port(18080), urls["ours"], keys["ours"])
        bare = Side("bare", free_port(18180), urls["theirs"])
        context = multiprocessing.get_context("spawn")
        servers = [
            context.Process(target=_serve_relance, args=(relance.database, relance.port, address.grpc), daemon=True),
            context.Process(target=_serve_bare, args=(bare.database, bare.port), daemon=True),
        ]
        for server in servers:
            server.start()
        try:
            for side in (relance, bare):
                await _listening(side.port)
            yield relance, bare, address
        finally:
            for server in servers:
                server.terminate()
                server.join()


async def _shop(url: str) -> str:
    async with assemble(url, SECRET, "http://127.0.0.1") as parts:
        await shops.create(parts.pool, SHOP, "Benchmark")
        file = plan_files.read("cart-recovery")
        await plans.publish(parts.pool, SHOP, file.plan, file.messages.model_dump_json())
        return await shops.create_key(parts.pool, SHOP, "write", "benchmark")


def _serve_relance(url: str, port: int, temporal_address: str) -> None:
    async def serve() -> None:
        async with assemble(url, SECRET, "http://127.0.0.1") as parts:
            client = await temporal.connect(address=temporal_address, namespace="default", lazy=True)
            await _uvicorn(app.build(parts.services(client)), port)

    _run(serve)


def _serve_bare(url: str, port: int) -> None:
    async def serve() -> None:
        await _uvicorn(Bare(url), port)

    _run(serve)


def _run(serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
    import uvloop  # noqa: PLC0415 as the server's process has it

    uvloop.run(serve())


async def _uvicorn(served: FastAPI | Bare, port: int) -> None:
    config = uvicorn.Config(
        served, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off", http="httptools"
    )
    await uvicorn.Server(config).serve()


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


async def _fill(side: Side, rows: int) -> None:
    """Have the log grow by rows such as a shop leaves in a year: many people, a few events each."""
    db = await asyncpg.connect(side.database)
    await db.execute(
        "insert into seen (shop, message_id) select $1, 'old-' || n from generate_series(1, $2::int) n", SHOP, rows
    )
    await db.execute(
        "insert into events (shop, message_id, kind, name, at, received_at, customer_id, cart_id, content)"
        " select $1, 'old-' || n, 'track', 'Product Added', now() - n * interval '10 seconds', now(), 'p-' || n / 20,"
        " 'k-' || n / 4, jsonb_build_object('messageId', 'old-' || n, 'event', 'Product Added', 'properties',"
        " jsonb_build_object('product_id', 'p-' || n % 500, 'price', 10, 'name', repeat('x', 100)))"
        " from generate_series(1, $2::int) n",
        SHOP,
        rows,
        timeout=600,
    )
    await db.execute("vacuum analyze events, seen", timeout=600)
    await db.close()


if __name__ == "__main__":
    typer.run(main)
