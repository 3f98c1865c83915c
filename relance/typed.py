"""What somebody types or pipes into a command: text that can be kept, whatever their terminal makes of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from relance.errors import UsageError


def check(words: Iterable[str]) -> None:
    """Make sure that words are text.

    Raises:
        UsageError: one holds bytes that are not UTF-8.

    """
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word.encode(errors='replace').decode()}: is not UTF-8") from None


def piped() -> str:
    """Read standard input.

    Raises:
        UsageError: it holds bytes that are not UTF-8.

    """
    try:
        text = sys.stdin.read()
        text.encode()
    except UnicodeError:
        raise UsageError("what comes by standard input is not UTF-8") from None
    return text
