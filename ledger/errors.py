"""The errors of the ledger, and what each lets the caller conclude about the money.

Only exception types live here. A business refusal is no exception: it is a recorded entry with a response
code.
"""

from __future__ import annotations

from typing import NamedTuple

from qianzhi_errors import QianzhiError


class LedgerError(QianzhiError):
    """Base of everything the ledger raises by design."""


class Unavailable(LedgerError):
    """The database cannot be used now; it is certain that nothing was done."""


class OutcomeUnknown(LedgerError):
    """The database was lost during COMMIT: the batch is either whole on disk or not there at all, and must
    be asked for.
    """


class Conflict(LedgerError):
    """Another writer changed a due, a total or a key that this batch had read; nothing was done, run it
    again.
    """


class Fenced(LedgerError):
    """A newer process serves under this node's name; this one must stop. Nothing was done."""


class BatchRefused(LedgerError):
    """The database refused the batch's data; nothing was done. Some request in it is at fault."""


class InvariantBroken(LedgerError):
    """The books contradict themselves. Nobody is answered and nothing is written until a person has
    looked.
    """


class BookInUse(LedgerError):
    """Another process holds the embedded front book's writer lock."""


class LoadRefused(LedgerError):
    """The file is sound but cannot be loaded now; nothing was changed."""


class LoadOvertaken(LedgerError):
    """Another load has begun while this one was cut off from the database; nothing of this one is seen."""


class LinesRefused(LedgerError):
    """A text names no lines of a file; says why."""


class Problem(NamedTuple):
    """One thing wrong with a file: `line` counts from 1, `column` is the column's name or empty."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.reason}"


class BookFileError(LedgerError):
    """A file of dues is not acceptable as a whole; `problems` says where and why. Nothing was loaded."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join((*map(str, problems), "nothing was loaded")))
        self.problems = problems


class BankFileError(LedgerError):
    """A bank's day file is not acceptable as a whole; `problems` says where and why."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class LayoutError(LedgerError):
    """A layout of a day file is not in order; the text names the layout, the key and the reason."""
