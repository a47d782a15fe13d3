"""A file of lines that is too large is cut at ends of lines, and its parts are the file again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import IntakeRefused
from archive.numbered_files import cut, first_line, in_order, whole_name


@given(
    st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")), min_size=1),
    st.integers(10, 40),
)
def test_the_parts_are_the_file_and_none_is_larger_than_it_may_be(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], most: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path, data = folder / "entries-1.jsonl", b"".join(line + b"\n" for line in lines)
    path.write_bytes(data)
    cut(path, most)
    parts = in_order(folder, "entries-1.jsonl")
    contents = [part.read_bytes() for part in parts]
    assert b"".join(contents) == data
    assert all(0 < len(content) <= most and content.endswith(b"\n") for content in contents)
    before = 0
    for part, content in zip(parts, contents, strict=True):
        assert first_line(part.name) == before + 1
        assert whole_name(part.name) == path.name
        before += content.count(b"\n")
    assert sorted(folder.iterdir()) == parts


def test_a_line_that_fits_into_no_file_is_named_and_the_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "receipts.txt"
    path.write_bytes(b"short\n" * 3 + b"longer than ten\nshort\n")
    with pytest.raises(IntakeRefused, match=r"receipts.txt: line 4 does not fit into a file of 10 bytes"):
        cut(path, 10)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes().startswith(b"short\n")


@pytest.mark.parametrize(
    "name", ["entries-1.jsonl", "01020000.20260930.txt", "dues.p1.csv", "a.p00000001.html", "p00000001.jsonl"]
)
def test_any_other_name_is_that_of_a_whole_file(name: str, tmp_path: Path) -> None:
    assert (whole_name(name), first_line(name)) == (name, 1)
    assert in_order(tmp_path, name) == []
    (tmp_path / name).write_bytes(b"x\n")
    (tmp_path / f"other.{name}").write_bytes(b"x\n")
    assert in_order(tmp_path, name) == [tmp_path / name]
