"""NUL, which Postgres keeps in no text: whoever sends one is told so, wherever it stands in an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.unit.test_document import DOCUMENT, calls

NUL = "%00"


def named(where: str) -> Iterator[Any]:
    """Give the operations with parameters that are texts, and those parameters' names."""
    for method, path, call in calls():
        names = [each["name"] for each in call.get("parameters", ()) if each["in"] == where and _is_text(each)]
        if names:
            yield pytest.param(method, path, call, names, id=f"{method} {path}")


def _is_text(parameter: dict[str, Any]) -> bool:
    schema = parameter["schema"]
    return any(each.get("type") == "string" for each in (schema, *schema.get("anyOf", ())))


def body(call: dict[str, Any]) -> Any:
    """Give the example of an operation's body, so that the address alone is wrong."""
    schema = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    first = (schema.get("anyOf") or [schema])[0]
    known = DOCUMENT["components"]["schemas"].get(first.get("$ref", "").rpartition("/")[2], first)
    return known.get("examples", [{}])[0]


async def answer(api: httpx.AsyncClient, method: str, url: str, call: dict[str, Any]) -> httpx.Response:
    return await api.request(method, url, json=body(call) if "requestBody" in call else None)


@pytest.mark.parametrize(("method", "path", "call", "names"), [*named("path")])
async def test_a_nul_in_a_path_names_nothing_that_is_there(
    api: httpx.AsyncClient, method: str, path: str, call: dict[str, Any], names: list[str]
) -> None:
    for nul in (NUL, f"a{NUL}"):
        told = await answer(api, method, path.format(**dict.fromkeys(names, nul)), call)
        assert told.status_code in {401, 404, 422}, told.text


@pytest.mark.parametrize(("method", "path", "call", "names"), [*named("query")])
async def test_a_nul_in_a_query_is_told(
    api: httpx.AsyncClient, method: str, path: str, call: dict[str, Any], names: list[str]
) -> None:
    for name in names:
        url = f"{path.replace('{name}', 'cart-recovery')}?{name}={NUL}"
        told = await answer(api, method, url, call)
        assert told.status_code in {400, 401, 415, 422}, told.text


async def test_a_nul_in_a_write_key_opens_nothing(api: httpx.AsyncClient) -> None:
    told = await api.get(f"/v1/projects/{NUL}/settings")
    assert (told.status_code, told.json()["title"]) == (404, "No such write key")


async def test_a_plan_of_no_name_is_told_as_every_call_about_plans_tells_it(api: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("GET", "/runs"), ("GET", "/export"), ("POST", "/pause"), ("POST", "/archive")):
        told = await api.request(method, f"/v1/plans/{NUL}{path}")
        assert (told.status_code, told.json()["errors"]) == (
            422,
            [{"field": "name", "problem": "String should match pattern '^[a-z][a-z0-9-]{0,39}$'"}],
        )
