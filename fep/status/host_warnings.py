"""What is wrong with the machine's certificate and its disks, in words: for reload, the doctor and the log.

Pure, by the limits of `fep.status.limits`, as the page's alarms are. What to do about it does not belong
here: that is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from fep.status.host import Certificate, Disk, Host
from fep.status.limits import Severity, disk_severity, validity_warning
from qianzhi_errors.sentence import Sentence, listed


class HostWarning(NamedTuple):
    """One thing that is wrong, or will be, and how bad it is."""

    severity: Severity
    text: str


def host_warnings(host: Host, now: datetime) -> Iterator[HostWarning]:
    """Yield what is wrong with the certificate, then with each disk."""
    yield from certificate_warnings(host.certificate, now)
    yield from disk_warnings(host.disks)


def certificate_warnings(certificate: Certificate | None, now: datetime) -> Iterator[HostWarning]:
    """Yield what is wrong with the certificate that banks are shown; nothing where there is none."""
    if certificate is None:
        return
    if certificate.validity is None:
        yield HostWarning(Severity.RED, certificate.fault)
        return
    found = validity_warning(*certificate.validity, now)
    if found is not None:
        severity, text = found
        yield HostWarning(
            severity, Sentence("[tls] certificate_file {file} {text}", file=certificate.file, text=text)
        )


def disk_warnings(disks: Iterable[Disk]) -> Iterator[HostWarning]:
    """Yield the disks that have too little room, or whose room is not known."""
    for disk in disks:
        holds = listed([Sentence(name) for name in disk.holds], "{first} and the {rest}")
        what = Sentence("the disk of the {holds}", holds=holds)
        if disk.room is None:
            yield HostWarning(Severity.RED, Sentence("{what}: {fault}", what=what, fault=disk.fault))
        elif severity := disk_severity(disk.room):
            free, size = disk.room
            text = Sentence(
                "{what}, {folder}: {free} MiB of {size} MiB are free",
                what=what,
                folder=disk.folder,
                free=free >> 20,
                size=size >> 20,
            )
            yield HostWarning(severity, text)
