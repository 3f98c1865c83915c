"""Signed links that bring a person back to their cart, on any device."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from itsdangerous import BadData, URLSafeSerializer

PARAMETER = "relance"
"""The query parameter of the shop's cart page that carries the token."""

_KEPT = "".join(set(string.punctuation) - set('<>"'))
"""What stays as it is; the rest would end a link in a message, or take an SMS out of GSM-7."""
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


def restore_url(cart_url: str, token: str) -> str:
    """Add the token to the address of the shop's cart page; its own query and fragment stay as they are.

    Raises:
        ValueError: the address is not http or https.

    """
    parts = urlsplit(cart_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _HOST.fullmatch(parts.netloc):
        raise ValueError("cart_url must be an http or https address")
    # The page's own address may have come from a link like this: then it holds an older token.
    query = [field for field in parts.query.split("&") if field and not field.startswith(f"{PARAMETER}=")]
    query.append(f"{PARAMETER}={token}")
    path, fields, fragment = (quote(part, safe=_KEPT) for part in (parts.path, "&".join(query), parts.fragment))
    return urlunsplit((parts.scheme, parts.netloc, path, fields, fragment))
