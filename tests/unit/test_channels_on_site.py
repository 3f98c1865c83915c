"""What is kept for the shop's own pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels.base import Accepted, Outgoing
from channels.on_site import LONGEST_TITLE, SHOWN_FOR, OnSite
from journeys.browsers import is_one
from journeys.costs import cost
from journeys.facts import Channel
from journeys.lengths import LONGEST
from journeys.policy import Policy


@pytest.mark.parametrize(
    ("worth", "shown_for"),
    [(None, SHOWN_FOR), (timedelta(hours=5), SHOWN_FOR), (timedelta(minutes=7), timedelta(minutes=7))],
)
async def test_a_message_is_kept_for_half_an_hour_or_as_long_as_it_is_true(
    worth: timedelta | None, shown_for: timedelta
) -> None:
    kept: list[tuple[Outgoing, timedelta]] = []

    async def keep(message: Outgoing, length: timedelta) -> None:
        kept.append((message, length))

    told = Outgoing(send_id="s-1", to="", text="word " * 200, subject="title " * 50, expires_in=worth)
    assert await OnSite(keep).send(told) == Accepted("s-1")
    [(message, length)] = kept
    assert length == shown_for
    assert len(message.text) <= LONGEST[Channel.ON_SITE]
    assert message.subject is not None
    assert len(message.subject) <= LONGEST_TITLE


@pytest.mark.parametrize(
    ("text", "is_random"),
    [
        ("3f1c2b1e-8a55-4c0e-9d0b-6a3f0c8e7d21", True),
        ("1234567890123456789012345678", True),
        ("u-1", False),
        ("1001", False),
        ("shopify-order:1001", False),
        ("3f1c2b1e-8a55-4c0e-9d0b-6a3f0c8e7d21\n", False),
        (1234567890123456789012345678, False),
        (None, False),
    ],
)
def test_the_id_of_a_browser_is_one_that_nobody_guesses(text: object, *, is_random: bool) -> None:
    assert is_one(text) is is_random


def test_it_costs_nothing_and_has_no_price() -> None:
    assert cost(Channel.ON_SITE, "Hello", "FR", {}) == 0
    with pytest.raises(ValueError, match="prices"):
        Policy.model_validate({"prices": {"on_site": "0.10"}})
