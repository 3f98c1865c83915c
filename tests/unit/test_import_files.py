"""Files: whatever a spreadsheet or an export wrote is read row by row, or told to be no such file."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from relance.errors import UsageError
from relance.import_errors import ErrorsFile, Rejected
from relance.import_files import Line, look_through

ROWS = [{"id": "1", "name": "Ann, Bell"}, {"id": "2", "name": "Zoë"}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows"


def rows(file: Path, content: bytes, after: int = 0) -> list[Line]:
    file.write_bytes(content)
    return list(look_through(file).rows(after))


CSV = 'id,name\n1,"Ann, Bell"\n2,Zoë\n'
WRITTEN = {
    "CSV": CSV.encode(),
    "with a byte order mark": CSV.encode("utf-8-sig"),
    "with Windows' line ends": CSV.replace("\n", "\r\n").encode(),
    "with semicolons": b"id;name\n1;Ann, Bell\n2;Zo\xc3\xab\n",
    "with tabs": b"id\tname\n1\tAnn, Bell\n2\tZo\xc3\xab\n",
    "without the last line end": CSV.strip().encode(),
    "with empty lines": CSV.replace("\n", "\n\n").encode(),
    "with columns that a spreadsheet left": CSV.replace("\n", ",,\n").encode(),
    "NDJSON": "\n".join(json.dumps(row) for row in ROWS).encode(),
    "packed": gzip.compress(CSV.encode()),
    "an errors file": "\n".join(
        json.dumps({"line": 9, "column": "id", "problem": "", "row": r}) for r in ROWS
    ).encode(),
}


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN)
def test_the_same_rows_are_read_however_they_are_written(file: Path, content: bytes) -> None:
    assert [line.values for line in rows(file, content)] == ROWS


def test_a_file_of_one_column_needs_no_delimiter(file: Path) -> None:
    assert [line.values for line in rows(file, b"email\nann@example.com\n")] == [{"email": "ann@example.com"}]


def test_a_row_knows_its_lines_also_where_a_field_holds_a_line_end(file: Path) -> None:
    content = b'id,note\n\n1,"a\nb"\n2,c\n'
    assert [(line.number, line.end) for line in rows(file, content)] == [(3, 4), (5, 5)]
    assert [line.values["id"] for line in rows(file, content, after=4)] == ["2"]


@pytest.mark.parametrize(
    ("content", "number", "problem"),
    [
        (b'id,name\n1,"Ann" Bell\n2,Zo\n', 2, "is not CSV"),
        (b'{"id": 1}\n{"id":\n{"id": 2}', 2, "is not JSON: "),
        (b'{"id": 1}\n[1]\n{"id": 2}', 2, "is not a JSON object"),
        (b'{"id": 1}\n' + b'{"a":' * 100_000 + b'\n{"id": 2}', 2, "nested too deep"),
        (b'{"id": 1}\n{"a": ' + b"9" * 5_000 + b'}\n{"id": 2}', 2, "a number too long"),
    ],
)
def test_a_line_that_is_no_row_is_told_and_the_next_one_is_read(
    file: Path, content: bytes, number: int, problem: str
) -> None:
    found = {line.number: line.problem for line in rows(file, content)}
    assert problem in (found.pop(number) or "")
    assert list(found.values()) == [None] * len(found)
    assert max(found) > number


def test_a_quote_that_is_never_closed_takes_no_more_than_one_field_may_hold(file: Path) -> None:
    content = b'id,name\n1,"Ann\n' + b"2,Zoe\n" * 30_000
    found = rows(file, content)
    assert found[0].problem == "is not CSV: field larger than field limit (131072)"
    assert found[-1].values == {"id": "2", "name": "Zoe"}


def test_a_row_with_too_many_fields_keeps_them_under_no_name(file: Path) -> None:
    (line,) = rows(file, b"id,name\n1,Ann,Bell\n")
    assert line.values == {"id": "1", "name": "Ann", "": ["Bell"]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n  \n", "is empty"),
        (b'[{"id": 1}]', "is one JSON list; write one object on a line"),
        ("id\n1\nZoë\n".encode("latin-1"), ":3: is not UTF-8 text; save the file anew as 'CSV UTF-8'"),
        ("id\n1\n".encode("utf-16"), ":1: is not UTF-8 text"),
        (b"id\n1\nZo\xc3", ":3: is not UTF-8 text"),
        (b"id,ID ,id\n", "two columns are named 'id'"),
        (gzip.compress(b"id\n1\n" * 100)[:-10], "cannot read"),
        (b"\x1f\x8bnonsense", "cannot read"),
        (b"id\n" + b"x" * 1_100_000, ":2: the line is longer than 1024 KB"),
        (gzip.compress(b"id\n" + b"0" * 20_000_000), ":2: the line is longer than 1024 KB"),
    ],
    ids=range(11),
)
def test_a_file_that_cannot_be_read_is_told_with_what_would_help(file: Path, content: bytes, problem: str) -> None:
    with pytest.raises(UsageError) as error:
        rows(file, content)
    assert str(file) in str(error.value)
    assert problem in str(error.value)


@pytest.mark.parametrize("missing", ["nowhere.csv", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        look_through(tmp_path / missing)


def test_a_file_of_any_length_takes_the_memory_of_a_few_rows(file: Path) -> None:
    with gzip.open(file, "wt", compresslevel=1) as out:
        out.write("customer_id,note\n")
        out.writelines(f"u-{number},{'x' * 200}\n" for number in range(100_000))
    tracemalloc.start()
    count = sum(1 for _ in look_through(file).rows())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert most < 8 * 1024 * 1024  # the file has 20 MB


def said(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rejected_rows_can_be_read_again_whatever_is_in_them(file: Path) -> None:
    row = {"name": "Zoë", "note": "a\0b\ud800\n"}
    ErrorsFile(file, 0).add([Rejected(2, "note", "is odd", row)])
    assert "Zoë" in file.read_text()
    assert said(file) == [{"line": 2, "column": "note", "problem": "is odd", "row": row}]
    assert [line.values for line in look_through(file).rows()] == [row]


def test_an_errors_file_forgets_what_a_killed_run_had_not_counted_yet(file: Path) -> None:
    ErrorsFile(file, 0).add([Rejected(line, None, "is odd", {}) for line in (2, 3, 9)])
    with file.open("a") as out:
        out.write('{"line": 1, "col')
    ErrorsFile(file, 3).add([Rejected(9, None, "is odd", {})])
    assert [each["line"] for each in said(file)] == [2, 3, 9]
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_there_is_no_errors_file_where_nothing_is_wrong(file: Path) -> None:
    file.write_text("of an earlier run")
    ErrorsFile(file, 0).add([])
    assert not file.exists()


def test_an_errors_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--errors names another file"):
        ErrorsFile(tmp_path / "nowhere" / "errors", 0).add([Rejected(2, None, "is odd", {})])
