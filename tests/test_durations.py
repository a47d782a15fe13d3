"""No duration in our packages is counted by a clock that somebody can set.

One rule, in the manner of tests.support.house_rules, on the text of every file: what counts by the time of
day is not named outside the module that puts it right. What the clocks do, tests.fep.day.test_clock says.
"""

from __future__ import annotations

from types import MappingProxyType

import pytest

from tests.support.python_sources import PACKAGES, names, package_of, parsed, project_sources

_STAMP = "count durations by time.monotonic or the reactor's seconds; stamp with fep.day.clock"
# What counts by the time of day -> the only module that may name it, and what to take instead.
BY_THE_TIME_OF_DAY = MappingProxyType(
    {
        "time.time": ("", _STAMP),
        "time.time_ns": ("", _STAMP),
        "twisted.internet.reactor": ("fep/process/reactor.py", "take the reactor from fep.process.reactor"),
        "twisted.internet.task.react": ("fep/process/reactor.py", "take react from fep.process.reactor"),
    }
)


def durations(path: str, source: str) -> list[str]:
    """Findings where a file of our packages names what counts by the time of day."""
    if package_of(path) not in PACKAGES:
        return []
    findings = {}
    for line, name in names(parsed(source)):
        place, instead = BY_THE_TIME_OF_DAY.get(name, (path, ""))
        if place != path:
            findings[line, name] = f"{path}:{line}: {name} is banned here; {instead}"
    return list(findings.values())


@pytest.mark.parametrize(
    ("path", "source", "wording"),
    [
        ("fep/a.py", "import time\nbegun = time.time()", "monotonic"),
        ("simulators/a.py", "from time import time", "monotonic"),
        ("office/a.py", "import time as t\nx = t.time_ns", "monotonic"),
        ("console/a.py", "def f():\n    from twisted.internet import reactor", "take the reactor from"),
        ("simulators/a.py", "from twisted.internet.task import react", "take react from fep.process.reactor"),
    ],
)
def test_the_time_of_day_is_found(path: str, source: str, wording: str) -> None:
    [finding] = durations(path, source)
    assert wording in finding


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("fep/process/reactor.py", "from twisted.internet import reactor, task\ntask.react(f)"),
        ("fep/a.py", "import time\nx = time.monotonic(), time.perf_counter()"),
        ("bench/a.py", "import time\nx = time.time_ns()"),
    ],
)
def test_what_counts_right_is_let_through(path: str, source: str) -> None:
    assert durations(path, source) == []


def test_no_file_counts_by_the_time_of_day() -> None:
    assert [finding for path, text in project_sources().items() for finding in durations(path, text)] == []
