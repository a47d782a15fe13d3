"""The errors that the customers' package raises. Only exception types belong here.

No text of any of them repeats a name, a document's number, a contact or a key: it names lines, columns and
persons.
"""

from __future__ import annotations

from ledger.errors import LedgerError, Problem
from qianzhi_errors.sentence import Sentence, listed


class CustomersError(LedgerError):
    """Base of all errors that the customers' package raises on purpose."""


class _FileError(CustomersError):
    """A file of the core system has faults, which `problems` lists, and is refused as a whole."""

    _ending: str

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(listed((*map(str, problems), self._ending), "{first}\n{rest}"))
        self.problems = problems


class LoadFileError(_FileError):
    """A file of holdings has faults."""

    _ending = Sentence("nothing was loaded")


class AnswersError(_FileError):
    """A file of answers to changes has faults, or an answer that does not fit."""

    _ending = Sentence("nothing was taken")


class HoldingsRefused(CustomersError):
    """A file of holdings is in order and does not fit the database. Nothing was loaded."""


class SealedLineError(CustomersError):
    """A text is no sealed line; the error's text says what is wrong, never what is in it."""


class NotOpened(CustomersError):
    """A sealed content was altered, or is another person's, or stood at another place."""


class OtherKeys(CustomersError):
    """The keys at hand are not those with which the database was made. Nothing was done."""


class NoSuchPerson(CustomersError):
    """The database has no person of this name, or no holding of this policy."""


class NoSuchContact(CustomersError):
    """The database has no contact of this number, or another has replaced it."""


class Restricted(CustomersError):
    """The person is restricted, and two people have not agreed to this look-up."""


class Shredded(CustomersError):
    """The person's key was destroyed: nothing can be opened or changed any more."""


class ChangeRefused(CustomersError):
    """A customer's request for another contact cannot be written down. Nothing was changed."""


class ConsentRefused(CustomersError):
    """A consent cannot be granted or withdrawn. Nothing was changed."""


class ProposalRefused(CustomersError):
    """The person's state, or that of the proposal, does not allow this step. Nothing was changed."""


class SamePerson(ProposalRefused):
    """Who proposed may not decide about it."""


class NotErased(CustomersError):
    """What was done is done, and what it deleted may still lie in the write-ahead log of an SQLite file."""


class NotAllowed(CustomersError):
    """The settings do not give this clerk the permission."""


class InstallRefused(CustomersError):
    """The folder holds such settings already. Nothing was changed."""


class EscrowError(CustomersError):
    """A key list cannot be made or opened; the text says why, never what is in it."""


class NoticeRefused(CustomersError):
    """A notice is wanted that its template does not allow, or another one has its dedupe already."""


class TaskRefused(CustomersError):
    """There is no such task, or its state or owner does not allow this step. Nothing was changed."""


class NoteRefused(CustomersError):
    """A note is no line, or has in it what may stand nowhere in clear; the text does not repeat it."""
