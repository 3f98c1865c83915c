"""A generated day of an online shop, for the demo: the same day every time for the same seed.

The messages are Segment's: ``identify``, ``page`` and the e-commerce ``track`` events. The people are made up, and
their contacts are nobody's: e-mail at the domains of RFC 2606; telephone numbers from the ranges that ARCEP (France)
and Ofcom (United Kingdom) keep free for fiction. Italy, Portugal and Brazil keep none free; theirs have 555 in them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any, NamedTuple

from journeys.cart import CART_EVENTS, Item, fold
from journeys.events import Event, Name, parse

Message = dict[str, Any]
"""One Segment message, ready for JSON."""

SHOP_URL = "https://shop.example.com"
REACT_TO_FIRST, REACT_TO_LATE = 0.11, 0.06
"""The share of messages that bring somebody back to order."""
REACTION_TIME = (timedelta(minutes=2), timedelta(minutes=100))
"""When they come back; the order itself follows within minutes."""

_HOURS = (2, 1, 1, 1, 1, 2, 4, 8, 10, 11, 11, 12, 14, 12, 10, 10, 11, 12, 15, 18, 20, 18, 12, 6)
"""How many visits begin in each hour of the day, relative to each other."""
_STEP_SECONDS = (5, 60)
_CONTACTS = {"email": "email", "sms": "phone"}
_RATES = {"EUR": Decimal(1), "GBP": Decimal("0.9"), "BRL": Decimal(6)}


class _Country(NamedTuple):
    code: str
    locale: str
    timezone: str
    currency: str
    phone: str
    digits: int
    first_names: tuple[str, ...]


_COUNTRIES = (
    _Country("FR", "fr-FR", "Europe/Paris", "EUR", "+3363998", 4, ("Léa", "Hugo", "Zoé", "Noël", "Inès", "Luc")),
    _Country("IT", "it-IT", "Europe/Rome", "EUR", "+39320555", 4, ("Giulia", "Niccolò", "Sofia", "Marco", "Elia")),
    _Country("PT", "pt-PT", "Europe/Lisbon", "EUR", "+35191555", 4, ("Inês", "Tomás", "Beatriz", "João", "Rita")),
    _Country("BR", "pt-BR", "America/Sao_Paulo", "BRL", "+551199955", 4, ("Ana", "Luís", "Conceição", "Davi", "Caio")),
    _Country("GB", "en-GB", "Europe/London", "GBP", "+447700900", 3, ("Amy", "Oliver", "Chloë", "Jack", "Maya")),
)
_PRODUCTS = {
    # id, name, category, price in EUR: how popular
    ("arabica-250", "Arabica 250 g", "Coffee", 9): 14,
    ("robusta-1000", "Robusta 1 kg", "Coffee", 24): 10,
    ("espresso-cups", "Espresso Set", "Cups", 36): 10,
    ("latte-cups", "Latte Set", "Cups", 42): 8,
    ("moka-6", "Moka 6", "Brewers", 39): 12,
    ("filter-glass", "Filter Glass", "Brewers", 55): 8,
    ("grinder-mini", "Grinder Mini", "Grinders", 69): 9,
    ("grinder-pro", "Grinder Pro", "Grinders", 149): 5,
    ("barista-kit", "Barista Kit", "Brewers", 89): 7,
    ("machine-uno", "Machine Uno", "Machines", 249): 4,
}


class _Does(Enum):
    """What a visit comes to."""

    LOOK = auto()
    LEAVE = auto()
    EMPTY = auto()
    ORDER = auto()
    COME_BACK = auto()
    COME_BACK_AND_ORDER = auto()


_HABITS: dict[tuple[_Does, ...], int] = {
    (_Does.LOOK,): 24,
    (_Does.ORDER,): 20,
    (_Does.LEAVE,): 34,
    (_Does.EMPTY,): 3,
    (_Does.LEAVE, _Does.COME_BACK): 8,
    (_Does.LEAVE, _Does.COME_BACK_AND_ORDER): 6,
    (_Does.LEAVE, _Does.LEAVE): 6,
    (_Does.LEAVE, _Does.ORDER): 4,
    (_Does.ORDER, _Does.LEAVE): 4,
    (_Does.LEAVE, _Does.LEAVE, _Does.LEAVE): 5,
}
"""What the visits of one person come to, and how many people are like that. Of the carts, three in ten are ordered."""


@dataclass
class _Person:
    country: _Country
    user_id: str
    device: str
    traits: dict[str, Any]
    logged_in: bool
    introduced: bool = False

    def on(self, device: str) -> dict[str, str]:
        """Give the ids that a message from a device carries."""
        if self.logged_in and device == self.device:
            return {"userId": self.user_id}
        return {"anonymousId": device, **({"userId": self.user_id} if self.introduced else {})}


@dataclass
class _Cart:
    cart_id: str
    currency: str
    items: list[Item] = field(default_factory=list)

    @property
    def properties(self) -> dict[str, Any]:
        return {"cart_id": self.cart_id, "currency": self.currency, "cart_url": f"{SHOP_URL}/cart/{self.cart_id}"}

    @property
    def value(self) -> int | float:
        return _number(sum((item.price * item.quantity for item in self.items), Decimal(0)))

    @property
    def products(self) -> list[dict[str, Any]]:
        return [_line(item) for item in self.items]


class _Visit:
    """What one person does on one device, one step after the other."""

    def __init__(self, rng: random.Random, name: str, ids: dict[str, str], at: datetime) -> None:
        self.ids = ids
        self.messages: list[Message] = []
        self._rng = rng
        self._name = name
        self._at = at

    def _say(self, kind: str, **content: Any) -> None:
        number = len(self.messages) + 1
        self.messages.append(
            {
                "type": kind,
                **self.ids,
                "messageId": f"{self._name}-{number}-{kind}",
                "timestamp": self._at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                **content,
            }
        )
        self._at += timedelta(seconds=self._rng.uniform(*_STEP_SECONDS))

    def introduce(self, person: _Person, device: str) -> None:
        person.introduced = True
        self.ids = person.on(device)
        self._say("identify", traits=person.traits)

    def page(self, name: str, path: str) -> None:
        self._say("page", name=name, properties={"url": SHOP_URL + path})

    def _track(self, event: str, properties: dict[str, Any]) -> None:
        self._say("track", event=str(event), properties=properties)

    def look_at(self, item: Item, currency: str) -> None:
        self._track("Product Viewed", {**_line(item), "currency": currency})

    def add(self, cart: _Cart, item: Item) -> None:
        cart.items.append(item)
        self._track(Name.PRODUCT_ADDED, {**_line(item), **cart.properties})

    def remove(self, cart: _Cart) -> None:
        self._track(Name.PRODUCT_REMOVED, {**_line(cart.items.pop()), **cart.properties})

    def view(self, cart: _Cart) -> None:
        self._track(Name.CART_VIEWED, {**cart.properties, "products": cart.products})

    def check_out(self, cart: _Cart) -> None:
        self._track(Name.CHECKOUT_STARTED, {**cart.properties, "value": cart.value, "products": cart.products})

    def order(self, cart: _Cart, order_id: str) -> None:
        self.check_out(cart)
        content = {"cart_id": cart.cart_id, "currency": cart.currency, "total": cart.value, "products": cart.products}
        self._track(Name.ORDER_COMPLETED, {"order_id": order_id, **content})


class _Day:
    """Makes people and lets them visit the shop."""

    def __init__(self, seed: int, start: datetime) -> None:
        self._rng = random.Random(seed)  # noqa: S311 not for cryptography
        self._start = start
        self._name = f"{start:%y%m%d}-{seed}"
        self._people = 0
        self.visits: list[_Visit] = []

    def next_person(self, most_visits: int) -> None:
        """Make a person and play their visits, at most so many."""
        habit = self._rng.choices(list(_HABITS), list(_HABITS.values()))[0][:most_visits]
        hours: set[int] = set()
        while len(hours) < len(habit):
            hours.update(self._rng.choices(range(24), _HOURS))
        person, cart = self._person(), None
        for does, hour in zip(habit, sorted(hours), strict=True):
            # A visit takes less than half an hour: nobody is in two places at a time.
            at = self._start + timedelta(hours=hour, seconds=self._rng.uniform(0, 1800))
            cart = self._play(person, does, at, cart)

    def _person(self) -> _Person:
        self._people += 1
        number, country = self._people, self._rng.choice(_COUNTRIES)
        return _Person(
            country=country,
            user_id=f"u-{self._name}-{number}",
            device=f"a-{self._name}-{number}",
            traits=_traits(self._rng, country, number),
            logged_in=_chance(self._rng, 0.6),
        )

    def _play(self, person: _Person, does: _Does, at: datetime, cart: _Cart | None) -> _Cart | None:
        comes_back = does in {_Does.COME_BACK, _Does.COME_BACK_AND_ORDER}
        device = f"{person.device}-2" if comes_back else person.device
        number = len(self.visits) + 1
        visit = _Visit(self._rng, f"v-{self._name}-{number}", person.on(device), at)
        self.visits.append(visit)
        visit.page("Home Page", "/")
        if not person.introduced and (person.logged_in or comes_back):
            visit.introduce(person, device)
        if does is _Does.LOOK:
            self._browse(visit, person.country.currency, self._rng.randint(1, 4))
            return cart
        if comes_back and cart:
            visit.view(cart)
        else:
            cart = _Cart(f"c-{self._name}-{number}", person.country.currency)
            self._fill(visit, person, device, cart)
        self._finish(visit, does, cart, f"o-{self._name}-{number}")
        return cart

    def _browse(self, visit: _Visit, currency: str, count: int) -> list[Item]:
        visit.page("All Products", "/all-products")
        chosen: list[Item] = []
        while len(chosen) < count:
            (row,) = self._rng.choices(list(_PRODUCTS), list(_PRODUCTS.values()))
            item = Item(product_id=row[0], name=row[1], category=row[2], price=row[3] * _RATES[currency])
            if item not in chosen:
                chosen.append(item)
                visit.look_at(item, currency)
        return chosen

    def _fill(self, visit: _Visit, person: _Person, device: str, cart: _Cart) -> None:
        wanted = self._browse(visit, cart.currency, self._rng.choice((1, 1, 2, 2, 3)))
        for item in wanted:
            visit.add(cart, item.model_copy(update={"quantity": self._rng.choice((1, 1, 1, 2))}))
        if not person.introduced and _chance(self._rng, 0.8):
            visit.introduce(person, device)
        if len(cart.items) > 1 and _chance(self._rng, 0.2):
            visit.remove(cart)

    def _finish(self, visit: _Visit, does: _Does, cart: _Cart, order_id: str) -> None:
        if does is _Does.EMPTY:
            while cart.items:
                visit.remove(cart)
        elif does in {_Does.ORDER, _Does.COME_BACK_AND_ORDER}:
            visit.order(cart, order_id)
        elif _chance(self._rng, 0.4):
            visit.view(cart)
        elif _chance(self._rng, 0.3):
            visit.check_out(cart)


def generate(*, seed: int = 1, visits: int = 200, day: datetime) -> list[Message]:
    """Generate one day of a shop.

    Args:
        seed: another seed is another day.
        visits: how many visits there are, by about three quarters as many people.
        day: the moment the day begins, with a zone; it lasts 24 hours.

    Returns:
        Segment messages in the order of their times.

    Raises:
        ValueError: ``day`` has no zone.

    """
    if day.tzinfo is None:
        raise ValueError("day must have a zone")
    made = _Day(seed, day.astimezone(UTC))
    while len(made.visits) < visits:
        made.next_person(visits - len(made.visits))
    messages = [message for visit in made.visits for message in visit.messages]
    return sorted(messages, key=lambda message: (message["timestamp"], message["messageId"]))


class Reactions:
    """How the people of a generated day answer what is sent to them. It keeps no state: an answer is drawn by its send.

    Args:
        seed: another seed is other answers.
        messages: the generated day; the carts come from there.

    """

    def __init__(self, seed: int, messages: Iterable[Message]) -> None:
        """Read the carts of the day."""
        self._seed = seed
        self._carts: dict[str, list[Event]] = {}
        self._ordered: set[str] = set()
        for message in messages:
            event = parse(message, received_at=datetime.fromisoformat(message["timestamp"]))
            if event.cart_id and event.name in CART_EVENTS:
                self._carts.setdefault(event.cart_id, []).append(event)
            if event.cart_id and event.name == Name.ORDER_COMPLETED:
                self._ordered.add(event.cart_id)

    def to(
        self, send_id: str, step: str, customer: str, cart_id: str, sent_at: datetime, *, late: bool
    ) -> list[Message]:
        """Tell what a person does because of a message.

        Args:
            send_id: the send's id, by which the answer is drawn.
            step: the plan's step that sent it; the link that is followed names it.
            customer: the person's user id.
            cart_id: what the message is about.
            sent_at: when it was sent, with a zone.
            late: whether it is the second message, a day after the first.

        Returns:
            Nothing, or a visit that ends in an order of the cart, within two hours. Whoever orders the cart in the
            generated day anyway does not react, and neither does anybody to a cart that is empty or unknown.

        """
        rng = random.Random(f"{self._seed} {send_id}")  # noqa: S311 not for cryptography
        if not _chance(rng, REACT_TO_LATE if late else REACT_TO_FIRST) or cart_id in self._ordered:
            return []
        now = fold(event for event in self._carts.get(cart_id, ()) if event.at <= sent_at)
        if not now.items or now.currency is None:
            return []
        first, last = REACTION_TIME
        at = sent_at.astimezone(UTC) + first + (last - first) * rng.random()
        visit = _Visit(rng, f"r-{send_id}", {"userId": customer}, at)
        visit.page("Cart", f"/cart/{cart_id}?utm_source=relance&utm_content={step}")
        visit.order(_Cart(cart_id, now.currency, list(now.items)), f"o-{send_id}")
        return visit.messages


def _traits(rng: random.Random, country: _Country, number: int) -> dict[str, Any]:
    name = rng.choice(country.first_names)
    traits = {"firstName": name, "locale": country.locale, "country": country.code, "timezone": country.timezone}
    if _chance(rng, 0.85):
        traits["email"] = f"client{number}@example.{rng.choice(('com', 'org'))}"
    # The ranges are finite: past their end people have no telephone.
    if _chance(rng, 0.75) and number < 10**country.digits:
        traits["phone"] = f"{country.phone}{number:0{country.digits}d}"
    words = [rng.choices((True, False, None), (75, 15, 10))[0] for _ in _CONTACTS]
    known = {c: word for (c, trait), word in zip(_CONTACTS.items(), words, strict=True) if trait in traits}
    return {**traits, "consent": {channel: word for channel, word in known.items() if word is not None}}


def _chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def _line(item: Item) -> dict[str, Any]:
    return {
        "product_id": item.product_id,
        "name": item.name,
        "category": item.category,
        "price": _number(item.price),
        "quantity": item.quantity,
    }


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)
