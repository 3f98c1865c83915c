"""Where a shop is called by signed webhooks, as it is told at the terminal."""

from __future__ import annotations

from pydantic import ValidationError

from channels.signed import Endpoint
from relance import hook_commands
from relance.errors import UsageError


def read(url: str, secret: str | None) -> Endpoint:
    """Put an address and its secret together; the secret is made here where it is not to be read.

    Raises:
        UsageError: one of them cannot be.

    """
    hook_commands.refuse_plain(secret)
    text = hook_commands.new_secret() if secret is None else hook_commands.read_secret()
    try:
        return Endpoint.model_validate({"url": url, "secret": text})
    except ValidationError as error:
        told = [f"{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors(include_input=False)]
        raise UsageError("; ".join(told)) from None
