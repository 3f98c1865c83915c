"""Who speaks on the telephone, in which language, and what can be said."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.base import Rejected
from journeys.facts import Channel
from journeys.lengths import LONGEST

STOP_DIGIT = "9"
"""The key by which a person says that they want no more calls; messages/voice.py tells them."""
LONGEST_TEXT = LONGEST[Channel.VOICE]
"""More than a minute and a half, at any provider."""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (2.2), not even escaped: most control characters, and halves of characters."""


@dataclass(frozen=True)
class Voice:
    """A voice of Amazon Polly, which both Infobip and Twilio have.

    Attributes:
        name: Polly's.
        locale: as Twilio names the language.
        language: as Infobip does.

    """

    name: str
    locale: str
    language: str


_VOICES = (
    Voice("Lea", "fr-FR", "fr"),
    Voice("Bianca", "it-IT", "it"),
    Voice("Ines", "pt-PT", "pt-pt"),
    Voice("Camila", "pt-BR", "pt-br"),
    Voice("Amy", "en-GB", "en-gb"),
    Voice("Joanna", "en-US", "en"),
)
_BY_LOCALE = {voice.locale: voice for voice in _VOICES}
_BY_LANGUAGE = {"fr": "fr-FR", "it": "it-IT", "pt": "pt-PT", "en": "en-GB"}


def voice_of(locale: str) -> Voice:
    """Choose a voice: of the locale, or else of its language, or else British."""
    found = _BY_LOCALE.get(locale)
    return found or _BY_LOCALE[_BY_LANGUAGE.get(locale.partition("-")[0], "en-GB")]


def spoken(text: str) -> str:
    """Give what is said of a text: one line, without what no provider can carry."""
    return " ".join(_NOT_IN_XML.sub(" ", text).split())


def too_long(said: str) -> Rejected | None:
    """Refuse what takes longer to say than providers allow."""
    if len(said) <= LONGEST_TEXT:
        return None
    return Rejected(f"a call says at most {LONGEST_TEXT} characters and this message has {len(said)}: shorten it")
