"""The gate's answers as people read them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from journeys.gate import Decision
from journeys.question import Defer, Refuse, Verdict


class RuleAnswer(BaseModel):
    """What one rule says: allowed, deferred (until a moment) or refused, and why."""

    rule: str
    answer: Literal["allowed", "deferred", "refused"]
    until: datetime | None = None
    reason: str | None = None


def verdict(said: Verdict) -> dict[str, object]:
    """Write a verdict in the fields of ``RuleAnswer``."""
    match said:
        case None:
            return {"answer": "allowed"}
        case Defer():
            return {"answer": "deferred", "until": said.until, "reason": said.reason}
        case Refuse():
            return {"answer": "refused", "reason": said.reason}


def rules(decision: Decision) -> list[RuleAnswer]:
    """Tell what each rule said, in the order in which they were asked."""
    return [RuleAnswer.model_validate({"rule": said.rule, **verdict(said.verdict)}) for said in decision.answers]


def objections(decision: Decision) -> list[RuleAnswer]:
    """Tell which rules spoke against it; of the others there is nothing to tell."""
    return [said for said in rules(decision) if said.answer != "allowed"]
