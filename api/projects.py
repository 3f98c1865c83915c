"""What Segment's libraries for pages and phones ask for before they send anything: where to send it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.status import HTTP_404_NOT_FOUND

from api.auth import Parts
from api.problems import Problem

router = APIRouter(include_in_schema=False)


@router.get("/v1/projects/{write_key}/settings")
async def settings(write_key: str, parts: Parts) -> JSONResponse:
    """Give what Segment's own server would: the one place to send events to, and nothing else to load or to do."""
    key = await parts.keys.find(parts.pool, write_key)
    if key is None or key.kind != "write":
        raise Problem(HTTP_404_NOT_FOUND, "No such write key", "Give the library a valid write key of the shop.")
    scheme, _, host = parts.public_url.rstrip("/").partition("://")
    segment_io = {"apiKey": write_key, "apiHost": f"{host}/v1", "protocol": scheme}
    found: dict[str, Any] = {"integrations": {"Segment.io": segment_io}, "plan": {}, "edgeFunction": {}}
    return JSONResponse(found, headers={"Access-Control-Allow-Origin": "*"})
