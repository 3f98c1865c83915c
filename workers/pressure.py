"""How hard the relay presses: how much at once, and how long it waits for what does not answer. Pure."""

from __future__ import annotations

from datetime import timedelta

NARROWEST, FIRST, WIDEST = 1, 16, 64
SHORTEST_WAIT = timedelta(seconds=0.5)
LONGEST_WAIT = timedelta(seconds=30)


def backoff(failures: int) -> timedelta:
    """Tell how long to wait after the first failure (0), the second (1) and so on."""
    return min(SHORTEST_WAIT * (1 << min(failures, 10)), LONGEST_WAIT)


class Pressure:
    """Finds out how much Temporal takes at once: half as much when it pushes back, one more when all went well.

    Attributes:
        width: how many journeys may be told of at the same time.

    """

    def __init__(self) -> None:
        self.width = FIRST

    def pushed_back(self) -> None:
        """Temporal said that it was too much."""
        self.width = max(self.width // 2, NARROWEST)

    def went_well(self) -> None:
        """Temporal took all that was allowed at once."""
        self.width = min(self.width + 1, WIDEST)


class Outage:
    """Whether something does not answer, and how long to wait before it is asked again."""

    def __init__(self) -> None:
        self._failures = 0

    @property
    def lasts(self) -> bool:
        """Tell whether it did not answer when it was last asked."""
        return self._failures > 0

    @property
    def wait(self) -> timedelta:
        """Tell how long to wait: longer each time, and not at all where there is no outage."""
        return backoff(self._failures - 1) if self.lasts else timedelta(0)

    def goes_on(self) -> bool:
        """It did not answer; tell whether that is new."""
        self._failures += 1
        return self._failures == 1

    def ends(self) -> bool:
        """It answered; tell whether that is new."""
        lasted, self._failures = self.lasts, 0
        return lasted
