"""Which ways a journey takes at a look, in sentences for its story."""

from __future__ import annotations

from datetime import datetime

from journeys.condition_words import sentence
from journeys.facts import Facts
from journeys.plan import Plan
from journeys.play import Stage, at_step
from journeys.steps import Branch, Split, Step


def choices(plan: Plan, stage: Stage, facts: Facts, at: datetime) -> list[str]:
    """Say which way a journey takes at each step that parts ways, and why, as far as it comes at this look."""
    told: list[str] = []
    while stage.step is not None:
        step = plan.by_id[stage.step]
        reached = at_step(plan, stage, step, facts, at)
        if not isinstance(reached, Stage):
            break
        told += _choice(step, facts)
        stage = reached
    return told


def _choice(step: Step, facts: Facts) -> list[str]:
    match step:
        case Branch():
            arm = next((arm for arm in step.branch if arm.condition.holds(facts)), None)
            return [f"{step.id}: {sentence(arm.condition) if arm else 'otherwise'}"]
        case Split():
            name = facts.variants.get(step.id)
            return [f"{step.id}: variant {name}" if name else f"{step.id}: no variant"]
    return []
