"""Tasks: people find them over HTTP, claim them and do them; their journeys go on, also where nobody does them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from journeys.steps import Task as Step
from storage import commands, journeys, shops, story, tasks
from storage.journeys import Journey
from tests.integration.calls import Keys
from tests.support import HOUR, Engine, TestShop
from tests.workflows.keyed import DAY, OF_ORDERS, SMS, finished, forward, journeys_of, order, publish

WRITE: dict[str, Any] = {
    "id": "write",
    "task": {"title": "Write to them", "within": "2d"},
    "otherwise": [{"id": "x", "exit": "late"}],
}
SAY = {"id": "personal", "send": {"message": "personal", "channels": SMS}}


@pytest_asyncio.fixture
async def asked(engine: Engine) -> Journey:
    """A journey that has asked a person for something."""
    await engine.shop.identify()
    await publish(engine.shop, OF_ORDERS, WRITE, SAY)
    await order(engine.shop)
    [journey] = await journeys_of(engine.shop)
    await forward(engine, journey, HOUR)
    return journey


async def listed(api: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.get("/v1/tasks", params=params)).json()["items"]
    return items


async def open_more(shop: TestShop, journey: Journey, *hours: int) -> None:
    """Open further tasks of a journey, due so many hours after it began."""
    async with shop.parts.pool.acquire() as db:
        for number, after in enumerate(hours):
            step = Step.model_validate({**WRITE, "id": f"s-{number}"})
            await tasks.open_task(db, journey, step, shop.begins, due_at=shop.begins + after * HOUR)


# Over HTTP


async def test_a_task_is_found_claimed_and_done_and_what_was_written_goes_out(
    engine: Engine, asked: Journey, api: httpx.AsyncClient
) -> None:
    [task] = await listed(api)
    assert {name: task[name] for name in ("title", "plan", "journey", "step", "customer", "state")} == {
        "title": "Write to them",
        "plan": "p",
        "journey": asked.id,
        "step": "write",
        "customer": "ann",
        "state": "open",
    }
    claimed = (await api.post(f"/v1/tasks/{task['id']}/claim", json={"by": "Zoé"})).json()
    assert (claimed["state"], claimed["claimed_by"]) == ("claimed", "Zoé")
    assert await listed(api, state="open") == []
    for said in ({"by": " Zoé", "text": "We kept it for you\n"}, {"by": "Zoé", "text": "We kept it for you"}):
        answer = await api.post(f"/v1/tasks/{task['id']}/complete", json=said)
        assert answer.status_code == 200
    done = answer.json()
    assert (done["state"], done["done_by"], done["text"]) == ("done", "Zoé", "We kept it for you")
    shown = (await api.get(f"/v1/tasks/{task['id']}")).json()
    assert {name: shown[name] for name in done} == done
    assert await listed(api, state="done") == [done]
    assert (await finished(engine, asked)).outcome == "finished"
    assert await engine.shop.parts.pool.fetchval("select body from sandbox_messages") == "We kept it for you"


async def test_what_is_over_is_refused_with_the_state_in_which_it_is(
    engine: Engine, asked: Journey, api: httpx.AsyncClient
) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await open_more(shop, asked, 48, -1)
    opened = await tasks.of_journey(pool, asked.id)
    done, late, withdrawn = opened["write"].task_id, opened["s-1"].task_id, opened["s-0"].task_id
    said = {"by": "Zoé", "text": "first"}
    assert (await api.post(f"/v1/tasks/{done}/complete", json=said)).status_code == 200

    async def refused(task: str) -> set[str]:
        claims = await api.post(f"/v1/tasks/{task}/claim", json={"by": "Ana"})
        completes = await api.post(f"/v1/tasks/{task}/complete", json={"by": "Ana", "text": "again"})
        assert (claims.status_code, completes.status_code) == (409, 409)
        assert claims.headers["content-type"] == "application/problem+json"
        return {claims.json()["detail"].partition(":")[0], completes.json()["detail"].partition(":")[0]}

    assert await refused(done) == {"The task is done"}
    # Its time is over, though no run of the schedule has noted it yet.
    assert await refused(late) == {"The task is expired"}
    assert await commands.cancel(pool, asked.id, "by a test", shop.begins + HOUR)
    assert await refused(withdrawn) == {"The task is withdrawn"}
    assert [task["id"] for task in await listed(api, state="withdrawn")] == [late, withdrawn]


async def test_tasks_are_listed_page_by_page_those_first_that_are_due_first(
    engine: Engine, asked: Journey, api: httpx.AsyncClient
) -> None:
    await open_more(engine.shop, asked, 30, 20, 20, 10)
    params: dict[str, Any] = {"limit": 2}
    pages = []
    while True:
        page = (await api.get("/v1/tasks", params=params)).json()
        pages.append([task["step"] for task in page["items"]])
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert [len(page) for page in pages] == [2, 2, 1]
    found = [step for page in pages for step in page]
    assert (found[0], set(found[1:3]), found[3:]) == ("s-3", {"s-1", "s-2"}, ["s-0", "write"])


async def test_the_tasks_of_a_plan_and_of_a_customer_are_listed_by_themselves(
    asked: Journey, api: httpx.AsyncClient
) -> None:
    [task] = await listed(api)
    for name, right in (("plan", asked.plan), ("customer", asked.customer_id)):
        assert await listed(api, **{name: right}) == [task]
        assert await listed(api, **{name: "another"}) == []


@pytest.mark.usefixtures("asked")
async def test_another_shops_task_is_nobodys_and_bad_input_is_told(engine: Engine, api: httpx.AsyncClient) -> None:
    pool = engine.shop.parts.pool
    await shops.create(pool, "another", "Another")
    [task] = await listed(api)
    path = f"/v1/tasks/{task['id']}"
    for body in (
        {"by": "", "text": "x"},
        {"by": "Zoé"},
        {"by": "Zoé", "text": "x" * 2001},
        {"by": "Zoé", "text": "\0"},
        {"by": "Zoé", "text": " \n\u00a0"},
        {"by": "  ", "text": "x"},
    ):
        assert (await api.post(f"{path}/complete", json=body)).status_code == 422
    assert (await api.post(f"{path}/claim", json={"by": " "})).status_code == 422
    assert (await api.get("/v1/tasks", params={"state": "odd"})).status_code == 422
    wrong = await api.get("/v1/tasks", params={"cursor": "odd"})
    assert (wrong.status_code, "next_cursor" in wrong.json()["detail"]) == (400, True)
    longest = await api.post(f"{path}/complete", json={"by": "Zoé", "text": "😀" * 2000})
    assert longest.status_code == 200
    theirs = Keys("", await shops.create_key(pool, "another", "api", "test"))
    assert (await api.get("/v1/tasks", auth=theirs)).json() == {"items": [], "next_cursor": None}
    for unknown in (await api.get(path, auth=theirs), await api.get("/v1/tasks/none")):
        assert (unknown.status_code, unknown.json()["title"]) == (404, "No such task")
    assert (await api.post(f"{path}/claim", json={"by": "x"}, auth=theirs)).status_code == 404
    async with httpx.AsyncClient(transport=api._transport, base_url="http://relance") as nobody:  # noqa: SLF001 the API
        assert (await nobody.get("/v1/tasks")).status_code == 401


# Nobody does them


async def expire(shop: TestShop) -> int:
    found = await ActivityEnvironment().run(shop.parts.tasks_in_time.expire)
    return found.expired


async def test_what_nobody_does_in_time_expires_and_the_journey_goes_on_at_once(engine: Engine, asked: Journey) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    assert await expire(shop) == 0
    await pool.execute("update tasks set due_at = $1", shop.begins)
    assert [await expire(shop), await expire(shop)] == [1, 0]
    assert (await tasks.of_journey(pool, asked.id))["write"].state == "expired"
    ended = await finished(engine, asked)
    assert ended.reason == "late"
    assert ended.ended_at is not None
    # Its own timer would have rung after two days.
    assert ended.ended_at < shop.begins + DAY
    told = [line.what for line in await story.tell(pool, await journeys.get(pool, asked.id))]
    assert "write: not done in time" in told


async def test_what_comes_after_a_task_that_was_late_knows_it_before_the_schedule_has_noted_it(
    engine: Engine,
) -> None:
    late = {"if": {"task": {"write": ["expired"]}}, "then": [{"id": "out", "exit": "known late"}]}
    await engine.shop.identify()
    await publish(engine.shop, OF_ORDERS, {**WRITE, "otherwise": []}, {"id": "how", "branch": [late]})
    await order(engine.shop)
    [journey] = await journeys_of(engine.shop)
    assert (await finished(engine, journey)).reason == "known late"


async def test_a_task_of_a_journey_that_has_ended_is_withdrawn_and_looked_at_once(
    engine: Engine, asked: Journey
) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await commands.cancel(pool, asked.id, "by a test", shop.begins + HOUR)
    await pool.execute("update tasks set due_at = $1", shop.begins)
    waiting = await pool.fetchval("select count(*) from outbox")
    assert await expire(shop) == 1
    assert await pool.fetchval("select state from tasks") == "withdrawn"
    assert await pool.fetchval("select count(*) from outbox") == waiting
    assert await expire(shop) == 0


@pytest.mark.parametrize("most", [1, 2])
async def test_more_tasks_than_one_transaction_takes_expire_in_one_run(
    engine: Engine, asked: Journey, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", most)
    await open_more(engine.shop, asked, -1, -2, -3, -4)
    assert await expire(engine.shop) == 4
