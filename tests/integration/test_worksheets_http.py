"""Plans come and go as worksheets over HTTP: drafts of them, every mistake with its cell, and nothing lost."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from api.worksheets import CSV, XLSX
from journeys.worksheet_rows import Line
from journeys.worksheet_words import LANGUAGES, example_rows
from messages import sheets
from relance import sheet_commands
from tests.integration.plan_calls import api, refused_with
from tests.worksheets import FILLED_IN, as_csv, changed, damaged, saved

__all__ = ["api"]

NAME = "panier-abandonne"


async def sent(
    api: httpx.AsyncClient, content: bytes, media_type: str | None = CSV, query: str = "only=fr", **headers: str
) -> httpx.Response:
    given = headers if media_type is None else {"Content-Type": media_type, **headers}
    return await api.post(f"/plans/import?{query}", content=content, headers=given)


async def names(api: httpx.AsyncClient) -> list[str]:
    return [one["name"] for one in (await api.get("/plans")).json()["items"]]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_sheet_becomes_a_draft_that_is_published_and_comes_back(
    api: httpx.AsyncClient, tmp_path: Path, kind: str
) -> None:
    file = saved(tmp_path / f"sheet.{kind}", FILLED_IN)
    media_type = {"csv": f"{CSV}; charset=utf-8", "xlsx": XLSX}[kind]
    tried = (await sent(api, file.read_bytes(), media_type, "only=fr&dry_run=true")).json()
    assert (tried["dry_run"], tried["plans"][0]["saved_at"], await names(api)) == (True, None, ["cart-recovery"])
    told = await sent(api, file.read_bytes(), media_type)
    [plan] = told.json()["plans"]
    assert (plan["plan"], plan["content_hash"]) == (NAME, tried["plans"][0]["content_hash"])
    assert {one["level"] for one in plan["findings"]} <= {"advice"}
    [made] = sheet_commands.made_of(file, "fr")
    draft = (await api.get(f"/plans/{NAME}")).json()["draft"]
    assert draft["plan"] == made.plan.model_dump(mode="json", by_alias=True)
    assert draft["messages"] == made.messages.model_dump(mode="json")["languages"]
    assert (await api.get(f"/plans/{NAME}/export")).status_code == 404
    assert (await api.post(f"/plans/{NAME}/publish")).json()["content_hash"] == plan["content_hash"]
    exported = await api.get(f"/plans/{NAME}/export", params={"format": kind, "language": "fr"})
    assert exported.headers["content-type"].partition(";")[0] == media_type.partition(";")[0]
    assert exported.headers["content-disposition"] == f'attachment; filename="{NAME}.{kind}"'
    again = (await sent(api, exported.content, media_type)).json()
    assert [one["content_hash"] for one in again["plans"]] == [plan["content_hash"]]


async def test_what_a_sheet_cannot_say_is_told_beside_its_rows(api: httpx.AsyncClient) -> None:
    told = (await api.get("/plans/cart-recovery/export", params={"format": "json", "language": "it"})).json()
    assert (told["only"], len(told["rows"])) == (None, 9)
    assert told["rows"][0][0] == "Punto di frattura"
    assert [note for note in told["notes"] if note.startswith("step offer-lives: waits behind the last message")]
    as_sheet = await api.get("/plans/cart-recovery/export", params={"language": "it"})
    assert sheets.read(as_sheet.content) == [Line(at, list(row)) for at, row in enumerate(told["rows"], 1)]


async def test_a_draft_that_says_otherwise_is_written_over_only_where_that_is_said(api: httpx.AsyncClient) -> None:
    first = (await sent(api, as_csv(FILLED_IN))).json()["plans"]
    assert (await sent(api, as_csv(FILLED_IN))).is_success
    other = as_csv(changed(C2="Autre chose."))
    for query in ("only=fr", "only=fr&dry_run=true"):
        kept = await sent(api, other, query=query)
        assert (kept.status_code, kept.json()["title"]) == (409, "Drafts are in the way")
        assert NAME in kept.json()["detail"]
    assert (await api.get(f"/plans/{NAME}")).json()["draft"]["content_hash"] == first[0]["content_hash"]
    assert (await sent(api, other, query="only=fr&replace=true")).is_success
    assert (await api.get(f"/plans/{NAME}")).json()["draft"]["content_hash"] != first[0]["content_hash"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_every_mistake_is_told_with_its_row_and_column_and_nothing_is_saved(
    api: httpx.AsyncClient, tmp_path: Path, kind: str
) -> None:
    rows = changed(B2="les gens", C3='=HYPERLINK("http://x.example")', E4="pigeon")
    answer = await sent(api, saved(tmp_path / f"sheet.{kind}", rows).read_bytes(), XLSX if kind == "xlsx" else CSV)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    told = {(one["field"], one["row"], one["column"]): one["problem"] for one in answer.json()["errors"]}
    assert list(told) == [("B2", "2", "Segment"), ("C3", "3", "Que dire"), ("E4", "4", "Canaux")]
    assert told["C3", "3", "Que dire"].startswith("holds a formula, and none is evaluated")
    assert await names(api) == ["cart-recovery"]


async def test_a_row_that_nobody_is_left_for_is_a_mistake_and_in_any_order_of_rows_none_else_is(
    api: httpx.AsyncClient,
) -> None:
    heading, prospects, _, customers = FILLED_IN
    comparing = ["Panier abandonné", "Comparent", "Une question ?", "2 h", "SMS", ""]
    plain = await sent(api, as_csv([heading, prospects, customers, comparing]))
    assert plain.status_code == 200
    assert {one["level"] for one in plain.json()["plans"][0]["findings"]} <= {"advice"}
    everybody = ["Panier abandonné", "Tous", "Une question ?", "2 h", "SMS", ""]
    answer = await sent(api, as_csv([heading, prospects, everybody, customers]))
    assert answer.status_code == 422
    [told] = answer.json()["errors"]
    assert (told["field"], told["row"], told["column"]) == ("B3", "3", "Segment")
    assert told["problem"].startswith("is for nobody: everybody is in Prospects, Clients")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "A1: the sheet is empty"),
        (b"%PDF-1.7", "The sheet is a PDF; save the sheet as .xlsx"),
        (b"PK\x03\x04 and no more", "The sheet is damaged"),
        (b'a;"b\r\nc;d\r\n', "The sheet in row 1 (line 1) is not CSV"),
        (b"a;b\0;c\r\n", ""),
        (as_csv([*FILLED_IN[:1], *[FILLED_IN[1]] * 1001]), "has more than 1,000 rows"),
    ],
)
async def test_what_is_no_sheet_is_told_with_what_would_help(api: httpx.AsyncClient, content: bytes, told: str) -> None:
    for media_type in (CSV, XLSX):
        answer = await sent(api, content, media_type)
        assert (answer.status_code, answer.json()["title"]) == (422, "This is not a worksheet")
        assert told in answer.json()["detail"]


async def test_a_damaged_excel_file_is_told(api: httpx.AsyncClient, tmp_path: Path) -> None:
    answer = await sent(api, damaged(saved(tmp_path / "sheet.xlsx", FILLED_IN).read_bytes()), XLSX)
    assert (answer.status_code, answer.json()["title"]) == (422, "This is not a worksheet")
    assert answer.json()["detail"].startswith("The sheet is damaged (Error -3 while decompressing data")
    assert answer.json()["detail"].endswith("open it in a spreadsheet and save it anew.")


@pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream", "", None])
async def test_another_kind_of_body_is_refused(api: httpx.AsyncClient, media_type: str | None) -> None:
    answer = await sent(api, as_csv(FILLED_IN), media_type)
    assert (answer.status_code, answer.json()["title"]) == (415, "The body is not a sheet")
    assert CSV in answer.json()["detail"]


@pytest.mark.parametrize("packed", [False, True])
async def test_ten_megabytes_are_not_taken_packed_or_not(api: httpx.AsyncClient, *, packed: bool) -> None:
    content = b"PK\x03\x04" + b"\0" * 10 * 1024**2
    headers = {"Content-Encoding": "gzip"} if packed else {}
    answer = await sent(api, gzip.compress(content) if packed else content, XLSX, **headers)
    assert (answer.status_code, answer.json()["detail"].startswith("The body is larger than 2048 KB")) == (413, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/plans/import?only=de", 422),
        ("POST", "/plans/import?dry_run=perhaps", 422),
        ("GET", "/plans/cart-recovery/export?language=de", 422),
        ("GET", "/plans/cart-recovery/export?format=ods", 422),
        ("GET", "/plans/cart-recovery/export?version=9", 404),
        ("GET", "/plans/nothing/export", 404),
        ("GET", "/worksheet?language=xx", 422),
    ],
)
async def test_what_is_not_known_is_said(api: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    assert await refused_with(api, method, path, headers={"Content-Type": CSV}, content=as_csv(FILLED_IN)) == status


async def test_a_plan_that_says_nothing_is_not_exported(api: httpx.AsyncClient) -> None:
    plan: dict[str, Any] = (await api.get("/plans/cart-recovery")).json()["content"]["plan"]
    steps = [{"id": "later", "wait": "1h"}]
    silent = {key: each for key, each in plan.items() if each is not None} | {"name": "silent", "steps": steps}
    assert (await api.put("/plans/silent", json={"plan": silent, "messages": {"en": {}}})).is_success
    assert (await api.post("/plans/silent/publish")).is_success
    answer = await api.get("/plans/silent/export")
    assert (answer.status_code, answer.json()["title"]) == (422, "There is nothing to export")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_worksheet_to_fill_in_has_its_examples_on_a_second_sheet(
    api: httpx.AsyncClient, language: str
) -> None:
    answer = await api.get("/worksheet", params={"language": language})
    assert answer.headers["content-type"] == XLSX
    to_fill, examples, _ = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets
    assert (to_fill.max_row, examples.max_row) == (1, 1 + len(example_rows(language)))
    empty = await sent(api, answer.content, XLSX, f"only={language}")
    assert "A2: no row follows the names of the columns" in empty.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/plans/import"), ("GET", "/plans/x/export"), ("GET", "/worksheet")]
)
async def test_no_sheet_comes_or_goes_without_a_key(api: httpx.AsyncClient, method: str, path: str) -> None:
    headers = {"Authorization": "Bearer wrong", "Content-Type": CSV}
    assert (await api.request(method, path, headers=headers)).status_code == 401
