"""Related items on their way out: counted by the schedule, chosen at the send, shown by each channel that can."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities import related as steps
from activities.compose import Composer
from activities.contracts import JOURNEY_QUEUE, CountedTogether
from activities.related import CoPurchases
from channels.base import Card, Outgoing
from journeys.facts import Channel
from messages import catalog
from messages.locale import LANGUAGES
from messages.related import WORDS
from storage import customers, plans
from tests.integration.mailserver import Mailbox, mail_port, mail_server, newest
from tests.integration.test_related import by_backend, order, product, refresh
from tests.support import HOUR, WAITING_FOR_A_LOCK, TestShop, until, workers_at_work
from tests.unit.test_mail import Seen
from tests.workflows.gated import allow
from tests.workflows.providers import connect_smtp, order_for, sending
from tests.workflows.test_composing import MESSAGES, SHOWN, Listening, by
from workflows.related import RelatedWorkflow

CUP: dict[str, Any] = {
    "image_url": "https://cdn.example.com/cup.jpg",
    "url": "https://shop.example.com/cup",
    "name": "Cup & saucer",
    "price": 9.5,
}
SHOWN_CUP = Card(
    "Cup & saucer",
    "Souvent achetés ensemble\n9,50 €",
    "https://cdn.example.com/cup.jpg",
    "https://shop.example.com/cup",
    "Voir",
)


async def bought_together(shop: TestShop, *others: str, currency: str = "EUR", **cup: Any) -> None:
    """Let the shop have sold the teapot with other products, often enough, and tell of its cup."""
    for number in ("o-1", "o-2"):
        await order(shop, number, ["p-1", *others], currency=currency)
    said = {**product("cup"), **CUP, "currency": currency, **cup}
    await shop.take(by_backend(shop.event("Product Viewed", -HOUR / 2, person="nobody", **said)))
    await refresh(shop)


async def composed(shop: TestShop, channel: Channel, messages: str = MESSAGES) -> Outgoing:
    files = {f"{language}.yaml": messages for language in LANGUAGES}
    await plans.publish(shop.parts.pool, shop.shop, by(channel), catalog.load(files).model_dump_json())
    await shop.identify(country="FR", consent=dict.fromkeys(("sms", "whatsapp", "email"), True))
    await shop.fill(**SHOWN)
    await allow(shop)
    composer = Listening(Composer(shop.parts.links, shop.parts.preferences, shop.parts.public_url))
    result = await ActivityEnvironment().run(sending(shop, composer).send, await order_for(shop, channel))
    assert result.outcome == "sent", result
    return composer.heard[0]


@pytest.mark.parametrize("channel", [Channel.MMS, Channel.RCS])
async def test_pictures_of_related_items_say_that_they_are_not_in_the_cart(shop: TestShop, channel: Channel) -> None:
    await bought_together(shop, "cup")
    message = await composed(shop, channel)
    assert [card.title for card in message.cards] == ["Teapot"]
    assert message.related == (SHOWN_CUP,)


async def test_whatsapp_has_no_button_on_a_related_item_where_the_message_has_none(shop: TestShop) -> None:
    await bought_together(shop, "cup")
    [card] = (await composed(shop, Channel.WHATSAPP)).related
    assert (card.title, card.button) == ("Cup & saucer", None)


async def test_what_is_sold_out_is_not_shown(shop: TestShop) -> None:
    await bought_together(shop, "cup", availability="out_of_stock")
    assert (await composed(shop, Channel.RCS)).related == ()


async def test_what_has_no_price_in_the_carts_currency_is_not_shown(shop: TestShop) -> None:
    await bought_together(shop, "cup", currency="GBP")
    assert (await composed(shop, Channel.RCS)).related == ()


async def test_what_comes_into_the_cart_before_the_claim_is_not_shown(shop: TestShop) -> None:
    await bought_together(shop, "cup", "b")
    await shop.identify()
    await shop.fill()
    composer = Listening(Composer(shop.parts.links, shop.parts.preferences, shop.parts.public_url))
    wanted = await order_for(shop)
    async with shop.parts.pool.acquire() as db, db.transaction():
        await customers.lock(db, shop.shop, "ann")
        sent = asyncio.create_task(ActivityEnvironment().run(sending(shop, composer).send, wanted))
        await until(lambda: shop.parts.pool.fetchval(WAITING_FOR_A_LOCK))
        await db.execute("update carts set content = jsonb_set(content, '{items,0,product_id}', '\"cup\"'::jsonb)")
    assert (await sent).outcome == "sent"
    assert [card.title for card in composer.heard[0].related] == ["P b"]


async def test_a_page_on_another_host_is_left_out(shop: TestShop) -> None:
    await bought_together(shop, "cup", url="https://evil.example/cup", image_url="javascript:alert(1)")
    [card] = (await composed(shop, Channel.RCS)).related
    assert (card.link, card.button, card.image) == (None, None, None)


async def test_a_message_of_the_shops_own_may_name_them(shop: TestShop) -> None:
    await bought_together(shop, "cup", "b", "c", "d")
    words = "{% for item in related %}{{ item.name }} {{ item.price }} {{ item.link }};{% endfor %}"
    message = await composed(shop, Channel.RCS, MESSAGES.replace('"{{ cart.value }}", button', f'"{words}", button'))
    assert message.text == "P b 5,00 € ;P c 5,00 € ;Cup & saucer 9,50 € https://shop.example.com/cup;"


async def received(shop: TestShop) -> tuple[str, str]:
    """Send the mail that comes along to a mail server, and read its parts as a mail program does."""
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await connect_smtp(shop, port)
        await shop.identify()
        await shop.fill(**SHOWN)
        result = await ActivityEnvironment().run(sending(shop).send, await order_for(shop, Channel.EMAIL))
        assert result.outcome == "sent", result
    mail = newest(mailbox)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def test_the_mail_shows_them_after_the_cart_with_picture_price_and_page(shop: TestShop) -> None:
    await bought_together(shop, "cup")
    text, html = await received(shop)
    told = "Souvent achetés ensemble\n- Cup & saucer, 9,50 €\nhttps://shop.example.com/cup\n\nTest Shop\n"
    assert told in "\n".join(text.splitlines())
    seen = Seen(html)
    assert seen.pictures == ["https://cdn.example.com/teapot.jpg", "https://cdn.example.com/cup.jpg"]
    assert seen.links.count("https://shop.example.com/cup") == 2
    shown = " ".join(seen.words.split())
    places = [shown.index(words) for words in ("Teapot", "Souvent achetés ensemble", "Cup & saucer", "9,50 €")]
    assert places == sorted(places)


async def test_a_mail_with_none_has_no_heading(shop: TestShop) -> None:
    text, html = await received(shop)
    assert WORDS["fr"].heading not in text
    assert WORDS["fr"].heading not in html


# The schedule


async def run(client: Client) -> CountedTogether:
    return await client.execute_workflow(RelatedWorkflow.run, id="related", task_queue=JOURNEY_QUEUE)


async def test_a_run_counts_what_came_in_since_the_last_one(
    shop: TestShop, skipping_server: WorkflowEnvironment
) -> None:
    client = skipping_server.client
    async with workers_at_work(shop, client, [JOURNEY_QUEUE]):
        assert await run(client) == CountedTogether(events=0, products=0, forgotten=0)
        for number in ("o-1", "o-2"):
            await order(shop, number, ["a", "b"])
        assert await run(client) == CountedTogether(events=2, products=2, forgotten=0)
        # What came in within the minutes before is read again, and changes nothing.
        assert await run(client) == CountedTogether(events=2, products=0, forgotten=0)
    assert await shop.parts.pool.fetchval("select count(*) from co_purchases where orders = 2") == 2


async def test_a_run_goes_on_until_all_is_read_counted_and_forgotten(
    shop: TestShop, skipping_server: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EVENTS_AT_A_TIME", "PRODUCTS_AT_A_TIME", "LINES_AT_A_TIME", "STEPS"):
        monkeypatch.setattr(steps, name, 1)
    for number in range(5):
        await order(shop, f"o-{number}", ["a", "b", "c"], -HOUR / (number + 1))
    await shop.parts.pool.execute(
        "insert into order_lines select $1, 'old', x, now() - interval '2 years' from unnest(array['a', 'z']) x",
        shop.shop,
    )
    client = skipping_server.client
    async with workers_at_work(shop, client, [JOURNEY_QUEUE]):
        assert await run(client) == CountedTogether(events=5, products=4, forgotten=2)
    assert await shop.parts.pool.fetchval("select count(*) from co_purchases where orders = 5") == 6


async def test_a_call_of_an_activity_does_only_so_much(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "EVENTS_AT_A_TIME", 1)
    monkeypatch.setattr(steps, "STEPS", 2)
    for number in range(5):
        await order(shop, f"o-{number}", ["a", "b"], -HOUR / (number + 1))
    together = CoPurchases(shop.parts.pool, shop.parts.clock)
    read = await ActivityEnvironment().run(together.read_products, None)
    assert (read.events, read.until) == (2, shop.begins - HOUR / 2)
