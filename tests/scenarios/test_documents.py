"""Payouts over real sockets to whoever is known by another document than a resident's, from a file that has
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.language import chinese
from fep.operator.control_client import ControlError, ask
from ledger.files.bookfile import parse
from ledger.files.bookline import HEADER_WITHOUT_PAYEES as COLUMNS
from qianzhi_errors.sentence import translated
from tests.support.builders import DATE, inquiry, message
from tests.support.machine import Books, Client, Machine, load_front_book, write_settings

TYPED = {
    "110105491231002": "11010519491231002x",
    "11010519491231002X": "110105491231002",
    "passport:E12345678": "e12345678",
    "hk-macao-permit:H1234567801": "H12345678",
    "taiwan-permit:12345678": "1234 5678",
    "permanent-residence:CAN110078010101": "CAN110078010101",
    "hk-identity:A123456(3)": "a1234563",
    "company:91350100M000100Y43": "91350100M000100Y43",
    "other:P110123456": "Ｐ110123456",
}
"""As the file has it -> as a teller types it."""
HEADER = f"{COLUMNS}\n"
LONG = "阿卜杜拉·" * 24


@pytest.fixture
def machine(tmp_path: Path, database: str) -> Iterator[Machine]:
    lines = [
        f"P{n},active,{LONG},D{n},260000,20261201,500000,{document}\n" for n, document in enumerate(TYPED)
    ]
    total = f"TOTAL,{DATE},{len(TYPED)},{len(TYPED)},0,{500_000 * len(TYPED)},,\n"
    settings = write_settings(tmp_path, database)
    load_front_book(settings, parse("".join([HEADER, *lines, total]).encode()))
    machine = Machine(settings)
    yield machine
    machine.stop()


def pay(bank: Client, policy: str, number: str) -> str:
    sent = message(groups=(("PN", policy), ("IN", number)), de3="260000", de4="000000500000")
    answer = bank.ask(sent)
    if answer.fields[39] == "00":
        holder = next(line for line in answer.fields[62].split("\n") if line.startswith("投保人"))
        assert holder == f"投保人：{LONG[:41]}..."
    return answer.fields[39]


def test_each_is_paid_by_the_number_as_it_is_typed_and_by_no_other(machine: Machine, database: str) -> None:
    books = Books(database)
    with machine.signed_on() as bank:
        for n, typed in enumerate(TYPED.values()):
            assert pay(bank, f"P{n}", "E99999999") == "76"
            assert pay(bank, f"P{n}", typed) == "00"
        groups = bank.ask(inquiry((("PN", "P1"), ("IN", TYPED["11010519491231002X"])), "311000")).fields[48]
    assert f"{LONG[:41]}..." in groups
    assert books.rows("SELECT count(*) FROM dues WHERE state = 'settled'") == [(len(TYPED),)]
    assert books.rows("SELECT DISTINCT holder FROM journal") == [(LONG,)]
    books.close()


def test_two_people_load_a_file_without_a_row_through_the_machine(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings)
    machine, books = Machine(settings), Books(database)
    machine.cut_over()
    row = "P{0},active,张三,N{0},500000,20261201,{1},\n"
    lines = [row.format(n, 100 if n != 2 else "x") for n in range(1, 4)]
    path = tmp_path / "dues.csv"
    path.write_text(f"{HEADER}{''.join(lines)}TOTAL,20261125,3,3,700,0,,\n")
    where = Path(settings.node.control)
    seen: list[str] = []
    for who, without in (("li", ""), ("li", "2-3"), ("li", "3"), ("li", "3"), ("wang", "3")):
        monkeypatch.setattr("fep.operator.identity.at_other_end", lambda _, who=who: who)
        try:
            seen.append(ask(where, "load", path=str(path), without=without)["left_out"])
        except ControlError as refused:
            seen.append(str(refused).split("\n")[0][:28])
    assert seen == [
        "line 3, amount_fen: not a wh",
        "line 2 is in order: it canno",
        "li would leave out 1 rows, w",
        "li would leave out 1 rows, w",
        "line 3: policy P2, due N2: amount_fen: not a whole number of fen, 1 to 999999999999",
    ]
    assert translated(seen[-1], chinese()) == (
        "第 3 行：保单 P2，应收应付 N2：amount_fen：不是以分为单位的整数，1 至 999999999999"
    )
    assert books.rows("SELECT due FROM dues WHERE due LIKE 'N%' ORDER BY due") == [("N1",), ("N3",)]
    machine.stop()
    books.close()
