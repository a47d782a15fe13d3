"""The errors that collection raises. Only exception types belong here.

No text of any of them repeats an account's number or a name: it names lines, dues, mandates and batches.
"""

from __future__ import annotations

from ledger.errors import LedgerError
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence


class CollectionError(LedgerError):
    """Base of all errors that collection raises on purpose."""


class FormError(CollectionError):
    """A file form or a table of codes has a fault; the text names the file, the key and the reason."""


class FormFault(CollectionError):
    """A file of a batch has a fault and is refused whole; nothing of it was taken, or nothing was written.

    `file` is its name, `line` counts from 1 (0 for the file as a whole), `why` never repeats an account, a
    name or another value of a line.
    """

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(
            Sentence("{file}, line {line}: {why}", file=masked_numbers(file), line=line, why=why)
            if line
            else Sentence("{file}: {why}", file=masked_numbers(file), why=why)
        )
        self.file = file
        self.line = line
        self.why = why


class NotAllowed(CollectionError):
    """The settings do not give this clerk the permission."""


class InstallRefused(CollectionError):
    """The folder holds such settings already. Nothing was changed."""


class OtherKeys(CollectionError):
    """The keys at hand are not those with which the database was made. Nothing was done."""


class NoSuchItem(CollectionError):
    """There is no mandate, batch, line, channel or proposal of this name."""


class ActRefused(CollectionError):
    """The state of a mandate, a batch or a line does not allow this step. Nothing was changed."""


class SamePerson(ActRefused):
    """Who made or proposed it may not approve it."""


class FileRefused(CollectionError):
    """A file does not fit what was sent or held. Nothing of it was taken."""
