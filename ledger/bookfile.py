"""The file of a day's dues: what a good one is, how it is read whole or refused, how it is written.

Bytes in, values out. No paths, no database, and no texts that repeat a value of a row: whatever its column,
it may be somebody's identity number. What is done with a good book, `ledger.load` says.

A header, one row a due, one row for a policy without dues, one row a due that leaves unpaid, and a trailer:

    WITHDRAWN,<policy>,,<due>,<code>,<due date>,<amount, fen>,
    TOTAL,<business date>,<policies>,<dues>,<premium, fen>,<benefit, fen>,<withdrawn, empty for none>,

The first day's file is the whole book; each later one says what is new and what leaves, and all that it does
not name carries over. Every line ends, the trailer too: so a file that was cut anywhere is seen to be.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from sys import intern
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple, NoReturn

from ledger import identity
from ledger.conceal import figure
from ledger.day import is_date
from ledger.errors import BookFileError, Problem

HEADER: Final = "policy,state,holder,due,code,due_date,amount_fen,beneficiary"
TRAILER: Final = "TOTAL"
WITHDRAWN: Final = "WITHDRAWN"
PROBLEMS_MAX: Final = 20
"""A file of the wrong kind is wrong in every line; the first few say so."""
LINE_BYTES_MAX: Final = 1024
"""The longest row there can be takes under 300 bytes."""

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "500000": "premium",
        "501000": "premium",
        "502000": "premium",
        "260000": "benefit",
        "261000": "benefit",
        "262000": "benefit",
        "263000": "benefit",
    }
)
"""The kind of due that each processing code collects or pays (PROTOCOL.md section 3)."""

STATES: Final = frozenset({"pending", "active", "lapsed", "terminated"})

_BOM: Final = b"\xef\xbb\xbf"
_COLUMNS: Final = tuple(HEADER.split(","))
_NO_DUE: Final = [""] * 5
_HOLDER_LENGTH_MAX: Final = 20
_PLAIN_NAME: Final = re.compile("[\u4e00-\u9fff]{1,20}")
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode categories that break or reorder a receipt's line. Not private use: rare names need it."""


class Policy(NamedTuple):
    """One policy; `state` is one of STATES, `holder` the policyholder's name."""

    policy: str
    state: str
    holder: str


class DueLine(NamedTuple):
    """One due: `code` a key of KINDS, `kind` its value, `due_date` YYYYMMDD, `amount` in fen.

    `beneficiary` is the identity number of the person a benefit is paid to, empty for a premium.
    """

    due: str
    policy: str
    code: str
    kind: str
    due_date: str
    amount: int
    beneficiary: str

    def __repr__(self) -> str:
        """Name the due and its policy, never the beneficiary."""
        return f"DueLine({self.due!r}, policy {self.policy!r})"


class PolicyDues(NamedTuple):
    """One policy with its dues, if any."""

    policy: Policy
    dues: tuple[DueLine, ...]


class Book(NamedTuple):
    """A whole file: `premium` and `benefit` are sums in fen, `digest` the SHA-256 of its bytes, in hex.

    `withdrawn` are dues of an earlier day that leave unpaid, as the book must hold them (without
    beneficiary).
    """

    business_date: str
    policies: tuple[Policy, ...]
    dues: tuple[DueLine, ...]
    premium: int
    benefit: int
    digest: str
    withdrawn: tuple[DueLine, ...] = ()


def parse(source: bytes | BinaryIO) -> Book:
    """Read a file of dues, its bytes or a stream of them, whole.

    UTF-8, with or without a byte order mark; lines end in LF or CRLF; fields are quoted as in RFC 4180, but
    none holds a line end. Policies and dues keep the file's order. Raises BookFileError with the first
    PROBLEMS_MAX problems; counts and sums are compared only where every row is good.

    The business date stands in the trailer only, with nothing in the file to hold it against.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    digest = hashlib.sha256()
    reading = _Reading()
    for line in iter(lambda: stream.readline(LINE_BYTES_MAX), b""):
        digest.update(line)
        reading.take(line)
    return reading.finish(digest.hexdigest())


def write(
    business_date: str, entries: Iterable[PolicyDues], withdrawn: Iterable[DueLine] = ()
) -> Iterator[bytes]:
    """Yield the file that `parse` reads back as `entries` and `withdrawn`, a line at a time.

    Both are used as they come and not kept; they are not checked. `business_date` is YYYYMMDD.
    """
    yield f"{HEADER}\n".encode()
    policies = dues = 0
    sums = {"premium": 0, "benefit": 0}
    for policy, policy_dues in entries:
        start = f"{policy.policy},{policy.state},{_quoted(policy.holder)}"
        policies += 1
        for due in policy_dues:
            dues += 1
            sums[due.kind] += due.amount
            yield f"{start},{due.due},{due.code},{due.due_date},{due.amount},{due.beneficiary}\n".encode()
        if not policy_dues:
            yield f"{start},,,,,\n".encode()
    leaving = 0
    for due in withdrawn:
        leaving += 1
        yield f"{WITHDRAWN},{due.policy},,{due.due},{due.code},{due.due_date},{due.amount},\n".encode()
    figures = f"{policies},{dues},{sums['premium']},{sums['benefit']},{leaving or ''}"
    yield f"{TRAILER},{business_date},{figures},\n".encode()


class _Trailer(NamedTuple):
    """What the TOTAL line says; amounts in fen."""

    business_date: str
    policies: int
    dues: int
    premium: int
    benefit: int
    withdrawn: int


def _is_name(text: str) -> bool:
    if _PLAIN_NAME.fullmatch(text):
        return True
    if not 1 <= len(text) <= _HOLDER_LENGTH_MAX or text != text.strip():
        return False
    return not any(unicodedata.category(character) in _UNPRINTABLE for character in text)


def _beneficiary_fault(code: str, beneficiary: str) -> str:
    """Say what is wrong with the beneficiary of a due of this code; empty if nothing is."""
    kind = KINDS.get(code)
    if kind == "premium" and beneficiary:
        return "must be empty for a premium"
    if kind == "benefit" and not beneficiary:
        return "needed for a benefit"
    if kind == "benefit" and not identity.is_valid(beneficiary):
        return "not a valid identity number"
    return ""


_Check = tuple[str, Callable[[str], object], str]
"""A column, what must be true of its value, and what to say where it is not."""

_POLICY_CHECKS: Final[tuple[_Check, ...]] = (
    ("policy", re.compile(r"[A-Z0-9-]{1,24}").fullmatch, "not 1 to 24 of A-Z, 0-9 and -"),
    ("state", STATES.__contains__, f"not one of {', '.join(sorted(STATES))}"),
    ("holder", _is_name, f"not a name of 1 to {_HOLDER_LENGTH_MAX} printable characters"),
)
_CHECKS: Final[tuple[_Check, ...]] = (
    *_POLICY_CHECKS,
    ("due", re.compile(r"[A-Z0-9-]{1,20}").fullmatch, "not 1 to 20 of A-Z, 0-9 and -"),
    ("code", KINDS.__contains__, f"not one of {', '.join(KINDS)}"),
    ("due_date", is_date, "not a date, YYYYMMDD"),
    ("amount_fen", re.compile(r"[1-9][0-9]{0,11}").fullmatch, "not a whole number of fen, 1 to 999999999999"),
)

_WITHDRAWN_CHECKS: Final = (_POLICY_CHECKS[0], *_CHECKS[3:])

# Longer than any sum, and shorter than an identity number.
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,16}")
_TRAILER_CHECKS: Final[tuple[_Check, ...]] = (
    ("business_date", is_date, "not a date, YYYYMMDD"),
    *((name, _COUNT.fullmatch, "not a whole number of 1 to 17 digits") for name in _Trailer._fields[1:5]),
    ("withdrawn", re.compile(r"|[1-9][0-9]{0,16}").fullmatch, "neither empty nor a whole number from 1"),
)


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _quoted(text: str) -> str:
    """`text` as a CSV field (RFC 4180, section 2)."""
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


class _Reading:
    """A file as far as it has been read: its rows, and what is wrong with it."""

    def __init__(self) -> None:
        self._line = 0
        self._problems: list[Problem] = []
        self._policies: dict[str, Policy] = {}
        self._without_due: set[str] = set()
        self._dues: dict[str, DueLine] = {}
        self._withdrawn: dict[str, DueLine] = {}
        self._trailer: _Trailer | None = None
        self._trailer_line = 0

    def take(self, line: bytes) -> None:
        """Read the next line, its end included."""
        self._line += 1
        if not line.endswith(b"\n"):
            long = len(line) == LINE_BYTES_MAX
            self._stop(
                f"longer than {LINE_BYTES_MAX} bytes" if long else "has no end: the file was cut short"
            )
        if self._trailer_line:
            self._stop("nothing may follow the TOTAL line")
        if self._line == 1:
            self._take_header(line)
            return
        fields = self._fields(line)
        if not fields:
            return
        if fields[0] == TRAILER:
            self._take_trailer(fields)
        elif fields[0] == WITHDRAWN:
            self._take_withdrawn(fields)
        else:
            self._take_row(fields)

    def finish(self, digest: str) -> Book:
        """Return the book, if nothing is wrong and its trailer agrees."""
        if not self._trailer_line:
            self._stop("the TOTAL line is missing: the file was cut short")
        premium, benefit = self._sums()
        found = _Trailer("", len(self._policies), len(self._dues), premium, benefit, len(self._withdrawn))
        if not self._problems:
            self._compare(found)
        if self._problems or self._trailer is None:
            raise BookFileError(tuple(self._problems))
        policies, dues = tuple(self._policies.values()), tuple(self._dues.values())
        withdrawn = tuple(self._withdrawn.values())
        date = self._trailer.business_date
        return Book(date, policies, dues, premium, benefit, digest, withdrawn)

    def _stop(self, reason: str) -> NoReturn:
        """Note a problem after which nothing that follows can be made sense of."""
        self._problems.append(Problem(max(self._line, 1), "", reason))
        raise BookFileError(tuple(self._problems))

    def _note(self, column: str, reason: str) -> None:
        self._problems.append(Problem(self._line, column, reason))
        if len(self._problems) == PROBLEMS_MAX:
            raise BookFileError(tuple(self._problems))

    def _take_header(self, line: bytes) -> None:
        if _without_end(line.removeprefix(_BOM)) != HEADER.encode():
            self._stop(f"the header must be {HEADER}")

    def _fields(self, line: bytes) -> list[str]:
        """Return the line's fields, as many as there are columns; none if they cannot be told."""
        try:
            text = _without_end(line).decode()
            fields = next(csv.reader([text], strict=True), []) if '"' in text else text.split(",")
        except UnicodeDecodeError:
            self._note("", "not UTF-8")
            return []
        except csv.Error:
            self._note("", "quotes that do not match")
            return []
        if len(fields) != len(_COLUMNS):
            self._note("", f"{len(_COLUMNS)} columns expected, {len(fields)} found")
            return []
        return fields

    def _take_row(self, fields: list[str]) -> None:
        has_due = fields[3:] != _NO_DUE
        checks = _CHECKS if has_due else _POLICY_CHECKS
        faults = [
            (name, reason)
            for (name, good, reason), value in zip(checks, fields, strict=False)
            if not good(value)
        ]
        if has_due and (reason := _beneficiary_fault(fields[4], fields[7])):
            faults.append(("beneficiary", reason))
        for fault in faults:
            self._note(*fault)
        if not faults:
            policy = self._take_policy(fields, has_due)
            if has_due:
                self._take_due(policy, fields)

    def _take_policy(self, fields: list[str], has_due: bool) -> str:
        """Keep the row's policy, or hold it against the earlier row; its number, one string for all."""
        number, state, holder = fields[:3]
        known = self._policies.get(number)
        if known is None:
            self._policies[number] = Policy(number, intern(state), holder)
            if not has_due:
                self._without_due.add(number)
            return number
        if not has_due or number in self._without_due:
            self._note("policy", "a policy without a due has one row and no other")
        if state != known.state:
            self._note("state", "differs from an earlier row of the same policy")
        if holder != known.holder:
            self._note("holder", "differs from an earlier row of the same policy")
        return known.policy

    def _take_due(self, policy: str, fields: list[str]) -> None:
        due, code, due_date, amount, beneficiary = fields[3:]
        if due in self._dues or due in self._withdrawn:
            self._note("due", "not unique: an earlier row has the same")
            return
        # A million rows hold a few codes and dates: intern keeps one string of each.
        self._dues[due] = DueLine(
            due, policy, intern(code), KINDS[code], intern(due_date), int(amount), beneficiary
        )

    def _take_withdrawn(self, fields: list[str]) -> None:
        """Keep a due that leaves; whether the book holds it so, the load will see."""
        _, policy, _, due, code, due_date, amount, _ = fields
        given = policy, due, code, due_date, amount
        faults = [
            (name, reason)
            for (name, good, reason), value in zip(_WITHDRAWN_CHECKS, given, strict=True)
            if not good(value)
        ]
        if fields[2] or fields[7]:
            faults.append(("", "columns 3 and 8 of a WITHDRAWN line must be empty"))
        if not faults and (due in self._dues or due in self._withdrawn):
            faults.append(("due", "not unique: an earlier row has the same"))
        for fault in faults:
            self._note(*fault)
        if not faults:
            self._withdrawn[due] = DueLine(
                due, policy, intern(code), KINDS[code], intern(due_date), int(amount), ""
            )

    def _take_trailer(self, fields: list[str]) -> None:
        self._trailer_line = self._line
        faults = [
            (name, reason)
            for (name, good, reason), value in zip(_TRAILER_CHECKS, fields[1:7], strict=True)
            if not good(value)
        ]
        if fields[7]:
            faults.append(("", "the last column of the TOTAL line must be empty"))
        for fault in faults:
            self._note(*fault)
        if not faults:
            policies, dues, premium, benefit, withdrawn = (int(text or "0") for text in fields[2:7])
            self._trailer = _Trailer(fields[1], policies, dues, premium, benefit, withdrawn)

    def _sums(self) -> tuple[int, int]:
        """Return the sums of the premiums and of the benefits, in fen."""
        premium = sum(due.amount for due in self._dues.values() if due.kind == "premium")
        return premium, sum(due.amount for due in self._dues.values()) - premium

    def _compare(self, found: _Trailer) -> None:
        if self._trailer is None:
            return
        for name, said, counted in zip(_Trailer._fields[1:], self._trailer[1:], found[1:], strict=True):
            if said != counted:
                self._note(name, f"the TOTAL line says {figure(said)}, the rows make {counted}")
