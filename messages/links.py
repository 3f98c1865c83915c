"""Signed links that bring a person back to their cart, on any device."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from itsdangerous import BadData, URLSafeSerializer

PARAMETER = "relance"
"""The query parameter of the shop's cart page that carries the token."""

_KEPT = "".join(set(string.punctuation) - set('<>"'))
"""What stays as it is; the rest would end a link in a message, or take an SMS out of GSM-7."""
_PRINTABLE = re.compile(r"[!-~]{1,2048}")
"""Of the length that RCS takes."""
_HOST = re.compile(r"[\w.:@%\[\]-]+", re.ASCII)


class BadLinkError(ValueError):
    """A token that was not signed here, or was changed."""


@dataclass(frozen=True)
class CartRef:
    """Which cart a link restores."""

    shop: str
    cart_id: str


class CartLinks:
    """Signs and reads cart tokens.

    Args:
        secret: the signing key; another key reads none of the tokens of this one.

    """

    def __init__(self, secret: bytes) -> None:
        self._signer = URLSafeSerializer(secret, salt="cart")

    def token(self, shop: str, cart_id: str) -> str:
        """Sign a cart's token."""
        token = self._signer.dumps([shop, cart_id])
        return token if isinstance(token, str) else token.decode()

    def read(self, token: str) -> CartRef:
        """Read a token.

        Raises:
            BadLinkError: it was not signed here, or was changed.

        """
        try:
            shop, cart_id = self._signer.loads(token)
        except (BadData, ValueError, TypeError):
            raise BadLinkError("the link is incomplete or was changed") from None
        return CartRef(str(shop), str(cart_id))


def restore_url(of_cart: str | None, of_shop: str | None, token: str) -> str | None:
    """Add the token to the address of the cart page; its own query and fragment stay as they are.

    Args:
        of_cart: what the events say of this cart. It counts on the host of the shop's own page only, where the shop
            has one: the write key that lets anybody say it is in every browser.
        of_shop: the shop's own page.
        token: of the cart.

    Returns:
        The link, or None where neither is an http or https address.

    """
    shops, carts = _page(of_shop), _page(of_cart)
    if carts and (shops is None or carts.hostname == shops.hostname):
        return _with_token(carts, token)
    return _with_token(shops, token) if shops else None


def origin(of_shop: str | None) -> str | None:
    """Give the front page of the shop whose cart page is known; None where none is."""
    page = _page(of_shop)
    return urlunsplit((page.scheme, page.netloc, "/", "", "")) if page else None


def item_url(of_item: str | None, of_shop: str | None) -> str | None:
    """Give the address of an item's own page, under the same rule as that of a cart.

    Args:
        of_item: what the events say.
        of_shop: the shop's own page.

    Returns:
        The address; None where it is no http or https address, or leads to another host than the shop's.

    """
    shops, items = _page(of_shop), _loadable(of_item)
    return of_item if items and (shops is None or items.hostname == shops.hostname) else None


def picture_url(address: str | None) -> str | None:
    """Give the address of a picture, on whatever host the shop keeps them; None where it is none."""
    return address if _loadable(address) else None


def _loadable(address: str | None) -> SplitResult | None:
    """Read an address that goes out as it is: providers refuse a message for one that they cannot load."""
    return _page(address) if address and _PRINTABLE.fullmatch(address) else None


def _page(address: str | None) -> SplitResult | None:
    try:
        parts = urlsplit(address or "")
        is_page = parts.scheme in {"http", "https"} and parts.hostname and _HOST.fullmatch(parts.netloc)
    except ValueError:
        return None
    return parts if is_page else None


def _with_token(parts: SplitResult, token: str) -> str:
    # The page's own address may have come from a link like this: then it holds an older token.
    query = [field for field in parts.query.split("&") if field and not field.startswith(f"{PARAMETER}=")]
    query.append(f"{PARAMETER}={token}")
    path, fields, fragment = (quote(part, safe=_KEPT) for part in (parts.path, "&".join(query), parts.fragment))
    return urlunsplit((parts.scheme, parts.netloc, path, fields, fragment))
