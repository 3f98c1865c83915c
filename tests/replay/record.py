"""Record the histories that later code must still replay: ``python -m tests.replay.record``.

Each scene is a journey, played on a real Temporal server or on one that skips time. What a released version recorded
stays for as long as a journey of that version may run: record it anew only before a release.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from journeys.policy import Policy
from messages.catalog import PlanFile
from relance import embedded, rehearsal, rehearse_command
from relance.assembly import Parts, assemble
from relance.up import DEMO_SHOP
from storage import commands
from storage.migrate import migrate
from tests.integration.loopback import Answer, serving
from tests.integration.mailserver import Mailbox, mail_port, mail_server
from tests.support import (
    HOUR,
    ITEM,
    MINUTE,
    SECRET,
    Engine,
    TestShop,
    cart_recovery,
    plan_file,
    skipping_temporal,
    until,
    workers_at_work,
)
from tests.workflows.providers import connect_smtp, connect_twilio
from workers import temporal

HISTORIES = Path(__file__).parent / "histories"
FIRST_NAME = "Zoé"
CONTACTS: dict[str, Any] = {
    "email": "ann@example.com",
    "phone": "+33639980001",
    "firstName": FIRST_NAME,
    "locale": "fr-FR",
}
AT_ANY_HOUR = Policy(quiet_hours=False)
SPEED = 60_000.0
_IDENTITY = re.compile(r"\d+@[\w.-]+")
_STACK = re.compile(r'("stackTrace": )"(?:[^"\\]|\\.)*"')


async def save(scene: str, handle: WorkflowHandle[Any, Any], folder: Path = HISTORIES) -> None:
    """Write a workflow's history, without the names of the machine and the processes that played it."""
    history = await handle.fetch_history()
    text = _STACK.sub(r'\1""', _IDENTITY.sub("recorder", history.to_json()))
    folder.mkdir(exist_ok=True)
    (folder / f"{scene}.json").write_text(json.dumps(json.loads(text), indent=1) + "\n")
    print(f"{scene}: {len(history.events)} events")  # noqa: T201 what the script did


async def rehearse(folder: Path) -> None:
    """Record what is played on the real server by a rehearsal's clock."""
    converted, finished = "converted-in-the-first-window", "two-messages-to-the-end"
    start = datetime(2026, 3, 10, tzinfo=UTC)
    file = PlanFile(cart_recovery(), plan_file().messages)
    feed = rehearsal.Feed()
    async with rehearse_command.stage(folder, start, SPEED, "https://relance.example.com", file, AT_ANY_HOUR) as on:
        shop = TestShop(on.parts, DEMO_SHOP, start)
        for cart in (converted, finished):
            feed.add(shop.event("identify", person=cart, **CONTACTS, consent={"sms": True, "email": True}))
            feed.add(shop.event("Product Added", MINUTE, person=cart, cart_id=cart, currency="EUR", **ITEM))
        feed.add(shop.event("Order Completed", HOUR, person=converted, cart_id=converted, order_id="o-1", total=40))
        await rehearsal.play(on.parts, on.client, on.clock, DEMO_SHOP, feed)
        for cart in (converted, finished):
            await save(cart, on.client.get_workflow_handle((await shop.journey(cart)).id))


async def look_again(parts: Parts, client: Client) -> None:
    """Record a look whose one local attempt fails: Postgres does not answer for longer than it may take."""
    scene = "look-run-again"
    # The first window ends a moment from now.
    shop = await customers_shop(parts, scene, begins=datetime.now(UTC) - 2 * HOUR + timedelta(seconds=1))
    relay = parts.relay(client)
    await shop.fill(scene)
    while await relay.deliver_batch():
        pass
    handle = client.get_workflow_handle((await shop.journey(scene)).id)
    async with workers_at_work(shop, client):
        async with parts.pool.acquire() as db, db.transaction():
            await db.execute("lock table journeys in access exclusive mode")
            await until(lambda: _looks_again(handle))
        await until(lambda: shop.sent(scene))
        await shop.order(3 * HOUR, scene)
        while await relay.deliver_batch():
            pass
        await handle.result()
    await save(scene, handle)


async def _looks_again(handle: WorkflowHandle[Any, Any]) -> bool:
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    return any(event.event_type == scheduled for event in (await handle.fetch_history()).events)


async def pause_and_resume(engine: Engine) -> None:
    """Record a journey that is paused in its first window, and goes on with the time that was left."""
    scene, shop, pool = "paused-and-resumed", engine.shop, engine.shop.parts.pool
    await shop.fill(scene)
    await engine.deliver()
    await engine.forward(HOUR, scene)
    journey = (await shop.journey(scene)).id
    assert await commands.pause(pool, journey, shop.begins + HOUR)
    await engine.deliver()
    await engine.forward(10 * HOUR, scene)
    assert await commands.resume(pool, journey, shop.begins + 11 * HOUR)
    await engine.deliver()
    await engine.finish(scene)
    await save(scene, await engine.handle(scene))


async def pause_after_its_resumption(engine: Engine) -> None:
    """Record a journey of which a backend tells in the wrong order: first that it goes on, then that it was paused."""
    scene, shop = "paused-after-its-resumption", engine.shop
    await shop.fill(scene)
    await engine.deliver()
    await engine.forward(3 * HOUR, scene)
    handle = await engine.handle(scene)
    with engine.env.with_time_skipping_disabled():
        for name, at in (("resume", 4 * HOUR), ("pause", 3 * HOUR)):
            await handle.signal(name, {"at": (shop.begins + at).isoformat()})
    await engine.forward(10 * HOUR, scene)
    with engine.env.with_time_skipping_disabled():
        await handle.signal("resume", {"at": (shop.begins + 13 * HOUR).isoformat()})
    await engine.finish(scene)
    await save(scene, handle)


async def cancel_in_temporal(engine: Engine) -> None:
    """Record a journey that an operator cancels in Temporal's UI, between its two messages."""
    scene = "cancelled-in-temporal"
    await engine.shop.fill(scene)
    await engine.deliver()
    await engine.forward(3 * HOUR, scene)
    handle = await engine.handle(scene)
    await handle.cancel()
    with suppress(WorkflowFailureError):
        await handle.result()
    await save(scene, handle)


async def supersede(engine: Engine) -> None:
    """Record a journey that ends because the person fills a newer cart."""
    scene = "superseded"
    await engine.shop.fill(scene)
    await engine.deliver()
    await engine.forward(3 * HOUR, scene)
    await engine.shop.fill("newer", 3 * HOUR)
    await engine.deliver()
    await engine.finish(scene)
    await save(scene, await engine.handle(scene))


async def fall_back(engine: Engine) -> None:
    """Record a journey whose first message one provider refuses, so that it goes out by the next channel."""
    scene, refused = "first-channel-refused", Answer(400, b'{"code": 21211, "message": "invalid", "status": 400}')
    async with serving(refused) as twilio, mail_port(mail_server(Mailbox())) as port:
        await connect_twilio(engine.shop, twilio.url)
        await connect_smtp(engine.shop, port)
        await engine.shop.fill(scene)
        await engine.deliver()
        await engine.finish(scene)
    await save(scene, await engine.handle(scene))


async def customers_shop(parts: Parts, name: str, **more: Any) -> TestShop:
    """A shop with one customer."""
    shop = TestShop(parts, name, **more)
    await shop.open()
    await shop.identify(**CONTACTS)
    return shop


@asynccontextmanager
async def parts_on(folder: Path) -> AsyncIterator[Parts]:
    async with (
        embedded.postgres(folder, durable=False) as url,
        assemble(url, SECRET, "https://relance.example.com") as parts,
    ):
        await migrate(url)
        yield parts


async def play(parts: Parts, env: WorkflowEnvironment, *scenes: Callable[[Engine], Awaitable[None]]) -> None:
    """Play each scene in a shop of its own."""
    for scene in scenes:
        shop = await customers_shop(parts, scene.__name__.replace("_", "-"))
        async with workers_at_work(shop, env.client):
            await scene(Engine(env, shop, parts.relay(env.client)))


async def main() -> None:
    """Play and record every scene."""
    with tempfile.TemporaryDirectory(prefix="relance-") as folder:
        (Path(folder) / "rehearsal").mkdir()
        await rehearse(Path(folder) / "rehearsal")
        async with parts_on(Path(folder) / "postgres") as parts:
            async with embedded.temporal_server(Path(folder) / "temporal", keep=False) as address:
                client = await temporal.connect(address=address.grpc, namespace="default")
                await temporal.bootstrap(client)
                await look_again(parts, client)
            async with skipping_temporal() as env:
                await play(
                    parts,
                    env,
                    pause_and_resume,
                    pause_after_its_resumption,
                    cancel_in_temporal,
                    supersede,
                    fall_back,
                )


if __name__ == "__main__":
    asyncio.run(main())
