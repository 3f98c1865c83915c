"""What the pages of calls and events show is run: they cannot say what the program does not do."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest

from api import app, capture, doors, known_keys, metrics, preferences, schemas, taking
from api.hooks import route, shopify, woocommerce
from api.journeys import Reason
from api.offers import Redeem
from api.state import Services
from api.tasks import Claim, Completion
from journeys import (
    cart,
    customers,
    events,
    notes,
)
from journeys.preferences import EVERYTHING
from storage import carts
from storage.people_story import NEWEST_SENDS
from tests.unit.docs_shown import (
    NOW,
    PAGES,
    ROOT,
    calls,
    documents,
    messages,
    prose,
)

# HTTP


def operations() -> list[tuple[str, re.Pattern[str]]]:
    """Every operation of the API; its services are not asked for anything."""
    paths = app.build(cast("Services", None)).openapi()["paths"]
    known = [(m.upper(), re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(p)))) for p in paths for m in paths[p]]
    return [*known, ("GET", re.compile("/docs"))]


def named_operations() -> list[tuple[str, str, str]]:
    """Where a page names a method and a path, or a path alone, or calls one."""
    found = [
        (f"{page.name}: {method or ''} {path}", method, path.partition("?")[0])
        for page in PAGES
        for method, path in re.findall(
            r"`(?:(GET|POST|PUT|DELETE) )?(/(?:v1/|c/|l/|u/|\w+z\b|docs)[^`\s]*)`", prose(page)
        )
    ]
    return found + [(str(command), method, path) for command, method, path, _ in calls()]


@pytest.mark.parametrize(("where", "method", "path"), named_operations(), ids=str)
def test_an_address_that_is_named_exists(where: str, method: str, path: str) -> None:
    answering = [known for known, pattern in operations() if pattern.fullmatch(path)]
    assert answering, where
    assert not method or method in answering, where


def test_the_limits_are_those_of_the_program() -> None:
    text = prose(ROOT / "docs" / "events.md")
    assert f"{taking.MAX_BODY // 1024} KB" in text
    assert f"{schemas.MAX_BATCH} messages" in text
    assert f"above {events.MAX_EVENT_BYTES // 1024} KB" in text
    assert f"at most {events.MAX_ID} characters" in text
    assert f"{events.CLOCK_TOLERANCE.seconds // 60} minutes ahead" in text
    assert f"at most {known_keys.KEPT_FOR:.0f} seconds more" in text
    assert f"within {taking.BODY_WITHIN:.0f} seconds" in text
    assert f"more than {doors.MOST_AT_ONCE} requests" in text
    assert f"within {carts.OPEN_FOR.days} days" in text


def test_the_events_page_names_every_call_and_every_kind() -> None:
    text = prose(ROOT / "docs" / "events.md")
    assert not [call for call in (*events.KINDS, "batch") if f"`POST /v1/{call}`" not in text]
    assert f"one of {', '.join(f'`{kind}`' for kind in events.KINDS)}" in text


def test_the_counter_of_requests_turned_away_is_named() -> None:
    (metric,) = doors.TURNED_AWAY.collect()
    assert f"`{metric.name}_total`" in prose(ROOT / "docs" / "events.md")


def test_the_note_is_the_one_that_is_shown() -> None:
    event = events.parse({"userId": "u-1", "event": "order completed"}, received_at=NOW, kind="track")
    [note] = notes.notes_on([event])
    assert f"`{event.name}`,\n`{note}`" in prose(ROOT / "docs" / "events.md")


# JSON


def test_the_tracking_messages_are_found() -> None:
    assert {message.get("type") or kind for _, message, kind in messages()} == set(events.KINDS)


@pytest.mark.parametrize(
    ("where", "message", "kind"), messages(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_tracking_message_that_is_shown_is_taken(where: str, message: dict[str, Any], kind: str | None) -> None:
    event = events.parse(message, received_at=NOW, kind=kind)
    customers.consents(event)
    if event.name in cart.CART_EVENTS:
        assert event.cart_id, where
        cart.apply(cart.Cart(), event)


def test_an_event_table_names_every_event_that_relance_acts_on() -> None:
    text = prose(ROOT / "docs" / "events.md")
    assert not [name for name in events.Name if f"`{name}`" not in text]


def test_an_order_without_its_id_is_refused_as_shown() -> None:
    (shown,) = (document for _, document in documents() if "errors" in document)
    with pytest.raises(events.BadEventError) as error:
        events.parse({"userId": "u-1", "event": "Order Completed"}, received_at=NOW, kind="track")
    assert shown["errors"] == [{"field": error.value.field, "problem": error.value.problem}]
    assert shown["detail"] == str(error.value)


def test_an_answer_that_is_shown_has_the_shape_of_an_answer() -> None:
    (shown,) = (document for _, document in documents() if "results" in document)
    assert taking.Answer.model_validate(shown).model_dump() == shown


def test_the_bodies_of_other_calls_are_taken() -> None:
    taken = []
    for _, _, path, body in calls():
        if path.endswith("/cancel"):
            taken.append(path)
            Reason.model_validate(body)
        for last, model in (("/claim", Claim), ("/complete", Completion)):
            if path.endswith(last):
                taken.append(path)
                model.model_validate(body)
    assert {path.rpartition("/")[2] for path in taken} == {"cancel", "claim", "complete"}
    (order,) = re.findall(r"/redeem` and\s+`(\{.*?\})`", prose(ROOT / "README.md"))
    Redeem.model_validate_json(order)


# Preferences


def test_the_preferences_page_names_every_choice_and_its_consents_are_taken() -> None:
    text = prose(ROOT / "docs" / "preferences.md")
    assert not [part for choice in EVERYTHING for part in choice if f"`{part}`" not in text]
    assert f"`{preferences.ONE_CLICK_WORDS}`" in text
    assert f"newest {NEWEST_SENDS} `sends`" in text
    bodies = [body for _, _, path, body in calls() if path.endswith("/consent")]
    assert bodies
    for body in bodies:
        told = {"userId": "u-1", "traits": {"consent": body}}
        assert customers.consents(events.parse(told, received_at=NOW, kind="identify"))


# Webhooks

WEBHOOKS = ROOT / "docs" / "webhooks.md"


def test_the_topics_are_all_described_and_no_others() -> None:
    described = re.findall(r"`(\w+[/.]\w+)`", "".join(re.findall(r"^\| (`.*?) \|", prose(WEBHOOKS), re.MULTILINE)))
    assert sorted(described) == sorted([*shopify._TOPICS, *woocommerce._TOPICS])  # noqa: SLF001 the lists


def test_the_webhooks_limits_and_counters_are_those_of_the_program() -> None:
    text = prose(WEBHOOKS)
    assert f"above {route.MAX_BODY // 1024**2} MB" in text
    assert f"within {route.ANSWER_WITHIN:.0f} seconds" in text
    named = set(re.findall(r"relance_hooks_\w+", text))
    counted = {metric.name + "_total" for metric in metrics.REGISTRY.collect()}
    assert named == {name for name in counted if name.startswith("relance_hooks_")}


# Capture

CAPTURE = ROOT / "docs" / "capture.md"


def test_the_attributes_and_the_calls_of_pages_are_all_described_and_no_others() -> None:
    source = (ROOT / "api" / "static" / "capture.js").read_text()
    read = re.findall(r"dataset\.(\w+)|\[(data-[\w-]+)\]", source)
    known = {dashed or "data-" + re.sub("[A-Z]", lambda c: "-" + c[0].lower(), name) for name, dashed in read}
    assert set(re.findall(r"^\| `(data-[\w-]+)` \|", CAPTURE.read_text(), re.MULTILINE)) == known
    calls = re.findall(r"^    (\w+)[(:]", source.partition("const api = {")[2].partition("\n  };")[0], re.MULTILINE)
    described = re.findall(r"^\| `relance\.push\((\[.*?\])\)` \|", CAPTURE.read_text(), re.MULTILINE)
    assert [json.loads(call)[0] for call in described] == calls


def test_the_types_that_a_page_may_send_are_named() -> None:
    *others, last = capture.KINDS
    assert f"It takes {', '.join(f'`{kind}`' for kind in others)} and `{last}`" in prose(CAPTURE)
