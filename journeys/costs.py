"""What a message costs, known before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from journeys.facts import Channel
from journeys.sms import parts

_FREE = Channel.ON_SITE
"""Relance's own: nobody is paid for it, so it has no price."""
_PRICE = rf"^({'|'.join(channel for channel in Channel if channel is not _FREE)})(:[A-Z]{{2}})?$"

Prices = dict[Annotated[str, Field(pattern=_PRICE)], Annotated[Decimal, Field(ge=0)]]
"""The price of a message by channel, such as ``sms``, or by channel and country, such as ``sms:FR``.

An SMS is paid for by the part, a call and everything else by the piece.
"""


def cost(channel: Channel, text: str, country: str | None, prices: Mapping[str, Decimal | str]) -> Decimal | None:
    """Tell what a message costs.

    Args:
        channel: what it is sent by.
        text: as it is sent; the number of its parts counts for an SMS.
        country: where it goes, ISO 3166.
        prices: as ``Prices``, in the shop's currency.

    Returns:
        The cost; None where no price is known, which is not the same as nothing.

    """
    if channel is _FREE:
        return Decimal(0)
    price = prices.get(f"{channel}:{country}", prices.get(channel))
    if price is None:
        return None
    pieces = parts(text) if channel is Channel.SMS else 1
    return Decimal(price) * pieces
