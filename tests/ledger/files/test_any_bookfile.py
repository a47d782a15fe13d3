"""Whatever a file of dues holds: what is written reads back, and no cut and no other bytes pass unseen."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BookFileError
from ledger.files.bookfile import PROBLEMS_MAX, PolicyDues, parse, write
from ledger.files.bookline import HEADER, DueLine
from ledger.rules.dues import KINDS, STATES, Policy
from tests.support.dues_file import DATE, PERSON


def written(entries: Iterable[PolicyDues], withdrawn: Iterable[DueLine] = ()) -> bytes:
    return b"".join(write(DATE, entries, withdrawn))


NUMBERS = st.text("ABZ019-", min_size=1, max_size=20)
NAMES = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs"]), min_size=1, max_size=20)
    | st.text('王, "·', min_size=1, max_size=20)
).filter(lambda name: name == name.strip())


@st.composite
def books(draw: st.DrawFn) -> list[PolicyDues]:
    policies = draw(st.lists(NUMBERS.filter(lambda number: number != "TOTAL"), unique=True, max_size=4))
    references = iter(draw(st.lists(NUMBERS, unique=True, min_size=8, max_size=8)))
    entries = []
    for number in policies:
        dues = []
        for _ in range(draw(st.integers(0, 2))):
            code, day, amount = (
                draw(st.sampled_from(list(KINDS))),
                draw(st.dates()),
                draw(st.integers(1, 10**12 - 1)),
            )
            date = day.isoformat().replace("-", "")
            person, payee = (PERSON, draw(NAMES | st.just(""))) if KINDS[code] == "benefit" else ("", "")
            due = DueLine(next(references), number, code, KINDS[code], date, amount, person, payee=payee)
            dues.append(due)
        policy = Policy(number, draw(st.sampled_from(sorted(STATES))), draw(NAMES))
        entries.append(PolicyDues(policy, tuple(dues)))
    return entries


@settings(deadline=None)
@given(entries=books(), bom=st.sampled_from([b"", b"\xef\xbb\xbf"]), end=st.sampled_from([b"\n", b"\r\n"]))
def test_what_is_written_reads_back_with_its_sums_and_digest(
    entries: list[PolicyDues], bom: bytes, end: bytes
) -> None:
    data = bom + written(entries).replace(b"\n", end)
    dues = tuple(due for entry in entries for due in entry.dues)
    book = parse(data)
    assert book.business_date == DATE
    assert book.policies == tuple(entry.policy for entry in entries)
    assert book.dues == dues
    assert book.premium == sum(due.amount for due in dues if due.kind == "premium")
    assert book.benefit == sum(due.amount for due in dues if due.kind == "benefit")
    assert book.digest == hashlib.sha256(data).hexdigest()
    assert parse(io.BytesIO(data)) == book


@settings(deadline=None, max_examples=30)
@given(entries=books())
def test_a_file_without_the_column_of_payees_is_the_same_book_without_them(entries: list[PolicyDues]) -> None:
    nobody = [
        PolicyDues(entry.policy, tuple(due._replace(payee="") for due in entry.dues)) for entry in entries
    ]
    data = written(nobody)
    without = data.replace(b",payee\n", b"\n")[: data.index(b"\n") - len(b",payee") + 1] + data[
        data.index(b"\n") + 1 :
    ].replace(b",\n", b"\n")
    assert parse(without)._replace(digest="") == parse(data)._replace(digest="")


@settings(deadline=None, max_examples=30)
@given(entries=books(), data=st.data())
def test_a_file_cut_at_any_byte_is_refused(entries: list[PolicyDues], data: st.DataObject) -> None:
    whole = written(entries)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(BookFileError):
        parse(cut)


@given(data=st.binary(max_size=300) | st.text('TOAL,01"\r\nP', max_size=80).map(str.encode))
def test_any_bytes_are_a_book_or_a_book_file_error(data: bytes) -> None:
    for candidate in (data, HEADER.encode() + b"\n" + data):
        try:
            book = parse(candidate)
        except BookFileError as error:
            assert 1 <= len(error.problems) <= PROBLEMS_MAX
        else:
            assert book.digest == hashlib.sha256(candidate).hexdigest()


@given(entries=books(), gone=books())
def test_dues_that_leave_read_back_without_who_is_paid_and_count_towards_no_sum(
    entries: list[PolicyDues], gone: list[PolicyDues]
) -> None:
    named = {due.due for entry in entries for due in entry.dues}
    withdrawn = [due for entry in gone for due in entry.dues if due.due not in named]
    data = written(entries, withdrawn)
    read = parse(data)
    assert read.withdrawn == tuple(due._replace(beneficiary="", payee="") for due in withdrawn)
    assert read._replace(withdrawn=(), digest="") == parse(written(entries))._replace(digest="")
    assert PERSON.encode() not in written([], withdrawn), "who is paid is nobody's business here"
    for length in {len(data) - 1, len(data) // 2}:
        with pytest.raises(BookFileError):
            parse(data[:length])
