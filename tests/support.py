"""A shop, its people and its engine, for tests to play with."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from api.state import Services
from journeys.events import BACKENDS_ALONE, Event, parse
from journeys.plan import Plan
from journeys.policy import Policy
from messages.catalog import PlanFile
from relance import plan_files
from relance.assembly import Parts, assemble
from relance.secret import Secret
from storage import ingest, journeys, plans, sent, shops
from storage.ingest import Taken
from storage.journeys import Journey
from workers import temporal
from workers.relay import Relay
from workers.worker import QUEUES

SECRET_TEXT = "a secret that only the tests use, 32 characters or more"
SECRET = Secret(SECRET_TEXT)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PATIENCE = timedelta(minutes=2)
"""For what comes at once, unless the machine stalls: a wait for it ends only so that a failure is told."""
WAITING_FOR_A_LOCK = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)
AT_ONCE = Policy(quiet_hours=False, browses_for=timedelta(0))
"""The tests' own story begins now, whatever hour that is, and whoever has just filled a cart has left."""
ITEM = {"product_id": "p-1", "name": "Teapot", "category": "Kitchen", "price": 40, "quantity": 1}


@cache
def plan_file() -> PlanFile:
    """The plan that comes along, read once."""
    return plan_files.read("cart-recovery")


def cart_recovery(**changes: Any) -> Plan:
    """The plan that comes along, without its holdout."""
    # Not a copy: that would keep what the plan has worked out of its steps.
    return Plan.model_construct(**{**dict(plan_file().plan), "holdout": 0, **changes})


@dataclass
class TestShop:
    """A shop on a database of its own, and the moment at which its story begins."""

    __test__ = False

    parts: Parts
    shop: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:10]}")
    begins: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    _count: int = 0

    async def open(self, plan: Plan | None = None) -> None:
        """Make the shop, with a plan published."""
        await shops.create(self.parts.pool, self.shop, "Test Shop")
        found = await shops.get(self.parts.pool, self.shop)
        told = {"cart_url": "https://shop.example.com/cart", "policy": AT_ONCE}
        await shops.save(self.parts.pool, shops.Shop(**{**vars(found), **told}))
        messages = plan_file().messages.model_dump_json()
        await plans.publish(self.parts.pool, self.shop, plan or cart_recovery(), messages)

    def event(self, what: str, after: timedelta = timedelta(0), *, person: str = "ann", **properties: Any) -> Event:
        """An event that happens some time after the story begins."""
        self._count += 1
        at = self.begins + after
        message: dict[str, Any] = {
            "type": what if what in {"identify", "page"} else "track",
            "event": what,
            "messageId": properties.pop("message_id", f"m-{self._count}"),
            "userId": person,
            "timestamp": at.isoformat(),
        }
        message["traits" if what == "identify" else "properties"] = properties
        return parse(message, received_at=at, from_backend=what in BACKENDS_ALONE)

    async def take(self, event: Event) -> Taken:
        """Take an event in."""
        return await ingest.take(self.parts.pool, self.parts.following, self.shop, event)

    async def identify(self, person: str = "ann", **traits: Any) -> None:
        """Tell who a person is: reachable by SMS and e-mail, and agreed to both, unless told otherwise."""
        known = {
            "email": f"{person}@example.com",
            "phone": "+33639980001",
            "locale": "fr-FR",
            "consent": {"sms": True, "email": True},
        }
        await self.take(self.event("identify", person=person, **(known | traits)))

    async def fill(
        self, cart: str = "c-1", after: timedelta = timedelta(0), *, person: str = "ann", price: float = 40, **more: Any
    ) -> Journey:
        """Put something in a cart, and give the journey that follows it."""
        item = {**ITEM, "price": price, "currency": "EUR", **more}
        await self.take(self.event("Product Added", after, person=person, cart_id=cart, **item))
        return await self.journey(cart)

    async def order(
        self, after: timedelta, cart: str | None = "c-1", *, person: str = "ann", order: str = "o-1"
    ) -> None:
        """Complete an order."""
        named = {"cart_id": cart} if cart else {}
        await self.take(self.event("Order Completed", after, person=person, order_id=order, total=40, **named))

    async def journey(self, cart: str = "c-1") -> Journey:
        """Read the newest journey about a cart."""
        [found] = await journeys.page(
            self.parts.pool, self.shop, plan=None, customer=None, key=cart, status=None, before=None, limit=1
        )
        return found

    async def ledger(self, cart: str = "c-1") -> list[tuple[str, str, str, str | None]]:
        """Read what became of a cart's sends: step, channel, state, reason."""
        journey = await self.journey(cart)
        return [(r.step, r.channel, r.state, r.reason) for r in await sent.of_journey(self.parts.pool, journey.id)]

    async def sent(self, cart: str = "c-1") -> list[tuple[str, str]]:
        """Read what was accepted for a cart: step and channel."""
        return [(step, channel) for step, channel, state, _ in await self.ledger(cart) if state == "accepted"]


@asynccontextmanager
async def opened_shop(database_url: str, plan: Plan | None = None) -> AsyncIterator[TestShop]:
    """A shop on a database."""
    async with assemble(database_url, SECRET, "https://relance.example.com") as parts:
        shop = TestShop(parts)
        await shop.open(plan)
        yield shop


def without_temporal(parts: Parts) -> Services:
    """What the API works with, while Temporal is down."""

    async def is_up() -> bool:
        return False

    return Services(
        parts.pool,
        parts.plans,
        parts.following,
        parts.links,
        parts.clock,
        is_up,
        parts.secret.hooks,
        parts.public_url,
        parts.preferences,
        parts.trials,
        parts.briefings,
    )


@asynccontextmanager
async def skipping_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server that skips time, for each workflow on its own."""
    beside = Path(sys.executable).parent / "temporal"
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(beside if beside.exists() else shutil.which("temporal")),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            "--dynamic-config-value",
            'history.timerProcessorMaxTimeShift="10ms"',
        ],
        dev_server_log_level="never",
        dev_server_startup_timeout=timedelta(seconds=30),
        data_converter=pydantic_data_converter,
    ) as env:
        await temporal.bootstrap(env.client)
        yield env


async def until(holds: Callable[[], Awaitable[object]], patience: timedelta = PATIENCE) -> None:
    """Wait until something holds, for as long as a busy machine may need."""
    async with asyncio.timeout(patience.total_seconds()):
        while not await holds():  # noqa: ASYNC110 Postgres and Temporal set no events
            await asyncio.sleep(0.05)


@asynccontextmanager
async def workers_at_work(shop: TestShop, client: Client, queues: Iterable[str] = QUEUES) -> AsyncIterator[None]:
    """The shop's workers, running."""
    async with AsyncExitStack() as stack:
        for build in shop.parts.workers(client, queues, grace=timedelta(seconds=1)):
            await stack.enter_async_context(build())
        yield


@dataclass
class Engine:
    """A shop's journeys on a Temporal server that skips time."""

    env: WorkflowEnvironment
    shop: TestShop
    relay: Relay

    @property
    def client(self) -> Client:
        """The Temporal client."""
        return self.env.client

    async def deliver(self) -> None:
        """Have Temporal hear all that Postgres has decided. Time stands still for what is started."""
        with self.env.with_time_skipping_disabled():
            while await self.relay.deliver_batch():
                pass

    async def handle(self, cart: str = "c-1") -> WorkflowHandle[Any, Any]:
        """The workflow of a cart's journey."""
        return self.client.get_workflow_handle((await self.shop.journey(cart)).id)

    async def forward(self, length: timedelta, cart: str = "c-1") -> None:
        """Let time pass for a journey; what it does meanwhile is done when this returns."""
        await self.env.fast_forward(await self.handle(cart), length)

    async def finish(self, cart: str = "c-1") -> Journey:
        """Let a journey run to its end."""
        handle = await self.handle(cart)
        # It may have ended already: then there is no time left to skip.
        with contextlib.suppress(RPCError):
            await self.env.fast_forward(handle)
        await handle.result()
        return await self.shop.journey(cart)
