"""Forms as browsers and mail programs post them. What cannot be read as one is an empty form."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)')
_NAME = re.compile(rb'\bname="?([^";\r\n]+)')
_MOST_FIELDS = 100


class Form:
    """The fields of a form, by name and in order."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def get(self, name: str) -> str | None:
        """Give the first value of a field; None where the form has none."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Give all values of a field."""
        return [value for known, value in self._fields if known == name]


def read(content_type: str, body: bytes) -> Form:
    """Read a form, URL-encoded or in parts.

    Args:
        content_type: the header; RFC 8058 allows both kinds, and what names neither is read as the first.
        body: as it came.

    """
    if content_type.strip().lower().startswith("multipart/form-data"):
        return Form(_parts(content_type, body))
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return Form([])


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return []
    fields = []
    for part in body.split(f"--{boundary[1]}".encode("latin-1"))[1:_MOST_FIELDS]:
        head, _, value = part.partition(b"\r\n\r\n")
        if name := _NAME.search(head):
            fields.append((name[1].decode(errors="replace"), value.removesuffix(b"\r\n").decode(errors="replace")))
    return fields
