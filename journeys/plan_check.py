"""What is wrong with a plan that can be read: what can never happen, and what hardly was meant so. Pure.

An error is something that can never happen: such a plan is not published. Advice forbids nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from journeys.durations import show
from journeys.entry import Once, Recurring
from journeys.facts import Channel, Medium
from journeys.in_vain import asked_in_vain
from journeys.never_taken import never_taken
from journeys.no_such_value import no_such_values
from journeys.no_time import without_time
from journeys.offers_in_vain import never_made, never_reached
from journeys.out_of_bounds import out_of_bounds, too_deep
from journeys.paths import Reached, earliest, leaves, lists, patience, ways
from journeys.plan import Plan
from journeys.play import DEFER_WITHIN
from journeys.saying import All, UntilDelivered
from journeys.steps import Send

MAX_SIZE = 512 * 1024
"""In bytes, of a plan as JSON: each journey's history begins with it, and Temporal takes 2 MB at most."""


@dataclass(frozen=True)
class Finding:
    """What one rule found: an error or an advice, in a sentence that names the step."""

    level: Literal["error", "advice"]
    sentence: str


def check(plan: Plan) -> list[Finding]:
    """Tell all that the rules find, errors first; of a plan that cannot be looked at, only why."""
    found = unfit(plan) or [finding for rule in RULES for finding in rule(plan)]
    return sorted(found, key=lambda finding: finding.level != "error")


def unfit(plan: Plan) -> list[Finding]:
    """Tell what keeps a plan from being looked at any further: it is too deep, or too big."""
    return [_error(sentence) for sentence in too_deep(plan)] or list(too_big(plan))


def too_big(plan: Plan) -> Iterator[Finding]:
    """A plan that no journey could carry."""
    size = len(plan.model_dump_json(by_alias=True).encode())
    if size > MAX_SIZE:
        taken = f"the plan takes {size // 1024} KB as JSON, and a journey carries {MAX_SIZE // 1024} KB at most"
        yield _error(f"{taken}: make two plans of it")


def after_an_exit(plan: Plan) -> Iterator[Finding]:
    """Steps that no journey comes to: one before them always leaves."""
    for steps in lists(plan.steps):
        last = next((i for i, step in enumerate(steps) if leaves(step)), len(steps))
        for step in steps[last + 1 :]:
            yield _error(f"step {step.id}: never reached, for {steps[last].id} always leaves the journey")


def arms(plan: Plan) -> Iterator[Finding]:
    """Arms that are never taken: their condition cannot hold, or an earlier arm is taken whenever it does."""
    yield from map(_error, never_taken(plan))


def beyond_the_longest_life(plan: Plan) -> Iterator[Finding]:
    """Waits that end when the journey has ended, so that nothing comes after them."""
    for one in earliest(plan.steps):
        if one.at < plan.longest_life <= one.on and not ways(one.step):
            ends = f"ends {show(one.on)} after the beginning at the earliest"
            yield _error(f"step {one.step.id}: {ends}, and the longest life is {show(plan.longest_life)}")


def silence(plan: Plan) -> Iterator[Finding]:
    """What is to come where nothing happens in time, and the journey has ended by then."""
    for one in earliest(plan.steps):
        within = patience(one.step)
        if within is None or not one.at < plan.longest_life <= one.at + within:
            continue
        over = f"its time is over {show(one.at + within)} after the beginning at the earliest"
        why = f"step {one.step.id}: {over}, and the longest life is {show(plan.longest_life)}"
        if any(way.steps for way in ways(one.step)):
            yield _error(f"{why}: its otherwise never happens")
        elif plan.following[one.step.id] is not None:
            yield _advice(f"{why}: where nothing happens in time, nothing that follows does")


def bounds(plan: Plan) -> Iterator[Finding]:
    """Lives, times and ranges that are out of bounds, and names that stand twice."""
    yield from map(_error, out_of_bounds(plan))


def values(plan: Plan) -> Iterator[Finding]:
    """Values of people, carts and orders that there are none of."""
    yield from map(_error, no_such_values(plan))


def in_vain(plan: Plan) -> Iterator[Finding]:
    """What conditions and answers ask of steps, or of a cart or an order, that can never tell it."""
    yield from map(_error, asked_in_vain(plan))


def no_time(plan: Plan) -> Iterator[Finding]:
    """Times of ``0s`` in which nothing can be sent, come or be done."""
    yield from map(_error, without_time(plan))


def offers_in_vain(plan: Plan) -> Iterator[Finding]:
    """Offers that are worth nothing, good for no time or fit no cart; and those that others always come before."""
    yield from map(_error, never_made(plan))
    yield from map(_advice, never_reached(plan))


def empty_offers(plan: Plan) -> Iterator[Finding]:
    """Offers that offer nothing to anybody."""
    for step in plan.sends:
        if step.send.offer is not None and not any(step.send.offer.by_segment.values()):
            yield _advice(f"step {step.id}: its offer gives nothing to any segment; name one in by_segment")


def late_offers(plan: Plan) -> Iterator[Finding]:
    """Offers that are good for longer than the journey runs, so that nothing can be said about their end."""
    for step, at in _sends(plan):
        if step.send.offer and at.at < plan.longest_life < at.at + step.send.offer.valid_for:
            until = f"its offer is good until {show(at.at + step.send.offer.valid_for)} after the beginning"
            yield _advice(f"step {step.id}: {until}, and the journey ends after {show(plan.longest_life)}")


def late_deadlines(plan: Plan) -> Iterator[Finding]:
    """Deadlines that lie after the journey's end."""
    for step, at in _sends(plan):
        if step.send.deadline and at.at < plan.longest_life < at.at + step.send.deadline:
            until = f"its deadline lies {show(at.at + step.send.deadline)} after the beginning"
            yield _advice(f"step {step.id}: {until}, and the journey ends after {show(plan.longest_life)}")


def unreached_channels(plan: Plan) -> Iterator[Finding]:
    """Channels that are tried after the step's deadline: those before them take too long to arrive."""
    for step in plan.sends:
        channels = step.send.channels
        if not isinstance(channels, UntilDelivered):
            continue
        last = step.send.deadline or DEFER_WITHIN
        for place, channel in enumerate(channels.until_delivered):
            if channels.within * place >= last:
                when = f"{channel} is tried after {show(channels.within * place)}"
                yield _advice(f"step {step.id}: {when}, and the deadline is {show(last)}: it may never be")


def channels_twice(plan: Plan) -> Iterator[Finding]:
    """Channels that a step names twice: the second time nothing happens."""
    for step in plan.sends:
        for channel, times in Counter(step.send.named).items():
            if times > 1:
                yield _advice(f"step {step.id}: names {channel} {times} times, and sends by it once")


def two_pushes(plan: Plan) -> Iterator[Finding]:
    """Two pushes at once: a person is reached by one of them."""
    for step in plan.sends:
        pushes = [channel for channel in dict.fromkeys(step.send.named) if channel.medium is Medium.PUSH]
        if isinstance(step.send.channels, All) and len(pushes) > 1:
            yield _advice(f"step {step.id}: of {' and '.join(pushes)} only the better one is sent to a person")


def limits(plan: Plan) -> Iterator[Finding]:
    """Limits of a channel that is not used, or that forbid what the plan wants to send."""
    for channel, most in plan.at_most.items():
        if channel not in plan.channels:
            yield _advice(f"at_most: no step sends by {channel}")
        elif most == 0:
            yield _advice(f"at_most: 0 by {channel}, so no step ever sends by it")
        else:
            yield from _over(plan, channel, most)


def _over(plan: Plan, channel: Channel, most: int) -> Iterator[Finding]:
    """Steps that have no other channel, where those before them take all that the plan allows."""
    only = [step for step in plan.steps if isinstance(step, Send) and set(step.send.named) == {channel}]
    for step in only[most:]:
        yield _advice(f"step {step.id}: sends by {channel} only, of which at_most allows {most} for one cart")


def rare_returns(plan: Plan) -> Iterator[Finding]:
    """Schedules that come back before people may: they are let in at some of its moments only."""
    if not isinstance(plan.entry, Recurring):
        return
    if plan.re_entry == "never":
        yield _advice("re_entry: never: the schedule comes again and again, and each person enters once in all")
    elif plan.re_entry >= plan.entry.period:
        again = f"{show(plan.re_entry)} is not shorter than from one moment to the next ({show(plan.entry.period)})"
        yield _advice(f"re_entry: {again}: a person misses moments in between")


def passed(plan: Plan, at: datetime) -> Iterator[Finding]:
    """A moment that has passed. No rule of ``RULES``: whether it has is not the plan's own matter."""
    if isinstance(plan.entry, Once) and plan.entry.at <= at:
        yield _error(f"entry.at: {plan.entry} has passed, so nobody would enter; write a moment that is still to come")


RULES: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    bounds,
    values,
    after_an_exit,
    arms,
    beyond_the_longest_life,
    silence,
    in_vain,
    no_time,
    offers_in_vain,
    empty_offers,
    late_offers,
    late_deadlines,
    unreached_channels,
    channels_twice,
    two_pushes,
    limits,
    rare_returns,
)
"""All that is asked of a plan."""


def _sends(plan: Plan) -> Iterator[tuple[Send, Reached]]:
    for one in earliest(plan.steps):
        if isinstance(one.step, Send):
            yield one.step, one


def _error(sentence: str) -> Finding:
    return Finding("error", sentence)


def _advice(sentence: str) -> Finding:
    return Finding("advice", sentence)
