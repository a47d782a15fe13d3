"""The errors that the back office raises. Only exception types belong here."""

from __future__ import annotations

from ledger.errors import LedgerError
from qianzhi_errors.sentence import Sentence, listed


class OfficeError(LedgerError):
    """Base of all errors that the back office raises on purpose."""


class ChartError(OfficeError):
    """A chart of accounts has faults; `faults` are pairs of a key of the file and what is wrong there."""

    def __init__(self, file: str, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(
            listed(
                [
                    Sentence("{file}, {key}: {reason}", file=file, key=key, reason=reason)
                    if key
                    else Sentence("{file}: {reason}", file=file, reason=reason)
                    for key, reason in faults
                ],
                "{first}; {rest}",
            )
        )
        self.faults = faults


class ChartRefused(OfficeError):
    """The chart would change an account that has postings. Nothing was changed."""


class Unbalanced(OfficeError):
    """A posting does not add up to zero, or moves no money. It was not made."""


class PostingDiffers(OfficeError):
    """A posting of this name was made with other legs. A posting is never changed."""


class UnknownAccount(OfficeError):
    """A posting names an account that is not in the books. It was not made."""


class NoSuchBreak(OfficeError):
    """No break has this name."""


class NoSuchDate(OfficeError):
    """The office has no closed business day of this name."""


class StepRefused(OfficeError):
    """The break, or the bank's date, cannot take this step now. Nothing was changed."""


class BreakMoved(StepRefused):
    """Another person changed the break since this person saw it. Nothing was changed."""


class SamePerson(StepRefused):
    """The person who proposed a resolution may not also decide on it."""


class PullRefused(OfficeError):
    """The front book contradicts itself or what was pulled before. That transaction was rolled back."""


class ChainBroken(PullRefused):
    """An entry of the front's journal is missing, or its hash does not fit its neighbours."""

    def __init__(self, chain: int, position: int, reason: str) -> None:
        super().__init__(
            Sentence(
                "chain {chain}: entry {position} {reason}", chain=chain, position=position, reason=reason
            )
        )
        self.chain = chain
        self.position = position
        self.reason = reason


class DayRefused(PullRefused):
    """A closed day of the front book disagrees with its seal or with its entries."""

    def __init__(self, date: str, reason: str) -> None:
        super().__init__(Sentence("day {date}: {reason}", date=date, reason=reason))
        self.date = date
        self.reason = reason


class NothingToReport(OfficeError):
    """The office has no closed day of this date, or has not reconciled the bank's date yet."""


class FileRefused(OfficeError):
    """A bank's day file contradicts one that was taken already. Nothing of it was kept."""


class ExportRefused(OfficeError):
    """An export cannot be made, or was made otherwise than it would be now. Nothing was changed."""


class AnswerRefused(OfficeError):
    """The core system's answer does not fit the export that it is about. Nothing of it was kept."""


class StatementRefused(OfficeError):
    """A statement of account cannot be read, or contradicts itself or the statements before it. Nothing of it
    was kept.
    """
