"""The OpenAPI document: every route is in it, with its errors, and its examples are what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator
from schemathesis import openapi

from api import app
from api.state import Services

APP: FastAPI = app.build(cast("Services", None))
DOCUMENT = APP.openapi()
KEPT_OUT = re.compile(r"/(docs)?|/swagger/.*|/openapi.json|/v1/([tipsgab]|import|projects/.*)")
"""The page that shows the document, and what only Segment's libraries call: short names, and a project's settings."""
FILES = {"/v1/capture.js", "/v1/push.js", "/v1/push-worker.js", "/v1/on-site.js"}
"""Served to whoever asks: no key, no database."""
OPENED_OTHERWISE = re.compile(r"/v1/(hooks/|capture$|on-site$)")
"""By the body's signature, and by the key in the body."""
FOR_PEOPLE = {"/u/{token}"}
"""What goes wrong there is told on a page."""
PROBLEM = "application/problem+json"


def calls() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, call in methods.items():
            yield method, path, call


def parts_of(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts_of(part)


def test_the_document_is_one_by_the_standard() -> None:
    openapi.from_dict(DOCUMENT).validate()
    for kind in DOCUMENT["components"].values():
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in kind)


def test_every_route_is_in_the_document() -> None:
    routes = {
        (method.lower(), re.sub(r":\w+}", "}", str(route.path)))
        for route in iter_route_contexts(APP.routes)
        if not KEPT_OUT.fullmatch(str(route.path))
        for method in route.methods or ()
    }
    assert ("post", "/v1/track") in routes
    assert routes == {(method, path) for method, path, _ in calls()}


def test_every_call_says_what_opens_it_and_which_errors_it_answers_with() -> None:
    for _, path, call in calls():
        errors = {status: answer for status, answer in call["responses"].items() if status >= "400"}
        if path.startswith("/v1/") and path not in FILES:
            assert {"401", "422", "503"} <= set(errors)
            assert call.get("security") or OPENED_OTHERWISE.match(path)
        for answer in errors.values():
            assert set(answer["content"]) == {PROBLEM} or path in {"/readyz", *FOR_PEOPLE}


def test_who_is_told_to_come_again_is_told_when() -> None:
    for _, path, call in calls():
        for status in {"429", "503"} & set(call["responses"]):
            assert path == "/readyz" or "Retry-After" in call["responses"][status]["headers"]


def test_what_the_document_points_to_is_there() -> None:
    pointers = {part["$ref"] for part in parts_of(DOCUMENT) if isinstance(part.get("$ref"), str)}
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert pointers <= known


def examples() -> Iterator[Any]:
    for method, path, call in calls():
        for media in call.get("requestBody", {}).get("content", {}).values():
            if "example" in media:
                yield pytest.param(media, id=f"{method} {path}")


@pytest.mark.parametrize("media", list(examples()))
def test_an_example_is_what_the_document_says(media: dict[str, Any]) -> None:
    Draft202012Validator({**media["schema"], "components": DOCUMENT["components"]}).validate(media["example"])
