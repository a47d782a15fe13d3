"""Mutation testing of the pure modules: `make mutants`, or `make mutants MODULE=ledger/rules/settlement.py`.

Prints a line a module and every survivor; fails on one that the list of equal mutants does not have. Ends
before SECONDS are over, so that a slice fits an hour, and says which modules are left for another run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutants.judge import ROOT, NotReady, judge
from tests.mutants.mutate import Mutant, mutants_of

LISTS = Path(__file__).parent
SLICES = tomllib.loads((LISTS / "modules.toml").read_text("utf-8"))
"""The modules by slice; each slice is under an hour on two cores."""


class Equal(NamedTuple):
    """A mutant that does what the module does: no test can find it."""

    function: str
    was: str
    becomes: str


def equal_mutants(path: str) -> set[Equal]:
    """The mutants of a module that are proved equal: they are listed by package."""
    of_package = LISTS / "equal" / f"{Path(path).parts[0]}.toml"
    listed = tomllib.loads(of_package.read_text("utf-8")).get(path, []) if of_package.exists() else []
    return {Equal(mutant["function"], mutant["was"], mutant["becomes"]) for mutant in listed}


def is_equal(mutant: Mutant, known: set[Equal]) -> bool:
    """Whether a mutant is in the list."""
    return Equal(mutant.function, mutant.was, mutant.becomes) in known


def run_module(path: str, processes: int) -> bool:
    """Judge a module's mutants and print its line; False where one survives that is not proved equal."""
    began = time.monotonic()
    known = equal_mutants(path)
    mutants = list(mutants_of((ROOT / path).read_text("utf-8")))
    judged = [mutant for mutant in mutants if not is_equal(mutant, known)]
    try:
        survivors = [
            judged_mutant.mutant
            for judged_mutant in judge(path, judged, processes)
            if not judged_mutant.is_killed
        ]
    except NotReady as error:
        print(error, flush=True)
        return False
    equal = len(mutants) - len(judged)
    killed = len(judged) - len(survivors)
    seconds = time.monotonic() - began
    print(f"{path:28} {len(mutants):7} {killed:7} {equal:7} {len(survivors):9} {seconds:8.0f}", flush=True)
    for survivor in survivors:
        print(f"  survives in {survivor.function or 'the module'}:", flush=True)
        print("".join(f"    - {line}\n" for line in survivor.was.splitlines()), end="")
        print("".join(f"    + {line}\n" for line in survivor.becomes.splitlines()), end="", flush=True)
    return not survivors


def main() -> int:
    """Run one module, a slice, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "modules", nargs="*", help="such as ledger/rules/day.py, or a slice's name; all by default"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=3600, help="begin no module after so long")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    asked = given.modules or list(SLICES)
    modules = [path for name in asked for path in SLICES.get(name, [name])]
    if given.here:
        return 0 if run_module(modules[0], given.processes) else 1
    print(
        f"{'module':28} {'mutants':>7} {'killed':>7} {'equal':>7} {'survived':>9} {'seconds':>8}", flush=True
    )
    until, failed = time.monotonic() + given.seconds, False
    for place, path in enumerate(modules):
        if time.monotonic() > until:
            print(f"not run, for want of time: {' '.join(modules[place:])}")
            return 1
        command = [sys.executable, "-m", "tests.mutants", "--here", f"--processes={given.processes}", path]
        failed |= subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
