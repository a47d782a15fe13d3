"""One hunt: a target fuzzed for some seconds in a child process, and what came of it.

Knows libFuzzer's options, its report and its files; what a target promises is not looked at.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Final, NamedTuple

from fuzz.corpus import inputs
from fuzz.limits import INPUT_BYTES_MAX

ENGINE: Final = (sys.executable, "-m", "fuzz.engine")
_SECONDS_FOR_ONE: Final = 20
_MEBIBYTES_MAX: Final = 1024
_COVERAGE: Final = re.compile(r"cov: (\d+) ft: (\d+)")
_EXECUTED: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_RUN: Final = re.compile(r"^#(\d+)\t", re.MULTILINE)


class Plan(NamedTuple):
    """How long to look: `seconds`, or `inputs` where it is not 0. The same `seed` looks the same way."""

    seconds: int
    seed: int
    inputs: int = 0


class Found(NamedTuple):
    """What a hunt came to. `coverage` counts libFuzzer's edges, `features` edges by how often they ran."""

    tried: int
    coverage: int
    features: int
    crashes: tuple[Path, ...]
    ended: int

    @property
    def clean(self) -> bool:
        """Whether the whole hunt was made and nothing was found."""
        return self.ended == 0 and not self.crashes


def hunt(target: str, plan: Plan, folder: Path, engine: Sequence[str] = ENGINE) -> Found:
    """Fuzz a target from its corpus. What it learns stays in `folder`, and so does each crash."""
    learnt, crashes = folder / "learnt" / target, folder / "crashes"
    learnt.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    for data in inputs(target).values():
        # By content, as libFuzzer itself names them; not a matter of security.
        (learnt / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    before = set(crashes.iterdir())
    log = folder / f"{target}.log"
    with log.open("wb") as said:
        ended = subprocess.run(
            [*engine, target, str(learnt), *_options(target, plan, crashes)],
            stdout=said,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    report = log.read_text(encoding="utf-8", errors="replace")
    found = tuple(sorted(set(crashes.iterdir()) - before))
    edges = _COVERAGE.findall(report)
    tried = _EXECUTED.findall(report) or _RUN.findall(report)
    coverage, features = map(int, edges[-1]) if edges else (0, 0)
    return Found(int(tried[-1]) if tried else 0, coverage, features, found, ended)


def _options(target: str, plan: Plan, crashes: Path) -> list[str]:
    limit = f"-runs={plan.inputs}" if plan.inputs else f"-max_total_time={plan.seconds}"
    return [
        limit,
        f"-seed={plan.seed}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={_SECONDS_FOR_ONE}",
        f"-rss_limit_mb={_MEBIBYTES_MAX}",
        f"-artifact_prefix={crashes}/{target}-",
        "-print_final_stats=1",
    ]
