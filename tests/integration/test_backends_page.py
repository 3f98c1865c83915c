"""What the page for backends and the client's README show is run, in each language that is here, against the API."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from relance_client import AsyncRelance
from tests.integration.loopback import Answer, Break
from tests.integration.served import Instead, Lost, Served, served
from tests.support import ITEM, TestShop

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "backends.md"
README = ROOT / "client" / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {"python": sys.executable, "sh": "sh", "js": "node", "php": "php"}
ENDINGS = {"python": "py", "sh": "sh", "js": "mjs", "php": "php"}
AGAIN = {"Retry-After": "0"}
STORM = [Lost(), None, Instead(Break()), None, Lost(), None, Lost(), None, Instead(Answer(503, headers=AGAIN))]
"""The first try of each of the five calls fails; three of them were done all the same."""


def shown(page: Path) -> list[tuple[str, str]]:
    return FENCE.findall(page.read_text())


@pytest_asyncio.fixture
async def demo(shop: TestShop) -> AsyncIterator[TestShop]:
    """The shop of the examples; its cart c-2 was filled yesterday and nothing follows it."""
    demo = TestShop(shop.parts, "demo")
    await demo.open()
    async with served(demo) as api, AsyncRelance(api.url, write_key=api.write_key) as relance:
        yesterday = datetime.now(UTC) - timedelta(hours=20)
        await relance.track("Product Added", {**ITEM, "cart_id": "c-2"}, user_id="u-2", timestamp=yesterday)
    yield demo


async def run(language: str, source: str, api: Served, folder: Path) -> str:
    """Run an example and give what it says."""
    program = shutil.which(PROGRAMS[language])
    if program is None or (language == "sh" and not shutil.which("curl")):
        pytest.skip(f"what runs {language} examples is not installed here")
    file = folder / f"example.{ENDINGS[language]}"
    file.write_text(source)
    given = {"API": api.url, "WRITE_KEY": api.write_key, "API_KEY": api.api_key, "PYTHONPATH": str(ROOT / "client")}
    process = await asyncio.create_subprocess_exec(
        program,
        file,
        env={"PATH": os.environ["PATH"]} | given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


def test_the_page_shows_every_language() -> None:
    assert [language for language, _ in shown(PAGE)] == list(PROGRAMS)


@pytest.mark.parametrize("mishaps", [[], STORM], ids=["a good line", "a bad line"])
@pytest.mark.parametrize(("language", "source"), shown(PAGE), ids=PROGRAMS)
async def test_an_example_does_what_it_says_once(
    demo: TestShop, language: str, source: str, mishaps: list[Instead | Lost | None], tmp_path: Path
) -> None:
    async with served(demo, *mishaps) as api:
        said = await run(language, source, api, tmp_path)
    assert len(api.weather.requests) == (10 if mishaps else 5), said
    pool = demo.parts.pool
    events = await pool.fetch("select name, customer_id from events order by received_at")
    assert [(row["name"], row["customer_id"]) for row in events] == [
        ("Product Added", "u-2"),
        ("identify", "u-1"),
        ("Product Added", "u-1"),
        ("Order Completed", "u-1"),
    ]
    traits = await pool.fetchval("select traits from customers where customer_id = 'u-1'")
    assert {name: traits[name]["value"] for name in ("firstName", "email", "locale", "timezone")} == {
        "firstName": "Ana",
        "email": "ana@example.com",
        "locale": "fr-FR",
        "timezone": "Europe/Paris",
    }
    assert await pool.fetchval("select granted from consents where channel = 'email'") is True
    journeys = await pool.fetch("select key, outcome, reason from journeys order by key")
    assert [tuple(row) for row in journeys] == [
        ("c-1", "converted", "ordered: o-1"),
        ("c-2", "cancelled", "the shop was called"),
    ]


@pytest.mark.parametrize("language", ["python", "js", "php"])
async def test_an_example_comes_again_to_a_start_that_still_runs(demo: TestShop, language: str, tmp_path: Path) -> None:
    still_runs = Instead(Answer(409, headers={"Retry-After": "1"}))
    async with served(demo, None, None, None, still_runs) as api:
        said = await run(language, dict(shown(PAGE))[language], api, tmp_path)
    assert len(api.weather.requests) == 6, said
    assert await demo.parts.pool.fetchval("select outcome from journeys where key = 'c-2'") == "cancelled"


@pytest.mark.parametrize("language", PROGRAMS)
async def test_an_example_that_relance_says_no_to_asks_once(demo: TestShop, language: str, tmp_path: Path) -> None:
    source = dict(shown(PAGE))[language]
    first_call = source.replace("ana@example.com", "a" * 33_000)
    async with served(demo) as api:
        if language == "sh":
            said = await run(language, first_call.split("\n\n")[0], api, tmp_path)
        else:
            with pytest.raises(AssertionError, match="32 KB") as error:
                await run(language, first_call, api, tmp_path)
            said = str(error.value)
    assert "larger than 32 KB" in said
    assert len(api.weather.requests) == (0 if language == "python" else 1)


async def test_the_readmes_first_example_runs(demo: TestShop, tmp_path: Path) -> None:
    (language, source), _ = shown(README)
    async with served(demo) as api:
        said = await run(language, source, api, tmp_path)
    assert " started cart-recovery version 1\n" in said
    assert await demo.parts.pool.fetchval("select count(*) from events") == 251
    assert await demo.parts.pool.fetchval("select outcome from journeys") == "cancelled"


async def test_the_readmes_second_example_runs(demo: TestShop, tmp_path: Path) -> None:
    _, (language, source) = shown(README)
    async with served(demo) as api, AsyncRelance(api.url, api_key=api.api_key) as relance:
        journey = await relance.start_journey("cart-recovery", "c-2")
        await relance.cancel_journey(journey.id)
        assert await run(language, source, api, tmp_path) == f"{journey.id} cancelled\n"
