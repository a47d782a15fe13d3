"""A machine to be certified and how to do it, for the tests of the certification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from ledger.files.bookfile import parse
from protocol.codec import Codec
from protocol.dialect import load
from simulators.certify import dues
from simulators.certify.cases import CASES
from simulators.certify.examiner import examine, run_of
from simulators.certify.result import Result, Run
from simulators.certify.talk import Means
from simulators.certify.terms import Terms, terms_of
from tests.support.builders import DATE
from tests.support.clocks import still
from tests.support.machine import NOON, SOCKET_SECONDS, Machine, load_front_book, wait_for, write_settings

_stans = count(1)
"""The clock of the examinations stands still: no two of them may use the same key."""


@contextmanager
def machine_with_dues(folder: Path, at: datetime = NOON, **given: str) -> Iterator[Machine]:
    """A machine that serves the dues of the examination, `at` its clock; `given` fills the places of its
    settings.
    """
    settings = write_settings(folder, f"sqlite:///{folder / 'front.db'}", **given)
    load_front_book(settings, parse(dues.write(DATE)))
    machine = Machine(settings, still(at))
    try:
        yield machine
    finally:
        machine.stop()


def means_of(machine: Machine, *, port: int = 0, seconds: float = SOCKET_SECONDS) -> Means:
    """All that an examination can have: time goes by at once, and the operator cuts over when asked."""
    settings = machine.settings
    terms = terms_of(settings, settings.bank[0], port=port or machine.port())
    return replace(
        means_with(terms, seconds),
        pause=lambda seconds: time_goes_by(machine, seconds),
        cutover=lambda: cut_over(machine, seconds),
    )


def means_with(terms: Terms, seconds: float = SOCKET_SECONDS) -> Means:
    """What any examination has."""
    return Means(
        terms,
        Codec(load(terms.dialect), terms.mac.cover),
        lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC),
        _stans,
        seconds,
    )


def time_goes_by(machine: Machine, seconds: float) -> None:
    """For the links' old keys it is so much later."""

    def later() -> None:
        for connection in machine.service.server.connections:
            connection.link.session.keys.retire_at -= seconds

    wait_for(later)


def cut_over(machine: Machine, seconds: float) -> float:
    """Cut over, whatever the clock says; how long the notice may take."""
    machine.cut_over(early=True)
    return seconds


def certify(machine: Machine, only: Iterable[str] = (), seconds: float = SOCKET_SECONDS) -> Run:
    """Examine the machine, by all the cases or only those named; an answer may take so many seconds."""
    wanted = frozenset(only)
    cases = [case for case in CASES if not wanted or case.id in wanted]
    means = means_of(machine, seconds=seconds)
    return run_of(means, examine(means, cases))


def by_id(run: Run) -> dict[str, Result]:
    """The results by their case."""
    return {result.id: result for result in run.results}
