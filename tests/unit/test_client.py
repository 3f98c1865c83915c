"""The client's own rules, without a line: what an event becomes, and when a call is tried again."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.customers import consents
from journeys.events import MAX_EVENT_BYTES, parse
from relance_client import AsyncRelance, Consent, FieldProblem, Rejected, Relance, Retries, Unreachable, events
from relance_client.calls import MAX_BATCH, MAX_BODY, Calls
from relance_client.exchange import Heard, Pause, exchange

NOW = datetime(2027, 1, 1, tzinfo=UTC)
UUID_7 = UUID(int=7)
TAKEN = {"success": True, "results": [{"message_id": "m", "status": "new"}]}
API = Calls("https://relance.example.com/shop/", "write_1", "api_1", Retries())


def answer(status: int, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=TAKEN, headers=named, request=httpx.Request("GET", "https://r"))


# Events


def test_an_event_has_its_id_and_its_time_before_it_is_sent() -> None:
    before = datetime.now(UTC)
    first, second = events.track("Note", user_id="ann"), events.track("Note", user_id="ann")
    assert UUID(first.message_id) != UUID(second.message_id)
    assert before <= datetime.fromisoformat(first.message["timestamp"]) <= datetime.now(UTC)


def test_an_order_has_the_same_id_whenever_and_wherever_it_is_told() -> None:
    told = [events.order_completed(order, user_id="u").message_id for order in ("17", 17, "18", "17 ")]
    assert told[0] == told[1] == "1697ae4c-a98e-5eea-b639-bd20fabf9428"
    assert len(set(told)) == 3


def test_an_event_does_not_change_with_what_it_was_made_of() -> None:
    lines: list[dict[str, object]] = [{"product_id": "p-1", "price": 1}]
    event = events.order_completed("o-1", user_id="ann", products=lines)
    before = copy.deepcopy(event.message)
    lines[0]["price"] = 2
    assert event.message == before


def test_what_an_order_is_told_with_stands_in_its_properties() -> None:
    event = events.order_completed(
        "o-1",
        anonymous_id="device-9",
        cart_id="c-1",
        checkout_id="k-1",
        total=Decimal("129.90"),
        currency="EUR",
        products=[{"sku": "peg-10", "price": Decimal("4.50")}],
        properties={"coupon": "SPRING", "total": 1},
    )
    assert event.message["properties"] == {
        "coupon": "SPRING",
        "order_id": "o-1",
        "cart_id": "c-1",
        "checkout_id": "k-1",
        "total": "129.90",
        "currency": "EUR",
        "products": [{"sku": "peg-10", "price": "4.50"}],
    }
    read = parse(event.message, received_at=datetime.now(UTC))
    assert (read.name, read.order_id, read.cart_id, read.checkout_id) == ("Order Completed", "o-1", "c-1", "k-1")


def test_a_consent_is_told_with_its_proof() -> None:
    given: dict[str, bool | Consent] = {
        "sms": Consent(granted=True, purpose="service", text="Yes", at=NOW),
        "email": False,
    }
    event = events.identify("ann", {"firstName": "Ann"}, consent=given)
    assert event.message["traits"]["firstName"] == "Ann"
    read = consents(parse(event.message, received_at=NOW + timedelta(days=9999)))
    assert {(c.channel, c.purpose, c.granted, c.wording, c.at == NOW) for c in read} == {
        ("sms", "service", True, "Yes", True),
        ("email", "marketing", False, None, False),
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_whatever_json_can_say_is_sent_as_given(properties: dict[str, Any]) -> None:
    sent = json.loads(events.track("Note", properties, user_id="ann").encoded())
    assert sent["properties"] == properties


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**30), max_value=10**30))
def test_a_decimal_keeps_all_its_digits(price: Decimal) -> None:
    sent = events.track("Note", {"price": price}, user_id="ann").message["properties"]["price"]
    assert isinstance(sent, str)
    assert Decimal(sent) == price
    assert "E" not in sent


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (UUID_7, str(UUID_7)),
        (NOW, "2027-01-01T00:00:00+00:00"),
        ((1, 2), [1, 2]),
        (12345678901234567890, 12345678901234567890),
    ],
)
def test_pythons_own_values_are_sent_as_jsons(value: object, sent: object) -> None:
    assert events.track("Note", {"value": value}, user_id=UUID_7).message["properties"]["value"] == sent


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (datetime(2027, 1, 1), ValueError, "the datetime has no time zone; give it one"),  # noqa: DTZ001 the point
        (float("nan"), ValueError, "is nan, which JSON does not have"),
        (Decimal("Infinity"), ValueError, "is Infinity, which JSON does not have"),
        ("\ud800", ValueError, "half of a surrogate pair"),
        ({"\ud800": 1}, ValueError, "half of a surrogate pair"),
        ({7: 1}, TypeError, "names of its fields must be strings"),
        (date(2027, 1, 1), TypeError, "a date cannot be sent"),
        (b"x", TypeError, "a bytes cannot be sent"),
        ({1, 2}, TypeError, "a set cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_named_where_it_stands(value: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        events.track("Note", {"lines": [{"a": 1}, {"a": value}]}, user_id="ann")
    assert str(raised.value).startswith("properties.lines[1].a: ")


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2027, 1, 1)  # noqa: DTZ001 the point
    with pytest.raises(ValueError, match=r"^timestamp: the datetime has no time zone"):
        events.order_completed("o-1", user_id="ann", timestamp=naive)
    with pytest.raises(ValueError, match=r"^traits\.consent\.sms\.at: the datetime has no time zone"):
        events.identify("ann", consent={"sms": Consent(granted=True, at=naive)})


@given(st.integers(32_300, 32_800), st.sampled_from("aé"))
def test_an_event_that_relance_would_find_too_large_is_refused_where_it_is_made(size: int, letter: str) -> None:
    assert events.MAX_EVENT == MAX_EVENT_BYTES
    text = letter * (size // len(letter.encode()))
    without = events.track("Note", {"text": ""}, user_id="ann", timestamp=NOW)
    longest = MAX_EVENT_BYTES - len(sent(API.tell(without)).content)
    if len(text.encode()) > longest:
        with pytest.raises(ValueError, match="larger than 32 KB"):
            events.track("Note", {"text": text}, user_id="ann", timestamp=NOW)
    else:
        event = events.track("Note", {"text": text}, user_id="ann", timestamp=NOW)
        assert len(sent(API.tell(event)).content) <= MAX_EVENT_BYTES


# Tries


@dataclass
class Driven:
    """An exchange that was driven to its end."""

    tries: int = 0
    pauses: list[float] = field(default_factory=list)
    seconds: float = 0
    end: httpx.Response | Exception | None = None


def drive(heard: Iterable[Heard], retries: Retries | None = None, each: float = 0) -> Driven:
    """Drive an exchange with what it hears, each try taking so many seconds."""
    driven, hears = Driven(), iter(heard)
    steps = exchange(lambda: httpx.Request("GET", "https://r"), retries or Retries(), lambda: driven.seconds)
    came: Heard = None
    while driven.end is None:
        try:
            step = steps.send(came)
        except StopIteration as end:
            driven.end = end.value
            break
        except (Rejected, Unreachable) as error:
            driven.end = error
            break
        if isinstance(step, Pause):
            driven.pauses.append(step.seconds)
            driven.seconds += step.seconds
            came = None
        else:
            driven.tries += 1
            driven.seconds += each
            came = next(hears)
    return driven


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        httpx.RemoteProtocolError("broken off"),
        httpx.DecodingError("no gzip"),
        answer(429),
        answer(500),
        answer(502),
        answer(503),
        answer(409, retry_after="1"),
    ],
    ids=repr,
)
def test_what_passes_is_tried_again(passing: Heard) -> None:
    driven = drive([passing, answer(200)])
    assert driven.tries == 2
    assert isinstance(driven.end, httpx.Response)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 301, 308])
def test_what_does_not_pass_is_never_tried_again(status: int) -> None:
    headers = {} if status == 409 else {"retry_after": "0"}
    driven = drive([answer(status, **headers)])
    assert driven.tries == 1
    assert isinstance(driven.end, Rejected)


def test_our_own_mistake_is_not_tried_again() -> None:
    driven = drive([httpx.LocalProtocolError("bad header")])
    assert str(driven.end) == "Relance cannot be asked: LocalProtocolError bad header"


def test_pauses_are_random_below_a_bound_that_doubles() -> None:
    retries = Retries(limit=7, seconds=1000, first=1, longest=16)
    seen = [drive([*[answer(500)] * 7, answer(200)], retries).pauses for _ in range(300)]
    for bound, pauses in zip([1, 2, 4, 8, 16, 16, 16], zip(*seen, strict=True), strict=True):
        assert 0 <= min(pauses) < bound * 0.2
        assert bound * 0.8 < max(pauses) <= bound


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("Tue, 10 Mar 2026 10:15:00 GMT", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("²", 0, 0),
        ("", 0, 0),
    ],
)
def test_a_retry_after_is_honoured(value: str, least: float, most: float) -> None:
    heard = httpx.Response(503, headers=[(b"Retry-After", value.encode())])
    (pause,) = drive([heard, answer(200)], Retries(seconds=10_000, first=0)).pauses
    assert least <= pause <= most


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_a_moment_to_come_again_is_honoured(zone: str) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(hours=1)).replace("+0000", zone)
    heard = httpx.Response(503, headers={"Retry-After": moment})
    (pause,) = drive([heard, answer(200)], Retries(seconds=10_000, first=0)).pauses
    assert 3000 <= pause <= 3600


@pytest.mark.parametrize("value", ["61", "9" * 400])
def test_a_retry_after_beyond_all_patience_ends_it(value: str) -> None:
    driven = drive([answer(429, retry_after=value)])
    assert str(driven.end).startswith("tried 1 times")
    assert driven.pauses == []


@pytest.mark.parametrize(
    ("retries", "each", "tries"),
    [
        pytest.param(Retries(), 0, 6, id="in number"),
        pytest.param(Retries(limit=10_000, first=0), 7, 9, id="in time"),
        pytest.param(Retries(limit=2000, longest=0), 0, 2001, id="as the caller says"),
    ],
)
def test_the_tries_are_bounded(retries: Retries, each: float, tries: int) -> None:
    driven = drive([httpx.ReadTimeout("")] * 9999, retries, each)
    assert driven.tries == tries
    assert str(driven.end) == f"tried {tries} times; the last time: ReadTimeout"


@pytest.mark.parametrize(
    "document", [{"title": 7, "errors": [7, {}, {"field": "a", "problem": "b"}]}, {"errors": 7}, [], 7, None]
)
def test_a_problem_document_is_read_whatever_stands_in_it(document: object) -> None:
    end = drive([httpx.Response(400, json=document)]).end
    assert isinstance(end, Rejected)
    assert end.status == 400
    assert end.errors[1:] == ((FieldProblem("a", "b"),) if end.errors else ())


def test_errors_can_be_pickled_as_task_queues_do() -> None:
    error = Rejected(422, "The event cannot be taken", "userId: give one", (FieldProblem("userId", "give one"),))
    read = pickle.loads(pickle.dumps(error))
    assert (str(read), read.errors) == ("422 The event cannot be taken: userId: give one", error.errors)
    assert str(pickle.loads(pickle.dumps(Unreachable("tried 6 times")))) == "tried 6 times"


# Requests


def sent(steps: Any) -> httpx.Request:
    """Give the request that a call begins with."""
    request = next(steps)
    assert isinstance(request, httpx.Request)
    return request


def test_each_try_tells_its_own_moment_for_the_clock_and_the_same_event() -> None:
    steps = API.track("Note", user_id="ann", timestamp=NOW)
    first = json.loads(sent(steps).content)
    assert isinstance(steps.send(answer(500)), Pause)
    second = json.loads(sent(steps).content)
    assert datetime.fromisoformat(first.pop("sentAt")) < datetime.fromisoformat(second.pop("sentAt"))
    assert first == second
    assert first["timestamp"] == NOW.isoformat()


def test_events_are_told_with_the_api_key_where_there_is_one() -> None:
    for write_key, api_key, user in (
        ("write_1", "api_1", "api_1"),
        (None, "api_1", "api_1"),
        ("write_1", None, "write_1"),
    ):
        request = sent(Calls("https://r", write_key, api_key, Retries()).track("Note", user_id="ann"))
        assert (
            request.headers["Authorization"]
            == next(httpx.BasicAuth(user, "").auth_flow(request)).headers["Authorization"]
        )
    assert sent(API.journey("a:b:c:1")).headers["Authorization"] == "Bearer api_1"


def test_a_key_that_is_missing_is_told() -> None:
    bare = Calls("https://r", None, None, Retries())
    with pytest.raises(ValueError, match="events need write_key, or api_key"):
        next(bare.track("Note", user_id="ann"))
    with pytest.raises(ValueError, match="journeys need api_key"):
        next(bare.start_journey("cart-recovery", "c-1"))


def test_an_address_may_have_a_path_and_a_journeys_id_stays_in_its_place() -> None:
    request = sent(API.cancel_journey("a:/../b?c#d%"))
    assert request.url.raw_path == b"/shop/v1/journeys/a:%2F..%2Fb%3Fc%23d%25/cancel"


@pytest.mark.parametrize(
    "url",
    ["", "relance.example.com", "ftp://r", "https://", "https://a:b@r", "https://r?key=1", "http://r:x", "http://\0"],
)
@pytest.mark.parametrize("client", [Relance, AsyncRelance])
def test_an_address_that_is_none_is_told_at_once(client: type[Relance | AsyncRelance], url: str) -> None:
    with pytest.raises(ValueError, match=r"^url: give the address"):
        client(url, write_key="write_1")


@pytest.mark.parametrize("journey", ["", ".", "..", "c-1"])
def test_what_is_no_journeys_id_is_told(journey: str) -> None:
    with pytest.raises(ValueError, match="journey: give its id"):
        next(API.journey(journey))


@pytest.mark.parametrize("key", ["é", "a\nb", "a\r\nX: 1"])
def test_a_key_that_no_header_can_carry_is_told(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key: may have printable ASCII characters only"):
        next(API.start_journey("cart-recovery", "c-1", idempotency_key=key))
    with pytest.raises(ValueError, match="api_key: may have printable ASCII characters only"):
        next(Calls("https://r", None, key, Retries()).journey("a:b:c:1"))


@given(st.lists(st.integers(0, 30_000), max_size=250))
def test_a_batch_stays_within_the_limits_and_loses_nothing(lengths: list[int]) -> None:
    told = [events.track("Note", {"text": "x" * length}, user_id="ann") for length in lengths]
    steps, bodies = API.batch(told), []
    try:
        step = next(steps)
        while True:
            assert isinstance(step, httpx.Request)
            bodies.append(step.content)
            events_in_it = json.loads(step.content)["batch"]
            step = steps.send(
                httpx.Response(
                    200, json={"results": [{"message_id": e["messageId"], "status": "new"} for e in events_in_it]}
                )
            )
    except StopIteration as end:
        results = end.value
    assert [result.message_id for result in results] == [event.message_id for event in told]
    sizes = [(len(body), len(json.loads(body)["batch"])) for body in bodies]
    assert all(size <= MAX_BODY and 0 < number <= MAX_BATCH for size, number in sizes)
    # None is split before it must be.
    assert all(size > MAX_BODY - MAX_EVENT_BYTES or number == MAX_BATCH for size, number in sizes[:-1])


def test_both_clients_have_the_same_calls() -> None:
    def public(client: type) -> set[str]:
        return {name for name in vars(client) if not name.startswith("_")}

    assert public(AsyncRelance) - {"aclose"} == public(Relance) - {"close"}
    assert {name for name in vars(Calls) if not name.startswith("_")} - {"tell", "page"} < public(Relance)
