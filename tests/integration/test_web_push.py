"""Web push against a push service on this machine; what a browser would read is read by its key."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import http_ece
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.base import Accepted, Card, Outcome, Outgoing, Rejected, Released, Unknown
from channels.web_push import LONGEST_PAYLOAD, WebPush, WebPushAccount, encrypt, new_private_key, payload, public_key
from journeys.devices import decoded, encoded
from tests.examples import examples
from tests.integration.loopback import Answer, Break, Loopback, serving

# RFC 8291, Appendix A.
AS_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
UA_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
UA_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SALT, AUTH = "DGv6ra1nlYgDCS1FRnbzlw", "BTBZMqHH6r4Tts7J_aSIgg"
ENCRYPTED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)

KEY = ec.generate_private_key(ec.SECP256R1())
MESSAGE = Outgoing(
    send_id="send-1",
    to="",
    text="Votre panier vous attend, Zoé",
    subject="La Boutique",
    link="https://shop.example/l/abc",
    cards=(Card("Tente", image="https://cdn.example/tente.jpg"),),
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text)), ec.SECP256R1())


def subscribed(endpoint: str) -> str:
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": UA_PUBLIC, "auth": AUTH}})


def read(body: bytes) -> dict[str, Any]:
    """What the browser of the subscription reads."""
    plain = http_ece.decrypt(body, private_key=private(UA_PRIVATE), auth_secret=decoded(AUTH), version="aes128gcm")
    said: dict[str, Any] = json.loads(plain)
    return said


async def sent(http: httpx.AsyncClient, reply: Answer | Break, message: Outgoing = MESSAGE) -> tuple[Outcome, Loopback]:
    async with serving(reply) as server:
        client = WebPush(http, private_key=KEY, subject="mailto:it@shop.example", origins=[server.url])
        outcome = await client.send(dataclasses.replace(message, to=subscribed(server.url + "/p/1")))
    return outcome, server


def test_the_example_of_the_rfc_is_encrypted_as_it_says() -> None:
    plain = b"When I grow up, I want to be a watermelon"
    body = encrypt(plain, decoded(UA_PUBLIC), decoded(AUTH), sender=private(AS_PRIVATE), salt=decoded(SALT))
    assert encoded(body) == ENCRYPTED


async def test_a_push_is_read_by_its_browser_alone_and_says_who_sends_it(http: httpx.AsyncClient) -> None:
    outcome, server = await sent(http, Answer(201))
    assert outcome == Accepted(None)
    (request,) = server.requests
    assert read(request.body) == {
        "title": "La Boutique",
        "body": MESSAGE.text,
        "link": MESSAGE.link,
        "image": "https://cdn.example/tente.jpg",
        "send_id": "send-1",
    }
    assert request.headers["content-encoding"] == "aes128gcm"
    assert (request.headers["ttl"], request.headers["urgency"]) == ("86400", "normal")
    assert len(request.headers["topic"]) == 32
    scheme, token, key = request.headers["authorization"].split(" ")
    assert (scheme, key) == ("vapid", f"k={public_key(KEY)}")
    # The audience has the port: the token is good for this push service alone.
    said = jwt.decode(token.removeprefix("t=").rstrip(","), KEY.public_key(), ["ES256"], audience=server.url)
    assert said["sub"] == "mailto:it@shop.example"


async def test_a_message_lives_as_long_as_it_says(http: httpx.AsyncClient) -> None:
    _, server = await sent(http, Answer(201), dataclasses.replace(MESSAGE, expires_in=timedelta(0)))
    assert server.requests[0].headers["ttl"] == "0"


@pytest.mark.parametrize(
    ("reply", "wanted", "suppress"),
    [
        (Answer(200), Accepted, False),
        (Answer(202), Accepted, False),
        (Answer(400), Rejected, False),
        (Answer(403), Released, False),
        (Answer(404), Rejected, True),
        (Answer(410), Rejected, True),
        (Answer(413), Rejected, False),
        (Answer(429, headers={"Retry-After": "7"}), Released, False),
        (Answer(503), Unknown, False),
        (Break(), Unknown, False),
    ],
)
async def test_each_answer_has_its_outcome(
    http: httpx.AsyncClient,
    reply: Answer | Break,
    wanted: type[Outcome],
    suppress: bool,  # noqa: FBT001 a column
) -> None:
    outcome, _ = await sent(http, reply)
    assert isinstance(outcome, wanted)
    assert getattr(outcome, "suppress", False) is suppress
    if isinstance(outcome, Released) and reply == Answer(429, headers={"Retry-After": "7"}):
        assert outcome.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    "path",
    ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "https://fcm.googleapis.com.evil.example/",
     "https://fcm.googleapis.com@127.0.0.1:{port}/", "https://fcm.googleapis.com:8443/", "https://evilpush.apple.com.x/",
     "http://fcm.googleapis.com/", "file:///etc/passwd", "https://[/", "https://x:99999/"],
)  # fmt: skip
async def test_nothing_but_a_push_service_is_called(path: str) -> None:
    calls: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(201)

    async with httpx.AsyncClient(transport=httpx.MockTransport(note)) as http:
        client = WebPush(http, private_key=KEY, subject="mailto:it@shop.example")
        outcome = await client.send(dataclasses.replace(MESSAGE, to=subscribed(path.format(port=80))))
        assert isinstance(outcome, Rejected)
        assert calls == []
        for good in ("fcm.googleapis.com", "web.push.apple.com", "db5p.notify.windows.com"):
            assert await client.send(dataclasses.replace(MESSAGE, to=subscribed(f"https://{good}/x"))) == Accepted(None)


@pytest.mark.parametrize("to", ["", "[]", "{}", '{"endpoint": 1, "keys": {}}', "token"])
async def test_what_is_no_subscription_is_refused(http: httpx.AsyncClient, to: str) -> None:
    outcome = await WebPush(http, private_key=KEY, subject="mailto:a@b.example").send(
        dataclasses.replace(MESSAGE, to=to)
    )
    assert isinstance(outcome, Rejected)


@settings(max_examples=examples(60))
@given(st.text(st.characters(codec="utf-8")), st.integers(1, 3000), st.text(st.characters(codec="utf-8"), max_size=999))
def test_a_text_of_any_length_fits(text: str, times: int, title: str) -> None:
    whole = text * times
    written = payload(dataclasses.replace(MESSAGE, text=whole, subject=title))
    assert len(written) <= LONGEST_PAYLOAD
    body = json.loads(written)["body"]
    assert body == whole or (body.endswith("…") and whole.startswith(body[:-1])) or body == ""


def test_a_long_text_is_cut_at_a_word() -> None:
    body = json.loads(payload(dataclasses.replace(MESSAGE, text="panier " * 2000)))["body"]
    assert body.endswith("panier…")
    assert len(body) > 3500


def test_an_account_is_checked_without_being_quoted() -> None:
    good = {"private_key": new_private_key(), "subject": "mailto:it@shop.example"}
    assert len(decoded(WebPushAccount.model_validate(good).public_key)) == 65
    for wrong in (
        {"private_key": "c2VjcmV0"},
        {"private_key": encoded(bytes(32))},
        {"subject": "it@shop.example"},
        {"extra_hosts": ["127.0.0.1"]},
        {"extra_hosts": ["localhost"]},
    ):
        with pytest.raises(ValidationError) as error:
            WebPushAccount.model_validate({**good, **wrong})
        assert "c2VjcmV0" not in str(error.value)
