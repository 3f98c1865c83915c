"""The gate: may this go to this person, now, by this channel? The UI calls it sending rules.

The look asks the same rules as the claim; only the claim's answer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from journeys import rules
from journeys.question import Defer, Question, Refuse, Verdict

RULES: tuple[Callable[[Question], Verdict], ...] = (
    # the journey, and what it is about
    rules.journey_runs,
    rules.goal_not_reached,
    rules.cart_holds_something,
    rules.cart_can_be_bought,
    # the shop and the plan
    rules.shop_sends,
    rules.below_the_ceiling,
    rules.plan_goes_on,
    # holdout and roll-out
    rules.not_held_out,
    rules.rolled_out,
    # consent and suppressed addresses
    rules.permitted,
    rules.voice_switched_on,
    rules.not_suppressed,
    rules.not_opted_out,
    # the channel
    rules.is_there,
    rules.reachable,
    rules.the_better_push,
    rules.connected,
    rules.listed,
    rules.provider_works,
    # other journeys, and what was sent before
    rules.goes_first,
    rules.below_the_plans_limit,
    rules.us_cart_sms,
    rules.below_the_caps,
    # the hour
    rules.not_too_late,
    rules.has_left,
    rules.in_open_hours,
)
"""In the order in which they are asked. The first refusal counts; where there is none, the latest deferral."""


@dataclass(frozen=True)
class Answer:
    """What one rule says."""

    rule: str
    verdict: Verdict


@dataclass(frozen=True)
class Decision:
    """What the gate says, and what each rule said.

    Attributes:
        verdict: None where the message may go.

    """

    answers: tuple[Answer, ...]
    verdict: Verdict

    @property
    def allowed(self) -> bool:
        """Whether the message may go now."""
        return self.verdict is None

    @property
    def later(self) -> datetime | None:
        """From when on it may go, where it may not now."""
        return self.verdict.until if isinstance(self.verdict, Defer) else None

    @property
    def reason(self) -> str | None:
        """Why it may not go now."""
        return self.verdict.reason if self.verdict else None


def decide(question: Question) -> Decision:
    """Ask every rule. What is deferred beyond the step's deadline is refused."""
    answers = tuple(Answer(rule.__name__, rule(question)) for rule in RULES)
    verdicts = [answer.verdict for answer in answers]
    refusal = next((verdict for verdict in verdicts if isinstance(verdict, Refuse)), None)
    if refusal is not None:
        return Decision(answers, refusal)
    latest = max((v for v in verdicts if isinstance(v, Defer)), key=lambda v: v.until, default=None)
    if latest is not None and question.deadline is not None and latest.until > question.deadline:
        return Decision(answers, Refuse(f"{latest.reason}, which is too late for the step"))
    return Decision(answers, latest)
