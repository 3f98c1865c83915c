"""What a person may choose: for each medium, which kinds of messages they want.

What belongs to an order is not among it: it is sent whatever they say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import product
from typing import Any, TypeAlias

from journeys.facts import UNASKED, Medium, Purpose

Choice: TypeAlias = tuple[Medium, Purpose]

ASKED = (Purpose.MARKETING, Purpose.SERVICE)
EVERYTHING: tuple[Choice, ...] = tuple(product(Medium, ASKED))
"""All that can be refused, also where there is no address yet."""


def is_wanted(choice: Choice, said: Mapping[Choice, bool]) -> bool:
    """Tell whether the person gets such messages, as the gate has it: marketing needs a yes, all else only no no.

    Marketing on the shop's own pages is among all else.
    """
    word, (medium, purpose) = said.get(choice), choice
    return word is True if purpose is Purpose.MARKETING and medium not in UNASKED else word is not False


def changed(shown: Mapping[Choice, bool], ticked: Collection[Choice]) -> dict[Choice, bool]:
    """Take out of a form what the person changed in it.

    What they left as it was shown says nothing: a page that was open for long must not undo what was said since.
    """
    return {choice: choice in ticked for choice, was_ticked in shown.items() if was_ticked != (choice in ticked)}


def with_revoke_all(said: Mapping[Choice, bool]) -> Mapping[Choice, bool]:
    """Have one no stop everything, also what the person wanted in the same breath: they may choose that again."""
    return said if all(said.values()) else dict.fromkeys(EVERYTHING, False)


def as_trait(said: Mapping[Choice, bool], shown: Mapping[Choice, str], page: str) -> dict[str, list[dict[str, Any]]]:
    """Write choices as ``traits.consent`` of an identify.

    Args:
        said: what the person chose.
        shown: the words that stood beside each choice.
        page: where they stood.

    """
    consent: dict[str, list[dict[str, Any]]] = {}
    for (medium, purpose), granted in said.items():
        word = {"granted": granted, "purpose": purpose.value, "text": shown[medium, purpose], "page": page}
        consent.setdefault(medium.value, []).append(word)
    return consent
