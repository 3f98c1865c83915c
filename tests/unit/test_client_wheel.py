"""What a shop installs: the client's wheel, built as it is published."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import relance_client

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "client"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel; built from a copy, for a build leaves its traces."""
    folder = tmp_path_factory.mktemp("client")
    copytree(FOLDER, folder / "client", ignore=ignore_patterns("build", "*.egg-info", "__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--no-build-isolation", "--wheel-dir", folder, folder / "client"],
        check=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    assert built.name == f"relance_client-{relance_client.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(built) as opened:
        yield opened


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


def test_the_wheel_holds_the_package_with_its_types_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = {f"relance_client/{file.name}" for file in (FOLDER / "relance_client").glob("*.py")}
    assert inside == sources | {"relance_client/py.typed"}


def test_the_wheel_needs_httpx_only(wheel: zipfile.ZipFile) -> None:
    needs = metadata(wheel)
    assert [needed.partition(">")[0] for needed in needs.get_all("Requires-Dist", [])] == ["httpx"]
    assert (needs["Name"], needs["Version"], needs["Requires-Python"]) == ("relance-client", "0.1.0", ">=3.11")
    assert needs["License-Expression"] == "Apache-2.0"
    shown = needs.get_payload(decode=True)
    assert isinstance(shown, bytes)
    assert shown.decode().strip() == (FOLDER / "README.md").read_text().strip()


def test_the_wheel_brings_the_licence_of_the_project(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("/LICENSE"))
    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_wheel_works_where_only_httpx_is_beside_it(wheel: zipfile.ZipFile) -> None:
    """As far as imports go: of what is installed here, it loads httpx and what that needs."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys, relance_client; print(relance_client.__file__, *sys.modules)"],
        env={"PYTHONPATH": str(wheel.filename)},
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert said[0].startswith(str(wheel.filename))
    ours = {"journeys", "api", "storage", "relance", "pydantic", "fastapi", "asyncpg", "structlog", "temporalio"}
    assert not ours & {name.partition(".")[0] for name in said[1:]}
