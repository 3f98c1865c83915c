"""What answers a person's own words is no advertisement: it goes out at once, and not after STOP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from journeys import plan_check
from journeys.plan import Plan
from storage import journeys, replies, sent
from storage.journeys import Journey
from tests.integration.returning import calling_back
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, OF_ORDERS, SMS, finished, forward, journeys_of, order, publish, reply, sent_for

MARKETING = {**OF_ORDERS, "purpose": "marketing", "holdout": 0}
ASKS: dict[str, Any] = {
    "id": "score",
    "ask": {"message": "question", "again": "again", "channels": SMS, "expects": "score", "within": "2d"},
}
THANKS: dict[str, Any] = {"id": "thanks", "send": {"message": "first", "channels": SMS, "answers": "score"}}
OTHER: dict[str, Any] = {"id": "other", "send": {"message": "first", "channels": SMS}}


async def asked(engine: Engine, *steps: dict[str, Any], **traits: Any) -> Journey:
    """Have the day's one SMS ask a question."""
    shop = engine.shop
    await shop.identify(**traits)
    await publish(shop, MARKETING, ASKS, *steps)
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(engine, journey, MINUTE)
    assert await sent_for(shop, journey) == [("score", "accepted")]
    return journey


async def purposes(shop: TestShop, journey: Journey) -> list[tuple[str, str]]:
    rows = await shop.parts.pool.fetch(
        "select step, purpose from sends where journey = $1 and state = 'accepted' order by decided_at", journey.id
    )
    return [(row["step"], row["purpose"]) for row in rows]


async def test_an_answer_goes_out_beyond_the_cap_and_counts_for_no_cap(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, THANKS, {"id": "later", "wait": "22h"}, OTHER)
    await reply(shop, journey, "8", HOUR)
    await forward(engine, journey, HOUR)
    assert await sent_for(shop, journey) == [("score", "accepted"), ("thanks", "accepted")]
    await finished(engine, journey)
    assert await purposes(shop, journey) == [
        ("score", "marketing"),
        ("thanks", "transactional"),
        ("other", "marketing"),
    ]
    # The cap counts the question alone: a day after it the next advertisement may go.
    rows = {row.step: row for row in await sent.of_journey(shop.parts.pool, journey.id)}
    assert rows["other"].decided_at - rows["score"].decided_at < DAY + 2 * HOUR


async def test_what_was_not_understood_is_asked_for_at_once(engine: Engine) -> None:
    journey = await asked(engine, THANKS)
    await reply(engine.shop, journey, "what?", HOUR)
    await forward(engine, journey, HOUR)
    assert await purposes(engine.shop, journey) == [("score", "marketing"), ("score-again", "transactional")]


async def test_a_day_after_their_words_a_message_advertises_again(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, {"id": "late", "wait": "25h"}, THANKS)
    await reply(shop, journey, "8", HOUR)
    await finished(engine, journey)
    assert await purposes(shop, journey) == [("score", "marketing"), ("thanks", "marketing")]


async def test_without_their_words_it_is_an_advertisement(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, THANKS)
    await finished(engine, journey)
    assert await purposes(shop, journey) == [("score", "marketing"), ("thanks", "marketing")]


async def test_nothing_answers_after_stop(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, {"id": "a-while", "wait": "3h"}, THANKS)
    await reply(shop, journey, "8", HOUR)
    await forward(engine, journey, HOUR)
    async with calling_back(shop) as provider:
        assert (await provider.says("STOP")).status_code == 200
    await finished(engine, journey)
    rows = await sent.of_journey(shop.parts.pool, journey.id)
    refused = [row.reason for row in rows if row.step == "thanks"]
    assert refused == ["no consent to marketing by sms"]


@pytest.mark.parametrize("turned", [False, True])
async def test_of_answers_at_once_the_first_that_is_understood_counts_in_whatever_order_they_come(
    engine: Engine, *, turned: bool
) -> None:
    shop = engine.shop
    happy = {"if": {"reply": {"score": {"at_least": 9}}}, "then": [{"id": "happy", "exit": "happy"}]}
    journey = await asked(engine, {"id": "how", "branch": [happy]})
    said = {"channel": "sms", "journey": journey.id}
    told = [shop.event("Message Replied", HOUR, text=text, **said) for text in ("👍" * 2_500, "9", "2")]
    for event in reversed(told) if turned else told:
        await shop.take(event.model_copy(update={"from_backend": True}))
    assert (await finished(engine, journey)).reason == "happy"


async def test_an_answer_after_the_end_wakes_nothing_and_waits_for_a_person(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, THANKS)
    ended = await finished(engine, journey)
    before = await sent_for(shop, journey)
    async with calling_back(shop) as provider:
        assert (await provider.says("8")).status_code == 200
    await engine.deliver()
    assert await journeys.get(shop.parts.pool, journey.id) == ended
    assert await sent_for(shop, journey) == before
    [waiting] = await replies.to_read(shop.parts.pool, shop.shop, 10)
    assert (waiting.text, waiting.customer_id) == ("8", "ann")


async def test_what_a_page_says_that_somebody_answered_is_no_answer(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, {"id": "a-while", "wait": "1h"}, THANKS)
    before = await shop.parts.pool.fetchval("select count(*) from outbox")
    told = shop.event("Message Replied", HOUR, channel="sms", text="9", journey=journey.id)
    await shop.take(told.model_copy(update={"from_backend": False}))
    assert await shop.parts.pool.fetchval("select count(*) from outbox") == before
    await finished(engine, journey)
    assert await purposes(shop, journey) == [("score", "marketing"), ("thanks", "marketing")]


async def test_whoever_takes_their_yes_back_after_answering_hears_nothing(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine, {"id": "a-while", "wait": "3h"}, THANKS)
    await reply(shop, journey, "8", HOUR)
    await forward(engine, journey, HOUR)
    await shop.identify(consent={"sms": False})
    await finished(engine, journey)
    assert await purposes(shop, journey) == [("score", "marketing")]


async def test_after_stop_the_answer_goes_out_by_no_other_way_either(engine: Engine) -> None:
    shop = engine.shop
    way = {"id": "thanks", "send": {**THANKS["send"], "channels": {"first": ["sms", "email"]}}}
    journey = await asked(engine, {"id": "a-while", "wait": "3h"}, way, consent={"sms": True, "email": False})
    await reply(shop, journey, "8", HOUR)
    await forward(engine, journey, HOUR)
    async with calling_back(shop) as provider:
        assert (await provider.says("STOP")).status_code == 200
    await finished(engine, journey)
    assert await purposes(shop, journey) == [("score", "marketing")]


async def test_one_message_answers_and_the_next_one_advertises(engine: Engine) -> None:
    shop = engine.shop
    again = {"id": "and-more", "send": THANKS["send"]}
    journey = await asked(engine, THANKS, {"id": "a-while", "wait": "1h"}, again)
    await reply(shop, journey, "8", HOUR)
    await finished(engine, journey)
    assert await purposes(shop, journey) == [
        ("score", "marketing"),
        ("thanks", "transactional"),
        ("and-more", "marketing"),
    ]


@pytest.mark.parametrize("channels", [{"all": ["sms", "email"]}, {"first": ["sms", "voice"]}])
def test_no_call_answers_and_no_two_messages_do(channels: dict[str, Any]) -> None:
    wrong = {"id": "thanks", "send": {**THANKS["send"], "channels": channels}}
    found = plan_check.check(Plan.model_validate({**MARKETING, "steps": [ASKS, wrong]}))
    assert [one.sentence for one in found if one.level == "error"] == [
        "step thanks: answers: what somebody wrote is answered by one message, and by no call"
    ]


def test_what_answers_no_question_is_no_plan() -> None:
    wrong = {**THANKS, "send": {**THANKS["send"], "answers": "thanks"}}
    with pytest.raises(ValidationError, match="step thanks: answers: no step 'thanks' asks something"):
        Plan.model_validate({**MARKETING, "steps": [ASKS, wrong]})


async def test_an_event_is_counted_by_what_it_says(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    seen = {"name": "Order Rated", "where": {"stars": ["4", "5"], "tags": ["fit"]}}
    happy = {"if": {"any": [{"event": seen}, {"known": ["order.delivered"]}]}, "then": [{"id": "h", "exit": "happy"}]}
    await publish(shop, OF_ORDERS, {"id": "w", "wait": "1h"}, {"id": "which", "branch": [happy]})
    told: list[dict[str, Any]] = [{"stars": 5, "tags": ["fit", "colour"]}, {"stars": 5, "tags": ["colour"]}, {}]
    for number, said in enumerate(told):
        await order(shop, f"o-{number}", timedelta(minutes=number))
        await shop.take(shop.event("Order Rated", (number + 1) * MINUTE, order_id=f"o-{number}", **said))
    ended = [await finished(engine, journey) for journey in await journeys_of(shop)]
    assert [(journey.key, journey.outcome) for journey in ended] == [
        ("o-0", "exited"),
        ("o-1", "finished"),
        ("o-2", "finished"),
    ]
