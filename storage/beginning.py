"""How a journey begins and ends in a transaction that takes events, whatever it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys import holdout
from journeys.entry import ByEvents
from journeys.events import Event
from journeys.ids import journey_id
from journeys.plan import Plan
from journeys.signals import Signal, ending
from journeys.steps import Step, Wait, WaitUntilIdle
from storage.journeys import Journey
from storage.plans import Plans, PlanVersion
from storage.work import Work

if TYPE_CHECKING:
    from storage.database import Connection


@dataclass(frozen=True)
class NotStarted:
    """Why a cart, an order or a person does not enter a plan."""

    reason: str


ARCHIVED = NotStarted("the plan is archived, and starts no journeys until it is unarchived")


def begins(plan: Plan, event: Event) -> bool:
    """Tell whether an event starts journeys of a plan, and comes in time for that."""
    entry = plan.entry
    if not isinstance(entry, ByEvents) or not event.is_believed:
        return False
    return event.name in entry.events and event.at >= event.received_at - entry.within


async def newest(db: Connection, work: Work, plans: Plans) -> list[PlanVersion]:
    """Give the newest version of each plan of the shop, but for those that we cannot read any more."""
    return await plans.all_readable(db, work.shop, work.plans)


def new_journey(version: PlanVersion, *, public_key: str, key: str, customer: str, entry: int, at: datetime) -> Journey:
    """Give a journey that begins at a moment."""
    plan, shop = version.plan, version.shop
    first = plan.steps[0]
    first_due = min(at + _window(first), at + plan.longest_life)
    return Journey(
        id=journey_id(plan.name, shop, public_key, entry),
        shop=shop,
        plan=plan.name,
        plan_version=version.version,
        customer_id=customer,
        key=key,
        entry=entry,
        cart_id=None,
        held_out=holdout.held_out(shop, plan.name, customer, plan.holdout),
        status="running",
        stage=first.id,
        outcome=None,
        reason=None,
        started_at=at,
        ended_at=None,
        paused_at=None,
        next_at=first_due,
        first_due=first_due,
    )


def _window(step: Step) -> timedelta:
    """Tell how long a journey that begins with this step waits before it first looks."""
    match step:
        case Wait():
            return step.wait
        case WaitUntilIdle():
            return step.wait_until_idle
    return timedelta(0)


def end(work: Work, journey: Journey, what: Signal) -> bool:
    """End a journey in Postgres and have its workflow hear why; tell whether it had not ended before."""
    ends = ending(what)
    if ends is None or not work.end_journey(journey, ends[0], ends[1], what.at):
        return False
    work.deliver(journey.id, what)
    return True
