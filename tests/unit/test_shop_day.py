"""The generated shop day: always the same, plausible, and nobody's real contact in it."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from journeys.cart import CART_EVENTS, fold
from journeys.customers import consents
from journeys.events import Event, parse
from relance.shop_day import REACT_TO_FIRST, REACT_TO_LATE, SHOP_URL, Message, Reactions, generate

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NEXT_DAY = DAY + timedelta(days=1)
SEEDS = range(1, 6)
FICTIONAL_PHONES = (
    r"\+336 39 98 \d{4}",  # ARCEP
    r"\+44 7700 900 \d{3}",  # Ofcom
    r"\+39 320 555 \d{4}",  # none are kept free in these three: as in the recorded visits
    r"\+351 915 55 \d{4}",
    r"\+55 11 99955 \d{4}",
)


def day(seed: int = 1, **options: Any) -> list[Message]:
    return generate(seed=seed, day=DAY, **options)


def event(message: Message) -> Event:
    return parse(message, received_at=datetime.fromisoformat(message["timestamp"]))


def named(messages: list[Message], name: str) -> list[Message]:
    return [message for message in messages if name in (message.get("event"), message.get("name"), message["type"])]


def carts(messages: list[Message]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for one in map(event, messages):
        if one.cart_id and one.name in CART_EVENTS:
            found[one.cart_id].append(one)
    return found


def ordered(messages: list[Message]) -> set[str]:
    return {message["properties"]["cart_id"] for message in named(messages, "Order Completed")}


def abandoned(messages: list[Message]) -> list[str]:
    sold = ordered(messages)
    return [cart for cart, events in carts(messages).items() if cart not in sold and fold(events).items]


def people(messages: list[Message]) -> dict[str, dict[str, Any]]:
    return {message["userId"]: message["traits"] for message in named(messages, "identify")}


def test_the_same_seed_gives_the_same_day() -> None:
    assert json.dumps(day(7)) == json.dumps(day(7))


def test_another_seed_gives_another_day_with_other_ids() -> None:
    ids = [{message["messageId"] for message in day(seed)} for seed in (1, 2)]
    assert not ids[0] & ids[1]


def test_a_day_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        generate(day=DAY.replace(tzinfo=None))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_message_parses_is_sent_once_and_lies_within_the_day_in_order(seed: int) -> None:
    messages = day(seed)
    events = [event(message) for message in messages]
    assert len({one.message_id for one in events}) == len(events)
    assert events == sorted(events, key=lambda one: one.order)
    assert events[0].at >= DAY
    assert events[-1].at < NEXT_DAY


def test_messages_survive_json() -> None:
    assert json.loads(json.dumps(day())) == day()


@pytest.mark.parametrize("visits", [1, 2, 50, 200])
def test_there_are_as_many_visits_as_were_asked_for(visits: int) -> None:
    assert len(named(day(visits=visits), "Home Page")) == visits


@pytest.mark.parametrize("seed", SEEDS)
def test_about_seven_carts_in_ten_are_abandoned(seed: int) -> None:
    messages = day(seed)
    share = 1 - len(ordered(messages)) / len(carts(messages))
    assert 110 <= len(carts(messages)) <= 180
    assert 0.6 <= share <= 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_event_occurs(seed: int) -> None:
    counts = Counter(message.get("event", message["type"]) for message in day(seed))
    expected = ["identify", "page", "Product Viewed", "Product Added", "Product Removed"]
    expected += ["Cart Viewed", "Checkout Started", "Order Completed"]
    assert set(counts) == set(expected)
    assert counts["Product Removed"] >= 5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cart_folds_to_what_its_last_listing_says(seed: int) -> None:
    checked = 0
    for events in carts(day(seed)).values():
        listing = events[-1].properties.get("products")
        if listing is not None:
            steps = [one for one in events if "products" not in one.properties]
            assert [(i.product_id, i.quantity) for i in fold(steps).items] == [
                (p["product_id"], p["quantity"]) for p in listing
            ]
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_costs_what_its_cart_holds(seed: int) -> None:
    messages = day(seed)
    filled = carts(messages)
    for message in named(messages, "Order Completed"):
        cart = fold(filled[message["properties"]["cart_id"]])
        assert cart.value == Decimal(str(message["properties"]["total"])) > 0
        assert cart.currency == message["properties"]["currency"]


@pytest.mark.parametrize(("currency", "border"), [("EUR", 100), ("GBP", 90), ("BRL", 600)])
def test_in_each_currency_carts_lie_on_both_sides_of_a_hundred_euros(currency: str, border: int) -> None:
    folded = [fold(events) for events in carts(day()).values()]
    values = [cart.value for cart in folded if cart.currency == currency]
    assert sum(0 < value < border for value in values) >= 3
    assert sum(value >= border for value in values) >= 3


def test_every_cart_event_tells_the_way_back_to_its_cart() -> None:
    for cart_id, events in carts(day()).items():
        assert {one.properties["cart_url"] for one in events} == {f"{SHOP_URL}/cart/{cart_id}"}


def test_people_pay_in_the_currency_of_their_country() -> None:
    currencies = {"FR": "EUR", "IT": "EUR", "PT": "EUR", "GB": "GBP", "BR": "BRL"}
    messages = day()
    known = people(messages)
    seen = {
        (known[message["userId"]]["country"], message["properties"]["currency"])
        for message in named(messages, "Product Added")
        if message.get("userId") in known
    }
    assert seen == set(currencies.items())


def test_people_speak_four_languages() -> None:
    languages = Counter(traits["locale"][:2] for traits in people(day()).values())
    assert set(languages) == {"fr", "it", "pt", "en"}
    assert min(languages.values()) >= 10


@pytest.mark.parametrize("seed", SEEDS)
def test_contacts_are_fictional_and_each_is_one_persons(seed: int) -> None:
    traits = people(day(seed, visits=2000)).values()
    phones = [person["phone"] for person in traits if "phone" in person]
    emails = [person["email"] for person in traits if "email" in person]
    patterns = [re.compile(pattern.replace(" ", "")) for pattern in FICTIONAL_PHONES]
    assert all(sum(bool(pattern.fullmatch(phone)) for pattern in patterns) == 1 for phone in phones)
    assert all(any(pattern.fullmatch(phone) for phone in phones) for pattern in patterns)
    assert all(re.fullmatch(r"client\d+@example\.(com|org)", email) for email in emails)
    assert len(set(phones)) == len(phones)
    assert len(set(emails)) == len(emails)


def test_some_people_have_no_phone_some_no_consent_and_some_refuse() -> None:
    traits = list(people(day()).values())
    assert sum("phone" not in person for person in traits) >= 10
    assert sum(not person["consent"] for person in traits) >= 2
    assert sum("phone" in person and "sms" not in person["consent"] for person in traits) >= 2
    for channel in ("sms", "email"):
        assert Counter(person["consent"].get(channel) for person in traits).keys() == {True, False, None}


def test_every_consent_can_be_read_and_has_its_contact() -> None:
    for message in named(day(), "identify"):
        for consent in consents(event(message)):
            assert {"sms": "phone", "email": "email"}[consent.channel] in message["traits"]


def test_some_visitors_stay_unknown_and_some_become_known_on_the_way() -> None:
    messages = day()
    users_of: dict[str, set[str | None]] = defaultdict(set)
    for message in messages:
        if "anonymousId" in message:
            users_of[message["anonymousId"]].add(message.get("userId"))
    assert all(len(users - {None}) <= 1 for users in users_of.values())
    assert sum(users == {None} for users in users_of.values()) >= 3
    assert sum(len(users) == 2 for users in users_of.values()) >= 3


def test_some_come_back_to_their_cart_on_another_device() -> None:
    devices: dict[str, set[str | None]] = defaultdict(set)
    for message in day():
        if cart_id := message.get("properties", {}).get("cart_id"):
            devices[cart_id].add(message.get("anonymousId"))
    assert sum(len(seen) > 1 for seen in devices.values()) >= 5


def test_some_leave_three_carts_some_leave_one_after_an_order_and_some_before_it() -> None:
    messages = day()
    sold = ordered(messages)
    fates: dict[str, list[bool]] = defaultdict(list)
    for cart_id, events in carts(messages).items():
        if user := next((one.user_id for one in events if one.user_id), None):
            fates[user].append(cart_id in sold)
    for fate in ([False, False, False], [True, False], [False, True]):
        assert list(fates.values()).count(fate) >= 2


def test_some_carts_are_filled_by_people_who_never_say_who_they_are() -> None:
    introduced = {message["anonymousId"] for message in named(day(), "identify") if "anonymousId" in message}
    unknown = [c for c, events in carts(day()).items() if {one.anonymous_id for one in events}.isdisjoint(introduced)]
    assert sum(carts(day())[cart_id][0].user_id is None for cart_id in unknown) >= 3


def test_some_take_one_thing_out_and_keep_the_rest() -> None:
    kept = [
        cart_id
        for cart_id, events in carts(day()).items()
        if fold(events).items and any(one.name == "Product Removed" for one in events)
    ]
    assert len(kept) >= 5


def test_some_order_in_the_visit_in_which_they_fill_the_cart() -> None:
    added = {message["messageId"].rsplit("-", 2)[0] for message in named(day(), "Product Added")}
    orders = [message["messageId"].rsplit("-", 2)[0] for message in named(day(), "Order Completed")]
    assert 10 <= sum(visit in added for visit in orders) < len(orders)


@pytest.mark.parametrize(("late", "share"), [(False, REACT_TO_FIRST), (True, REACT_TO_LATE)])
def test_about_as_many_people_order_after_a_message_as_the_share_says(*, late: bool, share: float) -> None:
    reactions, left = Reactions(1, day()), abandoned(day())
    answers = [reactions.to(f"{cart}-{n}", "first", "u", cart, NEXT_DAY, late=late) for cart in left for n in range(30)]
    assert len(answers) > 2000
    assert sum(map(bool, answers)) / len(answers) == pytest.approx(share, abs=0.015)


def answered(seed: int = 1) -> list[tuple[str, list[Message]]]:
    reactions = Reactions(seed, day())
    answers = [
        (cart, reactions.to(f"send-{cart}", "first", "u", cart, NEXT_DAY, late=False)) for cart in abandoned(day())
    ]
    return [(cart, messages) for cart, messages in answers if messages]


def test_an_answer_is_drawn_by_its_send_alone() -> None:
    assert answered()
    reactions, sends = Reactions(1, day()), dict(answered())
    for cart, messages in reversed(sends.items()):
        assert reactions.to(f"send-{cart}", "first", "u", cart, NEXT_DAY, late=False) == messages
    assert answered(seed=2) != answered(seed=1)


def test_whoever_reacts_follows_the_link_and_orders_what_the_cart_holds_within_two_hours() -> None:
    filled = carts(day())
    for cart_id, messages in answered():
        page, checkout, order = (event(message) for message in messages)
        assert (page.kind, checkout.name, order.name) == ("page", "Checkout Started", "Order Completed")
        assert page.properties["url"].startswith(f"{SHOP_URL}/cart/{cart_id}?")
        assert NEXT_DAY + timedelta(minutes=1) < page.at < checkout.at < order.at <= NEXT_DAY + timedelta(hours=2)
        assert {one.user_id for one in (page, checkout, order)} == {"u"}
        assert checkout.cart_id == order.cart_id == cart_id
        before, after = fold(filled[cart_id]), fold([*filled[cart_id], checkout])
        assert after.items == before.items
        assert order.properties["total"] == float(before.value)
        assert order.properties["currency"] == before.currency


def test_reactions_do_not_repeat_the_ids_of_the_day_or_of_each_other() -> None:
    reactions = [message for _, messages in answered() for message in messages]
    ids = [message["messageId"] for message in [*day(), *reactions]]
    orders = [message["properties"]["order_id"] for message in named([*day(), *reactions], "Order Completed")]
    assert len(set(ids)) == len(ids)
    assert len(set(orders)) == len(orders)


def always(reactions: Reactions, cart_id: str, sent_at: datetime) -> list[Message]:
    """Send so often that somebody would react if anybody did."""
    sends = (reactions.to(f"{n}", "first", "u", cart_id, sent_at, late=False) for n in range(200))
    return next((messages for messages in sends if messages), [])


def test_nobody_orders_a_cart_twice_nor_one_that_is_empty_or_unknown() -> None:
    messages = day()
    reactions = Reactions(1, messages)
    emptied = [cart for cart, events in carts(messages).items() if not fold(events).items]
    assert emptied
    assert always(reactions, abandoned(messages)[0], NEXT_DAY)
    for cart in [*sorted(ordered(messages))[:3], *emptied, "unknown"]:
        assert not always(reactions, cart, NEXT_DAY)


def test_an_order_names_what_lay_in_the_cart_when_the_message_was_sent() -> None:
    messages = day()
    filled = carts(messages)
    cart_id = next(cart for cart in abandoned(messages) if len(filled[cart]) > 1)
    events = filled[cart_id]
    then = always(Reactions(1, messages), cart_id, events[0].at)
    assert [product["product_id"] for product in then[-1]["properties"]["products"]] == [
        events[0].properties["product_id"]
    ]
    assert not always(Reactions(1, messages), cart_id, events[0].at - timedelta(seconds=1))
