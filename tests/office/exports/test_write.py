"""The files of an export: exact, the same for the same lines, and nothing in them is run by a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.escaping import escaped
from office.exports.lines import FILES, MEANINGS, BreakLine, DueLine, Line, VoucherLine, columns_of
from office.exports.read import Export
from office.exports.workbook import ExportWorkbook
from office.exports.write import MANIFEST, WORKBOOK, Written, write_files
from tests.support.core_system import Folder

EXPORT = Export("20260930", 1, 1, 1_790_000_000_000_000)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).filter(
    lambda text: escaped(text) == text
)
FEN = st.integers(-(10**17), 10**17)


def due(**given: object) -> DueLine:
    values = {name: 0 if name in ("line", "effect_fen") else "" for name in DueLine._fields}
    return DueLine(**(values | {"bank": "01020000", "outcome": "settled"} | given))  # type: ignore[arg-type]


def written(lines: dict[str, Sequence[Line]], previous: str = "") -> tuple[Folder, Written]:
    folder = Folder()
    return folder, write_files(EXPORT, lambda name: lines.get(name, ()), previous, folder.open)


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def cells(workbook: bytes, sheet: int) -> Iterable[dict[str, tuple[str, str]]]:
    """Each row of a sheet: the type and value of each cell that is not empty, by its column's letter."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        tree = ElementTree.fromstring(parts.read(f"xl/worksheets/sheet{sheet}.xml"))
    assert not list(tree.iter(f"{SHEET}f")), "a formula"
    for row in tree.iter(f"{SHEET}row"):
        yield {cell.attrib["r"][0]: (cell.get("t", "n"), "".join(cell.itertext())) for cell in row}


@given(policy=TEXT, amount=FEN)
def test_a_text_comes_back_from_csv_and_an_amount_is_exact(policy: str, amount: int) -> None:
    folder, _ = written({"dues.csv": [due(line=1, policy=policy, effect_fen=amount)]})
    assert folder.files["dues.csv"].startswith(b"\xef\xbb\xbfline,")
    heads, row = rows(folder.files["dues.csv"])
    read = dict(zip(heads, row, strict=True))
    assert tuple(heads) == columns_of(DueLine)
    told = escaped(policy)
    assert read["policy"].removeprefix("'") == told.removeprefix("'") or read["policy"] == f"'{told}"
    assert int(read["effect_fen"]) == amount
    assert Decimal(read["effect_yuan"]) * 100 == amount


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "00123", "1234567890123456"])
def test_no_text_of_csv_is_a_formula_or_a_number_that_is_shortened(start: str) -> None:
    folder, _ = written({"dues.csv": [due(policy=start)]})
    assert rows(folder.files["dues.csv"])[1][6] == f"'{start}"


@given(policy=TEXT, amount=FEN)
def test_the_workbook_has_the_same_texts_and_amounts(policy: str, amount: int) -> None:
    folder, _ = written({"dues.csv": [due(line=1, policy=policy, effect_fen=amount)]})
    heads, row = cells(folder.files[WORKBOOK], 1)
    read = {name: row.get(letter, ("", "")) for letter, (_, name) in heads.items()}
    assert read["policy"][1] == escaped(policy)
    assert read["policy"][0] in ("inlineStr", "")
    assert int(read["effect_fen"][1]) == amount
    assert Decimal(read["effect_yuan"][1]) * 100 == amount


@pytest.mark.parametrize("text", ["=1+1", "{=1}", "http://a.b", "1e3", "00123", " =1", "@SUM(A1)"])
def test_no_text_of_the_workbook_is_anything_else(text: str) -> None:
    folder, _ = written({"dues.csv": [due(line=1, policy=text)]})
    heads, row = cells(folder.files[WORKBOOK], 1)
    letter = next(letter for letter, (_, name) in heads.items() if name == "policy")
    assert row[letter] == ("inlineStr", text)


def test_what_is_not_seen_is_an_escape_in_both() -> None:
    folder, _ = written({"dues.csv": [due(line=1, policy="P\u202e1")]})
    assert rows(folder.files["dues.csv"])[1][6] == r"P\u202e1"
    heads, row = cells(folder.files[WORKBOOK], 1)
    letter = next(letter for letter, (_, name) in heads.items() if name == "policy")
    assert row[letter] == ("inlineStr", r"P\u202e1")


def test_no_date_of_making_and_no_compression_is_in_the_workbook() -> None:
    folder, _ = written({})
    with zipfile.ZipFile(io.BytesIO(folder.files[WORKBOOK])) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {part.compress_type for part in parts.infolist()} == {zipfile.ZIP_STORED}
        assert b"2026-01-01T00:00:00Z" in parts.read("docProps/core.xml")


def test_the_same_lines_give_the_same_bytes() -> None:
    lines: dict[str, Sequence[Line]] = {"dues.csv": [due(line=1, policy="P1", effect_fen=8)]}
    first, second = written(lines), written(lines)
    assert first[0].files == second[0].files
    assert first[1] == second[1]


def test_a_sheet_that_is_full_goes_on_in_a_next_one() -> None:
    book = ExportWorkbook()
    sheet = book.add_sheet("dues", ("line",), rows_max=3)
    for number in range(1, 6):
        sheet.add_row((number,))
    stream = io.BytesIO()
    book.close(stream)
    shown = [
        [value for _, value in row.values()] for place in (1, 2, 3) for row in cells(stream.getvalue(), place)
    ]
    assert shown == [["line"], ["1"], ["2"], ["line"], ["3"], ["4"], ["line"], ["5"]]


def test_the_manifest_names_each_file_with_its_digest_count_and_sum() -> None:
    legs = [
        VoucherLine(1, "20260930-0001", "20260930", "b", "p", "s", "122101", "x", "b", 700, 0),
        VoucherLine(2, "20260930-0001", "20260930", "b", "p", "s", "1122", "x", "", 0, 700),
    ]
    folder, done = written({"dues.csv": [due(line=1, effect_fen=700)], "vouchers.csv": legs}, "ab")
    content = json.loads(folder.files[MANIFEST])
    assert (content["date"], content["number"], content["previous"]) == ("20260930", 1, "ab")
    assert [(file["name"], file["lines"], file["sum_fen"]) for file in content["files"]] == [
        ("dues.csv", 1, 700),
        ("vouchers.csv", 2, 700),
        ("breaks.csv", 0, 0),
        ("export.xlsx", 0, 0),
    ]
    for file in content["files"]:
        data = folder.files[file["name"]]
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert content["dues"] == [{"bank": "01020000", "outcome": "settled", "lines": 1, "sum_fen": 700}]
    assert content["vouchers"] == [
        {"account": "1122", "bank": "", "lines": 1, "sum_fen": 0},
        {"account": "122101", "bank": "b", "lines": 1, "sum_fen": 700},
    ]
    assert done.manifest == hashlib.sha256(folder.files[MANIFEST]).hexdigest()


def test_a_number_of_a_person_in_a_break_is_masked() -> None:
    values = {name: 0 if name == "line" or name.endswith("_fen") else "" for name in BreakLine._fields}
    line = BreakLine(**(values | {"policy": "11010519491231002X"}))  # type: ignore[arg-type]
    folder, _ = written({"breaks.csv": [line]})
    assert b"11010519491231002X" not in folder.files["breaks.csv"] + folder.files[WORKBOOK]


def test_every_column_is_explained() -> None:
    fields = {field for line in FILES.values() for field in line._fields}
    assert fields == set(MEANINGS)
