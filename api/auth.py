"""Who calls: shops by their write key (Basic, as Segment's clients send it), operators by their API key (Bearer)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from starlette.status import HTTP_401_UNAUTHORIZED

from api.problems import Problem
from api.state import Services, services
from storage import shops

_BASIC = HTTPBasic(auto_error=False, scheme_name="write key", description="The write key as user name, no password.")
_BEARER = HTTPBearer(auto_error=False, scheme_name="API key", description="The shop's API key.")


async def shop_of_write_key(
    given: Annotated[HTTPBasicCredentials | None, Depends(_BASIC)], parts: Annotated[Services, Depends(services)]
) -> str:
    """Give the shop whose write key the call carries.

    Raises:
        Problem: 401 where there is none, or an unknown one.

    """
    shop = await shops.shop_of_key(parts.pool, "write", given.username) if given else None
    if shop is None:
        detail = "Send the shop's write key as the user name of Basic authorization, with an empty password."
        headers = {"WWW-Authenticate": 'Basic realm="relance"'}
        raise Problem(HTTP_401_UNAUTHORIZED, "No valid write key", detail, headers=headers)
    return shop


async def shop_of_api_key(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    parts: Annotated[Services, Depends(services)],
) -> str:
    """Give the shop whose API key the call carries.

    Raises:
        Problem: 401 where there is none, or an unknown one.

    """
    shop = await shops.shop_of_key(parts.pool, "api", given.credentials) if given else None
    if shop is None:
        detail = "Send 'Authorization: Bearer KEY' with an API key of the shop; 'relance key create' makes one."
        raise Problem(HTTP_401_UNAUTHORIZED, "No valid API key", detail, headers={"WWW-Authenticate": "Bearer"})
    return shop


WriteShop = Annotated[str, Depends(shop_of_write_key)]
ApiShop = Annotated[str, Depends(shop_of_api_key)]
Parts = Annotated[Services, Depends(services)]
