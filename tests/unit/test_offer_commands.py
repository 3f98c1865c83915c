"""``relance offer-api``: where the shop's own API for codes is."""

from __future__ import annotations

import base64
import io
import json
import sys

import pytest

from relance.secret import Secret
from tests.unit.test_cli import SECRET, Relance, dump, installed, relance, rows

__all__ = ["installed", "relance"]

URL = "https://boutique.example/codes"
THEIRS = "whsec_" + base64.b64encode(b"x" * 24).decode()


@pytest.fixture
def boutique(installed: Relance) -> Relance:
    assert installed("shop", "create", "boutique").code == 0
    return installed


def kept(database_url: str) -> list[dict[str, str]]:
    found = rows(database_url, "select settings from offer_apis")
    return [json.loads(Secret(SECRET).offer_apis.decrypt(row["settings"])) for row in found]


def test_the_secret_is_printed_once_and_kept_encrypted(boutique: Relance, database_url: str) -> None:
    done = boutique("offer-api", "set", "boutique", URL)
    assert done.code == 0
    secret = done.out.strip()
    assert kept(database_url) == [{"url": URL, "secret": secret}]
    assert secret not in dump(database_url)
    assert URL in boutique("shop", "show", "boutique").out
    assert secret not in boutique("shop", "show", "boutique").out


def test_setting_it_again_replaces_it_with_a_secret_that_is_read(
    boutique: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boutique("offer-api", "set", "boutique", "https://old.example/")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{THEIRS}\n"))
    done = boutique("offer-api", "set", "boutique", URL, "--secret", "-")
    assert (done.code, THEIRS in done.out) == (0, False)
    assert kept(database_url) == [{"url": URL, "secret": THEIRS}]


def test_it_is_forgotten(boutique: Relance, database_url: str) -> None:
    boutique("offer-api", "set", "boutique", URL)
    assert boutique("offer-api", "remove", "boutique").code == 0
    assert kept(database_url) == []
    assert "has told of no API for codes" in boutique("offer-api", "remove", "boutique").err


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
def test_what_cannot_be_is_told_with_what_to_change(boutique: Relance, words: str, problem: str) -> None:
    done = boutique("offer-api", *words.split())
    assert done.code == 2
    assert problem in done.err


@pytest.mark.parametrize("secret", ["whsec_", "whsec_YQ==", "secret", "whsec_äöü", "whsk_" + THEIRS[6:]])
def test_a_secret_that_signs_nothing_is_refused_and_not_quoted(
    boutique: Relance, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(secret))
    done = boutique("offer-api", "set", "boutique", URL, "--secret", "-")
    assert done.err == "relance: secret: must be 'whsec_' and base64 of 24 bytes or more\n"
