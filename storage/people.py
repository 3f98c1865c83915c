"""Who is who: ids that turn out to be one person, and moving what was told of one to the other.

The rules, each of which needs the ids to be told of together somewhere:

- an anonymous id that comes together with a user id is that user's;
- an ``alias`` says that an id was the person's before;
- a visitor and a user who tell of the same cart are one person;
- two users with the same verified e-mail address or telephone number are one person.

Only the shop's own backend may say that two users are one, or that an address is verified: in a browser anybody can say
anything. Who a visitor is, is settled by the first event that tells it. A user is nobody's visitor: an id that was
taken for a visitor's is its own again once it is told of as a user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.addresses import usable
from journeys.cart import Cart
from journeys.customers import newest
from journeys.events import Event
from journeys.facts import Medium
from storage.work import Alias, NewAlias, Work

if TYPE_CHECKING:
    from storage.database import Connection

_VERIFIED = {
    "email": (Medium.EMAIL, "email_verified"),
    "phone": (Medium.SMS, "phone_verified"),
}
"""The trait that says that an address is verified; named as OpenID Connect names them."""


@dataclass(frozen=True)
class Link:
    """An id turns out to be a person's; ``of_users``: although it may be a user's."""

    alias_id: str
    linked_to: str
    at: datetime
    by: str
    why: str
    of_users: bool = False


def verified(event: Event) -> dict[tuple[str, str], str]:
    """Read the addresses that the shop's backend says it has verified: kind and address, and the trait's name."""
    if event.kind != "identify" or not event.from_backend or event.user_id is None:
        return {}
    found = {}
    for kind, (channel, trait) in _VERIFIED.items():
        if event.traits.get(trait) is not True:
            continue
        if address := usable(channel, event.traits.get(kind), event.traits.get("country")):
            found[kind, address.lower()] = trait
    return found


def told_together(work: Work, event: Event) -> Iterator[Link]:
    """Find the ids that an event itself says are one person's."""
    user, visitor, before = event.user_id, event.anonymous_id, event.previous_id
    if user is None:
        return
    if visitor not in {None, user} and _may_be(work, visitor or "", user):
        yield _link(event, visitor or "", user, "a visitor turned out to be a customer")
    if before is not None and (event.from_backend or _may_be(work, before, user)):
        why = "the shop says that they were known by another id"
        yield _link(event, before, user, why, of_users=event.from_backend)
    for kind, address in verified(event):
        owner, person = work.who(work.contacts.get((kind, address), user)), work.who(user)
        if owner != person:
            # The same one stays, whichever was told first.
            gone, stays = sorted([owner, person], reverse=True)
            yield _link(event, gone, stays, f"two customers have the same verified {kind}", of_users=True)


def told_of_cart(work: Work, cart_id: str, cart: Cart, event: Event) -> Iterator[Link]:
    """Find the visitors who told of a cart that a user told of as well."""
    owner = owner_of(work, cart_id, cart)
    if owner is None or not work.is_known(owner):
        return
    known_since = min((at for teller, at in cart.told.items() if work.is_known(teller)), default=event.at)
    for teller, at in cart.told.items():
        if not work.is_known(teller) and _may_be(work, teller, owner):
            moment = max(at, known_since)
            yield Link(teller, owner, moment, event.message_id, "a visitor and a customer share a cart")


def _may_be(work: Work, visitor: str, user: str) -> bool:
    """Tell whether a visitor may turn out to be a user: nobody else's visitor, and no user themselves."""
    known = work.aliases.get(visitor)
    return known.linked_to == user if known else not work.is_known(visitor)


def owner_of(work: Work, cart_id: str, cart: Cart) -> str | None:
    """Tell whose a cart is: the newest user's who told of it, else of who ordered it, else of the first visitor's."""
    if cart.user is not None:
        return work.who(cart.user)
    tellers = [work.who(teller) for teller in sorted(cart.told, key=lambda t: (cart.told[t], t))]
    orders = sorted((o for o in work.orders.values() if o.cart_id == cart_id), key=lambda o: o.order)
    known = [person for person in (*tellers, *(o.customer_id for o in orders)) if work.is_known(person)]
    return next(iter(known or tellers), None)


def to_hold(work: Work) -> set[str]:
    """Name the people whose rows must be locked before anything is decided about the carts and the addresses."""
    people = {work.who(owner) for owner in work.contacts.values()}
    people |= {work.who(order.customer_id) for order in work.orders.values()}
    for cart_id, cart in work.contents.items():
        people.add(work.carts[cart_id].customer_id)
        tellers = {work.who(teller) for teller in (*cart.told, *filter(None, [cart.user]))}
        people |= {teller for teller in tellers if not work.is_known(teller)}
    return people


async def join(db: Connection, work: Work, link: Link) -> set[str] | None:
    """Make two ids one person, both of whom are locked; give the journeys that moved.

    None: they were one already, or there was nothing to follow. An earlier word on the same two counts as if it had
    come first.
    """
    known = work.aliases.get(link.alias_id)
    gone, stays = work.who(link.alias_id), work.who(link.linked_to)
    if known is not None and gone == stays and link.of_users and not known.of_users:
        known = await _made_to_last(db, work, known)
    if known is not None and known.linked_to == link.linked_to:
        if link.at < known.linked_at:
            await _earlier(db, work, known, link)
        return None
    if gone == stays:
        return None
    if work.has_nothing_of(gone):
        work.recognised(NewAlias(gone, stays, link.linked_to, link.at, link.of_users, link.by, link.why))
        return None
    found = await db.fetch(
        "select customer_id, traits from customers where shop = $1 and customer_id = any($2::text[])",
        work.shop,
        [gone, stays],
    )
    traits = {row["customer_id"]: row["traits"] for row in found}
    told_now = any(one.customer_id == gone for one in work.things())
    journeys = {journey.id for journey in work.journeys.values() if journey.customer_id == gone}
    moved: list[str] | None = await db.fetchval(
        "select move_person($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        work.shop,
        gone,
        stays,
        link.linked_to,
        newest(traits[stays], traits[gone]),
        link.at,
        link.by,
        link.why,
        link.of_users,
    )
    work.joined(Alias(gone, stays, link.linked_to, link.at, link.of_users))
    return journeys | set(moved or ()) if told_now or moved is not None else None


async def _earlier(db: Connection, work: Work, known: Alias, link: Link) -> None:
    if isinstance(known, NewAlias):
        earlier = replace(known, linked_at=link.at, linked_by=link.by)
        work.new_aliases[work.new_aliases.index(known)] = earlier
        work.aliases[known.alias_id] = earlier
        return
    await db.execute(
        "update aliases set linked_at = $3, linked_by = $4 where shop = $1 and alias_id = $2",
        work.shop,
        known.alias_id,
        link.at,
        link.by,
    )
    work.aliases[known.alias_id] = replace(known, linked_at=link.at)
    work.consenting.add(known.customer_id)


async def _made_to_last(db: Connection, work: Work, known: Alias) -> Alias:
    """Let an id that was taken for a visitor's be one that may be a user's."""
    lasting = replace(known, of_users=True)
    if isinstance(known, NewAlias) and isinstance(lasting, NewAlias):
        work.new_aliases[work.new_aliases.index(known)] = lasting
    else:
        await db.execute(
            "update aliases set of_users = true where shop = $1 and alias_id = $2", work.shop, known.alias_id
        )
    work.aliases[known.alias_id] = lasting
    return lasting


async def part(db: Connection, work: Work, events: Iterable[Event]) -> None:
    """Take the ids that events tell of users by from those whose visitors they were taken for.

    What was told of the visitor stays where it is.
    """
    for user in sorted({event.user_id for event in events if event.user_id is not None} & work.aliases.keys()):
        alias = work.aliases[user]
        if alias.of_users:
            continue
        await db.execute("delete from aliases where shop = $1 and alias_id = $2", work.shop, user)
        await db.execute("delete from consents where shop = $1 and customer_id = $2", work.shop, alias.customer_id)
        work.parted(alias)


def _link(event: Event, alias_id: str, linked_to: str, why: str, *, of_users: bool = False) -> Link:
    return Link(alias_id, linked_to, event.at, event.message_id, why, of_users)
