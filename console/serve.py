"""The commands that make and run a machine: `qianzhi init`, `serve` and `run`.

Joins the real reactor, clock and entropy with fep.service, which is everything that serves; tunes the
interpreter for it, and turns signals into its stop and its reload.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

from console.book import load_dues, loaded_lines, write_sample
from console.say import say
from console.wall_clock import now_us, today
from fep.day.clock import WallClock
from fep.errors import FepError
from fep.process.log_writer import LogWriter, writer_of
from fep.process.logtext import log_observer
from fep.process.reactor import real_reactor
from fep.service import Service, World
from fep.settings.config import Settings, load_served_settings, load_settings
from fep.setup.install import install
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

SWITCH_INTERVAL_SECONDS = 0.0005
"""The committer's thread takes the interpreter's lock back about a dozen times a batch; at the default of
5 ms each, a busy reactor would make a batch of 256 take 60 ms."""
COLLECTOR_THRESHOLDS = (20_000, 20, 50)
"""What is loaded at start never becomes garbage, and requests hold no cycles: looking for some at the
defaults cost half of the 99th percentile's latency."""
_LOG_SECONDS = 2.0
"""How long the end of the process may wait for whoever reads the log."""
_SAMPLE_POLICIES = 10_000
_RUN_FOLDER = Path("var")
_RUN_PORT, _RUN_STATUS_PORT = 8583, 8580


class PortRefused(FepError):
    """The system does not let this machine listen where its settings say."""


def real_world() -> World:
    """The real reactor, clock and entropy."""
    reactor = real_reactor()
    return World(reactor, WallClock(now_us, reactor.seconds), os.urandom, in_thread=deferToThread)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--port", default=_RUN_PORT, show_default=True, help="the first bank's port")
@click.option("--status-port", default=_RUN_STATUS_PORT, show_default=True)
def init(folder: Path, port: int, status_port: int) -> None:
    """Write sample settings and fresh keys into FOLDER."""
    path = install(folder, os.urandom, datetime.now(UTC), first_port=port, status_port=status_port)
    say(
        _("wrote {path}; next: qianzhi book sample 10000 --output {folder}/book.csv").format(
            path=path, folder=folder
        )
    )


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
def serve(config: Path) -> None:
    """Serve the banks with the settings in CONFIG until SIGTERM or SIGINT."""
    _serve(load_served_settings(config), config, quiet=True)


@click.command()
def run() -> None:
    """Serve a sample installation in ./var, made at the first run, and print how to connect."""
    config = _RUN_FOLDER / "qianzhi.toml"
    if not config.exists():
        now = datetime.now(UTC)
        install(_RUN_FOLDER, os.urandom, now, first_port=_RUN_PORT, status_port=_RUN_STATUS_PORT, trial=True)
        path = _RUN_FOLDER / "book.csv"
        write_sample(path, _SAMPLE_POLICIES, 1, today())
        for line in loaded_lines(load_dues(load_settings(config), path)):
            say(line)
    _serve(load_served_settings(config), config, quiet=False)


def _refused(error: CannotListenError) -> str:
    """Twisted's text of the refusal, as a Sentence."""
    return Sentence(
        "Couldn't listen on {host}:{port}: [Errno {number}] {reason}.",
        host=error.interface or "any",
        port=error.port,
        number=error.socketError.errno,
        reason=system_reason(error.socketError),
    )


def _tune_interpreter() -> None:
    """Set what belongs to the whole process: how often threads switch, and when garbage is looked for."""
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _serve(settings: Settings, config: Path, *, quiet: bool) -> None:
    """Serve until the machine ends. Its log goes to standard error; at the end what is left of it is written,
    if somebody reads it.
    """
    writer = writer_of(sys.stderr)
    try:
        is_fenced = _serve_until_stopped(settings, config, writer, quiet=quiet)
    finally:
        is_read = writer.close(_LOG_SECONDS)
    if is_fenced and is_read:
        raise click.ClickException(_("another process serves under this node's name; this one has stopped"))
    if is_fenced:
        sys.exit(1)


def _serve_until_stopped(settings: Settings, config: Path, writer: LogWriter, *, quiet: bool) -> bool:
    """Serve, logging to `writer`. Returns whether another process has taken the node's name."""
    world = replace(real_world(), log_dropped=lambda: writer.dropped)
    reactor: Any = world.reactor
    observer: Any = log_observer(writer)  # an ILogObserver, which Twisted does not tell to types
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    service = Service(settings, world, lambda: load_served_settings(config))
    try:
        service.start()
    except CannotListenError as error:
        raise PortRefused(_refused(error)) from error
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
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reload_settings, service))
    for line in connection_lines(service, config, quiet=quiet):
        say(line)
    sys.stdout.flush()
    reactor.run(installSignalHandlers=False)
    return bool(failures)


def reload_settings(service: Service) -> Deferred[Any]:
    """Do what SIGHUP asks for. Settings that cannot be used are reported in the log; the old ones stay."""

    def not_reloaded(failure: Failure) -> None:
        failure.trap(QianzhiError, OSError)  # type: ignore[no-untyped-call]
        service.log.error("not reloaded: {error}", error=failure.value)

    reloaded = service.reload()
    reloaded.addErrback(not_reloaded)
    return reloaded.addErrback(lambda failure: service.log.failure("not reloaded", failure=failure))


_stopping: list[bool] = []


def _once(stop: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        if not _stopping:
            _stopping.append(True)
            stop()

    return call


def connection_lines(service: Service, config: Path, *, quiet: bool) -> Iterator[str]:
    """Where each bank and the status page are listened for; how to try it, unless `quiet`. A program that
    starts a machine waits for these lines: their first words and addresses are the same in every language.
    """
    for bank in service.settings.bank:
        yield (
            f"bank {bank.code} {bank.host}:{service.bank_ports[bank.code]}"
            f"  {bank.framing}, {bank.dialect}, {bank.mac}  {bank.name}"
        )
    port = f"http://{service.settings.status.host}:{service.status_port}"
    yield f"page {port}/  {_('for a browser')}"
    yield f"status {port}/status"
    if not quiet:
        code = service.settings.bank[0].code
        yield _("try it, in another terminal: {command}").format(
            command=f".venv/bin/qianzhi-bank --config {config} --bank {code} echo"
        )
        yield _("Ctrl-C stops it")
