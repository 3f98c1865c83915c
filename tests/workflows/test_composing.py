"""What goes out by the channels that say more than a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.compose import Composer
from channels.base import Card, Outgoing
from journeys.facts import Channel
from journeys.plan import Plan
from messages import catalog
from storage import plans
from tests.support import HOUR, TestShop, cart_recovery
from tests.workflows.gated import allow
from tests.workflows.providers import order_for, sending

MESSAGES = """
first:
  sms: {text: "{{ cart.link }}"}
  email: {subject: s, text: t}
  rich: {title: "{{ shop.name }}", text: "{{ cart.value }}", button: "Open {{ shop.name }}"}
  whatsapp: {text: "{{ cart.value }}", template: cart_1, parameters: ["{{ shop.name }}", "{{ cart.value }}"]}
  voice: {text: "{{ shop.name }}."}
second:
  sms: {text: t}
  email: {subject: s, text: t}
"""
SHOWN: dict[str, Any] = {
    "image_url": "https://cdn.example.com/teapot.jpg",
    "url": "https://shop.example.com/teapot",
    "quantity": 2,
}


@dataclass
class Listening(Composer):
    """Keeps what it composes."""

    composer: Composer
    heard: list[Outgoing] = field(default_factory=list)

    def compose(self, *args: Any) -> Outgoing:
        self.heard.append(self.composer.compose(*args))
        return self.heard[-1]


def by(channel: Channel) -> Plan:
    """The plan that comes along, its first message by one channel."""
    plan = cart_recovery().model_dump(mode="json", exclude_none=True)
    for step in plan["steps"]:
        if step["id"] == "first":
            step["send"]["channels"] = {"first": [channel]}
    return Plan.model_validate(plan)


async def composed(shop: TestShop, channel: Channel, locale: str = "fr-FR", **item: Any) -> Outgoing:
    files = {f"{language}.yaml": MESSAGES for language in ("fr", "it", "pt", "en")}
    await plans.publish(shop.parts.pool, shop.shop, by(channel), catalog.load(files).model_dump_json())
    await shop.identify(locale=locale, country=locale[-2:], consent=dict.fromkeys(("sms", "whatsapp", "voice"), True))
    await shop.fill(**item)
    await allow(shop, voice_marketing=True)
    composer = Listening(Composer(shop.parts.links, shop.parts.preferences, shop.parts.public_url))
    result = await ActivityEnvironment().run(sending(shop, composer).send, await order_for(shop, channel))
    assert result.outcome == "sent", result
    return composer.heard[0]


@pytest.mark.parametrize("channel", [Channel.MMS, Channel.RCS])
async def test_a_message_with_pictures_shows_what_lies_in_the_cart(shop: TestShop, channel: Channel) -> None:
    message = await composed(shop, channel, **SHOWN)
    assert message.cards == (
        Card("Teapot", "2 x 40,00 €", "https://cdn.example.com/teapot.jpg", "https://shop.example.com/teapot"),
    )
    assert (message.subject, message.text, message.button) == ("Test Shop", "80,00 €", "Open Test Shop")
    assert message.link is not None
    assert message.link.startswith("https://relance.example.com/l/")


async def test_a_page_on_another_host_and_a_picture_that_is_none_are_left_out(shop: TestShop) -> None:
    stranger = {"image_url": "javascript:alert(1)", "url": "https://evil.example/teapot"}
    message = await composed(shop, Channel.RCS, **stranger)
    assert message.cards == (Card("Teapot", "40,00 €"),)


async def test_the_name_of_an_item_is_one_line_on_its_card(shop: TestShop) -> None:
    message = await composed(shop, Channel.RCS, name="Tea\npot \u202e")
    assert message.cards[0].title == "Tea pot"


async def test_whatsapp_is_given_its_template_with_the_parameters_filled_in(shop: TestShop) -> None:
    message = await composed(shop, Channel.WHATSAPP)
    assert (message.template, message.parameters) == ("cart_1", ("Test Shop", "40,00 €"))


@pytest.mark.parametrize(
    ("locale", "end"),
    [("fr-FR", "appuyez sur 9."), ("it-IT", "prema 9."), ("pt-PT", "prima 9."), ("pt-BR", "pressione 9."),
     ("en-US", "press 9."), ("de-DE", "press 9.")],
)  # fmt: skip
async def test_a_call_ends_by_saying_how_to_stop_calls_in_the_persons_language(
    shop: TestShop, locale: str, end: str
) -> None:
    message = await composed(shop, Channel.VOICE, locale)
    assert message.text.startswith("Test Shop. ")
    assert message.text.endswith(end)


async def test_an_sms_says_its_text_and_nothing_else(shop: TestShop) -> None:
    message = await composed(shop, Channel.SMS)
    assert message.text == message.link
    assert (message.template, message.parameters, message.button, message.subject) == (None, (), None, None)


async def test_a_provider_is_told_how_long_a_message_is_worth_delivering(shop: TestShop) -> None:
    message = await composed(shop, Channel.SMS)
    # Two days after it was due, as the plan sets no deadline and the shop keeps no quiet hours.
    assert message.expires_in == 46 * HOUR
