"""The image: what it installs, what it gets and how it starts."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def steps(instruction: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.removeprefix(f"{instruction} ") for line in joined.splitlines() if line.startswith(f"{instruction} ")]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_image_starts_the_program_as_a_plain_user() -> None:
    (user,), (entrypoint,) = steps("USER"), steps("ENTRYPOINT")
    assert user not in {"root", "0"}
    assert any(step.startswith("useradd ") and step.endswith(f" {user}") for step in steps("RUN"))
    assert yaml.safe_load(entrypoint) == ["relance"]
    assert "relance" in project()["project"]["scripts"]
    assert DOCKERFILE.index("USER ") > DOCKERFILE.rindex("RUN ")


def test_the_image_has_a_python_that_the_project_takes() -> None:
    (base,) = steps("FROM")
    found = re.fullmatch(r"python:3\.(\d+)-slim", base)
    least = re.fullmatch(r">=3\.(\d+)", project()["project"]["requires-python"])
    assert found
    assert least
    assert int(found[1]) >= int(least[1])


def test_whatever_the_image_installs_is_hash_pinned() -> None:
    installs = [part for step in steps("RUN") for part in step.split("&&") if "pip install" in part]
    assert len(installs) == 2
    for install in installs:
        assert "--require-hashes" in install or {"--no-deps", "--no-build-isolation"} <= set(install.split())


def test_the_image_holds_the_code_compiled() -> None:
    *_, last = [part.strip() for step in steps("RUN") for part in step.split("&&")]
    assert last == "python -m compileall -q ."
    assert DOCKERFILE.index("COPY . .") < DOCKERFILE.index(last)


def test_the_build_backends_pin_is_found_in_the_lock() -> None:
    (command,) = (part for step in steps("RUN") for part in step.split("&&") if part.startswith("sed "))
    script, file = shlex.split(command.split(">")[0])[2:]
    found = subprocess.run(["sed", "-n", script, ROOT / file], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"setuptools==[\d.]+( \\\n +--hash=sha256:[0-9a-f]{64})+\n", found)
    assert [re.split("[<>=]", needed)[0] for needed in project()["build-system"]["requires"]] == ["setuptools"]


def in_the_image() -> set[str]:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    return {rule.removeprefix("!") for rule in rules if rule.startswith("!")}


def test_the_image_gets_all_that_runs_and_nothing_else() -> None:
    settings = project()
    rooms = {package.split(".")[0] for package in settings["tool"]["setuptools"]["packages"]}
    folders = rooms | {"plans", "requirements"}
    build = {"pyproject.toml", settings["project"]["readme"], *settings["project"]["license-files"]}
    assert in_the_image() == folders | build


def test_the_image_gets_the_files_that_it_copies() -> None:
    copied = {source for step in steps("COPY") for source in step.split()[:-1] if source != "."}
    assert copied == {"requirements/runtime.txt", "requirements/dev.txt"}
    assert all((ROOT / source).exists() for source in copied)
