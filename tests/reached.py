"""Which branches of the world's rules its seeds reach: `python -m tests.reached FIRST LAST` prints the rest.

A process of its own, since modules are measured from their import on. What says that an answer is wrong is
left out: only a bug reaches it, and `simulators.world.hunt` has those.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ("rules", "reading", "judgement")
SAYS_A_FAULT = re.compile(r'\s*return f?"[^"]').match


def missed(first: int, last: int) -> list[str]:
    """Lines and branches of the measured modules that no seed from `first` to `last` reaches."""
    files = [f"simulators/world/{name}.py" for name in MEASURED]
    measuring = Coverage(branch=True, data_file=None, include=[str(ROOT / file) for file in files])
    measuring.start()  # before the modules are imported, so that their first lines count too
    from simulators.world.cli import run_here

    for verdict in run_here(range(first, last + 1)):
        if verdict.violations:
            raise RuntimeError(f"seed {verdict.seed}: {verdict.violations[0]}")
    measuring.stop()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        measuring.json_report(outfile=report.name)
        told = json.loads(Path(report.name).read_text("utf-8"))["files"]
    return [line for name in sorted(told) for line in _missed_of(name, told[name])]


def _missed_of(name: str, told: dict[str, list[int] | list[list[int]]]) -> list[str]:
    texts = (ROOT / name).read_text("utf-8").splitlines()
    faults = {place for place, text in enumerate(texts, 1) if "judgement" in name and SAYS_A_FAULT(text)}
    lines = [line for line in told["missing_lines"] if line not in faults]
    branches = [branch for branch in told["missing_branches"] if branch[1] not in faults]
    return [f"{name}:{line}" for line in lines] + [f"{name}:{begin} to {end}" for begin, end in branches]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{one}\n" for one in missed(int(sys.argv[1]), int(sys.argv[2]))))
