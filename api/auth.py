"""Who calls: shops by their write key, as Segment's clients send it, backends and operators by their API key."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBearer
from starlette.status import HTTP_401_UNAUTHORIZED

from api.problems import Problem
from api.state import Services, services
from storage import shops
from storage.shops import Key

BASIC = HTTPBasic(auto_error=False, scheme_name="writeKey", description="The write key as user name, no password.")
"""What opens the doors for events, as the OpenAPI document says it. They read their header by themselves: at each event
FastAPI's own way costs as much as reading the event."""
_BEARER = HTTPBearer(auto_error=False, scheme_name="apiKey", description="The shop's API key.")
_NO_WRITE_KEY = "No valid write key"
_IN_THE_HEADER = "Send the shop's write key as the user name of Basic authorization, with an empty password."
_IN_THE_BODY = """writeKey: must be a valid write key of the shop; pages give the script theirs as data-write-key. \
An API key goes into the Authorization header."""


@dataclass(frozen=True)
class Caller:
    """Who tells events.

    Attributes:
        shop: whose events they are.
        from_backend: it has an API key, which no page or app holds: it knows what it says.

    """

    shop: str
    from_backend: bool


async def caller_by_header(parts: Services, authorization: str | None) -> Caller | None:
    """Give who tells events by the Authorization header; None where there is none, and the body must say it.

    Raises:
        Problem: 401 where the header's key is not good, whatever the body says.

    """
    if authorization is None:
        return None
    given = _key_in(authorization)
    key = await parts.keys.find(parts.pool, given) if given else None
    if key is None:
        headers = {"WWW-Authenticate": 'Basic realm="relance"'}
        raise Problem(HTTP_401_UNAUTHORIZED, _NO_WRITE_KEY, _IN_THE_HEADER, headers=headers)
    return _caller(key)


def _key_in(authorization: str) -> str | None:
    scheme, _, given = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip()
        case "basic":
            with contextlib.suppress(ValueError):
                return base64.b64decode(given, validate=True).decode().partition(":")[0]
    return None


async def caller_by_body(parts: Services, body: dict[str, Any]) -> Caller:
    """Give who tells events by the ``writeKey`` in a body. An API key is none there: what a page shows is no secret.

    Raises:
        Problem: 401 where there is none, or it is not good.

    """
    given = body.get("writeKey")
    key = await parts.keys.find(parts.pool, given) if isinstance(given, str) else None
    if key is None or key.kind != "write":
        # Not Basic: a browser would ask the page's visitor for a password.
        raise Problem(HTTP_401_UNAUTHORIZED, _NO_WRITE_KEY, _IN_THE_BODY, headers={"WWW-Authenticate": "Bearer"})
    return _caller(key)


def _caller(key: Key) -> Caller:
    return Caller(key.shop, from_backend=key.kind == "api")


async def shop_of_api_key(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    parts: Annotated[Services, Depends(services)],
) -> str:
    """Give the shop whose API key the call carries. It is looked up each time: a revoked one is refused at once.

    Raises:
        Problem: 401 where there is none, or an unknown one.

    """
    shop = await shops.shop_of_key(parts.pool, "api", given.credentials) if given else None
    if shop is None:
        detail = "Send 'Authorization: Bearer KEY' with an API key of the shop; 'relance key create' makes one."
        raise Problem(HTTP_401_UNAUTHORIZED, "No valid API key", detail, headers={"WWW-Authenticate": "Bearer"})
    return shop


ApiShop = Annotated[str, Depends(shop_of_api_key)]
Parts = Annotated[Services, Depends(services)]
