"""Shops that hear of tasks by signed webhooks, and the runs that tell them."""

from __future__ import annotations

from typing import Any

from standardwebhooks.webhooks import Webhook
from temporalio.testing import ActivityEnvironment

from activities.contracts import ToldTasks
from channels.signed import Endpoint
from relance import hook_commands
from storage import endpoints
from storage.endpoints import Kind
from tests.integration.loopback import Loopback
from tests.support import TestShop

SECRET = hook_commands.new_secret()


async def connect(shop: TestShop, url: str) -> None:
    endpoint = Endpoint.model_validate({"url": url, "secret": SECRET})
    box = shop.parts.secret.endpoint(Kind.TASK_HOOK)
    await endpoints.save(shop.parts.pool, shop.shop, Kind.TASK_HOOK, box.encrypt(endpoint.write()))


async def tell(shop: TestShop) -> ToldTasks:
    found: ToldTasks = await ActivityEnvironment().run(shop.parts.tasks_in_time.tell)
    return found


def heard(hook: Loopback) -> list[dict[str, Any]]:
    """What the shop has heard; each is signed."""
    return [Webhook(SECRET).verify(request.body, request.headers) for request in hook.requests]
