"""What is asked of the channels of a step, one after the other."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import SendInput
    from journeys.facts import Facts
    from journeys.play import Stage, tries, untried
    from journeys.saying import All
    from journeys.steps import Send


def orders(journey: str, version: int, stage: Stage, step: Send, facts: Facts, at: datetime) -> list[SendInput]:
    """Give what is handed over for a step, in turn: by each channel that may be used, else by the last, to be refused.

    Args:
        journey: whose step it is.
        version: of the plan, that the step is of.
        stage: where the journey stands.
        step: what is sent.
        facts: what was found when it became due.
        at: when that was.

    """
    wanted = untried(step, facts)
    usable = tries(step, facts) or wanted[-1:]
    considered = wanted if isinstance(step.send.channels, All) else wanted[: wanted.index(usable[0])]
    passed_over = tuple(channel for channel in considered if channel not in usable)
    return [
        SendInput(
            journey=journey,
            stage=stage,
            version=version,
            at=at,
            channel=channel,
            send=step.id if step.id != stage.step else None,
            passed_over=passed_over if index == 0 else (),
            remaining=tuple(usable[index + 1 :]),
            untried=tuple(other for other in wanted if other is not channel),
        )
        for index, channel in enumerate(usable)
    ]
