"""``relance offer-api`` and ``task-hook``: where a shop is called, kept with the secret that signs the calls."""

from __future__ import annotations

import base64
import io
import json
import sys

import pytest
from cryptography.fernet import InvalidToken

from relance.secret import Secret
from storage.endpoints import Kind
from tests.unit.program import SECRET, Relance, dump, rows

URL = "https://boutique.example/called"
THEIRS = "whsec_" + base64.b64encode(b"x" * 24).decode()
COMMANDS = {Kind.OFFER_API: "offer-api", Kind.TASK_HOOK: "task-hook"}
UNKNOWN = {Kind.OFFER_API: "has told of no API for codes", Kind.TASK_HOOK: "hears of no tasks"}

each_kind = pytest.mark.parametrize("kind", list(Kind))


@pytest.fixture
def boutique(installed: Relance) -> Relance:
    assert installed("shop", "create", "boutique").code == 0
    return installed


def kept(database_url: str, kind: Kind) -> list[dict[str, str]]:
    """What is kept of a kind; of the others nothing is."""
    found = rows(database_url, "select kind, settings from endpoints")
    assert {row["kind"] for row in found} <= {kind}
    return [json.loads(Secret(SECRET).endpoint(kind).decrypt(row["settings"])) for row in found]


@each_kind
def test_the_secret_is_printed_once_and_kept_encrypted(boutique: Relance, database_url: str, kind: Kind) -> None:
    done = boutique(COMMANDS[kind], "set", "boutique", URL)
    assert done.code == 0
    secret = done.out.strip()
    assert kept(database_url, kind) == [{"url": URL, "secret": secret}]
    assert secret not in dump(database_url)
    shown = boutique("shop", "show", "boutique").out
    assert (URL in shown, secret in shown) == (True, False)


@each_kind
def test_setting_it_again_replaces_it_with_a_secret_that_is_read(
    boutique: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    boutique(COMMANDS[kind], "set", "boutique", "https://old.example/")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{THEIRS}\n"))
    done = boutique(COMMANDS[kind], "set", "boutique", URL, "--secret", "-")
    assert (done.code, THEIRS in done.out, URL in done.out.replace("\n", "")) == (0, False, True)
    assert kept(database_url, kind) == [{"url": URL, "secret": THEIRS}]


@each_kind
def test_it_is_forgotten(boutique: Relance, database_url: str, kind: Kind) -> None:
    boutique(COMMANDS[kind], "set", "boutique", URL)
    assert boutique(COMMANDS[kind], "remove", "boutique").code == 0
    assert kept(database_url, kind) == []
    assert UNKNOWN[kind] in boutique(COMMANDS[kind], "remove", "boutique").err


def test_what_opens_one_kind_opens_no_other() -> None:
    codes, tasks = (Secret(SECRET).endpoint(kind) for kind in Kind)
    with pytest.raises(InvalidToken):
        tasks.decrypt(codes.encrypt(b"x"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (f"set atelier {URL}", "there is no shop 'atelier'"),
        ("remove atelier", "there is no shop 'atelier'"),
        ("set boutique codes", "url: "),
        ("set boutique ftp://boutique.example/", "url: URL scheme should be 'http' or 'https'"),
        ("set boutique https://me:secret@boutique.example/", "url: must not contain a login"),
        ("set boutique https://boutique.example/?a=1", "url: must not contain a query"),
        (f"set boutique {URL} --secret {THEIRS}", "others can see what stands on a command line"),
    ],
)
@each_kind
def test_what_cannot_be_is_told_with_what_to_change(boutique: Relance, words: str, problem: str, kind: Kind) -> None:
    done = boutique(COMMANDS[kind], *words.split())
    assert done.code == 2
    assert problem in done.err


@pytest.mark.parametrize("secret", ["whsec_", "whsec_YQ==", "secret", "whsec_äöü", "whsk_" + THEIRS[6:]])
def test_a_secret_that_signs_nothing_is_refused_and_not_quoted(
    boutique: Relance, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(secret))
    done = boutique("offer-api", "set", "boutique", URL, "--secret", "-")
    assert done.err == "relance: secret: must be 'whsec_' and base64 of 24 bytes or more\n"
