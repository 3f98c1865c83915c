"""The mail client: what it sends, what it makes of the answers, and of their absence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Accepted, Outgoing, Rejected, Released, Unknown
from channels.smtp import SmtpAccount
from tests.examples import examples
from tests.integration.loopback import closed_port, full_backlog, listening
from tests.integration.mailserver import (
    DIALOGUE,
    MESSAGE,
    TO,
    Mailbox,
    Script,
    client,
    mail_port,
    mail_server,
    names_nobody,
    newest,
    refusing,
    until,
)

SHORT = timedelta(seconds=0.4)


async def test_a_mail_that_the_server_takes_is_accepted_under_its_message_id() -> None:
    async with mail_port(mail_server(Mailbox())) as port:
        assert await client(port).send(MESSAGE) == Accepted("<send-1@shop.example>")


async def test_the_mail_says_what_was_given() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await client(port, sender_name="La Boutique, Évry").send(MESSAGE)
    envelope, mail = mailbox.envelopes[0], newest(mailbox)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("news@shop.example", [TO])
    assert mail["From"].addresses[0].display_name == "La Boutique, Évry"
    assert mail["From"].addresses[0].addr_spec == "news@shop.example"
    assert (mail["To"], mail["Subject"]) == (TO, MESSAGE.subject)
    assert (envelope.original_content or b"").isascii()
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_content().splitlines() == MESSAGE.text.splitlines()
    assert abs(parsedate_to_datetime(mail["Date"]) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_the_settings_of_an_account_reach_the_mail() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port, httpx.AsyncClient() as http:
        account = SmtpAccount.model_validate(
            {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "bonjour@shop.example", "sender_name": "Zut"}
        )
        assert await account.connect(http).send(MESSAGE) == Accepted("<send-1@shop.example>")
    assert newest(mailbox)["From"] == "Zut <bonjour@shop.example>"


async def test_every_try_of_a_send_has_the_same_message_id() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await client(port).send(MESSAGE)
        first = newest(mailbox)["Message-ID"]
        await client(port).send(MESSAGE)
    assert (len(mailbox.envelopes), newest(mailbox)["Message-ID"]) == (2, first)


async def test_a_mailbox_sees_both_parts_and_how_to_unsubscribe_with_one_click() -> None:
    mailbox = Mailbox()
    stop = "https://relance.example.com/u/token"
    message = replace(MESSAGE, html="<p>Héllo</p>", text="Héllo", unsubscribe=stop)
    async with mail_port(mail_server(mailbox)) as port:
        assert isinstance(await client(port, reply_to="answers@shop.example").send(message), Accepted)
    mail = newest(mailbox)
    assert mail.get_content_type() == "multipart/alternative"
    parts = [part for part in mail.iter_parts() if isinstance(part, EmailMessage)]
    assert [(part.get_content_type(), part.get_content().strip()) for part in parts] == [
        ("text/plain", "Héllo"),
        ("text/html", "<p>Héllo</p>"),
    ]
    assert mail["List-Unsubscribe"] == f"<{stop}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Reply-To"] == "answers@shop.example"


async def test_a_mail_that_is_no_marketing_has_no_list_headers() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await client(port).send(MESSAGE)
    mail = newest(mailbox)
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None


async def test_a_line_break_in_a_subject_makes_no_header() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await client(port, sender_name="A\r\nBcc: a@b.example").send(
            Outgoing(send_id="send-1", to=TO, subject="Hello\r\nBcc: eve@evil.example", text="x")
        )
    assert newest(mailbox)["Subject"] == "Hello Bcc: eve@evil.example"
    assert newest(mailbox)["Bcc"] is None
    assert mailbox.envelopes[0].rcpt_tos == [TO]


@settings(max_examples=examples(60))
@given(
    subject=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2000),
)
async def test_no_subject_and_no_text_changes_the_headers_or_ends_the_mail_early(subject: str, text: str) -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        outcome = await client(port).send(Outgoing(send_id="send-1", to=TO, subject=subject, text=text))
    assert outcome == Accepted("<send-1@shop.example>")
    assert set(newest(mailbox).keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    }  # fmt: skip
    sent = re.split("\r\n|\r|\n", text.rstrip("\r\n"))
    assert re.split("\r\n|\r|\n", newest(mailbox).get_content().rstrip("\r\n")) == sent


@pytest.mark.parametrize(
    "to",
    [
        "",
        "zoe",
        "a@b@c",
        "a@x.example, b@y.example",
        "a@x.example>\r\nDATA",
        "a@x\nBcc: b@y",
        "Zoe <a@x.example>",
        "a b@x",
    ],
)
async def test_an_address_that_is_not_one_mailbox_is_refused_before_the_server_is_called(to: str) -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        outcome = await client(port).send(Outgoing(send_id="send-1", to=to, text="x"))
    assert outcome == Rejected("the address is not a mailbox")
    assert mailbox.envelopes == []


@pytest.mark.parametrize("to", ["o'brien+shop@x.example", "a!#$%&*/=?^_`{|}~.b@x.example"])
async def test_unusual_addresses_reach_the_server_unchanged(to: str) -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        assert isinstance(await client(port).send(Outgoing(send_id="send-1", to=to, text="x")), Accepted)
    assert mailbox.envelopes[0].rcpt_tos == [to]
    assert newest(mailbox)["To"].addresses[0].addr_spec == to


async def test_an_address_beyond_ascii_is_sent_to_where_the_server_can() -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        outcome = await client(port).send(Outgoing(send_id="send-1", to="zoé@bücher.example", subject="é", text="é"))
    assert isinstance(outcome, Accepted)
    assert mailbox.envelopes[0].rcpt_tos == ["zoé@bücher.example"]
    assert "SMTPUTF8" in mailbox.envelopes[0].mail_options
    assert "zoé@bücher.example".encode() in (mailbox.envelopes[0].original_content or b"")


async def test_an_address_beyond_ascii_is_refused_where_the_server_cannot() -> None:
    async with mail_port(mail_server(Mailbox(), utf8=False)) as port:
        outcome = await client(port).send(Outgoing(send_id="send-1", to="zoé@x.example", text="x"))
    assert outcome == Rejected("the mail server takes ASCII addresses only")


@pytest.mark.parametrize("at", ["at_rcpt", "at_data"])
async def test_a_permanent_refusal_of_recipient_or_message_is_for_good_and_names_nobody(at: str) -> None:
    async with mail_port(mail_server(refusing(at, f"550 5.1.1 <{TO}>: no such person"))) as port:
        outcome = await client(port).send(MESSAGE)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.endswith("(550 5.1.1)")
    assert names_nobody(outcome.reason)


@pytest.mark.parametrize("at", ["at_mail", "at_rcpt", "at_data"])
@pytest.mark.parametrize("answer", [f"451 4.7.1 {TO} greylisted", f"421 {TO} closing", "452 4.2.2 full"])
async def test_a_transient_refusal_releases_the_mail_and_names_nobody(at: str, answer: str) -> None:
    async with mail_port(mail_server(refusing(at, answer))) as port:
        outcome = await client(port).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert answer[:3] in outcome.reason
    assert names_nobody(outcome.reason)


async def test_a_sender_that_the_server_refuses_is_the_accounts_fault_and_releases_the_mail() -> None:
    async with mail_port(mail_server(Mailbox(at_mail="550 5.7.1 sender not verified"))) as port:
        outcome = await client(port).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert "check the sender" in outcome.reason


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("hang_up", [True, False])
async def test_a_connection_lost_or_silent_before_data_releases_the_mail(command: str, *, hang_up: bool) -> None:
    async with listening(until(command, hang_up=hang_up).serve) as port:
        assert isinstance(await client(port, timeout=SHORT).send(MESSAGE), Released)


@pytest.mark.parametrize("command", ["DATA", "."])
@pytest.mark.parametrize("hang_up", [True, False])
async def test_a_connection_lost_or_silent_after_data_leaves_the_mail_unknown(command: str, *, hang_up: bool) -> None:
    script = until(command, hang_up=hang_up)
    async with listening(script.serve) as port:
        assert isinstance(await client(port, timeout=SHORT).send(MESSAGE), Unknown)
    assert script.heard[-1] == command


async def test_a_server_that_takes_its_time_at_every_step_is_left_at_the_limit_of_the_whole_dialogue() -> None:
    script = Script(DIALOGUE, pause=SHORT * 0.6)
    async with listening(script.serve) as port:
        assert isinstance(await client(port, timeout=SHORT).send(MESSAGE), Released)
    assert "RCPT" not in script.heard


async def test_a_server_that_hangs_up_instead_of_saying_goodbye_has_taken_the_mail() -> None:
    script = Script(DIALOGUE)
    async with listening(script.serve) as port:
        assert isinstance(await client(port).send(MESSAGE), Accepted)
    assert script.heard[-1] == "QUIT"


async def test_gibberish_after_data_leaves_the_mail_unknown() -> None:
    async with listening(Script({**DIALOGUE, ".": "what?"}).serve) as port:
        assert isinstance(await client(port).send(MESSAGE), Unknown)


@pytest.mark.parametrize("banner", ["554 5.7.1 you are blocked", "421 busy", "what?"])
async def test_a_server_that_does_not_welcome_us_releases_the_mail(banner: str) -> None:
    async with listening(Script({}, banner=banner).serve) as port:
        assert isinstance(await client(port, timeout=SHORT).send(MESSAGE), Released)


async def test_a_refused_connection_releases_the_mail() -> None:
    with closed_port() as port:
        assert isinstance(await client(port).send(MESSAGE), Released)


async def test_a_host_that_has_no_address_releases_the_mail() -> None:
    assert isinstance(await client(25, host="nowhere.invalid").send(MESSAGE), Released)


async def test_a_connection_that_never_comes_about_releases_the_mail() -> None:
    with full_backlog() as port:
        assert isinstance(await client(port, timeout=SHORT).send(MESSAGE), Released)
