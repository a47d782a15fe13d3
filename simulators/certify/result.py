"""The results of an examination: values only, the same kind for a machine and for a bank.

Neither how a result comes about nor how it looks on a page belongs here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from qianzhi_errors import QianzhiError


class CertifyError(QianzhiError):
    """The examination cannot be held; the text says what is missing and what to do."""


class Outcome(StrEnum):
    """How a case, or the observation of a rule, ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class Way(StrEnum):
    """The origin of a line in the transcript."""

    BANK = "bank"
    MACHINE = "machine"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as a person may see it, secrets masked; or, with no fields, a remark about a link.

    `fields` are (DE, its name, its text); `hex` is empty where the bytes cannot be shown.
    """

    way: Way
    title: str
    hex: str = ""
    fields: tuple[tuple[str, str, str], ...] = ()
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was expected, and what was seen."""

    expected: str
    seen: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One case or rule: what it asks, what happened, how it ended. `section` is of the interface's page."""

    id: str
    section: str
    rule: str
    title: str
    title_en: str
    outcome: Outcome
    reason: str
    checks: tuple[Check, ...]
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One examination. `facts` are pairs of a name and a text for the page's head."""

    title: str
    title_en: str
    facts: tuple[tuple[str, str], ...]
    results: tuple[Result, ...]

    @property
    def counts(self) -> Counter[str]:
        """The number of results of each outcome."""
        return Counter(result.outcome.value for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether something was examined and nothing failed."""
        counts = self.counts
        return counts[Outcome.PASSED.value] > 0 and counts[Outcome.FAILED.value] == 0
