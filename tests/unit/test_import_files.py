"""Files: whatever a spreadsheet or an export wrote is read row by row, or told to be no such file."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.csv_records import MOST_LINES, records
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


@pytest.mark.parametrize("line", ['{"id":', "[1]", '{"a": ' + "9" * 5_000 + "}", '{"a":' * 100_000])
def test_a_line_that_is_no_row_is_shown_as_it_stands(file: Path, line: str) -> None:
    _, found = rows(file, b'{"id": 1}\n' + line.encode())
    assert found.text == line


def test_a_rejected_line_that_is_still_text_is_told_and_shown_again(file: Path) -> None:
    rejected = {"line": 7, "column": None, "problem": "is not CSV", "row": '7,"Ann'}
    (found,) = rows(file, json.dumps(rejected).encode())
    assert found.problem == 'is still text: write the row as an object, such as {"customer_id": "u-1"}'
    assert found.text == '7,"Ann'


def numbered(count: int, **odd: str) -> bytes:
    """Rows of three columns from line 2 on, some written otherwise."""
    lines = {f"l{number}": f"{number},Ann,{number}@example.com" for number in range(2, count + 2)}
    return "\n".join(["id,name,email", *(lines | odd).values()]).encode() + b"\n"


STRAY = {
    "never closed": ({"l7": '7,"Ann,7@example.com'}, {7}),
    "never closed, near the end": ({"l990": '990,"Ann,990@example.com'}, {990}),
    "never closed, in the last line": ({"l1001": '1001,"Ann,1001@example.com'}, {1001}),
    "the next one far away": ({"l7": '7,"Ann,7@e.com', "l802": '802,"Ann, the second",802@e.com'}, {7}),
    "the next one near": ({"l7": '7,"Ann,7@e.com', "l12": '12,"Ann, the second",12@e.com'}, {7}),
    "closed far away as if it were right": ({"l7": '7,"Ann,7@e.com', "l802": '802,Ann",802@e.com'}, {7}),
    "closed nearby in another column": ({"l7": '7,"Ann,7@e.com', "l12": '12,Ann,12@e.com"'}, {7}),
    "closed nearby in an earlier column": ({"l7": '7,Ann,"7@e.com', "l12": '12,Ann",12@e.com'}, {7}),
    "one after the other": ({"l7": '7,"Ann,7@e.com', "l8": '8,"Ann,8@e.com', "l9": '9,"Ann,9@e.com'}, {7, 8, 9}),
    "with text that is none": ({"l7": '7,"Ann" Bell,7@e.com'}, {7}),
}


@pytest.mark.parametrize(("odd", "bad"), STRAY.values(), ids=STRAY)
def test_a_stray_quote_costs_no_row_but_its_own(file: Path, odd: dict[str, str], bad: set[int]) -> None:
    found = rows(file, numbered(1000, **odd))
    assert [(line.number, line.end) for line in found] == [(number, number) for number in range(2, 1002)]
    assert {line.number: line.text for line in found if line.problem} == {n: odd[f"l{n}"] for n in bad}
    assert all(line.values["id"] == str(line.number) for line in found if not line.problem)
    again = [line.number for number in (1, 7, 8, 500) for line in rows(file, numbered(1000, **odd), after=number)]
    assert again == [number for after in (1, 7, 8, 500) for number in range(after + 1, 1002)]


@pytest.mark.parametrize("tail", [b"", b"u-9,Zoe,FR", b'u-9,"Zoe,FR', b'"\n"\n"\n'])
@given(st.lists(st.sampled_from(['"', ",", "a", "\n", "\r\n", '"a\nb"', "1,Ann,FR\n"]), max_size=60))
def test_no_line_of_a_csv_file_is_passed_over_in_silence(tail: bytes, pieces: list[str]) -> None:
    content = "id,name,country\n" + "".join(pieces) + tail.decode()
    lines = content.splitlines(keepends=True)
    told: set[int] = set()
    for record in records(io.StringIO(content, newline=""), ","):
        assert told.isdisjoint(range(record.number, record.end + 1))
        told |= set(range(record.number, record.end + 1))
        if record.problem:
            assert record.text == "".join(lines[record.number - 1 : record.end]).strip()
    silent = [line for number, line in enumerate(lines, start=1) if number not in told]
    assert not any(line.strip(' ,"\r\n') for line in silent)


def test_lines_that_may_be_rows_are_not_taken_for_a_field_of_one(file: Path) -> None:
    lines = ['2,"Ann,2@example.com', "3,Ann,3@example.com", '4,Ann",4@example.com']
    found = rows(file, "\n".join(["id,name,email", *lines, '5,"Ann,\nBell",5@example.com']).encode())
    assert [(line.number, line.end, line.text) for line in found] == [(2, 4, "\n".join(lines)), (5, 6, None)]
    assert "each of its lines may be a row" in (found[0].problem or "")


def test_a_field_may_have_as_many_lines_as_a_real_one_has(file: Path) -> None:
    note = "\n".join("a b" for _ in range(MOST_LINES - 1))
    first, second = rows(file, f'id,note\n1,"{note}\n"\n2,b\n'.encode())
    assert (first.number, first.end, first.values["note"]) == (2, MOST_LINES + 1, note + "\n")
    assert second.number == MOST_LINES + 2


def test_what_follows_an_open_quote_is_a_row_only_where_it_has_all_the_fields(file: Path) -> None:
    found = rows(file, b'id,note,email\n1,"a\nand more\n",b"c,a@example.com\n2,b,b@example.com\n3,c\n')
    assert [line.number for line in found if line.problem is None] == [5, 6]
    assert {line.number: line.text for line in found if line.problem} == {
        2: '1,"a',
        3: "and more",
        4: '",b"c,a@example.com',
    }


def test_a_row_without_an_end_takes_the_memory_of_a_few_lines(file: Path) -> None:
    line = '","'.join(["x" * 1000] * 900)
    with file.open("w") as out:
        out.write('id,note\n1,"')
        out.writelines(f"{line}\n" for _ in range(30))
    tracemalloc.start()
    count = sum(1 for _ in look_through(file).rows())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30
    assert most < 16 * 1024 * 1024  # the file has 27 MB


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
        (b'id,"name\n1,Ann\n2,Zoe\n', "the line of the columns' names is not CSV: unexpected end of data"),
        (gzip.compress(b"id\n1\n" * 100)[:-10], "cannot read"),
        (b"\x1f\x8bnonsense", "cannot read"),
        (b"id\n" + b"x" * 1_100_000, ":2: the line is longer than 1024 KB"),
        (gzip.compress(b"id\n" + b"0" * 20_000_000), ":2: the line is longer than 1024 KB"),
    ],
    ids=range(12),
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
    ErrorsFile(file).add([Rejected(2, "note", "is odd", row)])
    assert "Zoë" in file.read_text()
    assert said(file) == [{"line": 2, "column": "note", "problem": "is odd", "row": row}]
    assert [line.values for line in look_through(file).rows()] == [row]


def test_an_errors_file_forgets_what_a_killed_run_had_not_counted_yet(file: Path) -> None:
    ErrorsFile(file).add([Rejected(line, None, "is odd", {}) for line in (2, 3, 9)])
    with file.open("a") as out:
        out.write('{"line": 1, "col')
    errors = ErrorsFile(file)
    errors.forget(after=3)
    errors.add([Rejected(9, None, "is odd", {})])
    assert [each["line"] for each in said(file)] == [2, 3, 9]
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_what_was_mended_in_an_errors_file_is_kept_where_the_run_goes_on(file: Path) -> None:
    mended = ['{"id": "1"}', "{not yet mended", '"2"', '{"line": 3, "row": {"id": "3"}}']
    file.write_text("\n".join(mended))
    errors = ErrorsFile(file)
    errors.forget(after=3)
    errors.add([Rejected(9, None, "is odd", {})])
    assert file.read_text().splitlines()[:-1] == mended
    assert json.loads(file.read_text().splitlines()[-1])["line"] == 9


def test_what_an_earlier_run_said_is_set_aside_under_a_name_of_its_own(file: Path) -> None:
    assert ErrorsFile(file).set_aside() is None
    for said in ("first", "second"):
        file.write_text(said)
        ErrorsFile(file).set_aside()
    assert {each.name: each.read_text() for each in file.parent.iterdir()} == {
        f"{file.name}.1": "first",
        f"{file.name}.2": "second",
    }


@pytest.mark.parametrize("path", [".", "/dev/null"])
def test_only_a_file_is_set_aside(path: str) -> None:
    assert ErrorsFile(Path(path)).set_aside() is None


def test_there_is_no_errors_file_where_nothing_is_wrong(file: Path) -> None:
    ErrorsFile(file).add([])
    assert not file.exists()


def test_an_errors_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--errors names another file"):
        ErrorsFile(tmp_path / "nowhere" / "errors").add([Rejected(2, None, "is odd", {})])
