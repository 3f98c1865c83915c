"""Where a journey goes on when it is moved to another version of its plan. Pure: Postgres and the workflow ask it."""

from __future__ import annotations

from datetime import datetime

from journeys.plan import Plan
from journeys.play import Stage


def landing(old: Plan, step: str | None, new: Plan) -> str | None:
    """Tell the step at which a journey goes on: the same one, else the next of its own version that is still there.

    Returns:
        None where nothing that was to come is in the new version.

    """
    while step is not None and step not in new.by_id:
        step = old.following.get(step)
    return step


def moved(stage: Stage, old: Plan, new: Plan, step: str, at: datetime) -> Stage:
    """Stand in another version. Who stays at their step keeps the time since they came to it."""
    life_ends = stage.life_ends + (new.longest_life - old.longest_life)
    since = stage.since if step == stage.step else at
    handed_at = stage.handed_at if step == stage.step else None
    return stage.model_copy(update={"step": step, "since": since, "life_ends": life_ends, "handed_at": handed_at})
