"""What is wrong on this machine, and the command that mends it: `qianzhi doctor`. Each check is one row of
a table.

The checks read, and change nothing. How a thing is read belongs to the module that uses it (keys,
certificates, the book); here is only the judgement whether it is good, doubtful or bad, and what to do. No
figure of the traffic belongs here: the status port has those.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from fep.day.cutover_clock import OBSTACLE_COMMAND
from fep.doctor.daycheck import on_calendar, on_day, on_holds
from fep.doctor.finding import CheckFinding, Observation, Verdict
from fep.doctor.maccheck import on_macs
from fep.doctor.machine import Machine, listening
from fep.doctor.officecheck import on_office
from fep.doctor.selftest import clock_findings, disk_findings
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.keys.keys import check_private
from fep.operator.audit_trail import clock_word
from fep.operator.control_client import NotServing, is_served
from fep.settings.config import Settings, load_settings
from fep.status.host import folders_of, read_certificate, read_disks
from fep.status.host_warnings import certificate_warnings, disk_warnings
from fep.status.limits import Severity
from fep.status.source import READINESS_COMMAND
from firewall_rules.nftables import render
from firewall_rules.ruleset import difference
from ledger.book.front import SCHEMA_VERSION
from ledger.book.hold import held_batches
from ledger.book.journal import read_days
from ledger.book.lookup import loaded_for, read_facts
from ledger.book.startup_check import examine
from ledger.book.store import Store
from ledger.errors import Unavailable
from ledger.files.settings import embedded_file
from ledger.rules.beijing import BEIJING
from ledger.rules.day import DayState
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, phrase, unlisted
from qianzhi_errors.system import text_of

UNIT: Final = "qianzhi-fep.service"
_SETTINGS: Final = phrase("settings")
_BOOK: Final = phrase("database")
_ANSWER_SECONDS: Final = 5.0
VERDICTS: Final = MappingProxyType({Severity.RED: Verdict.BAD, Severity.YELLOW: Verdict.WARN})
_RENEW: Final = Sentence(
    "make one on the same key, so that banks keep their pin (docs/keys.md); then qianzhi reload"
)


Look = Callable[[Machine, Settings], Iterator[Observation]]


class Check(NamedTuple):
    """One row of the table. `look` yields what it observes; `good` is said if it yields nothing; `mend` is
    what to do if it raises one of our errors. `needs_book`: it is skipped unless the front book can be
    read.
    """

    name: str
    look: Look
    good: str
    mend: str
    needs_book: bool = False


def findings(machine: Machine) -> Iterator[CheckFinding]:
    """Yield the findings of every check, in the table's order; each check gives at least one. Settings that
    cannot be read are findings too, and every other check is then skipped.
    """
    try:
        settings = load_settings(machine.config)
    except (QianzhiError, OSError) as error:
        for line in unlisted(text_of(error)):
            yield CheckFinding(
                _SETTINGS,
                Verdict.BAD,
                line,
                Sentence("correct {config}, then run this again", config=machine.config),
            )
        for check in CHECKS:
            yield CheckFinding(check.name, Verdict.SKIPPED, Sentence("needs settings that can be read"), "")
        return
    banks = len(settings.bank)
    yield CheckFinding(
        _SETTINGS,
        Verdict.OK,
        Sentence("{config} is in order: {banks} banks", config=machine.config, banks=banks),
        "",
    )
    if not banks:
        yield CheckFinding(
            _SETTINGS, Verdict.BAD, Sentence("there is no bank to serve"), "qianzhi bank add CODE ..."
        )
    has_book = True
    for check in CHECKS:
        if check.needs_book and not has_book:
            yield CheckFinding(
                check.name, Verdict.SKIPPED, Sentence("needs a front book that can be read"), ""
            )
            continue
        for finding in _checked(check, machine, settings):
            has_book = has_book and (check.name, finding.verdict) != (_BOOK, Verdict.BAD)
            yield finding


def _checked(check: Check, machine: Machine, settings: Settings) -> Iterator[CheckFinding]:
    """Yield what one check observes, its failure included, or its `good` sentence."""
    observations: list[Observation] = []
    try:
        for observation in check.look(machine, settings):
            observations.append(observation)
    except (QianzhiError, OSError) as error:
        observations.append(Observation(Verdict.BAD, text_of(error), check.mend))
    for observation in observations or [Observation(Verdict.OK, check.good)]:
        yield CheckFinding(check.name, *observation)


@contextmanager
def _book(settings: Settings) -> Iterator[Store]:
    """Open the front book beside a process that may serve it: without its writer lock."""
    store = Store(settings.node.database, lock=False)
    try:
        yield store
    finally:
        store.close()


def _permissions(machine: Machine, settings: Settings) -> Iterator[Observation]:
    config = machine.config
    for path in (config, config.resolve().parent):
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield Observation(
                Verdict.BAD, Sentence("{path} can be changed by others", path=path), f"chmod go-w {path}"
            )
    private = [Path(settings.keystore.file)]
    private += [Path(settings.keystore.master_key[5:])] * settings.keystore.master_key.startswith("file:")
    private += [Path(settings.tls.key_file)] if settings.tls is not None else []
    for path in private:
        try:
            check_private(path)
        except FepError as error:
            mend = f"chmod 600 {path}" if path.exists() else Sentence("qianzhi keys create, or put it back")
            yield Observation(Verdict.BAD, str(error), mend)
    folder = folders_of(settings).get("book")
    if folder is not None and folder.exists() and folder.stat().st_uid != os.geteuid():
        owner = folder.stat().st_uid
        yield Observation(
            Verdict.WARN,
            Sentence(
                "{folder} belongs to user {owner}, and this is run as {user}",
                folder=folder,
                owner=owner,
                user=os.geteuid(),
            ),
            Sentence("run the machine's commands as user {owner}", owner=owner),
        )


def _database(_machine: Machine, settings: Settings) -> Iterator[Observation]:
    try:
        with _book(settings) as store, store.reading() as connection:
            schema = read_facts(connection).get("schema")
    except Unavailable as error:
        yield Observation(Verdict.BAD, str(error), _database_mend(settings))
        return
    path = embedded_file(settings.node.database)
    for written in () if path is None else (path.parent, path):
        if not os.access(written, os.W_OK):
            yield Observation(
                Verdict.BAD,
                Sentence("{written} cannot be written here", written=written),
                f"ls -ld {written}; findmnt -T {written}",
            )
    if schema != SCHEMA_VERSION:
        yield Observation(
            Verdict.BAD,
            Sentence(
                "the front book has schema {schema}, this program {ours}",
                schema=schema or Sentence("none"),
                ours=SCHEMA_VERSION,
            ),
            Sentence("run the program that made it, or begin a new book: qianzhi book load FILE"),
        )


def _database_mend(settings: Settings) -> str:
    """Return what to do about a database that cannot be read. A book is loaded only where there is none."""
    path = embedded_file(settings.node.database)
    if path is None:
        return Sentence(
            "see that PostgreSQL runs there and lets this machine in: docs/alerts.md#qianzhidatabaseaway"
        )
    if not path.exists() or not path.stat().st_size:
        return "qianzhi book load FILE"
    return f"df -h {path.parent}; findmnt -T {path}; fuser {path}"


def _journal(_machine: Machine, settings: Settings) -> Iterator[Observation]:
    with _book(settings) as store:
        report = examine(store)
    for fault in report.faults:
        yield Observation(
            Verdict.BAD,
            fault,
            Sentence("keep all files as they are; qianzhi journal verify; serve from the standby"),
        )


def _day(machine: Machine, settings: Settings) -> Iterator[Observation]:
    date, is_loaded = _open_date(settings)
    waits = _waits(machine, settings)
    yield from on_day(settings.day, date, machine.now, waits, is_loaded=is_loaded)
    with _book(settings) as store, store.reading() as connection:
        yield from on_holds(held_batches(connection), machine.now)


def _calendar(machine: Machine, settings: Settings) -> Iterator[Observation]:
    yield on_calendar(settings.day, _open_date(settings)[0], machine.now)


def _open_date(settings: Settings) -> tuple[str, bool]:
    """Return the open business date YYYYMMDD (empty for none), and whether its dues are loaded."""
    with _book(settings) as store, store.reading() as connection:
        date = next((row.date for row in read_days(connection) if row.state == DayState.OPEN), "")
        return date, loaded_for(connection, date) is not None


def _waits(machine: Machine, settings: Settings) -> str:
    """Return the name of the obstacle that keeps the clock from cutting over, as the process that serves
    says; empty where there is none or no process serves. Raises ControlError where the process refuses or
    does not answer.
    """
    try:
        answer = machine.ask(Path(settings.node.control), OBSTACLE_COMMAND, lambda _: None, _ANSWER_SECONDS)
    except NotServing:
        return ""
    return str(answer["waits"])


def _space(machine: Machine, settings: Settings) -> Iterator[Observation]:
    for disk in read_disks(folders_of(settings), machine.room):
        mend = (
            Sentence("make room: du -xh {folder} | sort -h | tail", folder=disk.folder)
            if disk.room
            else Sentence("mount it again")
        )
        for warning in disk_warnings((disk,)):
            yield Observation(VERDICTS[warning.severity], warning.text, mend)


def _disk(machine: Machine, settings: Settings) -> Iterator[Observation]:
    if not settings.node.durable:
        yield Observation(
            Verdict.WARN,
            Sentence("[node] durable = false: the disk is not tested, and may forget"),
            Sentence("for more than a trial, take that line out of {config}", config=machine.config),
        )
        return
    with _book(settings) as store:
        for fault in disk_findings(store, machine.fixture):
            yield Observation(Verdict.BAD, fault, Sentence("see docs/decisions/0014-selftest.md"))


def _clock(machine: Machine, settings: Settings) -> Iterator[Observation]:
    with _book(settings) as store:
        last = examine(store).last_written
        word = clock_word(store, settings.node.name)
    for fault in clock_findings(machine.now_us(), last):
        if last > word.accepted_at:
            yield Observation(
                Verdict.BAD,
                fault,
                Sentence("timedatectl set-ntp true; if the clock is right: qianzhi clock accept"),
            )
        else:
            yield Observation(
                Verdict.WARN,
                Sentence("{fault}; accepted: entries are stamped as the last one until then", fault=fault),
            )
    if word.fault:
        text = Sentence("{fault}: no cut-over by the clock until a person has accepted it", fault=word.fault)
        yield Observation(
            Verdict.BAD, text, Sentence("timedatectl; when the time is right: qianzhi clock accept")
        )
    synchronized = machine.command("timedatectl", "show", "--property=NTPSynchronized", "--value").strip()
    if synchronized == "no":
        yield Observation(Verdict.WARN, Sentence("the clock is not kept by NTP"), "timedatectl set-ntp true")


def _keys(_machine: Machine, settings: Settings) -> Iterator[Observation]:
    key_provider = KeyProvider(settings.keystore)
    try:
        for bank in (bank for bank in settings.bank if bank.enabled):
            try:
                key_provider.bank_keys(bank, os.urandom).fresh()
            except FepError as error:
                yield Observation(
                    Verdict.BAD,
                    Sentence("bank {code} cannot sign on: {reason}", code=bank.code, reason=error),
                    f"qianzhi keys load zmk/{bank.code}",
                )
    finally:
        key_provider.close()


def _certificate(machine: Machine, settings: Settings) -> Iterator[Observation]:
    if settings.tls is None:
        yield Observation(Verdict.OK, Sentence("every link is plain: no certificate is shown"))
        return
    certificate = read_certificate(settings)
    for warning in certificate_warnings(certificate, machine.now):
        yield Observation(VERDICTS[warning.severity], warning.text, _RENEW)


def _control(_machine: Machine, settings: Settings) -> Iterator[Observation]:
    path = Path(settings.node.control)
    if is_served(path):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Observation(
                Verdict.BAD, Sentence("{path} is open to others", path=path), f"chmod 600 {path}"
            )
        return
    yield Observation(
        Verdict.WARN, Sentence("no machine serves at {path}", path=path), f"systemctl start {UNIT}"
    )


def _service(machine: Machine, settings: Settings) -> Iterator[Observation]:
    try:
        answer = machine.ask(Path(settings.node.control), READINESS_COMMAND, lambda _: None, _ANSWER_SECONDS)
    except NotServing:
        yield Observation(Verdict.OK, Sentence("no machine serves, so none refuses"))
        return
    if answer["unready"]:
        yield Observation(Verdict.BAD, answer["unready"], Sentence("see docs/alerts.md#qianzhiunready"))


def _ports(machine: Machine, settings: Settings) -> Iterator[Observation]:
    taken, serves = listening(machine.fixture.proc), is_served(Path(settings.node.control))
    wanted = {bank.port: Sentence("bank {code}", code=bank.code) for bank in settings.bank}
    wanted[settings.status.port] = Sentence("the status port")
    for port, whose in wanted.items():
        if port and serves and port not in taken:
            yield Observation(
                Verdict.BAD,
                Sentence("nobody listens at {port}, for {whose}", port=port, whose=whose),
                "qianzhi reload",
            )
        elif port in taken and not serves:
            yield Observation(
                Verdict.BAD,
                Sentence("another program holds {port}, for {whose}", port=port, whose=whose),
                f"ss -ltnp sport = :{port}",
            )


def _units(machine: Machine, _settings: Settings) -> Iterator[Observation]:
    if not machine.systemd.exists():
        yield Observation(Verdict.SKIPPED, Sentence("systemd does not run here"))
        return
    properties = machine.command("systemctl", "show", UNIT, "--property=LoadState,ActiveState,UnitFileState")
    state = dict(line.split("=", 1) for line in properties.splitlines() if "=" in line)
    if state.get("LoadState") != "loaded":
        yield Observation(
            Verdict.WARN,
            Sentence("{unit} is not installed", unit=UNIT),
            Sentence("install deploy/{unit} into /etc/systemd/system; systemctl daemon-reload", unit=UNIT),
        )
        return
    if state.get("ActiveState") != "active":
        yield Observation(
            Verdict.BAD,
            Sentence("{unit} is {state}", unit=UNIT, state=state.get("ActiveState")),
            f"systemctl start {UNIT}",
        )
    if state.get("UnitFileState") != "enabled":
        yield Observation(
            Verdict.WARN, Sentence("{unit} is not started at boot", unit=UNIT), f"systemctl enable {UNIT}"
        )


def _firewall(machine: Machine, settings: Settings) -> Iterator[Observation]:
    wanted = render(settings.policy(), BEIJING.utcoffset(None))
    lines = difference(machine.nft.listed(), wanted)
    if lines:
        text = Sentence("the loaded rules are not those of the settings, in {count} places", count=len(lines))
        yield Observation(Verdict.BAD, text, Sentence("qianzhi firewall diff, then qianzhi firewall apply"))


def _office(machine: Machine, settings: Settings) -> Iterator[Observation]:
    if settings.status.breaks:
        yield from on_office(Path(settings.status.breaks), machine.now_us())


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        phrase("permissions"),
        _permissions,
        Sentence("files are for their owner alone"),
        Sentence("put the file back"),
    ),
    Check(
        _BOOK,
        _database,
        Sentence("the front book can be read and has this program's schema"),
        "qianzhi book load FILE",
    ),
    Check(phrase("day"), _day, "", "qianzhi book load FILE", needs_book=True),
    Check(phrase("calendar"), _calendar, "", "qianzhi book load FILE", needs_book=True),
    Check(
        phrase("journal"),
        _journal,
        Sentence("every link since the last seal holds"),
        Sentence("see the database's finding"),
        needs_book=True,
    ),
    Check(phrase("space"), _space, Sentence("there is room"), Sentence("mount the folder")),
    Check(
        phrase("disk"),
        _disk,
        Sentence("a sync is a promise here"),
        Sentence("see docs/decisions/0014-selftest.md"),
        needs_book=True,
    ),
    Check(
        phrase("clock"),
        _clock,
        Sentence("not behind the book"),
        Sentence("see the database's finding"),
        needs_book=True,
    ),
    Check(
        phrase("keys"), _keys, Sentence("the keystore opens, and every bank has its key"), "qianzhi keys list"
    ),
    Check(
        phrase("macs"),
        lambda _, settings: on_macs(settings.bank),
        Sentence("every bank's messages have a MAC that is recommended"),
        Sentence("see docs/protocol.md"),
    ),
    Check(
        phrase("certificate"),
        _certificate,
        Sentence("the certificate and its key are good"),
        Sentence("see docs/keys.md"),
    ),
    Check(
        phrase("control"),
        _control,
        Sentence("a machine serves, and its socket is private"),
        Sentence("run this as the machine's user"),
    ),
    Check(
        phrase("service"),
        _service,
        Sentence("transactions are taken"),
        "systemctl status; journalctl -u qianzhi-fep",
    ),
    Check(
        phrase("ports"), _ports, Sentence("each is free, or ours"), Sentence("run this as the machine's user")
    ),
    Check(phrase("units"), _units, Sentence("{unit} is active and enabled", unit=UNIT), "systemctl status"),
    Check(
        phrase("firewall"),
        _firewall,
        Sentence("the loaded rules are those of the settings"),
        Sentence("run this as root, or see docs/hardening.md"),
    ),
    Check(
        phrase("office"),
        _office,
        Sentence("nothing is brought here from the office"),
        Sentence("run this as the machine's user"),
    ),
)
"""Every check but that of the settings, without which no other can look."""
