"""``relance task-mail``."""

from __future__ import annotations

from rich.console import Console

from journeys.addresses import usable
from journeys.facts import Channel, Medium
from relance import shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import shops, task_mails
from storage.task_mails import Mailing

console = Console()


async def keep(settings: Settings, name: str, address: str, escalate_to: str | None) -> None:
    """Keep who of a shop is written to of tasks."""
    mailing = Mailing(name, _address(address), _address(escalate_to) if escalate_to is not None else None)
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        await task_mails.save(parts.pool, mailing)
        can_send = Channel.EMAIL in await shops.connected_channels(parts.pool, name)
    console.print(_told(mailing), highlight=False, markup=False)
    if not can_send:
        console.print(f"it has no account for email yet: relance shop set {name} --account email=FILE", markup=False)


async def show(settings: Settings, name: str) -> None:
    """Show who of a shop is written to of tasks."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        mailing = await task_mails.get(parts.pool, name)
    console.print(_told(mailing) if mailing else _nobody(name), highlight=False, markup=False)


async def remove(settings: Settings, name: str) -> None:
    """Write to nobody of a shop any more."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        if not await task_mails.remove(parts.pool, name):
            raise UsageError(_nobody(name))
    console.print(f"{_nobody(name)} any more", highlight=False)


def _told(mailing: Mailing) -> str:
    late = f", and {mailing.escalate_to} of those that are late" if mailing.escalate_to else ""
    return f"shop {mailing.shop} tells {mailing.address} of tasks by mail{late}"


def _nobody(name: str) -> str:
    return f"shop {name} tells nobody of tasks by mail"


def _address(given: str) -> str:
    address = usable(Medium.EMAIL, given)
    if address is None:
        raise UsageError(f"'{given}' is not an e-mail address")
    return address
