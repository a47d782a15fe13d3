"""The file of a batch's results and its answer: read back as written; an outcome that is not known cannot
be said in it.
"""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.files.apply_file import (
    ApplyAnswer,
    ApplyFile,
    Done,
    Failed,
    FailureClass,
    LineReceipt,
    LineReturn,
    Returned,
    read_apply,
    read_apply_answer,
    write_apply,
    write_apply_answer,
)
from ledger.files.record_lines import BatchFileRefused

NUMBERS = st.integers(1, 999_999)
DATES = st.dates().map(lambda day: f"{day:%Y%m%d}").filter(lambda text: len(text) == 8)
REFERENCES = st.text(string.ascii_letters + string.digits + "-/.", min_size=1, max_size=20)
SUMS = st.integers(0, 10**16)
LINES = st.lists(
    st.builds(Done, NUMBERS, DATES, REFERENCES)
    | st.builds(Failed, NUMBERS, st.sampled_from(FailureClass))
    | st.builds(Returned, NUMBERS, DATES, REFERENCES, REFERENCES),
    min_size=1,
    max_size=5,
    unique_by=lambda line: line.line,
).map(tuple)
FILES = st.builds(ApplyFile, st.just("B0000123"), st.just("91020000"), NUMBERS, LINES, SUMS, SUMS)
RECEIPTS = st.lists(
    st.builds(LineReceipt, NUMBERS, st.sampled_from(["", "202611240100000000017"]), REFERENCES, DATES),
    max_size=3,
).map(tuple)
ANSWERS = st.builds(
    ApplyAnswer,
    st.just("B0000123"),
    NUMBERS,
    NUMBERS,
    SUMS,
    NUMBERS,
    NUMBERS,
    st.lists(NUMBERS, max_size=3).map(tuple),
    RECEIPTS,
    st.lists(st.builds(LineReturn, NUMBERS, DATES), max_size=2).map(tuple),
)

APPLY = write_apply(
    ApplyFile(
        "B0000123",
        "91020000",
        1,
        (
            Done(17, "20261125", "REF1"),
            Failed(18, FailureClass.FUNDS),
            Returned(17, "20261126", "REF2", "AC04"),
        ),
        120_000,
        120_000,
    )
)
ANSWER = write_apply_answer(
    ApplyAnswer("B0000123", 1, 1, 120_000, 1, 0, (17,), (LineReceipt(17, "1", "k", "20261201"),), ())
)


@given(FILES, ANSWERS)
def test_results_and_their_answer_are_read_back(file: ApplyFile, answer: ApplyAnswer) -> None:
    assert (read_apply(write_apply(file)), read_apply_answer(write_apply_answer(answer))) == (file, answer)


@given(FILES, st.data())
def test_results_that_were_cut_anywhere_are_seen_to_be_cut(file: ApplyFile, data: st.DataObject) -> None:
    whole = write_apply(file)
    with pytest.raises(BatchFileRefused):
        read_apply(whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize(
    ("old", "new", "wording"),
    [
        (b"|91020000|1\n", b"|91020000|0\n", "line 1, part: not a number from 1 to 999999"),
        (b"|20261125|", b"|20261131|", "line 2, date: not a date, YYYYMMDD"),
        (b"|REF1", b"|R F", "line 2, reference: not 1 to 40 printable characters without blanks"),
        (
            b"|funds",
            b"|unknown",
            "line 3, class: not one of funds, temporary, limit, account, mandate, technical",
        ),
        (b"F|18", b"F|17", "line 3, line: a second time in the file"),
        (b"X|17", b"X|18", "line 4, line: failed and returned in one file"),
        (b"X|17", b"Y|17", "line 4: S, F, X expected"),
        (b"|AC04", b"", "line 4: 4 fields expected, 3 found"),
        (b"T|3", b"T|2", "line 5: the records make 3, and T says 2"),
    ],
)
def test_results_with_a_fault_are_refused_with_its_place(old: bytes, new: bytes, wording: str) -> None:
    with pytest.raises(BatchFileRefused) as refused:
        read_apply(APPLY.replace(old, new))
    assert str(refused.value) == wording


@pytest.mark.parametrize(
    ("old", "new", "wording"),
    [
        (b"M|17", b"Q|17", "line 3: E, R, M expected"),
        (b"T|2", b"T|1", "line 4: the records make 2, and T says 1"),
    ],
)
def test_an_answer_with_a_fault_is_refused(old: bytes, new: bytes, wording: str) -> None:
    with pytest.raises(BatchFileRefused) as refused:
        read_apply_answer(ANSWER.replace(old, new))
    assert str(refused.value) == wording


def test_a_file_of_no_results_is_refused() -> None:
    with pytest.raises(BatchFileRefused, match=r"^has no lines$"):
        read_apply(b"APPLY|B0000123|91020000|1\nT|0|0|0\n")
