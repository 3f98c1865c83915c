"""What every e-mail has in common, whoever carries it."""

from __future__ import annotations

import re
from email.headerregistry import Address

from channels.base import Outgoing
from channels.settings import MAILBOX


def is_mailbox(address: str) -> bool:
    """Tell whether an address is one plain mailbox."""
    return re.fullmatch(MAILBOX, address) is not None


def one_line(text: str) -> str:
    """Write a header's text without line breaks, which would begin another header."""
    return " ".join(text.split())


def from_field(name: str, address: str) -> Address:
    """Give what stands in From: an address with the name beside it, if there is one."""
    return Address(display_name=one_line(name), addr_spec=address)


def unsubscribing(message: Outgoing) -> dict[str, str]:
    """Give the headers by which a mail program stops such messages: one POST, without a page in between (RFC 8058)."""
    if message.unsubscribe is None:
        return {}
    return {"List-Unsubscribe": f"<{message.unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
