"""What surrounds the machine and can end its service though all is well inside: certificates and disks.

Values, and how they are read of files and folders. Reading may take as long as a disk likes: when it is done,
and by whom, is `fep.status.host_reader`'s. Nothing is judged here: the limits are `fep.status.limits`'s, the
alarms `fep.status.alarms`'s. No key is kept, and no database is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fep.links.tls import OwnCertificate, TlsError, Validity, own_certificate
from fep.settings.config import Settings
from fep.status.limits import Room
from ledger.files.settings import embedded_file
from qianzhi_errors.sentence import Sentence, phrase
from qianzhi_errors.system import system_reason

JOURNAL: Final = Path("/var/log/journal")
"""Where systemd keeps the log of a service, where it keeps it (systemd-journald.service(8))."""
_JOURNAL_STREAM: Final = "JOURNAL_STREAM"
"""Set by systemd where the journal takes what a process writes (systemd.exec(5))."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate that banks are shown, in `file`. `fault` is why the file or its key cannot be used, or
    empty; then `validity` is None. `is_taken`: it is what links are shown since the start or the last reload.
    """

    file: str
    fault: str = ""
    validity: Validity | None = None
    is_taken: bool = True


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk: what lies on it (`book`, `keystore`, `log`), in which folder the first of these is, and its
    room. `fault` is why the room is not known, or empty; then `room` is None.
    """

    holds: tuple[str, ...]
    folder: str
    fault: str = ""
    room: Room | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """Certificates and disks as they were last read. `certificate` is None where every link is plain."""

    certificate: Certificate | None = None
    disks: tuple[Disk, ...] = ()


def read_host(settings: Settings, room: Callable[[Path], Room], shown: OwnCertificate | None = None) -> Host:
    """Read the certificate's files and the disks' room. `shown` is what links are shown now, or None where
    none has been loaded. What cannot be read is a fault in words, and hides nothing else.
    """
    return Host(read_certificate(settings, shown), tuple(read_disks(folders_of(settings), room)))


def read_certificate(settings: Settings, shown: OwnCertificate | None = None) -> Certificate | None:
    """Read the machine's certificate and see that its key fits; None where every link is plain. Where links
    are shown another one, the validity is the time in which both are valid.
    """
    if settings.tls is None:
        return None
    file = settings.tls.certificate_file
    try:
        own = own_certificate(Path(file), Path(settings.tls.key_file))
    except TlsError as error:
        return Certificate(file, fault=Sentence("[tls] {reason}", reason=error))
    if shown is None or shown == own:
        return Certificate(file, validity=own.validity)
    both = Validity(
        max(shown.validity.begins, own.validity.begins), min(shown.validity.ends, own.validity.ends)
    )
    return Certificate(file, validity=both, is_taken=False)


def folders_of(settings: Settings) -> Mapping[str, Path]:
    """Return the folders whose disks must not fill, by what lies in them. The log's is known where systemd
    keeps it on a disk, a book's where it is SQLite's.
    """
    folders = {}
    if book := embedded_file(settings.node.database):
        folders[phrase("book")] = book.parent
    folders[phrase("keystore")] = settings.keystore.path.parent
    if _JOURNAL_STREAM in os.environ and JOURNAL.is_dir():
        folders[phrase("log")] = JOURNAL
    return folders


def read_disks(folders: Mapping[str, Path], room: Callable[[Path], Room]) -> Iterator[Disk]:
    """Yield each disk once, with what lies on it."""
    by_device: dict[object, list[str]] = {}
    for what, folder in folders.items():
        by_device.setdefault(_device(folder), []).append(what)
    for holds in by_device.values():
        folder = folders[holds[0]]
        try:
            yield Disk(tuple(holds), str(folder), room=room(folder))
        except OSError as error:
            yield Disk(
                tuple(holds),
                str(folder),
                fault=Sentence(
                    "{folder}: cannot be read: {reason}", folder=folder, reason=system_reason(error)
                ),
            )


def _device(folder: Path) -> object:
    """The number of a folder's disk; the folder itself where it cannot be asked."""
    try:
        return folder.stat().st_dev
    except OSError:
        return folder


def room_of(folder: Path) -> Room:
    """Return the room on a folder's disk. Raises OSError."""
    disk = os.statvfs(folder)
    return Room(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)
