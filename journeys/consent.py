"""What a person who was told of under several ids consents to.

Under one id the newest word counts. When two ids turn out to be one person, the stricter of their words counts from
then on, until the person says something new.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

Key = tuple[str, str]
"""A channel and a purpose."""


class Word(BaseModel):
    """What was said on a channel and a purpose under one id."""

    model_config = ConfigDict(frozen=True)

    told_by: str
    channel: str
    purpose: str
    granted: bool
    wording: str | None
    at: datetime
    message_id: str

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.channel, self.purpose


class Join(BaseModel):
    """Two ids turned out to be one person at a moment."""

    model_config = ConfigDict(frozen=True)

    alias_id: str
    linked_to: str
    at: datetime


def effective(words: Iterable[Word], joins: Iterable[Join]) -> dict[Key, Word]:
    """Tell what counts for one person, of the newest words under each of their ids."""
    group: dict[str, str] = {}
    standing: dict[str, dict[Key, Word]] = {}
    steps: list[Word | Join] = [*joins, *words]
    for step in sorted(steps, key=_order):
        if isinstance(step, Word):
            standing.setdefault(_find(group, step.told_by), {})[step.key] = step
            continue
        one, other = _find(group, step.alias_id), _find(group, step.linked_to)
        if one != other:
            group[one] = other
            standing[other] = _stricter(standing.pop(one, {}), standing.get(other, {}))
    last: dict[Key, Word] = {}
    for said in standing.values():
        # One group is left where every id is joined to the person; where one is not, the stricter counts as well.
        last = _stricter(last, said)
    return last


def _order(step: Word | Join) -> tuple[datetime, bool, str]:
    """Sort by time; what is said in the moment of a join is said by the one person."""
    return (step.at, True, step.message_id) if isinstance(step, Word) else (step.at, False, step.alias_id)


def _find(group: dict[str, str], told_by: str) -> str:
    while told_by in group:
        told_by = group[told_by]
    return told_by


def _stricter(one: dict[Key, Word], other: dict[Key, Word]) -> dict[Key, Word]:
    both = {**one, **other}
    for key in one.keys() & other.keys():
        both[key] = max(one[key], other[key], key=lambda word: (not word.granted, word.at, word.message_id))
    return both
