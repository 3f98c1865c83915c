"""The calls that Relance takes, each an exchange that either client drives."""

from __future__ import annotations

import base64
import inspect
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Concatenate, Literal, ParamSpec
from urllib.parse import quote

import httpx

from relance_client import events
from relance_client.errors import Rejected
from relance_client.events import Event
from relance_client.exchange import Retries, Steps, exchange, read
from relance_client.results import Journey, JourneyStory, Page, Result
from relance_client.version import __version__

P = ParamSpec("P")
Status = Literal["running", "paused", "ended"]

MAX_BATCH = 100
"""So many events go in one request; a bad connection then repeats no more than these."""
MAX_BODY = 500 * 1024
"""The largest request that Relance takes, in bytes."""

_ENVELOPE = len('{"sentAt":"2026-03-10T10:15:00.000000+00:00","batch":[]}')
_CONFLICT = 409


def _telling(make: Callable[P, Event]) -> Callable[Concatenate[Calls, P], Steps[Result]]:
    """Turn what makes an event into the call that makes and sends it."""

    def call(self: Calls, /, *args: P.args, **kwargs: P.kwargs) -> Steps[Result]:
        return (yield from self.tell(make(*args, **kwargs)))

    shown = inspect.signature(make)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call.__name__, call.__doc__ = make.__name__, make.__doc__
    call.__signature__ = shown.replace(parameters=[first, *shown.parameters.values()])  # type: ignore[attr-defined]
    return call


class Calls:
    """The calls to one Relance, for one shop."""

    def __init__(self, url: str, write_key: str | None, api_key: str | None, retries: Retries) -> None:
        self._url = _checked(url)
        self._write_key = write_key
        self._api_key = api_key
        self._retries = retries

    track = _telling(events.track)
    identify = _telling(events.identify)
    alias = _telling(events.alias)
    order_completed = _telling(events.order_completed)

    def tell(self, event: Event) -> Steps[Result]:
        """Send one event.

        Raises:
            Rejected: the event cannot be taken.
            Unreachable: the retries are used up.

        """

        def request() -> httpx.Request:
            return self._told(event.kind, {**event.message, "sentAt": _now()})

        answer = yield from exchange(request, self._retries)
        return read(answer, lambda document: Result.read(document["results"][0]))

    def batch(self, told: Iterable[Event]) -> Steps[list[Result]]:
        """Send many events, 100 in a request; give what became of each, in order.

        A bad event is told in its result and keeps no other from being taken. After an error the same events may be
        sent again.

        Raises:
            Unreachable: the retries are used up. What came before is taken.

        """
        results: list[Result] = []
        for portion in _portions(told):
            results += yield from self._portion(portion)
        return results

    def _portion(self, portion: list[Event]) -> Steps[list[Result]]:
        def request() -> httpx.Request:
            return self._told("batch", {"sentAt": _now(), "batch": [event.message for event in portion]})

        answer = yield from exchange(request, self._retries)
        return read(answer, lambda document: [Result.read(result) for result in document["results"]])

    def start_journey(self, plan: str, key: str, *, idempotency_key: str | None = None) -> Steps[Journey]:
        """Start a plan's journey for a cart that the shop has told of.

        Args:
            plan: the plan's name.
            key: the cart's id.
            idempotency_key: calls with the same one within 24 hours start one journey and give the same answer. The
                retries of a call share one anyway; give your own where the call itself may be made again.

        Raises:
            Rejected: 404 where there is no such plan, 409 where the journey may not start.
            Unreachable: the retries are used up.

        """
        given = {"Idempotency-Key": _header(idempotency_key or str(uuid.uuid4()), "idempotency_key")}
        answer = yield from self._steered("POST", "journeys", body={"plan": plan, "key": key}, headers=given)
        return read(answer, Journey.read)

    def cancel_journey(self, journey: str, reason: str | None = None) -> Steps[Journey]:
        """Cancel a journey: nothing goes out any more. One that was cancelled before is given as it is.

        Args:
            journey: its id.
            reason: why, in your own words; it stays in Relance's database.

        Raises:
            Rejected: 404 where there is no such journey, 409 where it has ended in another way.
            Unreachable: the retries are used up.

        """
        body = {} if reason is None else {"reason": reason}
        try:
            answer = yield from self._steered("POST", f"journeys/{_id(journey)}/cancel", body=body)
        except Rejected as refused:
            # The answer to an earlier try may have been lost.
            if refused.status != _CONFLICT or (found := (yield from self.journey(journey))).outcome != "cancelled":
                raise
            return found
        return read(answer, Journey.read)

    def journey(self, journey: str) -> Steps[JourneyStory]:
        """Tell the whole story of a journey: what came in, what was decided and why, what was sent, what comes next.

        Args:
            journey: its id.

        Raises:
            Rejected: 404 where there is no such journey.
            Unreachable: the retries are used up.

        """
        return read((yield from self._steered("GET", f"journeys/{_id(journey)}")), JourneyStory.read)

    def page(self, wanted: Mapping[str, str | None], cursor: str | None) -> Steps[Page]:
        """Give a page of the shop's journeys, newest first."""
        params = {name: value for name, value in {**wanted, "cursor": cursor}.items() if value is not None}
        return read((yield from self._steered("GET", "journeys", params=params)), Page.read)

    def _told(self, door: str, body: object) -> httpx.Request:
        """Make the request for events. With the API key Relance knows that the backend tells them."""
        key = self._api_key or self._write_key
        if not key:
            raise ValueError("events need write_key, or api_key: give one to the client")
        basic = base64.b64encode(f"{key}:".encode()).decode()
        return self._request("POST", door, f"Basic {basic}", body=body)

    def _steered(self, method: str, path: str, **more: Any) -> Steps[httpx.Response]:
        if not self._api_key:
            raise ValueError("journeys need api_key: give it to the client")
        bearer = f"Bearer {_header(self._api_key, 'api_key')}"
        return exchange(lambda: self._request(method, path, bearer, **more), self._retries)

    def _request(
        self,
        method: str,
        path: str,
        authorization: str,
        *,
        body: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        common = {
            "Authorization": authorization,
            "Accept": "application/json",
            "User-Agent": f"relance-client/{__version__}",
            **(headers or {}),
        }
        if body is None:
            return httpx.Request(method, f"{self._url}/v1/{path}", params=params, headers=common)
        # Without spaces: the size of a batch was counted so.
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        common["Content-Type"] = "application/json"
        return httpx.Request(method, f"{self._url}/v1/{path}", headers=common, content=content)


def _portions(told: Iterable[Event]) -> Iterator[list[Event]]:
    """Split events so that each request stays within the limits; one event always does."""
    portion: list[Event] = []
    size = _ENVELOPE
    for event in told:
        length = len(event.encoded()) + len(",")
        if len(portion) == MAX_BATCH or size + length > MAX_BODY:
            yield portion
            portion, size = [], _ENVELOPE
        portion.append(event)
        size += length
    if portion:
        yield portion


def _now() -> str:
    """Tell when a try is made: an old sentAt would shift the event by the time that the retries took."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("url: give the address of Relance, such as https://relance.example.com")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError("url: give the address only; the keys are arguments of their own")
    return url.rstrip("/")


def _header(value: str, name: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name}: may have printable ASCII characters only")
    return value


def _id(journey: str) -> str:
    if ":" not in journey:
        raise ValueError("journey: give its id, such as cart-recovery:demo:c-1:1; journeys(key=...) finds it")
    return quote(journey, safe=":")
