"""What a plan is advised: by what its messages say and the channels they go by."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from journeys.entry import Entry
from journeys.facts import Purpose
from journeys.plan import Plan
from messages import catalog
from messages.advice import advise
from messages.locale import LANGUAGES
from tests.support import cart_recovery, plan_file
from tests.workflows.gated import STEPS

FINE = "Your cart is waiting: {{ cart.link }} Answer STOP to end"
LINKS = " ".join(f"https://a.example/{n}" for n in range(5))


def advised(
    text: str, channels: dict[str, Any] | None = None, more: dict[str, Any] | None = None, **changes: Any
) -> list[str]:
    """Give the advice on a plan whose one SMS says this in English and something fine in all other languages."""
    said = dict.fromkeys(LANGUAGES, f"first: {{sms: {{text: '{FINE}'}}, push: {{title: a, text: b}}}}\n")
    said["en"] = said["en"].replace(FINE, text)
    messages = catalog.load({f"{language}.yaml": file for language, file in said.items()})
    steps = [{"id": "first", "send": {"message": "first", "channels": channels or {"first": ["sms"]}, **(more or {})}}]
    return advise(messages, one_step(steps, **changes))


def one_step(steps: list[dict[str, Any]], **changes: Any) -> Plan:
    return cart_recovery(steps=STEPS.validate_python(steps), **changes)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (FINE, []),
        (f"{'a' * 160} STOP", ["takes 2 parts, each paid for"]),
        (f"{'a' * 70} ê STOP", ["takes 2 parts, each paid for: ê more than halve the length of a part"]),
        (f"{LINKS} STOP", ["has 5 links; a mail shows them better"]),
        ("https://a.example https://b.example STOP", []),
        ("Your cart is waiting", ["names no word that stops, such as STOP"]),
        ("Your cart is nonstop waiting", ["names no word that stops, such as STOP"]),
    ],
)
def test_an_sms_that_could_be_better_is_named_with_its_step_and_language(text: str, advice: list[str]) -> None:
    assert advised(text) == [f"step first: the SMS in en {said}" for said in advice]


@pytest.mark.parametrize(
    "text",
    [
        "{{ cart.items[0].name | truncate: 40 }}",
        "{{ viewed.name | truncate: 40 }}",
        "{{ order.items[0].name | truncate: 40 }}",
        "{{ offer.deadline }} with code {{ offer.code }}",
        "{{ order.payment_due }} or {{ order.expected }}",
    ],
)
def test_an_sms_is_as_long_as_with_the_names_the_codes_and_the_moments_of_a_shop(text: str) -> None:
    longer = "step first: the SMS in en takes 2 parts, each paid for"
    assert longer in advised(f"{'a' * 129} {text} STOP")
    assert longer not in advised(f"{'a' * 113} {text} STOP")


def test_what_is_no_marketing_needs_no_word_that_stops() -> None:
    assert advised("Your order is on its way", purpose=Purpose.TRANSACTIONAL) == []


@pytest.mark.parametrize(
    ("channels", "is_advised"),
    [
        ({"first": ["sms", "app_push"]}, True),
        ({"all": ["app_push", "sms"]}, True),
        ({"first": ["app_push", "sms"]}, False),
        ({"first": ["sms"]}, False),
    ],
)
def test_a_sale_goes_to_the_app_before_it_goes_by_sms(channels: dict[str, Any], is_advised: Any) -> None:
    assert bool(advised(FINE, channels)) is is_advised


SALE = "step first: people who have the app are sent an SMS; put app_push first"
OFFER = {"offer": {"valid_for": "1h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}}}
BY_SCHEDULE: dict[str, Any] = {"entry": TypeAdapter(Entry).validate_python({"at": "2027-01-05T10:00:00+01:00"})}


@pytest.mark.parametrize(
    ("channels", "is_advised"),
    [
        ({"first": ["sms"]}, True),
        ({"first": ["web_push", "sms"]}, True),
        ({"first": ["sms", "email"]}, True),
        ({"all": ["email", "sms"]}, True),
        ({"until_delivered": ["web_push", "sms"]}, True),
        ({"first": ["app_push", "sms"]}, False),
        ({"until_delivered": ["app_push", "sms"]}, False),
        # The SMS is for whoever has no address.
        ({"first": ["email", "sms"]}, False),
        ({"first": ["email"]}, False),
    ],
)
def test_a_sale_that_costs_an_sms_for_whoever_has_the_app_is_named(channels: dict[str, Any], is_advised: Any) -> None:
    said = [SALE] if is_advised else []
    assert advised(FINE, channels, **BY_SCHEDULE) == said
    assert advised(FINE, channels, OFFER) == said
    # No sale: no many are told at once, nothing is offered, nothing is sold, or somebody asked for it.
    assert advised(FINE, channels) == []
    assert advised(FINE, channels, OFFER, purpose=Purpose.SERVICE) == []
    if "all" not in channels:
        assert advised(FINE, channels, OFFER | {"answers": "why"}) == []


def test_the_plan_that_every_shop_has_is_advised_about_nothing() -> None:
    file = plan_file()
    assert advise(file.messages, file.plan) == []
