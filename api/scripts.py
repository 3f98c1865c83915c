"""Scripts that a shop's pages load from here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from starlette.status import HTTP_304_NOT_MODIFIED

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/javascript": {}}},
    304: {"description": "Not Modified"},
}


class Script:
    """One file of ``static``.

    Args:
        name: of the file.

    """

    def __init__(self, name: str) -> None:
        self.source = (Path(__file__).parent / "static" / name).read_bytes()
        self._etag = f'"{hashlib.sha256(self.source).hexdigest()[:16]}"'
        self._headers = {
            "ETag": self._etag,
            "Cache-Control": "public, max-age=3600",
            # Pages of any shop may load it, also those that keep other origins out, or check its hash.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }

    def answer(self, request: Request) -> Response:
        """Give the script, or say that the browser has it."""
        if self._etag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTP_304_NOT_MODIFIED, headers=self._headers)
        return Response(self.source, media_type="text/javascript", headers=self._headers)
