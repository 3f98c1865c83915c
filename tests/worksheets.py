"""Worksheets as tests write them: rows as lists of texts, saved the way spreadsheets do."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl

FRENCH = ["Point de blocage", "Segment", "Que dire", "Quand", "Canaux"]
FILLED_IN = [
    [*FRENCH, "Offre"],
    ["Panier abandonné", "Prospects", "Vos articles vous attendent.", "2 h", "SMS, e-mail", ""],
    ["Panier abandonné", "Prospects", "Toujours là !", "24 h plus tard", "e-mail", "5 € de remise dès 30 €"],
    ["panier abandonne", "Clients", "Merci d'être là.", "après 12 heures", "e-mail + SMS", "livraison gratuite"],
]
"""A worksheet as somebody fills it in, in French."""


def as_csv(rows: list[list[str]], delimiter: str = ";", encoding: str = "utf-8-sig") -> bytes:
    """Save rows as CSV, as French Excel does: semicolons, and CR LF."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def saved(file: Path, rows: list[list[str]]) -> Path:
    """Save rows as a file of the kind that its name says."""
    if file.suffix == ".csv":
        file.write_bytes(as_csv(rows))
        return file
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(file)
    return file


def changed(**cells: str) -> list[list[str]]:
    """Give the rows that are filled in, with some cells written over: ``C2="…"``."""
    rows = [list(row) for row in FILLED_IN]
    for cell, text in cells.items():
        rows[int(cell[1:]) - 1][ord(cell[0]) - ord("A")] = text
    return rows


def damaged(packed: bytes) -> bytes:
    """Break what is packed first in an XLSX file."""
    begin = packed.index(b"xml") + 20
    return packed[:begin] + b"\xff" * 40 + packed[begin + 40 :]
