"""One hunt: fuzzes a target for some seconds in a child process and reads the result.

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
_SECONDS_AN_INPUT: Final = 20
_MEBIBYTES_MAX: Final = 1024
_COVERAGE: Final = re.compile(r"cov: (\d+) ft: (\d+)")
_EXECUTED: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_RUN: Final = re.compile(r"^#(\d+)\t", re.MULTILINE)


class Plan(NamedTuple):
    """How long to fuzz: `seconds`, or, if `inputs` is not 0, that many inputs. The same `seed` draws the same
    changes.
    """

    seconds: int
    seed: int
    inputs: int = 0


class HuntResult(NamedTuple):
    """The result of a hunt: the number of inputs tried, libFuzzer's edges (`coverage`), edges by how often
    they
    ran (`features`), the files of the inputs that crashed, and the child's exit code (`ended`).
    """

    tried: int
    coverage: int
    features: int
    crashes: tuple[Path, ...]
    ended: int

    @property
    def clean(self) -> bool:
        """Whether the hunt ran to its end and found no crash."""
        return self.ended == 0 and not self.crashes


def hunt(target: str, plan: Plan, folder: Path, engine: Sequence[str] = ENGINE) -> HuntResult:
    """Fuzz a target from its corpus and return the result.

    Inputs that reach new code stay in `folder`/learnt, inputs that crash in `folder`/crashes, and libFuzzer's
    report in `folder`/TARGET.log.
    """
    learnt, crashes = folder / "learnt" / target, folder / "crashes"
    learnt.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    for data in inputs(target).values():
        # By content, as libFuzzer itself names them; not a matter of security.
        (learnt / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    before = set(crashes.iterdir())
    log = folder / f"{target}.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            [*engine, target, str(learnt), *_options(target, plan, crashes)],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    report = log.read_text(encoding="utf-8", errors="replace")
    fresh = tuple(sorted(set(crashes.iterdir()) - before))
    edges = _COVERAGE.findall(report)
    tried = _EXECUTED.findall(report) or _RUN.findall(report)
    coverage, features = map(int, edges[-1]) if edges else (0, 0)
    return HuntResult(int(tried[-1]) if tried else 0, coverage, features, fresh, ended)


def _options(target: str, plan: Plan, crashes: Path) -> list[str]:
    limit = f"-runs={plan.inputs}" if plan.inputs else f"-max_total_time={plan.seconds}"
    return [
        limit,
        f"-seed={plan.seed}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={_SECONDS_AN_INPUT}",
        f"-rss_limit_mb={_MEBIBYTES_MAX}",
        f"-artifact_prefix={crashes}/{target}-",
        "-print_final_stats=1",
    ]
