"""The two clients: they do what an exchange asks for, one by waiting, the other by awaiting."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from relance_client.calls import Calls, Status
from relance_client.exchange import Heard, Pause, Retries, Steps
from relance_client.results import Journey

P = ParamSpec("P")
T = TypeVar("T")
_TIMEOUT = 10.0
_RETRIES = Retries()


def _waiting(call: Callable[Concatenate[Calls, P], Steps[T]]) -> Callable[Concatenate[Relance, P], T]:
    def method(self: Relance, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(call(self._calls, *args, **kwargs))

    _describe(method, call)
    return method


def _awaiting(
    call: Callable[Concatenate[Calls, P], Steps[T]],
) -> Callable[Concatenate[AsyncRelance, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncRelance, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(call(self._calls, *args, **kwargs))

    _describe(method, call)
    return method


def _describe(method: Any, call: Callable[..., Any]) -> None:
    """Have ``help()`` show what the call takes."""
    method.__name__, method.__doc__ = call.__name__, call.__doc__
    method.__signature__ = inspect.signature(call).replace(return_annotation=inspect.Signature.empty)


class Relance:
    """Relance for one shop. Use it in a ``with``, or close it; it may be shared between threads.

    Args:
        url: where Relance is, such as ``https://relance.example.com``.
        api_key: the shop's API key, for journeys, and for events: they are then trusted as the backend's own.
        write_key: the shop's write key, for events where there is no API key.
        timeout: how long a try may wait for the connection, and for each part of the answer, in seconds.
        retries: how long to try.

    Raises:
        ValueError: the address is none.

    """

    def __init__(
        self,
        url: str,
        *,
        write_key: str | None = None,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = _TIMEOUT,
        retries: Retries = _RETRIES,
    ) -> None:
        self._calls = Calls(url, write_key, api_key, retries)
        self._http = httpx.Client(timeout=timeout)

    track = _waiting(Calls.track)
    identify = _waiting(Calls.identify)
    alias = _waiting(Calls.alias)
    order_completed = _waiting(Calls.order_completed)
    batch = _waiting(Calls.batch)
    start_journey = _waiting(Calls.start_journey)
    cancel_journey = _waiting(Calls.cancel_journey)
    journey = _waiting(Calls.journey)

    def journeys(
        self,
        *,
        plan: str | None = None,
        customer: str | None = None,
        key: str | None = None,
        status: Status | None = None,
    ) -> Iterator[Journey]:
        """List the shop's journeys, newest first, fetched as they are asked for."""
        wanted, cursor = {"plan": plan, "customer": customer, "key": key, "status": status}, None
        while True:
            page = self._run(self._calls.page(wanted, cursor))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def _run(self, steps: Steps[T]) -> T:
        heard: Heard = None
        while True:
            try:
                step = steps.send(heard)
            except StopIteration as end:
                done: T = end.value
                return done
            heard = self._do(step)

    def _do(self, step: httpx.Request | Pause) -> Heard:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            return self._http.send(step)
        except httpx.RequestError as error:
            return error


class AsyncRelance:
    """Relance for one shop. Use it in an ``async with``, or close it; its methods are awaited.

    Args:
        url: where Relance is, such as ``https://relance.example.com``.
        api_key: the shop's API key, for journeys, and for events: they are then trusted as the backend's own.
        write_key: the shop's write key, for events where there is no API key.
        timeout: how long a try may wait for the connection, and for each part of the answer, in seconds.
        retries: how long to try.

    Raises:
        ValueError: the address is none.

    """

    def __init__(
        self,
        url: str,
        *,
        write_key: str | None = None,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = _TIMEOUT,
        retries: Retries = _RETRIES,
    ) -> None:
        self._calls = Calls(url, write_key, api_key, retries)
        self._http = httpx.AsyncClient(timeout=timeout)

    track = _awaiting(Calls.track)
    identify = _awaiting(Calls.identify)
    alias = _awaiting(Calls.alias)
    order_completed = _awaiting(Calls.order_completed)
    batch = _awaiting(Calls.batch)
    start_journey = _awaiting(Calls.start_journey)
    cancel_journey = _awaiting(Calls.cancel_journey)
    journey = _awaiting(Calls.journey)

    async def journeys(
        self,
        *,
        plan: str | None = None,
        customer: str | None = None,
        key: str | None = None,
        status: Status | None = None,
    ) -> AsyncIterator[Journey]:
        """List the shop's journeys, newest first, fetched as they are asked for."""
        wanted, cursor = {"plan": plan, "customer": customer, "key": key, "status": status}, None
        while True:
            page = await self._run(self._calls.page(wanted, cursor))
            for found in page.items:
                yield found
            cursor = page.next_cursor
            if cursor is None:
                return

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Give the client itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def _run(self, steps: Steps[T]) -> T:
        heard: Heard = None
        while True:
            try:
                step = steps.send(heard)
            except StopIteration as end:
                done: T = end.value
                return done
            heard = await self._do(step)

    async def _do(self, step: httpx.Request | Pause) -> Heard:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await self._http.send(step)
        except httpx.RequestError as error:
            return error
