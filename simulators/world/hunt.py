"""Does the world find deliberate bugs? Runs seeds over each mutation until one finds it, and makes the
table.

A module is changed while it is imported, in a process of its own; nothing on disk changes. So nothing of
the project but the mutations may be imported here before that.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from simulators.world.mutations import MUTATIONS, Mutation

SEEDS = 600
FIRST_SEED = 1
CONTROL = Mutation("none", "-", "", "")
"""Nothing is changed: then nothing may be found, or what is found elsewhere proves nothing."""
_TABLE = "<!-- table -->"


class HuntResult(NamedTuple):
    """The result for one mutation: the seed that found it first (0 if none did) and its violation; and the
    means, over all the times it was looked for, of the seeds and of the seconds of CPU that it took.
    """

    mutation: Mutation
    seeds: int
    violation: str
    mean_seeds: float = 0.0
    mean_cpu: float = 0.0


class _Changed(importlib.abc.SourceLoader):
    """Loads a module from its file with one text replaced."""

    def __init__(self, path: str, mutation: Mutation) -> None:
        self._path = path
        self._mutation = mutation

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - importlib's name
        """The module's file."""
        return self._path

    def get_data(self, path: str) -> bytes:
        """The changed text; nothing of it is kept as bytecode."""
        if not path.endswith(".py"):
            raise OSError(path)
        source = Path(path).read_text(encoding="utf-8")
        if source.count(self._mutation.old) != 1:
            raise ValueError(
                f"{self._mutation.name}: the text stands {source.count(self._mutation.old)} times"
            )
        return source.replace(self._mutation.old, self._mutation.new).encode()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module that is changed."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The spec of the changed module, and of no other."""
        if fullname != self._mutation.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.origin is None:
            return None
        return importlib.util.spec_from_loader(fullname, _Changed(spec.origin, self._mutation))


def hunt(mutation: Mutation, seeds: int, times: int = 1) -> HuntResult:
    """Run seeds in this process until the mutation was found `times` times, or the seeds are used up."""
    sys.meta_path.insert(0, _Finder(mutation))
    from simulators.world.cli import run_here  # noqa: PLC0415 - after the finder is in place

    finds: list[tuple[int, str]] = []
    tried, cpu = 0, 0.0
    for tried, verdict in enumerate(run_here(range(FIRST_SEED, FIRST_SEED + seeds)), 1):
        cpu += verdict.cpu_seconds
        if verdict.violations:
            finds.append((tried, verdict.violations[0].splitlines()[0]))
            if len(finds) == times:
                break
    first, violation = finds[0] if finds else (0, "")
    return HuntResult(mutation, first, violation, tried / (len(finds) or 1), cpu / (len(finds) or 1))


def _hunt_apart(mutation: Mutation, seeds: int, times: int) -> HuntResult:
    given = ["--only", mutation.name, "--seeds", str(seeds), "--times", str(times), "--json"]
    command = [sys.executable, "-m", "simulators.world.hunt", *given]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed.returncode:
        return HuntResult(mutation, 0, f"the hunt broke: {completed.stderr.strip().splitlines()[-1]}")
    result = json.loads(completed.stdout.splitlines()[-1])
    return HuntResult(
        mutation, result["seeds"], result["violation"], result["mean_seeds"], result["mean_cpu"]
    )


def table(rows: Sequence[HuntResult]) -> str:
    """The table, in Markdown."""
    lines = ["| bug | in | seeds until found | what the oracle said |", "|---|---|---|---|"]
    for row in rows:
        violation = row.violation.replace("|", "/")
        violation = violation if len(violation) <= 150 else f"{violation[:147]}..."
        lines.append(
            f"| {row.mutation.name} | `{row.mutation.module}` | {row.seeds or 'not found'} | {violation} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m simulators.world.hunt")
    parser.add_argument("--only", action="append", help="a mutation, by its name; may be given again")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds to try at most")
    parser.add_argument("--times", type=int, default=1, help="find each so often: a mean says more than luck")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", action="store_true", help="tell a program")
    parser.add_argument("--write", type=Path, help="put the table into this file")
    given = parser.parse_args(arguments)
    chosen = [mutation for mutation in MUTATIONS if given.only is None or mutation.name in given.only]
    if given.json:
        result = hunt(chosen[0] if chosen else CONTROL, given.seeds, given.times)
        print(json.dumps({name: value for name, value in result._asdict().items() if name != "mutation"}))
        return 0
    with ThreadPoolExecutor(given.jobs) as threads:
        control = threads.submit(_hunt_apart, CONTROL, given.seeds, 1)
        results = list(threads.map(lambda mutation: _hunt_apart(mutation, given.seeds, given.times), chosen))
    if control.result().violation:
        print(f"without a bug: {control.result().violation}")
        return 1
    print(table([control.result(), *results]))
    missed = [result.mutation.name for result in results if not result.seeds]
    cpu, count = sum(result.mean_cpu for result in results), sum(result.mean_seeds for result in results)
    print(f"until each is found: {count:.0f} seeds and {cpu:.1f} s of CPU, all together")
    print(f"{len(results) - len(missed)} of {len(results)} found")
    if given.write:
        head, _, _ = given.write.read_text(encoding="utf-8").partition(_TABLE)
        text = f"{head}{_TABLE}\n\n{table([control.result(), *results])}\n"
        given.write.write_text(text, encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
