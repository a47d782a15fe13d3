"""The keystore: opened by its master key alone, refused when a byte differs, never half written."""

from __future__ import annotations

import json
import os
import re
import threading
import traceback
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fep.keys.keys import FRONT, SEAL, Key, KeyFileError, KeyKind, checked, generated, zmk_name
from fep.keys.keystore import Keystore, KeystoreError, MasterKey, read_source
from ledger.rules.secret import Secret

MASTER = MasterKey(Secret(bytes(range(2, 34))))
OTHER_MASTER = MasterKey(Secret(bytes(range(3, 35))))
ZMK = zmk_name("01020000")
PLAIN = {
    FRONT: (KeyKind.BLAKE2B, bytes(range(32))),
    SEAL: (KeyKind.ED25519, bytes(range(1, 33))),
    ZMK: (KeyKind.AES, bytes(range(40, 72))),
}


def good_keys() -> dict[str, Key]:
    return {name: checked(kind, Secret(data)) for name, (kind, data) in PLAIN.items()}


def aes() -> Key:
    return generated(KeyKind.AES, 16, os.urandom)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Keystore.create(tmp_path / "keystore", MASTER, good_keys(), os.urandom)
    return tmp_path / "keystore"


def secrets_in(data: bytes) -> list[str]:
    """Which keys, the master key among them, can be found in the bytes: raw, hex, base64."""
    known = {**{name: key for name, (_, key) in PLAIN.items()}, "master": MASTER.secret.reveal()}
    return [
        name
        for name, key in known.items()
        if any(
            form in data or form.upper() in data
            for form in (key, key[:8], key.hex().encode(), b64encode(key))
        )
    ]


def test_what_was_put_in_comes_out_under_its_name(path: Path) -> None:
    opened = Keystore(path, MASTER)
    assert {name: opened[name] for name in opened} == good_keys()
    assert list(opened) == [FRONT, SEAL, ZMK]


def test_no_key_and_no_name_of_one_is_in_the_file(path: Path) -> None:
    data = path.read_bytes()
    assert secrets_in(data) == []
    assert [
        name for name in (FRONT, SEAL, ZMK, "01020000") if name.encode() in data.partition(b"\n")[2]
    ] == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_flipped_bit_in_any_byte_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with pytest.raises(KeystoreError):
            Keystore(path, MASTER)


def test_any_cut_or_added_byte_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for other in (*(data[:length] for length in range(len(data))), data + b"\0", b"\n" + data, data * 2):
        path.write_bytes(other)
        with pytest.raises(KeystoreError):
            Keystore(path, MASTER)


def test_the_file_is_what_the_documentation_says(path: Path) -> None:
    """Read without our code: a line of JSON that is associated data, 12 bytes of nonce, AES-256-GCM."""
    line, _, rest = path.read_bytes().partition(b"\n")
    clear = AESGCM(MASTER.secret.reveal()).decrypt(rest[:12], rest[12:], line + b"\n")
    assert {name: bytes.fromhex(entry["key"]) for name, entry in json.loads(clear).items()} == {
        name: key for name, (_, key) in PLAIN.items()
    }
    assert json.loads(line) == {
        "format": "qianzhi-keystore",
        "version": 1,
        "cipher": "AES-256-GCM",
        "master_key": MASTER.check_value,
    }


def test_the_line_of_one_keystore_does_not_go_with_the_rest_of_another(path: Path) -> None:
    sealed = path.read_bytes()
    Keystore(path, MASTER).rewrap(OTHER_MASTER, os.urandom)
    line = path.read_bytes().partition(b"\n")[0]
    path.write_bytes(line + b"\n" + sealed.partition(b"\n")[2])
    with pytest.raises(KeystoreError, match="altered"):
        Keystore(path, OTHER_MASTER)


def report_of(error: BaseException) -> str:
    """All that a traceback can show, with what the keystore's own frames hold in their variables."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in report.stack if frame.filename.endswith("fep/keys/keystore.py")]
    assert ours
    return "".join(value for frame in ours for value in (frame.locals or {}).values()) + "".join(
        traceback.format_exception(error)
    )


def test_another_master_key_is_named_by_its_check_value_and_not_shown(path: Path) -> None:
    with pytest.raises(KeystoreError) as caught:
        Keystore(path, OTHER_MASTER)
    both = f"check value {MASTER.check_value}; the one given has {OTHER_MASTER.check_value}"
    assert both in str(caught.value)
    masters = [master.secret.reveal() for master in (MASTER, OTHER_MASTER)]
    assert [master for master in masters if master.hex() in report_of(caught.value)] == []
    assert [master for master in masters if repr(master) in report_of(caught.value)] == []


def test_an_altered_keystore_shows_no_key(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(KeystoreError, match="altered") as caught:
        Keystore(path, MASTER)
    known = [MASTER.secret.reveal(), *(key for _, key in PLAIN.values())]
    assert [secret for secret in known if secret.hex() in report_of(caught.value)] == []
    assert [secret for secret in known if repr(secret) in report_of(caught.value)] == []


def test_a_later_version_is_named(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
    with pytest.raises(KeystoreError, match="version 2; this program reads version 1"):
        Keystore(path, MASTER)


def test_a_keystore_that_others_can_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Keystore(path, MASTER)


def test_a_key_is_replaced_only_when_that_is_said(path: Path) -> None:
    store, key = Keystore(path, MASTER), aes()
    before = path.read_bytes()
    with pytest.raises(KeystoreError, match="there is a key zmk/01020000 already"):
        store.put(ZMK, key, os.urandom)
    assert path.read_bytes() == before
    store.put(ZMK, key, os.urandom, replace=True)
    assert Keystore(path, MASTER)[ZMK] == store[ZMK] == key


def test_a_keystore_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeystoreError, match="never overwritten"):
        Keystore.create(path, OTHER_MASTER, {}, os.urandom)
    assert path.read_bytes() == before


def test_a_removed_key_is_gone_and_a_missing_one_is_named(path: Path) -> None:
    store = Keystore(path, MASTER)
    store.remove(ZMK, os.urandom)
    assert list(Keystore(path, MASTER)) == [FRONT, SEAL]
    for ask in (lambda: store[ZMK], lambda: store.remove(ZMK, os.urandom)):
        with pytest.raises(KeystoreError, match="no key zmk/01020000"):
            ask()


def test_rewrapped_keys_are_the_same_and_the_former_master_key_opens_nothing(path: Path) -> None:
    Keystore(path, MASTER).rewrap(OTHER_MASTER, os.urandom)
    opened = Keystore(path, OTHER_MASTER)
    assert {name: opened[name] for name in opened} == good_keys()
    with pytest.raises(KeystoreError, match="is sealed under the master key"):
        Keystore(path, MASTER)
    with pytest.raises(KeystoreError, match="the master key in use"):
        opened.rewrap(OTHER_MASTER, os.urandom)


def test_no_nonce_is_used_twice(path: Path) -> None:
    store, seen = Keystore(path, MASTER), set()
    for _ in range(20):
        store.put(ZMK, store[ZMK], os.urandom, replace=True)
        seen.add(path.read_bytes().partition(b"\n")[2][:12])
    assert len(seen) == 20


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_while_writing_leaves_the_former_keystore(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before, key = path.read_bytes(), aes()
    with monkeypatch.context() as patched:
        if step == "fsync":
            patched.setattr(os, step, crash)
        else:
            patched.setattr(Path, step, crash)
        with pytest.raises(OSError, match="No space left"):
            Keystore(path, MASTER).put("zmk/2", key, os.urandom)
    assert path.read_bytes() == before
    Keystore(path, MASTER).put("zmk/2", key, os.urandom)
    assert list(Keystore(path, MASTER)) == [FRONT, SEAL, ZMK, "zmk/2"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["keystore"]


def test_the_new_file_is_on_disk_before_it_takes_the_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def seen_fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def seen_replace(self: Path, target: Path) -> Path:
        steps.append("replace")
        assert self.stat().st_mode & 0o777 == 0o600
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "replace", seen_replace)
    Keystore(path, MASTER).put("zmk/2", aes(), os.urandom)
    assert steps == ["fsync keystore.new", "replace", f"fsync {path.parent.name}"]


def test_two_that_change_it_at_once_lose_nothing(path: Path) -> None:
    stores = [Keystore(path, MASTER) for _ in range(8)]

    def put(place: int) -> None:
        stores[place].put(f"zmk/{place}", aes(), os.urandom)

    threads = [threading.Thread(target=put, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(Keystore(path, MASTER))) == len(PLAIN) + 8


def test_the_master_key_comes_from_a_file_a_variable_or_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = MASTER.secret.reveal().hex()
    file = tmp_path / "master"
    file.touch(mode=0o600)
    file.write_text(f"{digits}\n")
    monkeypatch.setenv("QZ_MASTER", digits)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for source in (f"file:{file}", "env:QZ_MASTER", "credential:master"):
        assert MasterKey.read(source) == MASTER


SOURCES = {
    "no such variable": ("env:QZ_NOT_THERE", "no such variable"),
    "no such file": ("file:/nonexistent/master", "cannot be read"),
    "no credentials": ("credential:master", "LoadCredential"),
}


@pytest.mark.parametrize(("source", "says"), SOURCES.values(), ids=SOURCES)
def test_a_source_that_is_not_there_is_named(source: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises((KeystoreError, KeyFileError), match=says):
        read_source(source)


@pytest.mark.parametrize("text", ["00112233", "zz" * 32, "secret-é", "77" * 33])
def test_what_is_no_master_key_is_never_quoted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QZ_MASTER", text)
    with pytest.raises(KeystoreError, match=r"^env:QZ_MASTER: ") as caught:
        MasterKey.read("env:QZ_MASTER")
    assert text not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_master_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master"
    file.write_text(MASTER.secret.reveal().hex())
    file.chmod(0o644)
    with pytest.raises(KeyFileError, match=re.escape(f"chmod 600 {file}")):
        MasterKey.read(f"file:{file}")


def test_no_repr_shows_a_key(path: Path) -> None:
    text = f"{Keystore(path, MASTER)!r} {MASTER!r} {Keystore(path, MASTER)[ZMK]!r}"
    assert secrets_in(text.encode()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_is_the_folders_owners_and_stays_its_files(tmp_path: Path) -> None:
    folder, path = tmp_path / "service", tmp_path / "service" / "keystore"
    folder.mkdir()
    os.chown(folder, 54321, 54322)
    keystore = Keystore.create(path, MASTER, good_keys(), os.urandom)
    assert (path.stat().st_uid, path.stat().st_gid) == (54321, 54322)
    os.chown(path, 54323, 54322)
    keystore.put(zmk_name("2"), aes(), os.urandom)
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (54323, 0o600)
