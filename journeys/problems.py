"""What is wrong with a YAML file: in which line, which field, and in words that a marketer understands."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]
Fields = dict[str, dict[str, bool]]
"""The fields of each model, by its name, and whether it needs them."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file: its line (from 1), the path of the field, and a sentence."""

    line: int
    field: str
    sentence: str


def show(path: Path) -> str:
    """Write a path the way people do: ``steps[2].send``."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.removeprefix(".")


_SYNTAX = {
    r"'\t'": (False, "a tab stands here; indent with spaces"),
    "mapping values": (False, "a second ':' stands here; indent the line as its neighbours, or put the text in quotes"),
    "expected <block end>": (False, "the indentation does not fit the lines above"),
    "expected ':'": (True, "a field needs a ':' and a value"),
    "unexpected end of stream": (True, "the quote that opens here is not closed"),
    "expected ',' or": (True, "the bracket that opens here is not closed"),
    "another document": (False, "a second document begins here; a file holds one"),
    "node content": (False, "a value is missing here"),
} | dict.fromkeys(
    ("undefined alias", "alphabetic or num", "start any token", "indentation ind", "a comment or", "a constructor"),
    (False, "a sign that YAML reads stands here; put the text in quotes"),
)
"""What the parser's words mean, and whether to name the line where it began, not the one where it was noticed."""


def of_syntax(error: yaml.MarkedYAMLError) -> Problem:
    """Tell why a text is not YAML."""
    words = str(error.problem)
    at_start, sentence = next((known for part, known in _SYNTAX.items() if part in words), (False, words))
    mark = error.context_mark if at_start else error.problem_mark
    return Problem(mark.line + 1 if mark else 1, "", f"not YAML: {sentence}")


def of_model(model: type[BaseModel], error: ValidationError, root: yaml.Node, value: Any) -> list[Problem]:
    """Tell why a value is not what a model wants.

    Args:
        model: the model that was wanted.
        error: what it said of the value.
        root: the file as it was parsed, which knows the lines.
        value: the same, constructed.

    """
    fields = _fields(model)
    unions: dict[Path | None, list[_Found]] = {}
    for one in (_Found.of(details, value) for details in error.errors()):
        unions.setdefault(one.union, []).append(one)
    problems = [problem for errors in unions.values() for problem in _of_union(root, _closest(errors), fields)]
    # A wrong key may have a wrong value too: one sentence for each field, the first.
    return list({problem.field: problem for problem in reversed(problems)}.values())


def of_value(model: type[BaseModel], error: ValidationError, value: Any) -> list[Problem]:
    """Tell why a value that came as JSON is not what a model wants; it has no lines."""
    return of_model(model, error, _node(value), value)


def _node(value: Any) -> yaml.Node:
    """Give a value the form of a parsed file."""
    if isinstance(value, dict):
        return yaml.MappingNode("", [(_node(name), _node(inner)) for name, inner in value.items()], *_NOWHERE)
    if isinstance(value, list):
        return yaml.SequenceNode("", [_node(inner) for inner in value], *_NOWHERE)
    return yaml.ScalarNode("", value, *_NOWHERE)


_NOWHERE = (yaml.Mark("", 0, 0, 0, None, 0), yaml.Mark("", 0, 0, 0, None, 0))

_ANYTHING = object()


@dataclass(frozen=True)
class _Found:
    """An error of pydantic, and where it is.

    Attributes:
        path: the field in the file; what pydantic adds (the names of union members, ``[key]``) is no part of it.
        union: the field whose value fits no member of a union, and ``member`` the one that the error is about.

    """

    error: ErrorDetails
    path: Path
    union: Path | None
    member: str | int | None

    @classmethod
    def of(cls, error: ErrorDetails, value: Any) -> _Found:
        """Find out which parts of an error's location are in the file."""
        loc, wanted = error["loc"], error["input"]
        missing = loc[-1:] if error["type"] == "missing" else ()
        loc = loc[: len(loc) - len(missing)]
        kept = _kept(value, loc, wanted) or _kept(value, loc, _ANYTHING) or ()
        path = tuple(compress(loc, kept))
        if all(kept):
            return cls(error, (*path, *missing), None, None)
        at = max(i for i, is_kept in enumerate(kept) if not is_kept)
        return cls(error, (*path, *missing), tuple(compress(loc[:at], kept)), loc[at])


def _kept(value: Any, loc: Path, wanted: object) -> tuple[bool, ...] | None:
    """Tell which parts of a location lead from a value to the wanted one; None where none do."""
    if not loc:
        return () if value is wanted or wanted is _ANYTHING else None
    if _has(value, loc[0]) and (rest := _kept(value[loc[0]], loc[1:], wanted)) is not None:
        return (True, *rest)
    rest = _kept(value, loc[1:], wanted)
    return None if rest is None else (False, *rest)


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _of_union(root: yaml.Node, errors: list[_Found], fields: Fields) -> list[Problem]:
    problems = [_problem(root, one, fields) for one in errors]
    if any(one.path != one.union for one in errors):
        return problems
    return [replace(problems[0], sentence=", or ".join(dict.fromkeys(p.sentence for p in problems)))]


def _problem(root: yaml.Node, one: _Found, fields: Fields) -> Problem:
    sentence = _sentence(one.error, fields)
    if one.error["type"] == "extra_forbidden":
        sentence = _not_a_field(str(one.path[-1]), _beside(root, one.path), fields)
    return Problem(_line(root, one.path), show(one.path), sentence)


def _closest(errors: list[_Found]) -> list[_Found]:
    """Keep, of a union's errors, those of the member that the value comes closest to; all where it is like none."""
    members: dict[str | int | None, list[_Found]] = {}
    for one in errors:
        members.setdefault(one.member, []).append(one)
    alike = [errors for errors in members.values() if any(one.path != one.union for one in errors)]
    return min(alike, key=len, default=errors)


def _walk(root: yaml.Node, path: Path) -> Iterator[tuple[yaml.Node, int]]:
    """Give the nodes on the way to a field, each with its line, as far as they are in the file."""
    node, line = root, root.start_mark.line + 1
    yield node, line
    for part in path:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            child = next(((key, value) for key, value in pairs if key.value == str(part)), None)
            if child is None:
                return
            node, line = child[1], child[0].start_mark.line + 1
        yield node, line


def _line(root: yaml.Node, path: Path) -> int:
    return list(_walk(root, path))[-1][1]


def _beside(root: yaml.Node, path: Path) -> set[str]:
    """Name the other fields that stand where a field stands."""
    node = list(_walk(root, path[:-1]))[-1][0]
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value) for key, _ in pairs if key.value != path[-1]}


_SENTENCES = {
    "missing": "is missing",
    "decimal_parsing": "input should be a number",
    "dict_type": "give names, each with a ':' and a value",
    "greater_than_equal": "input should be at least {ge}",
    "int_parsing": "input should be a whole number",
    "int_parsing_size": "input should be a number of few digits",
    "less_than_equal": "input should be at most {le}",
    "model_attributes_type": "give names, each with a ':' and a value",
    "list_type": "input should be a list, such as [a, b]",
    "string_too_long": "has more than {max_length} characters",
    "string_type": "input should be text",
    "union_tag_invalid": "{discriminator} should be one of {expected_tags}; '{tag}' is none of them",
    "union_tag_not_found": "{discriminator} is missing",
}
"""Pydantic's sentences, where they speak to programmers, in other words."""
FORMS = {
    r"\w": "write a word in it: a letter or a digit",
    "^[a-z][a-z0-9-]{0,39}$": "write up to 40 small letters, digits and hyphens, a letter first",
    "^[A-Za-z0-9._-]{1,64}$": "write up to 64 letters, digits, dots, hyphens and underscores",
    "^[A-Z]{3}$": "write a currency in three capital letters, such as EUR",
}
"""What a text should look like, for each pattern that a field has."""


def _sentence(error: ErrorDetails, fields: Fields) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if error["input"] in (None, "", []):
        return "is empty"
    if kind == "model_type":
        names = fields[context["class_name"]]
        return "give its fields: " + ", ".join([name for name, needed in names.items() if needed] or names)
    if kind == "string_pattern_mismatch" and context["pattern"] in FORMS:
        return FORMS[context["pattern"]]
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context)
    message = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


_FEW = 4
"""So many neighbours tell where a field stands; more only hide the sentence."""


def _not_a_field(name: str, beside: set[str], fields: Fields) -> str:
    if any(name in names for names in fields.values()):  # it is one elsewhere
        return "is not a field here" + (f", beside {', '.join(sorted(beside))}" if 0 < len(beside) <= _FEW else "")
    here = [names for names in fields.values() if beside <= set(names)] or fields.values()
    close = difflib.get_close_matches(name, sorted(set().union(*here) - beside), n=1)
    return "is not a field here" + (f"; did you mean '{close[0]}'?" if close else "")


def _fields(model: type[BaseModel]) -> Fields:
    schema = model.model_json_schema()
    parts = {model.__name__: schema, **schema.get("$defs", {})}
    return {
        name: {field: field in part.get("required", ()) for field in part.get("properties", ())}
        for name, part in parts.items()
    }
