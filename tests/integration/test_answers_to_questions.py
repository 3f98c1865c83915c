"""What people answer to a journey's question is read at the door as the journey reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from journeys.facts import Answered
from journeys.plan import Plan
from storage import asked, journeys, replies
from storage.journeys import Journey
from tests.integration.asking import QUESTION, ask, asking
from tests.integration.loopback import Answer, serving
from tests.integration.returning import Returning, calling_back
from tests.support import HOUR, TestShop
from tests.workflows.providers import connect_twilio, send

HELD_UP = {
    "expects": "choice",
    "options": ["price", "size"],
    "words": {"price": ["trop cher"], "size": ["yes", "help"]},
}


@pytest_asyncio.fixture
async def returning(shop: TestShop) -> AsyncIterator[Returning]:
    async with calling_back(shop) as providers:
        yield providers


async def kept(shop: TestShop) -> list[str]:
    """What waits for a person."""
    return [reply.text for reply in await replies.to_read(shop.parts.pool, shop.shop, 10)]


async def plan_of(shop: TestShop, journey: Journey) -> Plan:
    version = await shop.parts.plans.version(shop.parts.pool, shop.shop, journey.plan, journey.plan_version)
    return version.plan


async def heard(shop: TestShop, journey: Journey) -> dict[str, Answered]:
    """What the journey has understood, an hour later."""
    about = asked.About(shop.shop, journey.customer_id, journey.key, journey.id, journey.started_at)
    found = await asked.ask(shop.parts.pool, await plan_of(shop, journey), about, shop.begins + HOUR)
    return found.replies


async def granted(shop: TestShop) -> Any:
    return await shop.parts.pool.fetchval(
        "select granted from consents where channel = 'sms' and purpose = 'marketing' and customer_id = 'ann'"
    )


@pytest.mark.parametrize("text", ["Trop cher !", "1", "price"])
async def test_an_answer_by_an_options_words_waits_for_nobody(returning: Returning, text: str) -> None:
    shop = returning.shop
    journey = await asking(shop, **HELD_UP)
    await ask(shop, journey)
    await returning.says(text)
    assert await heard(shop, journey) == {"question": Answered(choice="price")}
    assert await kept(shop) == []


@pytest.mark.parametrize("text", ["yes", "HELP"])
async def test_what_a_plan_has_as_an_options_words_opts_nobody_in_and_asks_for_no_help(
    returning: Returning, text: str
) -> None:
    shop = returning.shop
    journey = await asking(shop, **HELD_UP)
    await ask(shop, journey)
    await shop.identify(consent={"sms": False})
    await returning.says(text)
    assert await granted(shop) is False
    assert await heard(shop, journey) == {"question": Answered(choice="size")}
    assert await kept(shop) == []
    assert await shop.parts.pool.fetchval("select count(*) from confirmations") == 0


async def test_what_a_question_cannot_read_waits_for_a_person(returning: Returning) -> None:
    shop = returning.shop
    journey = await asking(shop, **HELD_UP)
    await ask(shop, journey)
    await returning.says("which sizes are there")
    assert await heard(shop, journey) == {"question": Answered(unclear=True)}
    assert await kept(shop) == ["which sizes are there"]


async def test_yes_while_the_next_question_is_not_out_yet_is_no_answer_to_it(returning: Returning) -> None:
    shop = returning.shop
    journey = await asking(shop, {"id": "next", "ask": {**QUESTION, "expects": "yes_no"}}, expects="yes_no")
    await ask(shop, journey)
    await shop.identify(consent={"sms": False})
    async with shop.parts.pool.acquire() as db:
        await journeys.stand(db, journey.id, "next", shop.begins + HOUR)
    await returning.says("yes")
    assert await heard(shop, journey) == {}
    assert await granted(shop) is True


async def test_of_two_with_one_number_the_one_who_was_asked_has_answered(returning: Returning) -> None:
    shop = returning.shop
    journey = await asking(shop, **HELD_UP)
    await ask(shop, journey)
    await shop.identify("bob")
    await shop.fill(person="bob")
    async with serving(Answer(400, b'{"code": 21211}')) as twilio:
        await connect_twilio(shop, twilio.url)
        assert (await send(shop)).outcome == "failed"
    await returning.says("price")
    assert await heard(shop, journey) == {"question": Answered(choice="price")}
    assert await kept(shop) == []


async def test_what_cannot_be_kept_of_an_answer_is_no_answer_for_the_door_either(returning: Returning) -> None:
    shop = returning.shop
    journey = await asking(shop, expects="text")
    await ask(shop, journey)
    await returning.says("\x00")
    assert await heard(shop, journey) == {"question": Answered(unclear=True)}
    assert await kept(shop) == [""]


async def test_yes_with_a_question_mark_neither_answers_nor_opts_in(returning: Returning) -> None:
    shop = returning.shop
    journey = await asking(shop, expects="yes_no")
    await ask(shop, journey)
    await shop.identify(consent={"sms": False})
    await returning.says("Yes?")
    assert await granted(shop) is False
    assert await kept(shop) == ["Yes?"]
