"""One call from its first try to the answer that stands: what is tried again, when, and when to give up.

No I/O here: an exchange is a generator. It gives a request, or a pause, and is sent what came of it; each client
drives it in its own way.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

import httpx

from relance_client.errors import FieldProblem, Rejected, Unreachable

T = TypeVar("T")


@dataclass(frozen=True)
class Pause:
    """Nothing is to be done for so long."""

    seconds: float


Heard: TypeAlias = httpx.Response | httpx.RequestError | None
"""What came of a step: an answer or its lack; nothing comes of a pause."""
Steps: TypeAlias = Generator[httpx.Request | Pause, Heard, T]

_PASSING_TROUBLES = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    # An answer that a proxy has spoilt on the way.
    httpx.DecodingError,
)
_TOO_MANY = 429
_CONFLICT = 409
_MOST_DOUBLINGS = 30


@dataclass(frozen=True)
class Retries:
    """How long to try.

    A lost connection, a time-out, a spoilt answer, 429 and 5xx are tried again, and a 409 that names a Retry-After: the
    first call with this idempotency key still runs. The pauses double, each of a random length up to that; a
    Retry-After comes on top.

    Attributes:
        limit: at most so many tries after the first.
        seconds: no try begins later than this after the first began.
        first: the longest that the first pause may be, in seconds.
        longest: the longest that any may be, in seconds, Retry-After apart.

    """

    limit: int = 5
    seconds: float = 60.0
    first: float = 0.25
    longest: float = 10.0

    def pause(self, tried: int, heard: Heard) -> float:
        """Give the seconds to wait after so many tries, of which the last one came to this."""
        most = min(self.first * 2 ** min(tried - 1, _MOST_DOUBLINGS), self.longest)
        jitter = random.uniform(0, most)  # noqa: S311 no secret: it keeps many clients from coming back at once
        return jitter + (_retry_after(heard) if isinstance(heard, httpx.Response) else 0)


def exchange(
    request: Callable[[], httpx.Request], retries: Retries, clock: Callable[[], float] = time.monotonic
) -> Steps[httpx.Response]:
    """Ask until there is an answer that stands, and give it.

    Args:
        request: makes the request, anew for each try.
        retries: how long to try.
        clock: tells the seconds that pass.

    Raises:
        Rejected: Relance said no.
        Unreachable: the retries are used up.

    """
    begun = clock()
    for tried in itertools.count(1):
        heard = yield request()
        if not _passes(heard):
            return _standing(heard)
        pause = retries.pause(tried, heard)
        if tried > retries.limit or clock() - begun + pause > retries.seconds:
            raise _given_up(tried, heard)
        yield Pause(pause)
    raise AssertionError  # the count has no end


def read(answer: httpx.Response, how: Callable[[Any], T]) -> T:
    """Read a good answer.

    Raises:
        Unreachable: it is none of Relance's.

    """
    try:
        return how(answer.json())
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Unreachable(f"{answer.url} answered {answer.status_code}, but not as Relance does; check url") from None


def _passes(heard: Heard) -> bool:
    """Tell whether the same call may end better in a while."""
    if not isinstance(heard, httpx.Response):
        return isinstance(heard, _PASSING_TROUBLES)
    still_running = heard.status_code == _CONFLICT and "retry-after" in heard.headers
    return heard.status_code == _TOO_MANY or heard.is_server_error or still_running


def _standing(heard: Heard) -> httpx.Response:
    if not isinstance(heard, httpx.Response):
        raise Unreachable(f"Relance cannot be asked: {_named(heard)}") from heard
    if not heard.is_success:
        raise _rejected(heard)
    return heard


def _given_up(tried: int, heard: Heard) -> Unreachable:
    error = Unreachable(f"tried {tried} times; the last time: {_named(heard)}")
    error.__cause__ = _rejected(heard) if isinstance(heard, httpx.Response) else heard
    return error


def _named(heard: Heard) -> str:
    return str(_rejected(heard)) if isinstance(heard, httpx.Response) else f"{type(heard).__name__} {heard}".strip()


def _rejected(answer: httpx.Response) -> Rejected:
    """Read a problem document; what stands between may answer with anything."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        moved = f"it redirects to {answer.headers['location']}; check url" if "location" in answer.headers else ""
        return Rejected(answer.status_code, answer.reason_phrase, moved)
    listed = document.get("errors")
    errors = [found for found in listed if isinstance(found, dict)] if isinstance(listed, list) else []
    return Rejected(
        answer.status_code,
        str(document.get("title", answer.reason_phrase)),
        str(document.get("detail", "")),
        tuple(FieldProblem(found.get("field"), str(found.get("problem", ""))) for found in errors),
    )


def _retry_after(answer: httpx.Response) -> float:
    """Read Retry-After: seconds, or the moment itself; 0 where there is none or it cannot be read."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    # A date of RFC 5322 may leave its zone open ("-0000"); HTTP's are all in GMT.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
