"""Everything on one machine: ``relance up``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api import app
from relance import embedded, plan_files, serving
from relance.assembly import Parts, assemble
from relance.embedded import TemporalAddress
from relance.secret import Secret, kept_in
from relance.settings import Settings
from storage import outbox, partitions, plans, shops
from storage.migrate import migrate
from workers import schedules, temporal

HOST = "127.0.0.1"
DEMO_SHOP = "demo"


JOURNEYS_ONLY = "/namespaces/default/workflows?query=WorkflowType%3D%22Journey%22"
"""The list of workflows in the Temporal UI without those that run by a schedule, several each minute."""


@dataclass(frozen=True)
class Addresses:
    """What ``relance up`` prints: where things are, and the demo shop's keys."""

    api: str
    docs: str
    temporal_ui: str
    temporal: str
    write_key: str
    api_key: str

    def lines(self) -> list[str]:
        """Give a line for each, name first."""
        return [
            f"API:         {self.api}",
            f"docs:        {self.docs}",
            f"Temporal UI: {self.temporal_ui}",
            f"journeys:    {self.temporal_ui}{JOURNEYS_ONLY}",
            f"Temporal:    {self.temporal}",
            f"shop:        {DEMO_SHOP} (sandbox: messages are kept, none leaves)",
            f"write key:   {self.write_key}",
            f"API key:     {self.api_key}",
        ]


async def up(data: Path, port: int) -> None:
    """Run everything on a data folder until told to stop.

    Raises:
        UsageError: a port is taken, the folder cannot be used, a program is missing, or a server has ended.

    """
    serving.check_port(HOST, port)
    with embedded.owned(data):
        async with servers(data) as (url, address):
            secret = kept_in(data)
            await migrate(url)
            await partitions.make_now(url)
            client = await temporal.connect(address=address.grpc, namespace="default")
            await temporal.bootstrap(client)
            await schedules.make(client)
            relaying = await temporal.connect(address=address.grpc, namespace="default", retry=temporal.ONCE)
            public_url, months = f"http://{HOST}:{port}", Settings().keep_events_months
            async with (
                assemble(url, secret, public_url, keep_events_months=months) as parts,
                serving.until_told() as stop,
            ):
                keys = await demo_shop(parts, secret)
                # The folder is ours alone: whoever leased these rows is gone.
                await outbox.end_leases(parts.pool)

                def tell() -> None:
                    for line in addresses(port, address, keys).lines():
                        print(line, flush=True)  # noqa: T201 this is what the command is for
                    print("Ctrl-C stops; journeys go on where they were at the next start.", flush=True)  # noqa: T201

                await serving.together(
                    stop,
                    serving.serve(app.build(parts.services(client)), HOST, port, stop, ready=tell),
                    embedded.watch(data, stop),
                    parts.relay(relaying).run(stop),
                    parts.segmenting.run(stop),
                    *(serving.work(build, stop) for build in parts.workers(client)),
                )


@asynccontextmanager
async def servers(data: Path, *, durable: bool = True) -> AsyncIterator[tuple[str, TemporalAddress]]:
    """Run Postgres and Temporal on a data folder; give the database's URL and Temporal's addresses."""
    async with (
        embedded.postgres(data / "postgres", durable=durable) as url,
        embedded.temporal_server(data / "temporal", keep=durable) as address,
    ):
        yield url, address


def addresses(port: int, address: TemporalAddress, keys: tuple[str, str]) -> Addresses:
    """Put together what is printed."""
    api = f"http://{HOST}:{port}"
    return Addresses(api, f"{api}/docs", address.ui, address.grpc, *keys)


async def demo_shop(parts: Parts, secret: Secret) -> tuple[str, str]:
    """Make the shop ``demo`` with the plans that come along, and give its keys."""
    await shops.create(parts.pool, DEMO_SHOP, "Demo")
    for name in plan_files.names():
        file = plan_files.read(name)
        await plans.publish(parts.pool, DEMO_SHOP, file.plan, file.messages.model_dump_json())
    return await demo_keys(parts, secret)


async def demo_keys(parts: Parts, secret: Secret) -> tuple[str, str]:
    """Give the demo shop's write key and its API key.

    They are derived from the installation's secret: only their hashes are stored, and each start knows them.
    """
    write_key = f"write_{secret.key('demo write key').hex()}"
    api_key = f"api_{secret.key('demo API key').hex()}"
    await shops.create_key(parts.pool, DEMO_SHOP, "write", "relance up", write_key)
    await shops.create_key(parts.pool, DEMO_SHOP, "api", "relance up", api_key)
    return write_key, api_key
