"""What agents read of tasks: the same in each language, and never read as a template."""

from __future__ import annotations

import pytest

from messages import tasks
from messages.locale import LANGUAGES
from messages.tasks import Digest, Entry
from storage.task_news import OVER

URL = "https://relance.example.com"
NOTHING: dict[str, list[Entry]] = {"escalated": [], "opened": [], "over": []}


def entry(title: str = "Write", draft: str | None = None) -> Entry:
    facts = [("customer", "u-1"), ("replies", "{url}\n{{ shop }}")]
    return Entry("t-1", title, "12 Mar", "expired", facts, draft)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_all_that_there_is_to_say(language: str) -> None:
    said, known = tasks.words(language), tasks.words("en")
    for name in ("counts", "headings", "states", "facts"):
        assert getattr(said, name).keys() == getattr(known, name).keys()
    assert set(OVER) < said.states.keys()
    digest = Digest("boutique", "Boutique", {kind: [entry(draft="Hello")] for kind in NOTHING})
    text = tasks.text(digest, language, URL)
    assert text.count("u-1") == 3
    assert said.states["expired"] in text
    assert tasks.subject(digest, language).count("1") == 3


def test_what_people_wrote_is_no_template_and_stays_on_its_line() -> None:
    digest = Digest("boutique", "{shop.x}", {**NOTHING, "opened": [entry("{title}\n2. Another", "One\nTwo {x}")]})
    assert tasks.subject(digest, "en") == "{shop.x}: tasks (new 1)"
    lines = tasks.text(digest, "en", URL).splitlines()
    assert lines[2] == "1. {title} 2. Another, until 12 Mar"
    assert "   They answered: {url} {{ shop }}" in lines
    assert [line for line in lines if "| " in line] == ["   | One", "   | Two {x}"]
