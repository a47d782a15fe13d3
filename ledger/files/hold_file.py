"""The files by which a batch of collection holds dues of the front book, and lets them go; and the front's
answers.

    HOLD|B0000123|91020000|20261124|20261124203000      a batch, its channel, date and moment of creation
    D|17|D1|P2026001|120000                             a line: its due, the due's policy, the amount in fen
    T|1|120000                                          how many lines, and their sum

    HELD|B0000123|0|0                                   what is held now: lines, and their sum in fen
    R|17|paid                                           a line that is not held, and why
    T|1                                                 how many are not

    RELEASE|B0000123|91020000|recall||                  a batch, its channel, why; of a forced one, two people
    L|17                                                a line; none for all of them
    T|1

    RELEASED|B0000123|1|120000|0                        lines let go, their sum, how many dues have left by it
    T|0

Pure: bytes in, values out, and the other way round. What is done with a file is in `ledger.book.hold`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from ledger.files.record_lines import (
    BATCH,
    CHANNEL,
    COUNT,
    DATE,
    DUE,
    FEN,
    LINE,
    MOMENT,
    NAME,
    POLICY,
    SUM,
    BatchFileRefused,
    Field,
    as_bytes,
    check_figures,
    check_once,
    framed,
)
from ledger.rules.holding import NotHeld
from qianzhi_errors.sentence import Sentence, listed


class ReleaseCause(StrEnum):
    """Why lines are let go. FORCED: two people say so though no result of the bank is known; the others are
    certain that the bank took nothing.
    """

    RECALL = "recall"
    REFUSED_WHOLE = "refused whole"
    FORCED = "forced"


_WHY: Final = Field(
    "why", frozenset(NotHeld).__contains__, Sentence("not one of {words}", words=listed([*NotHeld]))
)
_CAUSE: Final = Field(
    "why",
    frozenset(ReleaseCause).__contains__,
    Sentence("not one of {words}", words=listed([*ReleaseCause])),
)


class HoldLine(NamedTuple):
    """One line of a batch: its number, the due that it is to collect, the due's policy, and the amount in
    fen.
    """

    line: int
    due: str
    policy: str
    amount: int


class HoldFile(NamedTuple):
    """A batch that asks to hold dues: its channel's code, its date (YYYYMMDD), and its moment of creation
    (YYYYMMDDhhmmss), which goes into the keys of its transactions.
    """

    batch: str
    channel: str
    date: str
    created_at: str
    lines: tuple[HoldLine, ...]


class HoldAnswer(NamedTuple):
    """How many lines are held, their sum in fen, and each line that is not, with why."""

    batch: str
    held: int
    amount: int
    refused: tuple[tuple[int, NotHeld], ...]


class ReleaseFile(NamedTuple):
    """Lines of a batch to let go; no lines are all that are held. `forced_by` are the two people of a FORCED
    one, else empty.
    """

    batch: str
    channel: str
    cause: ReleaseCause
    lines: tuple[int, ...] = ()
    forced_by: tuple[str, ...] = ()


class ReleaseAnswer(NamedTuple):
    """How many lines were let go, their sum in fen, and how many of their dues the core system had withdrawn
    meanwhile: those have left.
    """

    batch: str
    released: int
    amount: int
    left: int


def write_hold(file: HoldFile) -> bytes:
    """The file's bytes."""
    lines = (("D", *line) for line in file.lines)
    total = ("T", len(file.lines), sum(line.amount for line in file.lines))
    return as_bytes((("HOLD", *file[:4]), *lines, total))


def read_hold(data: bytes) -> HoldFile:
    """The file that `write_hold` wrote. Raises BatchFileRefused."""
    head, rows, last = framed(data, "HOLD")
    batch, channel, date, created_at = head.checked(BATCH, CHANNEL, DATE, MOMENT)
    lines = []
    for row in rows:
        if row.kind != "D":
            raise row.refused(Sentence("{record} expected", record="D"))
        line, due, policy, amount = row.checked(LINE, DUE, POLICY, FEN)
        lines.append(HoldLine(int(line), due, policy, int(amount)))
    check_once([(row, line.line) for row, line in zip(rows, lines, strict=True)])
    check_once([(row, line.due) for row, line in zip(rows, lines, strict=True)], "due")
    check_figures(last, last.checked(COUNT, SUM), (len(lines), sum(line.amount for line in lines)))
    if not lines:
        raise BatchFileRefused(Sentence("has no lines"))
    return HoldFile(batch, channel, date, created_at, tuple(lines))


def write_hold_answer(answer: HoldAnswer) -> bytes:
    """The answer's bytes."""
    lines = (("R", *line) for line in answer.refused)
    return as_bytes((("HELD", *answer[:3]), *lines, ("T", len(answer.refused))))


def read_hold_answer(data: bytes) -> HoldAnswer:
    """The answer that `write_hold_answer` wrote. Raises BatchFileRefused."""
    head, rows, last = framed(data, "HELD")
    batch, held, amount = head.checked(BATCH, COUNT, SUM)
    refused = []
    for row in rows:
        if row.kind != "R":
            raise row.refused(Sentence("{record} expected", record="R"))
        line, why = row.checked(LINE, _WHY)
        refused.append((int(line), NotHeld(why)))
    check_once([(row, line) for row, (line, _) in zip(rows, refused, strict=True)])
    check_figures(last, last.checked(COUNT), (len(refused),))
    return HoldAnswer(batch, int(held), int(amount), tuple(refused))


def write_release(file: ReleaseFile) -> bytes:
    """The file's bytes."""
    people = file.forced_by or ("", "")
    lines = (("L", line) for line in file.lines)
    return as_bytes((("RELEASE", *file[:3], *people), *lines, ("T", len(file.lines))))


def read_release(data: bytes) -> ReleaseFile:
    """The file that `write_release` wrote. Raises BatchFileRefused, also where a forced one does not name two
    people (any spelling of a login is one person), or another one names any.
    """
    head, rows, last = framed(data, "RELEASE")
    batch, channel, cause, *people = head.checked(BATCH, CHANNEL, _CAUSE, NAME, NAME)
    lines = []
    for row in rows:
        if row.kind != "L":
            raise row.refused(Sentence("{record} expected", record="L"))
        lines.append(int(row.checked(LINE)[0]))
    check_once(list(zip(rows, lines, strict=True)))
    check_figures(last, last.checked(COUNT), (len(lines),))
    forced_by = tuple(name for name in people if name)
    if cause == ReleaseCause.FORCED and len({name.lower() for name in forced_by}) != 2:
        raise head.refused(Sentence("a forced release names the two people who decided it"))
    if cause != ReleaseCause.FORCED and forced_by:
        raise head.refused(Sentence("only a forced release names people"))
    return ReleaseFile(batch, channel, ReleaseCause(cause), tuple(lines), forced_by)


def write_release_answer(answer: ReleaseAnswer) -> bytes:
    """The answer's bytes."""
    return as_bytes((("RELEASED", *answer), ("T", 0)))


def read_release_answer(data: bytes) -> ReleaseAnswer:
    """The answer that `write_release_answer` wrote. Raises BatchFileRefused."""
    head, rows, last = framed(data, "RELEASED")
    batch, released, amount, left = head.checked(BATCH, COUNT, SUM, COUNT)
    if rows:
        raise rows[0].refused(Sentence("{record} expected", record="T"))
    check_figures(last, last.checked(COUNT), (0,))
    return ReleaseAnswer(batch, int(released), int(amount), int(left))
