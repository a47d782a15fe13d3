"""A record is read from a folder or an image, and given out only where every byte of it is proved."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import VolumeFault
from archive.volume import image, names
from archive.volume.build import Completed, complete
from archive.volume.file_list import first_block
from archive.volume.index import Hit, Kind, index_path, look_up
from archive.volume.medium import opened
from archive.volume.names import files_below
from archive.volume.reader import is_of, open_volume, read, read_note
from archive.volume.sums import BLOCK_BYTES, blocks_in
from tests.support.volumes import DESCRIPTION, ENTRIES, completed, key_of, policy_of, staged, unsigned

COUNT = 1_500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("volume")


@pytest.fixture(scope="module")
def made(folder: Path) -> Completed:
    made = completed(folder / "bag", COUNT)
    image.write(folder / "bag", folder / "image.iso")
    return made


@pytest.fixture(params=["bag", "image.iso"])
def place(request: pytest.FixtureRequest, folder: Path, made: Completed) -> Path:
    return folder / request.param


def test_medium_has_the_files_of_the_volume(place: Path, folder: Path) -> None:
    with opened(place) as medium:
        sizes = {path: (folder / "bag" / path).stat().st_size for path in files_below(folder / "bag")}
        assert medium.sizes() == sizes
        for path in ("读我.txt", "data", "data/none", "log/tile/0", "data/20260901/entries-1.jsonl/x"):
            if path not in sizes:
                with pytest.raises(VolumeFault):
                    medium.read(path, 0, 1)


def test_image_says_where_each_file_lies_as_we_do(folder: Path, made: Completed) -> None:
    with opened(folder / "image.iso") as medium:
        for file in made.all_files:
            extent = medium.extent(file.path)  # type: ignore[attr-defined]
            assert extent.bytes == file.bytes
            assert extent.offset == file.image_offset or not file.bytes


@pytest.mark.parametrize("position", [1, 2, 740, COUNT])
def test_record_that_the_index_leads_to_is_read(
    place: Path, folder: Path, made: Completed, position: int
) -> None:
    with open_volume(place, made.note) as volume:
        for kind, key in ((Kind.KEY, key_of(position)), (Kind.POLICY, policy_of(position))):
            hits = look_up(folder / "bag" / index_path(kind), kind, key).hits
            records = [volume.record(kind, key, hit) for hit in hits]
            assert any(f'"{key_of(position)}"'.encode() in record for record in records)
            assert all(key.encode() in record for record in records)


@given(st.integers(0, 3 * BLOCK_BYTES), st.integers(1, 3 * BLOCK_BYTES))
def test_any_stretch_within_a_file_is_read_and_none_beyond(
    folder: Path, made: Completed, offset: int, length: int
) -> None:
    file = next(file for file in made.files if file.path == ENTRIES)
    hit = Hit(7, file.number, offset, length)
    expected = (folder / "bag" / ENTRIES).read_bytes()[offset : offset + length]
    if offset + length > file.bytes:
        with pytest.raises(VolumeFault, match="does not lie within it"):
            read(folder / "image.iso", made.note, hit)
    else:
        assert read(folder / "image.iso", made.note, hit) == expected


@given(st.data())
def test_wrong_byte_is_found_before_anything_is_given_out(
    folder: Path, made: Completed, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any byte of what proves a record, or of its block: the record is right, or nothing is given."""
    entries = next(file for file in made.files if file.path == ENTRIES)
    hit = Hit(7, entries.number, 100, 90)
    lines_at = 65 * first_block(made.files, entries.number)
    proving = {
        ENTRIES: (0, BLOCK_BYTES),
        names.NOTE: (0, None),
        names.TAG_MANIFEST: (0, None),
        names.FILE_LIST: (0, None),
        names.BLOCK_LIST: (lines_at, lines_at + 65 * blocks_in(entries.bytes)),  # those of the file
    }
    path = data.draw(st.sampled_from(sorted(proving)))
    file = next(each for each in made.all_files if each.path == path)
    first, last = proving[path][0], proving[path][1] or file.bytes
    content = bytearray((folder / "image.iso").read_bytes())
    content[file.image_offset + data.draw(st.integers(first, last - 1))] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path_factory.mktemp("damaged") / "image.iso"
    damaged.write_bytes(content)
    with pytest.raises(VolumeFault) as fault:
        read(damaged, made.note, hit)
    assert fault.value.place == path


def test_damage_elsewhere_keeps_no_record_from_being_read(
    folder: Path, made: Completed, tmp_path: Path
) -> None:
    entries = next(file for file in made.files if file.path == ENTRIES)
    content = bytearray((folder / "image.iso").read_bytes())
    content[entries.image_offset + BLOCK_BYTES] ^= 1
    (tmp_path / "image.iso").write_bytes(content)
    assert len(read(tmp_path / "image.iso", made.note, Hit(7, entries.number, 0, 90))) == 90


def test_another_volume_is_named(place: Path, made: Completed, tmp_path: Path) -> None:
    rows = staged(tmp_path / "other")
    other = complete(tmp_path / "other", DESCRIPTION._replace(volume="QZ-0008"), rows, unsigned)
    with pytest.raises(VolumeFault, match="this is QZ-0007, and not QZ-0008"), open_volume(place, other.note):
        pass
    older = complete(tmp_path / "other", DESCRIPTION._replace(entries=39), rows, unsigned)
    with pytest.raises(VolumeFault, match="another edition of QZ-0007"), open_volume(place, older.note):
        pass
    assert read_note(place) == made.note


@pytest.mark.parametrize(
    ("hit", "wording"),
    [
        (Hit(8, 1, 0, 1), "another volume"),
        (Hit(7, 0, 0, 1), "has no file 0"),
        (Hit(7, 99, 0, 1), "has no file 99"),
        (Hit(7, 1, 10**12 - 1, 1), "does not lie within it"),
    ],
)
def test_hit_that_leads_nowhere_is_a_fault(place: Path, made: Completed, hit: Hit, wording: str) -> None:
    with pytest.raises(VolumeFault, match=wording):
        read(place, made.note, hit)


def test_index_that_leads_to_another_key_s_record_is_a_fault(
    place: Path, folder: Path, made: Completed
) -> None:
    path = folder / "bag" / index_path(Kind.KEY)
    (wrong,) = look_up(path, Kind.KEY, key_of(2)).hits
    with open_volume(place, made.note) as volume, pytest.raises(VolumeFault, match="another key's record"):
        volume.record(Kind.KEY, key_of(1), wrong)


@pytest.mark.parametrize(
    ("kind", "key", "path", "record", "expected"),
    [
        (Kind.POLICY, "P1", "data/x", b'["P1"]', True),
        (Kind.POLICY, "P1", "data/x", b'["P10"]', False),
        (Kind.POLICY, "P1", "data/x", b'["AP1"]', False),
        (Kind.POLICY, "P1", "data/x", b"QZ1|P1|2", True),
        (Kind.POLICY, "P1", "sealed/x", b"{}", True),
        (Kind.PERSON, "a" * 16, "sealed/x", b"{}", False),
        (Kind.KEY, "I|T_1|2", "data/x", b'["I|T 1|2"]', True),
        (Kind.DUE, "T_1", "data/x", b'["T 1"]', False),
    ],
)
def test_record_is_a_key_s_only_where_the_key_stands_in_it(
    kind: Kind, key: str, path: str, record: bytes, expected: bool
) -> None:
    assert is_of(kind, key, path, record) is expected


@pytest.mark.parametrize(
    "content", [b"", b"x" * 100, bytes(40_000), b"\0" * 32_768 + b"\x02CD001" + b"\xff" * 4_000]
)
def test_what_is_no_image_is_a_fault(tmp_path: Path, made: Completed, content: bytes) -> None:
    (tmp_path / "image.iso").write_bytes(content)
    with pytest.raises(VolumeFault):
        read(tmp_path / "image.iso", made.note, Hit(7, 1, 0, 1))
    with pytest.raises(VolumeFault, match="No such file"):
        read(tmp_path / "none", made.note, Hit(7, 1, 0, 1))


@given(st.data())
def test_damaged_folders_of_an_image_are_a_fault_and_no_other_error(
    folder: Path, made: Completed, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    first = min(file.image_offset for file in made.all_files if file.bytes)
    content = bytearray((folder / "image.iso").read_bytes()[: first + 4_096])
    for _ in range(20):
        content[data.draw(st.integers(17 * 2_048, first - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path_factory.mktemp("damaged") / "image.iso"
    damaged.write_bytes(content)
    try:
        with opened(damaged) as medium:
            medium.sizes()
            medium.read(names.NOTE, 0, 10)
    except VolumeFault:
        pass
    assert hashlib.sha256(damaged.read_bytes()).digest() == hashlib.sha256(content).digest()
