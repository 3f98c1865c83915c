"""The two scripts by which a shop's browsers take pushes: one for its pages, one for its service worker."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import scripts
from api.scripts import Script

_PAGE, _WORKER = Script("push.js"), Script("push-worker.js")

router = APIRouter(prefix="/v1", tags=["push"])


@router.get("/push.js", response_class=Response, responses=scripts.RESPONSES)
async def page(request: Request) -> Response:
    """Give the script that subscribes a browser, for the shop's pages."""
    return _PAGE.answer(request)


@router.get("/push-worker.js", response_class=Response, responses=scripts.RESPONSES)
async def worker(request: Request) -> Response:
    """Give the script that shows pushes, for the shop's service worker."""
    return _WORKER.answer(request)
