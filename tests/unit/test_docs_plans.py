"""What the pages of plans, messages and channels show is run: they cannot say what the program does not do."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import timedelta
from typing import Any, get_args

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, TypeAdapter, ValidationError

from activities import task_mails
from api.tasks import State
from channels import accounts, base, infobip_messages, infobip_push, signed, twilio, voices
from channels.settings import AccountSettings
from journeys import (
    caps,
    conditions,
    entry,
    gate,
    lengths,
    offers,
    plan,
    rules,
    saying,
    steps,
    yamlfile,
)
from journeys.facts import Channel, Medium, Segment
from journeys.policy import Policy
from messages import catalog, render
from messages import tasks as agents
from storage import entry_runs, task_news, task_story, tasks
from tests.unit.docs_shown import (
    CHANNELS,
    OFFER_CODES,
    ROOT,
    TASKS,
    blocks,
    documents,
    prose,
)
from workflows import running

# Plans and their messages


def test_the_plan_example_is_a_plan_that_shows_every_field_and_every_step() -> None:
    (example,) = (b for b in blocks("yaml") if "steps:" in b.text)
    read = yamlfile.parse(plan.Plan, example.text, str(example))
    assert set(yaml.safe_load(example.text)) == set(plan.Plan.model_fields)
    assert {type(step) for step in steps.walk(read.steps)} == set(steps._KINDS.values())  # noqa: SLF001 the list


@pytest.mark.parametrize(
    "model",
    [
        *(plan.Plan, entry.ByEvents, entry.Recurring, entry.Weekly, entry.Once, conditions.Condition),
        *(conditions.ValueRange, conditions.EventCount, conditions.ReplyIs, conditions.RfmRange, conditions.ScoreRange),
        *(saying.Message, saying.First, saying.All, saying.UntilDelivered, saying.Question),
        *(steps.ForPerson, steps.Expected, steps.LocalTime, steps.KnownMoment, steps.Variant),
    ],
)
def test_the_plan_page_names_every_field(model: Any) -> None:
    text = prose(ROOT / "docs" / "plans.md")
    assert not [name for name in model.model_fields if not re.search(rf"[`{{.]{name}[`:.]", text)]


class _Entering(BaseModel):
    entry: entry.Entry


def test_the_entries_that_are_shown_are_entries_and_their_limits_those_of_the_program() -> None:
    (example,) = (b for b in blocks("yaml") if b.text.startswith("entry:"))
    text = prose(example.page)
    (moment,) = re.findall(r"`(at: [^`]+)`", text)
    assert isinstance(yamlfile.parse(_Entering, example.text, str(example)).entry, entry.Recurring)
    assert isinstance(yamlfile.parse(_Entering, f"entry: {{{moment}}}", str(example)).entry, entry.Once)
    assert f"| `per_hour` | {entry.PER_HOUR} |" in text
    assert f"{entry.LEAST_PER_HOUR} to {entry.MOST_PER_HOUR:,} |" in text
    assert f"within {entry_runs.LATE // timedelta(hours=1)} hours" in text


def test_the_plan_page_names_every_step_every_incentive_and_every_segment() -> None:
    text = prose(ROOT / "docs" / "plans.md")
    incentives = (offers.ItemAmount, offers.FreeShipping, offers.NextOrderCredit)
    kinds = [model.model_json_schema()["properties"]["kind"]["const"] for model in incentives]
    wanted = [*(f"| `{kind}: " for kind in steps._KINDS), *(f"| `{kind}` |" for kind in kinds)]  # noqa: SLF001 the list
    assert not [name for name in [*wanted, *(f"`{s}`" for s in Segment)] if name not in text]


def test_the_message_example_parses_and_uses_known_variables_only() -> None:
    (example,) = (
        b for b in blocks("yaml") if not {"steps", "entry"} & yaml.safe_load(b.text).keys() and b.page != CHANNELS
    )
    read = yamlfile.parse(catalog.LanguageFile, example.text, str(example)).root["first"]
    assert read.sms
    assert read.email
    for source in (read.sms.text, *read.email.sources.values()):
        assert render.unknown_variables(render.parse(source)) == []


def test_the_errors_by_line_are_those_of_the_plan_that_comes_along() -> None:
    (shown,) = (b for b in blocks("text") if b.text.startswith("relance: "))
    text = (ROOT / "plans" / "cart-recovery.yaml").read_text()
    for right, wrong in (
        ("wait_until_idle: 2h", "wait_until_idle: two hours"),
        ("channels: {first: [on_site, email, sms]}", "chanels: {first: [on_site, email, sms]}"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    with pytest.raises(yamlfile.FileError) as error:
        yamlfile.parse(plan.Plan, text, "plans/cart-recovery.yaml")
    assert f"relance: {error.value}\n" == shown.text


# The gate


def test_the_page_of_the_gate_names_every_rule_in_its_order_and_shows_a_policy_with_every_field() -> None:
    page = ROOT / "docs" / "gate.md"
    table = page.read_text().partition("| about |")[2].partition("A *medium*")[0]
    named = [name for name in re.findall(r"`(\w+)`", table) if hasattr(rules, name)]
    assert named == [rule.__name__ for rule in gate.RULES]
    (shown,) = (document for block, document in documents() if "voice_marketing" in document)
    assert set(Policy.model_validate(shown).model_dump()) == set(shown)
    assert Policy.model_validate(shown).caps == {Medium.SMS: caps.DEFAULTS[Medium.SMS]}


# Channels


def test_every_account_that_a_channel_can_have_is_shown() -> None:
    shown = [
        block.text.replace('"-----BEGIN PRIVATE KEY-----…"', json.dumps(_private_key()))
        for block, document in documents()
        if "provider" in document
    ]
    for channel, reader in accounts.ACCOUNTS.items():
        assert {type(account) for account in _read_by(reader, shown)} == set(_kinds(reader)), channel
    assert all(any(_read_by(reader, [text]) for reader in accounts.ACCOUNTS.values()) for text in shown)


def _private_key() -> str:
    """Make a key of the kind that is shown without its secret."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _read_by(reader: TypeAdapter[Any], texts: list[str]) -> list[AccountSettings]:
    read = []
    for text in texts:
        with suppress(ValidationError):
            read.append(reader.validate_json(text))
    return read


def _kinds(reader: TypeAdapter[Any]) -> tuple[type[AccountSettings], ...]:
    """Every account of a channel: one, or those of a union."""
    kind: Any = reader._type  # noqa: SLF001 an adapter shows its type nowhere else
    return get_args(get_args(kind)[0]) if get_args(kind) else (kind,)


def test_every_channel_is_described_with_its_providers_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", prose(CHANNELS), re.MULTILINE)
    known = {
        channel: {kind.model_fields["provider"].default for kind in _kinds(reader)}
        for channel, reader in accounts.ACCOUNTS.items()
    }
    assert {channel: set(providers.lower().split(", ")) for channel, providers in rows} == known


def test_the_words_of_the_telephones_channels_are_shown_and_use_known_variables_only() -> None:
    (example,) = (b for b in blocks("yaml") if b.page == CHANNELS)
    said = yamlfile.parse(catalog.LanguageFile, example.text, str(example)).root["first"]
    for channel in (Channel.SMS, Channel.MMS, Channel.RCS, Channel.WHATSAPP, Channel.VOICE):
        words = said.by(channel)
        assert words, channel
        for source in words.values():
            assert render.unknown_variables(render.parse(source)) == []


def test_the_limits_of_the_channels_are_those_of_the_program() -> None:
    text = prose(CHANNELS)
    assert f"{voices.LONGEST_TEXT:,} characters" in text
    assert f"and {twilio._MOST_PICTURES} pictures" in text  # noqa: SLF001 the limit
    assert f"{infobip_messages._MOST_CARDS} cards; a name of {infobip_messages._LONGEST_TITLE} characters" in text  # noqa: SLF001 the limits
    assert f"then that {voices.STOP_DIGIT} stops calls" in text
    longest = f"{infobip_push.LONGEST_TEXT:,} characters and a title of {infobip_push.LONGEST_TITLE} |"
    assert f"Infobip: {longest}" in text


# Codes from the shop's own API


def test_the_limits_of_calls_for_codes_are_those_of_the_program() -> None:
    text = OFFER_CODES.read_text()
    assert f"{signed.CALL.total_seconds():.0f} seconds, redirects are not followed" in text
    assert f"{signed.MAX_ANSWER} bytes" in text
    after = [f"{wait.total_seconds():.0f} seconds" for wait in offers.ASK_AGAIN_AFTER[:2]]
    assert f"made again after {after[0]}, {after[1]} and 2 minutes" in text
    assert offers.ASK_AGAIN_AFTER[2:] == (timedelta(minutes=2),)
    within = 2 * (signed.CALL + base.HTTP_TIMEOUT)
    assert within < running.ATTEMPT


# Tasks


def test_the_limits_of_tasks_are_those_of_the_program() -> None:
    text = prose(TASKS)
    assert f"1 to {tasks.MOST_TEXT:,} characters" in text
    assert f"within {signed.CALL.total_seconds():.0f} seconds; redirects are not followed" in text
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) - {"state", "type"} == set(get_args(State))
    assert re.findall(r"^\| `task\.(\w+)` \|", text, re.MULTILINE) == list(task_news.ALL)
    assert ("until seven days after" in text, task_news.OLD_NEWS) == (True, timedelta(days=7))
    assert ("the five newest" in text, task_story.NEWEST) == (True, 5)
    assert ("an hour later" in text, task_mails.REFUSED_FOR) == (True, timedelta(hours=1))
    assert f"of the first {agents.IN_FULL}\ntasks" in text
    assert f"({task_mails.AT_MOST} at most)" in text
    assert f"than {lengths.LONGEST[Channel.SMS]:,} providers refuse" in text
