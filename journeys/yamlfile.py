"""Reads YAML into a model, with errors that name file, line and field. Pure: the text is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from journeys.problems import Path, Problem, of_model, of_syntax, show

Model = TypeVar("Model", bound=BaseModel)

DEEPEST = 200
"""So many lists and names may stand in one another: far more than in any plan that may be published."""
_TOO_DEEP = f"more than {DEEPEST} lists and names stand in one another; of steps, and of conditions, 10 may"


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
        root = yaml.compose(text, Loader=_Loader)
        repeated = list(_repeated(root, (), {}, set()))
        value = _Loader("").construct_document(root) if root else None
    except yaml.MarkedYAMLError as error:
        raise FileError(filename, [of_syntax(error)]) from None
    except RecursionError:
        raise FileError(filename, [_too_deep(text)]) from None
    except (yaml.YAMLError, ValueError) as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise FileError(filename, [Problem(line, "", f"not YAML: {str(error).splitlines()[0]}")]) from None
    if root is None:
        raise FileError(filename, [Problem(1, "", "the file is empty")])
    if repeated:
        raise FileError(filename, repeated)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise FileError(filename, of_model(model, error, root, value)) from None


class _Loader(yaml.SafeLoader):
    """Reads every scalar as text, which the model turns into what it wants.

    YAML's own guesses make false of Norway's ``NO``, and of ``12:30`` the number 750.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 the stubs have it as an instance's
        first: [(tag, form) for tag, form in known if tag.endswith((":null", ":merge"))]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _too_deep(text: str) -> Problem:
    """Tell in which line of a text too much stands in one another; its events are read without any recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            return Problem(event.start_mark.line + 1 if event.start_mark else 1, "", _TOO_DEEP)
    return Problem(1, "", _TOO_DEEP)


def _repeated(node: yaml.Node | None, path: Path, ids: dict[str, yaml.Mark], seen: set[int]) -> Iterator[Problem]:
    """Find keys that stand twice, of which YAML would silently take the last, and ids that do."""
    if id(node) in seen:
        return  # an alias leads here a second time
    seen.add(id(node))
    if node is not None and len(path) > DEEPEST:
        yield Problem(node.start_mark.line + 1, "", _TOO_DEEP)
        return
    if isinstance(node, yaml.SequenceNode):
        for i, child in enumerate(node.value):
            yield from _repeated(child, (*path, i), ids, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    keys: set[str] = set()
    for key, child in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in keys:
            yield Problem(line, show((*path, name)), "stands here a second time")
        elif name == "id" and (first := ids.setdefault(str(child.value), key.start_mark)) is not key.start_mark:
            yield Problem(line, show((*path, name)), f"'{child.value}' is the id in line {first.line + 1} already")
        keys.add(name)
        yield from _repeated(child, (*path, name), ids, seen)
