"""``POST /v1/hooks/{shop}/{source}``: what a shop's platform tells by itself comes in here."""

from __future__ import annotations

import asyncio
import base64
import os

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.status import HTTP_401_UNAUTHORIZED, HTTP_415_UNSUPPORTED_MEDIA_TYPE

from api.auth import Parts
from api.hooks.adapter import Adapter, Headers, RefusedError
from api.hooks.counters import REFUSED
from api.hooks.taking import ADAPTERS, take
from api.problems import Problem, answers
from api.state import Services
from api.taking import Result, read_raw
from storage import hooks

MAX_BODY = 5 * 1024 * 1024
"""In bytes: an order of hundreds of lines fits."""
ANSWER_WITHIN = 4.0
"""Seconds. Shopify gives up after 5; what is told that we are not available is sent again."""
_LONGEST_SHOP = 64
_NOBODYS = "whsec_" + base64.b64encode(os.urandom(32)).decode()
"""Where there is no secret, signatures are checked against this, so that the answer takes about as long."""

router = APIRouter(tags=["webhooks"], responses=answers(400, 408, 413, 415, 429))


def is_for(path: str) -> bool:
    """Tell whether webhooks come in at a path."""
    return path.startswith("/v1/hooks/")


class HookAnswer(BaseModel):
    """What became of a signed delivery.

    ``problem`` says what could not be read: the body was kept then, whole, and need not be sent again.
    """

    success: bool
    results: list[Result]
    problem: str | None = None


_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post("/v1/hooks/{shop}/{source}", openapi_extra=_BODY)
async def hook(shop: str, source: str, request: Request, parts: Parts) -> HookAnswer:
    """Take a signed webhook of Shopify (`shopify`), WooCommerce (`woocommerce`) or any other backend (`standard`).

    The signature is over the raw body. A 401 does not tell what is wrong with it, or whether there is such a shop.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        detail = "Send the body as it was signed, not packed."
        raise Problem(HTTP_415_UNSUPPORTED_MEDIA_TYPE, "The body is packed", detail)
    adapter = ADAPTERS.get(source)
    if adapter is None:
        raise _refused("unknown", "unknown")
    body = await read_raw(request, MAX_BODY)
    if adapter.is_harmless(body):
        return HookAnswer(success=True, results=[])
    async with asyncio.timeout(ANSWER_WITHIN):
        try:
            await _check(parts, shop, adapter, request.headers, body)
        except RefusedError as error:
            raise _refused(source, error.why) from None
        results, problem = await take(parts, shop, adapter, adapter.heading(request.headers), body)
    return HookAnswer(success=problem is None, results=results, problem=problem)


async def _check(parts: Services, shop: str, adapter: Adapter, headers: Headers, body: bytes) -> None:
    """Make sure that one of the shop's secrets signed it.

    Raises:
        RefusedError: none did.

    """
    known = shop if len(shop) <= _LONGEST_SHOP and shop.isprintable() else ""
    refused = RefusedError("signature")
    valid = await hooks.valid_secrets(parts.pool, known, adapter.source)
    for secret in valid:
        try:
            adapter.verify(headers, body, parts.hook_key.decrypt(secret.secret).decode())
        except RefusedError as error:
            refused = error
            continue
        await hooks.note_use(parts.pool, secret.secret_id)
        return
    if not valid:
        adapter.verify(headers, body, _NOBODYS)
    raise refused


def _refused(source: str, why: str) -> Problem:
    REFUSED.labels(source, why).inc()
    detail = "Sign the raw body with a secret of this shop and source; 'relance hook create' keeps one."
    return Problem(HTTP_401_UNAUTHORIZED, "No valid signature", detail)
