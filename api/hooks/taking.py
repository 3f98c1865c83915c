"""Takes a signed body in: its messages become events; a body that cannot be read is kept."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

import structlog

from api.hooks import shopify, standard, woocommerce
from api.hooks.adapter import Adapter, Message, UnreadableError
from api.hooks.counters import PASSED_OVER, UNREADABLE
from api.state import Services
from api.taking import Result, take_messages
from journeys.events import BadEventError, timestamp
from storage import hooks
from storage.database import PASSING

ADAPTERS: dict[str, Adapter] = {
    adapter.source: adapter for adapter in (shopify.ADAPTER, woocommerce.ADAPTER, standard.ADAPTER)
}

log = structlog.get_logger()


async def take(
    parts: Services, shop: str, adapter: Adapter, heading: str, body: bytes
) -> tuple[list[Result], str | None]:
    """Take a signed body in. When this returns, its events are committed, or it is kept, whole, or both.

    A platform that is told of a mistake can do nothing about it but stop sending; so a body is kept instead.

    Returns:
        What became of its messages; and why it was kept, if it was.

    """
    results, reason = await read(parts, shop, adapter, heading, body)
    if reason is not None:
        await hooks.keep(parts.pool, shop, adapter.source, heading, body, reason)
        UNREADABLE.labels(adapter.source).inc()
        log.warning("webhook kept unread", shop=shop, source=adapter.source, reason=reason)
    elif not results:
        PASSED_OVER.labels(adapter.source).inc()
    return results, reason


async def read(
    parts: Services, shop: str, adapter: Adapter, heading: str, body: bytes
) -> tuple[list[Result], str | None]:
    """Take what can be read of a signed body; tell why not all could, if so, without any of its values."""
    try:
        messages = [_by_now(message) for message in adapter.messages(heading, body)]
        results = await take_messages(parts, shop, messages, from_backend=True)
    except UnreadableError as error:
        return [], f"the body {error}" if str(error).startswith("is ") else str(error)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001 the body is kept, and the mistake is logged
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("webhook could not be taken", shop=shop, source=adapter.source, problem=where)  # noqa: TRY400 an error's text may hold personal data
        return [], f"our mistake: {type(error).__name__}"
    rejected = [f"{result.field}: {result.problem}" for result in results if result.status == "rejected"]
    return results, "; ".join(rejected) or None


def _by_now(message: Message) -> Message:
    """Let nothing happen later than now: the shop cannot mend the clock of its platform."""
    now = datetime.now(UTC)
    try:
        at = timestamp(message, "timestamp")
    except BadEventError:
        return message
    if at is None or at <= now or "sentAt" in message:
        return message
    return {**message, "timestamp": now.isoformat()}
