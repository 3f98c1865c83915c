"""How long an SMS is: in parts, which is what is paid for."""

from __future__ import annotations

from collections.abc import Iterator

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1)."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Its extension table: an escape and a character, which take two places and stay together."""
_GSM_ALONE, _GSM_PART = 160, 153
_UCS2_ALONE, _UCS2_PART = 70, 67


def outside_gsm7(text: str) -> str:
    """Give the characters, each once, that take a text out of GSM-7 and so more than halve the length of a part."""
    return "".join(dict.fromkeys(char for char in text if char not in BASIC and char not in EXTENSION))


def parts(text: str) -> int:
    """Count the parts a text is sent in: 160 places in GSM-7 or 70 in UCS-2; 153 or 67 where there are several."""
    if outside_gsm7(text):
        return _pack([len(char.encode("utf-16-le", "surrogatepass")) // 2 for char in text], _UCS2_ALONE, _UCS2_PART)
    return _pack([2 if char in EXTENSION else 1 for char in text], _GSM_ALONE, _GSM_PART)


def _pack(widths: list[int], alone: int, part: int) -> int:
    return 1 if sum(widths) <= alone else sum(1 for _ in _breaks(widths, part))


def _breaks(widths: list[int], part: int) -> Iterator[int]:
    """Give how full each part is; a character of two places is never torn apart."""
    full = 0
    for width in widths:
        if full + width > part:
            yield full
            full = 0
        full += width
    yield full
