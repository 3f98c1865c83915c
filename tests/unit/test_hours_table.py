"""The table of quiet hours: what is refused in it, and the page that shows it."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from journeys import yamlfile
from journeys.hours_table import Table, table
from journeys.quiet_hours import window_reason

ROOT = Path(__file__).parents[2]
PARIS = ZoneInfo("Europe/Paris")
RAW = yaml.safe_load((ROOT / "journeys" / "quiet_hours.yaml").read_text())
HOURS = "exempt: []\nzones_where_nothing_is_known: [UTC]\nhours:\n"
MEDIA = "sms, email, push, voice, whatsapp, on_site"
LINE = f"- {{places: [everywhere], media: [{MEDIA}], week: {{Mon-Sun: [09:00-20:00]}}, source: x}}"


def test_the_file_is_read_once_and_goes_along() -> None:
    assert table() is table()
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert "*.yaml" in packaged["journeys"]
    assert "!journeys" in (ROOT / ".dockerignore").read_text().splitlines()


def test_a_small_table_is_read() -> None:
    assert yamlfile.parse(Table, HOURS + LINE, "hours.yaml").hours[0].week[6] == ((540, 1200),)


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("source: x", "source: x, colour: red", "colour: is not a field here"),
        (", source: x", "", "source: is missing"),
        ("source: x", "source: ''", "is empty"),
        ("[09:00-20:00]", "[09:00-12:00, 11:59-20:00]", "on Mon-Sun, 09:00-12:00 and 11:59-20:00 overlap"),
        ("[09:00-20:00]", "[09:00-09:00]", "on Mon-Sun, 09:00-09:00 is empty"),
        ("[09:00-20:00]", "[20:00-09:00]", "on Mon-Sun, 20:00-09:00 is empty"),
        ("[09:00-20:00]", "[9-20]", "'9-20' is no window: write its ends as 08:30-20:00"),
        ("[09:00-20:00]", "[09:00-20:60]", "'09:00-20:60' is no window"),
        ("[09:00-20:00]", "[09:00-24:01]", "'09:00-24:01' is no window"),
        ("[09:00-20:00]", "[]", "or closed"),
        ("[09:00-20:00]", "open", "or closed"),
        ("Mon-Sun:", "Mon-Sat:", "Sun is missing: write its windows, or closed"),
        ("Mon-Sun:", "Mon-Sun: closed, Wed:", "Wed stands here twice"),
        ("Mon-Sun:", "Sun-Mon:", "'Sun-Mon' is no day of the week"),
        ("week: {", "week: [], wek: {", "wek: is not a field here"),
        ("everywhere", "UK", "'UK' is no place"),
        ("everywhere", "US-ZZ", "'US-ZZ' is no place"),
        ("everywhere", "everywhere, everywhere", "sms in everywhere has two entries"),
        ("everywhere", "FR", "sms has no entry for everywhere"),
        ("voice", "fax", "should be 'sms', 'email', 'push', 'voice', 'whatsapp' or 'on_site'"),
        ("source: x", "holidays: closed, source: x", "no public holidays are known of everywhere"),
        ("[UTC]", "[Europe/Nowhere]", "'Europe/Nowhere' is no time zone"),
        ("exempt: []", "exempt: [{source: x}]", "name purposes or media"),
        ("exempt: []", "exempt: [{purposes: [fun], source: x}]", "should be 'transactional', 'service' or 'marketing'"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(right: str, wrong: str, sentence: str) -> None:
    with pytest.raises(yamlfile.FileError, match=re.escape(sentence)):
        yamlfile.parse(Table, (HOURS + LINE).replace(right, wrong, 1), "hours.yaml")


def test_the_states_are_nowhere_laxer_than_the_federal_rule() -> None:
    for state in [e for e in RAW["hours"] if e["places"][0].startswith("US-")]:
        for windows in state["week"].values():
            assert windows == "closed" or all(w[:5] >= "08:00" and w[6:] <= "21:00" for w in windows)


def test_the_page_shows_the_table_as_it_is() -> None:
    def shown(windows: str | list[str]) -> str:
        return windows if isinstance(windows, str) else " and ".join(windows)

    rows = []
    for entry in RAW["hours"]:
        days = ", ".join(f"{day} {shown(windows)}" for day, windows in entry["week"].items())
        off = [f"{shown(entry['holidays'])}"] if "holidays" in entry else []
        off += [f"eves {shown(entry['eves'])}"] if "eves" in entry else []
        rows.append(f"| {', '.join(entry['places'])} | {', '.join(entry['media'])} | {days} | {', '.join(off)} |")
    page = (ROOT / "docs" / "quiet-hours.md").read_text()
    assert re.findall(r"^\| .* \|$", page, re.MULTILINE)[1:] == rows
    for zone in RAW["zones_where_nothing_is_known"]:
        assert f"`{zone}`" in page
    assert f"`{window_reason('sms', 'FR', None, (PARIS,), datetime(2026, 6, 15, 8, 30, tzinfo=PARIS))}`" in page
