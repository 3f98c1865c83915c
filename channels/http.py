"""One HTTP call to a provider, and what HTTP itself tells of its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from channels.base import Released, Unknown

LONGEST_WAIT = timedelta(days=1)
"""No provider holds a message back for longer, whatever its ``Retry-After`` says."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


async def post(
    http: httpx.AsyncClient,
    url: str,
    *,
    timeout: timedelta,  # noqa: ASYNC109 the bound of each phase follows from it
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
    json: Any = None,
    data: Mapping[str, str | list[str]] | None = None,
    content: bytes | None = None,
) -> httpx.Response | Released | Unknown:
    """Make one POST and read the whole answer. Nothing is repeated and no redirect is followed.

    Args:
        http: the client whose connections are used.
        url: the full address.
        timeout: for the whole call, from the wait for a free connection to the last byte of the answer.
        headers: beside the client's own.
        auth: who calls.
        json: the body, as JSON.
        data: the body, as a form; a list is a field that is repeated.
        content: the body, as it is.

    Returns:
        The answer, whatever its status; ``Released`` where the request was provably not sent, ``Unknown`` otherwise.

    """
    # Three waits come before the first byte: for a free connection, for the connection, for its TLS. Each has a
    # quarter of the time, so that it ends by its own name before the whole runs out, which would be Unknown.
    seconds = timeout.total_seconds()
    phases = httpx.Timeout(seconds, pool=seconds / 4, connect=seconds / 4)
    request = http.build_request("POST", url, headers=headers, json=json, data=data, content=content, timeout=phases)
    return await _exchange(http, request, seconds, auth)


async def get(
    http: httpx.AsyncClient,
    url: str,
    *,
    timeout: timedelta,  # noqa: ASYNC109 the bound of the whole call
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
) -> httpx.Response | None:
    """Ask a provider for something, which changes nothing there.

    Args:
        http: the client whose connections are used.
        url: the full address.
        timeout: for the whole call.
        params: what is asked for.
        headers: beside the client's own.
        auth: who asks.

    Returns:
        The answer; None where there was none, or it says that nothing was found out.

    """
    seconds = timeout.total_seconds()
    request = http.build_request("GET", url, params=params, headers=headers, timeout=seconds)
    answer = await _exchange(http, request, seconds, auth)
    return answer if isinstance(answer, httpx.Response) and answer.is_success else None


async def _exchange(
    http: httpx.AsyncClient, request: httpx.Request, seconds: float, auth: httpx.Auth | None
) -> httpx.Response | Released | Unknown:
    try:
        async with asyncio.timeout(seconds):
            return await http.send(request, auth=auth, follow_redirects=False)
    except _NOT_SENT:
        return Released("no connection to the provider")
    except (TimeoutError, httpx.TimeoutException):
        return Unknown("the provider did not answer in time")
    except httpx.HTTPError:
        return Unknown("the connection was lost before the provider's answer")


def outcome_of_status(response: httpx.Response, now: datetime) -> Released | Unknown | None:
    """Tell the outcomes that are the same for every provider; None where its own words decide.

    What fails for every message of the account alike says nothing of the person: such a message is released, and
    the reason tells the operator what to mend.

    Args:
        response: the provider's answer.
        now: the moment of the answer, with a zone.

    """
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Released("the provider's rate limit is reached", retry_after(response.headers.get("Retry-After"), now))
    if response.is_server_error or status == httpx.codes.REQUEST_TIMEOUT:
        return Unknown(f"the provider failed (HTTP {status})")
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return Released(f"the provider does not know the account (HTTP {status}): check its key and permissions")
    if response.is_redirect or status == httpx.codes.NOT_FOUND:
        return Released(f"the provider is not at this address (HTTP {status}): check the account's base_url and ids")
    return None


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read ``Retry-After``: seconds or an HTTP date (RFC 9110, 10.2.3).

    Args:
        value: the header, if there is one.
        now: with a zone.

    Returns:
        From 0 to ``LONGEST_WAIT``; None where the header is missing or says neither.

    """
    if value is None:
        return None
    try:
        wait = timedelta(seconds=int(value)) if value.strip().isdecimal() else _date(value) - now
    except OverflowError:
        return LONGEST_WAIT
    except ValueError:
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)


def _date(value: str) -> datetime:
    moment = parsedate_to_datetime(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
