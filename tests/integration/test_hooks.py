"""The webhooks' door: only what a secret of the shop signed comes in, and nothing that was signed is lost."""

from __future__ import annotations

import asyncio
import base64
import gzip
import subprocess
from typing import Any

import httpx
import pytest

from api.hooks import route
from storage import hooks as stored
from tests.integration.hook_calls import (
    CART,
    SECRET,
    STANDARD_SECRET,
    Hooks,
    ago,
    counts,
    events,
    packed,
    payload,
    signature,
    standard_headers,
)
from tests.support import TestShop

PAGE = {"type": "page", "userId": "ann"}
HMAC = {"shopify": "X-Shopify-Hmac-SHA256", "woocommerce": "X-WC-Webhook-Signature"}


def openssl(secret: str, body: bytes) -> str:
    """Sign by a program that is not ours."""
    command = ["openssl", "dgst", "-sha256", "-binary", "-hmac", secret]
    return base64.b64encode(subprocess.run(command, input=body, capture_output=True, check=True).stdout).decode()


@pytest.mark.parametrize(
    ("source", "topic", "name"),
    [
        ("shopify", {"X-Shopify-Topic": "orders/create"}, "shopify-order"),
        ("woocommerce", {"X-WC-Webhook-Topic": "order.created"}, "woocommerce-order"),
    ],
)
async def test_what_openssl_signed_is_taken(hooks: Hooks, source: str, topic: dict[str, str], name: str) -> None:
    body = packed(payload(name))
    answer = await hooks.post(source, body, topic | {HMAC[source]: openssl(SECRET, body)})
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert "Order Completed" in [name for name, _ in await events(hooks.shop)]


def refused() -> dict[str, tuple[str, bytes, dict[str, str], str]]:
    """Give deliveries that nobody signed, just now: source, body, headers, and why they are refused."""
    body = packed(payload("shopify-order"))
    right, other = signature(SECRET, body), signature("another secret", body)
    topic = {"X-Shopify-Topic": "orders/create"}
    page = packed(PAGE)
    named = standard_headers(STANDARD_SECRET, page)
    wrong, odd = named | {"webhook-signature": "v1,AAAA"}, named | {"webhook-signature": "rubbish"}
    moved = named | {"webhook-id": "msg_2"}
    timeless = named | {"webhook-timestamp": "9" * 400}
    return {
        "unsigned": ("shopify", body, topic, "unsigned"),
        "by another secret": ("shopify", body, topic | {HMAC["shopify"]: other}, "signature"),
        "one byte more": ("shopify", body + b" ", topic | {HMAC["shopify"]: right}, "signature"),
        "in small letters": ("shopify", body, topic | {HMAC["shopify"]: right.lower()}, "signature"),
        "not ASCII": ("shopify", body, topic | {HMAC["shopify"]: "é" * 44}, "signature"),
        "of 10 KB": ("shopify", body, topic | {HMAC["shopify"]: "x" * 10_000}, "signature"),
        "WooCommerce's": ("woocommerce", body, {HMAC["woocommerce"]: other}, "signature"),
        "more than a ping": ("woocommerce", b"webhook_id=1&x=2", {}, "unsigned"),
        "Standard Webhooks unsigned": ("standard", page, {}, "unsigned"),
        "Standard Webhooks by nobody": ("standard", page, wrong, "signature"),
        "no signature at all": ("standard", page, odd, "signature"),
        "another id": ("standard", page, moved, "signature"),
        "not text": ("standard", b"\xff" + page, named, "signature"),
        "no such time": ("standard", page, timeless, "signature"),
        "of long ago": ("standard", page, standard_headers(STANDARD_SECRET, page, at=1e9), "stale"),
        "of the future": ("standard", page, standard_headers(STANDARD_SECRET, page, at=2e10), "stale"),
    }


@pytest.mark.parametrize("which", list(refused()))
async def test_a_wrong_signature_is_refused_and_leaves_nothing_but_a_counter(hooks: Hooks, which: str) -> None:
    source, body, headers, why = refused()[which]
    before, counted = await counts(hooks.shop), await hooks.counted()
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await hooks.api.post(f"/v1/hooks/{hooks.shop.shop}/{source}", content=body, headers=raw)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert await counts(hooks.shop) == before
    name = f'relance_hooks_refused_total{{source="{source}",why="{why}"}}'
    assert await hooks.counted() == counted | {name: counted.get(name, 0) + 1}


async def test_whether_there_is_a_shop_or_a_secret_cannot_be_told(hooks: Hooks) -> None:
    body = packed(payload("shopify-order"))
    headers = {"X-Shopify-Topic": "orders/create", HMAC["shopify"]: signature("another secret", body)}
    for row in await stored.list_secrets(hooks.shop.parts.pool, None):
        if row.source == "woocommerce":
            await stored.revoke_secret(hooks.shop.parts.pool, row.secret_id)
    here = await hooks.post("shopify", body, headers)
    assert here.status_code == 401
    for shop in ("nobody", "%00", "%ED%A0%80", "x" * 5_000, "'; drop table carts; --"):
        answer = await hooks.post("shopify", body, headers, shop=shop)
        assert (answer.status_code, answer.json()) == (401, here.json())
    for source in ("woocommerce", "magento", "%00"):
        answer = await hooks.post(source, body, headers)
        assert (answer.status_code, answer.json()) == (401, here.json())


async def test_the_counters_do_not_tell_it_either(hooks: Hooks) -> None:
    name = 'relance_hooks_refused_total{source="shopify",why="unsigned"}'
    seen = []
    for shop in (hooks.shop.shop, "nobody"):
        before = await hooks.counted()
        await hooks.post("shopify", b"{}", {}, shop=shop)
        after = await hooks.counted()
        seen.append({n: v - before.get(n, 0) for n, v in after.items() if v != before.get(n)})
    assert seen == [{name: 1}, {name: 1}]


async def test_a_stranger_cannot_choose_the_labels_of_the_counters(hooks: Hooks) -> None:
    for source in ("magento", "x" * 1_000, "a b"):
        assert (await hooks.post(source, b"{}", {})).status_code == 401
    assert 'source="magento"' not in (await hooks.api.get("/metrics")).text
    assert (await hooks.counted())['relance_hooks_refused_total{source="unknown",why="unknown"}'] >= 3


async def test_a_secret_of_one_shop_signs_for_no_other(hooks: Hooks, shop: TestShop) -> None:
    other = TestShop(shop.parts)
    await other.open()
    body = packed(payload("shopify-order"))
    headers = {"X-Shopify-Topic": "orders/create", HMAC["shopify"]: signature(SECRET, body)}
    assert (await hooks.post("shopify", body, headers, shop=other.shop)).status_code == 401
    assert (await hooks.post("woocommerce", body, headers)).status_code == 401


async def test_secrets_are_rotated_without_a_refusal_between(hooks: Hooks) -> None:
    pool = hooks.shop.parts.pool
    [old] = [row for row in await stored.list_secrets(pool, None) if row.source == "shopify"]
    assert (await hooks.shopify("orders/create", payload("shopify-order"))).status_code == 200
    new = await hooks.add("shopify", "the next secret")
    for secret in (SECRET, "the next secret"):
        assert (await hooks.shopify("orders/create", payload("shopify-order"), secret=secret)).status_code == 200
    assert await stored.revoke_secret(pool, old.secret_id)
    assert (await hooks.shopify("orders/create", payload("shopify-order"))).status_code == 401
    assert (await hooks.shopify("orders/create", payload("shopify-order"), secret="the next secret")).status_code == 200
    used = {row.secret_id: row.last_used_at for row in await stored.list_secrets(pool, None)}
    assert used[old.secret_id]
    assert used[new]


async def test_a_body_that_says_it_is_packed_is_refused_before_it_is_unpacked(hooks: Hooks) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    headers = {"Content-Encoding": "gzip", HMAC["shopify"]: signature(SECRET, bomb)}
    assert (await hooks.post("shopify", bomb, headers)).status_code == 415


async def test_no_more_than_five_megabytes_are_read(hooks: Hooks) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 65_536
            yield b"x" * 65_536

    answer = await hooks.api.post(f"/v1/hooks/{hooks.shop.shop}/shopify", content=endless())
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert read < 6_000_000


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


CART_NOW = payload("shopify-cart", updated_at=ago(minutes=5))
UNREADABLE = [
    pytest.param(b"", "is not JSON", id="nothing"),
    pytest.param(b"{", "is not JSON", id="half of it"),
    pytest.param(b"\xff\xfe\xff", "is not JSON", id="not text"),
    pytest.param(b"[" * 200_000, "nested too deep", id="very deep JSON"),
    pytest.param(b'{"id": ' + b"9" * 10_000 + b"}", "is not JSON", id="a number of 10 KB"),
    pytest.param(b"[]", "is not a JSON object", id="a list"),
    pytest.param({}, "is not a cart", id="empty"),
    pytest.param(payload("shopify-order"), "is not a cart", id="an order"),
    pytest.param(payload("shopify-checkout"), "is not a cart", id="a checkout"),
    pytest.param(CART_NOW | {"line_items": 7}, "line_items: is not a list", id="no list of lines"),
    pytest.param(CART_NOW | {"line_items": [7]}, "line_items: is not a list", id="lines that are numbers"),
    pytest.param(CART_NOW | {"line_items": [{}]}, "id: is missing", id="a line of nothing"),
    pytest.param(
        CART_NOW | {"line_items": [{"id": 1, "quantity": nested(100)}]}, "32 levels deep", id="deep where it is read"
    ),
    pytest.param(CART_NOW | {"line_items": [{"id": 1, "price": "x"}]}, "products[0].price", id="a price that is none"),
    pytest.param(CART_NOW | {"updated_at": None}, "updated_at: is missing", id="no time"),
    pytest.param(CART_NOW | {"updated_at": "yesterday"}, "timestamp: must be ISO 8601", id="a time that is none"),
    pytest.param(CART_NOW | {"token": "x" * 10_000}, "at most 256", id="an id of 10 KB"),
    pytest.param(CART_NOW | {"token": "a\x00b"}, "NUL", id="a NUL character"),
    pytest.param(packed(CART_NOW).replace(b'"eeafa', b'"\\ud800eeafa'), "surrogate", id="a lone surrogate"),
]


@pytest.mark.parametrize(("body", "reason"), UNREADABLE)
async def test_a_signed_body_that_cannot_be_read_is_answered_with_200_and_kept_whole(
    hooks: Hooks, body: Any, reason: str
) -> None:
    pool = hooks.shop.parts.pool
    before = (await hooks.counted()).get('relance_hooks_unreadable_total{source="shopify"}', 0)
    for _ in range(2):
        answer = await hooks.shopify("carts/update", body)
        assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert reason in answer.json()["problem"]
    [kept] = await stored.kept(pool, hooks.shop.shop)
    assert (kept.source, kept.heading) == ("shopify", "carts/update")
    assert reason in kept.reason
    assert await stored.kept_body(pool, kept.kept_id) == packed(body)
    assert await events(hooks.shop) == []
    assert (await hooks.counted())['relance_hooks_unreadable_total{source="shopify"}'] == before + 2


async def test_deep_json_where_nothing_is_read_does_not_matter(hooks: Hooks) -> None:
    answer = await hooks.shopify("carts/update", CART_NOW | {"note": nested(200)})
    assert answer.json()["success"] is True
    assert await events(hooks.shop) == [("Cart Updated", f"shopify-cart:{CART}")]


async def test_an_odd_part_of_a_body_keeps_no_other_part_from_being_taken(hooks: Hooks) -> None:
    order = payload("shopify-order", email="a\x00@example.com")
    answer = await hooks.shopify("orders/create", order)
    assert [r["status"] for r in answer.json()["results"]] == ["rejected", "new", "new"]
    assert [name for name, _ in await events(hooks.shop)] == ["Order Completed", "Order Updated"]
    [kept] = await stored.kept(hooks.shop.parts.pool, None)
    assert kept.reason == "event: contains a NUL character"


async def test_our_own_mistake_is_answered_with_200_and_keeps_the_body(
    hooks: Hooks, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = hooks.shop.parts.pool
    await pool.execute("alter table orders rename column at to at_2")
    assert (await hooks.shopify("orders/create", payload("shopify-order"))).status_code == 200
    [kept] = await stored.kept(pool, None)
    assert kept.reason == "our mistake: UndefinedColumnError"
    logged = capsys.readouterr()
    assert "webhook could not be taken" in logged.out + logged.err
    assert "ana@example.com" not in logged.out + logged.err


async def test_topics_that_have_no_events_here_are_answered_with_200_and_counted(hooks: Hooks) -> None:
    before = await counts(hooks.shop)
    name = 'relance_hooks_passed_over_total{source="%s"}'
    counted = await hooks.counted()
    assert (await hooks.shopify("products/update", {"id": 1})).status_code == 200
    assert (await hooks.woocommerce("product.updated", {"id": 1})).status_code == 200
    assert await counts(hooks.shop) == before
    now = await hooks.counted()
    assert [now[name % s] - counted.get(name % s, 0) for s in ("shopify", "woocommerce")] == [1, 1]


async def test_what_the_database_holds_up_is_told_to_come_again_before_shopify_gives_up(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert route.ANSWER_WITHIN < 5
    monkeypatch.setattr(route, "ANSWER_WITHIN", 0.3)
    async with hooks.shop.parts.pool.acquire() as other, other.transaction():
        await other.execute("lock table orders")
        answer = await hooks.shopify("orders/create", payload("shopify-order"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    monkeypatch.undo()
    assert (await hooks.shopify("orders/create", payload("shopify-order"))).json()["success"] is True
    assert await hooks.shop.parts.pool.fetchval("select count(*) from orders") == 1


async def test_a_database_that_is_down_is_told_with_when_to_come_again(hooks: Hooks) -> None:
    await hooks.shop.parts.pool.close()
    answer = await hooks.shopify("orders/create", payload("shopify-order"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_secrets_are_kept_encrypted(hooks: Hooks) -> None:
    kept = await hooks.shop.parts.pool.fetch("select secret from hook_secrets")
    assert len(kept) == 3
    assert not [row for row in kept if SECRET.encode() in row["secret"] or STANDARD_SECRET.encode() in row["secret"]]


async def test_the_same_delivery_many_times_at_once_counts_once(hooks: Hooks) -> None:
    body = payload("shopify-order")
    answers = await asyncio.gather(*(hooks.shopify("orders/create", body) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(await events(hooks.shop)) == 3


async def test_the_door_is_in_the_apis_own_document(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert set(paths["/v1/hooks/{shop}/{source}"]["post"]["responses"]) >= {"200", "401", "413", "415", "503"}
