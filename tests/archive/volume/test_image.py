"""The image of a volume: the same bytes each time, checked by another path, read by other programs."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import FileNotWritten, VolumeFault, VolumeRefused
from archive.volume import image, names
from archive.volume.build import Completed
from archive.volume.names import files_below
from tests.support.volumes import DESCRIPTION, ENTRIES, completed


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a complete volume in `bag` and its image in `image.iso`."""
    folder = tmp_path_factory.mktemp("volume")
    completed(folder / "bag")
    image.write(folder / "bag", folder / "image.iso")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Completed:
    return completed(tmp_path_factory.mktemp("made"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in files_below(folder)}


def test_image_lies_as_it_was_planned(volume: Path, made: Completed) -> None:
    read = (volume / "image.iso").read_bytes()
    assert len(read) == made.image_bytes
    for file in made.all_files:
        assert file.image_offset % image.SECTOR_BYTES == 0
        own = read[file.image_offset : file.image_offset + file.bytes]
        assert own == (volume / "bag" / file.path).read_bytes()


def test_image_has_the_same_bytes_at_another_time_and_in_another_zone(
    volume: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(volume / "bag", tmp_path / "elsewhere")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        patch.setattr(time, "time", lambda: 4e9)
        time.tzset()
        image.write(tmp_path / "elsewhere", tmp_path / "again.iso")
    time.tzset()
    assert (tmp_path / "again.iso").read_bytes() == (volume / "image.iso").read_bytes()


def test_clock_is_frozen_for_the_writer_alone(volume: Path, tmp_path: Path) -> None:
    from pycdlib import dates

    seen = []
    with image._frozen(DESCRIPTION.made_at):
        other = threading.Thread(target=lambda: seen.append(dates.time.time()))
        other.start()
        other.join()
        assert dates.time.time() == DESCRIPTION.made_at
        assert time.time() > DESCRIPTION.made_at + 3600
    assert seen[0] > DESCRIPTION.made_at + 3600


def test_check_reads_every_file_and_gives_the_sum_of_the_whole(volume: Path, made: Completed) -> None:
    checked = image.check(volume / "image.iso", made.all_files)
    digest = subprocess.run(
        ["sha256sum", volume / "image.iso"], capture_output=True, text=True, check=True
    ).stdout[:64]
    assert checked == image.Checked(made.image_bytes, digest)


@given(st.data())
def test_changed_byte_of_any_file_is_found_with_its_name(
    volume: Path, made: Completed, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from([file for file in made.all_files if file.bytes]))
    at = file.image_offset + data.draw(st.integers(0, file.bytes - 1))
    content = bytearray((volume / "image.iso").read_bytes())
    content[at] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path_factory.mktemp("damaged") / "image.iso"
    damaged.write_bytes(content)
    with pytest.raises(VolumeFault) as fault:
        image.check(damaged, made.all_files)
    assert fault.value.place == file.path
    assert ("block 1" in str(fault.value)) == bool(file.number)


def test_first_wrong_block_is_named(tmp_path: Path) -> None:
    made = completed(tmp_path / "bag", count=2_000)
    image.write(tmp_path / "bag", tmp_path / "image.iso")
    entries = next(file for file in made.files if file.path == ENTRIES)
    content = bytearray((tmp_path / "image.iso").read_bytes())
    content[entries.image_offset + 65_536 * 2] ^= 1
    content[entries.image_offset + entries.bytes - 1] ^= 1
    (tmp_path / "image.iso").write_bytes(content)
    with pytest.raises(VolumeFault, match=f"{ENTRIES}: block 3: "):
        image.check(tmp_path / "image.iso", made.all_files)


@pytest.mark.parametrize("cut", [1, 2_048, 200_000])
def test_image_that_is_cut_is_a_fault(volume: Path, made: Completed, tmp_path: Path, cut: int) -> None:
    content = (volume / "image.iso").read_bytes()
    (tmp_path / "cut.iso").write_bytes(content[:-cut])
    last = max(made.all_files, key=lambda file: file.image_offset)
    if cut > made.image_bytes - last.image_offset - last.bytes:
        with pytest.raises(VolumeFault):
            image.check(tmp_path / "cut.iso", made.all_files)
    else:  # only padding is gone: no file, but another sum of the whole
        assert image.check(tmp_path / "cut.iso", made.all_files).bytes == len(content) - cut


def test_file_above_the_largest_is_refused_and_nothing_is_written(volume: Path, tmp_path: Path) -> None:
    with pytest.raises(VolumeRefused, match="a file has at most 1000000000") as refused:
        image.plan({"data/a": 1, "data/b": names.FILE_BYTES_MAX + 1}, "QZ-0007", 0)
    assert refused.value.place == "data/b"
    image.plan({"data/b": names.FILE_BYTES_MAX}, "QZ-0007", 0)
    with pytest.raises(VolumeRefused, match="a file has at most 1000"):
        image.write(volume / "bag", tmp_path / "image.iso", file_bytes_max=1_000)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_named_and_the_image_before_stays(volume: Path, tmp_path: Path) -> None:
    (tmp_path / "image.iso").write_bytes(b"before")
    (tmp_path / "image.iso.new").symlink_to("/dev/full")
    with pytest.raises(FileNotWritten, match="No space left on device"):
        image.write(volume / "bag", tmp_path / "image.iso")
    assert contents(tmp_path) == {"image.iso": b"before"}


def test_names_that_become_the_same_in_iso_letters_stay_apart(tmp_path: Path) -> None:
    for name in ("data/a-b.txt", "data/a_b.txt", "data/a.b/c", "data/a-b/c", "data/a_b/c", "data/noending"):
        (tmp_path / "bag" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bag" / name).write_text(name)
    (tmp_path / "bag" / names.DESCRIPTION).write_text(DESCRIPTION._replace(files=1).text())
    planned = image.write(tmp_path / "bag", tmp_path / "image.iso")
    read = (tmp_path / "image.iso").read_bytes()
    for path, offset in planned.offsets.items():
        own = (tmp_path / "bag" / path).read_bytes()
        assert read[offset : offset + len(own)] == own


@needs("bsdtar")
def test_bsdtar_reads_the_same_files(volume: Path, tmp_path: Path) -> None:
    subprocess.run(["bsdtar", "-xf", volume / "image.iso", "-C", tmp_path], check=True)
    assert contents(tmp_path) == contents(volume / "bag")


@needs("7z")
def test_7z_reads_the_same_files(volume: Path, tmp_path: Path) -> None:
    subprocess.run(["7z", "x", f"-o{tmp_path}", volume / "image.iso"], check=True, capture_output=True)
    assert contents(tmp_path) == contents(volume / "bag")


@needs("isoinfo")
@pytest.mark.parametrize("names_by", ["-J", "-R"])
def test_isoinfo_reads_the_same_files(volume: Path, names_by: str) -> None:
    expected = contents(volume / "bag")
    for path in (ENTRIES, names.MANIFEST, "log/tile/0/000.p/40"):
        command = ["isoinfo", names_by, "-i", str(volume / "image.iso"), "-x", f"/{path}"]
        assert subprocess.run(command, capture_output=True, check=True).stdout == expected[path]


@needs("xorriso")
def test_xorriso_finds_each_file_at_our_place(volume: Path, made: Completed) -> None:
    command = ["xorriso", "-indev", volume / "image.iso", "-find", "/", "-type", "f", "-exec", "report_lba"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    places = re.findall(r"File data lba: +(\d+) , +(\d+) , +\d+ , +(\d+) , '/(.*)'", report)
    expected = {
        (file.path, file.image_offset // 2_048, 0, file.bytes) for file in made.all_files if file.bytes
    }
    assert {
        (path, int(lba), int(part), int(size)) for part, lba, size, path in places if int(size)
    } == expected
