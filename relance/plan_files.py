"""Plans read from files: those that come with Relance by their name, any other by its path."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from journeys import yamlfile
from journeys.plan import Plan
from messages import catalog
from messages.catalog import PlanFile
from relance.errors import UsageError

PLANS = Path(__file__).parents[1] / "plans"
LIBRARY = PLANS / "library"
"""Plans that come along and that nobody has until they publish them; those beside it every new shop has."""
MAX_FILE = 2 * 1024 * 1024
"""In bytes. A plan that a journey can carry takes far less."""


def read(name: str) -> PlanFile:
    """Read a plan and, from the folder ``messages/NAME`` beside it, one file of messages for each language.

    Args:
        name: the name of a plan that comes along, or the path of a ``.yaml`` file.

    Raises:
        UsageError: a file is missing, or something in it is wrong; every problem has its file, line and field.

    """
    file = _file(name)
    if not file.is_file():
        known = ", ".join([*names(), *library()])
        raise UsageError(f"there is no plan '{name}'; there are {known}, or give the path of a .yaml file")
    folder = file.parent / "messages" / file.stem
    for path in (file, *folder.glob("*.yaml")):
        if path.stat().st_size > MAX_FILE:
            raise UsageError(f"{_shown(path)}: has more than {MAX_FILE // 1024} KB, which no plan needs")
    try:
        plan = yamlfile.parse(Plan, file.read_text(encoding="utf-8"), _shown(file))
        texts = {_shown(path): path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
        messages = catalog.load(texts)
    except yamlfile.FileError as error:
        raise UsageError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file} and its messages: {error}") from None
    if problems := catalog.check(messages, plan):
        raise UsageError("\n".join(f"{_shown(folder)}: {problem}" for problem in problems))
    if namesakes := _namesakes(file, plan.name):
        also = ", ".join(_shown(path) for path in namesakes)
        raise UsageError(f"{_shown(file)}: name: '{plan.name}' is the name of {also} as well; give one another name")
    return PlanFile(plan, messages)


def beside(name: str) -> list[Plan]:
    """Read the other plans in a plan's folder, which it may start; what cannot be read is told when it is checked."""
    file = _file(name)
    found: list[Plan] = []
    for path in sorted(file.parent.glob("*.y*ml")):
        with contextlib.suppress(yamlfile.FileError, OSError, UnicodeDecodeError):
            found.append(yamlfile.parse(Plan, path.read_text(encoding="utf-8"), _shown(path)))
    return found


def _namesakes(file: Path, name: str) -> list[Path]:
    """Find other plans in the folder that have the same name: each would be the next version of the other."""
    said = re.compile(rf"^name:\s*['\"]?{re.escape(name)}['\"]?\s*(#.*)?$", re.MULTILINE)
    others = (path for path in sorted(file.parent.glob("*.y*ml")) if path.name != file.name)
    return [path for path in others if said.search(path.read_text(encoding="utf-8", errors="replace"))]


def names() -> list[str]:
    """List the plans that every new shop has."""
    return sorted(path.stem for path in PLANS.glob("*.yaml"))


def library() -> list[str]:
    """List the plans that come along for whoever publishes them."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def _file(name: str) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else _of(name)


def _of(name: str) -> Path:
    own = PLANS / f"{name}.yaml"
    return own if own.is_file() else LIBRARY / f"{name}.yaml"


def _shown(path: Path) -> str:
    return str(path.relative_to(PLANS.parent)) if path.is_relative_to(PLANS.parent) else str(path)
