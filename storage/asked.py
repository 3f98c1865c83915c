"""What a plan asks of the past: events, answers, tasks, orders. Nothing is read that the plan does not ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from journeys import replies
from journeys.answering import Wrote
from journeys.conditions import EventCount
from journeys.events import BACKENDS_ALONE, PRODUCT_VIEWED, Event
from journeys.facts import Answered, Medium
from journeys.order import OrderState, fold
from journeys.plan import Key, Plan
from journeys.steps import Ask, Task, walk
from journeys.viewed import LOOKED_BACK, Viewed, most_viewed
from storage import labels, tasks

if TYPE_CHECKING:
    from storage.database import Connection, Pool

_MOST_EVENTS = 1_000
"""Of one name; nobody asks whether something happened more often."""


_MEDIA = frozenset(map(str, Medium))

WHOSE = {
    Key.CART: "select customer_id from carts where shop = $1 and cart_id = $2",
    Key.ORDER: "select customer_id from ("
    "select customer_id, at, 0 as place from orders where shop = $1 and order_id = $2 union all"
    " select customer_id, at, 1 from events where shop = $1 and order_id = $2) told order by place, at limit 1",
    Key.CUSTOMER: "select customer_id from customers where shop = $1 and customer_id = $2",
}
"""Whose something is, by what it is. An order may have been told of before it was completed."""


@dataclass(frozen=True)
class Asked:
    """What was found of it.

    Attributes:
        tasks: open, done or expired, by step; ``task_text`` is what was written for the one done last.
        labels: what plans have put on the person.
        replied: when and by what each question was answered.
        viewed: what the person looked at, of a journey that begins with that.

    """

    events: dict[str, int] = field(default_factory=dict)
    order: OrderState | None = None
    replies: dict[str, Answered] = field(default_factory=dict)
    replied: dict[str, Wrote] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    task_text: str | None = None
    open_cart: bool = False
    running: tuple[str, ...] = ()
    viewed: Viewed | None = None


@dataclass(frozen=True)
class About:
    """Whom and what a journey is about.

    Attributes:
        journey: its id; None for one that has not begun.
        since: when it began.

    """

    shop: str
    customer: str
    key: str
    journey: str | None
    since: datetime


async def ask(db: Pool | Connection, plan: Plan, about: About, at: datetime) -> Asked:
    """Read what the steps of a plan ask for, as it stands at a moment."""
    steps, asks_for = list(walk(plan.steps)), plan.asks_for
    has_tasks = about.journey is not None and any(isinstance(step, Task) for step in steps)
    opened = await tasks.of_journey(db, about.journey or "") if has_tasks else {}
    done = [task for task in opened.values() if task.state == "done"]
    replied = await _replies(db, about, [step for step in steps if isinstance(step, Ask)], at)
    return Asked(
        events={key: await count(db, plan, about, asked, at) for key, asked in plan.counted.items()},
        order=await order(db, about, at) if plan.key is Key.ORDER else None,
        replies={step: answered for step, (answered, _) in replied.items()},
        replied={step: wrote for step, (_, wrote) in replied.items()},
        tasks={step: _of_three(task.state_at(at)) for step, task in opened.items()},
        task_text=max(done, key=lambda task: task.done_at or at).text if done else None,
        labels=await labels.of_person(db, about.shop, about.customer) if "label" in asks_for else {},
        open_cart=await _open_cart(db, about, at) if "open_cart" in asks_for else False,
        running=await _running(db, about) if "running" in asks_for else (),
        viewed=await _viewed(db, about, at) if PRODUCT_VIEWED in plan.names else None,
    )


def _of_three(state: str) -> str:
    return "open" if state == "claimed" else state


async def ask_who_may_enter(
    db: Connection, plan: Plan, about: About, at: datetime, unwritten: Sequence[Event]
) -> Asked:
    """Read what the audience of a plan asks for, in the middle of a transaction that has not written its events yet."""
    audience = plan.audience
    if audience is None:
        return Asked()
    counted = {asked.key: asked for asked in audience.counted}
    of_it = [event for event in unwritten if event.order_id == about.key and event.at <= at]
    return Asked(
        events={key: await count(db, plan, about, asked, at, unwritten) for key, asked in counted.items()},
        order=fold([*await _events_of_order(db, about, at), *of_it]) if plan.key is Key.ORDER else None,
        labels=await labels.of_person(db, about.shop, about.customer) if "label" in audience.asks_for else {},
    )


async def count(
    db: Pool | Connection,
    plan: Plan,
    about: About,
    asked: EventCount,
    at: datetime,
    unwritten: Sequence[Event] = (),
) -> int:
    """Count how often an event happened. One that names another cart or order than the journey's is not about it."""
    since = at - asked.within if asked.within else about.since
    rows = await db.fetch(
        "select coalesce(content -> 'properties' ->> $6, '') as of,"
        " case when $10 then content -> 'properties' end as told from events"
        " where shop = $1 and (customer_id = $2 or order_id = $8) and name = $3 and at between $4 and $5"
        " and ($7::text is null or cart_id is null or cart_id = $7)"
        " and ($8::text is null or order_id is null or order_id = $8)"
        " and (not $11 or content -> 'from_backend' = 'true') order by at desc limit $9",
        about.shop,
        about.customer,
        asked.name,
        since,
        at,
        asked.same or "",
        about.key if plan.key is Key.CART else None,
        about.key if plan.key is Key.ORDER else None,
        _MOST_EVENTS,
        bool(asked.where),
        asked.name in BACKENDS_ALONE,
    )
    other = about.key if plan.key is Key.ORDER else None
    named = [
        event.properties
        for event in unwritten
        if event.name == asked.name
        and event.is_believed
        and since <= event.at <= at
        and (other is None or event.order_id in {None, other})
    ]
    of = [row["of"] for row in rows if asked.fits(row["told"] or {})]
    of += [str(properties.get(asked.same or "", "")) for properties in named if asked.fits(properties)]
    if asked.same is None:
        return len(of)
    return max(Counter(name for name in of if name).values(), default=0)


async def order(db: Pool | Connection, about: About, at: datetime) -> OrderState:
    """Read an order, as its events tell of it up to a moment."""
    return fold(await _events_of_order(db, about, at))


async def _events_of_order(db: Pool | Connection, about: About, at: datetime) -> list[Event]:
    rows = await db.fetch(
        "select content from events where shop = $1 and order_id = $2 and at <= $3"
        " and (customer_id = $5 or content -> 'from_backend' = 'true') order by at limit $4",
        about.shop,
        about.key,
        at,
        _MOST_EVENTS,
        about.customer,
    )
    return [Event.model_validate(row["content"]) for row in rows]


async def _replies(
    db: Pool | Connection, about: About, steps: list[Ask], at: datetime
) -> dict[str, tuple[Answered, Wrote]]:
    """Read what was answered to each question, and when: the first answer that was understood, else the newest.

    Anybody may write into a page that somebody has answered: only what the providers told us counts.
    """
    if not steps:
        return {}
    since = await _out_since(db, about.journey)
    rows = await db.fetch(
        "select at, content -> 'properties' ->> 'text' as text, content -> 'properties' ->> 'channel' as by from events"
        " where shop = $1 and customer_id = $2 and name = $3 and at <= $4"
        " and content -> 'properties' ->> 'journey' = $5 and content -> 'from_backend' = 'true'"
        " order by at, message_id",
        about.shop,
        about.customer,
        replies.REPLIED,
        at,
        about.journey,
    )
    found: dict[str, tuple[Answered, Wrote]] = {}
    for row in rows:
        step = _asked_last(steps, since, row["at"])
        if step is not None and (step.id not in found or found[step.id][0].unclear):
            read = replies.read(step.ask, row["text"] or "")
            wrote = Wrote(row["at"], Medium(row["by"]) if row["by"] in _MEDIA else None)
            found[step.id] = (read or Answered(unclear=True), wrote)
    return found


async def question(db: Pool | Connection, plan: Plan, journey: str, at: datetime) -> Ask | None:
    """Give the question of a journey that words of a moment answer, whether they can be read or not."""
    steps = [step for step in walk(plan.steps) if isinstance(step, Ask)]
    return _asked_last(steps, await _out_since(db, journey), at) if steps else None


async def _out_since(db: Pool | Connection, journey: str | None) -> dict[str, datetime]:
    """Read since when the message of each step is out."""
    rows = await db.fetch(
        "select split_part(step, '/', 1) as step, min(coalesce(sent_at, decided_at)) as at from sends"
        " where journey = $1 and state in ('accepted', 'unknown') group by 1",
        journey,
    )
    return {row["step"]: row["at"] for row in rows}


def _asked_last(steps: Sequence[Ask], since: Mapping[str, datetime], at: datetime) -> Ask | None:
    """Of several questions, the one that was asked last is answered."""
    asked = (step for step in steps if step.id in since and since[step.id] < at)
    return max(asked, key=lambda step: since[step.id], default=None)


async def _viewed(db: Pool | Connection, about: About, at: datetime) -> Viewed | None:
    rows = await db.fetch(
        "select content from events where shop = $1 and customer_id = $2 and name = $3 and at between $4 and $5"
        " order by at desc limit $6",
        about.shop,
        about.customer,
        PRODUCT_VIEWED,
        about.since - LOOKED_BACK,
        at,
        _MOST_EVENTS,
    )
    return most_viewed(Event.model_validate(row["content"]) for row in rows)


async def _open_cart(db: Pool | Connection, about: About, at: datetime) -> bool:
    found: bool = await db.fetchval(
        "select exists (select from carts where shop = $1 and customer_id = $2 and holds_items and ordered_at is null"
        " and last_at <= $3)",
        about.shop,
        about.customer,
        at,
    )
    return found


async def _running(db: Pool | Connection, about: About) -> tuple[str, ...]:
    rows = await db.fetch(
        "select distinct plan from journeys where shop = $1 and customer_id = $2 and status <> 'ended'"
        " and id is distinct from $3 order by plan",
        about.shop,
        about.customer,
        about.journey,
    )
    return tuple(row["plan"] for row in rows)
