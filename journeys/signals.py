"""The signals a journey hears. They are public: a backend that speaks Temporal may send them itself.

Each is named for what happened and carries its own time, because it may arrive late.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from journeys.plan import Plan

SUPERSEDED = "superseded by a newer cart"
"""The reason of a journey that a newer cart's took the place of."""


class _Signal(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: AwareDatetime


class CheckoutCompleted(_Signal):
    """``checkout_completed``: the cart was ordered. The journey ends as converted."""

    order_id: str


class CartEmptied(_Signal):
    """``cart_emptied``: the cart holds nothing any more. The journey exits."""


class GoalReached(_Signal):
    """``goal_reached``: the event came that is the goal of the plan. The journey ends as converted."""

    event: str


class ExitReached(_Signal):
    """``exit_reached``: an event came on which the plan is left. The journey exits."""

    event: str


class OrderedElsewhere(_Signal):
    """``ordered_elsewhere``: the person ordered another cart. The journey exits."""

    order_id: str


class Superseded(_Signal):
    """``superseded``: the person filled a newer cart. The journey exits."""

    cart_id: str


class Cancel(_Signal):
    """``cancel``: somebody stopped the journey. The reason is kept in Postgres; it must not name a person."""

    reason: str = "cancelled"


class Pause(_Signal):
    """``pause``: nothing happens until ``resume``. ``noted``: Postgres knows it already; leave it out."""

    noted: bool = False


class Resume(_Signal):
    """``resume``: the journey goes on with the time that was left. ``noted``: as for ``pause``."""

    noted: bool = False


class Heard(_Signal):
    """``heard``: something happened that the journey may wait for: an event by its name. It looks what it means."""

    event: str


class Migrate(_Signal):
    """``migrate``: the journey goes on in another version of its plan. Postgres knows it already.

    Attributes:
        version: the version's number, and ``plan`` what it says.
        left: the step at which the journey stood when it was decided, and ``step`` the one at which it goes on from
            there. Who has gone on since goes on at the step of the same id, or the next that is still there.

    """

    version: int
    plan: Plan
    left: str | None
    step: str


Signal = (
    CheckoutCompleted
    | GoalReached
    | ExitReached
    | CartEmptied
    | OrderedElsewhere
    | Superseded
    | Cancel
    | Pause
    | Resume
    | Heard
    | Migrate
)

BY_NAME: dict[str, type[Signal]] = {
    "checkout_completed": CheckoutCompleted,
    "goal_reached": GoalReached,
    "exit_reached": ExitReached,
    "cart_emptied": CartEmptied,
    "ordered_elsewhere": OrderedElsewhere,
    "superseded": Superseded,
    "cancel": Cancel,
    "pause": Pause,
    "resume": Resume,
    "heard": Heard,
    "migrate": Migrate,
}


def ending(signal: Signal) -> tuple[str, str] | None:  # noqa: PLR0911 one answer for each
    """Tell the outcome and the reason of the end that a signal means; None for those that end nothing."""
    match signal:
        case CheckoutCompleted():
            return "converted", f"ordered: {signal.order_id}"
        case GoalReached():
            return "converted", signal.event
        case ExitReached():
            return "exited", signal.event
        case CartEmptied():
            return "exited", "cart was emptied"
        case OrderedElsewhere():
            return "exited", "ordered another cart"
        case Superseded():
            return "exited", SUPERSEDED
        case Cancel():
            return "cancelled", signal.reason
    return None


def name_of(signal: Signal) -> str:
    """Give a signal's name."""
    return next(name for name, kind in BY_NAME.items() if isinstance(signal, kind))


def again(outcome: str, reason: str, at: datetime, *, order_id: str, cart_id: str) -> Signal:
    """Give the signal that told, or should have told, of an end.

    Args:
        outcome: how the journey ended.
        reason: why, as ``ending`` words it.
        at: when.
        order_id: the order that came then, as anybody may see it.
        cart_id: the cart that was filled then, as anybody may see it.

    """
    could_be: tuple[Signal, ...] = (
        CheckoutCompleted(at=at, order_id=reason.removeprefix("ordered: ")),
        CartEmptied(at=at),
        OrderedElsewhere(at=at, order_id=order_id),
        Superseded(at=at, cart_id=cart_id),
        GoalReached(at=at, event=reason),
        ExitReached(at=at, event=reason),
    )
    # A journey that ended by itself, or in somebody's own words, takes the outcome that Postgres knows in any case.
    return next((signal for signal in could_be if ending(signal) == (outcome, reason)), Cancel(at=at))
