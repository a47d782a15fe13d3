"""The `qianzhi-teller` command: a teller's terminal screen at one of the banks in a machine's settings.

Reads options, starts the bank's thread, runs the screen, and at the end says what is not decided. Nothing of
the screen or the bank itself belongs here.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

import click
from twisted.logger import globalLogBeginner

from console.failure import run_to_end
from console.say import say
from fep.process.logtext import log_observer
from fep.process.reactor import real_reactor
from qianzhi_errors import QianzhiError
from simulators.cli import counter_of, counter_options
from simulators.teller.desk import BankDesk
from simulators.teller.samples import LINES_MAX, Sample, pick
from simulators.teller.screen import Place, TellerScreen
from simulators.teller.wording import Language

_LANGUAGES = {"zh": Language.CHINESE, "en": Language.ENGLISH}
_ANSWER_SECONDS = 10


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    run_to_end("qianzhi-teller", teller, (QianzhiError, OSError))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@counter_options
@click.option("--terminal", default="TELLER01", show_default=True, help="DE 41")
@click.option("--book", type=click.Path(path_type=Path), default=None, help="[default: book.csv beside]")
@click.option("--receipts", type=click.Path(path_type=Path), default=None, help="[default: receipts/ beside]")
@click.option("--language", type=click.Choice(tuple(_LANGUAGES)), default="zh", show_default=True)
@click.option("--answer-seconds", type=click.IntRange(1, 300), default=_ANSWER_SECONDS, show_default=True)
def teller(
    config: Path,
    code: str | None,
    host: str | None,
    port: int | None,
    terminal: str,
    book: Path | None,
    receipts: Path | None,
    language: str,
    answer_seconds: int,
) -> None:
    """A teller's screen at a bank: look up, collect, pay, cancel, print. `make run` serves a machine."""
    counter = counter_of(config, code, host, port)
    profile = replace(counter.profile, terminals=(terminal,))
    samples = _samples(book or config.with_name("book.csv"))
    place = Place(
        f"{counter.entry.code} {counter.entry.name}", terminal, receipts or config.with_name("receipts")
    )
    with _reactor_in_thread(config.with_name("teller.log")) as reactor:
        desk = BankDesk(profile, reactor, lambda: datetime.now().astimezone(), answer_seconds, _first_stan())
        screen = TellerScreen(desk, place, samples, _LANGUAGES[language])
        for ending in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, lambda *_: screen.exit())  # the terminal is given back, and the end is told
        screen.run()
    for belief in screen.undecided:
        say(counter.reversal(belief), err=True)
    if screen.return_code or screen.undecided:
        sys.exit(1)


def _first_stan() -> int:
    """Each run has forgotten the last STAN: the microsecond keeps a key from being used twice."""
    return datetime.now().astimezone().microsecond


def _samples(path: Path) -> tuple[Sample, ...]:
    """Policies to try; none where there is no such file."""
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return pick(islice(file, LINES_MAX), SystemRandom())


@contextmanager
def _reactor_in_thread(log: Path) -> Iterator[Any]:
    """The bank's thread, with a reactor that runs; it logs to a file, for the terminal is the screen's."""
    running = real_reactor()
    with log.open("a", encoding="utf-8") as file:
        globalLogBeginner.beginLoggingTo([log_observer(file)], redirectStandardIO=False)
        run: Callable[[], None] = lambda: running.run(installSignalHandlers=False)  # noqa: E731 - one call
        thread = threading.Thread(target=run, name="bank", daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.callFromThread(running.stop)
            thread.join()


if __name__ == "__main__":
    main()
