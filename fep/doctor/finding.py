"""The findings of the doctor's checks: a verdict, a sentence, and the command that repairs what is wrong.

Values only. The field names `check`, `verdict`, `said` and `mend` are the keys of `qianzhi doctor --json`.
The checks themselves do not belong here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How a check ended. WARN: the machine serves, but look at it. SKIPPED: what the check needs is
    missing.
    """

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    SKIPPED = "skipped"


class Observation(NamedTuple):
    """One result of a check before it has the check's name: `said` is a sentence, and `mend` is the command
    or
    the step that repairs it, empty if there is nothing to repair.
    """

    verdict: Verdict
    said: str
    mend: str = ""


class CheckFinding(NamedTuple):
    """One observation under the name of the check that made it."""

    check: str
    verdict: Verdict
    said: str
    mend: str
