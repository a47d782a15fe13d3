"""The rows of the core system's file: one class a kind, what its columns may hold, how it is written.

Values in, values out. A row is told by its first field, which is the policy of a holding and the name of the
kind for any other. No text here repeats a value: whatever its column, it may be somebody's name, number or
telephone. The file as a whole is read in `customers.load_file`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from customers.rules.contact import ContactKind, compared
from customers.rules.contact_states import Purpose
from customers.rules.person import Role
from ledger.rules import identity
from ledger.rules.day import is_date
from ledger.rules.identity import Document, document, is_document
from ledger.rules.names import LENGTH_MAX as NAME_LENGTH_MAX
from ledger.rules.names import is_name
from qianzhi_errors.sentence import Sentence, listed


class Holding(NamedTuple):
    """A row that brings a holding; `line` counts from 1."""

    line: int
    policy: str
    role: Role
    name: str
    document: Document
    from_date: str

    def __repr__(self) -> str:
        """Name the line, never the person."""
        return f"Holding(line {self.line})"

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (self.policy, self.role, self.name, _document(self.document), self.from_date)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about."""
        return (Holding, self.policy, self.role, known(self.document))


class EndedHolding(NamedTuple):
    """A row that ends a holding on its last day."""

    line: int
    policy: str
    role: Role
    document: Document
    to_date: str

    def __repr__(self) -> str:
        """Name the line, never the person."""
        return f"EndedHolding(line {self.line})"

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (ENDED, self.policy, self.role, _document(self.document), self.to_date)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about: the same as a row that brings the holding."""
        return (Holding, self.policy, self.role, known(self.document))


class ContactRow(NamedTuple):
    """A row that names a contact of a person; `verified_on` is empty where nobody has verified it."""

    line: int
    document: Document
    kind: ContactKind
    value: str
    verified_on: str

    def __repr__(self) -> str:
        """Name the line, never the person or the contact."""
        return f"ContactRow(line {self.line})"

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (CONTACT, _document(self.document), self.kind, self.value, self.verified_on)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about."""
        return (ContactRow, known(self.document), self.kind, compared(self.kind, self.value))


class AgentRow(NamedTuple):
    """A row that names an agent who works for the insurer."""

    line: int
    agent: str
    name: str
    office: str
    phone: str

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (AGENT, self.agent, self.name, self.office, self.phone)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about."""
        return (AgentRow, self.agent)


class LeftRow(NamedTuple):
    """A row that says on which last day an agent left."""

    line: int
    agent: str
    left_on: str

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (LEFT, self.agent, self.left_on)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about: the same as a row that names the agent."""
        return (AgentRow, self.agent)


class ServingRow(NamedTuple):
    """A row that says which agent serves a policy, from a date on."""

    line: int
    policy: str
    agent: str
    from_date: str

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (SERVING, self.policy, self.agent, self.from_date)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about."""
        return (ServingRow, self.policy)


class ConsentRow(NamedTuple):
    """A row that brings a person's consent for a purpose; `evidence` is a SHA-256, hex."""

    line: int
    document: Document
    purpose: Purpose
    granted_on: str
    evidence: str

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (CONSENT, _document(self.document), self.purpose, self.granted_on, self.evidence)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about."""
        return (ConsentRow, known(self.document), self.purpose)


class WithdrawnRow(NamedTuple):
    """A row that says when a person withdrew a consent; `evidence` is a SHA-256, hex."""

    line: int
    document: Document
    purpose: Purpose
    withdrawn_on: str
    evidence: str

    def fields(self) -> tuple[str, ...]:
        """The columns, as they are written."""
        return (WITHDRAWN, _document(self.document), self.purpose, self.withdrawn_on, self.evidence)

    def subject(self) -> tuple[object, ...]:
        """What no other row may be about: the same as a row that brings the consent."""
        return (ConsentRow, known(self.document), self.purpose)


Row = Holding | EndedHolding | ContactRow | AgentRow | LeftRow | ServingRow | ConsentRow | WithdrawnRow
Check = tuple[str, Callable[[str], object], str]
"""A column's name, what says that a value is good, and what is said of one that is not."""


class Form(NamedTuple):
    """What a kind of row is: its columns after the name of the kind, what is made of a line and these, and
    which column of the row's trailer counts it.
    """

    checks: tuple[Check, ...]
    make: Callable[[int, Sequence[str]], Row]
    counted: str


ENDED, CONTACT, AGENT, LEFT = "ENDED", "CONTACT", "AGENT", "LEFT"
SERVING, CONSENT, WITHDRAWN = "SERVING", "CONSENT", "WITHDRAWN"
NO_CONTACT: Final = Sentence("not a telephone number, e-mail address or other contact of its kind")
_NO_DATE: Final = Sentence("not a date, YYYYMMDD")
_POLICY: Final[Check] = (
    "policy",
    re.compile(r"[A-Z0-9-]{1,24}").fullmatch,
    Sentence("not 1 to 24 of A-Z, 0-9 and -"),
)
_AGENT: Final[Check] = ("agent", *_POLICY[1:])
_ROLE: Final[Check] = (
    "role",
    tuple(map(str, Role)).__contains__,
    Sentence("not one of {roles}", roles=listed(tuple(map(str, Role)))),
)
_NAME: Final[Check] = (
    "name",
    is_name,
    Sentence("not a name of 1 to {most} printable characters", most=NAME_LENGTH_MAX),
)
_OFFICE: Final[Check] = ("office", is_name, _NAME[2])
_PHONE: Final[Check] = ("phone", re.compile(r"[0-9+ -]{0,20}").fullmatch, Sentence("not a telephone number"))
_DOCUMENT: Final[Check] = (
    "document",
    lambda text: is_document(document(text)),
    Sentence("not a valid document number of its kind"),
)
_KIND: Final[Check] = (
    "kind",
    tuple(map(str, ContactKind)).__contains__,
    Sentence("not one of {kinds}", kinds=listed(tuple(map(str, ContactKind)))),
)
_VALUE: Final[Check] = ("value", is_name, NO_CONTACT)
_PURPOSE: Final[Check] = (
    "purpose",
    tuple(map(str, Purpose)).__contains__,
    Sentence("not one of {purposes}", purposes=listed(tuple(map(str, Purpose)))),
)
_EVIDENCE: Final[Check] = (
    "evidence",
    re.compile(r"[0-9a-f]{64}").fullmatch,
    Sentence("not a SHA-256 of 64 hex digits in small letters"),
)


def _date(column: str) -> Check:
    return (column, is_date, _NO_DATE)


def _date_or_none(column: str) -> Check:
    return (column, lambda text: not text or is_date(text), _NO_DATE)


_HOLDING: Final = Form(
    (_POLICY, _ROLE, _NAME, _DOCUMENT, _date("from")),
    lambda line, row: Holding(line, row[0], Role(row[1]), row[2], document(row[3]), row[4]),
    "holdings",
)
FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        ENDED: Form(
            (_POLICY, _ROLE, _DOCUMENT, _date("to")),
            lambda line, row: EndedHolding(line, row[0], Role(row[1]), document(row[2]), row[3]),
            "ended",
        ),
        CONTACT: Form(
            (_DOCUMENT, _KIND, _VALUE, _date_or_none("verified")),
            lambda line, row: ContactRow(line, document(row[0]), ContactKind(row[1]), row[2], row[3]),
            "contacts",
        ),
        AGENT: Form(
            (_AGENT, _NAME, _OFFICE, _PHONE),
            lambda line, row: AgentRow(line, row[0], row[1], row[2], row[3]),
            "agents",
        ),
        LEFT: Form((_AGENT, _date("left")), lambda line, row: LeftRow(line, row[0], row[1]), "agents"),
        SERVING: Form(
            (_POLICY, _AGENT, _date("from")),
            lambda line, row: ServingRow(line, row[0], row[1], row[2]),
            "serving",
        ),
        CONSENT: Form(
            (_DOCUMENT, _PURPOSE, _date("granted"), _EVIDENCE),
            lambda line, row: ConsentRow(line, document(row[0]), Purpose(row[1]), row[2], row[3]),
            "consents",
        ),
        WITHDRAWN: Form(
            (_DOCUMENT, _PURPOSE, _date("withdrawn"), _EVIDENCE),
            lambda line, row: WithdrawnRow(line, document(row[0]), Purpose(row[1]), row[2], row[3]),
            "consents",
        ),
    }
)
"""The kinds of rows by their first field; any other row is a holding."""
COUNTED: Final = ("holdings", "ended", "contacts", "agents", "serving", "consents")
"""What the trailer counts beside the persons, in its order."""


def form_of(first: str) -> Form:
    """The form of a row that begins with this field."""
    return FORMS.get(first, _HOLDING)


def counted_as(row: Row) -> str:
    """The column of the trailer that counts a row."""
    return form_of(row.fields()[0]).counted


def values_of(form: Form, fields: Sequence[str]) -> Sequence[str]:
    """The values of a row's columns, without the name of its kind."""
    return fields if form is _HOLDING else fields[1:]


def said_on(row: Row) -> tuple[str, str]:
    """The column and the date of what a row says has happened; both empty for what may be of any day."""
    match row:
        case ContactRow():
            return "verified", row.verified_on
        case LeftRow():
            return "left", row.left_on
        case ConsentRow():
            return "granted", row.granted_on
        case WithdrawnRow():
            return "withdrawn", row.withdrawn_on
        case _:
            return "", ""


def known(given: Document) -> tuple[str, str]:
    """A document as two rows are compared by it."""
    return given.kind, identity.normalised(given.number)


def _document(given: Document) -> str:
    return f"{given.kind}:{given.number}"
