"""What a condition asks, in a sentence that somebody who makes plans understands. Pure.

A new field of a condition needs a line in ``SENTENCES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from journeys.conditions import Amounts, Condition, EventCount, OrderCount, ReplyIs, RfmRange, ScoreRange, ValueRange
from journeys.durations import show
from journeys.facts import Medium, Moment, Purpose, Segment


def sentence(asked: Condition | None) -> str:
    """Say what a condition asks."""
    if asked is None:
        return "everybody"
    parts = {name: SENTENCES[name](value) for name, value in asked if value is not None}
    if "any" in parts and len(parts) > 1:
        parts["any"] = f"({parts['any']})"
    return _all(parts.values())


def either(values: Iterable[str]) -> str:
    """Say that any of some values is enough."""
    return " or ".join(values) or "nothing"


def _all(parts: Iterable[str]) -> str:
    return " and ".join(parts) or "always"


# Of the person


_SEGMENTS = {
    Segment.PROSPECT: "a prospect",
    Segment.CUSTOMER: "a customer",
    Segment.SERIAL_ABANDONER: "a serial abandoner",
    Segment.BUYER: "a buyer",
    Segment.BROWSER: "a browser",
    Segment.COMPARING: "comparing",
    Segment.LOYAL: "loyal",
    Segment.LAPSING: "lapsing",
}
_LOWEST, _HIGHEST = 1, 5
"""Of an RFM score."""


def _segment(segments: list[Segment]) -> str:
    return f"the person is {either(_SEGMENTS[segment] for segment in segments)}"


def _rfm(rfm: RfmRange) -> str:
    asked = {"recency": rfm.r, "frequency": rfm.f, "spending": rfm.m}
    scores = [f"{_score(wanted)} for {what}" for what, wanted in asked.items() if wanted is not None]
    return f"the person's RFM score is {_listed(scores)}" if scores else "the person has an RFM score"


def _score(wanted: ScoreRange) -> str:
    if wanted.at_least == wanted.at_most:
        return str(wanted.at_least)
    if wanted.at_most == _HIGHEST and wanted.at_least > _LOWEST:
        return f"at least {wanted.at_least}"
    if wanted.at_least == _LOWEST and wanted.at_most < _HIGHEST:
        return f"at most {wanted.at_most}"
    return f"{wanted.at_least} to {wanted.at_most}"


def _listed(parts: list[str]) -> str:
    """Write ``a``, ``a and b``, or ``a, b and c``."""
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _customer(fields: dict[str, list[str]]) -> str:
    return _all(f"the {field} is {either(values)}" for field, values in fields.items())


def _orders(wanted: OrderCount) -> str:
    orders = _how_many(wanted.at_least, wanted.at_most, ("no orders", "1 order"), "orders")
    return f"the person has completed {orders}"


def _label(labels: dict[str, list[str]]) -> str:
    return _all(f"the label '{name}' is {either(words)}" for name, words in labels.items())


_OPEN_CART = {
    True: "the person has a cart with something in it",
    False: "the person has no cart with anything in it",
}


def _running(plans: list[str]) -> str:
    return f"a journey of {either(plans)} runs for the person"


def _consented(media: list[Medium]) -> str:
    return f"the person agrees to marketing by {either(media)}"


def _newly_consented(media: list[Medium]) -> str:
    return f"{_consented(media)}, and did not until now"


def _agreed(purposes: dict[Purpose, list[Medium]]) -> str:
    kinds = (f"{purpose} {medium}" for purpose, media in purposes.items() for medium in media)
    return f"the person has said yes to {either(kinds)}"


# Of the cart, the order, and what happened


def _cart_value(wanted: ValueRange) -> str:
    return f"the cart is worth {_range(wanted)}"


def _cart_category(categories: list[str]) -> str:
    return f"the cart has {either(categories)} in it"


def _order_value(wanted: ValueRange) -> str:
    return f"the order came to {_range(wanted)}"


def _range(wanted: ValueRange) -> str:
    bounds = (("at least", wanted.at_least), ("less than", wanted.below))
    return " and ".join(f"{word} {_amounts(amounts)}" for word, amounts in bounds if amounts is not None)


def _amounts(amounts: Amounts) -> str:
    # As people write numbers: a Decimal may write itself as 1E+3.
    return " / ".join(f"{amount:f} {currency}" for currency, amount in amounts.items()) or "nothing"


def _event(wanted: EventCount) -> str:
    one = f" of one {_THINGS[wanted.same]}" if wanted.same else ""
    told = _all(f"{name} is {either(values)}" for name, values in wanted.where.items())
    where = f" where {told}" if wanted.where else ""
    since = f"within the last {show(wanted.within)}" if wanted.within else "since the journey began"
    times = _how_many(wanted.at_least, wanted.at_most, ("never", "once"), "times")
    came = "never came" if wanted.at_most == 0 else f"came {times}"
    return f"{wanted.name}{one}{where} {came} {since}"


_THINGS = {"product_id": "product", "category": "category"}


def _how_many(least: int, most: int | None, few: Sequence[str], many: str) -> str:
    """Say how many of something are asked for.

    Args:
        least: included.
        most: included; None for any number.
        few: how none and one are called.
        many: what more are called.

    """

    def say(number: int) -> str:
        return few[number] if number < len(few) else f"{number} {many}"

    if most is None:
        return f"{say(least)} or more" if least else f"any number of {many}"
    if least == most:
        return f"exactly {say(most)}" if most else say(most)
    return f"{least} to {say(most)}" if least else f"{say(most)} at most"


def _known(moments: list[Moment]) -> str:
    return f"it is known {either(f'when {moment.words}' for moment in moments)}"


# Of the history of the journey


def _variant(variants: dict[str, list[str]]) -> str:
    return _all(f"the customer's own way at '{step}' is {either(names)}" for step, names in variants.items())


def _reply(replies: dict[str, ReplyIs]) -> str:
    return _all(f"the answer to '{step}' {_answer(wanted)}" for step, wanted in replies.items())


def _answer(wanted: ReplyIs) -> str:
    """Say what an answer must be. A question has one kind of answer, so that more than one is hardly ever asked."""
    asked = [
        _number(wanted.at_least, wanted.at_most),
        None if wanted.choice is None else either(wanted.choice),
        None if wanted.yes is None else ("yes" if wanted.yes else "no"),
    ]
    said = [f"is {one}" for one in asked if one is not None]
    return " and ".join(said) or "was understood"


def _number(least: int | None, most: int | None) -> str | None:
    if least == most:
        return None if least is None else str(least)
    if most is None:
        return f"{least} or more"
    return f"{most} or less" if least is None else f"{least} to {most}"


def _task(tasks: dict[str, list[str]]) -> str:
    return _all(f"the task '{step}' is {either(states)}" for step, states in tasks.items())


def _sent(steps: list[str]) -> str:
    return either(f"'{step}'" for step in steps) + " went out"


# Of other conditions


def _any(conditions: list[Condition]) -> str:
    return either(f"({sentence(one)})" for one in conditions)


def _unless(condition: Condition) -> str:
    return f"not ({sentence(condition)})"


SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "segment": _segment,
    "rfm": _rfm,
    "cart_value": _cart_value,
    "cart_category": _cart_category,
    "customer": _customer,
    "order_value": _order_value,
    "orders": _orders,
    "event": _event,
    "label": _label,
    "variant": _variant,
    "reply": _reply,
    "task": _task,
    "sent": _sent,
    "open_cart": _OPEN_CART.__getitem__,
    "running": _running,
    "consented": _consented,
    "newly_consented": _newly_consented,
    "agreed": _agreed,
    "known": _known,
    "any": _any,
    "unless": _unless,
}
"""How each field of a condition is said."""
