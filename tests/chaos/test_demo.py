"""``relance demo`` as somebody meets it who has just cloned the project, without a terminal."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.chaos.conftest import RELANCE, environment, free_port, nothing_runs_on

LONGEST = 500.0


def test_the_demo_plays_its_day_tells_what_came_of_it_and_ends_by_itself(data: Path) -> None:
    done = subprocess.run(
        [str(RELANCE), "demo", "--speed", "30000", "--port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
        env=environment(XDG_DATA_HOME=str(data)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    counts = {name: int(count) for name, count in re.findall(r"│ ([\w -]+?) +│ +([\d,]+) +│", done.stdout)}
    assert set(counts) == {"carts open", "waiting", "reminded by SMS", "reminded by e-mail", "recovered"}
    assert counts["waiting"] == 0
    assert min(counts["reminded by SMS"], counts["reminded by e-mail"], counts["recovered"]) > 0
    assert "refused: no consent to marketing by sms: " in done.stdout
    assert "simulated" in done.stdout
    for name in ("docs", "Temporal UI", "journeys", "write key", "API key"):
        assert re.search(rf"^{name}: +\S+", done.stdout, re.MULTILINE)
    assert nothing_runs_on(data)
