"""What MMS, RCS and WhatsApp say through Infobip's Messages API, as a server hears it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx
import pytest

from channels.base import Accepted, Card, Outgoing, Rejected
from journeys.facts import Channel
from tests.integration.loopback import Answer, serving
from tests.telephone_accounts import INFOBIP, MESSAGE, REPORTS, TelephoneAccount

BY_CHANNEL = {account.channel: account for account in INFOBIP}
MMS, RCS, WHATSAPP = (BY_CHANNEL[channel] for channel in (Channel.MMS, Channel.RCS, Channel.WHATSAPP))
TAKEN = Answer(200, b'{"messages": [{"status": {"id": 26, "groupName": "PENDING"}}]}')
TO = MESSAGE.to[1:]
PLAIN = Outgoing(send_id="send-1", to=MESSAGE.to, text="Bonjour")
BUTTON = {"type": "OPEN_URL", "text": "Voir mon panier", "url": MESSAGE.link}
MANY = tuple(Card(f"Article {n}", image=f"https://cdn.example/{n}.jpg") for n in range(14))


async def heard(http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing, **says: Any) -> dict[str, Any]:
    """The one message of the call."""
    async with serving(TAKEN) as server:
        client = dataclasses.replace(account, says={**account.says, **says}).connect(http, server.url)
        assert isinstance(await client.send(message), Accepted)
    body = json.loads(server.requests[0].body)
    assert body["options"] == {"tracking": {"shortenUrl": False}}  # our links are short and tracked already
    (said,) = body["messages"]
    return dict(said)


@pytest.mark.parametrize("account", [MMS, RCS, WHATSAPP], ids=str)
async def test_a_message_carries_our_id_its_channel_its_validity_and_where_to_report(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    said = await heard(http, account, MESSAGE)
    assert said["channel"] == account.channel.upper()
    assert said["sender"] == account.says["sender"]
    assert said["destinations"][0]["messageId"] == "send-1"
    assert said["options"] == {"validityPeriod": {"amount": 4 * 3600, "timeUnit": "SECONDS"}}
    assert said["webhooks"] == {"delivery": {"url": REPORTS}}


@pytest.mark.parametrize("account", [MMS, RCS, WHATSAPP], ids=str)
async def test_a_text_alone_is_a_text(http: httpx.AsyncClient, account: TelephoneAccount) -> None:
    said = await heard(http, account, PLAIN)
    assert said["content"] == {"body": {"type": "TEXT", "text": "Bonjour"}}
    assert "options" not in said


@pytest.mark.parametrize("account", [MMS, RCS], ids=str)
async def test_who_cannot_take_it_gets_the_text_and_the_link_as_an_sms(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    said = await heard(http, account, MESSAGE)
    assert said["destinations"] == [
        {
            "byChannel": [{"channel": account.channel.upper(), "to": TO}, {"channel": "SMS", "to": TO}],
            "messageId": "send-1",
        }
    ]
    text = {"type": "TEXT", "text": f"{MESSAGE.text} {MESSAGE.link}"}
    assert said["failover"] == [{"channel": "SMS", "sender": "Boutique", "content": {"body": text}}]


@pytest.mark.parametrize("account", [MMS, RCS], ids=str)
async def test_without_a_sender_for_it_there_is_no_sms(http: httpx.AsyncClient, account: TelephoneAccount) -> None:
    said = await heard(http, account, MESSAGE, sms_sender=None)
    assert said["destinations"] == [{"to": TO, "messageId": "send-1"}]
    assert "failover" not in said


async def test_a_link_that_the_text_has_already_is_not_said_twice(http: httpx.AsyncClient) -> None:
    said = await heard(http, RCS, dataclasses.replace(MESSAGE, text=f"Ici : {MESSAGE.link} STOP au 36105"))
    assert said["failover"][0]["content"]["body"]["text"].count(str(MESSAGE.link)) == 1


async def test_an_mms_says_its_words_and_then_each_picture_with_its_own(http: httpx.AsyncClient) -> None:
    said = await heard(http, MMS, MESSAGE)
    assert said["content"]["body"] == {
        "type": "MIXED",
        "items": [
            {"text": f"La Boutique\n{MESSAGE.text} {MESSAGE.link}"},
            {"url": "https://cdn.example/tente.jpg"},
            {"text": "Tente 2 places\n149,00 €"},
            {"url": "https://cdn.example/lampe.jpg"},
            {"text": "Lampe\n2 x 25,00 €"},
        ],
    }


@pytest.mark.parametrize("account", [RCS, WHATSAPP], ids=str)
async def test_several_pictures_are_a_carousel_whose_first_card_says_the_message(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    said = await heard(http, account, MESSAGE)
    first, second = said["content"]["body"]["cards"]
    assert first["body"] == {
        "title": "La Boutique",
        "text": f"{MESSAGE.text}\nTente 2 places\n149,00 €",
        "url": "https://cdn.example/tente.jpg",
    }
    assert first["buttons"] == [BUTTON]
    assert second["body"] == {"title": "Lampe", "text": "2 x 25,00 €", "url": "https://cdn.example/lampe.jpg"}
    assert second["buttons"] == [BUTTON]  # an item without a page of its own leads to the cart


async def test_an_item_with_its_own_page_leads_there(http: httpx.AsyncClient) -> None:
    said = await heard(http, RCS, dataclasses.replace(MESSAGE, cards=MESSAGE.cards[::-1]))
    assert said["content"]["body"]["cards"][1]["buttons"][0]["url"] == "https://shop.example/tente"


async def test_one_picture_is_a_card_that_leads_to_the_cart(http: httpx.AsyncClient) -> None:
    said = await heard(http, RCS, dataclasses.replace(MESSAGE, cards=(*MESSAGE.cards[:1], Card("Sans image"))))
    assert said["content"]["body"] == {
        "type": "RICH_LINK",
        "redirectUrl": MESSAGE.link,
        "text": f"La Boutique\n{MESSAGE.text}\nTente 2 places\n149,00 €",
        "url": "https://cdn.example/tente.jpg",
        "buttonText": "Voir mon panier",
    }


async def test_no_picture_is_a_text_with_the_button(http: httpx.AsyncClient) -> None:
    said = await heard(http, RCS, dataclasses.replace(MESSAGE, cards=()))
    assert said["content"] == {"body": {"type": "TEXT", "text": MESSAGE.text}, "buttons": [BUTTON]}


@pytest.mark.parametrize(("account", "path"), [(RCS, "cards"), (MMS, "items")], ids=str)
async def test_no_more_than_ten_pictures_go_out(http: httpx.AsyncClient, account: TelephoneAccount, path: str) -> None:
    said = await heard(http, account, dataclasses.replace(MESSAGE, cards=MANY))
    assert json.dumps(said["content"]["body"][path]).count("cdn.example") == 10


RELATED = (
    Card("Réchaud", "Souvent achetés ensemble\n30,00 €", "https://cdn.example/r.jpg", "https://shop.example/r", "Voir"),
    Card("Sans page", "Souvent achetés ensemble\n8,00 €", "https://cdn.example/s.jpg"),
)


@pytest.mark.parametrize("account", [RCS, WHATSAPP], ids=str)
async def test_related_items_come_after_the_carts_each_with_its_own_button(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    said = await heard(http, account, dataclasses.replace(MESSAGE, cards=MESSAGE.cards[:1], related=RELATED))
    first, second, third = said["content"]["body"]["cards"]
    assert first["body"]["title"] == "La Boutique"
    assert second["body"]["title"] == "Réchaud"
    assert second["body"]["text"] == "Souvent achetés ensemble\n30,00 €"
    assert second["buttons"] == [{"type": "OPEN_URL", "text": "Voir", "url": "https://shop.example/r"}]
    assert third["buttons"] == [BUTTON]  # without a page of its own it leads to the cart


async def test_an_mms_says_beside_the_picture_that_it_is_not_in_the_cart(http: httpx.AsyncClient) -> None:
    said = await heard(http, MMS, dataclasses.replace(MESSAGE, related=RELATED[:1]))
    assert said["content"]["body"]["items"][-2:] == [
        {"url": "https://cdn.example/r.jpg"},
        {"text": "Réchaud\nSouvent achetés ensemble\n30,00 €"},
    ]


@pytest.mark.parametrize(("account", "path"), [(RCS, "cards"), (MMS, "items")], ids=str)
async def test_related_items_take_the_room_that_the_cart_leaves(
    http: httpx.AsyncClient, account: TelephoneAccount, path: str
) -> None:
    said = await heard(http, account, dataclasses.replace(MESSAGE, cards=MANY[:9], related=RELATED))
    shown = json.dumps(said["content"]["body"][path])
    assert (shown.count("cdn.example"), shown.count("r.jpg"), shown.count("s.jpg")) == (10, 1, 0)


@pytest.mark.parametrize("account", [RCS, WHATSAPP, MMS], ids=str)
async def test_where_the_cart_has_no_picture_no_other_stands_in_for_it(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    said = await heard(http, account, dataclasses.replace(MESSAGE, cards=(), related=RELATED))
    assert "cdn.example" not in json.dumps(said)


async def test_the_name_of_an_item_is_cut_to_what_a_card_takes(http: httpx.AsyncClient) -> None:
    cards = tuple(Card("x" * 5000, image="https://cdn.example/1.jpg") for _ in range(2))
    said = await heard(http, RCS, dataclasses.replace(MESSAGE, subject="y" * 5000, cards=cards))
    first, second = said["content"]["body"]["cards"]
    assert first["body"]["title"] == "y" * 200
    assert second["body"]["title"] == "x" * 200
    assert len(first["body"]["text"]) < 2000


# WhatsApp's templates


@pytest.mark.parametrize(
    ("locale", "language"), [("fr-FR", "fr"), ("pt-BR", "pt_PT"), ("en-US", "en"), ("it-IT", "it")]
)
async def test_out_of_the_blue_whatsapp_says_a_template_with_its_parameters_in_order(
    http: httpx.AsyncClient, locale: str, language: str
) -> None:
    message = dataclasses.replace(MESSAGE, template="cart_1", parameters=("Zoé", "149,00 €"), locale=locale)
    said = await heard(http, WHATSAPP, message)
    assert said["template"] == {"templateName": "cart_1", "language": language}
    assert said["content"] == {"body": {"type": "TEXT", "1": "Zoé", "2": "149,00 €"}}


async def test_the_language_of_templates_is_the_one_that_they_were_approved_in(http: httpx.AsyncClient) -> None:
    message = dataclasses.replace(MESSAGE, template="cart_1", locale="pt-BR")
    said = await heard(http, WHATSAPP, message, languages={"pt": "pt_BR"})
    assert said["template"]["language"] == "pt_BR"
    assert "content" not in said
    said = await heard(http, WHATSAPP, dataclasses.replace(message, locale="fr-FR"), languages={"pt": "pt_BR"})
    assert said["template"]["language"] == "fr"


async def test_an_empty_parameter_is_refused_before_the_call(http: httpx.AsyncClient) -> None:
    async with serving(TAKEN) as server:
        message = dataclasses.replace(MESSAGE, template="cart_1", parameters=("149,00 €", ""))
        outcome = await WHATSAPP.connect(http, server.url).send(message)
    assert isinstance(outcome, Rejected)
    assert "parameter 2" in outcome.reason
    assert not outcome.suppress
    assert server.requests == []
