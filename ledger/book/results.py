"""A batch's results against the book: whether a file of them may be applied, and its answer.

What a bank has taken and given back goes through the engine's queue, as banks' requests do
(`fep.operator.batches`); only lines that failed are let go here. A file that does not fit the book is refused
whole, before anything of it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection, select

from ledger.book.hold import (
    APPLY,
    BatchBook,
    HoldRefused,
    answer_given,
    begin_file,
    chunks,
    end_file,
    held_by_any,
    hold_of,
    let_go_of,
    lines_of,
)
from ledger.book.schema import dues, journal
from ledger.book.store import Store
from ledger.files.apply_file import (
    ApplyAnswer,
    ApplyFile,
    ApplyLine,
    Done,
    Failed,
    Returned,
    write_apply_answer,
)
from ledger.rules.batch_line import BatchLine
from qianzhi_errors.sentence import Sentence

Digest: TypeAlias = Callable[[bytes], str]
"""Makes the keyed digest of a content (fep.keys.keys.FrontKey)."""


def may_apply(store: Store, file: ApplyFile, digest_of: Digest) -> dict[int, BatchLine]:
    """The lines that a file of results is about, as they were held, by their numbers. `digest_of` makes the
    contents of entries. Raises HoldRefused where the file does not fit the book.
    """
    done = {line.line for line in file.lines if isinstance(line, Done)}
    with store.reading(snapshot=True) as connection:
        hold = hold_of(connection, file.batch, file.channel)
        lines = lines_of(connection, hold, dict.fromkeys(line.line for line in file.lines))
        _check_sums(file, lines)
        for chunk in chunks(file.lines):
            about = [lines[line.line] for line in chunk]
            known, held = _entries(connection, about), _held(connection, about)
            for line in chunk:
                _check(line, lines[line.line], known, digest_of)
                if isinstance(line, Returned) and lines[line.line].hold in held and line.line not in done:
                    raise _line_refused(line.line, Sentence("is returned, and was never done"))
    return lines


def content_of(line: Done | Returned, about: BatchLine, digest_of: Digest) -> str:
    """The keyed digest of all that a file says of a line and of what was held for it, by which the same line
    again is told from another one.
    """
    said = [about.channel, about.batch, about.due, about.policy, about.code, about.amount, *line]
    return digest_of("|".join(map(str, said)).encode("ascii"))


def _check_sums(file: ApplyFile, lines: Mapping[int, BatchLine]) -> None:
    """Refuse a file whose sums are not those of the amounts that were held."""
    done = sum(lines[line.line].amount for line in file.lines if isinstance(line, Done))
    returned = sum(lines[line.line].amount for line in file.lines if isinstance(line, Returned))
    if (done, returned) != (file.done_amount, file.returned_amount):
        raise HoldRefused(
            Sentence(
                "the file has {done} fen done and {returned} fen returned, and of these lines {held_done} and"
                " {held_returned} fen were held: nothing was done",
                done=file.done_amount,
                returned=file.returned_amount,
                held_done=done,
                held_returned=returned,
            )
        )


def _check(line: ApplyLine, about: BatchLine, known: Mapping[str, str], digest_of: Digest) -> None:
    """Refuse a line that contradicts what was recorded of it; `known` are contents by their entries' keys."""
    if isinstance(line, Failed):
        if about.key in known:
            raise _line_refused(line.line, Sentence("is done already, and is said to have failed"))
        return
    key = about.return_key if isinstance(line, Returned) else about.key
    content = content_of(line, about, digest_of)
    if known.get(key, content) != content:
        raise _line_refused(line.line, Sentence("was applied already, with another date or reference"))


def _line_refused(line: int, why: str) -> HoldRefused:
    return HoldRefused(Sentence("line {line} {why}: nothing was done", line=line, why=why))


def _entries(connection: Connection, lines: Sequence[BatchLine]) -> dict[str, str]:
    """The contents of what the journal has of these lines and their returns, by key."""
    keys = [key for line in lines for key in (line.key, line.return_key)]
    query = select(journal.c.key, journal.c.content).where(journal.c.key.in_(keys))
    return {row.key: row.content for row in connection.execute(query)}


def _held(connection: Connection, lines: Sequence[BatchLine]) -> frozenset[str]:
    """Those of these lines that hold their dues."""
    query = select(dues.c.held_by).where(held_by_any(lines))
    return frozenset(connection.execute(query).scalars())


def begin(book: BatchBook, file: ApplyFile, digest: str) -> None:
    """Write down that the file is being applied."""
    note = f"; part {file.part}"
    book.transact(partial(begin_file, book=book, digest=digest, batch=file.batch, act=APPLY, note=note))


def let_failed_go(book: BatchBook, file: ApplyFile, digest: str, lines: Mapping[int, BatchLine]) -> None:
    """Let go of the dues of the lines for which the bank took nothing."""
    failed = (lines[line.line] for line in file.lines if isinstance(line, Failed))
    let_go_of(book, digest, failed)


def end(book: BatchBook, digest: str, answer: ApplyAnswer) -> str:
    """Write down the answer; the answer that the file has, as its file's text."""
    text = write_apply_answer(answer).decode("ascii")
    book.transact(partial(end_file, book=book, digest=digest, batch=answer.batch, act=APPLY, answer=text))
    return answer_given(book.store, digest)
