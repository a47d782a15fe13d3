"""A lost image is made again of the others of its set; what was swapped or damaged is named and not used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import FileNotWritten, VolumeFault, VolumeRefused
from archive.volume import image, parity
from archive.volume.build import complete
from archive.volume.parity import restore, write_parity
from tests.support.volumes import DESCRIPTION, unsigned

contents = st.lists(st.binary(min_size=1, max_size=70), min_size=2, max_size=5)


def images(folder: Path, given_contents: list[bytes]) -> dict[str, Path]:
    paths = {f"QZ-{number:04}": folder / f"{number}.iso" for number in range(1, len(given_contents) + 1)}
    for path, content in zip(paths.values(), given_contents, strict=True):
        path.write_bytes(content)
    return paths


def without(paths: dict[str, Path], lost: str) -> dict[str, Path]:
    return {name: path for name, path in paths.items() if name != lost}


@given(contents, st.integers(1, 80), st.integers(1, 16))
def test_any_one_image_is_restored_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, given_contents: list[bytes], part_bytes: int, chunk_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("set")
    paths = images(folder, given_contents)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "CHUNK_BYTES", chunk_bytes)
        made = write_parity(paths, folder / "parity", part_bytes)
        assert {part.bytes for part in made.parts[:-1]} <= {part_bytes}
        for (name, path), content in zip(paths.items(), given_contents, strict=True):
            checked = restore(without(paths, name), folder / "parity", name, folder / "again.iso")
            assert (folder / "again.iso").read_bytes() == path.read_bytes() == content
            assert checked == image.Checked(len(content), hashlib.sha256(content).hexdigest())


def test_byte_of_the_parity_is_the_xor_of_the_bytes(tmp_path: Path) -> None:
    write_parity(images(tmp_path, [b"\x01\x02\x03", b"\x10", b"\xff\x00\x00\x07"]), tmp_path / "parity")
    assert (tmp_path / "parity/data/parity/part-001.bin").read_bytes() == b"\xee\x02\x03\x07"


@given(contents, st.data())
def test_changed_byte_of_any_image_or_part_is_named_and_nothing_is_made(
    tmp_path_factory: pytest.TempPathFactory, given_contents: list[bytes], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("set")
    paths = images(folder, given_contents)
    write_parity(paths, folder / "parity", 30)
    lost = data.draw(st.sampled_from(sorted(paths)))
    others = without(paths, lost)
    parts = {f"data/parity/{path.name}": path for path in (folder / "parity/data/parity").glob("*.bin")}
    name, path = data.draw(st.sampled_from(sorted({**others, **parts}.items())))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(VolumeFault) as fault:
        restore(others, folder / "parity", lost, folder / "again.iso")
    assert fault.value.place == name
    assert not (folder / "again.iso").exists()


def test_swapped_shorter_or_longer_image_is_named(tmp_path: Path) -> None:
    paths = images(tmp_path, [b"one", b"second", b"third one"])
    write_parity(paths, tmp_path / "parity")
    for content in (b"", b"secon", b"second and more than that", b"third one"):
        paths["QZ-0002"].write_bytes(content)
        with pytest.raises(VolumeFault, match="QZ-0002: this image is not the one of the set"):
            restore(without(paths, "QZ-0001"), tmp_path / "parity", "QZ-0001", tmp_path / "again.iso")
    with pytest.raises(VolumeFault, match="QZ-0002: its image is needed"):
        restore({"QZ-0003": paths["QZ-0003"]}, tmp_path / "parity", "QZ-0001", tmp_path / "again.iso")
    with pytest.raises(VolumeFault, match="QZ-0009 is not of this set"):
        restore(paths, tmp_path / "parity", "QZ-0009", tmp_path / "again.iso")


@pytest.mark.parametrize("path", ["data/parity/set.txt", "data/parity/part-001.bin"])
def test_parity_without_a_file_is_a_fault(tmp_path: Path, path: str) -> None:
    paths = images(tmp_path, [b"one", b"second"])
    write_parity(paths, tmp_path / "parity")
    (tmp_path / "parity" / path).unlink()
    with pytest.raises(VolumeFault, match=path):
        restore(without(paths, "QZ-0001"), tmp_path / "parity", "QZ-0001", tmp_path / "again.iso")


def test_parity_is_a_volume_whose_image_restores_too(tmp_path: Path) -> None:
    paths = images(tmp_path, [bytes(5_000), b"second" * 900])
    write_parity(paths, tmp_path / "parity")
    description = DESCRIPTION._replace(volume="QZ-0003", place="parity of QZ-0001 QZ-0002")
    complete(tmp_path / "parity", description, [], unsigned)
    image.write(tmp_path / "parity", tmp_path / "parity.iso")
    restore(without(paths, "QZ-0002"), tmp_path / "parity.iso", "QZ-0002", tmp_path / "again.iso")
    assert (tmp_path / "again.iso").read_bytes() == b"second" * 900


def test_set_of_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VolumeRefused, match="a set has 2 to"):
        write_parity(images(tmp_path, [b"one"]), tmp_path / "parity")


def test_full_disk_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    paths = images(tmp_path, [b"one", b"second"])
    write_parity(paths, tmp_path / "parity")
    (tmp_path / "again.iso.new").symlink_to("/dev/full")
    with pytest.raises(FileNotWritten, match="No space left on device"):
        restore(without(paths, "QZ-0001"), tmp_path / "parity", "QZ-0001", tmp_path / "again.iso")
    restore(without(paths, "QZ-0001"), tmp_path / "parity", "QZ-0001", tmp_path / "again.iso")
    assert (tmp_path / "again.iso").read_bytes() == b"one"
