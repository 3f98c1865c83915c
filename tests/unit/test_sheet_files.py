"""Files that are no worksheets, or hardly: each is read as it was meant, or told what would help."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart
from openpyxl.styles import PatternFill

from journeys.worksheet_rows import Line, Unreadable
from messages import sheets
from relance import sheet_commands, sheet_files
from relance.errors import UsageError
from tests.examples import examples
from tests.worksheets import FILLED_IN, as_csv, changed, damaged, saved


def content(rows: list[list[str]]) -> list[tuple[int, list[str | Unreadable]]]:
    return [(number, list[str | Unreadable](row)) for number, row in enumerate(rows, 1)]


def read(file: Path, width: int = 6) -> list[tuple[int, list[str | Unreadable]]]:
    return [(line.number, [*line.cells, *[""] * (width - len(line.cells))]) for line in sheet_files.read(file)]


def repacked(file: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    """Pack an XLSX file anew, with its parts changed."""
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(*change(name, old.read(name)))


def refusal(file: Path) -> str:
    with pytest.raises(UsageError) as error:
        sheet_commands.made_of(file, "fr")
    told = str(error.value)
    assert str(file) in told
    return told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_csv_is_read_in_the_ways_that_spreadsheets_write_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    file = tmp_path / "sheet.csv"
    rows = changed(C2="Vos articles \u2013 à 5 € \u2013 vous attendent")
    file.write_bytes(as_csv(rows, delimiter, encoding))
    assert read(file) == content(rows)


@pytest.mark.parametrize("first", ["sep={}\r\n", "SEP={}\n", '"sep={}"\r\n', "sep={0}{0}{0}\r\n"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_a_first_line_that_names_the_separator_is_followed_and_is_no_row(
    tmp_path: Path, first: str, delimiter: str
) -> None:
    file = tmp_path / "sheet.csv"
    # More of the others stand in the heading than of the one that is named.
    rows = [["Point de blocage", "a,b;c\td|e,;\t|,;\t|"], *FILLED_IN[1:]]
    for encoding, mark in (("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("cp1252", b""), ("utf-16-le", b"\xff\xfe")):
        file.write_bytes(mark + first.format(delimiter).encode(encoding) + as_csv(rows, delimiter, encoding))
        assert read(file, 0) == content(rows)


def test_what_the_file_is_counts_and_not_what_its_name_says(tmp_path: Path) -> None:
    as_xlsx, as_text = tmp_path / "sheet.xlsx", tmp_path / "text.xlsx"
    saved(as_xlsx, FILLED_IN).rename(tmp_path / "sheet.csv")
    as_text.write_bytes(as_csv(FILLED_IN))
    assert read(tmp_path / "sheet.csv") == read(as_text) == content(FILLED_IN)


def test_rows_are_numbered_as_a_spreadsheet_shows_them_whatever_lines_they_take(tmp_path: Path) -> None:
    rows = [*changed(C2="Une ligne\net une autre")]
    rows.insert(2, [""] * 6)
    assert [line.number for line in sheet_files.read(saved(tmp_path / "sheet.csv", rows))] == [1, 2, 4, 5]
    assert [line.number for line in sheet_files.read(saved(tmp_path / "sheet.xlsx", rows))] == [1, 2, 4, 5]


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
            "is an old Excel file, or one with a password; save it as .xlsx",
        ),
        (b"%PDF-1.7", "is a PDF"),
        (gzip.compress(b"Point de blocage;Segment", mtime=0), "is packed with gzip"),
        (b"PK\x03\x04 and no more", "is damaged"),
        (b"\x81\x8d\xff", "is neither UTF-8 nor Windows-1252 text"),
        (b"\xff\xfea", "is neither UTF-8 nor Windows-1252 text"),
        (b"", "the sheet is empty; its first row names Sticking point, Segment, What to say, When, Channels"),
        (b"\xef\xbb\xbf \r\n;;;\r\n", "the sheet is empty"),
        (b'a;"b\r\nc;d\r\n', "in row 1 (line 1) is not CSV"),
        (b'sep=;\r\na;"b\r\nc;d\r\n', "in row 1 (line 2) is not CSV"),
        (os.urandom(4096) + b"\x81", ""),
    ],
)
def test_a_file_that_is_no_sheet_is_told_with_what_would_help(tmp_path: Path, start: bytes, told: str) -> None:
    file = tmp_path / "sheet.xlsx"
    file.write_bytes(start)
    assert told in refusal(file)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    assert "cannot read" in refusal(tmp_path / "none.csv")
    assert "cannot read" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("xl/vbaProject.bin", "holds macros; save it as .xlsx, without them"),
        ("xl/workbook.bin", "is a binary Excel file (.xlsb)"),
    ],
)
def test_macros_and_binary_files_are_refused_whatever_they_are_called(tmp_path: Path, name: str, told: str) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr(name, b"\0")
    assert told in refusal(file)


@pytest.mark.parametrize(
    ("name", "told"), [("content.xml", "an OpenDocument file (.ods)"), ("word/document.xml", "no Excel file")]
)
def test_other_packed_documents_are_told(tmp_path: Path, name: str, told: str) -> None:
    file = tmp_path / "sheet.xlsx"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(name, "<x/>")
    assert f"is {told}; save it as .xlsx, or as CSV" in refusal(file)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_of_ten_megabytes_is_refused_before_it_is_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"sheet.{kind}"
    file.write_bytes(b"PK\x03\x04" + b"\0" * 10 * 1024**2)
    assert "has 10.0 MB; a worksheet has 2 MB at most" in refusal(file)


def test_a_file_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    repacked(file, lambda name, part: (name, part + b" " * 40 * 1024**2 if "sheet1" in name else part))
    assert file.stat().st_size < sheets.LARGEST
    assert "unpacks to 40 MB; a worksheet has 32 MB at most" in refusal(file)


def test_a_sheet_of_more_rows_than_any_worksheet_has_is_refused(tmp_path: Path) -> None:
    many = [FILLED_IN[0], *[FILLED_IN[1]] * (sheets.MOST_ROWS + 1)]
    for kind in ("csv", "xlsx"):
        assert "has more than 1,000 rows" in refusal(saved(tmp_path / f"sheet.{kind}", many))


def test_rows_that_are_only_coloured_do_not_count(tmp_path: Path) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    book = openpyxl.load_workbook(file)
    for number in range(5, 3000):
        book.worksheets[0].cell(number, 1).fill = PatternFill("solid", fgColor="FFFF00")
    book.save(file)
    assert read(file) == content(FILLED_IN)


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>',
        b"<worksheet><sheetData><row",
        b"no XML at all",
        (
            b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
            b'<row r="1"><c r="A1" t="s"><v>99999</v></c></row></sheetData></worksheet>'
        ),
    ],
)
def test_a_sheet_that_no_spreadsheet_wrote_is_told(tmp_path: Path, xml: bytes) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    repacked(file, lambda name, part: (name, xml if name == "xl/worksheets/sheet1.xml" else part))
    assert "save it as .xlsx, or as CSV" in refusal(file)


@pytest.mark.parametrize("number", [b"10001", b"1048576", b"99999999999"])
def test_a_row_far_below_the_others_is_told_and_those_between_are_not_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: bytes
) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    far = b'<row r="%s"/></sheetData>' % number
    repacked(file, lambda name, part: (name, part.replace(b"</sheetData>", far) if "sheet1" in name else part))
    seen = 0

    def counted(cell: object) -> str | Unreadable:
        nonlocal seen
        seen += 1
        return of_cell(cell)

    of_cell = sheets._of_cell  # noqa: SLF001 what is counted is the work, which no answer shows
    monkeypatch.setattr(sheets, "_of_cell", counted)
    assert refusal(file) == (
        f"{file} goes on behind row 10,000, the last that is read; delete what is empty below your rows,"
        " or save it as CSV"
    )
    assert seen <= sheets.LAST_ROW * 100


def test_a_row_may_stand_in_the_last_that_is_read(tmp_path: Path) -> None:
    rows = [*FILLED_IN, *[[""]] * (sheets.LAST_ROW - len(FILLED_IN) - 1), FILLED_IN[1]]
    assert [number for number, _ in read(saved(tmp_path / "sheet.xlsx", rows))] == [1, 2, 3, 4, sheets.LAST_ROW]


def test_a_text_of_very_many_empty_lines_is_told(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    file.write_bytes(as_csv(FILLED_IN) + b"\n" * sheets.LAST_LINE)
    assert refusal(file) == (
        f"{file} goes on behind line 50,000, the last that is read; delete what is empty below your rows"
    )


def test_of_a_text_as_many_columns_are_read_as_of_an_excel_file(tmp_path: Path) -> None:
    wide = [*FILLED_IN, [*FILLED_IN[1], *["x"] * 200]]
    as_text, as_xlsx = (saved(tmp_path / f"sheet.{kind}", wide) for kind in ("csv", "xlsx"))
    assert read(as_text) == read(as_xlsx)
    assert [len(cells) for _, cells in read(as_text)] == [6, 6, 6, 6, 100]


@pytest.mark.parametrize("part", ["xl/styles.xml", "xl/worksheets/sheet1.xml"])
def test_a_file_of_very_many_small_parts_is_told(tmp_path: Path, part: str) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    many = b"<x/>" * sheets.MOST_TAGS
    repacked(file, lambda name, old: (name, old.replace(b"</", many + b"</", 1) if name == part else old))
    assert re.search(r"has 200,\d\d\d XML tags, and 200,000 at most are read; delete what is empty, or", refusal(file))


METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "lzma": zipfile.ZIP_LZMA}


@cache
def packed_as(method: str) -> bytes:
    book, packed = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(book)
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(packed, "w", METHODS[method]) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("method", "why"), [("deflated", "Error -3 while decompressing"), ("lzma", "Corrupt input data")]
)
def test_a_damaged_file_is_told_however_it_is_packed(tmp_path: Path, method: str, why: str) -> None:
    file = tmp_path / "sheet.xlsx"
    file.write_bytes(damaged(packed_as(method)))
    told = refusal(file)
    assert told.startswith(f"{file} is damaged ({why}")
    assert told.endswith("); open it in a spreadsheet and save it anew")


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=examples(50))
@given(
    at=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
    byte=st.integers(0, 255),
    end=st.just(1.0) | st.floats(0, 1),
)
def test_whatever_is_broken_in_a_file_it_is_read_or_told(method: str, at: list[float], byte: int, end: float) -> None:
    content = bytearray(packed_as(method))
    for place in at:
        content[int(place * len(content))] = byte
    with contextlib.suppress(sheets.SheetError):
        sheets.read(bytes(content[: int(end * len(content))]))


def test_a_formula_is_told_at_its_cell_and_never_evaluated(tmp_path: Path) -> None:
    for kind in ("csv", "xlsx"):
        told = refusal(saved(tmp_path / f"sheet.{kind}", changed(C2='=HYPERLINK("http://x.example")', D3="=1+1")))
        assert [line.rpartition(f".{kind}:")[2].split(",")[0] for line in told.splitlines()] == [
            "C2: Que dire: holds a formula",
            "D3: Quand: holds a formula",
        ]


def test_an_error_of_the_spreadsheet_is_told_at_its_cell(tmp_path: Path) -> None:
    assert "D3: Quand: holds the error #REF!" in refusal(saved(tmp_path / "sheet.xlsx", changed(D3="#REF!")))


def test_of_merged_cells_the_empty_ones_are_told(tmp_path: Path) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    book = openpyxl.load_workbook(file)
    book.worksheets[0].merge_cells("A2:A3")
    book.save(file)
    assert (
        refusal(file)
        == f"{file}:A3: Point de blocage: is empty; of merged cells only the first one counts, so write it in each row"
    )


@pytest.mark.parametrize("drawn", [True, False])
def test_a_chart_before_the_sheet_is_passed_over(tmp_path: Path, *, drawn: bool) -> None:
    file = saved(tmp_path / "sheet.xlsx", FILLED_IN)
    book = openpyxl.load_workbook(file)
    chart = book.create_chartsheet("Diagramme", 0)
    if drawn:
        chart.add_chart(BarChart())
    book.save(file)
    assert read(file) == content(FILLED_IN)


def test_a_book_of_charts_is_told(tmp_path: Path) -> None:
    file = tmp_path / "sheet.xlsx"
    book = openpyxl.Workbook()
    book.create_chartsheet("Diagramme")
    del book[book.worksheets[0].title]
    book.save(file)
    assert "has no sheet with cells" in refusal(file)


def test_an_empty_first_sheet_is_told(tmp_path: Path) -> None:
    file = tmp_path / "sheet.xlsx"
    openpyxl.Workbook().save(file)
    assert ":A1: the sheet is empty" in refusal(file)


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=30) | st.sampled_from(
    ["=1+1", "+33", "-5 €", "@SUM(1)", "\tx", "'=x", "''+", "'quoted'", "\uff1d1"]
)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@settings(max_examples=examples(40))
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=4),
    language=st.sampled_from(["en", "fr"]),
)
def test_what_is_written_is_read_again_and_none_of_it_is_a_formula(
    tmp_path: Path, kind: str, rows: list[list[str]], language: str
) -> None:
    rows = [["name", "other", "third", "last"], *([*[*row, "", ""][:3], "end"] for row in rows)]
    file = tmp_path / f"sheet.{kind}"
    sheet_files.write(file, rows, language)
    assert sheet_files.read(file) == [Line(number, list(row)) for number, row in enumerate(rows, 1)]
    for row in rows:
        for cell in row:
            assert not sheets.neutral(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    if kind == "xlsx":
        written = openpyxl.load_workbook(file).worksheets[0]
        assert not [cell for row in written.iter_rows() for cell in row if cell.data_type == "f"]
