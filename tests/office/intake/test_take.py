"""Taking a bank's file: whole or nothing, once, on both kinds of database."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, insert, select

from ledger.book.schema import make_missing
from ledger.book.store import Store
from ledger.errors import BankFileError, LedgerError
from ledger.files.bankfile import write
from ledger.files.bankline import BankLine
from ledger.files.layout import Layout, load
from ledger.rules.request import key_of
from office.database.proofs import digest_of
from office.database.schema import OFFICE, bank_files, bank_lines
from office.errors import FileRefused
from office.intake.take import Taken, take_file

BANK, DATE = "01020000", "20261124"
STANDARD = load("standard")


@pytest.fixture
def store(office_url: str) -> Iterator[Store]:
    opened = Store(office_url)
    with opened.transaction() as connection:
        make_missing(connection, OFFICE)
    yield opened
    opened.close()


def line(number: int, code: str = "500000", state: str = "S", amount: int = 120_000) -> BankLine:
    stan = f"{number:06d}"
    return BankLine(
        number,
        "T0000001",
        "B00000000000001",
        "20261124101112",
        stan,
        "",
        code,
        "保单",
        "D",
        amount,
        "",
        state,
    )


LINES = [line(2), line(3, "260000", amount=45_600), line(4, state="R"), line(5, "263000", "R")]


def file(
    lines: list[BankLine] = LINES, bank: str = BANK, date: str = DATE, layout: Layout = STANDARD
) -> bytes:
    return b"".join(write(layout, bank, date, lines))


def take(store: Store, data: bytes, bank: str = BANK, date: str = DATE, layout: Layout = STANDARD) -> Taken:
    with store.transaction() as connection:
        return take_file(connection, layout, io.BytesIO(data), bank, date, 7)


def counts(store: Store) -> tuple[int, int]:
    """How many files and lines there are."""
    with store.reading() as connection:
        files = connection.execute(select(func.count()).select_from(bank_files)).scalar_one()
        return files, connection.execute(select(func.count()).select_from(bank_lines)).scalar_one()


def test_a_file_is_taken_with_its_lines_keys_and_directions(store: Store) -> None:
    counts: list[int] = []
    with store.transaction() as connection:
        taken = take_file(connection, STANDARD, io.BytesIO(file()), BANK, DATE, 7, counts.append)
    assert taken == Taken(BANK, DATE, 4, 120_000, 45_600, taken.digest, rows=taken.rows)
    assert sum(counts) == 4
    with store.reading() as connection:
        [row] = connection.execute(select(bank_files)).all()
        rows = connection.execute(select(bank_lines).order_by(bank_lines.c.line)).all()
    assert row == (BANK, DATE, taken.digest, STANDARD.edition, 4, 120_000, 45_600, 7)
    assert [tuple(row) for row in rows] == [
        (
            *(BANK, DATE, line.line, key_of(BANK, line.terminal, line.sent_at, line.stan), direction),
            *(
                line.terminal,
                line.branch,
                line.sent_at,
                line.stan,
                line.rrn,
                line.code,
                line.policy,
                line.due,
            ),
            *(line.amount, line.receipt, line.state),
        )
        for line, direction in zip(LINES, "CPCP", strict=True)
    ]
    assert taken.rows == digest_of(map(tuple, rows))


@pytest.mark.parametrize("layout", ["standard", "fixed-gb18030", "csv-yuan"])
def test_every_layout_gives_the_same_lines(store: Store, layout: str) -> None:
    take(store, file(layout=load(layout)), layout=load(layout))
    with store.reading() as connection:
        query = select(bank_lines.c.policy, bank_lines.c.amount, bank_lines.c.state).order_by(
            bank_lines.c.line
        )
        assert connection.execute(query).all() == [(line.policy, line.amount, line.state) for line in LINES]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b"|R\nT|", b"|X\nT|"),
        lambda data: data.replace(b"\nT|4|", b"\nT|5|"),
        lambda data: data.replace(b"|120000|45600\n", b"|120000|45601\n"),
        lambda data: data[:-1],
        lambda data: data + b"x",
    ],
)
def test_a_fault_at_the_very_end_leaves_nothing(store: Store, spoil: Callable[[bytes], bytes]) -> None:
    spoiled = spoil(file())
    assert spoiled != file()
    with pytest.raises(BankFileError):
        take(store, spoiled)
    assert counts(store) == (0, 0)
    assert take(store, file()).lines == 4


def test_a_terminal_that_lost_its_blanks_has_the_key_of_the_journal(store: Store) -> None:
    """DE 41 has eight characters; many a file cuts the blanks at its end."""
    short = LINES[0]._replace(terminal="T1")
    data = b"".join(write(STANDARD, BANK, DATE, [short]))
    take(store, data)
    with store.reading() as connection:
        row = connection.execute(select(bank_lines.c.key, bank_lines.c.terminal)).one()
    assert row == (key_of(BANK, "T1      ", short.sent_at, short.stan), "T1      ")


def test_one_transaction_in_both_states_is_refused_naming_both_lines(store: Store) -> None:
    done, undone = LINES[0]._replace(state="S"), LINES[0]._replace(state="R")
    data = b"".join(write(STANDARD, BANK, DATE, [done, LINES[1], undone]))
    with pytest.raises(BankFileError) as caught:
        take(store, data)
    assert [str(problem) for problem in caught.value.problems] == [
        "line 4, state: line 2 has the same transaction in the other state"
    ]
    assert counts(store) == (0, 0)


def test_a_fault_after_thousands_of_good_lines_leaves_nothing(store: Store) -> None:
    data = file([line(number) for number in range(2, 6002)])
    with pytest.raises(BankFileError):
        take(store, data.replace(b"\nT|6000|", b"\nT|6001|"))
    assert counts(store) == (0, 0)
    assert take(store, data).lines == 6000
    assert counts(store) == (1, 6000)


def test_the_same_file_again_writes_nothing_and_says_so(store: Store) -> None:
    first = take(store, file())
    assert take(store, file()) == first._replace(again=True, rows="")
    assert counts(store) == (1, 4)


def test_another_file_for_the_same_bank_and_date_is_refused(store: Store) -> None:
    take(store, file())
    with pytest.raises(
        FileRefused, match="a file of 01020000 for 20261124 was taken already, with another digest"
    ):
        take(store, file(LINES[:1]))
    assert counts(store) == (1, 4)


def test_the_same_file_under_another_date_or_bank_is_refused(store: Store) -> None:
    """A layout without a header names neither: then only the digest tells."""
    headless = Layout(**{**{name: getattr(STANDARD, name) for name in Layout.__slots__}, "header": ()})
    lines = [line._replace(line=line.line - 1) for line in LINES]
    take(store, file(lines, layout=headless), layout=headless)
    for bank, date in ((BANK, "20261125"), ("01030000", DATE)):
        with pytest.raises(FileRefused, match="the same file was taken already, for 01020000 and 20261124"):
            take(store, file(lines, layout=headless), bank, date, headless)
    assert counts(store) == (1, 4)


def test_two_banks_and_two_dates_have_a_file_each(store: Store) -> None:
    for bank, date in ((BANK, DATE), (BANK, "20261125"), ("01030000", DATE)):
        take(store, file(bank=bank, date=date), bank, date)
    assert counts(store) == (3, 12)


def test_the_database_keeps_no_lines_without_their_file(store: Store) -> None:
    row = {column.name: "" for column in bank_lines.columns} | {"line": 1, "amount": 1}
    with pytest.raises(LedgerError), store.transaction() as connection:
        connection.execute(insert(bank_lines), {**row, "direction": "C", "state": "S"})
    assert counts(store) == (0, 0)
