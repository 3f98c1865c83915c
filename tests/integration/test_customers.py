"""What is known of a person: over HTTP and on the command line; and what they agreed to, told by the shop's backend."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from journeys.gate import RULES
from relance import customer_commands
from relance.errors import UsageError
from relance.settings import Settings
from storage import shops
from tests.support import HOUR, MINUTE, SECRET_TEXT, TestShop
from tests.workflows.providers import send

GID = "gid://shopify/Customer/5"


async def of(api: httpx.AsyncClient, person: str = "ann") -> dict[str, Any]:
    answer = await api.get(f"/v1/customers/{quote(person, safe='')}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def consents(api: httpx.AsyncClient, person: str = "ann") -> dict[tuple[str, str], bool]:
    return {(word["channel"], word["purpose"]): word["granted"] for word in (await of(api, person))["consents"]}


# GET


async def test_all_that_is_known_of_a_person_is_told(api: httpx.AsyncClient, shop: TestShop) -> None:
    proof = {"granted": True, "text": "Yes, by SMS", "page": "https://shop.example.com/checkout"}
    await shop.identify(firstName="Ann", email="Ann@Example.com", consent={"sms": proof, "email": False})
    journey = await shop.fill()
    await shop.parts.pool.execute(
        "insert into suppressions (shop, channel, address, reason, at)"
        " values ($1, 'email', 'ann@example.com', 'bounced', $2), ($1, 'email', 'bob@example.com', 'no', $2)",
        shop.shop,
        shop.begins,
    )
    await send(shop)
    found = await of(api)
    begins = shop.begins.isoformat().replace("+00:00", "Z")
    assert (found["id"], found["shop"], found["known"], found["ids"]) == ("ann", shop.shop, True, [])
    assert found["traits"] == {
        "firstName": "Ann",
        "email": "Ann@Example.com",
        "phone": "+33639980001",
        "locale": "fr-FR",
    }
    assert found["last_activity"] == begins
    assert found["consents"] == [
        {"channel": "email", "purpose": "marketing", "granted": False, "wording": None, "at": begins},
        {
            "channel": "sms",
            "purpose": "marketing",
            "granted": True,
            "wording": "Yes, by SMS (https://shop.example.com/checkout)",
            "at": begins,
        },
    ]
    assert found["suppressed"] == [
        {
            "channel": "email",
            "address": "ann@example.com",
            "reason": "bounced",
            "at": begins,
            "marketing_only": False,
        }
    ]
    assert [(row["id"], row["status"]) for row in found["journeys"]] == [(journey.id, "running")]
    assert [(row["journey"], row["step"], row["channel"], row["state"]) for row in found["sends"]] == [
        (journey.id, "first", "sms", "accepted")
    ]


async def test_a_journey_that_has_ended_is_not_among_those_that_go_on(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.fill()
    await shop.order(MINUTE)
    assert (await of(api))["journeys"] == []


async def test_a_person_is_found_by_every_id_that_they_were_known_by(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.fill()
    login = shop.event("page", HOUR, person="ann").model_copy(update={"anonymous_id": "device-9"})
    await shop.take(login)
    found = await of(api, "device-9")
    assert found == await of(api, "ann")
    assert [(other["id"], other["why"]) for other in found["ids"]] == [
        ("device-9", "a visitor turned out to be a customer")
    ]


async def test_an_id_may_hold_slashes_and_any_letter(api: httpx.AsyncClient, shop: TestShop) -> None:
    for person in (GID, "é ñ?#%", "consent", "+33639980001"):
        await shop.identify(person)
        assert (await of(api, person))["id"] == person
    answer = await api.put(f"/v1/customers/{quote(GID, safe='')}/consent", json={"sms": False})
    assert answer.json()["id"] == GID


async def test_nobodys_id_is_not_found(api: httpx.AsyncClient, shop: TestShop) -> None:
    answer = await api.get("/v1/customers/nobody")
    assert (answer.status_code, answer.json()["detail"]) == (404, "This shop knows nobody by the id 'nobody'.")
    other = TestShop(shop.parts)
    await other.open()
    await other.identify("bob")
    assert (await api.get("/v1/customers/bob")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_only_the_shops_api_key_opens_it(api: httpx.AsyncClient, shop: TestShop, method: str) -> None:
    await shop.identify()
    path = "/v1/customers/ann" + ("/consent" if method == "PUT" else "")
    write_key = await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
    for key in (None, "none", write_key):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"sms": False} if method == "PUT" else None
        answer = await api.request(method, path, headers=headers, json=body, auth=None)
        assert answer.status_code == 401
    assert (await consents(api))["sms", "marketing"] is True


# PUT


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({"sms": False}, {("sms", "marketing"): False, ("email", "marketing"): True}),
        (
            {"sms": {"granted": False, "purpose": "service"}, "voice": True},
            {
                ("sms", "marketing"): True,
                ("sms", "service"): False,
                ("email", "marketing"): True,
                ("voice", "marketing"): True,
            },
        ),
        (
            {"email": [{"granted": False}, {"granted": True, "purpose": "service", "text": "Yes"}]},
            {("sms", "marketing"): True, ("email", "marketing"): False, ("email", "service"): True},
        ),
    ],
)
async def test_what_is_put_counts_when_the_answer_comes_and_the_rest_stays(
    api: httpx.AsyncClient, shop: TestShop, said: dict[str, Any], counts: dict[tuple[str, str], bool]
) -> None:
    await shop.identify()
    answer = await api.put("/v1/customers/ann/consent", json=said)
    assert answer.status_code == 200
    assert answer.json() == await of(api)
    assert await consents(api) == counts


async def test_a_word_may_carry_its_own_date_and_an_older_one_does_not_count(
    api: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.identify()
    await api.put("/v1/customers/ann/consent", json={"sms": {"granted": False, "at": "2020-01-01T00:00:00Z"}})
    assert (await consents(api))["sms", "marketing"] is True


async def test_after_a_no_was_put_nothing_is_sent(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    assert (await api.put("/v1/customers/ann/consent", json={"sms": False})).status_code == 200
    assert (await send(shop)).reason == "no consent to marketing by sms"


async def test_a_person_nobody_told_of_yet_is_known_by_it(api: httpx.AsyncClient) -> None:
    answer = await api.put("/v1/customers/new/consent", json={"email": True})
    assert (answer.status_code, answer.json()["id"], answer.json()["known"]) == (200, "new", True)
    assert await consents(api, "new") == {("email", "marketing"): True}


async def test_a_visitor_is_still_a_visitor_after_it(api: httpx.AsyncClient, shop: TestShop) -> None:
    visitor = shop.event("page").model_copy(update={"user_id": None, "anonymous_id": "device-9"})
    await shop.take(visitor)
    answer = await api.put("/v1/customers/device-9/consent", json={"email": True})
    assert (answer.json()["known"], await consents(api, "device-9")) == (False, {("email", "marketing"): True})


@pytest.mark.parametrize(
    ("said", "status", "detail"),
    [
        ({"emial": False}, 422, "emial: is none of the channels sms, email, push, voice, whatsapp"),
        ({}, 422, "body: name at least one of the channels sms, email, push, voice, whatsapp"),
        ({"sms": "no"}, 422, "sms: must be true, false,"),
        ({"sms": None}, 422, "sms: must be true, false,"),
        ({"sms": {"granted": True, "purpose": "fun"}}, 422, "sms: must be true, false,"),
        ({"sms": {"granted": True, "at": "soon"}}, 422, "sms.at: must be ISO 8601"),
        ({"sms": [{"granted": True}, {"granted": False}]}, 422, "sms: names a purpose twice"),
        ({"sms": {"granted": True, "text": "\0"}}, 422, "event: contains a NUL character"),
        ([], 422, "body: must be a JSON object"),
    ],
)
async def test_a_bad_word_is_refused_with_what_to_change(
    api: httpx.AsyncClient, shop: TestShop, said: Any, status: int, detail: str
) -> None:
    await shop.identify()
    answer = await api.put("/v1/customers/ann/consent", json=said)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(detail)
    assert await consents(api) == {("sms", "marketing"): True, ("email", "marketing"): True}


# The command line


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, secret=SECRET_TEXT)


async def shown(settings: Settings, shop: TestShop, capsys: pytest.CaptureFixture[str], person: str = "ann") -> str:
    capsys.readouterr()
    customer_commands.console.width = 200
    await customer_commands.show(settings, shop.shop, person)
    return capsys.readouterr().out


async def test_the_command_shows_a_person_as_text(
    settings: Settings, shop: TestShop, capsys: pytest.CaptureFixture[str]
) -> None:
    await shop.identify(firstName="[bold]Ann[/bold]", consent={"sms": {"granted": True, "text": "Yes [/x]"}})
    journey = await shop.fill()
    await send(shop)
    out = await shown(settings, shop, capsys)
    for said in ("[bold]Ann[/bold]", "+33639980001", "Yes [/x]", journey.id, "accepted", "suppressed"):
        assert said in out


async def test_the_command_prints_what_the_gate_says_now_rule_by_rule(
    settings: Settings, shop: TestShop, capsys: pytest.CaptureFixture[str]
) -> None:
    await shop.identify(consent={"sms": False, "email": True})
    journey = await shop.fill()
    out = await shown(settings, shop, capsys)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert [journey.id, "sms", "", "refused", "no consent to marketing by sms"] in cells
    assert ["", "", "permitted", "refused", "no consent to marketing by sms"] in cells
    assert [journey.id, "email", "", "allowed", "-"] in cells
    assert [row[2] for row in cells if row[:2] == ["", ""] and len(row) == 5] == [rule.__name__ for rule in RULES] * 5


async def test_the_command_names_an_id_by_which_nobody_is_known(settings: Settings, shop: TestShop) -> None:
    with pytest.raises(UsageError, match=f"shop {shop.shop} knows nobody by the id 'nobody'"):
        await customer_commands.show(settings, shop.shop, "nobody")
    with pytest.raises(UsageError, match="there is no shop 'none'"):
        await customer_commands.show(settings, "none", "ann")
