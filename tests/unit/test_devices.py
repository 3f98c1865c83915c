"""Which devices an event tells of, and which push goes first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import events, push_choice
from journeys.addresses import comparable
from journeys.devices import Kind, Told, subscription, told
from journeys.facts import Channel, Medium

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
GOOD: dict[str, Any] = {"endpoint": ENDPOINT, "keys": {"p256dh": P256DH, "auth": AUTH}}
NOW = datetime(2026, 3, 10, tzinfo=UTC)


def test_a_subscription_is_kept_in_one_form_whatever_else_the_browser_says() -> None:
    padded = {**GOOD, "expirationTime": None, "keys": {"auth": AUTH + "==", "p256dh": P256DH + "="}}
    kept = subscription(padded)
    assert kept
    assert json.loads(kept) == GOOD
    assert kept == subscription(GOOD)
    assert comparable(Medium.PUSH, kept) == ENDPOINT


@pytest.mark.parametrize(
    "wrong",
    [
        {**GOOD, "endpoint": "http://fcm.googleapis.com/x"},
        {**GOOD, "endpoint": "https://u:p@fcm.googleapis.com/x"},
        {**GOOD, "endpoint": "https://fcm.googleapis.com/" + "x" * 1024},
        {**GOOD, "endpoint": "https://fcm.googleapis.com/a\nb"},
        {**GOOD, "endpoint": "https://[/"},
        {**GOOD, "keys": {"p256dh": P256DH[:-4], "auth": AUTH}},
        {**GOOD, "keys": {"p256dh": "A" + P256DH[1:], "auth": AUTH}},
        {**GOOD, "keys": {"p256dh": P256DH, "auth": AUTH[:-2]}},
        {**GOOD, "keys": {"p256dh": P256DH, "auth": "é"}},
        {**GOOD, "keys": None},
        "text",
    ],
)
def test_what_is_no_subscription_is_left_out(wrong: object) -> None:
    assert told({"device": {"type": "browser", "subscription": wrong}}) is None


def test_an_apps_token_is_read_of_ios_and_android_alone() -> None:
    assert told({"device": {"type": "Android", "token": "t:1"}}) == Told(kind=Kind.APP, address="t:1")
    for device in ({"type": "tv", "token": "t"}, {"type": "ios", "token": "a b"}, {"type": "ios"}, {"type": 1}, "x"):
        assert told({"device": device}) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*GOOD, "device", "type"]), inner),
)


@given(_JSON)
def test_no_context_is_a_reason_to_refuse(context: object) -> None:
    told(context)
    told({"device": context})
    told({"device": {"type": "browser", "subscription": context}})


def test_the_log_of_events_holds_no_device() -> None:
    message = {"userId": "u", "context": {"device": {"type": "ios", "token": "secret-token"}}}
    event = events.parse(message, received_at=NOW, kind="page")
    assert event.device == Told(kind=Kind.APP, address="secret-token")
    assert "secret-token" not in event.model_dump_json()


@pytest.mark.parametrize(
    ("seen", "browser", "wanted"),
    [
        (None, False, ()),
        (None, True, (Channel.WEB_PUSH,)),
        (timedelta(days=14), True, (Channel.APP_PUSH, Channel.WEB_PUSH)),
        (timedelta(days=14, seconds=1), True, (Channel.WEB_PUSH, Channel.APP_PUSH)),
        (timedelta(days=90), False, (Channel.APP_PUSH,)),
    ],
)
def test_an_app_that_was_seen_lately_goes_first(
    seen: timedelta | None,
    browser: bool,  # noqa: FBT001 a column of the table
    wanted: tuple[Channel, ...],
) -> None:
    seen_at = NOW - seen if seen is not None else None
    assert push_choice.order(seen_at, browser=browser, at=NOW) == wanted
