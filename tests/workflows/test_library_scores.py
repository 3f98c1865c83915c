"""The score after a first order: what each of 0 to 10 leads to, and when; written out here, not read from the plan."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import labels, sent, tasks
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, finished, forward, journeys_of, reply
from tests.workflows.library import REVIEW, first_delivered, is_about, only, out, said

ASKED = 3 * DAY
ANSWERED = ASKED + 2 * HOUR
TITLE = "A score of 0 to 6: find out what went wrong, and mend it"


async def asked(engine: Engine) -> Journey:
    """Have a first order delivered, and the question asked three days later."""
    shop = engine.shop
    journey = await first_delivered(shop)
    await forward(engine, journey, ASKED - MINUTE)
    assert await out(shop, journey) == []
    await forward(engine, journey, 2 * MINUTE)
    assert await out(shop, journey) == [("score", "sms")]
    return journey


async def answered(engine: Engine, score: str) -> Journey:
    """Have the question answered two hours after it was asked."""
    journey = await asked(engine)
    await reply(engine.shop, journey, score, ANSWERED)
    await forward(engine, journey, HOUR)
    return journey


async def at(shop: TestShop, journey: Journey) -> dict[str, timedelta]:
    """Tell how long after the delivery each step's message went out."""
    return {row.step: row.decided_at - shop.begins for row in await sent.of_journey(shop.parts.pool, journey.id)}


async def started(shop: TestShop) -> timedelta:
    """Tell how long after the delivery the plan that asks for a review was started."""
    return (await only(shop, REVIEW)).started_at - shop.begins


async def test_the_question_is_asked_by_sms_three_days_after_the_delivery(engine: Engine) -> None:
    journey = await asked(engine)
    assert is_about((await at(engine.shop, journey))["score"], 3 * DAY)
    assert "Répondez de 0 (non) à 10" in await said(engine.shop, journey)


# 0 to 6


@pytest.mark.parametrize("score", ["0", "6"])
async def test_whoever_would_not_recommend_us_is_asked_why_and_an_agent_hears_of_it(engine: Engine, score: str) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await answered(engine, score)
    assert await out(shop, journey) == [("score", "sms"), ("why", "sms")]
    assert is_about((await at(shop, journey))["why"], ANSWERED)
    assert "Que devons-nous améliorer ?" in await said(shop, journey)
    assert await tasks.of_journey(pool, journey.id) == {}
    await reply(shop, journey, "La théière fuit.", ANSWERED + HOUR)
    await forward(engine, journey, HOUR)
    [task] = (await tasks.of_journey(pool, journey.id)).values()
    assert (task.title, task.state, task.opened_at - shop.begins) == (TITLE, "open", ANSWERED + HOUR)
    assert (task.escalate_at, task.due_at) == (task.opened_at + 1 * DAY, task.opened_at + 3 * DAY)
    assert await journeys_of(shop, REVIEW) == []
    await tasks.complete(pool, task, "Zoé", "Sent a new one", task.opened_at + 5 * HOUR)
    ended = await finished(engine, journey)
    assert (ended.outcome, await out(shop, ended)) == ("finished", [("score", "sms"), ("why", "sms")])
    # Once the agent is done with them, and in turn.
    assert is_about(await started(shop), ANSWERED + 6 * HOUR)
    review = await finished(engine, await only(shop, REVIEW))
    assert await out(shop, review) == [("request", "email")]


@pytest.mark.parametrize("score", ["0", "6"])
async def test_an_agent_hears_of_it_four_hours_later_where_they_do_not_say_why(engine: Engine, score: str) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await answered(engine, score)
    ended = await finished(engine, journey)
    [task] = (await tasks.of_journey(pool, journey.id)).values()
    assert task.title == TITLE
    assert is_about(task.opened_at - shop.begins, ANSWERED + 4 * HOUR)
    assert await out(shop, ended) == [("score", "sms"), ("why", "sms")]
    # The agent's time is over, and the review is asked for all the same.
    assert is_about(await started(shop), ANSWERED + 4 * HOUR + 3 * DAY)


# 7 to 10


async def thanked(engine: Engine, score: str, step: str, words: str) -> Journey:
    """Have the question answered, and see that thanks are all that this leads to; give the review's journey, ended."""
    shop = engine.shop
    ended = await finished(engine, await answered(engine, score))
    assert ended.outcome == "finished"
    assert await out(shop, ended) == [("score", "sms"), (step, "sms")]
    assert is_about((await at(shop, ended))[step], ANSWERED)
    assert words in await said(shop, ended)
    assert await tasks.of_journey(shop.parts.pool, ended.id) == {}
    assert is_about(await started(shop), ANSWERED)
    return await finished(engine, await only(shop, REVIEW))


@pytest.mark.parametrize("score", ["7", "8"])
async def test_whoever_scores_seven_or_eight_is_thanked_at_once_and_asked_for_a_review_ten_days_later(
    engine: Engine, score: str
) -> None:
    shop = engine.shop
    review = await thanked(engine, score, "thanks", "Pour un 10, que faudrait-il ?")
    assert await out(shop, review) == [("request", "email")]
    assert is_about((await at(shop, review))["request"], ANSWERED + 10 * DAY)


@pytest.mark.parametrize("score", ["9", "10"])
async def test_whoever_scores_nine_or_ten_is_thanked_and_asked_for_a_review_at_once_in_one_message(
    engine: Engine, score: str
) -> None:
    shop = engine.shop
    review = await thanked(engine, score, "promoter-thanks", "Votre avis aiderait les autres")
    assert review.ended_at is not None
    assert is_about(review.ended_at - shop.begins, ANSWERED)
    assert await out(shop, review) == []
    assert await labels.of_person(shop.parts.pool, shop.shop, "ann") == {"review": "asked"}


# How long it is waited for


async def test_a_score_counts_for_two_days(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine)
    await forward(engine, journey, 46 * HOUR)
    await reply(shop, journey, "8", ASKED + 47 * HOUR)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("score", "sms"), ("thanks", "sms")]


async def test_whoever_gives_no_score_in_two_days_is_asked_nothing_more_and_no_agent_hears_of_it(
    engine: Engine,
) -> None:
    shop = engine.shop
    ended = await finished(engine, await asked(engine))
    assert await out(shop, ended) == [("score", "sms")]
    assert await tasks.of_journey(shop.parts.pool, ended.id) == {}
    assert is_about(await started(shop), 5 * DAY)
