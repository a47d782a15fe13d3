"""The file of a batch's results, from collection to the front, and the front's answer.

    APPLY|B0000123|91020000|1                       a batch, its channel, which part of its results
    S|17|20261125|REF0001                           done: line, value date, the bank's reference
    F|18|funds                                      the bank took nothing: line, the class of the failure
    X|16|20261126|REF0002|AC04                      returned: as done, and the bank's reason
    T|3|120000|80000                                how many, the sum of the done and of the returned in fen

    APPLIED|B0000123|1|1|120000|1|1                 batch, part; done, their sum; failed; returned
    E|17|26112401000042|00091020000/B0000123/...    a done line: its receipt's number, the key of its entry
    M|16                                            a misfit: no effect on the due that it was to have one on
    T|2

The sums are of the amounts that were held, so that a file of other lines than the front's is seen. A line
whose outcome is not known is in no file: there is no class for it, since nothing releases it but a result.

Pure: bytes in, values out, and the other way round. What is done with a file is in `ledger.book.hold` and
`fep.operator.batches`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from ledger.files.record_lines import (
    BATCH,
    CHANNEL,
    COUNT,
    DATE,
    KEY,
    LINE,
    PART,
    REASON,
    RECEIPT,
    REFERENCE,
    SUM,
    BatchFileRefused,
    Field,
    Record,
    as_bytes,
    check_figures,
    check_once,
    framed,
)
from qianzhi_errors.sentence import Sentence, listed


class FailureClass(StrEnum):
    """Why a bank took nothing for a line, as far as it matters for another attempt."""

    FUNDS = "funds"
    TEMPORARY = "temporary"
    LIMIT = "limit"
    ACCOUNT = "account"
    MANDATE = "mandate"
    TECHNICAL = "technical"


_CLASS: Final = Field(
    "class",
    frozenset(FailureClass).__contains__,
    Sentence("not one of {words}", words=listed([*FailureClass])),
)


class Done(NamedTuple):
    """The bank has taken the line's amount."""

    line: int
    value_date: str
    reference: str


class Failed(NamedTuple):
    """The bank has taken nothing: that is certain."""

    line: int
    klass: FailureClass


class Returned(NamedTuple):
    """The bank has given a done line's amount back."""

    line: int
    value_date: str
    reference: str
    reason: str


ApplyLine: TypeAlias = Done | Failed | Returned


class ApplyFile(NamedTuple):
    """One part of a batch's results. `done_amount` and `returned_amount` are the sums in fen that the file
    states, of amounts which only the front and collection know.
    """

    batch: str
    channel: str
    part: int
    lines: tuple[ApplyLine, ...]
    done_amount: int
    returned_amount: int


class LineReceipt(NamedTuple):
    """A done line's receipt number, the key of its entry, and the business date in whose books it is."""

    line: int
    receipt: str
    key: str
    date: str


class LineReturn(NamedTuple):
    """A returned line, and the business date in whose books its money went back."""

    line: int
    date: str


class ApplyAnswer(NamedTuple):
    """What a part has come to: `done` and `returned` lines had their effect, `failed` ones let their dues go.
    `misfits` are lines of which the front has recorded that the money moved, and which fitted no due.
    """

    batch: str
    part: int
    done: int
    done_amount: int
    failed: int
    returned: int
    misfits: tuple[int, ...]
    receipts: tuple[LineReceipt, ...]
    returns: tuple[LineReturn, ...]


def write_apply(file: ApplyFile) -> bytes:
    """The file's bytes."""
    total = ("T", len(file.lines), file.done_amount, file.returned_amount)
    return as_bytes((("APPLY", *file[:3]), *((_KINDS[type(line)], *line) for line in file.lines), total))


def read_apply(data: bytes) -> ApplyFile:
    """The file that `write_apply` wrote. Raises BatchFileRefused. A line may be done and returned in one
    file, and nothing else twice.
    """
    head, rows, last = framed(data, "APPLY")
    batch, channel, part = head.checked(BATCH, CHANNEL, PART)
    lines = [_line(row) for row in rows]
    check_once([(row, (line.line, type(line) is Returned)) for row, line in zip(rows, lines, strict=True)])
    failed = {line.line for line in lines if isinstance(line, Failed)}
    for row, line in zip(rows, lines, strict=True):
        if isinstance(line, Returned) and line.line in failed:
            raise row.refused(Sentence("failed and returned in one file"), "line")
    count, done_amount, returned_amount = last.checked(COUNT, SUM, SUM)
    check_figures(last, (count,), (len(lines),))
    if not lines:
        raise BatchFileRefused(Sentence("has no lines"))
    return ApplyFile(batch, channel, int(part), tuple(lines), int(done_amount), int(returned_amount))


_KINDS: Final = {Done: "S", Failed: "F", Returned: "X"}


def _line(row: Record) -> ApplyLine:
    match row.kind:
        case "S":
            line, date, reference = row.checked(LINE, DATE, REFERENCE)
            return Done(int(line), date, reference)
        case "F":
            line, klass = row.checked(LINE, _CLASS)
            return Failed(int(line), FailureClass(klass))
        case "X":
            line, date, reference, reason = row.checked(LINE, DATE, REFERENCE, REASON)
            return Returned(int(line), date, reference, reason)
    raise row.refused(Sentence("{record} expected", record="S, F, X"))


def write_apply_answer(answer: ApplyAnswer) -> bytes:
    """The answer's bytes."""
    lines = (("E", *line) for line in answer.receipts)
    returns = (("R", *line) for line in answer.returns)
    misfits = (("M", line) for line in answer.misfits)
    count = len(answer.receipts) + len(answer.returns) + len(answer.misfits)
    return as_bytes((("APPLIED", *answer[:6]), *lines, *returns, *misfits, ("T", count)))


def read_apply_answer(data: bytes) -> ApplyAnswer:
    """The answer that `write_apply_answer` wrote. Raises BatchFileRefused."""
    head, rows, last = framed(data, "APPLIED")
    batch, part, *figures = head.checked(BATCH, PART, COUNT, SUM, COUNT, COUNT)
    receipts, returns, misfits = [], [], []
    for row in rows:
        if row.kind == "E":
            line, receipt, key, date = row.checked(LINE, RECEIPT, KEY, DATE)
            receipts.append(LineReceipt(int(line), receipt, key, date))
        elif row.kind == "R":
            line, date = row.checked(LINE, DATE)
            returns.append(LineReturn(int(line), date))
        elif row.kind == "M":
            misfits.append(int(row.checked(LINE)[0]))
        else:
            raise row.refused(Sentence("{record} expected", record="E, R, M"))
    check_figures(last, last.checked(COUNT), (len(rows),))
    done, done_amount, failed, returned = map(int, figures)
    answered = (tuple(misfits), tuple(receipts), tuple(returns))
    return ApplyAnswer(batch, int(part), done, done_amount, failed, returned, *answered)
