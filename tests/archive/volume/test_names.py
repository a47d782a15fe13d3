"""Names on a volume: what any system can read, and what ISO 9660 makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import VolumeRefused
from archive.volume.names import NAME_MAX, check_names, document_name, files_below, iso_name

letters = st.text(st.sampled_from("aAbB.-_19"), min_size=1, max_size=NAME_MAX)


@pytest.mark.parametrize(
    "path",
    [
        "data/" + "x" * 32,
        "data/.hidden",
        "data/保单.pdf",
        "a b",
        "a//b",
        "/a",
        "a/",
        "a\n",
        "a:b",
        "..",
        "data/读我.txt",
    ],
)
def test_name_that_not_every_system_reads_is_refused(path: str) -> None:
    with pytest.raises(VolumeRefused) as refused:
        check_names(["data/good.txt", path])
    assert refused.value.place == path


def test_chinese_readme_is_the_one_exception() -> None:
    check_names(["读我.txt", "log/tile/0/x001/067.p/12", "data/" + "x" * 31])


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("data/x", "DATA/y"), ("d/b.TXT", "d/B.txt")])
def test_names_that_differ_in_case_only_are_refused(one: str, other: str) -> None:
    with pytest.raises(VolumeRefused, match="only in its case"):
        check_names([one, other])


@given(st.lists(letters, min_size=1, max_size=12), st.booleans())
def test_iso_name_is_unique_short_and_of_its_letters(parts: list[str], folder: bool) -> None:
    taken: set[str] = set()
    for part in parts:
        name = iso_name(part, taken, folder=folder)
        assert name not in taken
        assert len(name.removesuffix(";1")) <= NAME_MAX
        assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_" + ("" if folder else ".;"))
        taken.add(name)


def test_document_has_a_name_that_fits() -> None:
    check_names([f"data/20260901/documents/{document_name('a' * 64, 'json')}"])


def test_link_is_no_file_of_a_volume(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b").write_bytes(b"")
    (tmp_path / "a").write_bytes(b"")
    assert files_below(tmp_path) == ("a", "data/b")
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(VolumeRefused, match="neither a file nor a folder"):
        files_below(tmp_path)
