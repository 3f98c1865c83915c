"""All that is said of a plan with its messages before it is published: errors, which forbid it, and advice."""

from __future__ import annotations

from collections.abc import Collection

from journeys import circles, named_plans, plan_check
from journeys.plan import Plan
from journeys.plan_check import Finding
from messages import advice, catalog
from messages.catalog import Catalog


def judge(messages: Catalog, plan: Plan, others: Collection[Plan] = ()) -> list[Finding]:
    """Tell what is wrong with a plan and its messages, errors first; of one that is too deep or too big, only that.

    Args:
        messages: what it says.
        plan: as it is to be.
        others: the plans beside it, which it may start.

    """
    if unfit := plan_check.unfit(plan):
        return unfit
    missing = [Finding("error", problem) for problem in catalog.check(messages, plan)]
    advised = [Finding("advice", sentence) for sentence in advice.advise(messages, plan)]
    beside = [*circles.check(plan, others), *named_plans.started_in_vain(plan, others)]
    found = [*missing, *plan_check.check(plan), *beside, *advised]
    return sorted(found, key=lambda finding: finding.level != "error")
