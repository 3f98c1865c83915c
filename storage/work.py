"""The unit of work of a transaction that takes events: what it read, what it changed, and what must be written.

It is read in one statement, changed in memory, and written back in one statement for each table: a hundred events cost
about as many round trips as one. Whatever stands in it is about people whose rows the transaction has locked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from journeys.cart import Cart
from journeys.events import Event
from journeys.signals import Signal
from storage.journeys import Journey


class MoreToHoldError(Exception):
    """There is more to lock than was known before: it must be locked first, in the order for all, so all begins anew.

    Attributes:
        people: ids of people.
        carts: ids of carts.

    """

    def __init__(self, *, people: frozenset[str] = frozenset(), carts: frozenset[str] = frozenset()) -> None:
        super().__init__("more to hold")
        self.people = people
        self.carts = carts


@dataclass(frozen=True)
class Alias:
    """An id that a person was known by before: told to belong to ``linked_to``, who is ``customer_id`` by now.

    Attributes:
        of_users: it may be a user's, who is one with the other. If not, it is a visitor's.

    """

    alias_id: str
    customer_id: str
    linked_to: str
    linked_at: datetime
    of_users: bool


@dataclass(frozen=True)
class NewAlias(Alias):
    """An alias that was told now: by which message, and why."""

    linked_by: str
    why: str


@dataclass(frozen=True)
class CartRow:
    """A cart without its content."""

    cart_id: str
    customer_id: str
    opened_at: datetime | None
    holds_items: bool
    last_at: datetime
    ordered_at: datetime | None = None
    order_id: str | None = None


@dataclass(frozen=True)
class Order:
    """An order as a message told it, of a person and, where that is known, of a cart. Others may tell it otherwise.

    Attributes:
        of_person: whether it counts for all carts that the person opened before: it named none.

    """

    order_id: str
    customer_id: str
    cart_id: str | None
    checkout_id: str | None
    of_person: bool
    at: datetime
    message_id: str
    from_backend: bool
    total: Decimal | None = None
    currency: str | None = None

    @property
    def order(self) -> tuple[datetime, str]:
        """Where it stands among all others; of several orders of a cart the first counts."""
        return (self.at, self.order_id)

    @property
    def told_by(self) -> tuple[str, str, bool]:
        """By which message it was told."""
        return (self.order_id, self.message_id, self.from_backend)


@dataclass(frozen=True)
class Recorded:
    """An event for the log, and the cart that it is about, whichever of its ids it named."""

    event: Event
    cart_id: str | None


@dataclass(frozen=True)
class Line:
    """A line of a journey's story."""

    journey: str
    at: datetime
    what: str
    why: str


@dataclass
class Work:
    """What is known, and what changed. Only ``storage.loading`` fills it, and only ``storage.writing`` empties it.

    Attributes:
        people: who was asked about, by id; whether the shop knows them as users.
        strangers: those of them of whom nothing was ever told before these events.
        whole: the people of whom everything was read that a decision about them needs.
        unsettled: the carts whose owner or order may be another one now.
        tokens: the cart that a kind of id and an id lead to.
        contents: of the carts that events name, what lies in them.
        plans: the newest version of each plan of the shop, by name.
        asked: the names of the events that any plan of the shop has ever asked for.
        archived: the names of those that start no journeys.

    """

    shop: str
    people: dict[str, bool] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    aliases: dict[str, Alias] = field(default_factory=dict)
    contacts: dict[tuple[str, str], str] = field(default_factory=dict)
    carts: dict[str, CartRow] = field(default_factory=dict)
    contents: dict[str, Cart] = field(default_factory=dict)
    orders: dict[tuple[str, str, bool], Order] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    archived: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)

    recorded: list[Recorded] = field(default_factory=list)
    active: list[Event] = field(default_factory=list)
    identified: list[Event] = field(default_factory=list)
    new_aliases: list[NewAlias] = field(default_factory=list)
    new_contacts: dict[tuple[str, str], str] = field(default_factory=dict)
    new_tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    changed_carts: set[str] = field(default_factory=set)
    changed_orders: set[tuple[str, str, bool]] = field(default_factory=set)
    new_journeys: set[str] = field(default_factory=set)
    changed_journeys: set[str] = field(default_factory=set)
    begun_earlier: dict[str, datetime] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    outbox: list[tuple[str, Signal | None]] = field(default_factory=list)
    ordered: list[tuple[str, datetime]] = field(default_factory=list)
    consenting: set[str] = field(default_factory=set)

    # People

    def who(self, told_by: str) -> str:
        """Tell who an id is."""
        alias = self.aliases.get(told_by)
        return alias.customer_id if alias else told_by

    def person(self, event: Event) -> str:
        """Tell whom an event is about."""
        return self.who(event.user_id or event.anonymous_id or "")

    def is_known(self, person: str) -> bool:
        """Tell whether the shop knows this person as a user."""
        return self.people.get(person, False)

    def vouch(self, kind: str, address: str, person: str) -> None:
        """Note whose a verified address is, unless it is somebody's."""
        if (kind, address) not in self.contacts:
            self.contacts[kind, address] = self.new_contacts[kind, address] = person

    def recognised(self, alias: NewAlias) -> None:
        """Note who somebody is of whom nothing is written yet."""
        self._point_to(alias.alias_id, alias.customer_id)
        self.aliases[alias.alias_id] = alias
        self.new_aliases.append(alias)
        self.strangers.discard(alias.alias_id)

    def parted(self, alias: Alias) -> None:
        """Let an id be a person's of its own again. It is told anew what of their consents counts for whom."""
        del self.aliases[alias.alias_id]
        self.consenting |= {alias.alias_id, alias.customer_id}

    def has_nothing_of(self, person: str) -> bool:
        """Tell whether nothing was told of a person before these events, and of no cart or order in them."""
        return person in self.strangers and not any(one.customer_id == person for one in self.things())

    def things(self) -> list[CartRow | Order | Journey]:
        """Give all that is somebody's."""
        return [*self.carts.values(), *self.orders.values(), *self.journeys.values()]

    def joined(self, alias: Alias) -> None:
        """Let what was told of one person be told of another from now on, here as it is in the tables already."""
        gone, stays = alias.alias_id, alias.customer_id
        self._point_to(gone, stays)
        self.aliases[gone] = alias
        self.strangers.discard(stays)
        for cart in list(self.carts.values()):
            if cart.customer_id == gone:
                self.carts[cart.cart_id] = replace(cart, customer_id=stays)
        for order in list(self.orders.values()):
            if order.customer_id == gone:
                self.orders[order.told_by] = replace(order, customer_id=stays)
        for journey in list(self.journeys.values()):
            if journey.customer_id == gone:
                self.journeys[journey.id] = replace(journey, customer_id=stays)
        if not {gone, stays} <= self.whole:
            self.whole.discard(stays)
        self.whole.discard(gone)
        self.consenting.add(stays)

    def _point_to(self, gone: str, stays: str) -> None:
        """Let all ids of somebody be another person's: an id leads to its person at once."""
        for known in list(self.aliases.values()):
            if known.customer_id == gone:
                self.aliases[known.alias_id] = replace(known, customer_id=stays)
        self.new_aliases = [
            replace(known, customer_id=stays) if known.customer_id == gone else known for known in self.new_aliases
        ]

    # Carts and orders

    def put_cart(self, row: CartRow) -> None:
        """Change a cart, or add one."""
        self.carts[row.cart_id] = row
        self.changed_carts.add(row.cart_id)

    def put_order(self, order: Order) -> None:
        """Change an order, or add one."""
        self.orders[order.told_by] = order
        self.changed_orders.add(order.told_by)

    def carts_of(self, person: str) -> list[CartRow]:
        """Give all carts of somebody of whom everything was read."""
        return [cart for cart in self.carts.values() if cart.customer_id == person]

    def orders_of(self, person: str) -> list[Order]:
        """Give all orders of somebody of whom everything was read."""
        return [order for order in self.orders.values() if order.customer_id == person]

    def learn(self, kind: str, token: str, cart_id: str) -> None:
        """Note that an id leads to a cart. The first cart that an id led to stays."""
        if (kind, token) in self.tokens:
            return
        self.tokens[kind, token] = self.new_tokens[kind, token] = cart_id
        for order in list(self.orders.values()):
            if order.cart_id is None and token == {"checkout": order.checkout_id, "order": order.order_id}.get(kind):
                # Which cart a checkout is of is surer than what anybody says of an order.
                of_person = order.of_person and kind != "checkout"
                self.put_order(replace(order, cart_id=cart_id, of_person=of_person))
                self.unsettled.add(cart_id)

    # Journeys

    def journeys_about(self, cart_id: str) -> list[Journey]:
        """Give the journeys about a cart, first entry first."""
        found = [journey for journey in self.journeys.values() if journey.cart_id == cart_id]
        return sorted(found, key=lambda journey: (journey.plan, journey.entry))

    def journeys_of(self, person: str) -> list[Journey]:
        """Give the journeys of somebody of whom everything was read, oldest first."""
        found = [journey for journey in self.journeys.values() if journey.customer_id == person]
        return sorted(found, key=lambda journey: (journey.started_at, journey.id))

    def add_journey(self, journey: Journey) -> None:
        """Add a journey that begins."""
        self.journeys[journey.id] = journey
        self.new_journeys.add(journey.id)

    def change_journey(self, journey: Journey) -> None:
        """Change a journey."""
        self.journeys[journey.id] = journey
        if journey.id not in self.new_journeys:
            self.changed_journeys.add(journey.id)

    def end_journey(self, journey: Journey, outcome: str, reason: str, at: datetime) -> bool:
        """End a journey that has not ended; tell whether it had not."""
        if journey.status == "ended":
            return False
        ended_at = max(at, journey.started_at)
        ended = replace(journey, status="ended", outcome=outcome, reason=reason, ended_at=ended_at)
        self.change_journey(replace(ended, next_at=None, paused_at=None))
        self.tell(journey.id, at, f"ended: {outcome}", reason)
        return True

    def begin_earlier(self, journey: Journey, at: datetime) -> None:
        """Let a journey have begun earlier than was known."""
        self.change_journey(replace(journey, started_at=at))
        self.begun_earlier[journey.id] = at

    def convert_journey(self, journey: Journey, reason: str, at: datetime) -> None:
        """Turn an ended journey into one that the order converted; an order before its end is its end."""
        ended_at = max(min(journey.ended_at or at, at), journey.started_at)
        self.change_journey(replace(journey, outcome="converted", reason=reason, ended_at=ended_at))
        self.tell(journey.id, at, "ended: converted", f"{reason}, after the journey had ended")

    def tell(self, journey: str, at: datetime, what: str, why: str) -> None:
        """Write a line of a journey's story."""
        self.lines.append(Line(journey, at, what, why))

    def deliver(self, journey: str, signal: Signal | None = None) -> None:
        """Have a journey's workflow hear a signal, or have it started."""
        self.outbox.append((journey, signal))


def ids_of(events: Iterable[Event]) -> list[str]:
    """Give every id that events tell of people by, each once."""
    told = {i for event in events for i in (event.user_id, event.anonymous_id, event.previous_id) if i is not None}
    return sorted(told)
