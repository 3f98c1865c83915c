"""How long an SMS is: in parts, which is what is paid for. And how it is written so that it takes fewer of them."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator

from journeys.facts import Channel
from journeys.lengths import LONGEST

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1)."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Its extension table: an escape and a character, which take two places and stay together."""
_LENGTHS = range(LONGEST[Channel.SMS] + 1)
_GSM_ALONE, _GSM_PART = 160, 153
_UCS2_ALONE, _UCS2_PART = 70, 67

_PLAIN = str.maketrans(
    {
        # quotation marks and primes
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        # hyphens, dashes, minus and bullet
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022", "-"),
        # the times sign, and the slash of fractions
        "\u00d7": "x",
        "\u2044": "/",
        "œ": "oe",
        "Œ": "OE",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
    }
)
"""What Unicode does not take apart into a letter of GSM-7 and something that may go."""
_LINK = re.compile(r"(https?://\S+)")


def outside_gsm7(text: str) -> str:
    """Give the characters, each once, that take a text out of GSM-7 and so more than halve the length of a part."""
    return "".join(dict.fromkeys(char for char in text if char not in BASIC and char not in EXTENSION))


def parts(text: str) -> int:
    """Count the parts a text is sent in: 160 places in GSM-7 or 70 in UCS-2; 153 or 67 where there are several."""
    if outside_gsm7(text):
        return _pack([len(char.encode("utf-16-le", "surrogatepass")) // 2 for char in text], _UCS2_ALONE, _UCS2_PART)
    return _pack([2 if char in EXTENSION else 1 for char in text], _GSM_ALONE, _GSM_PART)


def room(text: str, mark: str, most: int) -> int:
    """Tell how many plain characters may stand in a text, in the place of a mark, so that it takes so many parts.

    Args:
        text: what stands around them.
        mark: the character whose place they take.
        most: so many parts at most; 0 is told where the text takes more without them.

    """
    return max(bisect_right(_LENGTHS, most, key=lambda length: parts(text.replace(mark, "x" * length))) - 1, 0)


def transliterate(text: str) -> str:
    """Write a text in GSM-7: letters without the accents it lacks, straight quotes, plain dashes and spaces.

    It is all or nothing: where something is left that GSM-7 cannot say (an emoji, a Greek name, a link), or where the
    text would take more parts than before, it stays as it is. Links are never touched.
    """
    pieces = _LINK.split(unicodedata.normalize("NFC", text))
    plain = "".join(piece if index % 2 else "".join(map(_plain, piece)) for index, piece in enumerate(pieces))
    return text if outside_gsm7(plain) or parts(plain) > parts(text) else plain


def _plain(char: str) -> str:
    if char in BASIC or char in EXTENSION:
        return char
    taken_apart = unicodedata.normalize("NFKD", char.translate(_PLAIN)).translate(_PLAIN)
    return "".join(piece for piece in taken_apart if unicodedata.category(piece) not in {"Mn", "Cf"})


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
