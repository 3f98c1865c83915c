"""Providers' own specifications, closed: their schemas allow unknown fields, so that a misspelt one would pass."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
_ANYTHING = "additionalProperties", {"type": "object"}


def close(schema: Any, spec: dict[str, Any], *, inherited: bool = False) -> Any:
    """Resolve the references, choose by discriminators, and forbid fields that the schema does not name."""
    if isinstance(schema, list):
        return [close(part, spec) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return close(spec["components"]["schemas"][reference.rpartition("/")[2]], spec, inherited=inherited)
    if "discriminator" in schema and not inherited:
        return {"oneOf": list(_kinds(schema["discriminator"], spec))}
    parts = [close(part, spec, inherited=True) for part in schema.get("allOf", [])]
    # A map of objects, of which the specification's own examples are words and numbers, is one of anything.
    own = {key: True if (key, value) == _ANYTHING else value for key, value in schema.items() if key != "allOf"}
    closed = _merged({key: close(value, spec) for key, value in own.items()}, parts)
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _kinds(discriminator: dict[str, Any], spec: dict[str, Any]) -> Iterator[Any]:
    """Give each schema of a mapping, for its own value of the field that tells them apart."""
    for value, reference in discriminator["mapping"].items():
        kind = close({"$ref": reference}, spec)
        kind["properties"] = {**kind["properties"], discriminator["propertyName"]: {"const": value}}
        yield kind


def _merged(schema: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw the parts of an ``allOf`` into one object; closed one by one, none would allow the others' fields."""
    for part in parts:
        schema["properties"] = {**schema.get("properties", {}), **part["properties"]}
        schema["required"] = [*schema.get("required", []), *part.get("required", [])]
    return schema


def schema_of(name: str, path: str, media: str) -> dict[str, Any]:
    file = SPECS / name
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    spec = json.loads(file.read_text())
    schema = spec["paths"][path]["post"]["requestBody"]["content"][media]["schema"]
    closed: dict[str, Any] = close(schema, spec)
    return closed


def without_what_we_left_out(theirs: Any, ours: Any) -> Any:
    """Drop the defaults that Infobip's client writes out. What it does not know it drops itself."""
    if isinstance(ours, dict):
        return {key: without_what_we_left_out(theirs[key], value) for key, value in ours.items() if key in theirs}
    if isinstance(ours, list):
        return [without_what_we_left_out(*pair) for pair in zip(theirs, ours, strict=True)]
    return theirs


def fields(body: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every field of a document, by the keys that lead there."""
    if isinstance(body, list):
        for index, part in enumerate(body):
            yield from fields(part, (*path, index))
    elif isinstance(body, dict):
        for key, value in body.items():
            yield (*path, key)
            yield from fields(value, (*path, key))


def misspelt(body: Any, paths: Iterable[tuple[str | int, ...]]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Give the document with each of its fields written wrong in turn."""
    for path in paths:
        *way, last = path
        changed = copy.deepcopy(body)
        holder: Any = changed
        for key in way:
            holder = holder[key]
        holder[f"{last}s"] = holder.pop(last)
        yield path, changed
