"""The files that hold dues for a batch and let them go: read back as written; a file with a fault is refused
whole, and no text repeats a value of it.
"""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.files.hold_file import (
    HoldAnswer,
    HoldFile,
    HoldLine,
    ReleaseAnswer,
    ReleaseCause,
    ReleaseFile,
    read_hold,
    read_hold_answer,
    read_release,
    read_release_answer,
    write_hold,
    write_hold_answer,
    write_release,
    write_release_answer,
)
from ledger.files.record_lines import LINES_MAX, BatchFileRefused
from ledger.rules.holding import NotHeld

BATCHES = st.from_regex(r"B[0-9]{7}", fullmatch=True)
CHANNELS = st.from_regex(r"[0-9]{8}", fullmatch=True)
NUMBERS = st.integers(1, 999_999)
NAMES = st.text(string.ascii_uppercase + string.digits + "-", min_size=1, max_size=20)
AMOUNTS = st.integers(1, 999_999_999_999)
LINES = st.lists(
    st.builds(HoldLine, NUMBERS, NAMES, NAMES, AMOUNTS),
    min_size=1,
    max_size=5,
    unique_by=lambda line: line.line,
).filter(lambda lines: len({line.due for line in lines}) == len(lines))
HOLDS = st.builds(
    HoldFile, BATCHES, CHANNELS, st.just("20261124"), st.just("20261124203000"), LINES.map(tuple)
)
NOT_HELD = st.lists(
    st.tuples(NUMBERS, st.sampled_from(NotHeld)), max_size=5, unique_by=lambda line: line[0]
).map(tuple)
RELEASES = st.builds(
    ReleaseFile,
    BATCHES,
    CHANNELS,
    st.just(ReleaseCause.RECALL),
    st.lists(NUMBERS, max_size=5, unique=True).map(tuple),
    st.just(()),
)
FORCED = RELEASES.map(lambda file: file._replace(cause=ReleaseCause.FORCED, forced_by=("li", "wang")))

HOLD = write_hold(
    HoldFile(
        "B0000123",
        "91020000",
        "20261124",
        "20261124203000",
        (HoldLine(17, "D1", "P1", 120_000), HoldLine(18, "D2", "P1", 80_000)),
    )
)
RELEASE = write_release(ReleaseFile("B0000123", "91020000", ReleaseCause.FORCED, (17, 18), ("li", "wang")))


@given(HOLDS, st.builds(HoldAnswer, BATCHES, st.integers(0, 999_999), AMOUNTS, NOT_HELD))
def test_what_asks_for_a_hold_and_what_answers_it_are_read_back(file: HoldFile, answer: HoldAnswer) -> None:
    assert (read_hold(write_hold(file)), read_hold_answer(write_hold_answer(answer))) == (file, answer)


@given(RELEASES | FORCED, st.builds(ReleaseAnswer, BATCHES, NUMBERS, AMOUNTS, NUMBERS))
def test_a_release_and_its_answer_are_read_back(file: ReleaseFile, answer: ReleaseAnswer) -> None:
    assert read_release(write_release(file)) == file
    assert read_release_answer(write_release_answer(answer)) == answer


@given(HOLDS, st.data())
def test_a_hold_that_was_cut_anywhere_is_seen_to_be_cut(file: HoldFile, data: st.DataObject) -> None:
    whole = write_hold(file)
    with pytest.raises(BatchFileRefused):
        read_hold(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_the_hold_is_written_as_the_interface_says() -> None:
    assert HOLD == (
        b"HOLD|B0000123|91020000|20261124|20261124203000\nD|17|D1|P1|120000\nD|18|D2|P1|80000\nT|2|200000\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "wording"),
    [
        (b"HOLD|", b"HALT|", "line 1: HOLD expected"),
        (b"B0000123", b"B123", "line 1, batch: not B and seven digits"),
        (b"|91020000", b"|bank", "line 1, channel: not a bank's code of 1 to 11 digits"),
        (b"|20261124|", b"|20261324|", "line 1, date: not a date, YYYYMMDD"),
        (b"203000\n", b"243000\n", "line 1, created_at: not a moment, YYYYMMDDhhmmss"),
        (b"203000\n", b"203000|x\n", "line 1: 4 fields expected, 5 found"),
        (b"D|17", b"S|17", "line 2: D expected"),
        (b"D|17", b"D|0", "line 2, line: not a number from 1 to 999999"),
        (b"D|18", b"D|17", "line 3, line: a second time in the file"),
        (b"|D2|", b"|D1|", "line 3, due: a second time in the file"),
        (b"|D2|", b"|d2|", "line 3, due: not 1 to 20 of A-Z, 0-9 and -"),
        (b"|P1|80000", b"||80000", "line 3, policy: not 1 to 24 of A-Z, 0-9 and -"),
        (b"|80000", b"|-80000", "line 3, amount: not a whole number of fen, 1 to 999999999999"),
        (b"T|2", b"T|3", "line 4: the records make 2|200000, and T says 3|200000"),
        (b"200000\n", b"200001\n", "line 4: the records make 2|200000, and T says 2|200001"),
        (b"T|2|200000\n", b"", "has no record T at its end: the file was cut"),
        (b"200000\n", b"200000", "its last line does not end: the file was cut"),
        (b"P1|80000", "李|80000".encode(), "line 3: not ASCII"),
        (b"D|17|D1|P1|120000\nD|18|D2|P1|80000\nT|2|200000", b"T|0|0", "has no lines"),
    ],
)
def test_a_hold_with_a_fault_is_refused_with_its_place(old: bytes, new: bytes, wording: str) -> None:
    assert HOLD.count(old) >= 1
    with pytest.raises(BatchFileRefused) as refused:
        read_hold(HOLD.replace(old, new, 1))
    assert str(refused.value) == wording


def test_a_file_longer_than_any_batch_is_not_looked_into() -> None:
    with pytest.raises(BatchFileRefused, match=r"^more than 40000400 bytes$"):
        read_hold(bytes((LINES_MAX + 2) * 200 + 1))


@pytest.mark.parametrize(
    ("old", "new", "wording"),
    [
        (b"|forced|", b"|late|", "line 1, why: not one of recall, refused whole, forced"),
        (b"|li|wang", b"|li|", "line 1: a forced release names the two people who decided it"),
        (b"|li|wang", b"|li|li", "line 1: a forced release names the two people who decided it"),
        (b"|li|wang", b"|li|LI", "line 1: a forced release names the two people who decided it"),
        (b"|forced|", b"|recall|", "line 1: only a forced release names people"),
        (b"L|18", b"L|17", "line 3, line: a second time in the file"),
        (b"L|18", b"D|18", "line 3: L expected"),
        (b"T|2", b"T|1", "line 4: the records make 2, and T says 1"),
    ],
)
def test_a_release_with_a_fault_is_refused_with_its_place(old: bytes, new: bytes, wording: str) -> None:
    with pytest.raises(BatchFileRefused) as refused:
        read_release(RELEASE.replace(old, new))
    assert str(refused.value) == wording


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (b"HELD|B0000123|0|0\nR|17|perhaps\nT|1\n", "line 2, why: not one of "),
        (b"HELD|B0000123|0|0\nD|17|paid\nT|1\n", "line 2: R expected"),
        (b"HELD|B0000123|0|0\nR|17|paid\nT|2\n", "line 3: the records make 1, and T says 2"),
        (b"HELD|B0000123|0|0\nR|17|paid\nR|17|held by another line\nT|2\n", "line 3, line: a second time"),
    ],
)
def test_an_answer_to_a_hold_with_a_fault_is_refused(data: bytes, wording: str) -> None:
    with pytest.raises(BatchFileRefused) as refused:
        read_hold_answer(data)
    assert str(refused.value).startswith(wording)


def test_an_answer_to_a_release_has_no_lines() -> None:
    with pytest.raises(BatchFileRefused, match=r"^line 2: T expected$"):
        read_release_answer(b"RELEASED|B0000123|1|120000|0\nL|17\nT|1\n")
    with pytest.raises(BatchFileRefused, match=r"^line 2: the records make 0, and T says 1$"):
        read_release_answer(b"RELEASED|B0000123|1|120000|0\nT|1\n")
