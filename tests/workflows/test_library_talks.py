"""The plans of the library that talk with people: each played through its main ways, in the shop's real parts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from messages.judging import judge
from relance import plan_files
from storage import archived_plans, labels, sent, story, tasks
from storage.journeys import Journey
from tests.integration.segmenting import buy, changes, count_all, kept, view, work_off
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, finished, forward, journeys_of, reply, sent_for
from tests.workflows.library import (
    BROWSE,
    NPS,
    ORDERS,
    REVIEW,
    SURVEY,
    WELCOME,
    WIN_BACK,
    dropped,
    only,
    out,
    publish,
    said,
)

ITEM: dict[str, Any] = {"product_id": "p-1", "name": "Teapot", "price": 40, "quantity": 1, "currency": "EUR"}
BY_SMS = {"sms": True, "email": False}


# Looked at and left


async def look_twice(shop: TestShop, category: str | None = None) -> None:
    for minute in range(2):
        await view(shop, minute * MINUTE, "p-1", category)


async def test_whoever_looks_twice_and_leaves_is_reminded_by_a_mail_and_by_no_sms(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, BROWSE)
    await view(shop, -MINUTE, "p-2", None)
    for minute in range(2):
        assert await journeys_of(shop, BROWSE) == []
        await shop.take(shop.event("Product Viewed", minute * MINUTE, **ITEM))
    await view(shop, 2 * MINUTE, "p-2-kettle", None)
    journey = await only(shop, BROWSE)
    await forward(engine, journey, 2 * HOUR)
    assert await out(shop, journey) == []
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("reminder", "email")]
    mail = await said(shop, ended)
    assert "vous avez regardé ceci dans notre boutique" in mail
    assert "- 1 x Teapot, 40,00 €" in mail
    assert "Kettle" not in mail
    # An order in the days that follow is what it was for.
    assert ended.ended_at is not None
    await shop.order(ended.ended_at - shop.begins + DAY, cart=None)
    assert (await only(shop, BROWSE)).outcome == "converted"


async def test_people_who_compare_are_offered_help_in_place_of_a_reminder(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, BROWSE)
    for number, product in enumerate(("p-2", "p-3", "p-1")):
        await view(shop, (number - 9) * MINUTE, product, "Tents")
    await look_twice(shop, "Tents")
    await work_off(shop)
    ended = await finished(engine, await only(shop, BROWSE))
    assert await out(shop, ended) == [("help", "sms")]
    assert "vous comparez" in await said(shop, ended)


async def test_who_puts_it_in_the_cart_meanwhile_is_left_to_the_plan_of_carts(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, BROWSE)
    await look_twice(shop)
    await shop.fill(after=2 * MINUTE)
    assert (await only(shop, BROWSE)).reason == "Product Added"
    # Its journey runs, and there is an open cart: nobody enters.
    await shop.identify("bob")
    await shop.fill("c-b", person="bob")
    for minute in (1, 2):
        await view(shop, minute * MINUTE, "p-1", None, "bob")
    assert len(await journeys_of(shop, BROWSE)) == 1


async def test_a_cart_that_another_event_filled_ends_the_looking_as_well(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, BROWSE)
    await look_twice(shop)
    await shop.take(shop.event("Cart Updated", 2 * MINUTE, cart_id="c-1", products=[ITEM]))
    ended = await finished(engine, await only(shop, BROWSE))
    assert (ended.outcome, ended.reason) == ("exited", "has a cart by now")
    assert await sent_for(shop, ended) == []


async def test_a_visitor_who_agreed_to_nothing_is_not_followed(engine: Engine) -> None:
    await engine.shop.identify(consent={"sms": False, "email": False})
    await publish(engine.shop, BROWSE)
    await look_twice(engine.shop)
    assert await journeys_of(engine.shop, BROWSE) == []


# Asked why


async def asked(engine: Engine, **traits: Any) -> Journey:
    """Have a checkout left and the question asked."""
    shop = engine.shop
    await shop.identify(**traits)
    await only_the_survey(shop)
    await begin_checkout(shop, "c-1")
    journey = await only(shop, SURVEY)
    await forward(engine, journey, 3 * DAY - MINUTE)
    assert await out(shop, journey) == []
    await forward(engine, journey, HOUR)
    assert await out(shop, journey) == [("why", "sms")]
    return journey


async def only_the_survey(shop: TestShop) -> None:
    """Publish it; the plan that goes before it starts nothing."""
    await publish(shop, SURVEY)
    await archived_plans.archive(shop.parts.pool, shop.shop, "cart-recovery", shop.begins)


async def begin_checkout(shop: TestShop, cart: str, after: timedelta = timedelta(0)) -> None:
    await shop.take(shop.event("Checkout Started", after, cart_id=cart, products=[ITEM]))


ANSWERED = 3 * DAY + 2 * HOUR


@pytest.mark.parametrize(
    ("number", "answer", "step", "words"),
    [
        ("1", "shipping-cost", "ships-free", "Livraison offerte avant le"),
        ("2", "account", "as-a-guest", "commandez en invité"),
    ],
)
async def test_each_answer_has_its_own_next_step(
    engine: Engine, number: str, answer: str, step: str, words: str
) -> None:
    shop = engine.shop
    journey = await asked(engine)
    await reply(shop, journey, number, ANSWERED)
    ended = await finished(engine, journey)
    assert ended.outcome == "finished"
    # It answers what they wrote, so the day's SMS, the question, does not stand in its way.
    assert await out(shop, ended) == [("why", "sms"), (step, "sms")]
    assert words in await said(shop, ended)
    assert await labels.of_person(shop.parts.pool, shop.shop, "ann") == {"held-up-by": answer}
    # Who has told why is not asked again.
    await begin_checkout(shop, "c-2", 20 * DAY)
    assert len(await journeys_of(shop, SURVEY)) == 1


async def test_a_serial_abandoner_whom_shipping_costs_too_much_is_thanked_and_offered_nothing(engine: Engine) -> None:
    shop = engine.shop
    await only_the_survey(shop)
    for cart in ("c-8", "c-9"):
        await shop.take(shop.event("Product Added", -2 * DAY, cart_id=cart, **ITEM))
    journey = await asked(engine)
    await reply(shop, journey, "1", ANSWERED)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("why", "sms"), ("ships-free", "sms")]
    assert "Nous gardons votre panier" in await said(shop, ended)
    assert await shop.parts.pool.fetchval("select count(*) from offers") == 0


@pytest.mark.parametrize(
    ("which", "step", "clock"),
    [
        *((which, "reminder", at) for which, at in (("1", "09:00"), ("à midi", "12:30"), ("18h30", "18:30"))),
        (None, "evening-reminder", "18:30"),
    ],
)
async def test_who_has_no_time_is_reminded_at_the_time_they_choose_where_they_live_else_in_the_evening(
    engine: Engine, which: str | None, step: str, clock: str
) -> None:
    shop = engine.shop
    journey = await asked(engine)
    await reply(shop, journey, "4", ANSWERED)
    await forward(engine, journey, MINUTE)
    assert await out(shop, journey) == [("why", "sms"), ("which-time", "sms")]
    if which is not None:
        await reply(shop, journey, which, ANSWERED + 2 * HOUR)
    ended = await finished(engine, journey)
    # By which medium whoever said nothing is reminded depends on the hour: what advertises is capped by the day.
    assert [sent for sent, _ in await out(shop, ended)] == ["why", "which-time", step]
    assert "tel que vous l'avez laissé" in await said(shop, ended)
    assert await labels.of_person(shop.parts.pool, shop.shop, "ann") == {"held-up-by": "no-time"}
    *_, last = await sent.of_journey(shop.parts.pool, journey.id)
    assert f"{last.decided_at.astimezone(ZoneInfo('Europe/Paris')):%H:%M}" == clock


async def test_a_time_that_is_not_offered_is_asked_for_once_more(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine)
    await reply(shop, journey, "4", ANSWERED)
    await forward(engine, journey, 2 * HOUR)
    await reply(shop, journey, "2 pm", ANSWERED + 2 * HOUR)
    await forward(engine, journey, MINUTE)
    await reply(shop, journey, "2", ANSWERED + 3 * HOUR)
    ended = await finished(engine, journey)
    asked_twice = [("why", "sms"), ("which-time", "sms"), ("which-time-again", "sms")]
    assert await out(shop, ended) == [*asked_twice, ("reminder", "sms")]
    *_, last = await sent.of_journey(shop.parts.pool, journey.id)
    assert f"{last.decided_at.astimezone(ZoneInfo('Europe/Paris')):%H:%M}" == "12:30"


async def test_who_is_undecided_hears_by_sms_what_a_person_wrote(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await asked(engine, consent=BY_SMS)
    await reply(shop, journey, "3", ANSWERED)
    await forward(engine, journey, 2 * HOUR)
    task = (await tasks.of_journey(pool, journey.id))["advise"]
    assert (task.state, task.escalate_at) == ("open", task.opened_at + 4 * HOUR)
    await tasks.complete(pool, task, "Zoé", "La petite tient un litre.", task.opened_at + HOUR)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("why", "sms"), ("advice", "sms")]
    assert await said(shop, ended) == "Test Shop : La petite tient un litre. Répondez STOP pour ne plus rien recevoir"


async def test_who_is_undecided_and_advised_by_nobody_is_let_go(engine: Engine) -> None:
    journey = await asked(engine)
    await reply(engine.shop, journey, "3", ANSWERED)
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("exited", "nobody advised them in time")
    assert await out(engine.shop, ended) == [("why", "sms")]


async def test_an_unclear_answer_is_asked_for_once_more_and_silence_is_taken_for_one(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine)
    await reply(shop, journey, "hmm", ANSWERED)
    await forward(engine, journey, MINUTE)
    assert await out(shop, journey) == [("why", "sms"), ("why-again", "sms")]
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("exited", "did not say why")
    assert await labels.of_person(shop.parts.pool, shop.shop, "ann") == {}


async def test_an_order_ends_the_questions(engine: Engine) -> None:
    journey = await asked(engine)
    await engine.shop.order(ANSWERED)
    ended = await finished(engine, journey)
    assert ended.outcome == "converted"
    assert await out(engine.shop, ended) == [("why", "sms")]


# Welcomed


async def test_whoever_agrees_is_welcomed_once_and_nobody_else(engine: Engine) -> None:
    shop = engine.shop
    await publish(shop, WELCOME)
    await shop.identify(consent={"sms": False, "email": False})
    assert await journeys_of(shop, WELCOME) == []
    await shop.identify()
    await shop.identify("bob", consent=BY_SMS)
    first, second = await journeys_of(shop, WELCOME)
    assert await out(shop, await finished(engine, first)) == [("thanks", "email")]
    assert "la réponse STOP" in await said(shop, first)
    assert await out(shop, await finished(engine, second)) == [("thanks", "sms")]
    assert "répondez STOP à tout moment" in await said(shop, second)
    await shop.identify()
    assert len(await journeys_of(shop, WELCOME)) == 2


async def test_whoever_agreed_before_is_not_welcomed_and_whoever_agrees_anew_is(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await shop.identify("bob", consent=BY_SMS)
    await shop.identify("cyd", consent={"sms": False, "email": False})
    await publish(shop, WELCOME)
    await shop.identify()
    await shop.identify("bob", consent={"sms": True, "email": True})
    assert await journeys_of(shop, WELCOME) == []
    await shop.identify("cyd", consent={"sms": False, "email": True})
    assert [journey.key for journey in await journeys_of(shop, WELCOME)] == ["cyd"]


# Won back


async def test_a_good_customer_who_drops_hears_by_sms_what_a_person_wrote(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await dropped(shop)
    [*_, change] = await changes(shop)
    assert (journey.key, change["rfm_before"], change["rfm_after"]) == ("ann", "555", "455")
    told = {line.what: line.why for line in await story.tell(pool, journey)}
    assert told["Segment Changed"] == "555 to 455"
    await forward(engine, journey, HOUR)
    task = (await tasks.of_journey(pool, journey.id))["write"]
    assert (task.state, task.escalate_at) == ("open", task.opened_at + DAY)
    await tasks.complete(pool, task, "Zoé", "Bonjour Ann, vos thés sont revenus. Zoé", task.opened_at + HOUR)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("personal", "sms")]
    words = "Test Shop : Bonjour Ann, vos thés sont revenus. Zoé Répondez STOP pour ne plus rien recevoir"
    assert await said(shop, ended) == words


async def test_a_good_customer_to_whom_nobody_writes_in_time_is_let_go_with_the_reason(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await dropped(shop)
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("exited", "nobody wrote to them in time")
    assert await sent_for(shop, ended) == []
    task = (await tasks.of_journey(pool, journey.id))["write"]
    assert task.escalate_at == task.opened_at + DAY
    assert ended.ended_at is not None
    assert ended.ended_at >= task.due_at
    assert any(line.why == ended.reason for line in await story.tell(pool, ended))


async def test_an_order_takes_the_task_away(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await dropped(shop)
    await forward(engine, journey, HOUR)
    await buy(shop, 2 * HOUR, "ann-late", total=500)
    assert (await finished(engine, journey)).outcome == "converted"
    assert (await tasks.of_journey(pool, journey.id))["write"].state == "withdrawn"


async def test_a_good_customer_whose_scores_rose_by_an_order_is_not_written_to(engine: Engine) -> None:
    shop = engine.shop
    await dropped(shop)
    await shop.identify("eve")
    await buy(shop, -HOUR, "eve-late", "eve", total=400)
    await count_all(shop)
    await work_off(shop)
    assert str((await kept(shop, "eve")).rfm) == "444"
    assert [journey.key for journey in await journeys_of(shop, WIN_BACK)] == ["ann"]


# What they say


@pytest.mark.parametrize("name", [SURVEY, BROWSE, WELCOME, WIN_BACK, NPS, REVIEW, ORDERS])
def test_nothing_is_wrong_with_them_and_nothing_could_be_said_better(name: str) -> None:
    file = plan_files.read(name)
    assert judge(file.messages, file.plan) == []
