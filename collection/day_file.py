"""A channel's day file for the office: what its bank has charged and given back in the books of a date.

The office reconciles each bank's day file with the front's journal; a channel is a bank of its own, and what
its bank says comes as answers and returns. So this file is made of them. Of the front it takes nothing but
the business date in whose books each line is. The form is docs/protocol.md section 8's, layout `standard`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select

from collection.batches import WrittenFile
from collection.config import Channel
from collection.database.schema import Direction, batches, dues, files, lines, returns
from collection.desk import Desk, act, note
from collection.errors import ActRefused
from collection.plan import moment_of
from ledger.files import bankfile, layout
from ledger.files.bankline import BankLine
from ledger.rules.batch_line import rrn_of
from qianzhi_errors.sentence import Sentence

LAYOUT: Final = "standard"
_DONE, _REVERSED = "S", "R"


def write(desk: Desk, channel: Channel, date: str) -> WrittenFile:
    """Write the day file of a business date that the front has closed. Raises ActRefused while the front has
    not answered for outcomes that it was given.
    """
    with act(desk, "send", "day file", channel.code) as connection:
        _check_answered(connection, channel.code)
        found = lines_of_day(connection, channel.code, date)
        content = b"".join(bankfile.write(layout.load(LAYOUT), channel.code, date, found))
        note(desk, connection, "day file", channel.code, f"{date}: {len(content)} bytes")
    return WrittenFile(f"{channel.code}.{date}.txt", content)


def lines_of_day(connection: Connection, channel: str, date: str) -> Iterator[BankLine]:
    """What was charged in the books of a business date, given back or not by its end; then, as reversed, what
    an earlier date's file has as done and this date gave back.
    """
    here = [batches.c.channel == channel]
    in_books = or_(lines.c.business_date == date, returns.c.business_date == date)
    joined = lines.join(batches, batches.c.batch == lines.c.batch).join(dues, dues.c.due == lines.c.due)
    joined = joined.outerjoin(returns, and_(returns.c.batch == lines.c.batch, returns.c.line == lines.c.line))
    query = select(
        *(lines.c[name] for name in ("batch", "line", "due", "policy", "amount", "reference")),
        batches.c.made_at,
        dues.c.code,
        _is_given_back(date).label("given_back"),
    ).select_from(joined)
    earlier = case((lines.c.business_date == date, 0), else_=1)
    query = query.where(*here, in_books).order_by(earlier, lines.c.batch, lines.c.line)
    rows = connection.execute(query).mappings()
    for number, row in enumerate(rows, 1):
        yield _line(number, row)


def _is_given_back(date: str) -> ColumnElement[int]:
    return case((returns.c.business_date == date, 1), else_=0)


def _line(number: int, row: RowMapping) -> BankLine:
    return BankLine(
        line=number,
        terminal=row["batch"],
        branch="",
        sent_at=moment_of(row["made_at"]),
        stan=f"{row['line']:06d}",
        rrn=rrn_of(row["reference"]),
        code=row["code"],
        policy=row["policy"],
        due=row["due"],
        amount=row["amount"],
        receipt="",
        state=_REVERSED if row["given_back"] else _DONE,
    )


def _check_answered(connection: Connection, channel: str) -> None:
    """Raise ActRefused where a file of outcomes has no answer of the front yet: nobody knows its dates."""
    kinds = (Direction.APPLY.value, Direction.APPLY_ANSWER.value)
    written = func.sum(case((files.c.direction == kinds[0], 1), else_=0))
    answered = func.sum(case((files.c.direction == kinds[1], 1), else_=0))
    chosen = (files.c.channel == channel, files.c.direction.in_(kinds))
    query = select(files.c.batch).where(*chosen).group_by(files.c.batch).having(written > answered)
    waiting = connection.execute(query.order_by(files.c.batch)).scalars().first()
    if waiting:
        raise ActRefused(
            Sentence("outcomes of {batch} went to the front: take its answer first", batch=waiting)
        )
