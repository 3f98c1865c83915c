"""The sandbox."""

from __future__ import annotations

import pytest

from channels.base import Accepted, Outgoing, Provider
from channels.sandbox import Sandbox
from journeys.facts import Channel

MESSAGE = Outgoing(send_id="send-1", to="+33612345678", text="Bonjour")


async def test_a_message_is_kept_and_accepted_under_our_own_id() -> None:
    kept: list[Outgoing] = []

    async def keep(message: Outgoing) -> None:
        kept.append(message)

    assert await Sandbox(Channel.SMS, keep).send(MESSAGE) == Accepted("send-1")
    assert kept == [MESSAGE]


async def test_a_message_that_could_not_be_kept_is_not_accepted() -> None:
    async def keep(_message: Outgoing) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        await Sandbox(Channel.SMS, keep).send(MESSAGE)


@pytest.mark.parametrize("channel", Channel)
def test_it_stands_in_for_any_channel_and_a_repetition_is_safe(channel: Channel) -> None:
    async def keep(_message: Outgoing) -> None: ...

    sandbox: Provider = Sandbox(channel, keep)
    assert (sandbox.name, sandbox.channel, sandbox.idempotent) == ("sandbox", channel, True)
