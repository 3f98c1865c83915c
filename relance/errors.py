"""What went wrong, in one line for the person at the terminal."""

from __future__ import annotations


class UsageError(Exception):
    """Something that the user can mend; the message says how."""
