"""The states of a send, and which may follow which. The database enforces the same list (migration 0001)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What became of one try to reach a person."""

    CLAIMED = "claimed"
    """The provider may have been called."""
    ACCEPTED = "accepted"
    """The provider took it."""
    REJECTED = "rejected"
    """The provider refused it for good."""
    RELEASED = "released"
    """Provably not processed; it may be tried again."""
    UNKNOWN = "unknown"
    """Nobody can say whether the provider took it. Never sent again blindly."""
    REFUSED = "refused"
    """The gate said no; the provider was not called."""


TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({State.CLAIMED, State.REFUSED}),
    State.CLAIMED: frozenset({State.ACCEPTED, State.REJECTED, State.RELEASED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.ACCEPTED, State.REJECTED}),
}
"""From each state (None: no row yet) to the states that may follow."""

OPEN_FOR_RETRY = frozenset({State.REFUSED, State.REJECTED, State.RELEASED})
"""At most one row of a step stands outside these."""
