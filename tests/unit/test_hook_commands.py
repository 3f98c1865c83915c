"""``relance hook``: secrets that are shown once or never, and bodies that are read anew."""

from __future__ import annotations

import asyncio
import base64
import getpass
import io
import json
import sys
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from relance.secret import Secret
from storage import hooks
from tests.unit.program import SECRET, Done, Relance, dump, rows, the_line

SHOPIFY = "shpss_0123456789abcdef"
PAGE = {"type": "page", "userId": "ann"}


@pytest.fixture
def boutique(installed: Relance) -> Relance:
    assert installed("shop", "create", "boutique").code == 0
    return installed


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have something on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def decrypted(database_url: str) -> list[str]:
    kept = rows(database_url, "select secret from hook_secrets order by created_at")
    return [Secret(SECRET).hooks.decrypt(row["secret"]).decode() for row in kept]


def keep(database_url: str, body: Any, reason: str = "x") -> int:
    """Have a signed body that could not be read."""

    async def kept() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            await hooks.keep(connection, "boutique", "standard", "msg_1", json.dumps(body).encode(), reason)
            return max(one.kept_id for one in await hooks.kept(connection, "boutique"))
        finally:
            await connection.close()

    return asyncio.run(kept())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("create atelier standard", "there is no shop 'atelier'"),
        ("create boutique magento", "'magento' is not a source of webhooks: say shopify, woocommerce, standard"),
        ("create boutique standard --secret whsec_x", "others can see what stands on a command line"),
        ("list atelier", "there is no shop 'atelier'"),
        ("revoke 0123456789", "there is no secret '0123456789' to revoke; relance hook list shows them"),
        ("kept --shop atelier", "there is no shop 'atelier'"),
        ("retry", "say which body to read anew, or --all"),
        ("retry 1 --all", "say which body to read anew, or --all"),
        ("retry 1", "there is no body 1; relance hook kept shows them"),
        ("forget 1", "there is no body 1; relance hook kept shows them"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(boutique: Relance, words: str, problem: str) -> None:
    assert problem in the_line(boutique("hook", *words.split()))


@pytest.mark.parametrize("source", ["standard", "woocommerce"])
def test_a_secret_that_is_made_here_is_shown_once_and_kept_encrypted(
    boutique: Relance, database_url: str, source: str
) -> None:
    made = boutique("hook", "create", "boutique", source)
    secret = made.out.strip()
    assert (made.code, made.err) == (0, "")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert decrypted(database_url) == [secret]
    assert secret not in dump(database_url)
    assert secret not in boutique("hook", "list", "boutique").out


def test_a_secret_that_shopify_made_is_read_and_not_shown(
    boutique: Relance, database_url: str, pipe: Callable[[str], None]
) -> None:
    pipe(f"{SHOPIFY}\n")
    made = boutique("hook", "create", "boutique", "shopify")
    assert (made.code, made.err) == (0, "")
    assert "/v1/hooks/boutique/shopify" in made.out
    assert SHOPIFY not in made.out + boutique("hook", "list").out
    assert decrypted(database_url) == [SHOPIFY]


def test_a_secret_is_typed_unseen_in_a_terminal(
    boutique: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: f"{prompt}typed")
    assert boutique("hook", "create", "boutique", "woocommerce", "--secret", "-").code == 0
    assert decrypted(database_url) == ["secret: typed"]


@pytest.mark.parametrize(
    ("source", "given", "problem"),
    [
        ("shopify", "", "the secret is empty"),
        ("woocommerce", " \n", "the secret is empty"),
        ("standard", "hunter2\n", "a secret of Standard Webhooks is 'whsec_' and base64 of 24 bytes or more"),
        ("standard", "whsec_aGk=\n", "of 24 bytes or more"),
        ("standard", "whsec_é\n", "of 24 bytes or more"),
    ],
)
def test_a_secret_that_is_none_is_refused(
    boutique: Relance, database_url: str, pipe: Callable[[str], None], source: str, given: str, problem: str
) -> None:
    pipe(given)
    assert problem in the_line(boutique("hook", "create", "boutique", source, "--secret", "-"))
    assert decrypted(database_url) == []


def test_a_secret_that_is_revoked_is_listed_as_that(boutique: Relance, database_url: str) -> None:
    boutique("hook", "create", "boutique", "standard")
    [row] = rows(database_url, "select secret_id from hook_secrets")
    assert boutique("hook", "revoke", row["secret_id"]).code == 0
    [revoked] = rows(database_url, "select revoked_at from hook_secrets")
    assert f"{revoked['revoked_at']:%Y-%m-%d %H:%M}" in boutique("hook", "list", "boutique").out
    assert "no secret" in the_line(boutique("hook", "revoke", row["secret_id"]))


def test_kept_bodies_are_listed_with_the_reason_and_not_with_what_is_in_them(
    boutique: Relance, database_url: str
) -> None:
    keep(database_url, PAGE | {"userId": "ann@example.com"}, "properties.products[0].price: must be a number")
    listed = boutique("hook", "kept", "--shop", "boutique").out
    assert "properties.products[0].price: must be a number" in listed
    assert "msg_1" in listed
    assert "ann@example.com" not in listed


def test_a_kept_body_that_can_be_read_now_is_taken_once_and_kept_no_longer(
    boutique: Relance, database_url: str
) -> None:
    for _ in range(2):
        number = keep(database_url, PAGE)
        assert boutique("hook", "retry", str(number)) == Done(0, f"{number}: taken\n", "")
    assert rows(database_url, "select * from hook_bodies_kept") == []
    [event] = rows(database_url, "select message_id from events")
    assert event["message_id"] == "hook:msg_1"


def test_what_still_cannot_be_read_is_kept_until_it_is_forgotten(boutique: Relance, database_url: str) -> None:
    number = keep(database_url, {"type": "track"})
    keep(database_url, PAGE)
    first, second = boutique("hook", "retry", "--all").out.splitlines()
    assert first.startswith(f"{number}: kept still: userId: give userId or anonymousId")
    assert second.endswith(": taken")
    assert len(rows(database_url, "select * from hook_bodies_kept")) == 1
    assert boutique("hook", "forget", str(number)).code == 0
    assert rows(database_url, "select * from hook_bodies_kept") == []
