"""One line of the file of dues: its columns, what each may hold, and the values of a good line.

Pure. No text repeats a value of a row: whatever its column, it may be somebody's identity number. Rules
between lines stand in `ledger.files.agreement`; how a file is read, in `ledger.files.bookfile`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from sys import intern
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from ledger.files.leftout import ANY_ROW, ControlTotals, Span, span_of_due
from ledger.rules import identity
from ledger.rules.day import is_date
from ledger.rules.dues import KINDS, STATES
from ledger.rules.names import LENGTH_MAX as NAME_LENGTH_MAX
from ledger.rules.names import is_name
from qianzhi_errors.sentence import Sentence, listed

HEADER: Final = "policy,state,holder,due,code,due_date,amount_fen,beneficiary,payee"
HEADER_WITHOUT_PAYEES: Final = HEADER.removesuffix(",payee")
"""The header of a file that names no payees: each of its lines has one column less."""
HEADER_WITH_SERVING: Final = f"{HEADER},grace_until,serving,serving_phone"
"""The header of a file that says until when dues can be paid, and who serves each policy."""
TRAILER: Final = "TOTAL"
WITHDRAWN: Final = "WITHDRAWN"
LINE_BYTES_MAX: Final = 2048
"""The longest row there can be takes under 1,800 bytes."""

COLUMNS: Final = tuple(HEADER_WITH_SERVING.split(","))
HEADERS: Final[Mapping[bytes, int]] = MappingProxyType(
    {
        header.encode(): len(header.split(","))
        for header in (HEADER_WITHOUT_PAYEES, HEADER, HEADER_WITH_SERVING)
    }
)
"""Each header that a file may have, and how many columns its lines then have."""
MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "policy": "the policy's number; a policy without dues has one row, empty from `due` on",
        "state": "the policy's state",
        "holder": "the policy's holder; cut where a place is shorter (DE 48, DE 62), with `...` behind it",
        "due": "the due's number, on no other policy and never again",
        "code": "DE 3, the processing code, which says what is collected or paid",
        "due_date": "when it falls due, YYYYMMDD",
        "amount_fen": "the amount in fen",
        "beneficiary": "of a benefit, who is paid: a document's number, as the bank sends it; else empty",
        "payee": "of a benefit, the name of who is paid, for the receipt; the column may be empty or absent",
        "grace_until": "of a premium, the last day on which it can be paid (its grace period's), YYYYMMDD",
        "serving": "of the policy, the name of the agent or office that serves it; `ORPHAN` where none does",
        "serving_phone": "of the policy, the phone of the office that serves it",
        "business_date": "the business day whose dues these are, YYYYMMDD",
        "policies": "how many policies the file names",
        "dues": "how many dues it brings",
        "premium": "the sum of its premiums in fen",
        "benefit": "the sum of its benefits in fen",
        "withdrawn": "how many dues it takes out; empty for none",
    }
)
"""What each column of a row, and of the TOTAL line, holds: for who writes such files."""
_OF_DUE: Final = slice(3, COLUMNS.index("serving"))
_NO_DUE: Final = [""] * len(COLUMNS[_OF_DUE])
_NO_NAME: Final = Sentence("not a name of 1 to {most} printable characters", most=NAME_LENGTH_MAX)
_NONE_OF_A_PREMIUM: Final = Sentence("must be empty for a premium")
_PHONE: Final = re.compile(r"|\+?[0-9][0-9-]{2,16}")


class DueLine(NamedTuple):
    """One due: `code` a key of KINDS, `kind` its value, `due_date` YYYYMMDD, `amount` in fen.

    `beneficiary` is the document number of the person to whom a benefit is paid, as in the file; empty for a
    premium. `document` is the kind of the document, empty for a resident identity number. `payee` is that
    person's name, empty for a premium and where the file names nobody. `grace_until` is the last day on which
    a premium can be paid, YYYYMMDD; empty for a benefit and where the file does not say it.
    """

    due: str
    policy: str
    code: str
    kind: str
    due_date: str
    amount: int
    beneficiary: str
    document: str = ""
    payee: str = ""
    grace_until: str = ""

    def __repr__(self) -> str:
        """Name the due and its policy, never who is paid."""
        return f"DueLine({self.due!r}, policy {self.policy!r})"


def _beneficiary_fault(code: str, beneficiary: str) -> str:
    """Return what is wrong with the beneficiary of a due of this code; empty if it is good."""
    kind = KINDS.get(code)
    if kind == "premium" and beneficiary:
        return _NONE_OF_A_PREMIUM
    if kind == "benefit" and not beneficiary:
        return Sentence("needed for a benefit")
    if kind == "benefit":
        return _document_fault(identity.document(beneficiary))
    return ""


def _payee_fault(code: str, payee: str) -> str:
    """Return what is wrong with the payee's name on a due of this code; empty if it is good."""
    if payee and KINDS.get(code) == "premium":
        return _NONE_OF_A_PREMIUM
    return _NO_NAME if payee and not is_name(payee) else ""


def _grace_fault(code: str, due_date: str, grace_until: str) -> str:
    """Return what is wrong with the end of a due's grace period; empty if it is good."""
    if not grace_until:
        return ""
    if KINDS.get(code) == "benefit":
        return Sentence("must be empty for a benefit")
    if not is_date(grace_until):
        return Sentence("not a date, YYYYMMDD")
    return Sentence("earlier than due_date") if grace_until < due_date else ""


def _document_fault(document: identity.Document) -> str:
    if document.kind not in identity.KINDS:
        return Sentence("not a kind of document; there are {kinds}", kinds=listed(tuple(identity.KINDS)))
    if identity.is_document(document):
        return ""
    if document.kind == identity.RESIDENT:
        return Sentence(
            "not a valid identity number; any other document has its kind before it, as passport:"
        )
    return Sentence("not a valid number of its kind, {kind}", kind=document.kind)


Check: TypeAlias = tuple[str, Callable[[str], object], str]
"""A column, the condition that its value must meet, and the reason to give where it does not."""

_POLICY_CHECKS: Final[tuple[Check, ...]] = (
    ("policy", re.compile(r"[A-Z0-9-]{1,24}").fullmatch, Sentence("not 1 to 24 of A-Z, 0-9 and -")),
    ("state", STATES.__contains__, Sentence("not one of {states}", states=listed(sorted(STATES)))),
    ("holder", is_name, _NO_NAME),
)
CHECKS: Final[tuple[Check, ...]] = (
    *_POLICY_CHECKS,
    ("due", re.compile(r"[A-Z0-9-]{1,20}").fullmatch, Sentence("not 1 to 20 of A-Z, 0-9 and -")),
    ("code", KINDS.__contains__, Sentence("not one of {codes}", codes=listed(tuple(KINDS)))),
    ("due_date", is_date, Sentence("not a date, YYYYMMDD")),
    (
        "amount_fen",
        re.compile(r"[1-9][0-9]{0,11}").fullmatch,
        Sentence("not a whole number of fen, 1 to 999999999999"),
    ),
)

_WITHDRAWN_CHECKS: Final = (_POLICY_CHECKS[0], *CHECKS[3:])

# Longer than any sum, and shorter than an identity number.
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,16}")
TRAILER_CHECKS: Final[tuple[Check, ...]] = (
    ("business_date", is_date, Sentence("not a date, YYYYMMDD")),
    *(
        (name, _COUNT.fullmatch, Sentence("not a whole number of 1 to 17 digits"))
        for name in ControlTotals._fields[:4]
    ),
    (
        "withdrawn",
        re.compile(r"|[1-9][0-9]{0,16}").fullmatch,
        Sentence("neither empty nor a whole number from 1"),
    ),
)


def without_end(line: bytes) -> bytes:
    """Return the line without its LF or CRLF."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


class Row(NamedTuple):
    """A line as far as it can be read. `fields` are empty where they cannot be told apart; each of `faults`
    is a column and what is wrong with it.
    """

    fields: list[str]
    faults: list[tuple[str, str]]

    @property
    def leaves(self) -> bool:
        """Whether it is a WITHDRAWN line."""
        return self.fields[:1] == [WITHDRAWN]

    @property
    def has_due(self) -> bool:
        """Whether it names a due, brought or withdrawn."""
        return bool(self.fields) and self.fields[_OF_DUE] != _NO_DUE

    @property
    def brings(self) -> bool:
        """Whether it brings a due."""
        return self.has_due and self.fields[0] not in (TRAILER, WITHDRAWN)

    @property
    def policy(self) -> str:
        """Its policy, empty where it cannot be read."""
        return self._good(1 if self.leaves else 0, _POLICY_CHECKS[0])

    @property
    def due(self) -> str:
        """Its due, empty where it has none that can be read."""
        return self._good(3, CHECKS[3])

    @property
    def span(self) -> Span:
        """The share of this row in the control totals, its policy apart."""
        if not self.fields:
            return ANY_ROW
        if self.leaves:
            return Span(ControlTotals(withdrawn=1), ControlTotals(withdrawn=1))
        unread = Span() if self.policy else Span(ControlTotals(), ControlTotals(policies=1))
        if not self.has_due:
            return unread
        amount = self._good(6, CHECKS[6])
        return unread + span_of_due(KINDS.get(self.fields[4]), int(amount) if amount else None)

    def due_line(self) -> DueLine:
        """The due of a row that has one and no fault."""
        policy, _, _, due, code, due_date, amount, beneficiary, payee, grace_until = self.fields[:10]
        if self.leaves:
            policy, beneficiary = self.fields[1], ""
        document = identity.document(beneficiary)
        kind = "" if document.kind == identity.RESIDENT else document.kind
        # Many rows hold a few codes and dates: intern keeps one string of each.
        rest = (document.number, kind, payee, intern(grace_until))
        return DueLine(due, policy, intern(code), KINDS[code], intern(due_date), int(amount), *rest)

    def _good(self, place: int, check: Check) -> str:
        text = self.fields[place] if self.fields else ""
        return text if check[1](text) else ""


def row_of(line: bytes, columns: int = HEADERS[HEADER.encode()]) -> Row:
    """Read one line other than the header, of at most LINE_BYTES_MAX bytes, in a file of so many columns, one
    of the numbers in HEADERS; those of COLUMNS that the file does not have are then empty.
    """
    try:
        fields = _fields(line)
    except UnicodeDecodeError:
        return Row([], [("", Sentence("not UTF-8"))])
    except csv.Error:
        return Row([], [("", Sentence("quotes that do not match"))])
    if len(fields) != columns:
        reason = Sentence("{expected} columns expected, {actual} found", expected=columns, actual=len(fields))
        return Row([], [("", reason)])
    fields = _padded(fields)
    if fields[0] == TRAILER:
        return Row(fields, _trailer_faults(fields))
    return Row(fields, _withdrawn_faults(fields) if fields[0] == WITHDRAWN else _row_faults(fields))


def good_row(line: bytes) -> Row:
    """Read again a line in which `row_of` found no fault."""
    return Row(_padded(_fields(line)), [])


def _fields(line: bytes) -> list[str]:
    text = without_end(line).decode()
    return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")


def _padded(fields: list[str]) -> list[str]:
    """The fields of a line, with an empty one for each column that the file does not have."""
    return fields + [""] * (len(COLUMNS) - len(fields))


def _row_faults(fields: list[str]) -> list[tuple[str, str]]:
    faults = _faults(_POLICY_CHECKS if fields[_OF_DUE] == _NO_DUE else CHECKS, fields)
    if reason := _beneficiary_fault(fields[4], fields[7]):
        faults.append(("beneficiary", reason))
    if reason := _payee_fault(fields[4], fields[8]):
        faults.append(("payee", reason))
    if reason := _grace_fault(fields[4], fields[5], fields[9]):
        faults.append(("grace_until", reason))
    return faults + _serving_faults(*fields[10:])


def _serving_faults(serving: str, phone: str) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = [("serving", _NO_NAME)] if serving and not is_name(serving) else []
    if not _PHONE.fullmatch(phone):
        reason = Sentence("neither empty nor a phone number of 3 to 17 digits, `-` and a leading +")
        faults.append(("serving_phone", reason))
    return faults


def _withdrawn_faults(fields: list[str]) -> list[tuple[str, str]]:
    """Return the faults of a WITHDRAWN line; that the book holds the due so, loading checks."""
    _, policy, holder, due, code, due_date, amount, *rest = fields
    faults = _faults(_WITHDRAWN_CHECKS, [policy, due, code, due_date, amount])
    if holder or any(rest):
        reason = Sentence("holder of a WITHDRAWN line, and all behind its amount, must be empty")
        faults.append(("", reason))
    return faults


def _trailer_faults(fields: list[str]) -> list[tuple[str, str]]:
    faults = _faults(TRAILER_CHECKS, fields[1:])
    if any(fields[7:]):
        faults.append(("", Sentence("whatever is behind the figures of the TOTAL line must be empty")))
    return faults


def _faults(checks: Iterable[Check], values: list[str]) -> list[tuple[str, str]]:
    return [
        (name, reason) for (name, good, reason), value in zip(checks, values, strict=False) if not good(value)
    ]
