"""The command line: it helps, says in one line what is wrong, and keeps no secret that it shows."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from relance import cli
from tests.support import opened_shop
from tests.unit.program import PAGE, SECRET, Done, Relance, dump, rows, the_line

PROGRAM: Any = typer.main.get_command(cli.app)


def commands(command: Any = PROGRAM, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


def example_of(command: Any) -> str | None:
    """Give the example that a command's help ends with, if it has one."""
    _, _, example = (command.epilog or "").partition("Example: `")
    return example.rstrip("`") or None


ALL = {" ".join(("relance", *path)): (path, command) for path, command in commands()}
WITH_EXAMPLE = {name: found for name, found in ALL.items() if example_of(found[1])}


@pytest.mark.parametrize(("path", "command"), ALL.values(), ids=ALL)
def test_every_command_explains_itself_and_shows_its_example(
    relance: Relance, path: tuple[str, ...], command: Any
) -> None:
    done = relance(*path, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Usage: relance" in done.out
    assert command.help.splitlines()[0] in " ".join(done.out.split())
    for child in getattr(command, "commands", {}).values():
        assert child.get_short_help_str(200) in done.out
    if example := example_of(command):
        assert example in done.out


@pytest.mark.parametrize(("path", "command"), WITH_EXAMPLE.values(), ids=WITH_EXAMPLE)
def test_every_example_is_one_that_the_command_takes(path: tuple[str, ...], command: Any) -> None:
    words = shlex.split(example_of(command) or "")
    assert tuple(words[1 : len(path) + 1]) == path
    command.make_context(words[0], words[len(path) + 1 :])


def test_a_plan_that_is_unknown_is_named_with_those_there_are(relance: Relance, tmp_path: Path) -> None:
    line = the_line(relance("rehearse", str(tmp_path / "events.ndjson"), "--plan", "nonsense"))
    assert "'nonsense'" in line
    assert "cart-recovery" in line


def test_a_file_that_is_missing_is_named(relance: Relance, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    assert f"cannot read {file}: No such file or directory" in the_line(relance("rehearse", str(file)))


@pytest.mark.parametrize(
    ("broken", "problem"),
    [("{", "not JSON"), ("[]", "timestamp"), (PAGE.replace("userId", "user"), "userId")],
)
def test_a_recorded_line_that_is_broken_is_named_with_its_number(
    relance: Relance, tmp_path: Path, broken: str, problem: str
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(f"{PAGE}\n\n{broken}\n")
    line = the_line(relance("rehearse", str(file)))
    assert f"{file}:3: " in line
    assert problem in line


@pytest.mark.parametrize("secret", [None, "", "hunter2"])
def test_a_secret_that_is_missing_or_short_is_asked_for_and_not_repeated(
    relance: Relance, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("RELANCE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/relance")
    if secret is not None:
        monkeypatch.setenv("RELANCE_SECRET", secret)
    line = the_line(relance("shop", "show", "boutique"))
    assert "set RELANCE_SECRET" in line
    assert "32 characters" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("words", ["migrate", "shop show boutique", "key list", "api", "relay", "worker"])
def test_a_database_that_is_not_set_is_asked_for(relance: Relance, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("RELANCE_SECRET", SECRET)
    assert "set RELANCE_DATABASE_URL, such as postgresql://" in the_line(relance(*words.split()))


@pytest.mark.parametrize("words", ["migrate", "shop show boutique", "api", "relay", "worker"])
def test_a_database_that_does_not_answer_is_told_without_its_password(
    relance: Relance, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("RELANCE_SECRET", SECRET)
    monkeypatch.setenv("RELANCE_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:1/relance")
    line = the_line(relance(*words.split()))
    assert "RELANCE_DATABASE_URL" in line
    assert "hunter2" not in line


def test_a_setting_that_has_no_such_value_is_named(relance: Relance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELANCE_LOG_LEVEL", "loud")
    assert "RELANCE_LOG_LEVEL" in the_line(relance("rehearse", "events.ndjson"))
    # What was not begun is put away, without a complaint of Python's when it is collected.
    gc.collect()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("shop create La_Boutique", "'La_Boutique' cannot be a shop's id"),
        ("shop create boutique", "there is a shop 'boutique' already"),
        ("shop show atelier", "there is no shop 'atelier'; relance shop create atelier makes it"),
        ("shop set atelier --name Atelier", "there is no shop 'atelier'"),
        ("shop set boutique --mode loud", "'loud' is not one of sandbox, allowlist, live, stopped"),
        ("shop set boutique --language de", "'de' is not one of fr, it, pt, en"),
        ("shop set boutique --cart-url shop.example.com", "--cart-url must be an https or http address"),
        ("shop set boutique", "nothing to change; relance shop set --help"),
        ("shop set boutique --allow 0639980001", "'0639980001' is neither a telephone number such as +33639980001"),
        ("shop set boutique --name B --account pigeon=x.json", "--account takes CHANNEL=FILE"),
        ("shop set boutique --account sms=/nowhere/x.json", "cannot read /nowhere/x.json: No such file"),
        ("key create atelier write", "there is no shop 'atelier'"),
        ("key list atelier", "there is no shop 'atelier'"),
        ("shop set boutique --account sms", "--account takes CHANNEL=FILE"),
        ("key create boutique golden", "'golden' is not a kind of key: say write or api"),
        ("events parked --shop atelier", "there is no shop 'atelier'; relance shop create atelier makes it"),
        ("events retry", "name the rows, or give --all; relance events parked lists them"),
        ("events retry 1 --all", "name the rows, or give --all; relance events parked lists them"),
        ("events retry 0", "an ID is a number as relance events parked lists it"),
        ("events retry 9223372036854775808", "an ID is a number as relance events parked lists it"),
        ("key revoke 0123456789", "there is no key '0123456789' to revoke; relance key list shows them"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(installed: Relance, words: str, problem: str) -> None:
    assert installed("shop", "create", "boutique").code == 0
    before = installed("shop", "show", "boutique")
    assert problem in the_line(installed(*words.split()))
    assert installed("shop", "show", "boutique") == before


def test_a_shop_is_made_in_sandbox_mode_changed_and_shown(installed: Relance) -> None:
    made = installed("shop", "create", "boutique", "--name", "La Boutique")
    assert (made.code, made.err) == (0, "")
    assert shown(installed) == {
        "shop": "boutique",
        "name": "La Boutique",
        "mode": "sandbox",
        "language": "en",
        "cart_url": "-",
        "allowlist": "-",
        "policy": "-",
        "accounts": "-",
        "offer_api": "-",
        "task_hook": "-",
        "task_mail": "-",
    }
    words = "--mode allowlist --language fr --cart-url https://b.example/cart --allow +33639980001 --allow a@b.example"
    assert installed("shop", "set", "boutique", *words.split()).code == 0
    again = "--allow +33639980001 --allow c@b.example --disallow a@b.example"
    assert installed("shop", "set", "boutique", *again.split()).code == 0
    assert shown(installed) == {
        "shop": "boutique",
        "name": "La Boutique",
        "mode": "allowlist",
        "language": "fr",
        "cart_url": "https://b.example/cart",
        "allowlist": "+33639980001, c@b.example",
        "policy": "-",
        "accounts": "-",
        "offer_api": "-",
        "task_hook": "-",
        "task_mail": "-",
    }


def test_a_shops_own_rules_come_from_a_file_and_what_it_does_not_name_stays(installed: Relance, tmp_path: Path) -> None:
    assert installed("shop", "create", "boutique").code == 0
    file = tmp_path / "policy.json"
    for text in ('{"country": "FR"}', '{"daily_ceiling": "50.00"}'):
        file.write_text(text)
        assert installed("shop", "set", "boutique", "--policy", str(file)).code == 0
    assert json.loads(shown(installed)["policy"]) == {"country": "FR", "daily_ceiling": "50.00"}
    for text, problem in (
        ("[]", "must be a JSON object"),
        ("{", "is not JSON"),
        ('{"caps": {"fax": []}}', "caps.fax"),
        ('{"caps": {"sms": [{"at_most": -1, "within": "24h"}]}}', "caps.sms.0.at_most"),
        ('{"country": "France"}', "country"),
        ('{"colour": "red"}', "colour: Extra inputs are not permitted"),
    ):
        file.write_text(text)
        assert problem in the_line(installed("shop", "set", "boutique", "--policy", str(file)))
    assert json.loads(shown(installed)["policy"]) == {"country": "FR", "daily_ceiling": "50.00"}


def test_what_is_wrong_with_moving_journeys_is_said(installed: Relance) -> None:
    installed("shop", "create", "boutique")
    move = ("journeys", "migrate", "cart-recovery", "--shop", "boutique", "--to", "1")
    assert "name the carts with --key, or give --all" in the_line(installed(*move))
    assert "name the carts with --key, or give --all" in the_line(installed(*move, "--all", "--key", "c-1"))
    assert "has no step 'nowhere'" in the_line(installed(*move, "--all", "--at", "nowhere"))
    assert installed(*move, "--all") == Done(0, "moved: 0\n", "")
    done = installed(*move, "--key", "c-9", "--dry-run")
    assert (done.code, done.out) == (2, "would be moved: 0\n")
    assert "cart-recovery has no running journey about 'c-9'" in done.err
    assert "there is no journey 'x'" in the_line(installed("journeys", "show", "x"))
    assert "'odd' is not one of running, paused, ended" in the_line(
        installed("journeys", "list", "--shop", "boutique", "--status", "odd")
    )
    assert installed("journeys", "list", "--shop", "boutique").out == "no such journeys\n"


async def _one_journey(database_url: str) -> str:
    async with opened_shop(database_url) as shop:
        await shop.identify()
        return (await shop.fill()).id


def test_a_journey_is_listed_told_paused_moved_and_cancelled(installed: Relance, database_url: str) -> None:
    journey = asyncio.run(_one_journey(database_url))
    shop = journey.split(":")[1]
    assert journey in installed("journeys", "list", "--shop", shop).out
    assert "started" in installed("journeys", "show", journey).out
    assert f"{journey} is paused" in installed("journeys", "pause", journey).out
    assert "was paused already" in installed("journeys", "pause", journey).out
    assert f"{journey} goes on" in installed("journeys", "resume", journey).out
    installed("plan", "publish", "cart-recovery", "--shop", shop)
    move = ("journeys", "migrate", "cart-recovery", "--shop", shop, "--to", "2", "--all")
    where = f"{journey}: version 1 at leaves → version 2 at leaves\n"
    assert installed(*move, "--dry-run").out == f"{where}would be moved: 1\n"
    assert installed(*move).out == f"{where}moved: 1\n"
    assert installed(*move).out == "moved: 0\n"
    assert "is cancelled" in installed("journeys", "cancel", journey).out
    assert "has ended" in the_line(installed("journeys", "cancel", journey))


def shown(relance: Relance) -> dict[str, str]:
    cells = [line.split("│")[1:3] for line in relance("shop", "show", "boutique").out.splitlines() if "│" in line]
    return {name.strip(): value.strip() for name, value in cells}


def test_a_shops_account_is_kept_encrypted(installed: Relance, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(
        f'{{"provider": "twilio", "account_sid": "AC{"0" * 32}", "auth_token": "hunter2", "sender": "+33939000001"}}'
    )
    installed("shop", "create", "boutique")
    assert installed("shop", "set", "boutique", "--account", f"sms={file}").code == 0
    [row] = rows(database_url, "select channel, settings from channel_accounts")
    assert row["channel"] == "sms"
    assert shown(installed)["accounts"] == "sms"
    assert b"hunter2" not in row["settings"]
    assert "account cannot send by email" in the_line(
        installed("shop", "set", "boutique", "--account", f"email={file}")
    )


def test_infobip_takes_over_the_shops_email_as_its_second_account(
    installed: Relance, database_url: str, tmp_path: Path
) -> None:
    smtp, infobip = tmp_path / "smtp.json", tmp_path / "infobip.json"
    sender = '"sender": "news@shop.example"'
    smtp.write_text(f'{{"provider": "smtp", "host": "mail.shop.example", {sender}}}')
    account = '{"provider": "infobip", "base_url": "https://x.api.infobip.com", "api_key": "hunter2"'
    infobip.write_text(f"{account}, {sender}}}")
    installed("shop", "create", "boutique")
    assert installed("shop", "set", "boutique", "--account", f"email={smtp}").code == 0
    assert installed("shop", "set", "boutique", "--account", f"email:2={infobip}").code == 0
    kept = rows(database_url, "select channel, rank, settings from channel_accounts order by rank")
    assert [(row["channel"], row["rank"]) for row in kept] == [("email", 1), ("email", 2)]
    assert b"hunter2" not in kept[1]["settings"]
    infobip.write_text(f'{account}, "sender": "Boutique"}}')
    wrong = the_line(installed("shop", "set", "boutique", "--account", f"email:2={infobip}"))
    assert "sender" in wrong
    assert "hunter2" not in wrong


def test_nothing_parked_is_said_and_a_row_that_is_not_parked_is_named(installed: Relance) -> None:
    assert installed("events", "parked") == Done(0, "nothing is parked\n", "")
    done = installed("events", "retry", "1")
    assert (done.code, done.out) == (2, "given back to the relay: 0\n")
    assert done.err == "relance: not parked: 1; relance events parked lists what is\n"
    assert installed("events", "retry", "--all") == Done(0, "given back to the relay: 0\n", "")


KINDS = ("write", "api")


def test_keys_are_shown_once_listed_without_their_secret_and_revoked(installed: Relance, database_url: str) -> None:
    installed("shop", "create", "boutique")
    keys = {kind: installed("key", "create", "boutique", kind, "--label", f"my {kind}").out.strip() for kind in KINDS}
    assert [secret.startswith(f"{kind}_") for kind, secret in keys.items()] == [True, True]

    stored = rows(database_url, "select * from keys order by created_at")
    assert [row["hash"] for row in stored] == [hashlib.sha256(secret.encode()).digest() for secret in keys.values()]
    listed = installed("key", "list", "boutique").out
    assert "my write" in listed
    assert "my api" in listed
    for secret in keys.values():
        assert secret not in listed
        assert secret.partition("_")[2] not in dump(database_url)

    key_id = stored[0]["key_id"]
    assert key_id in listed
    assert installed("key", "revoke", key_id).code == 0
    assert [row["revoked_at"] is None for row in rows(database_url, "select * from keys order by created_at")] == [
        False,
        True,
    ]
    assert "no key" in the_line(installed("key", "revoke", key_id))
