"""The file of a day's dues: read whole or refused, and written.

Bytes in, values out. No paths, no database, and no text that repeats a value of a row: whatever its column,
it may be somebody's identity number. Rules between rows stand in `ledger.files.agreement`; a good book is
loaded by `ledger.book.load`.

A header, one row a due, one row for a policy without dues, one row a due that leaves unpaid, and a trailer:

    WITHDRAWN,<policy>,,<due>,<code>,<due date>,<amount, fen>,,
    TOTAL,<business date>,<policies>,<dues>,<premium, fen>,<benefit, fen>,<withdrawn, empty for none>,,

The first day's file is the whole book. Each later one has what is new and what leaves; whatever it does not
name is brought forward. Every line has an end, the trailer too, so a file that was cut anywhere is seen to be
cut. The beneficiary of a benefit is a resident identity number, or another document with its kind before it,
`passport:E12345678`. The ninth column, the payee's name, is empty where the core system does not know it, and
may be absent from the header and every line. Behind it a file may have three more: until when a premium can
be paid, and who serves the policy.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from operator import attrgetter
from typing import BinaryIO, Final, NamedTuple, NoReturn, Protocol, TypeVar

from ledger.errors import BookFileError, Problem
from ledger.files.agreement import DueRow, PolicyRow, due_faults, heads, policy_faults
from ledger.files.bookline import (
    COLUMNS,
    HEADER,
    HEADER_WITH_SERVING,
    HEADERS,
    LINE_BYTES_MAX,
    TRAILER,
    WITHDRAWN,
    DueLine,
    Row,
    good_row,
    row_of,
    without_end,
)
from ledger.files.leftout import ControlTotals, LeftOut, Span, differences
from ledger.files.sorting import Sorted
from ledger.rules.dues import KINDS, Policy
from qianzhi_errors.sentence import Sentence, listed

PROBLEMS_MAX: Final = 1000
"""So many faults are named, so that a file can be mended in one go; a file of the wrong kind has one in every
line."""
_BOM: Final = b"\xef\xbb\xbf"


class PolicyDues(NamedTuple):
    """One policy with its dues, if any."""

    policy: Policy
    dues: tuple[DueLine, ...]


Kind_co = TypeVar("Kind_co", covariant=True)


class Rows(Protocol[Kind_co]):
    """Rows of one kind that can be iterated any number of times, by one iterator at a time."""

    def __iter__(self) -> Iterator[Kind_co]:
        """The rows."""

    def __len__(self) -> int:
        """The number of rows."""


class Claim(NamedTuple):
    """A row to be left out that has no fault by itself, so the database must tell what is wrong with it.

    `leaves`: it is a WITHDRAWN line.
    """

    line: int
    due: DueLine
    leaves: bool


def _nowhere(_dues: Set[str]) -> Mapping[str, int]:
    return {}


class Book(NamedTuple):
    """A whole file: `premium` and `benefit` are sums in fen, `digest` the SHA-256 of its bytes, in hex.

    `withdrawn` are dues of an earlier day that leave unpaid, as the database must hold them (without
    beneficiary and payee). `left_out` are the rows that were left out, `claims` those of them without a fault
    of their own. `lines` maps given dues to their line numbers.
    """

    business_date: str
    policies: Rows[Policy]
    dues: Rows[DueLine]
    premium: int
    benefit: int
    digest: str
    withdrawn: Rows[DueLine] = ()
    left_out: tuple[LeftOut, ...] = ()
    claims: tuple[Claim, ...] = ()
    lines: Callable[[Set[str]], Mapping[str, int]] = _nowhere


def parse(source: bytes | BinaryIO, without: Set[int] = frozenset()) -> Book:
    """Read a file of dues, its bytes or a stream of them, whole and into memory; policies and dues in the
    file's order. Raises as `opened` does.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    with _reading(without) as reading:
        book = reading.book(stream)
        policies = sorted(reading.heads(), key=attrgetter("line"))
        return book._replace(
            policies=tuple(map(_policy, policies)),
            dues=tuple(book.dues),
            withdrawn=tuple(book.withdrawn),
            lines=_nowhere,
        )


@contextmanager
def opened(stream: BinaryIO, without: Set[int] = frozenset()) -> Iterator[Book]:
    """Read a file of dues, a seekable stream, whole, in constant memory. The book's rows are read from the
    stream anew at each iteration; its policies come in the order of their names.

    UTF-8, with or without a byte order mark; lines end in LF or CRLF; fields are quoted as in RFC 4180, but
    none holds a line end. Raises BookFileError with the first PROBLEMS_MAX problems; counts and sums are
    compared only where every row is good. The lines of `without` are left out: each must be a row with a
    fault, and the TOTAL line must agree with the other rows and what these can add.

    The business date stands in the trailer only; nothing else in the file confirms it.
    """
    with _reading(without) as reading:
        yield reading.book(stream)


def write(
    business_date: str,
    entries: Iterable[PolicyDues],
    withdrawn: Iterable[DueLine] = (),
    *,
    serving: bool = False,
) -> Iterator[bytes]:
    """Yield the file that `parse` reads back as `entries` and `withdrawn`, a line at a time. Without
    `serving`, it has no columns for the end of grace and for who serves a policy, and what `entries` say of
    them is not written.

    Both are iterated once, not kept and not checked. `business_date` is YYYYMMDD.
    """
    yield f"{HEADER_WITH_SERVING if serving else HEADER}\n".encode()
    rest = ",,," if serving else ""
    policies = dues = 0
    sums = {"premium": 0, "benefit": 0}
    for policy, policy_dues in entries:
        start = f"{policy.policy},{policy.state},{_quoted(policy.holder)}"
        served = f",{_quoted(policy.serving)},{policy.serving_phone}" if serving else ""
        policies += 1
        for due in policy_dues:
            dues += 1
            sums[due.kind] += due.amount
            document = f"{due.document}:{due.beneficiary}" if due.document else due.beneficiary
            paid_to = f"{document},{_quoted(due.payee)}"
            end = f",{due.grace_until}{served}" if serving else ""
            yield f"{start},{due.due},{due.code},{due.due_date},{due.amount},{paid_to}{end}\n".encode()
        if not policy_dues:
            yield f"{start},,,,,,{',' if serving else ''}{served}\n".encode()
    leaving = 0
    for due in withdrawn:
        leaving += 1
        named = f"{due.policy},,{due.due},{due.code},{due.due_date},{due.amount}"
        yield f"{WITHDRAWN},{named},,{rest}\n".encode()
    figures = f"{policies},{dues},{sums['premium']},{sums['benefit']},{leaving or ''}"
    yield f"{TRAILER},{business_date},{figures},,{rest}\n".encode()


def _quoted(text: str) -> str:
    """Return `text` as a CSV field (RFC 4180, section 2)."""
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def _lines(stream: BinaryIO, digest: hashlib._Hash) -> Iterator[bytes]:
    """Yield the file's lines from its beginning; a line longer than a row can be is cut, its end kept."""
    stream.seek(0)
    for line in iter(lambda: stream.readline(LINE_BYTES_MAX), b""):
        digest.update(line)
        rest = line
        while len(rest) == LINE_BYTES_MAX and not rest.endswith(b"\n"):
            rest = stream.readline(LINE_BYTES_MAX)
            digest.update(rest)
        yield line if rest is line else line + rest[-1:]


def _in_column(column: str, reason: str) -> str:
    return Sentence("{column}: {reason}", column=column, reason=reason)


def _changed() -> BookFileError:
    return BookFileError((Problem(1, "", Sentence("the file was changed while it was read")),))


class _Dues:
    """The dues that a file brings, read from it anew at each iteration."""

    def __init__(self, stream: BinaryIO, digest: str, without: Set[int], count: int) -> None:
        self._stream, self._digest, self._without, self._count = stream, digest, without, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[DueLine]:
        """Yield the dues. Raises BookFileError where the file has changed since it was first read."""
        digest = hashlib.sha256()
        rows = enumerate(_lines(self._stream, digest), 1)
        try:
            for row in (
                good_row(line) for number, line in rows if number > 1 and number not in self._without
            ):
                if row.brings:
                    yield row.due_line()
        except (ValueError, LookupError):  # of a line that was a good one, when it was read first
            raise _changed() from None
        if digest.hexdigest() != self._digest:
            raise _changed()


def _policy(row: PolicyRow) -> Policy:
    return Policy(row.policy, row.state, row.holder, row.serving, row.serving_phone)


class _Policies:
    """The policies of a file, each once, in the order of their names."""

    def __init__(self, rows: Callable[[], Iterator[PolicyRow]], count: int) -> None:
        self._rows, self._count = rows, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Policy]:
        """The policies."""
        return map(_policy, self._rows())


class _Withdrawn:
    """The dues that a file withdraws, in its order."""

    def __init__(self, rows: Sorted, count: int) -> None:
        self._rows, self._count = rows, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[DueLine]:
        """The dues."""
        return (DueLine(*row[1:]) for row in self._rows)


class _Reading:
    """A file while it is read: its problems so far, and its rows, to be compared with each other."""

    def __init__(self, without: Set[int], dues: Sorted, policies: Sorted, withdrawn: Sorted) -> None:
        self._without = without
        self._dues, self._policies, self._withdrawn = dues, policies, withdrawn
        self._line = 0
        self._columns = len(COLUMNS)
        self._problems: list[Problem] = []
        self._counted = ControlTotals()
        self._trailer: list[str] = []
        self._left: dict[int, LeftOut] = {}
        self._claims: dict[int, Claim] = {}
        self._span = Span()
        self._left_policies: set[str] = set()

    def book(self, stream: BinaryIO) -> Book:
        """Read the file and return the book, if nothing is wrong and its trailer agrees."""
        digest = hashlib.sha256()
        for line in _lines(stream, digest):
            self._take(line)
        if not self._trailer:
            self._stop(Sentence("the TOTAL line is missing: the file was cut short"))
        self._compare_rows()
        counted = self._counted
        if not self._problems:
            stated = ControlTotals(*(int(text or "0") for text in self._trailer[2:7]))
            for name, reason in differences(stated, counted, self._span):
                self._note(self._line, name, reason)
        if self._problems:
            raise BookFileError(
                tuple(sorted(self._problems, key=lambda problem: problem.line)[:PROBLEMS_MAX])
            )
        return Book(
            self._trailer[1],
            _Policies(self.heads, counted.policies),
            _Dues(stream, digest.hexdigest(), self._without, counted.dues),
            counted.premium,
            counted.benefit,
            digest.hexdigest(),
            _Withdrawn(self._withdrawn, counted.withdrawn),
            tuple(self._left[line] for line in sorted(self._left)),
            tuple(self._claims.values()),
            self._lines_of,
        )

    def heads(self) -> Iterator[PolicyRow]:
        """The first row of each policy, in the order of their names."""
        return heads(map(PolicyRow._make, self._policies), self._without)

    def _take(self, line: bytes) -> None:
        """Read the next line, its end included."""
        self._line += 1
        if not line.endswith(b"\n"):
            self._stop(Sentence("has no end: the file was cut short"))
        if self._trailer:
            self._stop(Sentence("nothing may follow the TOTAL line"))
        if self._line == 1:
            self._take_header(without_end(line.removeprefix(_BOM)))
            return
        if len(line) > LINE_BYTES_MAX:
            self._take_row(Row([], [("", Sentence("longer than {most} bytes", most=LINE_BYTES_MAX))]))
            return
        row = row_of(line, self._columns)
        if row.fields[:1] == [TRAILER]:
            self._trailer = row.fields
            for fault in row.faults:
                self._note(self._line, *fault)
        else:
            self._take_row(row)

    def _take_header(self, header: bytes) -> None:
        if header not in HEADERS:
            self._stop(Sentence("the header must be {header}", header=HEADER))
        self._columns = HEADERS[header]

    def _take_row(self, row: Row) -> None:
        if self._line in self._without:
            self._leave_out(row)
        else:
            for fault in row.faults:
                self._note(self._line, *fault)
        if row.faults:
            return
        if row.has_due:
            self._dues.add(DueRow(row.due, self._line))
        if not row.leaves:
            policy, state, holder = row.fields[:3]
            self._policies.add(PolicyRow(policy, self._line, state, holder, row.has_due, *row.fields[10:]))
        if self._line not in self._without:
            self._count(row)

    def _count(self, row: Row) -> None:
        if row.leaves:
            self._withdrawn.add((self._line, *row.due_line()))
            self._counted = self._counted._replace(withdrawn=self._counted.withdrawn + 1)
        elif row.has_due:
            amount, kind = int(row.fields[6]), KINDS[row.fields[4]]
            figures = self._counted
            self._counted = figures._replace(
                dues=figures.dues + 1,
                premium=figures.premium + (amount if kind == "premium" else 0),
                benefit=figures.benefit + (amount if kind == "benefit" else 0),
            )

    def _leave_out(self, row: Row) -> None:
        reasons = [_in_column(column, reason) if column else reason for column, reason in row.faults]
        reason = listed(reasons, "{first}; {rest}")
        self._left[self._line] = LeftOut(self._line, row.policy, row.due, reason)
        self._span += row.span
        if row.policy and not row.leaves:
            self._left_policies.add(row.policy)
        if not row.faults and row.has_due:
            self._claims[self._line] = Claim(
                self._line,
                row.due_line()._replace(beneficiary="", document="", payee="", grace_until=""),
                row.leaves,
            )

    def _compare_rows(self) -> None:
        """Note what is wrong between rows, count the policies, and check that each row left out may be."""
        policies = 0
        for head in self.heads():
            policies += 1
            self._left_policies.discard(head.policy)
        self._counted = self._counted._replace(policies=policies)
        only_left = len(self._left_policies)
        self._span += Span(ControlTotals(policies=only_left), ControlTotals(policies=only_left))
        for fault in policy_faults(map(PolicyRow._make, self._policies), self._without):
            self._fault_between(*fault)
        for fault in due_faults(map(DueRow._make, self._dues), self._without):
            self._fault_between(*fault)
        for line in sorted(self._without):
            if line not in self._left:
                self._note(line, "", Sentence("no row: it cannot be left out"))
            elif not self._left[line].reason and line not in self._claims:
                self._note(line, "", Sentence("in order: it cannot be left out"))

    def _fault_between(self, line: int, column: str, reason: str) -> None:
        if line not in self._without:
            self._note(line, column, reason)
        elif not self._left[line].reason:
            self._left[line] = self._left[line]._replace(reason=_in_column(column, reason))
            self._claims.pop(line, None)

    def _lines_of(self, dues: Set[str]) -> Mapping[str, int]:
        """Return the line number of each of these dues."""
        return {row[0]: row[1] for row in self._dues if row[0] in dues and row[1] not in self._without}

    def _stop(self, reason: str) -> NoReturn:
        """Raise BookFileError with a problem after which the rest cannot be understood."""
        self._problems.append(Problem(max(self._line, 1), "", reason))
        raise BookFileError(tuple(self._problems))

    def _note(self, line: int, column: str, reason: str) -> None:
        self._problems.append(Problem(line, column, reason))
        if len(self._problems) == PROBLEMS_MAX:
            raise BookFileError(tuple(sorted(self._problems, key=lambda problem: problem.line)))


@contextmanager
def _reading(without: Set[int]) -> Iterator[_Reading]:
    with Sorted() as dues, Sorted() as policies, Sorted() as withdrawn:
        yield _Reading(without, dues, policies, withdrawn)
