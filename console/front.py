"""The commands of the front-end machine: init, serve, run, book, day, journal.

Parses arguments, calls, prints. What writes to a book that is being served is asked of the process that
serves.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

from console import audit_entry
from console.audit_entry import now_us
from console.day import status_command
from console.options import DATE, SETTINGS
from console.output import JSON, show
from fep.day.clock import WallClock
from fep.day.retirement import first_known, read_archived
from fep.day.schedule import objection
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.operator.audit_trail import CUTOVER, DONE_BEFORE, LOAD, clock_word, write
from fep.operator.control import NotServing, ask
from fep.process.logtext import log_observer
from fep.process.reactor import real_reactor
from fep.service import Service, World
from fep.settings.config import Settings, load_settings
from fep.setup.install import install
from ledger.book.cutover import Cutover, CutoverRefused, cut_over
from ledger.book.front import FrontBook
from ledger.book.journal import ProvedChain, prove, read_days, retired_until
from ledger.book.load import Loaded, load_book
from ledger.book.retire import RETIRE, Retired, RetireRefused, retire
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.files import bookfile, sample
from ledger.files.leftout import lines_of
from ledger.rules.beijing import beijing
from ledger.rules.day import DayState

SWITCH_INTERVAL_SECONDS = 0.0005
"""The committer's thread takes the interpreter's lock back about a dozen times a batch; at the default of
5 ms each, a busy reactor would make a batch of 256 take 60 ms."""
COLLECTOR_THRESHOLDS = (20_000, 20, 50)
"""What is loaded at start never becomes garbage, and requests hold no cycles: looking for some at the
defaults cost half of the 99th percentile's latency."""
_SAMPLE_POLICIES = 10_000
_RUN_FOLDER = Path("var")
_RUN_PORT, _RUN_STATUS_PORT = 8583, 8580


def real_world() -> World:
    """The real reactor, clock and entropy."""
    reactor = real_reactor()
    return World(reactor, WallClock(now_us, reactor.seconds), os.urandom)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--port", default=_RUN_PORT, show_default=True, help="the first bank's port")
@click.option("--status-port", default=_RUN_STATUS_PORT, show_default=True)
def init(folder: Path, port: int, status_port: int) -> None:
    """Write sample settings and fresh keys into FOLDER."""
    path = install(folder, os.urandom, datetime.now(UTC), first_port=port, status_port=status_port)
    click.echo(f"wrote {path}; next: qianzhi book sample 10000 --output {folder}/book.csv")


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
def serve(config: Path) -> None:
    """Serve the banks with the settings in CONFIG until SIGTERM or SIGINT."""
    _serve(load_settings(config), config, quiet=True)


@click.command()
def run() -> None:
    """Serve a sample installation in ./var, made at the first run, and print how to connect."""
    config = _RUN_FOLDER / "qianzhi.toml"
    if not config.exists():
        ports = {"first_port": _RUN_PORT, "status_port": _RUN_STATUS_PORT}
        install(_RUN_FOLDER, os.urandom, datetime.now(UTC), trial=True, **ports)
        path = _RUN_FOLDER / "book.csv"
        _write_sample(path, _SAMPLE_POLICIES, 1, today())
        for line in _report(_load(load_settings(config), path)):
            click.echo(line)
    _serve(load_settings(config), config, quiet=False)


@click.command("reload")
@SETTINGS
def reload_command(config: Path) -> None:
    """Have the machine read its settings again: banks, keys, certificates, allowlist. Good links stay."""
    told = ask(Path(load_settings(config).node.control), "reload")
    click.echo(f"reloaded: {told['banks']} banks")


@click.group()
def book() -> None:
    """The day's dues."""


@book.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--without", metavar="LINES", default="", help="leave out rows with a fault, as 17,203-205")
@SETTINGS
@JSON
def load_command(file: Path, without: str, config: Path, as_json: bool) -> None:
    """Load FILE, the day's dues, whole or not at all, and open its business day.

    Rows with a fault are left out if two people name the same lines of the same file; the first is refused,
    and written down.
    """
    loaded = _load(load_settings(config), file, without)
    show(loaded, lambda: _report(loaded), as_json=as_json)


@book.command("retire")
@SETTINGS
@JSON
def retire_command(config: Path, as_json: bool) -> None:
    """Forget the entries of the days that the office has archived and whose keys are past their window.

    The oldest day first, while the machine serves or not. The day itself stays, with its seal.
    """
    settings = load_settings(config)
    try:
        done = Retired(**ask(Path(settings.node.control), RETIRE))
    except NotServing:
        done = _retire_here(settings)

    def lines() -> Iterator[str]:
        if done.entries or done.dates:
            yield f"retired {', '.join(done.dates) or 'the rest of a day'}: {done.entries} entries"
        yield f"no further day: {done.waits}"

    show(done, lines, as_json=as_json)


@book.command("sample")
@click.argument("policies", type=click.IntRange(min=1))
@click.option("--output", type=click.Path(path_type=Path), default=Path("book.csv"), show_default=True)
@click.option("--date", type=DATE, default=None, help="the business date  [default: today]")
@click.option("--seed", default=1, show_default=True)
def sample_command(policies: int, output: Path, date: str | None, seed: int) -> None:
    """Write a credible book of POLICIES policies; the persons in it do not exist."""
    try:
        _write_sample(output, policies, seed, date or today())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    click.echo(f"wrote {output}")


@click.group()
def day() -> None:
    """The business day."""


day.add_command(status_command)


@day.command("cutover")
@click.option("--date", type=DATE, default="", help="the business day to close; without it you are asked")
@click.option("--early", is_flag=True, help="close it though it has not begun, or its hour has not come")
@SETTINGS
@JSON
def cutover_command(date: str, early: bool, config: Path, as_json: bool) -> None:
    """Close the business day and open the next. Asked for again for the same date, it changes nothing."""
    settings = load_settings(config)
    closing = date or _date_asked_for(settings)
    try:
        done = Cutover(**ask(Path(settings.node.control), "cutover", date=closing, early=early))
    except NotServing:
        done = _cut_over_here(settings, closing, early=early)
    said = (
        f"{done.date} was closed before, and nothing was changed; {done.next_date} followed"
        if done.done_before
        else f"{done.date} is closed, {done.next_date} is open"
    )
    show(done, lambda: [f"{said}; root {done.root}"], as_json=as_json)


def _date_asked_for(settings: Settings) -> str:
    """The open business date, if the person at the terminal says that it is to be closed; nobody else is
    asked.
    """
    store = Store(settings.node.database, lock=False)
    try:
        with store.reading() as connection:
            date = next((row.date for row in read_days(connection) if row.state == DayState.OPEN), "")
    finally:
        store.close()
    if not date:
        raise CutoverRefused("no business day is open: load the dues first")
    if not sys.stdin.isatty():
        raise click.UsageError(f"say which business day to close: --date {date} is the open one")
    following = settings.day.calendar().next_business_date(date)
    click.confirm(f"Business day {date} is open. Close it, and open {following}?", abort=True, err=True)
    return date


@click.group()
def journal() -> None:
    """The journal."""


@journal.command("verify")
@SETTINGS
@JSON
def verify_command(config: Path, as_json: bool) -> None:
    """Prove the journal's hash chains; exit code 1 and every broken link if one does not hold."""
    store = Store(load_settings(config).node.database, lock=False)
    try:
        with store.reading(snapshot=True) as connection:
            date, _ = retired_until(connection)
            found = tuple(prove(connection))
    finally:
        store.close()
    show(found, lambda: _proved(date, found), as_json=as_json)
    broken = sum(len(chain.broken) for chain in found)
    if broken:
        raise click.ClickException(
            f"{broken} broken links: keep the files as they are and find out who wrote to them"
        )


def _proved(retired: str, found: Sequence[ProvedChain]) -> Iterator[str]:
    for chain in found:
        for link in chain.broken:
            yield f"chain {link.chain}, entry {link.position}: {link.reason}"
        since = f", proved from entry {chain.proved_from} on" if retired else ""
        yield f"chain {chain.chain}: {chain.entries} entries{since}"
    if retired:
        yield f"the business days up to {retired} are retired: their entries are the office's to prove"
    if not any(chain.broken for chain in found):
        yield "every link holds"


def _tune_interpreter() -> None:
    """Set what is the process's and not a part's: how often threads switch, and when garbage is looked
    for.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _progress() -> Progress:
    """A bar on standard error for a person who waits; nothing where nobody looks."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def today() -> str:
    """The date in Beijing, YYYYMMDD."""
    return f"{beijing(now_us()):%Y%m%d}"


def _write_sample(path: Path, policies: int, seed: int, date: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = sample.make(Random(seed), policies, date)
    with path.open("wb") as file, _progress() as progress:
        task = progress.add_task("sample", total=policies)
        for line in bookfile.write(date, entries):
            file.write(line)
            progress.advance(task)


def _cut_over_here(settings: Settings, date: str, *, early: bool) -> Cutover:
    """Cut over a book that nobody serves."""
    key_provider = KeyProvider(settings.keystore)
    following = settings.day.calendar().next_business_date
    against = "" if early else objection(beijing(now_us()), date, settings.day.cutover)
    with (
        _book_of(settings, key_provider.front_key.check_value) as (store, _),
        audit_entry.refusals(store, CUTOVER, date) as by,
    ):
        done = cut_over(store, date, following, key_provider.sealer, now_us(), by, against)
        if done.done_before:
            write(store, now_us(), by, CUTOVER, date, DONE_BEFORE)
    return done


@contextmanager
def _book_of(settings: Settings, key_check: str) -> Iterator[tuple[Store, FrontBook]]:
    """A book that nobody serves, made if need be."""
    store = Store(settings.node.database)
    try:
        book = FrontBook(store, key_check, os.urandom)
        book.create()
        yield store, book
    finally:
        store.close()


def _retire_here(settings: Settings) -> Retired:
    """Retire days of a book that nobody serves."""
    front_key = KeyProvider(settings.keystore).front_key
    with (
        _book_of(settings, front_key.check_value) as (store, book),
        audit_entry.refusals(store, RETIRE) as by,
    ):
        fault = clock_word(store, settings.node.name).fault
        if fault:
            raise RetireRefused(f"{fault}: nothing is retired before qianzhi clock accept")
        current = book.day()
        today = beijing(now_us()).date()
        first = first_known(today, current.date if current else "", settings.limits.key_days)
        return retire(store, read_archived(settings.day.archived), first, now_us, by=by)


def _load(settings: Settings, path: Path, without: str = "") -> Loaded:
    """Load a file of dues: through the process that serves, if one does."""
    with _progress() as progress:
        task = progress.add_task("load", total=None)
        advance = partial(progress.advance, task)
        try:
            given = {"path": str(path.resolve()), "without": without}
            told = ask(Path(settings.node.control), "load", advance, **given)
        except NotServing:
            return _load_here(settings, path, without, advance)
    return Loaded(**told)


def _load_here(settings: Settings, path: Path, without: str, advance: Callable[[int], None]) -> Loaded:
    """Load into a book that nobody serves."""
    front_key = KeyProvider(settings.keystore).front_key
    with (
        _book_of(settings, front_key.check_value) as (store, _),
        audit_entry.refusals(store, LOAD) as by,
        path.open("rb") as stream,
        bookfile.opened(stream, lines_of(without)) as parsed,
    ):
        return load_book(store, parsed, front_key.identity, now_us(), advance, by=by)


def _report(loaded: Loaded) -> Iterator[str]:
    yield (
        f"business day {loaded.date} has its dues: {loaded.policies} policies, {loaded.dues} dues,"
        f" {loaded.premium} fen to collect, {loaded.benefit} fen to pay"
    )
    if loaded.withdrawn or loaded.withdrawn_late or loaded.lapsed:
        yield f"{loaded.withdrawn} dues withdrawn, {loaded.lapsed} lapsed with their policies"
    if loaded.withdrawn_late:
        yield f"{loaded.withdrawn_late} dues were settled before they could be withdrawn: look at them"
    if loaded.left_out:
        rows = loaded.left_out.splitlines()
        yield f"{len(rows)} rows were left out: tell the core system"
        yield from rows


def _serve(settings: Settings, config: Path, *, quiet: bool) -> None:
    world = real_world()
    reactor: Any = world.reactor
    globalLogBeginner.beginLoggingTo([log_observer(sys.stderr)], redirectStandardIO=False)
    service = Service(settings, world, lambda: load_settings(config))
    service.start()
    _tune_interpreter()
    failures: list[int] = []

    def stop(*_: object) -> None:
        service.stop().addBoth(lambda _: reactor.stop())

    def fenced(_: object) -> None:
        failures.append(1)
        stop()

    service.failed.addCallback(fenced)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reactor.callFromThread(_once(stop)))
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(_reload, service))
    _say_how_to_connect(service, config, quiet=quiet)
    reactor.run(installSignalHandlers=False)
    if failures:
        raise click.ClickException("another process serves under this node's name; this one has stopped")


def _reload(service: Service) -> Deferred[None]:
    """What SIGHUP asks for; settings that are no good are told in the log, and the old ones hold."""

    def not_reloaded(failure: Failure) -> None:
        failure.trap(FepError, LedgerError, OSError)
        service.log.error("not reloaded: {error}", error=failure.value)

    done = service.reload()
    done.addErrback(not_reloaded)
    return done.addErrback(lambda failure: service.log.failure("not reloaded", failure=failure))


_stopping: list[bool] = []


def _once(stop: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        if not _stopping:
            _stopping.append(True)
            stop()

    return call


def _say_how_to_connect(service: Service, config: Path, *, quiet: bool) -> None:
    for bank in service.settings.bank:
        click.echo(
            f"bank {bank.code} {bank.host}:{service.bank_ports[bank.code]}"
            f"  {bank.framing}, {bank.dialect}, {bank.mac}  {bank.name}"
        )
    port = f"http://{service.settings.status.host}:{service.status_port}"
    click.echo(f"page {port}/  for a browser")
    click.echo(f"status {port}/status")
    if not quiet:
        first = service.settings.bank[0]
        click.echo(
            f"try it, in another terminal: .venv/bin/qianzhi-bank --config {config} --bank {first.code} echo"
        )
        click.echo("Ctrl-C stops it")
    sys.stdout.flush()


COMMANDS: tuple[click.Command, ...] = (init, serve, run, reload_command, book, day, journal)
