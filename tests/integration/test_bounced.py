"""Bounces and complaints: mails of a real mail server (Postfix 3.7), taken by the door for receipts."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from api.hooks import bounced
from api.hooks.adapter import UnreadableError
from journeys.facts import Channel
from journeys.returns import Fate, Receipt
from storage import hooks
from tests.integration.returning import Returning, calling_back
from tests.support import TestShop
from tests.workflows.providers import EMAIL

MAILS = Path(__file__).parent / "mails"
SEND_ID = "0123456789abcdef0123456789abcdef"
MESSAGE_ID = f"<{SEND_ID}@shop.example>"
SECRET = "the secret that the mail server knows"

COMPLAINT = b"""From: <abusedesk@mailbox.example>
Subject: FW: Your cart
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part"

--part
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--part
Content-Type: message/rfc822
Content-Disposition: inline

From: <shop@shop.example>
Message-ID: <0123456789abcdef0123456789abcdef@shop.example>
Subject: Your cart

Your tent is waiting.
--part--
"""
"""By the example of RFC 5965, appendix B.1."""


def mail(name: str, **changed: str) -> bytes:
    text = (MAILS / f"{name}.eml").read_text()
    for was, becomes in changed.items():
        assert was in text
        text = text.replace(was, becomes)
    return text.encode()


@pytest.mark.parametrize("name", ["bounced", "bounced-headers"])
def test_a_bounce_of_a_real_mail_server_tells_which_message_and_why(name: str) -> None:
    [receipt] = bounced.receipts(mail(name))
    assert receipt == Receipt(SEND_ID, MESSAGE_ID, Fate.FAILED, None, "bounced (5.1.1)", suppress=True)


def test_a_report_of_success_is_a_delivery() -> None:
    assert bounced.receipts(mail("delivered")) == [Receipt(SEND_ID, MESSAGE_ID, Fate.DELIVERED, None)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("4.4.1", "bounced (4.4.1)"), ("5.2.2", "bounced (5.2.2)"), ("gone, ann@example.com", "bounced")],
    ids=["not reached in days", "mailbox full", "no status"],
)
def test_a_mailbox_that_there_is_is_not_suppressed(status: str, reason: str) -> None:
    [receipt] = bounced.receipts(mail("bounced", **{"Status: 5.1.1": f"Status: {status}"}))
    assert (receipt.fate, receipt.reason, receipt.suppress) == (Fate.FAILED, reason, False)


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "???"])
def test_what_is_on_its_way_tells_nothing(action: str) -> None:
    assert bounced.receipts(mail("bounced", **{"Action: failed": f"Action: {action}"})) == []


def test_a_complaint_is_one_and_its_withdrawal_is_none() -> None:
    assert bounced.receipts(COMPLAINT) == [
        Receipt(SEND_ID, MESSAGE_ID, Fate.COMPLAINED, None, "complaint: abuse", suppress=True)
    ]
    assert bounced.receipts(COMPLAINT.replace(b"Type: abuse", b"Type: not-spam")) == []


def test_what_is_no_report_tells_nothing() -> None:
    away = b"From: ann@example.com\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nBack on Monday.\n"
    assert bounced.receipts(away) == []
    assert bounced.receipts(b"") == []


def test_a_report_that_names_no_message_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="Message-ID"):
        bounced.receipts(mail("bounced", **{f"Message-ID: {MESSAGE_ID}": "X-Other: 1"}))


def test_parts_within_parts_without_end_are_an_error() -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (depth, depth) for depth in range(5_000)
    )
    with pytest.raises(UnreadableError, match="no mail"):
        bounced.receipts(deep)


def test_headers_in_base64_are_read_and_an_id_in_the_text_is_none() -> None:
    headers = mail("bounced-headers")
    before, _, rest = headers.partition(b"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: 8bit\n\n")
    returned, _, after = rest.partition(b"\n--")
    inside = b"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n" + b64encode(returned)
    assert bounced.receipts(before + inside + b"\n--" + after)[0].send_id == SEND_ID
    hidden = mail(
        "bounced", **{f"Message-ID: {MESSAGE_ID}": "X: 1", "Your tent": f"Message-ID: {MESSAGE_ID}\nYour tent"}
    )
    with pytest.raises(UnreadableError, match="Message-ID"):
        bounced.receipts(hidden)


@given(st.data())
def test_no_mail_does_more_than_be_refused(data: Any) -> None:
    whole = mail(data.draw(st.sampled_from(["bounced", "bounced-headers", "delivered"])))
    at, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 40))
    changed = whole[:at] + data.draw(st.binary(max_size=40)) + whole[at + length :]
    try:
        receipts = bounced.receipts(changed)
    except UnreadableError:
        return
    assert all(receipt.fate in Fate for receipt in receipts)


# The door


class Server(Returning):
    """The shop's mail server, which pipes on what comes to the mailbox of the bounces."""

    async def pipes(self, body: bytes, secret: str = SECRET) -> httpx.Response:
        path = f"/v1/hooks/{self.shop.shop}/smtp/receipt"
        headers = {"Content-Type": "message/rfc822"}
        return await self.api.post(path, content=body, auth=("relance", secret), headers=headers)


@pytest_asyncio.fixture
async def sent(shop: TestShop) -> TestShop:
    """A shop whose e-mail a mail server took under the Message-ID that the reports name."""
    await shop.identify()
    await shop.fill()
    cipher = shop.parts.secret.hooks
    await hooks.add_secret(shop.parts.pool, shop.shop, "smtp", cipher.encrypt(SECRET.encode()))
    journey = await shop.journey()
    await shop.parts.pool.execute(
        "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, decided_at, sent_at,"
        " provider, provider_id, address) values ($1, $2, 'first', 1, $3, 'ann', 'c-1', $4, 'claimed', now(), now(),"
        " 'smtp', $5, $6)",
        SEND_ID,
        journey.id,
        shop.shop,
        Channel.EMAIL,
        MESSAGE_ID,
        EMAIL,
    )
    return shop


async def test_a_bounce_fails_the_message_and_suppresses_the_address(sent: TestShop) -> None:
    async with calling_back(sent) as known:
        server = Server(known.api, sent)
        assert (await server.pipes(mail("bounced"), secret="another")).status_code == 401
        for _ in range(2):
            assert (await server.pipes(mail("bounced"))).json() == {"taken": 1, "passed_over": 0}
    row = await sent.parts.pool.fetchrow("select state, failed_at is not null as failed, reason from sends")
    assert dict(row or {}) == {"state": "accepted", "failed": True, "reason": "bounced (5.1.1)"}
    suppressed = await sent.parts.pool.fetchrow("select channel, address, reason from suppressions")
    assert dict(suppressed or {}) == {"channel": "email", "address": EMAIL, "reason": "bounced (5.1.1)"}


async def test_reports_of_others_and_what_is_no_report_change_nothing(sent: TestShop) -> None:
    async with calling_back(sent) as known:
        server = Server(known.api, sent)
        other = mail("bounced", **{SEND_ID: "f" * 32})
        assert (await server.pipes(other)).json() == {"taken": 0, "passed_over": 1}
        assert (await server.pipes(b"Subject: away\n\nBack on Monday.\n")).json() == {"taken": 0, "passed_over": 0}
        answer = await server.pipes(mail("bounced", **{f"Message-ID: {MESSAGE_ID}": "X-Other: 1"}))
        assert (answer.status_code, answer.json()["detail"]) == (
            400,
            "body: has no Message-ID of the message that it is about",
        )
        inbound = await known.api.post(f"/v1/hooks/{sent.shop}/smtp/inbound", content=b"x", auth=("r", SECRET))
        assert inbound.status_code == 400
    assert await sent.parts.pool.fetchval("select state from sends") == "claimed"
    assert await sent.parts.pool.fetchval("select count(*) from suppressions") == 0
