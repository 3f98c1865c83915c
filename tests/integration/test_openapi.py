"""The API is called with whatever its OpenAPI document allows, and much that it does not: every answer fits it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest
import requests
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from schemathesis import BaseSchema, Case, CheckContext, CheckFunction, Response
from schemathesis.checks import negative_data_rejection, positive_data_acceptance, unsupported_method
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.status import HTTP_200_OK

from api import app, capture, on_site, worksheets
from api.state import Services
from journeys.offers import Offer
from relance import serving
from storage import offers, shops
from tests.chaos.conftest import free_port
from tests.conftest import own_database
from tests.support import HOUR, TestShop, opened_shop, without_temporal

for media_type in ("message/rfc822", worksheets.CSV, worksheets.XLSX):
    schemathesis.serializer.alias(media_type, "text/plain")

EXAMPLES = 10
"""So many are drawn at random for each operation, beside all that the document's limits and examples lead to."""
SEED = 20260310
CARTS = ("c-1", "c-2", "c-3")


def schema(**config: Any) -> BaseSchema:
    return schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig.from_dict({"seed": SEED, **config}))


DOCUMENT = app.build(cast("Services", None)).openapi()
"""No service is needed to write it."""
# What stands in a batch is what the single calls take: every limit of it is tried there, once is enough.
SCHEMA = schema(
    operations=[
        {"include-path": path, "phases": {"coverage": {"enabled": False}}} for path in ("/v1/batch", capture.PATH)
    ]
)
BRIEFLY = schema(phases={"coverage": {"enabled": False}, "examples": {"enabled": False}})

OF_THE_ANSWER: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LENIENT = {"tracking", "capture", "on-site", "webhooks", "preferences"}
"""The tags of doors where a field that Relance does not use may hold anything, whatever the document says of it."""
ALSO_NAMES = {f"/v1/plans/{verb}" for verb in ("pause", "resume", "archive", "unarchive", "import")}
"""A plan may be called so: its other methods are those of any plan, by ``/v1/plans/{name}``."""
UNSAID = (
    *("a NUL character", "in the future", "lies after sentAt", "thousands of years", "take it from next_cursor"),
    "names a purpose twice",
    "This is not a plan",
    "This is not a worksheet",
)
"""Rules that no JSON Schema can state: what breaks one of them is refused although it fits the document."""


@dataclass(frozen=True)
class Door:
    """Where the API is, what opens it, and what can be found there, by the name of the path's parameter."""

    url: str
    write_key: str
    api_key: str
    known: dict[str, list[str]]
    session: requests.Session = field(default_factory=requests.Session)

    def find_something(self, case: Case[Any]) -> None:
        """Have every second call that fits the document ask for what is there, and a page's call bring its key."""
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
            return
        for name, given in case.path_parameters.items():
            turn = zlib.crc32(repr((given, case.body)).encode())
            if name in self.known and turn % 2:
                case.path_parameters[name] = self.known[name][turn % len(self.known[name])]
        if case.path in {capture.PATH, on_site.PATH} and isinstance(case.body, dict):
            case.body["writeKey"] = self.write_key

    def authorization(self, case: Case[Any]) -> dict[str, Any]:
        """Give what opens an operation, if anything does."""
        wanted = [name for way in case.operation.definition.raw.get("security", []) for name in way]
        if "writeKey" in wanted:
            return {"auth": (self.write_key, "")}
        return {"headers": {"Authorization": f"Bearer {self.api_key}"}} if wanted else {}


@asynccontextmanager
async def opened(postgres_server: str, *, has_database: bool = True) -> AsyncIterator[Door]:
    async with own_database(postgres_server) as url, opened_shop(url) as shop:
        port, stop, ready = free_port(), asyncio.Event(), asyncio.Event()
        built = app.build(without_temporal(shop.parts))
        api = asyncio.create_task(serving.serve(built, "127.0.0.1", port, stop, ready=ready.set))
        await ready.wait()
        write_key = await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
        api_key = await shops.create_key(shop.parts.pool, shop.shop, "api", "test")
        known = await things_of(shop)
        if not has_database:
            await shop.parts.pool.close()
        yield Door(f"http://127.0.0.1:{port}", write_key, api_key, known)
        stop.set()
        await api


async def things_of(shop: TestShop) -> dict[str, list[str]]:
    """Fill carts and make offers, so that there is something to be found."""
    known: dict[str, list[str]] = {"journey": [], "code": [], "token": [], "shop": [shop.shop], "customer": ["ann"]}
    await shop.identify()
    for cart in CARTS:
        journey = await shop.fill(cart)
        async with shop.parts.pool.acquire() as db:
            offer = Offer(kind="free_shipping", deadline=shop.begins + HOUR)
            made = await offers.make(db, journey, "second", offer, shop.begins, offers.new_code())
        known["journey"].append(journey.id)
        known["code"].append(made.code)
        known["token"].append(shop.parts.links.token(shop.shop, cart))
        known["token"].append(shop.parts.preferences.token(shop.shop, "ann"))
    return known


@pytest.fixture(scope="module")
def door(postgres_server: str) -> Iterator[Door]:
    """The API of a shop with a few carts. It runs in a thread: the tests call it and wait."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(opened(postgres_server)) as door:
        yield door


@pytest.fixture(scope="module")
def closed_door(postgres_server: str) -> Iterator[Door]:
    """The same, but its database can no longer be used."""
    without = partial(opened, has_database=False)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(without(postgres_server)) as door:
        yield door


class RejectedEvent(Failure):
    """An event of a batch fits the document, and was rejected for no reason that the document could not have said."""


@schemathesis.check
def taken_unless_no_schema_can_say(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return None
    if response.status_code != HTTP_200_OK:
        return None if _is_unsaid(response.text) else positive_data_acceptance(ctx, response, case)
    for result in _results(response):
        if result["status"] == "rejected" and not _is_unsaid(result["problem"]):
            raise RejectedEvent(operation=case.operation.label, message=f"{result['field']}: {result['problem']}")
    return None


def _results(response: Response) -> list[dict[str, Any]]:
    if "application/json" not in response.headers["content-type"]:
        return []
    return cast("list[dict[str, Any]]", response.json().get("results", []))


def _is_unsaid(problem: str) -> bool:
    return any(rule in problem for rule in UNSAID)


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES)
def test_every_answer_fits_the_document(case: Case[Any], door: Door) -> None:
    door.find_something(case)
    is_lenient = not LENIENT.isdisjoint(case.operation.tags or ())
    excluded = [positive_data_acceptance, *([negative_data_rejection] if is_lenient else [])]
    excluded += [allow_header_conformance, unsupported_method] if case.path in ALSO_NAMES else []
    case.call_and_validate(door.url, door.session, excluded_checks=excluded, **door.authorization(case))


@BRIEFLY.parametrize()
@settings(max_examples=1)
def test_while_the_database_cannot_be_used_every_answer_fits_too(case: Case[Any], closed_door: Door) -> None:
    answer = case.call(closed_door.url, closed_door.session, **closed_door.authorization(case))
    case.validate_response(answer, OF_THE_ANSWER)


def test_the_lines_of_a_cart_fit_the_document(door: Door) -> None:
    for token in door.known["token"][::2]:
        case = SCHEMA["/c/{token}"]["GET"].Case(path_parameters={"token": token})
        answer = case.call_and_validate(door.url, door.session, headers={"Accept": "application/json"})
        assert answer.json()["items"]
