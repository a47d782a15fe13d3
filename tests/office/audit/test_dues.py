"""The dues of a front book, held against the files that were loaded: an invented one, a changed one, another
beneficiary, one that is missing; and what a sound book of several loads is.
"""

# ruff: noqa: S608 - the statements are put together from this file's own text
from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, select, text

from ledger.book.schema import dues
from office.audit.dues import DuesFile, against_files
from office.audit.evidence import Checked, Failing
from tests.support.audit_books import KEYED_DIGEST, Urls, evidence, files_of, loosen

DUE = "due = (SELECT min(due) FROM dues WHERE sequence = 0 AND state = 'open')"
BENEFIT = "due = (SELECT min(due) FROM dues WHERE kind = 'benefit')"
COLUMNS = "due || 'X', policy, code, kind, due_date, amount, beneficiary, 'open', '', 0, 0"


@dataclass
class Book:
    """A front book that may be changed, and the files that were loaded into it."""

    connection: Connection
    files: tuple[DuesFile, ...]

    def said(self, *files: DuesFile) -> list[str]:
        findings = against_files(
            self.connection, files or self.files, KEYED_DIGEST, lambda _what, _rows: None
        )
        return [result.what for result in findings if isinstance(result, Failing)]

    def counts(self, *files: DuesFile) -> dict[str, int]:
        findings = against_files(self.connection, files, KEYED_DIGEST, lambda _what, _rows: None)
        return {result.what: result.count for result in findings if isinstance(result, Checked)}


@pytest.fixture
def book(urls: Urls) -> Iterator[Book]:
    with evidence(urls) as given:
        assert given.front is not None
        loosen(given.front, "dues")
        loosen(given.front, "policies")
        yield Book(given.front, files_of(urls))


def test_a_book_of_several_loads_agrees_with_its_files(book: Book) -> None:
    assert book.said() == []
    counts = book.counts(*book.files)
    total = len(book.connection.execute(select(dues)).all())
    assert counts["dues of the book, held against the files"] == total
    assert counts["files of dues that were loaded"] == len(book.files) == 4
    assert {state for (state,) in book.connection.execute(select(dues.c.state).distinct())} >= {
        *("open", "settled", "withdrawn")
    }


ALTERED = {
    "an invented due": (
        "INSERT INTO dues (due, policy, code, kind, due_date, amount, beneficiary, state, settled_by,"
        f" sequence, withdrawn) SELECT {COLUMNS} FROM dues WHERE {DUE}",
        "is in no file",
    ),
    "another beneficiary": (f"UPDATE dues SET beneficiary = '{'0' * 32}' WHERE {BENEFIT}", ": beneficiary"),
    "no beneficiary": (f"UPDATE dues SET beneficiary = '' WHERE {BENEFIT}", ": beneficiary"),
    "another payee": (f"UPDATE dues SET payee = payee || 'x' WHERE {BENEFIT}", ": payee"),
    "no payee": ("UPDATE dues SET payee = '' WHERE kind = 'benefit'", ": payee"),
    "another end of grace": (f"UPDATE dues SET grace_until = '20991231' WHERE {DUE}", ": grace_until"),
    "another who serves": ("UPDATE policies SET serving = 'x'", "the last file that names it"),
    "another amount": (f"UPDATE dues SET amount = amount + 1 WHERE {DUE}", ": amount"),
    "another policy": (
        f"UPDATE dues SET policy = (SELECT max(policy) FROM policies) WHERE {DUE}",
        ": policy",
    ),
    "another code": (f"UPDATE dues SET code = '502000' WHERE {DUE}", ": code"),
    "another date": (f"UPDATE dues SET due_date = '20270101' WHERE {DUE}", ": due_date"),
    "another kind": (f"UPDATE dues SET kind = 'benefit' WHERE {DUE}", ": kind"),
    "one withdrawn": (f"UPDATE dues SET state = 'withdrawn', withdrawn = 1 WHERE {DUE}", "by no file"),
    "one lapsed": (f"UPDATE dues SET state = 'lapsed' WHERE {DUE}", "is lapsed, and open"),
    "one that left is back": (
        "UPDATE dues SET state = 'open', withdrawn = 0 WHERE state = 'withdrawn'",
        "leaves by a file",
    ),
    "one taken out": (f"DELETE FROM dues WHERE {DUE}", "was loaded, and is not in the book"),
    "another holder": ("UPDATE policies SET holder = '李四'", "the last file that names it"),
    "a policy in force again": ("UPDATE policies SET state = 'active'", "the last file that names it"),
    "an invented policy": (
        "INSERT INTO policies (policy, state, holder) VALUES ('P0', 'active', 'x')",
        "is in no file",
    ),
}


@pytest.mark.parametrize(("statement", "words"), ALTERED.values(), ids=ALTERED)
def test_whatever_no_file_sent_is_found(book: Book, statement: str, words: str) -> None:
    assert book.connection.execute(text(statement)).rowcount > 0
    assert any(words in failing for failing in book.said())


def test_what_a_file_withdrew_may_stay_open_while_a_batch_holds_it_and_only_then(book: Book) -> None:
    left = "state = 'withdrawn'"
    held = f"UPDATE dues SET state = 'open', held_by = 'B0000123/' || due WHERE {left}"
    assert book.connection.execute(text(held)).rowcount > 0
    assert book.said() == []
    book.connection.execute(text("UPDATE dues SET held_by = ''"))
    assert {"is open, and withdrawn by the files"} == set(book.said())


def test_files_may_be_given_in_any_order(book: Book) -> None:
    assert book.said(*reversed(book.files)) == []


def test_a_file_that_was_not_loaded_so_vouches_for_nothing(book: Book) -> None:
    changed = DuesFile("changed", io.BytesIO(book.files[0].stream.read().replace(b"active", b"lapsed", 1)))
    assert "was never loaded, or not with these bytes" in book.said(changed, *book.files[1:])


def test_with_some_of_the_files_only_their_dues_are_held_against_them(book: Book) -> None:
    last = book.files[-1]
    assert book.said(last) == []
    assert book.counts(last)["dues of loads whose files were not given, held against nothing"] > 0
    book.connection.execute(text("UPDATE dues SET amount = amount + 1"))
    assert {"is not as its file has it: amount"} == set(book.said(last))


def test_no_number_or_name_of_a_person_is_said(book: Book) -> None:
    book.connection.execute(text("UPDATE dues SET beneficiary = 'x', payee = 'x' WHERE beneficiary <> ''"))
    rows = [
        line.split(",")[7:9] for file in book.files for line in file.stream.read().decode().splitlines()[1:]
    ]
    numbers, payees = ({row[place] for row in rows} - {""} for place in (0, 1))
    assert len(numbers) > 5 < len(payees)
    said = book.said()
    assert [person for person in numbers | payees for failing in said if person in failing] == []
