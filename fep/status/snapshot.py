"""A snapshot: what the status page shows at one moment of the machine, of its banks and of the open breaks.

Frozen values, and how they are computed from the counters, the links and the day. What is wrong in a
snapshot, `fep.status.alarms` says; words and formats for people are the page's own. No customer's data is
within reach.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from fep.day.clock import WallClock
from fep.day.schedule import Obstacle, seconds_left
from fep.engine.commit import Engine
from fep.links.key_desk import KeyDesk
from fep.links.link import Link
from fep.links.misses import Misses
from fep.links.server import Server
from fep.links.session import SIGNED_OFF, SIGNED_ON
from fep.links.tls import Validity
from fep.settings.config import Bank, Settings
from fep.status.day_totals import BankTotals, day_totals
from fep.status.host import Certificate, Disk
from fep.status.host_reader import HostReader
from fep.telemetry.last_seen import NEVER, latest
from fep.telemetry.rates import History
from fep.telemetry.statistics import Statistics
from ledger.book.front import Overview
from ledger.files.open_breaks_file import Figures
from ledger.rules.beijing import BEIJING, beijing
from ledger.rules.request import NO_FIGURES

BANDS: Final = (1, 7, 30)
"""Upper ages of the bands of open breaks, in days, inclusive; one more band takes what is older."""


class State(StrEnum):
    """Whether transactions are taken, and if not, why."""

    SERVING = "serving"
    STOPPED = "stopped"
    DOUBT = "doubt"
    NO_DATABASE = "no_database"
    NO_TOKEN = "no_token"
    NO_DAY = "no_day"


class Light(StrEnum):
    """A bank's state in one word. The last four are no faults: it has signed off, it opens links only as it
    needs them, or none may be opened at this hour, or at all.
    """

    UP = "up"
    SILENT = "silent"
    UNSIGNED = "unsigned"
    DOWN = "down"
    SIGNED_OFF = "signed_off"
    IDLE = "idle"
    CLOSED = "closed"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class BankSnapshot:
    """One bank. `rate` is its answers in the last second; `p99_us` is the 99th percentile of the last
    minute's latencies, in microseconds; `mac_lately` counts bad MACs, `held_lately` waits for earlier
    refusals, both of the last five minutes; `misses` are those that are worth telling; `unfit` is the sum
    in fen of advices that fit no due, with an alarm from `unfit_alarm` on; `held` is how many of its
    messages wait because of its rate or its refusals; `certificate_seconds` is for how long the certificate
    that it has shown is valid, `certificate_until` its end in Beijing's time; `has_zmk` is False where the
    token lacks its ZMK. None means: it never happened, or there are too few samples.
    """

    code: str
    name: str
    light: Light
    links: int
    signed_on: int
    heard_seconds: int | None
    echo_seconds: int | None
    rate: int
    answers: int
    p99_us: int | None
    mac_failures: int
    mac_lately: int
    held_lately: int = 0
    misses: int = 0
    unfit: int = 0
    unfit_alarm: int = 0
    held: int = 0
    certificate_seconds: int | None = None
    certificate_until: str = ""
    has_zmk: bool = True


@dataclass(frozen=True, slots=True)
class CertificateState:
    """The certificate that banks are shown, of the file `file`. `until` is its end, YYYY-MM-DD HH:MM in
    Beijing, `seconds_left` the time until then (negative: it has expired), `seconds_until_valid` the time
    until it begins to be valid, or 0. `fault` is why it or its key cannot be used; then the others are not
    known. Unless `is_taken` the file has another one than links are shown.
    """

    file: str
    until: str = ""
    seconds_left: int | None = None
    seconds_until_valid: int = 0
    fault: str = ""
    is_taken: bool = True


@dataclass(frozen=True, slots=True)
class ResponseCount:
    """A response code (DE 39), and its answers since the process began and in the last five minutes."""

    code: str
    total: int
    lately: int


@dataclass(frozen=True, slots=True)
class Aged:
    """Open breaks of one class: how many in each band of BANDS and above, and the sum of their amounts in
    fen.
    """

    cls: str
    counts: tuple[int, ...]
    amount: int


@dataclass(frozen=True, slots=True)
class OpenBreaks:
    """Open breaks as the office's file has them, written at `told_at_us` (microseconds since 1970-01-01
    UTC). `is_wanted`: the settings name a file. `fault` is why the breaks are not known, or empty.
    `oldest_days` is None without a break.
    """

    is_wanted: bool
    told_at_us: int | None = None
    fault: str = ""
    classes: tuple[Aged, ...] = ()
    oldest_days: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue and the batches. `limit` is how many requests may wait now; `recent_size` is the mean size
    of the last batches, rounded up; the other figures count since the process began.
    """

    waiting: int
    limit: int
    batches: int
    batched: int
    recent_size: int
    failed: int
    replays: int
    undelivered: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The machine at one moment. `now` is Beijing's time of day for people, `at_us` the same moment in
    microseconds since 1970-01-01 UTC; `clock` is why the wall clock is not trusted, or empty. `today` is
    Beijing's date YYYYMMDD. `cutover` is the hour HH:MM there, or empty where operators cut over;
    `seconds_left` until then is None without an hour or an open day. `waits` is the obstacle that keeps the
    clock from cutting over, or empty. `untold_year` is a year whose holidays must be told now, or None.
    `refused` counts connections, `locked_dues` dues locked after wrong guesses, `held_dues` dues that batches
    hold. `database` is where the book is; it has not answered for `away_seconds`, and the token has made no
    key for `token_seconds`; None while they do.
    """

    node: str
    now: str
    at_us: int
    clock: str
    state: State
    business_date: str
    today: str
    cutover: str
    seconds_left: int | None
    waits: str
    untold_year: int | None
    rate: int
    p99_us: int | None
    queue: Queue
    refused: int
    refused_lately: int
    responses: tuple[ResponseCount, ...]
    banks: tuple[BankSnapshot, ...]
    breaks: OpenBreaks
    locked_dues: int = 0
    held_dues: int = 0
    database: str = ""
    away_seconds: int | None = None
    token_seconds: int | None = None
    certificate: CertificateState | None = None
    disks: tuple[Disk, ...] = ()
    totals_date: str = ""
    totals: tuple[BankTotals, ...] = ()


class SnapshotBuilder:
    """Takes snapshots of one machine. `clock` is its wall clock, `seconds` the reactor's; `obstacle`
    returns what keeps the clock from cutting over; `misses` are each bank's budget; `overview` returns the
    last read of the book; `host` has certificates and disks.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        server: Server,
        engine: Engine,
        statistics: Statistics,
        history: History,
        clock: WallClock,
        seconds: Callable[[], float],
        obstacle: Callable[[], Obstacle | None],
        misses: Mapping[str, Misses],
        overview: Callable[[], Overview],
        key_desk: KeyDesk,
        host: HostReader,
    ) -> None:
        self._settings = settings
        self._server = server
        self._engine = engine
        self._statistics = statistics
        self.history = history
        self._clock = clock
        self._seconds = seconds
        self._obstacle = obstacle
        self._misses = misses
        self._overview = overview
        self._key_desk = key_desk
        self._host = host

    def snapshot(self, state: State, figures: Figures | str | None) -> Snapshot:
        """Take a snapshot. `figures` are the office's, or in words why they cannot be read, or None where
        there are none.
        """
        settings, now, history = self._settings(), self._clock.now(), self.history
        date_open, cutover = self._engine.business_date, settings.day.cutover or ""
        token = self._key_desk.outage
        codes, outage = [bank.code for bank in settings.bank], self._engine.outage
        at_us = self._clock.now_us()
        in_beijing = beijing(at_us)
        today = f"{in_beijing:%Y%m%d}"
        left = seconds_left(in_beijing, date_open, cutover) if date_open and cutover else None
        return Snapshot(
            node=settings.node.name,
            now=f"{now:%Y-%m-%d %H:%M:%S}",
            at_us=at_us,
            clock=self._clock.fault(),
            state=state,
            business_date=date_open,
            today=today,
            cutover=cutover,
            seconds_left=left,
            waits=self._obstacle() or "",
            untold_year=settings.day.calendar().missing_year(today),
            rate=sum(history.last.answers.values()) - sum(history.before.answers.values()),
            p99_us=history.p99_us(codes),
            queue=self._queue(),
            refused=self._statistics.refused_connections,
            refused_lately=history.last.refused - history.first.refused,
            responses=tuple(self._responses()),
            banks=tuple(self._banks(settings, now, at_us)),
            breaks=open_breaks(figures, today, is_wanted=bool(settings.status.breaks)),
            locked_dues=self._overview().locked_dues,
            held_dues=self._overview().held_dues,
            database=self._engine.database,
            away_seconds=None if outage is None else int(outage.seconds),
            token_seconds=None if token is None else int(token.seconds),
            certificate=certificate_state(self._host.latest.certificate, at_us),
            disks=self._host.latest.disks,
            totals_date=_date(self._overview()),
            totals=self.totals(),
        )

    def _queue(self) -> Queue:
        statistics = self._statistics
        recent = statistics.recent_batches
        return Queue(
            waiting=self._engine.queued,
            limit=self._engine.places,
            batches=statistics.batches,
            batched=statistics.batched,
            recent_size=-(-sum(recent) // len(recent)) if recent else 0,
            failed=sum(statistics.failed_batches.values()),
            replays=statistics.replays,
            undelivered=statistics.undelivered,
        )

    def _responses(self) -> Iterable[ResponseCount]:
        last, first = self.history.last.responses, self.history.first.responses
        for code in sorted(last):
            yield ResponseCount(code, last[code], last[code] - first.get(code, 0))

    def totals(self) -> tuple[BankTotals, ...]:
        """Return each bank's totals of the business date as they were last read of the book."""
        settings = self._settings()
        return day_totals((*settings.bank, *settings.channel), self._overview().figures)

    def figures(self) -> dict[str, Any]:
        """Return what /status has of the day and of what surrounds the machine, as JSON-able values."""
        overview, host = self._overview(), self._host.latest
        certificate = certificate_state(host.certificate, self._clock.now_us())
        return {
            "totals_date": _date(overview),
            "totals": [asdict(bank) for bank in self.totals()],
            "held_messages": dict(self._held()),
            "locked_dues": overview.locked_dues,
            "held_dues": overview.held_dues,
            "held_since_us": overview.held_since,
            "banks_without_zmk": sorted(self._key_desk.without_zmk),
            "cutover_waits": self._obstacle() or "",
            "certificate": None if certificate is None else asdict(certificate),
            "bank_certificates": {
                bank: validity.ends.isoformat() for bank, validity in self._host.bank_ends().items()
            },
            "disks": [asdict(disk) for disk in host.disks],
        }

    def _held(self) -> Counter[str]:
        """Return, by bank, how many messages wait to be read further."""
        held = Counter(dict.fromkeys((bank.code for bank in self._settings().bank), 0))
        for connection in self._server.connections:
            held[connection.link.bank.code] += connection.held
        return held

    def lights(self) -> dict[str, Light]:
        """Return each bank's light, by its code."""
        settings, links, now = self._settings(), self._links(), self._clock.now()
        idle_seconds = settings.limits.idle_seconds
        return {bank.code: self._light(bank, links[bank.code], idle_seconds, now) for bank in settings.bank}

    def _links(self) -> defaultdict[str, list[Link]]:
        links: defaultdict[str, list[Link]] = defaultdict(list)
        for connection in self._server.connections:
            links[connection.link.bank.code].append(connection.link)
        return links

    def _banks(self, settings: Settings, now: datetime, at_us: int) -> Iterable[BankSnapshot]:
        links, ends, held = self._links(), self._host.bank_ends(), self._held()
        for bank in settings.bank:
            shown = self._bank(bank, links[bank.code], settings.limits.idle_seconds, now, held[bank.code])
            yield with_certificate(shown, ends.get(bank.code), at_us)

    def _light(self, bank: Bank, links: list[Link], idle_seconds: int, now: datetime) -> Light:
        states = [link.session.state() for link in links]
        signed_on = [link for link, state in zip(links, states, strict=True) if state == SIGNED_ON]
        has_signed_off = all(state == SIGNED_OFF for state in states) if links else None
        return light(
            len(links),
            len(signed_on),
            silent=all(link.idle_seconds() > idle_seconds for link in signed_on),
            is_hour=bank.hours is None or bank.hours.include(now.time()),
            is_enabled=bank.enabled,
            signed_off=bank.code in self._server.signed_off if has_signed_off is None else has_signed_off,
            short_links=bank.short_links,
        )

    def _bank(
        self, bank: Bank, links: list[Link], idle_seconds: int, now: datetime, held: int
    ) -> BankSnapshot:
        code, history = bank.code, self.history
        of_closed_links = self._server.last_seen.get(code, NEVER)
        last_seen = latest(of_closed_links, *(link.last_seen() for link in links))
        signed_on = [link for link in links if link.session.state() == SIGNED_ON]
        return BankSnapshot(
            code=code,
            name=bank.name,
            light=self._light(bank, links, idle_seconds, now),
            links=len(links),
            signed_on=len(signed_on),
            heard_seconds=self._ago(last_seen.heard_at),
            echo_seconds=self._ago(last_seen.echoed_at),
            rate=history.last.answers.get(code, 0) - history.before.answers.get(code, 0),
            answers=history.last.answers.get(code, 0),
            p99_us=history.p99_us([code]),
            mac_failures=self._statistics.mac_failures[code],
            mac_lately=history.last.mac_failures.get(code, 0) - history.first.mac_failures.get(code, 0),
            held_lately=history.last.held_back.get(code, 0) - history.first.held_back.get(code, 0),
            misses=self._misses[code].to_show(self._seconds()) if code in self._misses else 0,
            unfit=self._overview().figures.get(code, NO_FIGURES).unfit,
            held=held,
            unfit_alarm=bank.unfit_alarm_fen,
            has_zmk=code not in self._key_desk.without_zmk,
        )

    def _ago(self, at: float | None) -> int | None:
        return None if at is None else int(self._seconds() - at)


def light(
    links: int,
    signed_on: int,
    *,
    silent: bool,
    is_hour: bool,
    is_enabled: bool,
    signed_off: bool = False,
    short_links: bool = False,
) -> Light:
    """Return the light of a bank with so many links, so many of them signed on. `silent`: none of these was
    heard for as long as the limits allow. `is_hour`: the bank may open links now. `is_enabled`: it may open
    links at all. `signed_off`: all its links have signed off, or the last one had when it ended.
    `short_links`: it opens links only as it needs them.
    """
    if signed_on:
        return Light.SILENT if silent else Light.UP
    if not links and not is_enabled:
        return Light.DISABLED
    if not links and not is_hour:
        return Light.CLOSED
    if signed_off:
        return Light.SIGNED_OFF
    if short_links:
        return Light.IDLE
    return Light.UNSIGNED if links else Light.DOWN


def certificate_state(certificate: Certificate | None, at_us: int) -> CertificateState | None:
    """Return the machine's certificate as it is at a moment; None where it has none."""
    if certificate is None:
        return None
    if certificate.validity is None:
        return CertificateState(certificate.file, fault=certificate.fault)
    begins, ends = certificate.validity
    return CertificateState(
        certificate.file,
        until=_moment(ends),
        seconds_left=_seconds_to(ends, at_us),
        seconds_until_valid=max(0, _seconds_to(begins, at_us)),
        is_taken=certificate.is_taken,
    )


def with_certificate(bank: BankSnapshot, validity: Validity | None, at_us: int) -> BankSnapshot:
    """Return a bank with the time that its certificate is still valid at a moment; None: it showed none."""
    if validity is None:
        return bank
    left = _seconds_to(validity.ends, at_us)
    return replace(bank, certificate_seconds=left, certificate_until=_moment(validity.ends))


def _date(overview: Overview) -> str:
    """The open business date of the book as it was last read, YYYYMMDD; empty for none."""
    return overview.day.date if overview.day is not None else ""


def _seconds_to(then: datetime, at_us: int) -> int:
    return int((then - datetime.fromtimestamp(at_us / 1_000_000, UTC)).total_seconds())


def _moment(then: datetime) -> str:
    return f"{then.astimezone(BEIJING):%Y-%m-%d %H:%M}"


def open_breaks(figures: Figures | str | None, today: str, *, is_wanted: bool = True) -> OpenBreaks:
    """Return the office's figures by class and by their age in days on `today` (YYYYMMDD)."""
    if not isinstance(figures, Figures):
        return OpenBreaks(is_wanted, fault=figures or "")
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BANDS) + 1))
    amounts: defaultdict[str, int] = defaultdict(int)
    ages = []
    for row in figures.rows:
        age = (date.fromisoformat(today) - date.fromisoformat(row.date)).days
        ages.append(age)
        counts[row.cls][sum(age > band for band in BANDS)] += row.breaks
        amounts[row.cls] += row.amount
    classes = tuple(Aged(cls, tuple(counts[cls]), amounts[cls]) for cls in sorted(counts))
    return OpenBreaks(is_wanted, figures.told_at, "", classes, max(ages, default=None))
