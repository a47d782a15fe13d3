"""Rows of a file of dues are left out by the word of two people for one file and the same lines, or not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from os import urandom

import pytest

from ledger.book.audit_log import MACHINE, broken_records, read_audit_log
from ledger.book.front import FrontBook
from ledger.book.load import Loaded, load_book
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.errors import LoadRefused
from ledger.files.bookfile import opened
from tests.support.book_loads import close, digest_of, due_states, rows
from tests.support.builders import DATE
from tests.support.next_day_file import NEXT

HEADER = "policy,state,holder,due,code,due_date,amount_fen,beneficiary\n"
FIRST = (
    f"{HEADER}P1,active,张三,D1,500000,20261201,120000,\nP2,active,李四,D2,260000,20261201,500000,E1\n"
    f"TOTAL,{DATE},2,2,120000,500000,,\n"
).encode()
"""The third line's beneficiary is no document."""
LATER = (
    f"{HEADER}P1,active,张三,D1,500000,20261201,120000,\nP3,active,王五,D3,500000,20261201,100,\n"
    f"WITHDRAWN,P1,,D9,500000,20261201,120000,\nTOTAL,{NEXT},2,2,120100,0,1,\n"
).encode()
"""D1 is in the book already, and D9 is not."""


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    FrontBook(store, "check", urandom).create()
    yield store
    store.close()


def load(store: Store, by: str, data: bytes = FIRST, without: frozenset[int] = frozenset({3})) -> Loaded:
    with opened(io.BytesIO(data), without) as book:
        return load_book(store, book, digest_of, 1, by=by)


def audit_rows(store: Store) -> list[tuple[str, str, str]]:
    with store.reading() as connection:
        records = list(read_audit_log(connection, audit_log))
    assert list(broken_records(records)) == []
    return [(act.by, act.act, act.note) for act in records]


def test_the_first_person_is_written_down_and_the_second_loads(store: Store) -> None:
    with pytest.raises(LoadRefused, match=r"li would leave out 1 rows.*another person") as caught:
        load(store, "li")
    assert "line 3: policy P2, due D2: beneficiary: not a valid identity number" in str(caught.value)
    assert (due_states(store), rows(store, "SELECT date FROM loads")) == ({}, [])
    done = load(store, "wang")
    assert (done.policies, done.dues, done.premium, done.benefit) == (1, 1, 120_000, 0)
    assert done.left_out.startswith("line 3: policy P2, due D2: ")
    assert due_states(store) == {"D1": "open"}
    digest = rows(store, "SELECT digest FROM loads")[0][0]
    given, loaded = audit_rows(store)
    assert given == ("li", "load without", "lines 3")
    assert loaded[:2] == ("wang", "load")
    assert loaded[2].startswith(f"{digest}; without lines 3, as li says too; 1 dues, ")
    assert rows(store, "SELECT left_out FROM loads") == [(done.left_out,)]


def test_one_person_is_not_two(store: Store) -> None:
    for _ in range(3):
        with pytest.raises(LoadRefused, match="another person"):
            load(store, "li")
    assert due_states(store) == {}


@pytest.mark.parametrize("nobody", [MACHINE, "unknown, in a user namespace", ""])
def test_nobodys_word_is_none(store: Store, nobody: str) -> None:
    for _ in range(2):
        with pytest.raises(LoadRefused, match="nobody's name is known"):
            load(store, nobody)
    assert audit_rows(store) == []


def test_a_word_is_for_one_file_and_for_the_same_lines(store: Store) -> None:
    other = FIRST.replace("张三".encode(), "张五".encode())
    both = FIRST.replace(b"120000,\n", b"12000x,\n").replace(b",120000,", b",999,")
    with pytest.raises(LoadRefused):
        load(store, "li", other)
    with pytest.raises(LoadRefused):
        load(store, "zhao", both, frozenset({2, 3}))
    with pytest.raises(LoadRefused, match="wang would leave out"):
        load(store, "wang")
    assert due_states(store) == {}


def test_a_persons_last_word_counts(store: Store) -> None:
    twice = f"P2,active,李四,D1,500000,20261201,7,\nTOTAL,{DATE},2,2,120007,0,,\n"
    data = HEADER.encode() + FIRST.split(b"\n")[1] + b"\n" + twice.encode()
    for by, line in (("li", 2), ("li", 3), ("wang", 2)):
        with pytest.raises(LoadRefused, match=f"{by} would leave out 1 rows"):
            load(store, by, data, frozenset({line}))
    assert load(store, "zhao", data, frozenset({3})).premium == 120_000
    assert "; without lines 3, as li says too; " in audit_rows(store)[-1][2]


def test_what_the_book_finds_at_fault_can_be_left_out_and_what_it_does_not_cannot(store: Store) -> None:
    with pytest.raises(LoadRefused):
        load(store, "li")
    load(store, "wang")
    close(store)
    with pytest.raises(LoadRefused) as caught:
        load(store, "li", LATER, frozenset())
    assert str(caught.value).split("\n") == [
        "due D1, line 2: in the book already",
        "due D9, line 4: to be withdrawn but not so in the book",
        "nothing was loaded",
    ]
    with pytest.raises(LoadRefused, match="line 3 is in order: it cannot be left out"):
        load(store, "li", LATER, frozenset({2, 3, 4}))
    with pytest.raises(LoadRefused, match="li would leave out 2 rows"):
        load(store, "li", LATER, frozenset({2, 4}))
    done = load(store, "wang", LATER, frozenset({2, 4}))
    assert (done.dues, done.withdrawn, done.premium) == (1, 0, 100)
    assert due_states(store) == {"D1": "open", "D3": "open"}
    assert len(done.left_out.splitlines()) == 2
