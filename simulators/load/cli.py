"""The `qianzhi-load` command: a load on a machine by its settings, and what it measured, in words, JSON and
`.hgrm`.

Parses, connects, prints. The driver decides when a request is sent, and the mix what it asks.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

import click
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.python.failure import Failure

from console import settings_place
from console.failure import fail, run
from console.say import say
from fep.process.reactor import react
from fep.settings.config import load_settings
from ledger.files.bookfile import Book, parse
from qianzhi_errors import QianzhiError
from simulators.cli import chosen_bank
from simulators.load.driver import SECOND, Driver, Plan, Report
from simulators.load.histogram import Histogram
from simulators.load.mix import ACTS, LoadBank, Mix
from simulators.profile import BankProfile, profile_of

_SHARES = {"p50": 50_000, "p90": 90_000, "p99": 99_000, "p99.9": 99_900}
_ANSWER_SECONDS = 30
_INTERRUPTED = 130
"""The exit code after a signal that came before anything was measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a run: the driver's report, the answers by MTI and DE 39, how many inquiries stood in for
    other acts, and where the machine broke the interface.
    """

    report: Report
    outcomes: Counter[tuple[str, str]]
    instead: int
    violations: tuple[str, ...] = ()


class Weights(click.ParamType):
    """A mix, `inquiry=50,collect=50`."""

    name = "act=weight,..."

    def convert(
        self, value: str | dict[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, int]:
        """Return act -> weight; fails for an unknown act, and if no weight is above 0."""
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if any(act not in ACTS or not weight.isdecimal() for act, _, weight in pairs):
            self.fail(f"{value!r}: write act=weight, acts are {', '.join(ACTS)}", param, ctx)
        weights = {act: int(weight) for act, _, weight in pairs}
        if not sum(weights.values()):
            self.fail(f"{value!r}: all weights are 0", param, ctx)
        return weights


_PROGRAM = "qianzhi-load"


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    try:
        run(load)
    except (QianzhiError, OSError) as error:
        fail(_PROGRAM, str(error))
    except (ConnectError, ConnectionClosed) as error:
        fail(_PROGRAM, f"cannot connect: {error}; is the machine serving? (make run)")
    except DeferredTimeout:
        fail(_PROGRAM, f"no answer to the sign-on within {_ANSWER_SECONDS} s: is it the bank's port?")
    sys.exit(0)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@settings_place.option("config", settings_place.FRONT, "the settings file")
@click.option("--bank", "codes", multiple=True, help="may be repeated  [default: the first in the settings]")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="[default: the bank's]")
@click.option(
    "--book", type=click.Path(dir_okay=False, path_type=Path), default=None, help="[default: book.csv beside]"
)
@click.option("--links", type=click.IntRange(1, 1000), default=4, show_default=True, help="of each bank")
@click.option("--in-flight", type=click.IntRange(1, 1000), default=4, show_default=True, help="a link")
@click.option("--rate", type=click.IntRange(0, 1_000_000), default=0, help="open loop: so many a second")
@click.option("--arrivals", type=click.Choice(("even", "poisson")), default="even", show_default=True)
@click.option("--mix", type=Weights(), default="inquiry=50,collect=40,pay=8,cancel=2", show_default=True)
@click.option("--duration", type=click.IntRange(0), default=0, help="seconds  [default: 10, or no bound]")
@click.option("--count", type=click.IntRange(0), default=0, help="requests  [default: no bound]")
@click.option("--seed", type=int, default=None, help="of acts, dues and Poisson times  [default: drawn]")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object instead of words")
@click.option(
    "--hgrm",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=None,
    help="write HdrHistogram's text",
)
def load(
    config: Path,
    codes: tuple[str, ...],
    port: int | None,
    book: Path | None,
    links: int,
    in_flight: int,
    rate: int,
    arrivals: str,
    mix: dict[str, int],
    duration: int,
    count: int,
    seed: int | None,
    as_json: bool,
    hgrm: Path | None,
) -> None:
    """Load a machine: closed loop, or open with --rate, where a latency counts from when each was due."""
    if not config.exists():
        raise click.UsageError(f"there is no {config}; `make run` makes a sample machine and serves it")
    book = book or config.with_name("book.csv")
    if not book.exists():
        raise click.UsageError(f"there is no {book}: give the day's dues by --book")
    settings = load_settings(config)
    entries = [chosen_bank(settings, code, port) for code in codes or (None,)]
    profiles = [profile_of(settings, entry, chosen) for entry, chosen in entries]
    with book.open("rb") as file:
        dues = parse(file)
    slots = links * in_flight * len(profiles)
    chosen_seed = SystemRandom().randrange(1_000_000) if seed is None else seed
    seconds = duration or (0 if count else 10)
    plan = Plan(slots, rate, arrivals == "poisson", count, seconds * SECOND, chosen_seed)
    run = Run(profiles, plan, mix, dues, links)
    measured = run.measured()
    say(json.dumps(as_object(measured, plan)) if as_json else in_words(measured, plan))
    if hgrm is not None:
        hgrm.write_text(measured.report.all.hgrm(), encoding="utf-8")
    if measured.report.failures or measured.report.unended or measured.violations:
        sys.exit(1)


class Run:
    """One run in the reactor: it connects, drives the load, signs off."""

    def __init__(
        self, profiles: list[BankProfile], plan: Plan, mix: Mapping[str, int], book: Book, links: int
    ) -> None:
        self._profiles, self._plan, self._mix, self._book, self._links = profiles, plan, mix, book, links
        self._measured: Measured | None = None
        self._failure: BaseException | None = None
        self._driver: Driver | None = None
        self._is_interrupted = self._is_over = False

    def measured(self) -> Measured:
        """Run until the plan or Ctrl-C ends it; the result so far. Raises whatever kept the run from
        measuring.
        """
        try:
            react(self._start)
        except SystemExit:
            if self._measured is None and self._is_interrupted:
                sys.exit(_INTERRUPTED)
        if self._measured is None:
            raise self._failure or RuntimeError("the load ended without a word")
        if self._failure is not None and not self._is_interrupted:
            say(f"{_PROGRAM}: signing off failed: {self._failure}", err=True)
        return self._measured

    def _start(self, reactor: Any) -> Deferred[None]:  # noqa: ANN401 - reactors have no one type
        reactor.addSystemEventTrigger("before", "shutdown", self._interrupt)
        return Deferred.fromCoroutine(self._run(reactor)).addBoth(self._end)

    def _interrupt(self) -> None:
        """Handle Ctrl-C, unless the reactor is ending already."""
        self._is_interrupted = not self._is_over
        if self._driver is not None:
            self._driver.cut_short()

    def _end(self, given: Failure | None) -> None:
        self._is_over = True
        self._failure = given.value if given is not None else None

    async def _run(self, reactor: Any) -> None:  # noqa: ANN401 - as above
        # Each run has forgotten the last STAN: the microsecond keeps a key from being used twice.
        stan = _now().microsecond
        banks = [LoadBank(profile, reactor, _now, _ANSWER_SECONDS, stan) for profile in self._profiles]
        for bank in banks:
            await bank.connect(self._links)
        mix = Mix(self._mix, banks, self._book, self._plan.seed)
        self._driver = Driver(reactor, self._plan, mix.begin)
        report = await self._driver.run()
        outcomes = sum((bank.outcomes for bank in banks), Counter[tuple[str, str]]())
        violations = tuple(violation for bank in banks for violation in bank.violations)
        self._measured = Measured(report, outcomes, mix.instead, violations)
        if not self._is_interrupted:
            for bank in banks:
                await bank.sign_off()


def _now() -> datetime:
    return datetime.now().astimezone()


def as_object(measured: Measured, plan: Plan) -> dict[str, Any]:
    """What was measured, for programs: times in microseconds."""
    report = measured.report
    return {
        "loop": "open" if plan.rate else "closed",
        "latency_from": "the time that each was due to be sent" if plan.rate else "the sending of each",
        "rate_wanted": plan.rate,
        "in_flight": plan.in_flight,
        "seed": plan.seed,
        "done": report.all.total,
        "elapsed_us": report.elapsed,
        "rate": _rate(report),
        "latency_us": {name: _figures(histogram) for name, histogram in _rows(report)},
        "lag_us": _figures(report.lags),
        "outcomes": {f"{mti} {code}": n for (mti, code), n in sorted(measured.outcomes.items())},
        "inquiries_instead": measured.instead,
        "violations": list(measured.violations),
        "failures": dict(sorted(report.failures.items())),
        "unended": report.unended,
    }


def in_words(measured: Measured, plan: Plan) -> str:
    """What was measured, for people."""
    report = measured.report
    how = f"open loop, {plan.rate:,} a second, {'Poisson' if plan.is_poisson else 'even'}"
    since = "latency from the time that each was due to be sent"
    if not plan.rate:
        how, since = "closed loop", "latency from the sending of each, so a stall is seen by few"
    lines = [
        f"{how}, at most {plan.in_flight} in flight, seed {plan.seed}; {since}",
        f"{report.all.total:,} done in {report.elapsed / SECOND:.2f} s: {_rate(report):,} a second",
        f"{'ms':<10}{'count':>9}{''.join(f'{name:>10}' for name in (*_SHARES, 'max'))}",
    ]
    for name, histogram in _rows(report):
        figures = "".join(f"{figure / 1000:>10.2f}" for figure in _figures(histogram).values())
        lines.append(f"{name:<10}{histogram.total:>9,}{figures}")
    if plan.rate:
        lag = _figures(report.lags)
        lines.append(
            f"the load itself was late by {lag['p99'] / 1000:.2f} ms at p99,"
            f" {lag['max'] / 1000:.2f} ms at most"
        )
    outcomes = ", ".join(f"{mti} {code}: {n:,}" for (mti, code), n in sorted(measured.outcomes.items()))
    lines.append(f"answers by MTI and DE 39: {outcomes}")
    if measured.instead:
        lines.append(f"{measured.instead:,} inquiries stood in: the book had nothing left for the act drawn")
    if measured.violations:
        outcomes = f"{measured.violations[0]}; {len(measured.violations):,} in all"
        lines.append(f"the machine broke the interface: {outcomes}")
    if report.failures:
        lines.append(f"without an outcome: {dict(report.failures)}")
    if report.unended:
        lines.append(f"cut short: {report.unended:,} were due and had no outcome yet")
    return "\n".join(lines)


def _rows(report: Report) -> list[tuple[str, Histogram]]:
    return [("all", report.all), *sorted(report.latencies.items())]


def _figures(histogram: Histogram) -> dict[str, int]:
    return {**{name: histogram.at(share) for name, share in _SHARES.items()}, "max": histogram.longest}


def _rate(report: Report) -> int:
    return report.all.total * SECOND // report.elapsed if report.elapsed else 0


if __name__ == "__main__":
    main()
