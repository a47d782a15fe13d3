"""The errors of the ledger, and what each lets its caller conclude about the money.

Only exception types are here. A refusal of a bank's request is no exception: it is a recorded entry with a
response code.
"""

from __future__ import annotations

from typing import NamedTuple

from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, listed


class LedgerError(QianzhiError):
    """Base of every error that the ledger raises on purpose."""


class Unavailable(LedgerError):
    """The database cannot be used now. Certain: nothing was done."""


class OutcomeUnknown(LedgerError):
    """The database was lost during COMMIT. The batch is on disk as a whole or not at all; only the journal
    can say which.
    """


class Conflict(LedgerError):
    """Another writer changed a due, a figure or a key that this batch had read. Nothing was done, and the
    batch can be run again.
    """


class Fenced(LedgerError):
    """A newer process serves under this node's name, so this one must stop. Nothing was done."""


class BatchRefused(LedgerError):
    """The database refused the batch's data. Nothing was done, and some request in the batch is at fault."""


class InvariantBroken(LedgerError):
    """The book contradicts itself. Nobody is answered and nothing is written until a person has looked."""


class BookInUse(LedgerError):
    """Another process holds the embedded front book's writer lock."""


class LoadRefused(LedgerError):
    """The file is in order and cannot be loaded now. Nothing was changed."""


class LoadOvertaken(LedgerError):
    """Another load began while this one was cut off from the database. Nothing of this one can be seen."""


class LinesRefused(LedgerError):
    """A text does not name lines of a file; the error's text says why."""


class Problem(NamedTuple):
    """One fault of a file: `line` counts from 1, `column` is a column's name, or empty for the whole line."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        if self.column:
            return Sentence("line {line}, {column}: {reason}", **self._asdict())
        return Sentence("line {line}: {reason}", line=self.line, reason=self.reason)


class BookFileError(LedgerError):
    """A file of dues has faults, which `problems` lists, and is refused as a whole. Nothing was loaded."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(listed((*map(str, problems), Sentence("nothing was loaded")), "{first}\n{rest}"))
        self.problems = problems


class BankFileError(LedgerError):
    """A bank's day file has faults, which `problems` lists, and is refused as a whole."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(listed(tuple(map(str, problems)), "{first}; {rest}"))
        self.problems = problems


class LayoutError(LedgerError):
    """A layout of a day file has a fault; the error's text names the layout, the key and the reason."""
