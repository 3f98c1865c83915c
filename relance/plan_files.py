"""The plans that come with Relance, read from their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from messages.catalog import Catalog

from journeys import yamlfile
from journeys.plan import Plan
from messages import catalog
from relance.errors import UsageError

PLANS = Path(__file__).parents[1] / "plans"


@dataclass(frozen=True)
class PlanFile:
    """A plan with its messages, checked."""

    plan: Plan
    messages: Catalog


def read(name: str) -> PlanFile:
    """Read ``plans/NAME.yaml`` and ``plans/messages/NAME/*.yaml``.

    Raises:
        UsageError: a file is missing, or something in it is wrong; every problem has its file, line and field.

    """
    file = PLANS / f"{name}.yaml"
    if not file.exists():
        raise UsageError(f"there is no plan '{name}'; there are {', '.join(names())}")
    texts = {_shown(path): path.read_text() for path in sorted((PLANS / "messages" / name).glob("*.yaml"))}
    try:
        plan = yamlfile.parse(Plan, file.read_text(), _shown(file))
        messages = catalog.load(texts)
    except yamlfile.FileError as error:
        raise UsageError(str(error)) from None
    if problems := catalog.check(messages, plan):
        raise UsageError("\n".join(problems))
    return PlanFile(plan, messages)


def names() -> list[str]:
    """List the plans that come with Relance."""
    return sorted(path.stem for path in PLANS.glob("*.yaml"))


def _shown(path: Path) -> str:
    return str(path.relative_to(PLANS.parent))
