"""A staged folder becomes a volume, the same bytes each time, that other people's programs accept."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.errors import FileNotWritten, VolumeRefused
from archive.volume import file_list, names
from archive.volume.build import Completed, complete
from archive.volume.description import parse, parse_note
from archive.volume.index import Hit, IndexRow, Kind, look_up
from archive.volume.names import files_below
from archive.volume.sums import BLOCK_BYTES, sums_of
from tests.support.bag_validator import bag_fault
from tests.support.volumes import DESCRIPTION, ENTRIES, completed, key_of, staged, unsigned


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in files_below(folder)}


def test_volume_is_what_sha256sum_and_bagit_accept(tmp_path: Path) -> None:
    completed(tmp_path)
    command = ["sha256sum", "-c", "--strict", "--quiet", names.MANIFEST, names.TAG_MANIFEST]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert bag_fault(tmp_path) == ""


def test_every_file_is_in_one_manifest_or_signed(tmp_path: Path) -> None:
    made = completed(tmp_path)
    lines = [
        line
        for path in (names.MANIFEST, names.TAG_MANIFEST)
        for line in (tmp_path / path).read_text().splitlines()
    ]
    listed = [line[66:] for line in lines]
    assert sorted(listed) == sorted(set(files_below(tmp_path)) - {names.TAG_MANIFEST, names.NOTE})
    note = parse_note(made.note)
    for path, digest in ((names.MANIFEST, note.manifest), (names.TAG_MANIFEST, note.tag_manifest)):
        assert hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() == digest


def test_description_counts_the_payload(tmp_path: Path) -> None:
    made = completed(tmp_path)
    payload = [content for path, content in contents(tmp_path).items() if path.startswith("data/")]
    assert (made.description.files, made.description.payload) == (len(payload), sum(map(len, payload)))
    assert (
        parse((tmp_path / names.DESCRIPTION).read_text())
        == made.description
        == parse_note(made.note).description
    )


def test_same_staged_folder_gives_the_same_bytes_in_any_order_and_again(tmp_path: Path) -> None:
    one = completed(tmp_path / "one")
    before = contents(tmp_path / "one")
    rows = staged(tmp_path / "two")
    assert complete(tmp_path / "two", DESCRIPTION, reversed(rows), unsigned) == one
    assert contents(tmp_path / "two") == before
    assert complete(tmp_path / "one", DESCRIPTION, rows, unsigned) == one
    assert contents(tmp_path / "one") == before


def test_run_that_was_killed_leaves_nothing_that_gets_onto_the_volume(tmp_path: Path) -> None:
    rows = staged(tmp_path)
    for path in ("volume.note.new", "index/key.idx.new", "index/files.txt.new", "volume.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"half")
    complete(tmp_path, DESCRIPTION, rows, unsigned)
    other = tmp_path / "other"
    completed(other)
    assert contents(other) == {p: c for p, c in contents(tmp_path).items() if not p.startswith("other/")}


def test_list_of_files_numbers_each_and_has_its_sums(tmp_path: Path) -> None:
    made = completed(tmp_path)
    text = (tmp_path / names.FILE_LIST).read_text()
    assert file_list.parse(text) == made.files
    assert [file.number for file in made.files] == list(range(1, len(made.files) + 1))
    blocks = (tmp_path / names.BLOCK_LIST).read_bytes()
    assert len(blocks) == 65 * sum(-(-file.bytes // BLOCK_BYTES) for file in made.files)
    for file in made.files:
        content = (tmp_path / file.path).read_bytes()
        own = sums_of(tmp_path / file.path)
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert own.block_lines in blocks
        assert file.blocks == hashlib.sha256(own.block_lines).hexdigest()


def test_row_is_found_in_the_index_and_leads_to_its_record(tmp_path: Path) -> None:
    made = completed(tmp_path)
    (hit,) = look_up(tmp_path / "index/key.idx", Kind.KEY, key_of(3)).hits
    file = made.files[hit.file - 1]
    assert file.path == ENTRIES
    record = (tmp_path / file.path).read_bytes()[hit.offset : hit.offset + hit.length]
    assert key_of(3).encode() in record
    assert hit == Hit(7, file.number, hit.offset, len(record))


def refused(folder: Path, **changes: object) -> VolumeRefused:
    rows = staged(folder) if not folder.exists() else []
    with pytest.raises(VolumeRefused) as caught:
        complete(folder, DESCRIPTION._replace(**changes), rows, unsigned)  # type: ignore[arg-type]
    return caught.value


def test_what_cannot_be_a_volume_is_refused_by_name(tmp_path: Path) -> None:
    assert refused(tmp_path / "a", volume="QZ-12345").place == names.DESCRIPTION
    (tmp_path / "b" / "data").mkdir(parents=True)
    assert refused(tmp_path / "b").place == "data/"
    (tmp_path / "b" / "data" / ("x" * 40)).write_bytes(b"x")
    assert refused(tmp_path / "b").place == "data/" + "x" * 40


def test_row_for_a_file_that_is_not_staged_is_refused(tmp_path: Path) -> None:
    staged(tmp_path)
    for path in ("data/none", "index/key.idx", names.DESCRIPTION):
        with pytest.raises(VolumeRefused, match="not in the volume"):
            complete(tmp_path, DESCRIPTION, [IndexRow(Kind.KEY, "K", path, 0, 1)], unsigned)


@pytest.mark.parametrize(
    "sign",
    [
        lambda text: text.decode(),
        lambda text: unsigned(text)[:-1],
        lambda text: unsigned(text.replace(b"Z30", b"Z10")),
        lambda text: unsigned(text) + "\u2014 witness AAAA\n",
    ],
)
def test_note_of_another_text_or_length_is_refused(tmp_path: Path, sign: Callable[[bytes], str]) -> None:
    with pytest.raises(VolumeRefused, match="not signed"):
        completed(tmp_path, sign=sign)
    assert not (tmp_path / names.NOTE).exists()


@pytest.mark.parametrize("path", sorted(names.MADE_LAST - {names.BLOCK_LIST}))
def test_full_disk_is_named_and_a_second_run_makes_the_same(tmp_path: Path, path: str) -> None:
    rows = staged(tmp_path / "full")
    made = completed(tmp_path / "good")

    def fill_the_disk(text: bytes) -> str:
        (tmp_path / "full" / f"{path}.new").symlink_to("/dev/full")
        return unsigned(text)

    with pytest.raises(FileNotWritten, match="No space left on device"):
        complete(tmp_path / "full", DESCRIPTION, rows, fill_the_disk)
    assert not (tmp_path / "full" / path).exists()
    again: Completed = complete(tmp_path / "full", DESCRIPTION, rows, unsigned)
    assert again == made
    assert contents(tmp_path / "full") == contents(tmp_path / "good")
