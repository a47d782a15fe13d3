"""volume.txt and the text of volume.note: written, read again, refused where a line is of another form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import VolumeFault, VolumeRefused
from archive.volume.description import Note, VolumeDescription, made_text, parse, parse_note
from tests.support.volumes import DESCRIPTION, unsigned

TEXT = """\
format: qianzhi-volume 1
volume: QZ-0007
set: 2 of 4+1
class: Z30
dates: 20260901 20260930
parcels: 1   files: 2   payload: 34
entries: 40   receipts: 0   persons-sealed: 1
log: qianzhi.example/archive 40 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
previous: QZ-0006 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
made: 2026-10-09T02:11:00Z by qianzhi 0.1.0 (sources sha256 none)
""".replace("a" * 72, "a" * 64)
COUNTED = DESCRIPTION._replace(files=2, payload=34)


def test_text_is_the_ten_lines_of_the_format() -> None:
    assert COUNTED.text() == TEXT
    assert parse(TEXT) == COUNTED
    assert COUNTED.number == 7
    assert made_text(COUNTED.made_at) == COUNTED.made


@given(
    st.builds(
        VolumeDescription,
        volume=st.integers(1, 9_999).map("QZ-{:04}".format),
        place=st.sampled_from(["1 of 4+1", "parity of QZ-0001 QZ-0002"]),
        retention=st.sampled_from(["Z30", "B?", "P", "X"]),
        first_date=st.just("20260101"),
        last_date=st.dates().map(lambda date: f"2026{date:%m}01"),
        parcels=st.integers(0, 99),
        entries=st.integers(0, 10**9),
        receipts=st.integers(0, 10**9),
        persons_sealed=st.integers(0, 10**9),
        log=st.just("qianzhi.example/archive"),
        log_size=st.integers(0, 10**12),
        log_root=st.just(DESCRIPTION.log_root),
        previous=st.just("none"),
        made=st.integers(0, 4 * 10**9).map(made_text),
        version=st.just("0.4.0"),
        sources=st.sampled_from(["none", "0" * 64]),
        files=st.integers(0, 99_999),
        payload=st.integers(0, 10**11),
    )
)
def test_what_is_written_is_read_again(description: VolumeDescription) -> None:
    assert parse(description.text()) == description


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="utf-8"))
def test_changed_text_is_refused_or_says_something_else(place: int, character: str) -> None:
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    try:
        description = parse(changed)
    except VolumeFault as fault:
        line = TEXT[:place].count("\n") + 1
        assert fault.place == "volume.txt"
        assert (number := re.search(r"line (\d+)", str(fault))) is None or int(number[1]) in (line, line + 1)
        return
    assert description.text() == changed


@pytest.mark.parametrize(
    "text", ["", "\n", TEXT[:-1], TEXT + "\n", TEXT + "more: 1\n", TEXT.replace("\n", "\r\n")]
)
def test_text_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(VolumeFault, match="not of its form"):
        parse(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"volume": "QZ-0000"},
        {"volume": "QZ-7"},
        {"retention": "z30"},
        {"first_date": "20260931"},
        {"first_date": "20261001"},
        {"place": "5"},
        {"log": "a b"},
        {"previous": "QZ-0006"},
        {"made": "2026-13-09T02:11:00Z"},
        {"made": "2026-10-09 02:11:00"},
        {"version": "0.1\n"},
        {"parcels": -1},
        {"sources": "sha"},
    ],
)
def test_field_of_another_form_is_refused_by_name(changes: dict[str, object]) -> None:
    with pytest.raises(VolumeRefused) as refused:
        COUNTED._replace(**changes).text()  # type: ignore[arg-type]
    assert refused.value.place == "volume.txt"


def test_note_has_the_description_and_both_sums() -> None:
    note = Note(COUNTED, "b" * 64, "c" * 64)
    assert note.text() == f"{TEXT}manifest: {'b' * 64}\ntagmanifest: {'c' * 64}\n"
    assert parse_note(unsigned(note.text().encode())) == note


@pytest.mark.parametrize("cut", [1, 2, 3, 14])
def test_note_that_lacks_a_line_is_refused(cut: int) -> None:
    lines = unsigned(Note(COUNTED, "b" * 64, "c" * 64).text().encode()).split("\n")
    del lines[-cut - 1]
    if cut > 1:  # without a signature it has its form, and no valid signature
        with pytest.raises(VolumeFault):
            parse_note("\n".join(lines))
