"""What the doctor's checks say: a verdict, a sentence, and the command that mends what is wrong.

Values only. The field names `check`, `verdict`, `said` and `mend` are the keys of `qianzhi doctor --json`.
What is looked at does not belong here.
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
    """One thing that a check saw: `said` is a sentence, `mend` what to do; `mend` is empty where nothing is
    to be done.
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
