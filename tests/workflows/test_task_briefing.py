"""What whoever does a task is told of the customer, and the words that they begin with."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from journeys import plan_check, plan_show, sms
from journeys.facts import Channel
from journeys.plan import Plan
from messages import catalog
from relance import plan_files
from storage import commands, plans, tasks
from storage.journeys import Journey
from tests.integration.segmenting import buy
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, OF_ORDERS, SMS, backend, finished, forward, journeys_of, order
from tests.workflows.library import WIN_BACK, dropped

WRITE: dict[str, Any] = {"id": "write", "task": {"title": "Write to them", "within": "2d", "draft": "draft"}}
SAY = {"id": "say", "send": {"message": "personal", "channels": SMS}}
WORDS = """
personal: {{sms: {{text: "{around}{{{{ task.text }}}}"}}}}
draft: {{sms: {{text: "{draft}"}}}}
"""


async def publish(shop: TestShop, *steps: dict[str, Any], draft: str = "Dear {{ customer.first_name }}") -> None:
    plan = Plan.model_validate({**OF_ORDERS, "steps": list(steps)})
    words = {
        language: WORDS.format(around="Shop: ", draft=f"{draft}, {language}") for language in ("fr", "it", "pt", "en")
    }
    files = catalog.load({f"{language}.yaml": said for language, said in words.items()})
    # An earlier program took what is always empty.
    assert [problem for problem in catalog.check(files, plan) if "always empty" not in problem] == []
    await plans.publish(shop.parts.pool, shop.shop, plan, files.model_dump_json())


async def shown(engine: Engine, api: httpx.AsyncClient, journey: Journey) -> dict[str, Any]:
    """What the API shows of the only task of a journey."""
    [task] = (await tasks.of_journey(engine.shop.parts.pool, journey.id)).values()
    answer = await api.get(f"/v1/tasks/{task.task_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def asked(engine: Engine) -> Journey:
    [journey] = await journeys_of(engine.shop)
    await forward(engine, journey, HOUR)
    return journey


async def asked_after_order(engine: Engine, *steps: dict[str, Any], **more: str) -> Journey:
    """Have a plan of these steps follow an order of Ann's, until it has asked a person."""
    await engine.shop.identify()
    await publish(engine.shop, *steps, **more)
    await order(engine.shop)
    return await asked(engine)


async def test_the_story_of_a_good_customer_who_dropped_tells_all_that_is_known_and_no_address(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    shop = engine.shop
    journey = await dropped(shop)
    await shop.identify(firstName="Ann", email="ann@example.com", phone="+33639980001")
    item: dict[str, Any] = {"product_id": "p-2", "name": "Green tea", "price": 9, "quantity": 2, "currency": "EUR"}
    await shop.take(shop.event("Product Added", cart_id="c-9", **item))
    said = {"channel": "sms", "text": "Plus tard, merci", "journey": journey.id}
    await backend(shop, "Message Replied", 2 * MINUTE, **said)
    await forward(engine, journey, HOUR)
    found = await shown(engine, api, journey)
    told = found["story"]
    assert (told["first_name"], told["language"]) == ("Ann", "fr")
    assert (told["rfm"], told["rfm_before"]) == ({"r": 4, "f": 5, "m": 5}, {"r": 5, "f": 5, "m": 5})
    assert "loyal" in told["segments"]
    assert (told["orders"]["count"], told["orders"]["totals"]) == (5, {"EUR": "2500"})
    assert (told["orders"]["last"]["id"], told["orders"]["last"]["total"]) == ("ann-4", "500")
    [line] = told["cart"]["items"]
    assert (told["cart"]["id"], told["cart"]["value"], line["name"], line["quantity"]) == ("c-9", "18", "Green tea", 2)
    assert [(reply["channel"], reply["text"]) for reply in told["replies"]] == [("sms", "Plus tard, merci")]
    granted = {(word["channel"], word["purpose"]) for word in told["consents"] if word["granted"]}
    assert granted == {("sms", "marketing"), ("email", "marketing")}
    assert (told["messages"], told["tasks"]) == ([], [])
    assert found["draft"].startswith("Bonjour Ann, cela fait un moment")
    everything = str(found)
    assert ("ann@example.com" in everything, "+33639980001" in everything) == (False, False)


@pytest.mark.parametrize("from_backend", [False, True])
@pytest.mark.parametrize("scores", ["lol", "12345", "999", "111"])
async def test_scores_that_are_none_or_that_a_page_made_up_are_left_out(
    engine: Engine, api: httpx.AsyncClient, scores: str, *, from_backend: bool
) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, WRITE)
    await order(shop)
    changed = shop.event("Segment Changed", MINUTE, rfm_before=scores, rfm_after="222")
    said = shop.event("Message Replied", MINUTE, channel="sms", text="made up")
    for event in (changed, said):
        await shop.take(event.model_copy(update={"from_backend": from_backend}))
    told = (await shown(engine, api, await asked(engine)))["story"]
    assert told["rfm_before"] == ({"r": 1, "f": 1, "m": 1} if from_backend and scores == "111" else None)
    assert len(told["replies"]) == from_backend


async def test_the_last_order_is_told_with_its_items_and_messages_that_went_out_without_their_words(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, {**SAY, "id": "first"}, WRITE, SAY)
    await buy(shop, -2 * DAY, "o-0")
    await order(shop)
    [journey] = [one for one in await journeys_of(shop) if one.key == "o-1"]
    await forward(engine, journey, HOUR)
    told = (await shown(engine, api, journey))["story"]
    last = told["orders"]["last"]
    assert (last["id"], last["total"], last["currency"], last["items"]) == ("o-1", "40", "EUR", ["Teapot"])
    [message] = told["messages"]
    assert (message["step"], message["plan"], message["channel"]) == ("first", "p", "sms")
    assert set(message) == {"at", "channel", "plan", "step", "delivered"}


async def test_a_task_that_nobody_did_is_in_the_story_of_the_next(engine: Engine, api: httpx.AsyncClient) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    first = await asked_after_order(engine, WRITE)
    await pool.execute("update tasks set due_at = $1", shop.begins)
    await tasks.expire(pool, shop.begins + HOUR)
    assert (await shown(engine, api, first))["draft"] is None
    await finished(engine, first)
    await order(shop, "o-2", 2 * MINUTE)
    second = (await journeys_of(shop))[-1]
    await forward(engine, second, HOUR)
    [other] = (await shown(engine, api, second))["story"]["tasks"]
    assert (other["title"], other["state"]) == ("Write to them", "expired")


async def test_a_draft_is_in_the_customers_language_and_of_the_moment_at_which_it_is_read(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    shop = engine.shop
    await shop.identify(locale="it-IT", firstName="Ann")
    await publish(shop, WRITE, SAY)
    await order(shop)
    journey = await asked(engine)
    assert (await shown(engine, api, journey))["draft"] == "Dear Ann, it"
    await shop.take(shop.event("identify", 2 * HOUR, firstName="Anna\n{{ shop.name }}"))
    # What is data is never read as Liquid, and stays on its line.
    assert (await shown(engine, api, journey))["draft"] == "Dear Anna {{ shop.name }}, it"
    pool = shop.parts.pool
    made = [await pool.fetchval(f"select count(*) from {table}") for table in ("sends", "offers", "sandbox_messages")]
    assert made == [0, 0, 0]


async def test_what_is_written_in_place_of_the_draft_goes_out_as_it_was_written(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    shop = engine.shop
    journey = await asked_after_order(engine, WRITE, SAY)
    found = await shown(engine, api, journey)
    said = {"by": "Zoé", "text": "Ours {{ shop.name }} {% raw %}"}
    assert (await api.post(f"/v1/tasks/{found['id']}/complete", json=said)).status_code == 200
    await finished(engine, journey)
    bodies = [row["body"] for row in await shop.parts.pool.fetch("select body from sandbox_messages")]
    assert bodies == ["Shop: Ours {{ shop.name }} {% raw %}"]
    assert (await shown(engine, api, journey))["draft"] is None


async def test_it_is_told_how_much_fits_into_one_sms_two_and_three(engine: Engine, api: httpx.AsyncClient) -> None:
    fits = (await shown(engine, api, await asked_after_order(engine, WRITE, SAY)))["fits"]
    assert fits == [160 - 6, 306 - 6, 459 - 6]
    for parts, most in enumerate(fits, start=1):
        assert (sms.parts(f"Shop: {'x' * most}"), sms.parts(f"Shop: {'x' * (most + 1)}")) == (parts, parts + 1)


async def test_where_no_sms_carries_what_is_written_nothing_is_told_of_its_length(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    journey = await asked_after_order(engine, SAY, {**WRITE, "task": {"title": "Call them", "within": "2d"}})
    found = await shown(engine, api, journey)
    assert (found["draft"], found["fits"]) == (None, [])


async def test_a_draft_that_cannot_be_written_out_is_none_and_the_task_is_there_all_the_same(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    # Of an order there is no cart, which an earlier program did not check.
    journey = await asked_after_order(engine, WRITE, SAY, draft="{{ cart.items[0].name }}")
    found = await shown(engine, api, journey)
    assert (found["draft"], found["state"], found["fits"][0]) == (None, "open", 154)


async def test_a_task_of_a_journey_that_was_moved_to_a_plan_without_its_step_is_shown(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    shop = engine.shop
    journey = await asked_after_order(engine, WRITE, SAY)
    await publish(shop, SAY)
    await shop.parts.pool.execute("update journeys set plan_version = 2 where id = $1", journey.id)
    found = await shown(engine, api, journey)
    assert (found["draft"], found["fits"]) == (None, [])
    await commands.cancel(shop.parts.pool, journey.id, "by a test", shop.begins + HOUR)
    assert (await shown(engine, api, journey))["state"] == "withdrawn"


async def test_a_task_for_somebody_of_whom_nothing_is_known_any_more_is_shown_without_a_story(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    journey = await asked_after_order(engine, WRITE, SAY)
    await engine.shop.parts.pool.execute("delete from customers")
    found = await shown(engine, api, journey)
    assert (found["story"], found["draft"], found["fits"], found["state"]) == (None, None, [], "open")


def test_a_draft_is_wanted_in_every_language_as_other_messages_are() -> None:
    file = plan_files.read(WIN_BACK)
    for language in ("fr", "it", "pt", "en"):
        words = {name: dict(said) for name, said in file.messages.languages.items()}
        del words[language]["personal-draft"]
        problems = catalog.check(file.messages.model_copy(update={"languages": words}), file.plan)
        assert problems == [f"step write: message 'personal-draft' in {language} for sms is missing"]


def test_a_plan_in_words_names_the_draft() -> None:
    step = Plan.model_validate({**OF_ORDERS, "steps": [WRITE]}).by_id["write"]
    assert plan_show.words(step) == "have a person do 'Write to them', from the draft 'draft', at most 2d"


def test_a_draft_may_use_what_messages_use_and_nothing_else() -> None:
    plan = Plan.model_validate({**OF_ORDERS, "steps": [WRITE]})
    words = WORDS.format(around="", draft="{{ customer.phone }}")
    files = catalog.load({f"{language}.yaml": words for language in ("fr", "it", "pt", "en")})
    assert catalog.check(files, plan)[0].endswith("uses 'customer.phone', which no message has")
    assert files.find("draft", Channel.SMS, "fr")["text"] == "{{ customer.phone }}"


@pytest.mark.parametrize(("escalate_after", "within"), [("2d", "2d"), ("3d", "2d")])
def test_a_task_is_escalated_before_it_is_over_or_the_plan_is_refused(escalate_after: str, within: str) -> None:
    task = {"title": "Write", "within": within, "escalate_after": escalate_after}
    [found] = plan_check.check(Plan.model_validate({**OF_ORDERS, "steps": [{"id": "write", "task": task}]}))
    assert (found.level, found.sentence.partition(":")[0]) == ("error", "step write")
    assert "escalate_after must be shorter than within" in found.sentence
