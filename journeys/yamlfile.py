"""Reads YAML into a model, with errors that name file, line and field. Pure: the text is an argument."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file: its line (from 1), the path of the field, and a sentence."""

    line: int
    field: str
    sentence: str


class FileError(ValueError):
    """A file cannot be read.

    Attributes:
        problems: all that is wrong with it, in the order of its lines.

    """

    def __init__(self, filename: str, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda p: (p.line, p.field))
        lines = (f"{filename}:{p.line}: {p.field + ': ' if p.field else ''}{p.sentence}" for p in self.problems)
        super().__init__("\n".join(lines))


def parse(model: type[Model], text: str, filename: str) -> Model:
    """Read a model from YAML.

    Raises:
        FileError: not YAML, or not what the model wants.

    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if duplicates := _duplicates(node, ()):
            raise FileError(filename, duplicates)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FileError(filename, [Problem(line, "", f"not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise FileError(filename, [Problem(1, "", f"not YAML: {error}")]) from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise FileError(filename, [_problem(node, e, _fields(model)) for e in error.errors()]) from None


def _duplicates(node: yaml.Node | None, path: Path) -> list[Problem]:
    """Find keys that stand twice: YAML would silently take the last one."""
    if isinstance(node, yaml.SequenceNode):
        return [p for i, child in enumerate(node.value) for p in _duplicates(child, (*path, i))]
    if not isinstance(node, yaml.MappingNode):
        return []
    problems, seen = [], set()
    for key, child in node.value:
        here = (*path, str(key.value))
        if key.value in seen:
            problems.append(Problem(key.start_mark.line + 1, _show(here), "stands here a second time"))
        seen.add(key.value)
        problems += _duplicates(child, here)
    return problems


def _problem(root: yaml.Node | None, error: ErrorDetails, fields: list[str]) -> Problem:
    path, line = _walk(root, error["loc"])
    return Problem(line, _show(path), _sentence(error, fields))


def _walk(root: yaml.Node | None, loc: Path) -> tuple[Path, int]:
    """Follow a pydantic location through the file; names of union members in it are no part of the file."""
    path: list[str | int] = []
    node, line = root, root.start_mark.line + 1 if root else 1
    for part in loc:
        if found := _child(node, part):
            node, line = found
            path.append(part)
    at_end = not loc or (path and path[-1] == loc[-1])
    return tuple(path) if at_end else (*path, loc[-1]), line


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child, child.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            if key.value == str(part):
                return child, key.start_mark.line + 1
    return None


def _show(path: Path) -> str:
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.removeprefix(".")


def _sentence(error: ErrorDetails, fields: list[str]) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(error["loc"][-1]), fields, n=1)
        return "is not a field here" + (f"; did you mean '{close[0]}'?" if close else "")
    message = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _fields(model: type[BaseModel]) -> list[str]:
    """Name every field of a model and of the models in it."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})
