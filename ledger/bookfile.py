"""The file of a day's dues: what a good one is, how it is read whole or refused, how it is written.

Bytes in, values out. No paths, no database, and no texts that repeat a value of a row: whatever its column,
it may be somebody's identity number. What is done with a good book, `ledger.load` says.

A header, one row a due, one row for a policy without dues, and a trailer:

    TOTAL,<business date>,<policies>,<dues>,<premium, fen>,<benefit, fen>,,

Every line ends, the trailer too: so a file that was cut anywhere is seen to be.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from sys import intern
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple, NoReturn

from ledger import identity
from ledger.errors import BookFileError, Problem

HEADER: Final = "policy,state,holder,due,code,due_date,amount_fen,beneficiary"
TRAILER: Final = "TOTAL"
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


class PolicyDues(NamedTuple):
    """One policy with its dues, if any."""

    policy: Policy
    dues: tuple[DueLine, ...]


class Book(NamedTuple):
    """A whole file: `premium` and `benefit` are sums in fen, `digest` the SHA-256 of its bytes, in hex."""

    business_date: str
    policies: tuple[Policy, ...]
    dues: tuple[DueLine, ...]
    premium: int
    benefit: int
    digest: str


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


def write(business_date: str, entries: Iterable[PolicyDues]) -> Iterator[bytes]:
    """Yield the file that `parse` reads back as `entries`, a line at a time.

    `entries` are used as they come and not kept; they are not checked. `business_date` is YYYYMMDD.
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
    yield f"{TRAILER},{business_date},{policies},{dues},{sums['premium']},{sums['benefit']},,\n".encode()


class _Trailer(NamedTuple):
    """What the TOTAL line says; amounts in fen."""

    business_date: str
    policies: int
    dues: int
    premium: int
    benefit: int


@lru_cache(maxsize=4096)
def _is_date(text: str) -> bool:
    """Whether `text` is YYYYMMDD of a real day. Cached: a million rows name a few hundred days."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


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
    ("due_date", _is_date, "not a date, YYYYMMDD"),
    ("amount_fen", re.compile(r"[1-9][0-9]{0,11}").fullmatch, "not a whole number of fen, 1 to 999999999999"),
)

# A number in the trailer may be repeated in a problem, so none is as long as an identity number.
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,16}")
_TRAILER_CHECKS: Final[tuple[_Check, ...]] = (
    ("business_date", _is_date, "not a date, YYYYMMDD"),
    *((name, _COUNT.fullmatch, "not a whole number of 1 to 17 digits") for name in _Trailer._fields[1:]),
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
        else:
            self._take_row(fields)

    def finish(self, digest: str) -> Book:
        """Return the book, if nothing is wrong and its trailer agrees."""
        if not self._trailer_line:
            self._stop("the TOTAL line is missing: the file was cut short")
        found = _Trailer("", len(self._policies), len(self._dues), *self._sums())
        if not self._problems:
            self._compare(found)
        if self._problems or self._trailer is None:
            raise BookFileError(tuple(self._problems))
        policies, dues = tuple(self._policies.values()), tuple(self._dues.values())
        return Book(self._trailer.business_date, policies, dues, found.premium, found.benefit, digest)

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
        if due in self._dues:
            self._note("due", "not unique: an earlier row has the same")
            return
        # A million rows hold a few codes and dates: intern keeps one string of each.
        self._dues[due] = DueLine(
            due, policy, intern(code), KINDS[code], intern(due_date), int(amount), beneficiary
        )

    def _take_trailer(self, fields: list[str]) -> None:
        self._trailer_line = self._line
        faults = [
            (name, reason)
            for (name, good, reason), value in zip(_TRAILER_CHECKS, fields[1:6], strict=True)
            if not good(value)
        ]
        if fields[6:] != ["", ""]:
            faults.append(("", "the last two columns of the TOTAL line must be empty"))
        for fault in faults:
            self._note(*fault)
        if not faults:
            self._trailer = _Trailer(fields[1], *map(int, fields[2:6]))

    def _sums(self) -> tuple[int, int]:
        """Return the sums of the premiums and of the benefits, in fen."""
        premium = sum(due.amount for due in self._dues.values() if due.kind == "premium")
        return premium, sum(due.amount for due in self._dues.values()) - premium

    def _compare(self, found: _Trailer) -> None:
        if self._trailer is None:
            return
        for name, said, counted in zip(_Trailer._fields[1:], self._trailer[1:], found[1:], strict=True):
            if said != counted:
                self._note(name, f"the TOTAL line says {said}, the rows make {counted}")
