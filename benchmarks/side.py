"""One of the two that are compared."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import load

BATCH = 100
CONNECTIONS = {"single": 32, "batch": 4}


@dataclass(frozen=True)
class Side:
    """One of the two: where it listens, and where it writes."""

    name: str
    port: int
    database: str
    write_key: str = "none"

    async def round(self, kind: str, day: list[load.Message]) -> float:
        """Send a day, and give the events that were taken in a second."""
        messages = list(load.renamed(day))
        if kind == "single":
            requests = load.singles(messages, self.port, self.write_key)
        else:
            requests = load.batches(messages, BATCH, self.port, self.write_key)
        return len(messages) / await load.send(requests, self.port, CONNECTIONS[kind])
