"""The program that every volume carries: it needs Python alone, and finds any byte that is changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import LogFault, VolumeFault
from archive.log.note import check_note, parse_note, public_half
from archive.volume import description, names
from archive.volume.carried import verify
from archive.volume.names import files_below
from tests.support.volumes import LOG, PUBLIC_KEY, SEED, SealedVolume, key_of, policy_of, sealed_volume, sign

pytestmark = pytest.mark.slow

NOT_OF_THE_TILES = "log: log/checkpoint: is not of volume.txt and the tiles, signed by a known key"
ALL_WELL = ["ok sums", "ok note", "ok chains", "ok log", *(f"ok index {kind}" for kind in verify.WIDTHS)]


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two volumes, the second of which goes on from the first; together the log has more than one tile."""
    folder = tmp_path_factory.mktemp("volumes")
    first = sealed_volume(folder / "first", folder / "log", count=270)
    sealed_volume(folder / "second", folder / "log", first, count=30)
    return folder / "first", folder / "second"


@pytest.fixture
def copy(volumes: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(volumes[1], tmp_path / "copy"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str]]:
    code = verify.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out.splitlines()


def wrong(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    """The checks that say that something is wrong, without the first word."""
    code, lines = run(capsys, *arguments)
    assert code == 1
    return [line.removeprefix("WRONG ") for line in lines if line.startswith("WRONG ")]


def test_good_volumes_pass(volumes: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, volumes[0]) == (0, ALL_WELL)
    assert run(capsys, volumes[1], "--previous", volumes[0], "--key", PUBLIC_KEY) == (0, ALL_WELL)


def test_it_runs_with_python_alone_in_an_empty_environment(
    volumes: tuple[Path, Path], tmp_path: Path
) -> None:
    command = [sys.executable, "-I", "-W", "error", str(volumes[1] / "tools" / "verify.py")]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, ALL_WELL, "")
    assert not list(volumes[1].rglob("__pycache__"))


def test_it_is_short_enough_to_be_read() -> None:
    assert len(Path(verify.__file__).read_text(encoding="utf-8").splitlines()) <= 250


@settings(max_examples=15)
@given(st.data())
def test_any_changed_byte_is_found_and_by_sha256sum_or_the_note_too(
    volumes: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(volumes[1], folder, dirs_exist_ok=True)
    path = folder / data.draw(
        st.sampled_from([p for p in files_below(folder) if (folder / p).stat().st_size])
    )
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    keys = {PUBLIC_KEY}
    assert any(faults := [*first(verify.check_sums(folder)), *first(verify.check_note(folder, keys))]), faults
    command = ["sha256sum", "-c", "--strict", "--quiet", names.MANIFEST, names.TAG_MANIFEST]
    summed = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert summed.returncode or not is_noted(folder)
    shutil.rmtree(folder)


def first(faults: object) -> list[str]:
    try:
        return [fault for fault in (next(faults, ""),) if fault]  # type: ignore[call-overload]
    except (ValueError, LookupError) as error:
        return [str(error)]


def is_noted(folder: Path) -> bool:
    """Whether the note is signed and is that of the manifests: by other code than the program's."""
    try:
        check_note(parse_note((folder / names.NOTE).read_bytes()), [public_half(LOG, SEED)])
        note = description.parse_note((folder / names.NOTE).read_text(encoding="utf-8"))
    except (LogFault, VolumeFault):
        return False
    sums = [
        hashlib.sha256((folder / path).read_bytes()).hexdigest()
        for path in (names.MANIFEST, names.TAG_MANIFEST)
    ]
    return [note.manifest, note.tag_manifest] == sums


def test_missing_and_added_files_are_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "README.txt").unlink()
    assert wrong(capsys, copy) == ["sums: README.txt: is missing"]
    shutil.copy(copy / "FORMAT.txt", copy / "README.txt")
    assert wrong(capsys, copy) == ["sums: README.txt: its bytes are not those of its sum"]
    (copy / "README.txt").unlink()
    (copy / "data" / "more").write_bytes(b"")
    assert wrong(capsys, copy) == ["sums: README.txt: is missing"]


def resealed(folder: Path, volume: SealedVolume | None = None) -> None:
    """Make the sums and the note anew over what was changed, as a thief with the archive's key could."""
    for path, is_own in ((names.MANIFEST, True), (names.TAG_MANIFEST, False)):
        paths = [p for p in files_below(folder) if p.startswith("data/") is is_own]
        paths = [p for p in paths if p not in (names.TAG_MANIFEST, names.NOTE)]
        lines = (f"{hashlib.sha256((folder / p).read_bytes()).hexdigest()}  {p}\n" for p in paths)
        (folder / path).write_text("".join(lines))
    note = description.parse_note((folder / names.NOTE).read_text())
    sums = [
        hashlib.sha256((folder / path).read_bytes()).hexdigest()
        for path in (names.MANIFEST, names.TAG_MANIFEST)
    ]
    text = description.Note(note.description, *sums).text()
    (folder / names.NOTE).write_text(sign(text.encode()))


def edit(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def test_changed_entry_breaks_the_chain_even_where_the_sums_were_made_anew(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = copy / "data/20260902/entries-1.jsonl"
    edit(entries, "保户275".encode(), "保户999".encode())
    resealed(copy)
    assert wrong(capsys, copy) == [
        "chains: data/20260902/entries-1.jsonl: line 6: does not follow the one before"
    ]


def test_last_entry_is_held_by_the_seal_and_the_seal_by_its_signature(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = "chains: data/20260902/seal.json: its signature, root or an end of a chain is wrong"
    edit(copy / "data/20260902/entries-1.jsonl", "保户300".encode(), "保户999".encode())
    resealed(copy)
    assert wrong(capsys, copy) == [fault]
    seal = json.loads((copy / "data/20260902/seal.json").read_text())
    line = (copy / "data/20260902/entries-1.jsonl").read_bytes().splitlines()[-1]
    seal["ends"][0][2] = hashlib.sha256(line).hexdigest()
    content = [seal[name] for name in ("date", "next_date", "closed_at", "ends")]
    seal["root"] = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
    (copy / "data/20260902/seal.json").write_text(json.dumps(seal))
    resealed(copy)
    assert wrong(capsys, copy) == [fault]


def test_first_entry_must_follow_the_volume_before(
    volumes: tuple[Path, Path], copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = sealed_volume(tmp_path / "other", tmp_path / "log", count=20)
    assert other.leaves == 20
    faults = wrong(capsys, copy, "--previous", tmp_path / "other")
    assert faults == [
        "chains: data/20260902/entries-1.jsonl: line 1: does not follow the one before",
        "log: log/checkpoint: the volume does not go on from the one before",
    ]


def test_tile_and_checkpoint_must_fit(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tile = copy / "log/tile/0/001.p/44"
    content = bytearray(tile.read_bytes())
    content[-1] ^= 1
    tile.write_bytes(content)
    resealed(copy)
    assert wrong(capsys, copy) == [
        "log: log/checkpoint: is not of volume.txt and the tiles, signed by a known key"
    ]


def test_full_tile_must_be_of_the_tile_above(
    volumes: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(volumes[0], tmp_path / "copy"))
    tile = copy / "log/tile/0/000"
    content = bytearray(tile.read_bytes())
    content[0] ^= 1
    tile.write_bytes(content)
    resealed(copy)
    assert wrong(capsys, copy) == ["log: log/tile/0/000: is not what the tile above it says"]


INDEX_LIES = {
    "unsorted": (lambda lines: [lines[1], lines[0], *lines[2:]], "line 2: not of its form, or not in order"),
    "another record": (
        lambda lines: [lines[0][:48] + lines[1][48:], *lines[1:]],
        "line 1: leads to no record of its key",
    ),
    "no such file": (
        lambda lines: [lines[0][:54] + b"99999" + lines[0][59:], *lines[1:]],
        "line 1: leads to no record of its key",
    ),
    "behind the end": (
        lambda lines: [lines[0][:60] + b"000009999999" + lines[0][72:], *lines[1:]],
        "line 1: leads to no record of its key",
    ),
    "half a line": (lambda lines: [*lines[:-1], lines[-1][:-5]], "line 30: not of its form, or not in order"),
}


@pytest.mark.parametrize("lie", INDEX_LIES)
def test_index_that_lies_is_named(copy: Path, capsys: pytest.CaptureFixture[str], lie: str) -> None:
    change, fault = INDEX_LIES[lie]
    path = copy / "index/key.idx"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    resealed(copy)
    assert wrong(capsys, copy) == [f"index key: index/key.idx: {fault}"]


def test_another_key_than_the_archive_s_is_refused(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = public_half(LOG, bytes(32)).public.hex()
    notes = [
        "note: volume.note: is not of volume.txt and the manifests, signed by a known key",
        NOT_OF_THE_TILES,
    ]
    assert wrong(capsys, copy, "--key", other) == notes
    (copy / "keys/public-keys.txt").write_text("")
    assert wrong(capsys, copy)[1:] == notes


def test_signature_has_one_spelling(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last letter of its base64 has two bits that say nothing: another letter is another byte."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    note = (copy / names.NOTE).read_text(encoding="utf-8")
    last = note[-3]
    other = letters[letters.index(last) ^ 1]
    (copy / names.NOTE).write_text(f"{note[:-3]}{other}=\n", encoding="utf-8")
    assert wrong(capsys, copy) == [
        "note: volume.note: is not of volume.txt and the manifests, signed by a known key"
    ]
    assert not is_noted(copy)


def test_find_shows_the_records_of_a_key(
    volumes: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = run(capsys, volumes[1], "--find", "key", key_of(280))
    assert code == 0
    assert [key_of(280) in line and line.startswith("data/20260902/entries-1.jsonl ") for line in lines] == [
        True
    ]
    code, lines = run(capsys, volumes[1], "--find", "policy", policy_of(280))
    assert (code, len(lines)) == (0, sum(policy_of(p) == policy_of(280) for p in range(271, 301)))
    assert run(capsys, volumes[1], "--find", "policy", "P2017") == (0, [])
    assert wrong(capsys, volumes[1], "--find", "card", "1") == ["find: cannot be checked: 'card'"]


def test_what_is_no_volume_is_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert all(": cannot be checked: " in line for line in wrong(capsys, tmp_path))


@settings(max_examples=5)
@given(st.binary(max_size=80), st.binary(min_size=32, max_size=32), st.integers(0, 511))
def test_its_ed25519_agrees_with_openssl_s(message: bytes, seed: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify.ed25519(public, message, signature)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verify.ed25519(public, message, bytes(changed))
    assert not verify.ed25519(public, message + b"x", signature)
    assert not verify.ed25519(b"", message, signature)
