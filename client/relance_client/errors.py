"""What can go wrong once a call has left: Relance said no, or could not be asked."""

from __future__ import annotations

from dataclasses import dataclass


class RelanceError(Exception):
    """Any error of a call to Relance."""


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field, in one sentence; ``field`` is its path, such as ``properties.order_id``."""

    field: str | None
    problem: str


class Rejected(RelanceError):  # noqa: N818 it is what happened
    """Relance said no: the same call will not succeed. It is the answer's problem document (RFC 9457).

    Attributes:
        status: the HTTP status.
        title: what is wrong, the same for every case of it.
        detail: what is wrong here, and what to change.
        errors: the same for each field, where the answer names fields.

    """

    def __init__(self, status: int, title: str, detail: str, errors: tuple[FieldProblem, ...] = ()) -> None:
        # All of them go to the base class: the error can then be pickled, as task queues do.
        super().__init__(status, title, detail, errors)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.status} {self.title}: {self.detail}" if self.detail else f"{self.status} {self.title}"


class Unreachable(RelanceError):  # noqa: N818 it is what happened
    """Relance gave no answer that stands, and the retries are used up: nobody can say whether the call was heard.

    Nothing is lost by making the same call again, with the same event or the same idempotency key.
    """
