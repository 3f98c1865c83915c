"""What is answered to STOP, START and HELP, in six languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from journeys.words import Word

LANGUAGES = ("en", "fr", "de", "pt", "es", "it")


def text(word: Word, language: str, shop: str, contact: str | None) -> str:
    """Write the answer.

    Args:
        word: what is answered.
        language: one of ``LANGUAGES``.
        shop: its name.
        contact: where its customers get help; it stands in the answer to HELP.

    """
    said = _texts()[language]
    parts = [said[word]] + ([said["contact"]] if word is Word.HELP and contact else [])
    return " ".join(parts).replace("{{ contact }}", contact or "").replace("{{ shop }}", shop)


@cache
def _texts() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = yaml.safe_load(
        Path(__file__).with_name("confirmations.yaml").read_text(encoding="utf-8")
    )
    return texts
