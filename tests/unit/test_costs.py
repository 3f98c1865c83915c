"""What a message costs before it is sent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from journeys.costs import Prices, cost
from journeys.facts import Channel
from journeys.sms import parts

PRICES = {"sms": "0.07", "sms:FR": "0.065", "voice": "0.10", "mms:US": "0.02", "email": "0"}


@pytest.mark.parametrize(
    ("channel", "text", "country", "expected"),
    [
        (Channel.SMS, "a" * 160, "FR", "0.065"),
        (Channel.SMS, "a" * 161, "FR", "0.130"),
        (Channel.SMS, "ê" * 71, "FR", "0.130"),
        (Channel.SMS, "a", "IT", "0.07"),
        (Channel.SMS, "a", None, "0.07"),
        (Channel.VOICE, "a" * 1400, "FR", "0.10"),
        (Channel.MMS, "a" * 1400, "US", "0.02"),
        (Channel.EMAIL, "", None, "0"),
    ],
)
def test_a_message_costs_its_price_in_its_country_or_else_its_channel(
    channel: Channel, text: str, country: str | None, expected: str
) -> None:
    assert cost(channel, text, country, PRICES) == Decimal(expected)


@pytest.mark.parametrize(("channel", "country"), [(Channel.MMS, "FR"), (Channel.MMS, None), (Channel.RCS, "US")])
def test_a_price_that_nobody_gave_is_unknown_and_not_nothing(channel: Channel, country: str | None) -> None:
    assert cost(channel, "a", country, PRICES) is None


@given(st.text(max_size=500), st.decimals(min_value=0, max_value=9, places=4))
def test_an_sms_is_paid_for_by_the_part(text: str, price: Decimal) -> None:
    assert cost(Channel.SMS, text, "FR", {"sms": price}) == price * parts(text)


def test_prices_are_read_from_what_a_shop_gives() -> None:
    read = TypeAdapter(Prices).validate_python(PRICES)
    assert cost(Channel.SMS, "a", "FR", read) == Decimal("0.065")


@pytest.mark.parametrize(
    "prices",
    [{"fax": "1"}, {"sms:fr": "1"}, {"sms:FRA": "1"}, {"sms:": "1"}, {"sms": "-1"}, {"sms": "NaN"}, {"sms": "free"}],
)
def test_prices_that_mean_nothing_are_refused(prices: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Prices).validate_python(prices)
