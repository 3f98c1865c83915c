"""``relance push-key``."""

from __future__ import annotations

from pydantic import ValidationError

from channels import accounts
from channels.web_push import WebPushAccount, new_private_key
from journeys.facts import Channel
from relance import shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import shops


async def create_key(settings: Settings, name: str, subject: str) -> None:
    """Make a shop's VAPID key, keep it as its account for web push, and print the public half."""
    try:
        account = WebPushAccount.model_validate({"private_key": new_private_key(), "subject": subject})
    except ValidationError:
        raise UsageError(
            "--subject must be mailto:ADDRESS or https://PAGE, where push services reach the shop"
        ) from None
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        if await shops.accounts(parts.pool, name, Channel.WEB_PUSH):
            raise UsageError(f"shop {name} has an account for web_push; a new key would end all its subscriptions")
        kept = parts.secret.accounts.encrypt(accounts.write(account))
        await shops.set_account(parts.pool, name, Channel.WEB_PUSH, kept)
    print(account.public_key)  # noqa: T201 plain, so that scripts can read it
