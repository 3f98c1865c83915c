"""What a plan may say, played: all channels, deadlines, exits, holdout, another version."""

from __future__ import annotations

import contextlib
from typing import Any

from pydantic import TypeAdapter
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.contracts import JOURNEY_QUEUE, SendInput, SendResult, send_queue
from journeys import holdout
from journeys.facts import Channel
from journeys.plan import Plan
from journeys.play import first_stage
from journeys.steps import Step
from storage import offers, plans
from tests.support import HOUR, MINUTE, Engine, TestShop, cart_recovery, plan_file
from tests.workflows.providers import sending
from workers.worker import QUEUES, SENDS_PER_SECOND

LEAVES = {"id": "leaves", "wait_until_idle": "2h"}


def saying(*steps: dict[str, Any], **header: Any) -> Plan:
    """The plan that comes along, with other steps."""
    read = TypeAdapter(list[Step]).validate_python([LEAVES, *steps])
    return cart_recovery(steps=read, **header)


async def publish(shop: TestShop, plan: Plan) -> None:
    await plans.publish(shop.parts.pool, shop.shop, plan, plan_file().messages.model_dump_json())


async def play(engine: Engine, plan: Plan, price: float = 40, **traits: Any) -> None:
    await publish(engine.shop, plan)
    await engine.shop.identify(**traits)
    await engine.shop.fill(price=price)
    await engine.deliver()
    await engine.finish()


async def test_a_branch_asks_for_segments_that_are_kept_and_for_scores(engine: Engine) -> None:
    def leaving(because: str) -> list[dict[str, Any]]:
        return [{"id": because, "exit": because}]

    arms = [
        {"if": {"segment": ["lapsing"]}, "then": leaving("lapses")},
        {"if": {"segment": ["loyal"], "rfm": {"r": {"at_most": 3}}}, "then": leaving("was-loyal")},
        {
            "if": {"segment": ["loyal"], "rfm": {"r": {"at_least": 4}, "m": {"at_least": 5}}},
            "then": leaving("is-loyal"),
        },
    ]
    await engine.shop.parts.pool.execute(
        "insert into person_segments values ($1, 'ann', '{customer,loyal}', 5, 4, 5, now())", engine.shop.shop
    )
    await play(engine, saying({"id": "who", "branch": arms}))
    assert (await engine.shop.journey()).reason == "is-loyal"


SECOND_ON_ALL = {
    "id": "second",
    "send": {
        "message": "second",
        "channels": {"all": ["email", "sms"]},
        "offer": {"valid_for": "24h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}},
    },
}


async def test_a_step_on_all_channels_sends_by_each_and_makes_one_offer(engine: Engine) -> None:
    await play(engine, saying(SECOND_ON_ALL))
    assert await engine.shop.sent() == [("second/email", "email"), ("second/sms", "sms")]
    [offer] = await offers.of_journey(engine.shop.parts.pool, (await engine.shop.journey()).id)
    bodies = await engine.shop.parts.pool.fetch("select body from sandbox_messages")
    assert [offer.code in row["body"] for row in bodies] == [True, True]


async def test_a_step_on_all_channels_notes_why_it_passed_one_over(engine: Engine) -> None:
    await play(engine, saying(SECOND_ON_ALL), phone=None)
    assert sorted(await engine.shop.ledger()) == [
        ("second/email", "email", "accepted", None),
        ("second/email", "sms", "refused", "no address for sms"),
    ]


async def test_an_exit_ends_the_journey_with_its_reason(engine: Engine) -> None:
    small = {
        "id": "by-value",
        "branch": [
            {"if": {"cart_value": {"below": {"EUR": 50}}}, "then": [{"id": "gone", "exit": "cart is too small"}]}
        ],
        "otherwise": [],
    }
    first = {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}}
    await play(engine, saying(small, first))
    journey = await engine.shop.journey()
    assert (journey.outcome, journey.reason) == ("exited", "cart is too small")
    assert await engine.shop.sent() == []


async def test_after_its_deadline_a_step_is_not_sent(shop: TestShop) -> None:
    first = {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}, "deadline": "30m"}}
    plan = saying(first)
    await publish(shop, plan)
    await shop.identify()
    journey = await shop.fill(after=-3 * HOUR)
    due = shop.begins - HOUR
    order = SendInput(journey=journey.id, stage=first_stage(plan, due).go("first", due), at=due, channel=Channel.SMS)
    result: SendResult = await ActivityEnvironment().run(sending(shop).send, order)
    assert (result.outcome, result.reason) == ("failed", "deadline of the step has passed")
    assert await shop.sent() == []


async def test_a_person_in_the_holdout_goes_through_the_plan_and_is_sent_nothing(engine: Engine) -> None:
    plan = cart_recovery(holdout=50)
    people = [f"p-{n}" for n in range(40)]
    person = next(p for p in people if holdout.held_out(engine.shop.shop, plan.name, p, 50))
    await publish(engine.shop, plan)
    await engine.shop.identify(person)
    await engine.shop.fill(person=person)
    await engine.deliver()
    journey = await engine.finish()
    assert (journey.outcome, journey.held_out) == ("finished", True)
    assert {(state, why) for _, _, state, why in await engine.shop.ledger()} == {
        ("refused", "customer is in the holdout")
    }


async def test_a_journey_keeps_the_version_that_it_began_with(engine: Engine) -> None:
    await engine.shop.identify()
    await engine.shop.fill()
    await engine.deliver()
    await publish(engine.shop, saying({"id": "gone", "exit": "nothing is sent any more"}))
    await engine.shop.identify("bob")
    await engine.shop.fill("c-2", person="bob")
    await engine.deliver()
    assert [(await engine.finish(cart)).plan_version for cart in ("c-1", "c-2")] == [1, 2]
    assert await engine.shop.sent("c-1") == [("first", "sms"), ("second", "email")]
    assert await engine.shop.sent("c-2") == []


async def test_a_send_stands_in_its_channels_queue_with_the_plans_priority(engine: Engine) -> None:
    await play(engine, cart_recovery())
    history = await (await engine.handle()).fetch_history()
    scheduled = [
        event.activity_task_scheduled_event_attributes
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert [(send.task_queue.name, send.priority.priority_key) for send in scheduled] == [
        ("relance-send-sms", 3),
        ("relance-send-email", 3),
    ]


async def test_a_send_that_nobody_takes_keeps_no_journey_beyond_its_longest_life(engine: Engine) -> None:
    first = {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}}
    await play(engine, saying(first, longest_life=2.5 * HOUR))
    history = await (await engine.handle()).fetch_history()
    [timeout] = [
        event.activity_task_scheduled_event_attributes.schedule_to_close_timeout.ToTimedelta()
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert 29 * MINUTE < timeout <= 30 * MINUTE


async def test_each_channels_queue_has_a_rate_that_temporal_keeps(
    skipping_server: WorkflowEnvironment, shop: TestShop
) -> None:
    queues = [queue for queue in QUEUES if queue != JOURNEY_QUEUE]
    workers = [build() for build in shop.parts.workers(skipping_server.client, queues)]
    rates = {worker.task_queue: worker.config()["max_task_queue_activities_per_second"] for worker in workers}
    # A worker that was built is registered until it has run.
    async with contextlib.AsyncExitStack() as running:
        for worker in workers:
            await running.enter_async_context(worker)
    assert rates == {send_queue(channel): rate for channel, rate in SENDS_PER_SECOND.items()}
    assert set(SENDS_PER_SECOND) == set(Channel)
