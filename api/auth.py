"""Who calls: shops by their write key (Basic, as Segment's clients send it), operators by their API key (Bearer)."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Request
from starlette.status import HTTP_401_UNAUTHORIZED

from api.problems import Problem
from api.state import Services, services
from storage import shops


async def shop_of_write_key(request: Request, parts: Annotated[Services, Depends(services)]) -> str:
    """Give the shop whose write key the call carries.

    Raises:
        Problem: 401 where there is none, or an unknown one.

    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    key = _user_name(value) if scheme.lower() == "basic" else None
    shop = await shops.shop_of_key(parts.pool, "write", key) if key else None
    if shop is None:
        detail = "Send the shop's write key as the user name of Basic authorization, with an empty password."
        headers = {"WWW-Authenticate": 'Basic realm="relance"'}
        raise Problem(HTTP_401_UNAUTHORIZED, "No valid write key", detail, headers=headers)
    return shop


async def shop_of_api_key(request: Request, parts: Annotated[Services, Depends(services)]) -> str:
    """Give the shop whose API key the call carries.

    Raises:
        Problem: 401 where there is none, or an unknown one.

    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    shop = await shops.shop_of_key(parts.pool, "api", key.strip()) if scheme.lower() == "bearer" else None
    if shop is None:
        detail = "Send 'Authorization: Bearer KEY' with an API key of the shop; 'relance key create' makes one."
        headers = {"WWW-Authenticate": "Bearer"}
        raise Problem(HTTP_401_UNAUTHORIZED, "No valid API key", detail, headers=headers)
    return shop


def _user_name(value: str) -> str | None:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


WriteShop = Annotated[str, Depends(shop_of_write_key)]
ApiShop = Annotated[str, Depends(shop_of_api_key)]
Parts = Annotated[Services, Depends(services)]
