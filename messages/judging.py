"""All that is said of a plan with its messages before it is published: errors, which forbid it, and advice."""

from __future__ import annotations

from journeys import plan_check
from journeys.plan import Plan
from journeys.plan_check import Finding
from messages import advice, catalog
from messages.catalog import Catalog


def judge(messages: Catalog, plan: Plan) -> list[Finding]:
    """Tell what is wrong with a plan and its messages, errors first; of one that is too big, only that."""
    if too_big := list(plan_check.too_big(plan)):
        return too_big
    missing = [Finding("error", problem) for problem in catalog.check(messages, plan)]
    advised = [Finding("advice", sentence) for sentence in advice.advise(messages, plan)]
    return sorted([*missing, *plan_check.check(plan), *advised], key=lambda finding: finding.level != "error")
