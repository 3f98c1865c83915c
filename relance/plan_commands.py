"""``relance plan``."""

from __future__ import annotations

from rich.console import Console

from relance import plan_files
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import plans, shops
from storage.shops import UnknownShopError

console = Console()


async def check(name: str) -> None:
    """Check a plan and its messages."""
    file = plan_files.read(name)
    console.print(f"{file.plan.name}: fine ({len(file.plan.by_id)} steps, {len(file.messages.languages)} languages)")


async def publish(settings: Settings, name: str, shop: str) -> None:
    """Publish a plan for a shop."""
    file = plan_files.read(name)
    async with connected(settings) as parts:
        try:
            await shops.get(parts.pool, shop)
        except UnknownShopError:
            raise UsageError(f"there is no shop '{shop}'; relance shop create {shop} makes it") from None
        version = await plans.publish(parts.pool, shop, file.plan, file.messages.model_dump_json())
    console.print(f"{file.plan.name} version {version} is published for {shop}; running journeys keep their version")
