"""What the documentation shows is run: it cannot say what the program does not do."""

from __future__ import annotations

import ast
import base64
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast, get_args

import pytest
import typer
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, TypeAdapter, ValidationError

from activities import task_mails
from api import app, capture, doors, known_keys, metrics, preferences, schemas, taking
from api.hooks import route, shopify, woocommerce
from api.journeys import Reason
from api.offers import Redeem
from api.state import Services
from api.tasks import Claim, Completion, State
from channels import accounts, base, infobip_messages, infobip_push, signed, twilio, voices
from channels.settings import AccountSettings
from journeys import (
    caps,
    cart,
    conditions,
    customers,
    entry,
    events,
    gate,
    lengths,
    notes,
    offers,
    plan,
    rules,
    saying,
    signals,
    steps,
    yamlfile,
)
from journeys.facts import Channel, Medium, Segment
from journeys.policy import Policy
from journeys.preferences import EVERYTHING
from journeys.repairs import Repair
from messages import catalog, render
from messages import tasks as agents
from relance import cli
from relance.settings import Settings
from storage import carts, entry_runs, task_news, task_story, tasks
from storage.people_story import NEWEST_SENDS
from workers import schedules, search_attributes, worker
from workflows import running

ROOT = Path(__file__).parents[2]
CHANNELS = ROOT / "docs" / "channels.md"
OFFER_CODES = ROOT / "docs" / "offer-codes.md"
TASKS = ROOT / "docs" / "tasks.md"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
TRACKING = {f"/v1/{kind}": kind for kind in events.KINDS}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """Something that a page shows; ``str`` names it in a failure."""

    page: Path
    text: str

    def __str__(self) -> str:
        line = self.page.read_text().split(self.text)[0].count("\n") + 1
        return f"{self.page.name}:{line}"


def blocks(language: str) -> list[Shown]:
    return [Shown(p, m[2]) for p in PAGES for m in FENCE.finditer(p.read_text()) if m[1] == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def commands() -> list[Shown]:
    """The lines of shell examples; those that a backslash or a quote continues are one."""
    return [Shown(block.page, line) for block in blocks("sh") for line in _lines(block.text)]


def _lines(text: str) -> Iterator[str]:
    begun = ""
    for line in text.splitlines():
        begun = f"{begun}\n{line}" if begun else line
        if not begun.endswith("\\") and begun.count("'") % 2 == 0 and begun.strip():
            yield begun
            begun = ""
    assert not begun, f"an unfinished command: {begun}"


def words(command: Shown) -> list[str]:
    return shlex.split(command.text.replace("\\\n", " "), comments=True)


def calls() -> list[tuple[Shown, str, str, Any]]:
    """Every curl of the pages: its method, its path and its JSON body."""
    found = []
    for command in commands():
        given = words(command)
        if given[0] != "curl":
            continue
        body = json.loads(given[given.index("--json") + 1]) if "--json" in given else None
        method = given[given.index("-X") + 1] if "-X" in given else ("POST" if "--json" in given else "GET")
        (address,) = (word for word in given if word.startswith("$API"))
        found.append((command, method, address.removeprefix("$API").partition("?")[0], body))
    return found


def relance_lines() -> list[Shown]:
    lines = [(c, re.search(r"(?:^|exec api )relance (.*)", c.text)) for c in commands()]
    return [Shown(c.page, match[1].partition(" #")[0]) for c, match in lines if match]


def inline_relance() -> list[Shown]:
    return [Shown(p, found) for p in PAGES for found in re.findall(r"`relance ([^`]+)`", prose(p))]


def command_of(given: list[str]) -> tuple[Any, list[str]]:
    """Find the command that the words name; give it with the words that are left."""
    command: Any = typer.main.get_command(cli.app)
    while given and (known := getattr(command, "commands", None)):
        assert given[0] in known, f"there is no command 'relance {given[0]}'"
        command, given = known[given[0]], given[1:]
    return command, given


def documents() -> list[tuple[Shown, dict[str, Any]]]:
    return [(block, json.loads(block.text)) for block in blocks("json")]


def messages() -> list[tuple[str, dict[str, Any], str | None]]:
    """Every tracking message of the pages, with the kind that its address implies."""
    found: list[tuple[str, dict[str, Any], str | None]] = []
    for where, document in documents():
        is_message = "type" in document and "status" not in document and where.page not in {OFFER_CODES, TASKS}
        found += [(str(where), part, None) for part in document.get("batch", [document] if is_message else [])]
    return found + [(str(c), body, TRACKING[path]) for c, _, path, body in calls() if path in TRACKING]


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
        ("channels: {first: [email, sms]}", "chanels: {first: [email, sms]}"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    with pytest.raises(yamlfile.FileError) as error:
        yamlfile.parse(plan.Plan, text, "plans/cart-recovery.yaml")
    assert f"relance: {error.value}\n" == shown.text


# The command line


@pytest.mark.parametrize("line", relance_lines(), ids=str)
def test_a_command_that_is_shown_is_taken(line: Shown) -> None:
    command, rest = command_of(shlex.split(line.text))
    command.make_context("relance", rest)


@pytest.mark.parametrize("line", inline_relance(), ids=str)
def test_a_command_that_is_named_exists_with_its_options(line: Shown) -> None:
    command, rest = command_of(line.text.split())
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= known


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for page in PAGES for target in re.findall(r"^make (\w+)|`make (\w+)`", page.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= {a or b for a, b in named} <= targets


def test_the_settings_are_all_described_and_no_others() -> None:
    described = re.findall(r"^\| `RELANCE_(\w+)` \|", (ROOT / "docs" / "production.md").read_text(), re.MULTILINE)
    assert sorted(name.lower() for name in described) == sorted(Settings.model_fields)


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


# Signals

SIGNALS = ROOT / "docs" / "signals.md"
SIGNAL_ROW = re.compile(r"^\| `(\w+)` \| `(\{.*?\})` \|", re.MULTILINE)


def test_the_signals_are_all_described_and_their_payloads_are_taken() -> None:
    rows = dict(SIGNAL_ROW.findall(SIGNALS.read_text()))
    assert rows.keys() == signals.BY_NAME.keys()
    for name, payload in rows.items():
        signal = signals.BY_NAME[name].model_validate_json(payload)
        assert signal.model_fields_set == set(json.loads(payload)), name


def test_the_python_example_sends_a_signal_that_exists_with_its_fields() -> None:
    (example,) = (b for b in blocks("python") if b.page == SIGNALS)
    (sent,) = (
        node
        for node in ast.walk(ast.parse(example.text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "signal"
    )
    name, payload = sent.args
    assert isinstance(name, ast.Constant)
    assert isinstance(payload, ast.Dict)
    fields = {key.value for key in payload.keys if isinstance(key, ast.Constant)}
    assert fields == set(signals.BY_NAME[str(name.value)].model_fields)


def test_the_payload_on_the_wire_is_the_one_of_the_table() -> None:
    (wire,) = (document for _, document in documents() if "metadata" in document)
    payload = base64.b64decode(wire["data"])
    assert base64.b64decode(wire["metadata"]["encoding"]) == b"json/plain"
    assert json.loads(payload) == json.loads(dict(SIGNAL_ROW.findall(SIGNALS.read_text()))["checkout_completed"])


def test_the_temporal_command_sends_a_signal_that_exists() -> None:
    (command,) = (words(c) for c in commands() if c.text.startswith("temporal "))
    name, payload = (command[command.index(option) + 1] for option in ("--name", "--input"))
    signals.BY_NAME[name].model_validate_json(payload)


def test_the_task_queues_and_search_attributes_are_those_of_the_program() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    assert set(re.findall(r"relance-(?:journeys|send-\w+)", text)) == set(worker.QUEUES)
    attributes = set(re.findall(r"\bRelance[A-Z]\w+", text))
    assert attributes == {attribute.name for attribute in search_attributes.ALL}


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


# Links


def links() -> list[tuple[Path, str]]:
    return [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        if not target.startswith("https://")
    ]


@pytest.mark.parametrize(("page", "target"), links(), ids=str)
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).is_file()


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(page.parent / target).resolve() for page, target in links() if page.name == "README.md"}
    assert set(PAGES) - {ROOT / "README.md"} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_-]+/)*[a-z_.-]+\.(?:py|ya?ml)|(?:[a-z]+/)+)`", prose(page))
    assert not [name for name in named if not (ROOT / name).exists()]


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


# Schedules


def test_the_kinds_of_repair_are_all_described_and_no_others() -> None:
    described = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", _section("## What repairs itself"), re.MULTILINE)
    assert described == ["what", *Repair]


def test_the_schedules_are_those_of_the_program() -> None:
    assert set(re.findall(r"schedule `([\w-]+)`", _section("## What repairs itself"))) == {
        schedules.RECONCILIATION,
        schedules.UPKEEP,
        schedules.LOOK_UPS,
        schedules.CONFIRMATIONS,
        schedules.RELATED,
        schedules.REVOCATIONS,
        schedules.SEGMENTS,
        schedules.TASKS,
        schedules.ENTRIES,
    }


def _section(title: str) -> str:
    return (ROOT / "docs" / "production.md").read_text().partition(f"{title}\n")[2].partition("\n## ")[0]
