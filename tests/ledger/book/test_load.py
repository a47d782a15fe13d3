"""The day's dues: taken whole or not at all, whoever pays meanwhile and whatever fails."""

from __future__ import annotations

from itertools import count
from os import urandom
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ledger.book.front import FrontBook
from ledger.book.load import Loaded
from ledger.book.store import Store
from ledger.errors import LedgerError, LoadRefused
from ledger.files.bookfile import Book
from ledger.rules.request import Act
from tests.support.book_loads import close, due_states, load, rows, taken
from tests.support.builders import DATE, PAYEE, benefit, book, policy, premium, request
from tests.support.next_day_file import NEXT, next_book
from tests.support.seal_reader import faults

pytestmark = pytest.mark.slow

# The first load, which opens the book's first business day.


def test_a_load_is_taken_once(store: Store) -> None:
    before = taken(store)
    with pytest.raises(LoadRefused, match=f"this file was loaded already, for {DATE}"):
        load(store, book())
    with pytest.raises(LoadRefused, match=f"the dues of {DATE} were loaded already, from another file"):
        load(store, book()._replace(digest="another"))
    assert taken(store) == before


@pytest.mark.parametrize(
    "change",
    [
        {"premium": 1},
        {"benefit": 1},
        {"policies": (policy("P1"), policy("P2"), policy("P2"))},
        {"dues": (premium(),), "policies": (policy("P1"), policy("P2"))},
    ],
)
def test_a_load_that_does_not_add_up_leaves_nothing(database: str, change: dict[str, Any]) -> None:
    store = Store(database)
    FrontBook(store, "check", urandom).create()
    with pytest.raises(LedgerError):
        load(store, book()._replace(**change))
    assert set(map(tuple, taken(store).values())) == {()}
    store.close()


def test_the_identity_number_itself_never_reaches_the_database(store: Store) -> None:
    number = benefit().beneficiary
    assert rows(store, "SELECT beneficiary FROM dues WHERE due = 'B6'") == [(f"digest {number}",)]
    assert not any(number in map(str, row) for rows in taken(store).values() for row in rows)


def test_the_payees_name_comes_with_its_benefit_and_no_other_due_can_have_one(store: Store) -> None:
    assert rows(store, "SELECT due, payee FROM dues WHERE payee <> ''") == [("B6", PAYEE)]
    with pytest.raises(LedgerError, match="due_payee_of_a_benefit"), store.transaction() as connection:
        connection.execute(text("UPDATE dues SET payee = 'x' WHERE kind = 'premium'"))


# The next day's.


def test_new_dues_come_what_is_unpaid_carries_over_and_what_was_paid_stays_paid(
    front: FrontBook, store: Store
) -> None:
    paid, late = request(), request(policy="P2")
    front.commit([paid], 1)
    close(store)
    done = load(store, next_book([premium("N1", "P1"), benefit("N2", "P7")]))
    assert done == Loaded(NEXT, 2, 2, 120_000, 500_000)
    assert due_states(store) == {
        "B6": "open",
        "D1": "settled",
        **{f"D{n}": "open" for n in range(2, 6)},
        "N1": "open",
        "N2": "open",
    }
    new = request(due="N1")
    answers = front.commit([late, new, paid, request(due="D1")], 2)
    assert [(answer.response.value, answer.business_date) for answer in answers] == [
        ("00", NEXT),
        ("00", NEXT),
        ("00", DATE),
        ("12", NEXT),
    ]
    assert faults(store) == []


def test_what_is_withdrawn_or_lapses_leaves(front: FrontBook, store: Store) -> None:
    close(store)
    gone = [premium("D1", "P1"), benefit("B6", "P6")]
    done = load(
        store, next_book([premium("N3", "P3")], gone, [policy("P2", "lapsed"), policy("P4", "terminated")])
    )
    assert (done.withdrawn, done.withdrawn_late, done.lapsed) == (2, 0, 2)
    assert due_states(store) == {
        "B6": "withdrawn",
        "D1": "withdrawn",
        "D2": "lapsed",
        "D3": "open",
        "D4": "lapsed",
        "D5": "open",
        "N3": "open",
    }
    answers = front.commit([request(policy=f"P{n}") for n in (1, 2, 4, 5)], 2)
    assert [(answer.response.value, answer.reason) for answer in answers] == [
        ("12", "DUE WITHDRAWN"),
        ("12", "DUE LAPSED"),
        ("12", "DUE LAPSED"),
        ("00", ""),
    ]
    close(store, NEXT)
    load(store, next_book(date="20261126", policies=[policy("P9")]))
    assert sorted(due_states(store)) == ["D3", "D5", "N3"], "swept by the load after"
    assert [row[0] for row in rows(store, "SELECT policy FROM policies ORDER BY policy")] == [
        "P1",
        "P2",
        "P3",
        "P5",
        "P6",
        "P9",
    ]
    answers = front.commit([request(policy=f"P{n}") for n in (1, 2, 4)], 2)
    assert [answer.response.value for answer in answers] == ["25"] * 3
    assert faults(store) == []


def test_a_benefit_does_not_lapse_with_its_policy(store: Store) -> None:
    close(store)
    assert load(store, next_book(policies=[policy("P6", "terminated")])).lapsed == 0
    assert due_states(store)["B6"] == "open"


def test_a_due_that_the_journal_speaks_of_is_never_swept(front: FrontBook, store: Store) -> None:
    first = request()
    front.commit([first, request(Act.REVERSE, original=first.key)], 1)
    close(store)
    assert load(store, next_book(withdrawn=[premium("D1", "P1")])).withdrawn == 1
    close(store, NEXT)
    load(store, next_book(date="20261126", policies=[policy("P9")]))
    assert due_states(store)["D1"] == "withdrawn"
    assert front.commit([request(Act.REVERSE, original=first.key)], 3)[0].response.value == "00"


def test_a_due_settled_before_its_withdrawal_counts_as_late_and_stays_settled(
    front: FrontBook, store: Store
) -> None:
    front.commit([request()], 1)
    close(store)
    done = load(store, next_book(withdrawn=[premium("D1", "P1"), premium("D2", "P2")]))
    assert (done.withdrawn, done.withdrawn_late) == (1, 1)
    assert due_states(store)["D1"] == "settled"
    assert rows(store, "SELECT withdrawn, withdrawn_late FROM loads WHERE date = '20261125'") == [(1, 1)]


def test_a_due_that_lapsed_the_day_before_can_be_withdrawn_and_is_not_called_late(store: Store) -> None:
    close(store)
    assert load(store, next_book(policies=[policy("P1", "lapsed")])).lapsed == 1
    close(store, NEXT)
    done = load(store, next_book(withdrawn=[premium("D1", "P1")], date="20261126"))
    assert (done.withdrawn, done.withdrawn_late) == (1, 0)
    assert due_states(store)["D1"] == "withdrawn"


def test_a_due_that_is_withdrawn_already_cannot_be_withdrawn_again(store: Store) -> None:
    close(store)
    assert load(store, next_book(withdrawn=[premium("D1", "P1")])).withdrawn == 1
    close(store, NEXT)
    before = taken(store)
    with pytest.raises(
        LoadRefused, match="due D1: to be withdrawn but not so in the book\nnothing was loaded"
    ):
        load(store, next_book(withdrawn=[premium("D1", "P1")], date="20261126"))
    assert taken(store) == before


UNFIT: tuple[tuple[Book, str], ...] = (
    (
        next_book(withdrawn=[premium("D1", "P1", amount=119_999)]),
        "due D1: to be withdrawn but not so in the book\nnothing was loaded",
    ),
    (next_book(withdrawn=[premium("D1", "P2")]), "D1: to be withdrawn but not so"),
    (next_book(withdrawn=[premium("D1", "P1", code="501000")]), "D1: to be withdrawn but not so"),
    (
        next_book(withdrawn=[premium("D1", "P1")._replace(due_date="20261202")]),
        "D1: to be withdrawn but not so",
    ),
    (next_book(withdrawn=[premium(f"X{n}", "P1") for n in range(8)]), "(due X[0-7]: .*\n){8}"),
    (
        next_book([premium("D1", "P1"), premium("N1", "P1"), premium("D2", "P1")]),
        "due D1: in the book already\ndue D2: in the book already\nnothing was loaded",
    ),
    (
        next_book([premium("N1", "P1")], date="20261126"),
        f"day {NEXT} is open, and the file is for 20261126",
    ),
    (
        next_book([premium("N1", "P1")], date=DATE, digest="another"),
        f"day {NEXT} is open, and the file is for {DATE}",
    ),
    (book(), f"this file was loaded already, for {DATE}"),
)


def test_a_file_that_does_not_fit_the_book_is_refused_whole_and_says_why(store: Store) -> None:
    close(store)
    before = taken(store)
    for unfit, says in UNFIT:
        with pytest.raises(LoadRefused, match=says):
            load(store, unfit)
        assert taken(store) == before
    assert load(store, next_book([premium("N1", "P1")], digest="the right one")).dues == 1


def test_a_file_for_a_day_whose_dues_are_there_is_refused(store: Store) -> None:
    close(store)
    load(store, next_book([premium("N1", "P1")]))
    with pytest.raises(LoadRefused, match=f"the dues of {NEXT} were loaded already, from another file"):
        load(store, next_book([premium("N2", "P1")], digest="another"))


def test_no_dues_are_loaded_while_no_day_is_open(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(text("UPDATE days SET state = 'closed', signature = 's', next_date = '20261125'"))
    with pytest.raises(LoadRefused, match="no business day is open: cut over first"):
        load(store, next_book([premium("N1", "P1")]))


def test_a_due_withdrawn_too_late_is_not_payable_again_when_its_settlement_is_undone(store: Store) -> None:
    front = FrontBook(store, "check", urandom)
    front.claim("fep1")
    paid = request()
    assert front.commit([paid], 1)[0].response.value == "00"
    close(store)
    assert load(store, next_book(withdrawn=[premium("D1", "P1")])).withdrawn_late == 1
    undone = request(Act.REVERSE, original=paid.key, mti="0400")
    again = request()
    answers = front.commit([undone, again], 2)
    assert [(answer.response.value, answer.reason) for answer in answers] == [
        ("00", ""),
        ("12", "DUE WITHDRAWN"),
    ]
    assert due_states(store)["D1"] == "withdrawn"


@settings(max_examples=8)
@given(data=st.data())
def test_day_after_day_the_book_is_what_a_plain_reading_of_the_files_says(data: st.DataObject) -> None:
    """A model in a dictionary against the set-based statements, on SQLite."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/front.db")
        FrontBook(store, "check", urandom).create()
        front = FrontBook(store, "check", urandom)
        front.claim("fep1")
        today, number, model = DATE, count(1), {}
        lapsing: dict[str, str] = {}
        swept: set[str] = set()
        touched: set[str] = set()
        for day in range(4):
            new = [
                premium(f"D{next(number)}", f"P{data.draw(st.integers(1, 4))}", data.draw(st.integers(1, 9)))
                for _ in range(data.draw(st.integers(0 if day else 1, 4)))
            ]
            known = sorted(name for name, (state, _) in model.items() if state != "withdrawn")
            leaving = data.draw(st.lists(st.sampled_from(known), unique=True, max_size=3)) if known else []
            ended = data.draw(st.lists(st.sampled_from(["P1", "P2"]), unique=True, max_size=1)) if day else []
            named = [policy(name, "lapsed") for name in ended]
            given = next_book(
                new, [model[name][1] for name in leaving], named, date=today, digest=f"file {day}"
            )
            done = load(store, given)
            for name, (state, _) in list(model.items()):
                if state in ("lapsed", "withdrawn") and name not in touched and name not in leaving:
                    swept.add(name)
                    del model[name]
            late = 0
            for name in leaving:
                state, due = model[name]
                late += state == "settled"
                model[name] = (state if state == "settled" else "withdrawn", due)
            lapsed = 0
            for name, (state, due) in model.items():
                if state == "open" and due.policy in ended:
                    model[name], lapsed = ("lapsed", due), lapsed + 1
            for due in new:
                lapsing[due.policy] = "lapsed" if due.policy in ended else "active"
                model[due.due] = ("open", due)
            lapsing.update(dict.fromkeys(ended, "lapsed"))
            assert (done.withdrawn, done.withdrawn_late, done.lapsed) == (len(leaving) - late, late, lapsed)
            assert due_states(store) == {name: state for name, (state, _) in sorted(model.items())}
            for name, (state, due) in list(model.items()):
                if data.draw(st.booleans()):
                    answer = front.commit([request(policy=due.policy, due=name, amount=due.amount)], 1)[0]
                    good = state == "open" and lapsing[due.policy] != "lapsed"
                    assert (answer.response.value == "00") is good
                    if good:
                        model[name] = ("settled", due)
                        touched.add(name)
            today = close(store, today)
        assert faults(store) == []
        store.close()


# Who serves a policy, and until when its premiums can be paid.


def test_who_serves_a_policy_changes_with_the_next_file_and_only_a_premium_has_grace(store: Store) -> None:
    fresh = premium("D77", "P77")._replace(grace_until="20270130")
    close(store)
    load(store, next_book([fresh], policies=[policy("P77")._replace(serving="王芳", serving_phone="95500")]))
    assert rows(store, "SELECT grace_until FROM dues WHERE due = 'D77'") == [("20270130",)]
    served = "SELECT serving, serving_phone, next_serving FROM policies WHERE policy = 'P77'"
    assert rows(store, served) == [("王芳", "95500", "")]
    close(store, NEXT)
    later = [policy("P77")._replace(serving="ORPHAN")]
    load(store, next_book(policies=later, date="20261126"))
    assert rows(store, served) == [("ORPHAN", "", "")]
    with pytest.raises(LedgerError, match="due_grace"), store.transaction() as connection:
        connection.execute(text("UPDATE dues SET grace_until = '20270101' WHERE kind = 'benefit'"))
