"""What every call says after its message: how to have no more of them."""

from __future__ import annotations

_STOP = {
    "fr": "Pour ne plus recevoir d'appels de notre part, appuyez sur 9.",
    "it": "Per non ricevere più le nostre chiamate, prema 9.",
    "pt": "Para não receber mais as nossas chamadas, prima 9.",
    "en": "To stop receiving calls from us, press 9.",
}
_BRAZIL = "Para não receber mais as nossas ligações, pressione 9."


def with_stop(text: str, language: str, locale: str) -> str:
    """Add to a call's text how to stop calls.

    Args:
        text: what the call says.
        language: one of those that Relance writes.
        locale: as spoken where the person lives, such as ``pt-BR``.

    """
    return f"{text} {_BRAZIL if locale == 'pt-BR' else _STOP[language]}"
