"""What is told of a customer to whoever does a task for them: enough to write to them, and no address."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from journeys.cart import Cart
from journeys.customers import plain
from journeys.events import Name
from journeys.facts import Medium, Purpose, Segment
from journeys.order import OrderState
from journeys.replies import REPLIED
from journeys.rfm import Rfm
from storage import asked, segments
from storage.asked import About
from storage.tasks import READ, Task

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Pool

NEWEST = 5
"""Of messages, replies and earlier tasks so many are told, newest first."""
_MOST_ITEMS = 20

_SCORES = re.compile("[1-5]{3}")

_RFM_BEFORE = """
select content #>> '{properties,rfm_before}' as rfm from events
 where shop = $1 and customer_id = $2 and name = $3 and content -> 'from_backend' = 'true'
   and content #>> '{properties,rfm_before}' is not null
   and content #>> '{properties,rfm_before}' is distinct from content #>> '{properties,rfm_after}'
 order by at desc limit 1
"""
_CART = """
select a.cart_id, a.content, a.last_at from carts a join journeys j on j.id = $3
 where a.shop = $1 and a.customer_id = $2 and a.holds_items and a.ordered_at is null
 order by a.cart_id = j.cart_id desc nulls last, a.last_at desc limit 1
"""
_SENT = """
select coalesce(sent_at, decided_at) as at, channel, plan, step, delivered_at is not null as delivered from sends
 where shop = $1 and customer_id = $2 and state in ('accepted', 'unknown') order by decided_at desc limit $3
"""
_REPLIES = """
select at, content #>> '{properties,channel}' as channel, coalesce(content #>> '{properties,text}', '') as text
  from events where shop = $1 and customer_id = $2 and name = $3 and content -> 'from_backend' = 'true'
 order by at desc limit $4
"""


class _Told(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LastOrder(_Told):
    """The newest order. ``total`` is null where the shop has told none; ``items`` are names."""

    id: str
    at: datetime
    total: Decimal | None
    currency: str | None
    items: list[str]


class Orders(_Told):
    """The orders: how many, and what they came to in each currency."""

    count: int
    totals: dict[str, Decimal]
    last: LastOrder | None


class Line(_Told):
    """What lies in the cart."""

    name: str
    quantity: int
    price: Decimal


class OpenCart(_Told):
    """The cart that waits: that of the journey where it is about one, else the newest."""

    id: str
    last_at: datetime
    value: Decimal
    currency: str | None
    items: list[Line]


class SentMessage(_Told):
    """A message that went out, by the step that sent it; its words are not kept."""

    at: datetime
    channel: str
    plan: str | None
    step: str
    delivered: bool


class Answer(_Told):
    """What they answered, in their words."""

    at: datetime
    channel: str | None
    text: str


class Consent(_Told):
    """What counts of their words on a channel and a purpose."""

    channel: Medium
    purpose: Purpose
    granted: bool
    at: datetime


class OtherTask(_Told):
    """Another task for the same customer, and what came of it."""

    id: str
    title: str
    state: str
    opened_at: datetime
    done_by: str | None
    text: str | None


class Story(_Told):
    """A customer, as somebody wants to know them before they write.

    ``language`` is the one in which they are written to. ``rfm_before`` are the scores before they changed last.
    Messages, replies and other tasks are the newest five each.
    """

    first_name: str | None
    language: str
    segments: list[Segment]
    rfm: Rfm | None
    rfm_before: Rfm | None
    orders: Orders
    cart: OpenCart | None
    messages: list[SentMessage]
    replies: list[Answer]
    consents: list[Consent]
    tasks: list[OtherTask]


async def tell(db: Pool | Connection, task: Task, language: str, at: datetime) -> Story:
    """Tell of the customer of a task, as things stand at a moment."""
    shop, customer = task.shop, task.customer_id
    traits = plain(
        await db.fetchval("select traits from customers where shop = $1 and customer_id = $2", shop, customer)
    )
    kept = await segments.of_person(db, shop, customer)
    first_name = traits.get("firstName")
    return Story(
        first_name=first_name if isinstance(first_name, str) else None,
        language=language,
        segments=list(kept.segments),
        rfm=kept.rfm,
        rfm_before=_scores(await db.fetchval(_RFM_BEFORE, shop, customer, Name.SEGMENT_CHANGED.value)),
        orders=await _orders(db, task, at),
        cart=_cart(await db.fetchrow(_CART, shop, customer, task.journey)),
        messages=[SentMessage(**row) for row in await db.fetch(_SENT, shop, customer, NEWEST)],
        replies=[Answer(**row) for row in await db.fetch(_REPLIES, shop, customer, REPLIED, NEWEST)],
        consents=await _consents(db, task),
        tasks=await _other_tasks(db, task, at),
    )


async def _orders(db: Pool | Connection, task: Task, at: datetime) -> Orders:
    rows = await db.fetch(
        "select currency, count(*) as count, sum(total) as total from told_orders"
        " where shop = $1 and customer_id = $2 group by currency order by currency",
        task.shop,
        task.customer_id,
    )
    last = await db.fetchrow(
        "select order_id, at, total, currency from told_orders where shop = $1 and customer_id = $2"
        " order by at desc, order_id limit 1",
        task.shop,
        task.customer_id,
    )
    return Orders(
        count=sum(row["count"] for row in rows),
        totals={row["currency"]: row["total"] for row in rows if row["total"] is not None},
        last=_last_order(last, await _content(db, task, last["order_id"], at)) if last else None,
    )


async def _content(db: Pool | Connection, task: Task, order: str, at: datetime) -> OrderState:
    return await asked.order(db, About(task.shop, task.customer_id, order, None, task.opened_at), at)


def _last_order(row: Record, told: OrderState) -> LastOrder:
    items = [item.name or item.product_id for item in told.items[:_MOST_ITEMS]]
    return LastOrder(
        id=row["order_id"], at=row["at"], total=row["total"], currency=row["currency"] or None, items=items
    )


def _cart(row: Record | None) -> OpenCart | None:
    if row is None:
        return None
    cart = Cart.model_validate(row["content"])
    lines = [
        Line(name=item.name or item.product_id, quantity=item.quantity, price=item.price)
        for item in cart.items[:_MOST_ITEMS]
    ]
    return OpenCart(id=row["cart_id"], last_at=row["last_at"], value=cart.value, currency=cart.currency, items=lines)


async def _consents(db: Pool | Connection, task: Task) -> list[Consent]:
    rows = await db.fetch(
        "select channel, purpose, granted, at from consents where shop = $1 and customer_id = $2"
        " order by channel, purpose",
        task.shop,
        task.customer_id,
    )
    return [Consent(**row) for row in rows]


async def _other_tasks(db: Pool | Connection, task: Task, at: datetime) -> list[OtherTask]:
    rows = await db.fetch(
        f"{READ} where t.shop = $1 and t.customer_id = $2 and t.task_id <> $3 order by t.opened_at desc limit $4",
        task.shop,
        task.customer_id,
        task.task_id,
        NEWEST,
    )
    others = [Task(**row) for row in rows]
    return [
        OtherTask(
            id=one.task_id,
            title=one.title,
            state=one.state_at(at),
            opened_at=one.opened_at,
            done_by=one.done_by,
            text=one.text,
        )
        for one in others
    ]


def _scores(said: str | None) -> Rfm | None:
    """Read scores as an event tells them: ``555``. What is none is left out: a shop's backend may say anything."""
    if said is None or not _SCORES.fullmatch(said):
        return None
    r, f, m = map(int, said)
    return Rfm(r=r, f=f, m=m)
