"""What the demo plays beside the counters: the office's own readers take both files."""

from __future__ import annotations

import hashlib
import json

from office.exports.answer import parse_answer
from office.statements.csv_file import read_csv
from office.statements.layout import layout_of
from office.statements.statement import StatementLine
from simulators.days.counterparts import acceptance, statement


def test_a_statement_is_one_of_the_account_with_what_came_and_the_fee() -> None:
    data = statement("6222", "20261009", [("20260930", 123_450), ("20260929", -7)], 2_000)
    read = read_csv(data, layout_of("csv-heads"))
    assert read[:6] == ("6222", "20261009", "20261009", "20261009", 0, 121_443)
    assert read.lines == (
        StatementLine(1, "20261009", 123_450, "settlement", "20260930", "1", "代收付清算20260930"),
        StatementLine(2, "20261009", -7, "settlement", "20260929", "2", "代收付清算20260929"),
        StatementLine(3, "20261009", -2_000, "fee", "", "3", "代收付手续费"),
    )


def test_the_answer_accepts_each_line_of_each_file_of_lines() -> None:
    files = [
        {"name": "dues.csv", "lines": 3, "sum_fen": -5, "sha256": "x"},
        {"name": "export.xlsx", "lines": 0, "sum_fen": 0, "sha256": "y"},
    ]
    manifest = json.dumps({"date": "20260930", "files": files}).encode()
    answer = parse_answer(acceptance(manifest))
    assert (answer.date, answer.manifest) == ("20260930", hashlib.sha256(manifest).hexdigest())
    assert [(file.name, file.accepted, file.accepted_fen, file.refused) for file in answer.files] == [
        ("dues.csv", 3, -5, ())
    ]
