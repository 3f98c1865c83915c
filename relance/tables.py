"""Tables on the terminal, and in what reads them there."""

from __future__ import annotations

from rich.console import Console
from rich.table import Column, Table

_WIDEST = 10_000
"""Characters: no row is so long."""


def by_id(*others: str) -> Table:
    """Begin a table whose first column names what other commands take: it is not cut while there is room for it."""
    return Table(Column("id", no_wrap=True), *others)


def show(console: Console, table: Table) -> None:
    """Print a table as wide as the terminal, and where there is none, each row on a line of its own, whole."""
    wide = console if console.is_terminal else Console(width=_WIDEST)
    wide.print(table)
