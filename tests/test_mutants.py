"""The lists of mutants that do the same: each entry quotes a line that its module still has."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mutants.judge import OPTIONS, seconds_of

ROOT = Path(__file__).parents[1]
LISTS = sorted((ROOT / "tests" / "mutants" / "equal").glob("*.toml"))


def quoted(listed: str) -> list[tuple[str, str]]:
    """Each module that a list names, with a line that it is to have."""
    return [
        (module, line.strip())
        for module, mutants in tomllib.loads(listed).items()
        for mutant in mutants
        for line in mutant["was"].splitlines()
    ]


def missing(module: str, line: str) -> bool:
    """Whether a module has no such line. A list quotes a statement in one line, however it is wrapped."""
    source = (ROOT / module).read_text("utf-8")
    return "".join(line.split()) not in "".join(source.split()).replace(",)", ")").replace(",]", "]")


def test_a_mutant_that_never_ends_is_ended_after_some_times_what_its_tests_take() -> None:
    assert [seconds_of(whole) for whole in (0.1, 0.5, 2.0, 90.0)] == [5.0, 5.0, 20.0, 60.0]


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_a_mutant_that_is_listed_as_equal_quotes_its_module(file: Path) -> None:
    lines = quoted(file.read_text("utf-8"))
    assert lines != []
    assert [(module, line) for module, line in lines if missing(module, line)] == []


def test_a_line_that_its_module_does_not_have_is_found() -> None:
    assert missing("ledger/rules/day.py", "no such line")


@pytest.mark.slow
def test_the_judges_pytest_runs_without_the_plugins_that_it_leaves_out() -> None:
    command = [sys.executable, "-m", "pytest", *OPTIONS, "--collect-only", "tests/ledger/rules/test_seal.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
