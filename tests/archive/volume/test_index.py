"""An index: what may be a key, what a look-up finds, and an index that lies."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import FileNotWritten, VolumeFault, VolumeRefused
from archive.volume import index
from archive.volume.index import (
    WIDTHS,
    Hit,
    Index,
    IndexRow,
    Kind,
    Place,
    check_index,
    index_path,
    key_fault,
    line_bytes,
    look_up,
    merge,
    write_indexes,
)

PLACES = {"data/a": Place(1, 10_000), "data/b": Place(2, 10_000)}
keys = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=6
) | st.sampled_from(["A", "AA", "AB", "P2017", "P20170", "P" * 24])
rows = st.lists(
    st.builds(
        IndexRow,
        kind=st.just(Kind.POLICY),
        key=keys,
        path=st.sampled_from(["data/a", "data/b"]),
        offset=st.integers(0, 9_000),
        length=st.integers(1, 1_000),
    ),
    max_size=40,
)


def row(
    key: str, offset: int = 0, length: int = 5, path: str = "data/a", kind: Kind = Kind.POLICY
) -> IndexRow:
    return IndexRow(kind, key, path, offset, length)


def built(folder: Path, given_rows: Sequence[IndexRow], volume: int = 7) -> Path:
    write_indexes(folder, volume, given_rows, PLACES)
    return folder / index_path(Kind.POLICY)


def scanned(given_rows: Sequence[IndexRow], key: str, volume: int = 7) -> tuple[Hit, ...]:
    """What a linear scan finds."""
    return tuple(
        sorted(Hit(volume, PLACES[r.path].number, r.offset, r.length) for r in given_rows if r.key == key)
    )


@given(rows, keys)
def test_look_up_equals_a_linear_scan(
    tmp_path_factory: pytest.TempPathFactory, given_rows: list[IndexRow], other: str
) -> None:
    path = built(tmp_path_factory.mktemp("index"), given_rows)
    assert check_index(Kind.POLICY, path) == len(given_rows)
    with Index(Kind.POLICY, path) as opened:
        for key in {other, *(r.key for r in given_rows), *(r.key[:-1] or "~" for r in given_rows)}:
            found = opened.look_up(key)
            assert (found.hits, found.more) == (scanned(given_rows, key), False)


@given(st.integers(0, 12), st.integers(1, 13), st.integers(0, 13))
def test_limit_and_skip_page_through_all_lines_of_a_key(
    tmp_path_factory: pytest.TempPathFactory, count: int, limit: int, skip: int
) -> None:
    given_rows = [row("A"), *(row("B", offset) for offset in range(count)), row("C")]
    path = built(tmp_path_factory.mktemp("index"), given_rows)
    found = look_up(path, Kind.POLICY, "B", limit, skip)
    every = scanned(given_rows, "B")
    assert found.hits == every[skip : skip + limit]
    assert found.more == (len(every) > skip + limit)


def test_line_is_the_one_that_the_format_says(tmp_path: Path) -> None:
    path = built(tmp_path, [row("P20170080000001", 12_34, 56, "data/b")])
    assert path.read_bytes() == b"P20170080000001          0007 00002 000000001234 00000056\n"
    assert line_bytes(Kind.POLICY) == len(path.read_bytes()) == WIDTHS[Kind.POLICY] + 34


def test_each_kind_has_an_index_of_its_own_even_without_lines(tmp_path: Path) -> None:
    built(tmp_path, [row("A", kind=Kind.DUE)])
    assert {kind: (tmp_path / index_path(kind)).stat().st_size for kind in Kind} == {
        kind: 58 if kind is Kind.DUE else 0 for kind in Kind
    }
    assert look_up(tmp_path / index_path(Kind.KEY), Kind.KEY, "A").hits == ()


@pytest.mark.parametrize(
    "key", ["", " ", "A B", "A ", " A", "A\n", "A\x00", "A\x7f", "保单", "é", "P" * 25, "A\t"]
)
def test_key_that_cannot_be_one_is_refused_and_never_found(tmp_path: Path, key: str) -> None:
    with pytest.raises(VolumeRefused) as refused:
        built(tmp_path, [row("A"), row(key)])
    assert refused.value.place == "data/a"
    assert len(key.strip()) < 3 or key not in str(refused.value)
    path = built(tmp_path, [row("A")])
    assert look_up(path, Kind.POLICY, key).hits == ()


@pytest.mark.parametrize("kind", Kind)
def test_key_fills_its_width_and_no_more(kind: Kind) -> None:
    assert key_fault(kind, "x" * WIDTHS[kind]) == ""
    assert "at most" in key_fault(kind, "x" * (WIDTHS[kind] + 1))


@pytest.mark.parametrize(
    ("bad", "wording"),
    [
        (row("A", path="data/c"), "not in the volume"),
        (row("A", offset=9_999, length=2), "does not lie within it"),
        (row("A", offset=-1), "does not lie within it"),
        (row("A", length=0), "does not lie within it"),
    ],
)
def test_row_that_points_nowhere_is_refused(tmp_path: Path, bad: IndexRow, wording: str) -> None:
    with pytest.raises(VolumeRefused, match=wording):
        built(tmp_path, [bad])


def test_sorting_in_runs_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_rows = [row(f"P{n * 7919 % 101:03}", n) for n in range(300)]
    whole = built(tmp_path / "whole", given_rows).read_bytes()
    monkeypatch.setattr(index, "RUN_LINES", 10)
    monkeypatch.setattr(index, "RUNS_MAX", 3)
    assert built(tmp_path / "runs", given_rows).read_bytes() == whole
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["index"]


@given(st.lists(rows, min_size=1, max_size=4), keys)
def test_merged_index_finds_what_each_of_them_has(
    tmp_path_factory: pytest.TempPathFactory, volumes: list[list[IndexRow]], other: str
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    paths = [built(folder / str(number), each, number) for number, each in enumerate(volumes, start=1)]
    merge(Kind.POLICY, paths, folder / "merged.idx")
    assert check_index(Kind.POLICY, folder / "merged.idx") == sum(map(len, volumes))
    for key in {other, *(r.key for each in volumes for r in each)}:
        hits = look_up(folder / "merged.idx", Kind.POLICY, key).hits
        expected = (scanned(each, key, number) for number, each in enumerate(volumes, start=1))
        assert hits == tuple(hit for each in expected for hit in each)


LIES = {
    "a byte less": lambda text: text[:-1],
    "a byte more": lambda text: text + b" ",
    "two lines swapped": lambda text: text[58:116] + text[:58] + text[116:],
    "a letter in a number": lambda text: text[: 58 * 3 - 2] + b"x\n" + text[58 * 3 :],
    "no blank behind the key": lambda text: text[:24] + b"0" + text[25:],
    "a blank within the key": lambda text: text[:1] + b" " + text[2:],
    "a key that is not ASCII": lambda text: b"\xff" + text[1:],
    "CRLF": lambda text: text.replace(b"\n", b"\r"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_index_that_lies_is_named_with_its_file_and_never_merged(
    tmp_path: Path, lie: Callable[[bytes], bytes]
) -> None:
    path = built(tmp_path, [row("AAA"), row("BBB"), row("CCC")])
    path.write_bytes(lie(path.read_bytes()))
    with pytest.raises(VolumeFault) as fault:
        check_index(Kind.POLICY, path)
    assert fault.value.place == str(path)
    with pytest.raises(VolumeFault):
        merge(Kind.POLICY, [path], tmp_path / "merged.idx")
    assert not (tmp_path / "merged.idx").exists()


@given(st.lists(st.sampled_from("ABCDEFGH"), min_size=2, max_size=12), st.sampled_from("ABCDEFGH"))
def test_look_up_in_an_unsorted_index_misses_only_with_a_fault(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], wanted: str
) -> None:
    """Around the hit: whatever a look-up gives is whole, unless a line it has to look at is out of order."""
    path = tmp_path_factory.mktemp("index") / "policy.idx"
    path.write_bytes(
        b"".join(b"%-24s 0007 00001 %012d 00000005\n" % (k.encode(), n) for n, k in enumerate(order))
    )
    try:
        hits = look_up(path, Kind.POLICY, wanted).hits
    except VolumeFault:
        assert order != sorted(order)
        return
    every = tuple(Hit(7, 1, n, 5) for n, key in enumerate(order) if key == wanted)
    assert hits == every or order != sorted(order)
    assert set(hits) <= set(every)


@pytest.mark.parametrize("size", [1, 57, 59, 115])
def test_index_of_half_a_line_is_not_searched(tmp_path: Path, size: int) -> None:
    path = built(tmp_path, [row("A"), row("B"), row("C")])
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(VolumeFault, match=f"{size} bytes are not whole lines of 58 bytes"):
        look_up(path, Kind.POLICY, "A")


def test_index_that_became_shorter_while_open_is_a_fault(tmp_path: Path) -> None:
    path = built(tmp_path, [row("A", n) for n in range(9)])
    with Index(Kind.POLICY, path) as opened:
        path.write_bytes(b"")
        with pytest.raises(VolumeFault, match="shorter"):
            opened.look_up("A")


@pytest.mark.skipif(shutil.which("look") is None, reason="look (bsdextrautils) is not installed")
def test_look_finds_the_same_lines(tmp_path: Path) -> None:
    given_rows = [row(f"P{n % 5}", n) for n in range(40)] + [row("P10", 1), row("P", 2), row("p1", 3)]
    path = built(tmp_path, given_rows)
    for key in ("P1", "P10", "P", "p1", "P9"):
        command = ["look", f"{key} ", str(path)]
        found = subprocess.run(command, capture_output=True, env={"LC_ALL": "C"}, check=False).stdout
        hits = tuple(Hit(*map(int, line[24:].split())) for line in found.splitlines())
        assert hits == look_up(path, Kind.POLICY, key).hits == scanned(given_rows, key)


def test_full_disk_is_named_and_the_index_before_stays(tmp_path: Path) -> None:
    path = built(tmp_path, [row("A")])
    before = path.read_bytes()
    path.with_name(f"{path.name}.new").symlink_to("/dev/full")
    with pytest.raises(FileNotWritten, match="No space left on device"):
        built(tmp_path, [row("B")])
    assert path.read_bytes() == before
    assert not path.with_name(f"{path.name}.new").is_symlink()


@pytest.mark.parametrize(
    ("order", "wanted", "line"),
    [
        ([("B", 1), ("A", 1)], "A", 1),
        ([("B", 1), ("B", 2), ("A", 3)], "B", 3),
        ([("A", 2), ("A", 1)], "A", 2),
    ],
)
def test_disorder_around_the_hit_is_named_with_its_line(
    tmp_path: Path, order: list[tuple[str, int]], wanted: str, line: int
) -> None:
    path = tmp_path / "policy.idx"
    path.write_text("".join(f"{key:24} 0007 00001 {offset:012} 00000005\n" for key, offset in order))
    with pytest.raises(VolumeFault, match=f"line {line}: not in order"):
        look_up(path, Kind.POLICY, wanted)


def test_full_disk_while_sorting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**given: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(index, "RUN_LINES", 2)
    monkeypatch.setattr(index, "TemporaryFile", full)
    with pytest.raises(FileNotWritten, match="No space left on device"):
        built(tmp_path, [row("A", n) for n in range(5)])
    assert [path.name for path in (tmp_path / "index").iterdir()] == []
