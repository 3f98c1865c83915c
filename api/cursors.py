"""Cursors: places in a list that is ordered by a moment and an id. Whoever pages hands them back unchanged."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime

from starlette.status import HTTP_400_BAD_REQUEST

from api.problems import Problem

_ID = re.compile(r"[A-Za-z0-9._:-]+")


def write(moment: datetime, last: str) -> str:
    """Name the place after an item of this moment and this id."""
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), last]).encode()).decode()


def read(cursor: str) -> tuple[datetime, str]:
    """Find the place again.

    Raises:
        Problem: it is no cursor.

    """
    try:
        said, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        moment = datetime.fromisoformat(said).astimezone(UTC)
        is_id = _ID.fullmatch(last) is not None
    except (binascii.Error, ValueError, TypeError, OverflowError):
        is_id = False
    if not is_id:
        detail = "cursor: take it from next_cursor of the page before, unchanged"
        raise Problem(HTTP_400_BAD_REQUEST, "The cursor is not valid", detail)
    return moment, last
