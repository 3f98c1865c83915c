"""How related items are named beside what lies in the cart."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """What stands over related items, and on the button of each."""

    heading: str
    button: str


WORDS = {
    "fr": Words("Souvent achetés ensemble", "Voir"),
    "it": Words("Spesso acquistati insieme", "Vedi"),
    "pt": Words("Frequentemente comprados juntos", "Ver"),
    "en": Words("Often bought together", "View"),
}
