"""What ends a journey from outside: the signals that say so. The first one that comes counts."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeys.signals import (
        Cancel,
        CartEmptied,
        CheckoutCompleted,
        ExitReached,
        GoalReached,
        OrderedElsewhere,
        Signal,
        Superseded,
        ending,
    )


class Endable:
    """A workflow that hears its end; ``_end`` is its outcome, its reason and its moment, once it is known."""

    def __init__(self) -> None:
        self._end: tuple[str, str, datetime] | None = None

    def _hear_end(self, signal: Signal) -> None:
        """Take the first end that comes; later ones change nothing."""
        ends = ending(signal)
        if ends is not None and self._end is None:
            self._end = (*ends, signal.at)

    @workflow.signal(description="The cart was ordered: the journey ends as converted.")
    def checkout_completed(self, signal: CheckoutCompleted) -> None:
        """Hear that the cart was ordered."""
        self._hear_end(signal)

    @workflow.signal(description="The event came that is the plan's goal: the journey ends as converted.")
    def goal_reached(self, signal: GoalReached) -> None:
        """Hear that the goal was reached."""
        self._hear_end(signal)

    @workflow.signal(description="An event came on which the plan is left: the journey exits.")
    def exit_reached(self, signal: ExitReached) -> None:
        """Hear that the plan is left."""
        self._hear_end(signal)

    @workflow.signal(description="The cart holds nothing any more: the journey exits.")
    def cart_emptied(self, signal: CartEmptied) -> None:
        """Hear that the cart was emptied."""
        self._hear_end(signal)

    @workflow.signal(description="The person ordered another cart: the journey exits.")
    def ordered_elsewhere(self, signal: OrderedElsewhere) -> None:
        """Hear that the person ordered another cart."""
        self._hear_end(signal)

    @workflow.signal(description="The person filled a newer cart: the journey exits.")
    def superseded(self, signal: Superseded) -> None:
        """Hear that a newer cart took over."""
        self._hear_end(signal)

    @workflow.signal(description="Stop the journey, with a reason that names no person.")
    def cancel(self, signal: Cancel) -> None:
        """Hear that somebody stopped the journey."""
        self._hear_end(signal)
