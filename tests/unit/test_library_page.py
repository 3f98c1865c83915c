"""The page of the plans that come along says what stands in their files."""

from __future__ import annotations

import re
from pathlib import Path

from journeys.entry import ByEvents
from journeys.plan import Plan
from relance import plan_files

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
ROW = re.compile(r"^\| `([\w-]+)` \| [^|]+ \| (\w+) \| ([^|]+) \| [^|]+ \| (\w+) \|$", re.MULTILINE)


def test_the_page_tells_of_each_plan_that_comes_along_its_key_entry_and_purpose() -> None:
    told = {
        name: (key, re.findall("`(.+?)`", entry), purpose)
        for name, key, entry, purpose in ROW.findall(PAGE.read_text())
    }
    read = [plan_files.read(name).plan for name in (*plan_files.names(), *plan_files.library())]
    assert told == {plan.name: (plan.key, _starts(plan), plan.purpose) for plan in read}


def _starts(plan: Plan) -> list[str]:
    return plan.entry.events if isinstance(plan.entry, ByEvents) else [str(plan.entry)]
