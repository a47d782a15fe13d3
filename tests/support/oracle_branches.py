"""Which branches of the world's rules its seeds reach: `python -m tests.support.oracle_branches` prints those
that the seeds of tests/support/oracle_seeds.txt do not; `python -m tests.support.oracle_branches FIRST LAST`
chooses such seeds anew, from the first to the last, and prints them: a rule that has changed may be reached
by others.

A process of its own, since modules are measured from their import on. What says that an answer is wrong is
left out: only a bug reaches it, and `simulators.world.hunt` has those.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(__file__).with_name("oracle_seeds.txt")
MEASURED = ("rules", "reading", "answer_check")
SAYS_A_FAULT = re.compile(r'\s*return f?"[^"]').match


def seeds() -> list[int]:
    """The seeds that reach every branch between them."""
    return [int(word) for word in SEEDS.read_text("utf-8").split()]


def missed(given: Iterable[int]) -> list[str]:
    """Lines and branches of the measured modules that none of these seeds reaches."""
    measuring = _measured(given)
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        measuring.json_report(outfile=report.name)
        files = json.loads(Path(report.name).read_text("utf-8"))["files"]
    return [line for name in sorted(files) for line in _missed_of(name, files[name])]


def chosen(given: Iterable[int]) -> list[int]:
    """Return few of these seeds that together reach what all reach: each time the seed that adds the most."""
    data = _measured(given).get_data()
    reached: dict[int, set[tuple[str, tuple[int, int]]]] = {}
    for seed in sorted(map(int, filter(None, data.measured_contexts()))):
        data.set_query_context(str(seed))
        reached[seed] = {(file, arc) for file in data.measured_files() for arc in data.arcs(file) or ()}
    wanted, picked = set[tuple[str, tuple[int, int]]]().union(*reached.values()), list[int]()
    while wanted:
        best = max(reached, key=lambda seed: len(reached[seed] & wanted))
        picked.append(best)
        wanted -= reached[best]
    return picked


def _measured(given: Iterable[int]) -> Coverage:
    """The measured modules' branches, each seed's in a context of its own."""
    files = [f"simulators/world/{name}.py" for name in MEASURED]
    included = [str(ROOT / file) for file in files]
    # Not by setup.cfg, which says what `make coverage` measures.
    measuring = Coverage(config_file=False, branch=True, data_file=None, include=included)
    measuring.start()  # before the modules are imported, so that their first lines count too
    from simulators.world.cli import run_here

    wanted = tuple(given)
    verdicts = run_here(wanted)
    for seed in wanted:
        measuring.switch_context(str(seed))
        verdict = next(verdicts)
        if verdict.violations:
            raise RuntimeError(f"seed {seed}: {verdict.violations[0]}")
    verdicts.close()
    measuring.stop()
    return measuring


def _missed_of(name: str, report: dict[str, list[int] | list[list[int]]]) -> list[str]:
    texts = (ROOT / name).read_text("utf-8").splitlines()
    faults = {place for place, text in enumerate(texts, 1) if "answer_check" in name and SAYS_A_FAULT(text)}
    lines = [line for line in report["missing_lines"] if line not in faults]
    branches = [branch for branch in report["missing_branches"] if branch[1] not in faults]
    return [f"{name}:{line}" for line in lines] + [f"{name}:{begin} to {end}" for begin, end in branches]


if __name__ == "__main__":
    if sys.argv[1:]:
        first, last = map(int, sys.argv[1:])
        sys.stdout.write("".join(f"{seed}\n" for seed in chosen(range(first, last + 1))))
    else:
        sys.stdout.write("".join(f"{place}\n" for place in missed(seeds())))
