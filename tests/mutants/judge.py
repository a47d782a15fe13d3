"""Judges mutants by the tests beside their module: the tests are collected once, each mutant is a fork.

A mutant is killed if a test fails, if it cannot be imported, or if it never ends.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.mutants.mutate import Mutant
from tests.mutants.swap import ROOT, functions_of, import_instead, swap_functions

SECONDS_MAX: Final = 60.0
"""A mutant that runs longer never ends: it is found."""
SECONDS_MIN: Final = 5.0
TIMES_MAX: Final = 10
"""So many times what the module's tests take without a mutant is as good as never, if it is SECONDS_MIN at
least: a module of loops has dozens of mutants that never end.
"""

OPTIONS: Final = (
    *("-x", "-q", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "no:randomly"),
    *("-p", "no:xdist", "-o", "timeout=0", "-o", "faulthandler_timeout=0"),
    *("-m", "not slow", "--hypothesis-profile=mutants"),
    *("-k", "not [postgresql"),  # on SQLite alone: a server takes seconds to start
)
_PASSED: Final = 0
_FAILED: Final = (1, 2, 3, 4)
"""Pytest's exit codes of a test that failed, and of a module that cannot even be imported or collected: by a
test, or, 4, by a conftest.py.
"""


class Verdict(NamedTuple):
    """A mutant, and whether a test has failed on it."""

    mutant: Mutant
    is_killed: bool


class NotReady(Exception):
    """The tests beside a module fail without any mutant, or cannot be run."""


def tests_beside(path: str) -> list[str]:
    """The test files of `ledger/rules/day.py`: tests/ledger/rules/test_day.py, and those that share its
    name's start.
    """
    module = Path(path)
    folder = ROOT / "tests" / module.parent
    own = [folder / f"test_{module.stem}.py", *sorted(folder.glob(f"test_{module.stem}_*.py"))]
    others = {f"test_{other.stem}" for other in (ROOT / module.parent).glob(f"{module.stem}_*.py")}
    return [str(file.relative_to(ROOT)) for file in own if file.exists() and file.stem not in others]


def seconds_of(whole: float) -> float:
    """How long a mutant may run whose module's tests take `whole` seconds without one."""
    return min(max(TIMES_MAX * whole, SECONDS_MIN), SECONDS_MAX)


def judge(path: str, mutants: Sequence[Mutant], processes: int) -> list[Verdict]:
    """Judge each mutant of a module. Raises NotReady."""
    tests = tests_beside(path)
    if not tests:
        raise NotReady(f"{path}: no test beside it")
    judging = _Judging(path, mutants, tests, processes)
    kept = {stream: os.dup(stream) for stream in (1, 2)}
    silence = os.open(os.devnull, os.O_RDWR)
    try:
        for stream in kept:
            os.dup2(silence, stream)
        pytest.main([*OPTIONS, *tests], plugins=[judging])
    finally:
        for stream, before in kept.items():
            os.dup2(before, stream)
    if judging.fault or not judging.verdicts:
        raise NotReady(f"{path}: {judging.fault or 'its tests cannot be collected'}")
    return judging.verdicts[1:]


class _Judging:
    """In the place of pytest's loop over the tests: a loop over the mutants, with the tests inside."""

    def __init__(self, path: str, mutants: Sequence[Mutant], tests: list[str], processes: int) -> None:
        whole = Mutant("", "", "", (ROOT / path).read_text("utf-8"))
        self._path, self._mutants, self._tests = path, [whole, *mutants], tests
        self._processes = processes
        self._running: dict[int, tuple[Mutant, float]] = {}
        self._seconds = SECONDS_MAX
        self.verdicts: list[Verdict] = []
        self.fault = ""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge the module itself, and then its mutants."""
        functions_of(ROOT / self._path)
        gc.freeze()  # what is there stays there: no child copies a page only because it collects garbage
        gc.disable()
        waiting = iter(self._mutants)
        began = time.monotonic()
        while not self.fault:
            room = self._processes if self.verdicts else 1
            while len(self._running) < room and (mutant := next(waiting, None)) is not None:
                self._start(mutant, session)
            if not self._running:
                break
            self.verdicts.extend(self._ended())
            if len(self.verdicts) == 1:
                self._seconds = seconds_of(time.monotonic() - began)
            if len(self.verdicts) == 1 and self.verdicts[0].is_killed:
                self.fault = "its tests fail without a mutant"
        return True

    def _ended(self) -> Iterator[Verdict]:
        """The mutant whose process has ended; waits a moment where none has."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            for late in [pid for pid, (_, until) in self._running.items() if time.monotonic() > until]:
                os.kill(late, signal.SIGKILL)
            time.sleep(0.002)
            return
        code = os.waitstatus_to_exitcode(status)
        if code > max(_FAILED):
            self.fault = f"pytest ended with {code}"
        yield Verdict(self._running.pop(pid)[0], code != _PASSED)

    def _start(self, mutant: Mutant, session: pytest.Session) -> None:
        pid = os.fork()
        if pid:
            self._running[pid] = mutant, time.monotonic() + self._seconds
            return
        try:
            os._exit(self._code(mutant, session))
        finally:
            os._exit(_FAILED[-1])

    def _code(self, mutant: Mutant, session: pytest.Session) -> int:
        """How pytest ends on a mutant. Where no test fails, its module is imported anew: what runs when it is
        imported sees the mutant only then.
        """
        if swap_functions(self._path, mutant.source):
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    return _FAILED[0]
        import_instead(self._path, mutant.source)
        return int(pytest.main([*OPTIONS, *self._tests]))
