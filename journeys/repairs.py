"""What the reconciliation can find wrong between journeys, orders and workflows, and how it puts it right."""

from __future__ import annotations

from enum import StrEnum


class Repair(StrEnum):
    """One kind of repair."""

    WORKFLOW_TERMINATED = "workflow_terminated"
    WORKFLOW_FAILED = "workflow_failed"
    END_LOST = "end_lost"
    START_LOST = "start_lost"
    ORDER_MISSED = "order_missed"
    SIGNAL_LOST = "signal_lost"


FOUND = {
    Repair.WORKFLOW_TERMINATED: "its workflow was terminated or cancelled in Temporal",
    Repair.WORKFLOW_FAILED: "its workflow failed in Temporal",
    Repair.END_LOST: "its workflow had ended and Postgres did not know",
    Repair.START_LOST: "its workflow had never started",
    Repair.ORDER_MISSED: "an order or a newer cart should have ended it",
    Repair.SIGNAL_LOST: "its workflow had not heard of its end",
}
"""What was wrong with a journey."""

DONE = {
    Repair.WORKFLOW_TERMINATED: "ended as cancelled",
    Repair.WORKFLOW_FAILED: "ended as failed",
    Repair.END_LOST: "ended as its workflow had",
    Repair.START_LOST: "started again",
    Repair.ORDER_MISSED: "ended",
    Repair.SIGNAL_LOST: "told its workflow again",
}
"""What was done about it."""


def summary(repaired: dict[Repair, int]) -> str:
    """Say in words what was repaired, a part for each kind."""
    parts = [f"{repaired[kind]}: {FOUND[kind]}, {DONE[kind]}" for kind in Repair if repaired.get(kind)]
    return "; ".join(parts) or "nothing to repair"
