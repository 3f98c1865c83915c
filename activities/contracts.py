"""What the activities take and give. The workflow knows these and the names, nothing else of the activities."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from journeys.clock import Clock
from journeys.facts import Channel
from journeys.plan import Plan
from journeys.play import Stage
from journeys.repairs import Repair

LOOK = "look"
SEND = "send"
PAUSE = "note_pause"
RESUME = "note_resume"
DO = "do_step"
END = "end"

COMPARE_CLOSED = "compare_closed_workflows"
COMPARE_OVERDUE = "compare_overdue_journeys"
COMPARE_ORDERS = "compare_orders"
COMPARE_ENDED = "compare_ended_journeys"

MAKE_MONTHS = "make_months"
DROP_MONTHS = "drop_months"

LOOK_UP = "look_up_unknown_sends"

READ_PRODUCTS = "read_products_and_orders"
FORGET_LINES = "forget_old_orders"
COUNT_PRODUCTS = "count_bought_together"

TO_CONFIRM = "words_to_confirm"
CONFIRM = "confirm_word"

REVOKE_CODES = "revoke_codes"

EXPIRE_TASKS = "expire_tasks"
TELL_TASKS = "tell_of_tasks"
MAIL_TASKS = "mail_of_tasks"

OPEN_RUNS = "open_entry_runs"
LET_IN = "let_people_in"

SHOPS_TO_COUNT = "shops_to_count"
COUNT_SHOP = "count_segments_of_shop"

JOURNEY_QUEUE = "relance-journeys"


def send_queue(channel: Channel) -> str:
    """Name the task queue of a channel."""
    return f"relance-send-{channel}"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class JourneyInput(_Data):
    """What a journey's workflow starts with; the plan version stays with it to its end."""

    journey: str
    plan: Plan
    plan_version: int
    started_at: datetime
    first_due: datetime
    clock: Clock


class JourneyResult(_Data):
    """How a journey ended."""

    outcome: str
    reason: str


class LookInput(_Data):
    """Who looks, from where in which version of the plan, at which moment; none is the one that Postgres knows."""

    journey: str
    stage: Stage
    at: datetime
    version: int | None = None


class SendInput(_Data):
    """What to send: the step that the stage stands at, by one channel.

    Attributes:
        send: the id of the send, where it is not the step's own: a question that is asked once more.
        passed_over: channels of the step that come before this one and were not usable.
        remaining: channels of the step that come after this one.
        untried: channels of the step by which its message will not be out after this one, usable or not.
        later: when the first of the step's channels that are held back may be used, where any is.
        version: of the plan, that the step is of; none is the one that Postgres knows.

    """

    journey: str
    stage: Stage
    at: datetime
    channel: Channel
    send: str | None = None
    passed_over: tuple[Channel, ...] = ()
    remaining: tuple[Channel, ...] = ()
    untried: tuple[Channel, ...] = ()
    later: datetime | None = None
    version: int | None = None


class DoInput(_Data):
    """Who does the step at which the stage stands, and when; ``version`` as for a look."""

    journey: str
    stage: Stage
    version: int | None = None
    at: datetime


class DoResult(_Data):
    """What became of a step; ``held``: nothing, as the journey is paused, and it must look again."""

    held: bool = False


class SendResult(_Data):
    """What became of a send.

    Attributes:
        outcome: ``sent`` (accepted, or unknown: it may have been), ``failed`` (by this channel, for good),
            ``deferred`` (the gate allows it later), ``held`` (the journey is paused or over, and must look again).
        at: when it was handed over, or refused.
        until: from when on the gate allows it.

    """

    outcome: Literal["sent", "failed", "deferred", "held"]
    at: datetime
    reason: str | None = None
    until: datetime | None = None
    shop_time: datetime


class EndInput(_Data):
    """How and when a journey ends."""

    journey: str
    outcome: str
    reason: str
    at: datetime


class PauseInput(_Data):
    """When a journey was paused, or goes on."""

    journey: str
    at: datetime


class JourneyState(_Data):
    """The answer to the query ``state``.

    Attributes:
        step: the step of the plan; None when none is left.
        doing: what the journey does now, in words.
        next_at: when it goes on; None while it is paused or over.
        ending: the outcome, once it is known.

    """

    step: str | None
    doing: str
    next_at: datetime | None
    paused_at: datetime | None
    ending: str | None


class Compared(_Data):
    """What one comparison of the reconciliation found.

    Attributes:
        looked_at: how many journeys or workflows.
        repaired: how many of them were put right, by kind.
        overdue: how many wait for their workflow or its worker, with nothing to put right.

    """

    looked_at: int = 0
    repaired: dict[Repair, int] = {}
    overdue: int = 0


class Reconciled(_Data):
    """What one run of the reconciliation found, in numbers and in words."""

    repaired: dict[Repair, int]
    overdue: int
    told: list[str]


class Kept(_Data):
    """What was done to the event log: months by the names of their tables."""

    made: list[str]
    dropped: list[str]


class LookedUp(_Data):
    """What one run of the look-ups found.

    Attributes:
        lost: how many sends became unknown because their worker was lost.
        asked: for how many a provider was asked.
        accepted: how many of them it had taken.
        rejected: how many of them it had refused for good.

    """

    lost: int
    asked: int
    accepted: int
    rejected: int


class ReadProducts(_Data):
    """How many events were read for products and orders, and up to which; None where no more are there."""

    events: int
    until: datetime | None


class CountedTogether(_Data):
    """What one run of the related items did.

    Attributes:
        events: how many events it read; those of the minutes before the last run's end were read before.
        products: how many products it counted anew.
        forgotten: how many lines of orders it forgot, because they are too old.

    """

    events: int
    products: int
    forgotten: int


class ToConfirm(_Data):
    """One word that is to be answered, by the id of the send that answers it."""

    send_id: str
    channel: Channel


class Confirmed(_Data):
    """What one run of the confirmations did: words that were answered, and those that the next run tries again."""

    answered: int
    failed: int


class Revoked(_Data):
    """What one run of the revocations did: codes taken back, and shops whose API did not hear and is told again."""

    told: int
    failed: int


class Expired(_Data):
    """So many tasks are no longer open, for nobody did them in time."""

    expired: int


class ToldTasks(_Data):
    """Of how many tasks shops have heard, and how many shops did not hear and are told again."""

    told: int
    failed: int


class MailedTasks(_Data):
    """How many mails told agents of tasks, and how many did not surely go out."""

    mailed: int
    failed: int


class Tended(_Data):
    """What one run of the tasks did.

    Attributes:
        expired: tasks no longer open.
        told: of so many shops have heard by their webhooks.
        failed: shops whose webhook is called again.
        mailed: mails to agents that went out.
        mails_failed: mails that did not surely go out.

    """

    expired: int
    told: int
    failed: int
    mailed: int = 0
    mails_failed: int = 0


class Opened(_Data):
    """For how many moments of plans' schedules people begin to enter."""

    runs: int


class LetIn(_Data):
    """What one go at all runs did.

    Attributes:
        entered: people for whom a journey was started.
        passed_over: people who were looked at, and whom their plan did not let in.
        failed: runs that could not go on, by our own mistake; they are tried again.
        again_in: after how long the first of the others may go on; None where none may before the next run.

    """

    entered: int = 0
    passed_over: int = 0
    failed: int = 0
    again_in: timedelta | None = None


class ToCount(_Data):
    """Of which shops the segments are to be counted, and as of which moment: one for all tries of a run."""

    at: datetime
    shops: tuple[str, ...]


class CountShop(_Data):
    """One of them."""

    shop: str
    at: datetime


class Counted(_Data):
    """How many people were counted, and the segments or scores of how many of them changed."""

    people: int = 0
    changed: int = 0
