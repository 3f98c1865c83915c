"""One row of a shop's file, read field by field: exports write the same things in many ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

Columns = Mapping[str, tuple[str, ...]]
"""For each field the names of the columns it may stand in; the first one that says something counts."""

_MOST_MONEY = Decimal(10) ** 12
_YES = frozenset({"true", "yes", "y", "1", "granted", "subscribed"})
_NO = frozenset({"false", "no", "n", "0", "refused", "unsubscribed"})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SPACED_ZONE = re.compile(r" (?=[+-]\d\d:?\d\d$)| UTC$")


class BadRowError(ValueError):
    """A row that cannot be imported.

    Attributes:
        column: the column's name as the file has it; None where it is the row as a whole.
        problem: what is wrong and what would be right, in one sentence without the value itself.

    """

    def __init__(self, column: str | None, problem: str) -> None:
        super().__init__(f"{column or 'the row'}: {problem}")
        self.column = column
        self.problem = problem


class Row:
    """A row and what is known of its columns.

    An empty field says nothing: it is as if the column were not there.

    Args:
        values: by the names of the columns, as the file has them.
        columns: where each field may stand.
        zone: of dates that name none; None where such a date cannot be read.

    """

    def __init__(self, values: Mapping[str, Any], columns: Columns, zone: tzinfo | None) -> None:
        if "" in values:
            raise BadRowError(None, "has more fields than the header; quote the field that holds the delimiter")
        said = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        self._said = {name: value for name, value in said.items() if value not in ("", None)}
        self._zone = zone
        named = {plain(name): name for name in reversed(self._said)}
        self._column_of = {
            field: next((named[plain(alias)] for alias in aliases if plain(alias) in named), None)
            for field, aliases in columns.items()
        }

    def told_in(self, field: str) -> str | None:
        """Name the column that tells a field, as the file does; None where none does."""
        return self._column_of.get(field)

    def column(self, field: str) -> str:
        """Name the column of a field for an error."""
        return self.told_in(field) or field

    def value(self, field: str) -> Any:
        """Give a field's value, None where the row says nothing."""
        column = self.told_in(field)
        return None if column is None else self._said[column]

    def needed(self, field: str) -> Any:
        """Give a field's value.

        Raises:
            BadRowError: the row says nothing.

        """
        value = self.value(field)
        if value is None:
            raise BadRowError(field, "is missing")
        return value

    def text(self, field: str) -> str | None:
        """Give a field's text; whole numbers are taken too.

        Raises:
            BadRowError: it is something else, or nothing that Postgres can keep.

        """
        value = self.value(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None and (not isinstance(value, str) or _UNSTORABLE.search(value)):
            raise BadRowError(self.column(field), "must be text, without NUL characters and halves of surrogate pairs")
        return value

    def moment(self, field: str) -> datetime | None:
        """Give a moment, in UTC.

        Raises:
            BadRowError: it cannot be read.

        """
        value = self.text(field)
        if value is None:
            return None
        try:
            return moment(value, self._zone)
        except ValueError as error:
            raise BadRowError(self.column(field), str(error)) from None

    def amount(self, field: str) -> str:
        """Give an amount of money that must be there, with all its digits.

        Raises:
            BadRowError: it is missing, or cannot be read. A comma may stand for thousands or for a point: nobody knows.

        """
        self.needed(field)
        try:
            amount = Decimal(str(self.value(field)))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not (amount.is_finite() and 0 <= amount < _MOST_MONEY):
            raise BadRowError(self.column(field), "must be an amount such as 1299.50: digits and a point, no comma")
        return f"{amount:f}"

    def agreed(self, field: str) -> bool:
        """Give a yes or no that must be there.

        Raises:
            BadRowError: it is missing, or neither of the two.

        """
        said = str(self.needed(field)).lower()
        if said not in _YES | _NO:
            raise BadRowError(self.column(field), f"must be one of {', '.join(sorted(_YES))}; {', '.join(sorted(_NO))}")
        return said in _YES

    def rest(self) -> dict[str, Any]:
        """Give what stands in columns that are no field's, by their names in the file."""
        taken = set(self._column_of.values())
        return {name: value for name, value in self._said.items() if name not in taken}


@lru_cache(4096)
def plain(name: str) -> str:
    """Reduce a column's name to what names have in common: ``Customer ID`` and ``customer_id`` are one."""
    return re.sub(r"[\W_]+", "", name).lower()


def moment(text: str, zone: tzinfo | None) -> datetime:
    """Read a moment, in UTC. Besides ISO 8601, what exports make of it: a space before the zone, or the word UTC.

    Raises:
        ValueError: saying what would be right.

    """
    try:
        read = datetime.fromisoformat(_SPACED_ZONE.sub(lambda found: "+00:00" if found[0] == " UTC" else "", text))
    except ValueError:
        raise ValueError("must be a date of ISO 8601, such as 2026-03-01T10:15:00Z") from None
    if read.tzinfo is None and zone is None:
        raise ValueError("has no time zone: say which one it is in with --timezone, such as --timezone Europe/Paris")
    try:
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None
