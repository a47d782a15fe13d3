"""The sources on a volume are those that run, as a tar of the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

from archive.volume import names
from archive.volume.build import complete
from archive.volume.carried import SOURCES
from archive.volume.sources import PACKAGES, sources
from tests.support.python_sources import ROOT
from tests.support.volumes import DESCRIPTION, staged, unsigned


def test_tar_has_each_file_of_the_packages_and_says_nothing_of_this_machine() -> None:
    with tarfile.open(fileobj=io.BytesIO(sources())) as tar:
        members = tar.getmembers()
        read = {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    on_disk = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    expected = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in on_disk}
    assert read == {path: content for path, content in expected.items() if "__pycache__" not in path}
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
    sources.cache_clear()
    assert sources() == sources.__wrapped__()


def test_volume_carries_the_sources_and_names_their_sum(tmp_path: Path) -> None:
    tar = b"sources"
    made = complete(tmp_path, DESCRIPTION, staged(tmp_path), unsigned, tar)
    assert made.description.sources == hashlib.sha256(tar).hexdigest()
    assert (tmp_path / SOURCES).read_bytes() == tar
    assert f"(sources sha256 {made.description.sources})" in (tmp_path / names.DESCRIPTION).read_text()
