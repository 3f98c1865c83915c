"""A journey's pauses: since when, for how long, and what Postgres knows of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeys.signals import Pause, Resume

OVER_BEFORE_IT_WAS_HEARD = "over-before-it-was-heard"
"""The patch since which a pause is passed over that is not later than a resume which found nothing paused."""


class Pauses:
    """What was heard of pauses and resumptions: signals may come late, again, and in another order.

    Attributes:
        since: since when the journey is paused; None while it is not.
        resumed_at: when it last went on.
        total: for how long it was paused, all in all.
        noted: Postgres knows of the last pause or resumption.

    """

    def __init__(self) -> None:
        self.since: datetime | None = None
        self.resumed_at: datetime | None = None
        self.total = timedelta(0)
        self.noted = True
        self._newest_resume: Resume | None = None

    def begin(self, since: datetime, *, noted: bool) -> None:
        """Pause."""
        self.since, self.noted = since, noted

    def hear_pause(self, pause: Pause) -> None:
        """Hear that nothing is to happen for a while."""
        if self.since is None and not self._is_over(pause):
            self.begin(pause.at, noted=pause.noted)

    def hear_resume(self, resume: Resume) -> timedelta | None:
        """Hear that the journey goes on; tell for how long it was paused, or None where this ends no pause."""
        if self._newest_resume is None or resume.at > self._newest_resume.at:
            self._newest_resume = resume
        if self.since is None or resume.at < self.since:
            return None
        length = resume.at - self.since
        self.total += length
        self.since, self.resumed_at, self.noted = None, resume.at, resume.noted
        return length

    @property
    def has_one_to_note(self) -> bool:
        """Whether it is paused, and Postgres does not know it."""
        return self.since is not None and not self.noted

    def take_pause_to_note(self) -> datetime | None:
        """Give the pause that Postgres does not know of, once."""
        return self._take(self.since)

    def take_resumption_to_note(self) -> datetime | None:
        """Give the resumption that Postgres does not know of, once."""
        return self._take(self.resumed_at)

    def _take(self, at: datetime | None) -> datetime | None:
        if self.noted or at is None:
            return None
        self.noted = True
        return at

    def _is_over(self, pause: Pause) -> bool:
        """Tell whether a pause was resumed before it was heard of."""
        resume = self._newest_resume
        if resume is None or pause.at > resume.at:
            return False
        if pause.noted and self.resumed_at is not None and pause.at <= self.resumed_at:
            return True
        if not workflow.patched(OVER_BEFORE_IT_WAS_HEARD):
            return False
        # Where the resumption is a backend's, Postgres still takes the journey for paused: the next look tells it.
        self.resumed_at, self.noted = resume.at, resume.noted
        return True
