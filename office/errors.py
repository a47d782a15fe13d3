"""The errors of the back office. Only exception types live here."""

from __future__ import annotations

from ledger.errors import LedgerError


class OfficeError(LedgerError):
    """Base of what the back office raises by design."""


class ChartError(OfficeError):
    """A chart of accounts is not in order; `faults` are pairs of a key and what is wrong there."""

    def __init__(self, file: str, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(
            "; ".join(f"{file}, {key}: {why}" if key else f"{file}: {why}" for key, why in faults)
        )
        self.faults = faults


class ChartRefused(OfficeError):
    """The chart would change what an account is that has been posted to. Nothing was changed."""


class Unbalanced(OfficeError):
    """A posting does not add up to zero, or moves nothing. It was not made."""


class PostingDiffers(OfficeError):
    """A posting of this name is there with other legs. A posting is never changed."""


class UnknownAccount(OfficeError):
    """A posting names an account that the books do not have. It was not made."""


class NoSuchBreak(OfficeError):
    """No break has this name."""


class StepRefused(OfficeError):
    """What was asked of a break cannot be done now. Nothing was changed."""


class BreakMoved(StepRefused):
    """Somebody else was quicker: the break is no longer as it was seen."""


class SamePerson(StepRefused):
    """Who proposed a resolution may not also decide on it."""


class PullRefused(OfficeError):
    """What the front book shows cannot be believed. Nothing was kept of the transaction that found it."""


class ChainBroken(PullRefused):
    """An entry of the front's journal is missing, or is not what its neighbours vouch for."""

    def __init__(self, chain: int, position: int, reason: str) -> None:
        super().__init__(f"chain {chain}: entry {position} {reason}")
        self.chain = chain
        self.position = position
        self.reason = reason


class DayRefused(PullRefused):
    """A closed day of the front book does not agree with its seal or with the entries."""

    def __init__(self, date: str, reason: str) -> None:
        super().__init__(f"day {date}: {reason}")
        self.date = date
        self.reason = reason


class NothingToReport(OfficeError):
    """The office has no closed day of this date, or has not reconciled the bank's yet."""


class FileRefused(OfficeError):
    """A bank's day file cannot be taken beside those that were taken already. Nothing of it was kept."""
