"""What is wrong on this machine, and the command that mends it: every check is one entry of a table.

Looks, and mends nothing. What a check looks at belongs to the module that uses it; here is only what makes it
good, doubtful or bad, and what to do. No figure of the traffic belongs here: that is the status port's.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from fep.day.cutover_clock import COMMAND
from fep.doctor.daycheck import on_calendar, on_day
from fep.doctor.selftest import Fixture, clock_findings, disk_findings
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.keys.keys import check_private
from fep.links.tls import Pinned, validity_of_file
from fep.operator.audit_trail import clock_word
from fep.operator.control import NotServing, ask, is_served
from fep.settings.config import Settings, load_settings
from firewall_rules.loader import Nft
from firewall_rules.nftables import render
from firewall_rules.ruleset import difference
from ledger.book.front import SCHEMA_VERSION
from ledger.book.journal import read_days
from ledger.book.lookup import loaded_for, read_facts
from ledger.book.startup_check import examine
from ledger.book.store import Store
from ledger.rules.beijing import BEIJING
from ledger.rules.day import DayState
from qianzhi_errors import QianzhiError

FREE_BYTES_MIN: Final = 256 << 20
"""Less, and a busy hour's journal fills the disk."""
FREE_BYTES_GOOD: Final = 2 << 30
CERTIFICATE_DAYS_GOOD: Final = 30
"""A new certificate has to be brought to every bank, and each has its own pace."""
UNIT: Final = "qianzhi-fep.service"
_BOOK: Final = "database"
_LISTENING: Final = "0A"
_ANSWER_SECONDS: Final = 5.0


class Verdict(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    SKIPPED = "skipped"


class Found(NamedTuple):
    """One thing that a check saw; `mend` says what to do, and is empty where nothing is to be done."""

    verdict: Verdict
    said: str
    mend: str = ""


class Finding(NamedTuple):
    """One thing found, under its check's name."""

    check: str
    verdict: Verdict
    said: str
    mend: str


def _command(*arguments: str) -> str:
    """What a program says; empty where it is not there. Never waits long."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine as it is looked at: its settings' file, the time (local, with its zone), and how to ask the
    system. `command` runs a program and gives its output; `ask` asks the process that serves.
    """

    config: Path
    now: datetime
    fixture: Fixture = field(default_factory=Fixture)
    command: Callable[..., str] = _command
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
    nft: Nft = field(default_factory=Nft)
    systemd: Path = Path("/run/systemd/system")
    ask: Callable[..., Any] = ask

    def now_us(self) -> int:
        """The time in microseconds since 1970-01-01 UTC."""
        return int(self.now.timestamp() * 1_000_000)


Look = Callable[[Machine, Settings], Iterator[Found]]


class Check(NamedTuple):
    """One check: its name, what looks, what is said if nothing is found, and what to do if looking itself
    fails; whether it needs a front book that can be read.
    """

    name: str
    look: Look
    good: str
    mend: str
    needs_book: bool = False


def findings(machine: Machine) -> Iterator[Finding]:
    """What every check found, in the table's order; each gives one finding at least."""
    try:
        settings = load_settings(machine.config)
    except (QianzhiError, OSError) as error:
        for line in str(error).splitlines():
            yield Finding("settings", Verdict.BAD, line, f"correct {machine.config}, then run this again")
        for check in CHECKS:
            yield Finding(check.name, Verdict.SKIPPED, "needs settings that can be read", "")
        return
    banks = len(settings.bank)
    yield Finding("settings", Verdict.OK, f"{machine.config} is in order: {banks} banks", "")
    has_book = True
    for check in CHECKS:
        if check.needs_book and not has_book:
            yield Finding(check.name, Verdict.SKIPPED, "needs a front book that can be read", "")
            continue
        for found in _looked(check, machine, settings):
            has_book = has_book and (check.name, found.verdict) != (_BOOK, Verdict.BAD)
            yield found


def _looked(check: Check, machine: Machine, settings: Settings) -> Iterator[Finding]:
    found: list[Found] = []
    try:
        for one in check.look(machine, settings):
            found.append(one)
    except (QianzhiError, OSError) as error:
        found.append(Found(Verdict.BAD, str(error), check.mend))
    for one in found or [Found(Verdict.OK, check.good)]:
        yield Finding(check.name, *one)


@contextmanager
def _book(settings: Settings) -> Iterator[Store]:
    store = Store(settings.node.database, lock=False)
    try:
        yield store
    finally:
        store.close()


def _database_folder(settings: Settings) -> Path | None:
    """Where an embedded front book lies; None for one on a server."""
    path = settings.node.database.removeprefix("sqlite:///")
    return Path(path).parent if path != settings.node.database else None


def _permissions(machine: Machine, settings: Settings) -> Iterator[Found]:
    config = machine.config
    for path in (config, config.resolve().parent):
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield Found(Verdict.BAD, f"{path} can be changed by others", f"chmod go-w {path}")
    private = [Path(settings.keystore.file)]
    private += [Path(settings.keystore.master_key[5:])] * settings.keystore.master_key.startswith("file:")
    private += [Path(settings.tls.key_file)] if settings.tls is not None else []
    for path in private:
        try:
            check_private(path)
        except FepError as error:
            mend = f"chmod 600 {path}" if path.exists() else "qianzhi keys create, or put it back"
            yield Found(Verdict.BAD, str(error), mend)
    folder = _database_folder(settings)
    if folder is not None and folder.exists() and folder.stat().st_uid != os.geteuid():
        owner = folder.stat().st_uid
        yield Found(
            Verdict.WARN,
            f"{folder} belongs to user {owner}, and this is run as {os.geteuid()}",
            f"run the machine's commands as user {owner}",
        )


def _database(_machine: Machine, settings: Settings) -> Iterator[Found]:
    with _book(settings) as store, store.reading() as connection:
        known = read_facts(connection).get("schema")
    if known != SCHEMA_VERSION:
        yield Found(
            Verdict.BAD,
            f"the front book has schema {known or 'none'}, this program {SCHEMA_VERSION}",
            "run the program that made it, or begin a new book: qianzhi book load FILE",
        )


def _journal(_machine: Machine, settings: Settings) -> Iterator[Found]:
    with _book(settings) as store:
        report = examine(store)
    for fault in report.faults:
        yield Found(
            Verdict.BAD, fault, "keep all files as they are; qianzhi journal verify; serve from the standby"
        )


def _day(machine: Machine, settings: Settings) -> Iterator[Found]:
    date, is_loaded = _open_date(settings)
    waits = _waits(machine, settings)
    for one in on_day(settings.day, date, machine.now, waits, is_loaded=is_loaded):
        yield Found(Verdict(one.verdict), one.said, one.mend)


def _calendar(machine: Machine, settings: Settings) -> Iterator[Found]:
    one = on_calendar(settings.day, _open_date(settings)[0], machine.now)
    yield Found(Verdict(one.verdict), one.said, one.mend)


def _open_date(settings: Settings) -> tuple[str, bool]:
    """The open business date, or nothing, and whether its dues are loaded."""
    with _book(settings) as store, store.reading() as connection:
        date = next((row.date for row in read_days(connection) if row.state == DayState.OPEN), "")
        return date, loaded_for(connection, date) is not None


def _waits(machine: Machine, settings: Settings) -> str:
    """What keeps the clock from cutting over, as the process that serves says; empty where none does."""
    try:
        said = machine.ask(Path(settings.node.control), COMMAND, lambda _: None, _ANSWER_SECONDS)
    except NotServing:
        return ""
    return str(said["waits"])


def _space(machine: Machine, settings: Settings) -> Iterator[Found]:
    folders = {Path(settings.keystore.file).parent, _database_folder(settings) or machine.config.parent}
    for folder in sorted(folders):
        free = machine.free_bytes(folder)
        if free < FREE_BYTES_GOOD:
            verdict = Verdict.BAD if free < FREE_BYTES_MIN else Verdict.WARN
            said = f"{folder}: {free >> 20} MiB are free"
            yield Found(verdict, said, f"make room: du -xh {folder} | sort -h | tail")


def _disk(machine: Machine, settings: Settings) -> Iterator[Found]:
    if not settings.node.durable:
        yield Found(
            Verdict.WARN,
            "[node] durable = false: the disk is not tested, and may forget",
            f"for more than a trial, take that line out of {machine.config}",
        )
        return
    with _book(settings) as store:
        for said in disk_findings(store, machine.fixture):
            yield Found(Verdict.BAD, said, "see docs/decisions/0014-selftest.md")


def _clock(machine: Machine, settings: Settings) -> Iterator[Found]:
    with _book(settings) as store:
        last = examine(store).last_written
        word = clock_word(store, settings.node.name)
    for said in clock_findings(machine.now_us(), last):
        if last > word.accepted_at:
            yield Found(
                Verdict.BAD, said, "timedatectl set-ntp true; if the clock is right: qianzhi clock accept"
            )
        else:
            yield Found(Verdict.WARN, f"{said}; accepted: entries are stamped as the last one until then")
    if word.fault:
        said = f"{word.fault}: no cut-over by the clock until a person has accepted it"
        yield Found(Verdict.BAD, said, "timedatectl; when the time is right: qianzhi clock accept")
    said = machine.command("timedatectl", "show", "--property=NTPSynchronized", "--value").strip()
    if said == "no":
        yield Found(Verdict.WARN, "the clock is not kept by NTP", "timedatectl set-ntp true")


def _keys(_machine: Machine, settings: Settings) -> Iterator[Found]:
    key_provider = KeyProvider(settings.keystore)
    try:
        for bank in (one for one in settings.bank if one.enabled):
            try:
                key_provider.bank_keys(bank, os.urandom).fresh()
            except FepError as error:
                yield Found(
                    Verdict.BAD,
                    f"bank {bank.code} cannot sign on: {error}",
                    f"qianzhi keys load zmk/{bank.code}",
                )
    finally:
        key_provider.close()


def _certificate(machine: Machine, settings: Settings) -> Iterator[Found]:
    if settings.tls is None:
        yield Found(Verdict.OK, "every link is plain: no certificate is shown")
        return
    path = Path(settings.tls.certificate_file)
    Pinned(path, Path(settings.tls.key_file), ())
    begins, ends = validity_of_file(path)
    left = ends - machine.now
    mend = "have one made on the same key, so that banks keep their pin; then qianzhi reload"
    if begins > machine.now:
        yield Found(Verdict.BAD, f"{path} holds from {begins:%Y-%m-%d} only", mend)
    if left < timedelta(days=CERTIFICATE_DAYS_GOOD):
        verdict = Verdict.BAD if left <= timedelta() else Verdict.WARN
        yield Found(verdict, f"{path} holds until {ends:%Y-%m-%d}, {left.days} days", mend)


def _control(_machine: Machine, settings: Settings) -> Iterator[Found]:
    path = Path(settings.node.control)
    if is_served(path):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Found(Verdict.BAD, f"{path} is open to others", f"chmod 600 {path}")
        return
    yield Found(Verdict.WARN, f"no machine serves at {path}", f"systemctl start {UNIT}")


def listening(proc: Path) -> frozenset[int]:
    """The TCP ports that somebody on this machine listens at (proc_net_tcp(5))."""
    found: set[int] = set()
    for name in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / name).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        rows = (line.split() for line in lines)
        found |= {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENING}
    return frozenset(found)


def _ports(machine: Machine, settings: Settings) -> Iterator[Found]:
    taken, serves = listening(machine.fixture.proc), is_served(Path(settings.node.control))
    wanted = {bank.port: f"bank {bank.code}" for bank in settings.bank}
    wanted[settings.status.port] = "the status port"
    for port, whose in wanted.items():
        if port and serves and port not in taken:
            yield Found(Verdict.BAD, f"nobody listens at {port}, for {whose}", "qianzhi reload")
        elif port in taken and not serves:
            yield Found(
                Verdict.BAD, f"another program holds {port}, for {whose}", f"ss -ltnp sport = :{port}"
            )


def _units(machine: Machine, _settings: Settings) -> Iterator[Found]:
    if not machine.systemd.exists():
        yield Found(Verdict.SKIPPED, "systemd does not run here")
        return
    said = machine.command("systemctl", "show", UNIT, "--property=LoadState,ActiveState,UnitFileState")
    state = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if state.get("LoadState") != "loaded":
        yield Found(
            Verdict.WARN,
            f"{UNIT} is not installed",
            f"install deploy/{UNIT} into /etc/systemd/system; systemctl daemon-reload",
        )
        return
    if state.get("ActiveState") != "active":
        yield Found(Verdict.BAD, f"{UNIT} is {state.get('ActiveState')}", f"systemctl start {UNIT}")
    if state.get("UnitFileState") != "enabled":
        yield Found(Verdict.WARN, f"{UNIT} is not started at boot", f"systemctl enable {UNIT}")


def _firewall(machine: Machine, settings: Settings) -> Iterator[Found]:
    wanted = render(settings.policy(), BEIJING.utcoffset(None))
    lines = difference(machine.nft.listed(), wanted)
    if lines:
        said = f"the loaded rules are not those of the settings, in {len(lines)} places"
        yield Found(Verdict.BAD, said, "qianzhi firewall diff, then qianzhi firewall apply")


CHECKS: Final[tuple[Check, ...]] = (
    Check("permissions", _permissions, "files are for their owner alone", "put the file back"),
    Check(
        _BOOK,
        _database,
        "the front book can be read and has this program's schema",
        "qianzhi book load FILE",
    ),
    Check("day", _day, "", "qianzhi book load FILE", needs_book=True),
    Check("calendar", _calendar, "", "qianzhi book load FILE", needs_book=True),
    Check(
        "journal",
        _journal,
        "every link since the last seal holds",
        "see the database's finding",
        needs_book=True,
    ),
    Check("space", _space, "there is room", "mount the folder"),
    Check("disk", _disk, "a sync is a promise here", "see docs/decisions/0014-selftest.md", needs_book=True),
    Check("clock", _clock, "not behind the book", "see the database's finding", needs_book=True),
    Check("keys", _keys, "the keystore opens, and every bank has its key", "qianzhi keys list"),
    Check("certificate", _certificate, "the certificate and its key are good", "see docs/keys.md"),
    Check(
        "control", _control, "a machine serves, and its socket is private", "run this as the machine's user"
    ),
    Check("ports", _ports, "each is free, or ours", "run this as the machine's user"),
    Check("units", _units, f"{UNIT} is active and enabled", "systemctl status"),
    Check(
        "firewall",
        _firewall,
        "the loaded rules are those of the settings",
        "run this as root, or see docs/hardening.md",
    ),
)
"""Every check but the settings', which the others need."""
