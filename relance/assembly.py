"""Puts the parts together: the one place that knows them all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial

import httpx
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.briefing import Briefings
from activities.clock import ShopClock, WorldClock
from activities.compose import Composer
from activities.confirm import Confirming
from activities.doing import Doing
from activities.entries import EnteringInTime
from activities.look import Looking
from activities.lookups import LookingUp
from activities.noting import Noting
from activities.providers import ShopProviders
from activities.reconcile import Reconciling
from activities.related import CoPurchases
from activities.segments import Counting
from activities.send import Sending
from activities.shop_codes import ShopCodes
from activities.task_digest import Digests
from activities.task_mails import TaskMails
from activities.tasks import TasksInTime
from activities.trial import Trials
from activities.upkeep import Upkeep
from api.state import Services
from channels.base import HTTP_TIMEOUT
from journeys.clock import Clock
from messages.links import CartLinks
from messages.preferences import PreferenceLinks
from relance.secret import Secret
from storage import database
from storage.database import Pool
from storage.endpoints import Kind
from storage.entering import Entering
from storage.following import Following
from storage.plans import Plans
from workers import worker
from workers.relay import Relay, world_clock
from workers.segmenting import Segmenting

_HEALTH_TIMEOUT = timedelta(seconds=1)

_certificates = cache(httpx.create_ssl_context)
"""Whom to trust; reading that takes 35 ms, and each client would read it again."""


@dataclass(frozen=True)
class Parts:
    """What every process is made of, whichever door it opens."""

    pool: Pool
    plans: Plans
    following: Following
    links: CartLinks
    preferences: PreferenceLinks
    secret: Secret
    http: httpx.AsyncClient
    shops_http: httpx.AsyncClient
    clock: ShopClock
    public_url: str
    keep_events_months: int

    def services(self, client: Client) -> Services:
        """Put together what the API needs."""
        return Services(
            self.pool,
            self.plans,
            self.following,
            self.links,
            self.clock,
            lambda: _is_up(client),
            self.secret.hooks,
            self.public_url,
            self.preferences,
            self.trials,
            self.briefings,
        )

    @property
    def composer(self) -> Composer:
        """What puts messages together."""
        return Composer(self.links, self.preferences, self.public_url)

    @property
    def providers(self) -> ShopProviders:
        """What finds the providers of shops."""
        return ShopProviders(self.pool, self.http, self.secret.accounts)

    @property
    def shop_codes(self) -> ShopCodes:
        """What speaks with the shops' own APIs for codes."""
        return ShopCodes(self.pool, self.shops_http, self.secret.endpoint(Kind.OFFER_API))

    @property
    def tasks_in_time(self) -> TasksInTime:
        """What lets tasks expire, and tells shops of them."""
        return TasksInTime(self.pool, self.clock, self.shops_http, self.secret.endpoint(Kind.TASK_HOOK))

    @property
    def task_mails(self) -> TaskMails:
        """What tells agents of tasks by mail."""
        digests = Digests(self.briefings, self.clock, self.public_url, self.secret.key("ids"))
        return TaskMails(self.pool, self.clock, self.providers, digests)

    @property
    def briefings(self) -> Briefings:
        """What tells whoever does a task what there is to know for it."""
        return Briefings(self.pool, self.plans, self.composer, self.clock)

    @property
    def entering_in_time(self) -> EnteringInTime:
        """What lets people into plans by their schedules."""
        entering = Entering(self.pool, self.plans, self.following.happening)
        return EnteringInTime(self.pool, self.plans, entering, self.clock)

    @property
    def trials(self) -> Trials:
        """What sends a plan's message to an address of the shop's own."""
        return Trials(self.pool, self.providers, self.composer, self.clock)

    def relay(self, client: Client, clock: Callable[[], Clock] = world_clock) -> Relay:
        """Build a relay."""
        return Relay(self.pool, client, self.plans, self.secret.key("ids"), clock)

    @property
    def segmenting(self) -> Segmenting:
        """What counts people's segments right after events."""
        return Segmenting(self.pool, self.following, self.clock.now)

    def workers(
        self,
        client: Client,
        queues: Iterable[str] = worker.QUEUES,
        *,
        concurrency: int = 100,
        grace: timedelta = worker.GRACE,
    ) -> list[Callable[[], Worker]]:
        """Give what builds the workers of some queues, one for each.

        Raises:
            ValueError: there is no such queue.

        """
        noting = Noting(self.pool)
        looking = Looking(self.pool, self.plans, self.clock)
        sending = Sending(self.pool, self.plans, self.providers, self.composer, self.clock, self.shop_codes)
        comparing = Reconciling(self.pool, client, self.following)
        looking_up = LookingUp(self.pool, self.providers, self.clock)
        confirming = Confirming(self.pool, self.providers)
        doing = Doing(self.pool, self.plans, self.following, self.clock)
        upkeep = Upkeep(self.pool, self.clock, self.keep_events_months)
        together = CoPurchases(self.pool, self.clock)
        counting = Counting(self.pool, self.clock)
        entering = self.entering_in_time
        activities: list[worker.Activity] = [
            *(looking.look, doing.do, noting.end, noting.note_pause, noting.note_resume),
            *(comparing.closed, comparing.overdue, comparing.orders, comparing.ended),
            *(upkeep.make_months, upkeep.drop_months, looking_up.look_up, confirming.to_confirm),
            *(together.read_products, together.forget_lines, together.count_products),
            *(self.shop_codes.revoke, self.tasks_in_time.expire, self.tasks_in_time.tell, self.task_mails.mail),
            *(counting.shops, counting.count_shop, entering.open, entering.let_in),
        ]
        sends: list[worker.Activity] = [sending.send, confirming.confirm]
        wanted = list(queues)
        worker.check(wanted)
        return [
            partial(worker.build, client, queue, activities, sends, concurrency=concurrency, grace=grace)
            for queue in wanted
        ]


@asynccontextmanager
async def assemble(
    database_url: str,
    secret: Secret,
    public_url: str,
    *,
    clock: ShopClock | None = None,
    keep_events_months: int = 0,
) -> AsyncIterator[Parts]:
    """Open what the parts share, and close it at the end. All events are kept unless it is said for how long."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(await database.connect(database_url))
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=HTTP_TIMEOUT.total_seconds(), verify=_certificates())
        )
        shops_http = await stack.enter_async_context(httpx.AsyncClient(verify=_certificates()))
        plans = Plans()
        yield Parts(
            pool=pool,
            plans=plans,
            following=Following(plans, secret.key("ids")),
            links=CartLinks(secret.key("links")),
            preferences=PreferenceLinks(secret.key("links")),
            secret=secret,
            http=http,
            shops_http=shops_http,
            clock=clock or WorldClock(),
            public_url=public_url,
            keep_events_months=keep_events_months,
        )


async def _is_up(client: Client) -> bool:
    try:
        return await client.service_client.check_health(timeout=_HEALTH_TIMEOUT)
    except (TimeoutError, RPCError, RuntimeError):
        return False
