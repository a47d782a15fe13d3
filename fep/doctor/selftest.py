"""The self-test before a book is served: durable disk, clock not behind the book, journal whose chain
holds.

Each fault is a text that says what is wrong and what to do. The test reads, and repairs nothing; what a
broken chain means, the ledger says. A disk can be judged only by what it claims and by what is impossible:
docs/decisions/0014.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fep.errors import FepError
from ledger.book.startup_check import StartupReport, broken_promises, examine
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence, listed

CLOCK_TOLERANCE_US = 60_000_000
"""Microseconds by which another node's clock may be ahead of ours; more is no drift but a wrong clock."""
FASTEST_SYNC_SECONDS = 5e-6
"""No device makes 4,096 bytes durable in fewer seconds: the fastest, with battery-backed memory, take
several times as long, and the system call alone takes a good part of it.
"""
_SET_IT = Sentence(
    "set the clock, then start again; or if it is right, say so by qianzhi clock accept, and entries are"
    " stamped as the last one until the clock has come that far"
)
_SYNCS = 33
"""How many syncs are timed; their median counts."""
_SYNC_BYTES = 4096
_FORGETFUL = {"tmpfs", "ramfs", "rootfs"}
"""File systems in memory: what is on them is lost with the power."""
_DISTANT = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"}
"""File systems of another machine, whose locks and syncs SQLite cannot rely on."""
_UNORDERED = {"nobarrier", "barrier=0", "nobarriers"}
"""Mount options under which a sync does not reach the device's medium."""
_LIARS = ("libeatmydata", "libnosync")
"""Libraries that make every sync do nothing."""
_OTHERWISE = Sentence("or, for a trial, say durable = false under [node]")


class Unfit(FepError):
    """This machine must not serve. The text has a line for each reason, with what to do about it."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        lines = [
            Sentence("not serving:"),
            *(Sentence("- {finding}", finding=finding) for finding in findings),
        ]
        super().__init__(listed(lines, "{first}\n{rest}"))
        self.findings = findings


class Mount(NamedTuple):
    """A mounted file system: its mount point, its type, its options."""

    point: str
    kind: str
    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Fixture:
    """What the self-test reads of the operating system. `proc` is /proc; `seconds` is a clock for short
    times.
    """

    proc: Path = Path("/proc")
    seconds: Callable[[], float] = time.perf_counter


def check(
    store: Store, now_us: int, accepted_us: int = 0, *, durable: bool, fixture: Fixture | None = None
) -> None:
    """Raise Unfit unless the book in `store` may be served at `now_us`. `accepted_us` is when a person last
    accepted the clock, 0 for never: what was written by then is not held against it. Both in microseconds
    since 1970-01-01 UTC.

    Without `durable` the disk is not tested: the book may be lost with the power.
    """
    fixture = fixture or Fixture()
    faults = list(disk_findings(store, fixture)) if durable else []
    report = examine(store)
    if report.last_written > accepted_us:
        faults += (
            Sentence("{fault}: {mend}", fault=fault, mend=_SET_IT)
            for fault in clock_findings(now_us, report.last_written)
        )
    faults += journal_findings(report)
    if faults:
        raise Unfit(tuple(faults))


def clock_findings(now_us: int, last_us: int) -> Iterator[str]:
    """Yield a fault where the clock is behind what was last written: entries would be dated before older
    ones.
    """
    if last_us - now_us > CLOCK_TOLERANCE_US:
        now, last = (
            time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(us // 1_000_000)) for us in (now_us, last_us)
        )
        yield Sentence("the clock says {now}, and the book was written to at {last}", now=now, last=last)


def journal_findings(report: StartupReport) -> Iterator[str]:
    """Yield what does not hold in the journal since the last seal."""
    yield from report.faults
    if report.faults:
        yield Sentence(
            "the journal does not prove itself, {count} faults: keep all files as they are,"
            " run qianzhi journal verify, and find out who wrote to them; serve from the standby or from a"
            " copy that holds",
            count=report.fault_count,
        )


def disk_findings(store: Store, fixture: Fixture) -> Iterator[str]:
    """Yield each sign that a commit may not survive a power cut."""
    if store.is_sqlite:
        yield from _file_findings(Path(str(store.url.database)), fixture)
    for name in broken_promises(store):
        yield Sentence(
            "PostgreSQL runs with {name} = off: turn it on, {otherwise}", name=name, otherwise=_OTHERWISE
        )


def _file_findings(database: Path, fixture: Fixture) -> Iterator[str]:
    folder = database.resolve().parent
    mount = mount_of(folder, (fixture.proc / "self/mountinfo").read_text(encoding="utf-8"))
    if mount is not None:
        lies = Sentence(
            "{database} lies on {kind} ({point})", database=database, kind=mount.kind, point=mount.point
        )
        if mount.kind in _FORGETFUL:
            yield Sentence(
                "{lies}, which forgets: put it on a disk, {otherwise}", lies=lies, otherwise=_OTHERWISE
            )
        if mount.kind in _DISTANT:
            yield Sentence("{lies}: SQLite needs a disk of this machine's own; or use PostgreSQL", lies=lies)
        for option in sorted(mount.options & _UNORDERED):
            yield Sentence(
                "{point} is mounted with {option}, so that a sync is no promise: mount it without",
                point=mount.point,
                option=option,
            )
    loaded = (fixture.proc / "self/maps").read_text(encoding="utf-8")
    for liar in _LIARS:
        if liar in loaded:
            yield Sentence(
                "{liar} is loaded into this process and swallows every sync: start it without LD_PRELOAD",
                liar=liar,
            )
    took = median_sync_seconds(folder, fixture.seconds)
    if took < FASTEST_SYNC_SECONDS and (mount is None or mount.kind not in _FORGETFUL):
        yield Sentence(
            "{folder}: a sync of {size} bytes took {took} us, which no device can: something on the way"
            " to it does not pass syncs on; find it, {otherwise}",
            folder=folder,
            size=_SYNC_BYTES,
            took=f"{took * 1e6:.1f}",
            otherwise=_OTHERWISE,
        )


def mount_of(folder: Path, mountinfo: str) -> Mount | None:
    """Return the mount that holds a folder, by the text of /proc/self/mountinfo (proc_pid_mountinfo(5));
    None where there is none.
    """
    best: Mount | None = None
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, super_options = rest.split(" ", 2)
        point, options = fields.split(" ")[4:6]
        point = point.encode().decode("unicode_escape")
        if folder.is_relative_to(point) and (best is None or len(point) >= len(best.point)):
            best = Mount(point, kind, frozenset((*options.split(","), *super_options.split(","))))
    return best


def median_sync_seconds(folder: Path, seconds: Callable[[], float]) -> float:
    """Return the seconds that it takes to make a written block durable in this folder: the median of
    several tries.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        took = []
        for _ in range(_SYNCS):
            os.pwrite(file.fileno(), os.urandom(_SYNC_BYTES), 0)
            start = seconds()
            os.fdatasync(file.fileno())
            took.append(seconds() - start)
    return sorted(took)[_SYNCS // 2]
