"""What the channels with pictures make of a message alike."""

from __future__ import annotations

from collections.abc import Iterable

from channels.base import Card, Outgoing


def pictured(cards: Iterable[Card], most: int) -> list[Card]:
    """Give the cards that have a picture, at most so many."""
    return [card for card in cards if card.image][:most]


def with_link(message: Outgoing) -> str:
    """Give the text with the link at its end, for those who see no button; once, if the text has it already."""
    if not message.link or message.link in message.text:
        return message.text
    return f"{message.text} {message.link}"


def shortened(text: str, length: int) -> str:
    """Cut a text at a word, so that it has at most so many characters with the ellipsis."""
    if len(text) <= length:
        return text
    cut = text[: max(length - 1, 0)]
    at_word = cut.rpartition(" ")[0] if " " in cut else cut
    return f"{at_word.rstrip()}…" if length > 0 else ""
