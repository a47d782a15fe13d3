"""Certificates and disks: what is read of them, what is wrong with a file, and when they are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from fep.links.tls import Validity, own_certificate
from fep.settings.config import Settings, load_settings
from fep.setup.certificates import VALID, self_signed
from fep.setup.install import install
from fep.status.host import Certificate, Disk, Host, folders_of, read_certificate, read_disks
from fep.status.host_warnings import host_warnings
from fep.status.limits import Room, Severity
from tests.support.host_files import MADE, ROOM, files


def locked(key: Path) -> None:
    private = load_pem_private_key(key.read_bytes(), None)
    under = BestAvailableEncryption(b"secret")
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, under))


FAULTS: tuple[tuple[Callable[[Path, Path], Any], str], ...] = (
    (lambda crt, _: crt.unlink(), "[tls] certificate_file {crt}: cannot be read: No such file or directory"),
    (
        lambda crt, _: (crt.unlink(), crt.mkdir()),
        "[tls] certificate_file {crt}: cannot be read: Is a directory",
    ),
    (lambda crt, _: crt.write_bytes(b""), "[tls] certificate_file {crt}: not a certificate in PEM"),
    (
        lambda crt, _: crt.write_bytes(crt.read_bytes()[:200]),
        "[tls] certificate_file {crt}: not a certificate in PEM",
    ),
    (lambda _, key: key.unlink(), "[tls] key_file {key}: cannot be read: No such file or directory"),
    (lambda _, key: key.write_bytes(b"junk"), "[tls] key_file {key}: not a private key in PEM"),
    (lambda _, key: key.chmod(0o644), "[tls] key_file {key}: others can read it; run chmod 600 {key}"),
    (
        lambda _, key: locked(key),
        "[tls] key_file {key}: it is under a passphrase, and nobody is there to type it at a start",
    ),
    (
        lambda _, key: key.write_bytes(self_signed("other", MADE).key),
        "[tls] key_file {key}: not the key of certificate_file {crt}",
    ),
)


@pytest.mark.parametrize(("spoil", "fault"), FAULTS)
def test_a_file_that_cannot_be_used_is_named_with_its_setting_and_the_reason(
    settings: Settings, spoil: Callable[[Path, Path], Any], fault: str
) -> None:
    certificate, key = files(settings)
    spoil(certificate, key)
    expected = fault.format(crt=certificate, key=key)
    assert read_certificate(settings) == Certificate(str(certificate), fault=expected)


def test_a_certificate_is_valid_from_when_until_when_its_file_says(settings: Settings) -> None:
    certificate, _ = files(settings)
    validity = Validity(MADE - timedelta(hours=1), MADE + VALID)
    assert read_certificate(settings) == Certificate(str(certificate), validity=validity)


def test_a_certificate_that_links_are_not_shown_yet_counts_with_the_one_that_they_are(
    settings: Settings,
) -> None:
    certificate, key = files(settings)
    shown = own_certificate(certificate, key)
    assert read_certificate(settings, shown) == read_certificate(settings)
    newer = self_signed("newer", MADE + timedelta(days=90))
    certificate.write_bytes(newer.certificate)
    key.write_bytes(newer.key)
    both = Validity(MADE + timedelta(days=90, hours=-1), MADE + VALID)
    assert read_certificate(settings, shown) == Certificate(str(certificate), validity=both, is_taken=False)


def test_a_machine_whose_links_are_plain_shows_no_certificate(tmp_path: Path) -> None:
    plain = load_settings(install(tmp_path, os.urandom, MADE, first_port=0, status_port=0, plain=True))
    assert read_certificate(plain) is None


def test_a_disk_is_told_once_with_all_that_lies_on_it(tmp_path: Path) -> None:
    folders = {"book": tmp_path, "keystore": tmp_path / "gone", "log": tmp_path}

    def room(folder: Path) -> Room:
        if not folder.exists():
            raise FileNotFoundError(2, "No such file or directory")
        return ROOM

    assert tuple(read_disks(folders, room)) == (
        Disk(("book", "log"), str(tmp_path), room=ROOM),
        Disk(
            ("keystore",),
            str(tmp_path / "gone"),
            fault=f"{tmp_path / 'gone'}: cannot be read: No such file or directory",
        ),
    )


def test_the_folders_are_the_books_and_the_keystores_and_the_logs_where_it_is_known(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert folders_of(settings) == {"book": tmp_path, "keystore": tmp_path / "keys"}
    monkeypatch.setattr("fep.status.host.JOURNAL", tmp_path)
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    node = settings.node.model_copy(update={"database": "postgresql+psycopg://fep@db/front"})
    elsewhere = settings.model_copy(update={"node": node})
    assert folders_of(elsewhere) == {"keystore": tmp_path / "keys", "log": tmp_path}


def test_what_is_wrong_is_said_in_words_with_the_file_and_the_folder() -> None:
    expired = Certificate("m.crt", validity=Validity(MADE - VALID, MADE - timedelta(days=303)))
    disks = (
        Disk(("book", "log"), "/var", room=Room(1 << 30, 4 << 30)),
        Disk(("keystore",), "/k", fault="gone"),
    )
    assert list(host_warnings(Host(expired, disks), MADE)) == [
        (
            Severity.RED,
            "[tls] certificate_file m.crt expired 303 days ago, at 2026-01-25 20:00 Beijing time",
        ),
        (Severity.YELLOW, "the disk of the book and the log, /var: 1024 MiB of 4096 MiB are free"),
        (Severity.RED, "the disk of the keystore: gone"),
    ]
    assert list(host_warnings(Host(Certificate("m.crt", fault="[tls] bad")), MADE)) == [
        (Severity.RED, "[tls] bad")
    ]
    fine = Certificate("m.crt", validity=Validity(MADE, MADE + VALID))
    assert list(host_warnings(Host(fine, (Disk(("book",), "/", room=ROOM),)), MADE)) == []
    assert list(host_warnings(Host(), MADE)) == []
