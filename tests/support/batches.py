"""A batch of collection as the front gets it, on the book of the ledger's tests: P1 to P5 owe D1 to D5."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import text

from ledger.book.front import FrontBook
from ledger.book.hold import BatchBook, hold_dues, release_dues
from ledger.book.load import at_once
from ledger.book.results import begin, content_of, end, let_failed_go, may_apply
from ledger.book.store import Store
from ledger.files.apply_file import (
    ApplyAnswer,
    ApplyFile,
    ApplyLine,
    Done,
    Failed,
    FailureClass,
    LineReceipt,
    LineReturn,
    Returned,
    read_apply_answer,
    write_apply,
)
from ledger.files.hold_file import (
    HoldAnswer,
    HoldFile,
    HoldLine,
    ReleaseAnswer,
    ReleaseCause,
    ReleaseFile,
    read_hold_answer,
    read_release_answer,
    write_hold,
    write_release,
)
from ledger.rules.batch_line import collected, returned
from protocol.responses import Response

BATCH = "B0000123"
CHANNEL = "91020000"
CREATED = "20261124203000"
AMOUNT = 120_000


def line(number: int, due: str = "", amount: int = AMOUNT, policy: str = "") -> HoldLine:
    """The line that is to collect the due of its own number."""
    return HoldLine(number, due or f"D{number}", policy or f"P{number}", amount)


def hold_file(*lines: HoldLine, batch: str = BATCH) -> HoldFile:
    return HoldFile(batch, CHANNEL, "20261124", CREATED, lines or tuple(map(line, range(1, 4))))


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def carrying(store: Store, by: str = "li") -> BatchBook:
    return BatchBook(store, 7, by, at_once, lambda _lines: None)


def hold(store: Store, *lines: HoldLine, batch: str = BATCH) -> HoldAnswer:
    file = hold_file(*lines, batch=batch)
    return read_hold_answer(hold_dues(carrying(store), file, digest(write_hold(file))).encode())


def hold_some(store: Store) -> None:
    """Two batches of open premiums: of the first a line has failed, one was released and one is still held;
    the second holds nothing any more.
    """
    query = (
        "SELECT due, policy, amount FROM dues WHERE state = 'open' AND kind = 'premium' AND held_by = ''"
        " AND policy IN (SELECT policy FROM policies WHERE state = 'active') ORDER BY due LIMIT 5"
    )
    with store.reading() as connection:
        found = connection.execute(text(query)).all()
    lines = [HoldLine(number, *row) for number, row in enumerate(found, 1)]
    hold(store, *lines[:3])
    hold(store, *lines[3:], batch="B0000124")
    apply(store, None, failed(1))
    release(store, 2)
    release(store, batch="B0000124", cause=ReleaseCause.FORCED)


def release(
    store: Store, *lines: int, batch: str = BATCH, cause: ReleaseCause = ReleaseCause.RECALL
) -> ReleaseAnswer:
    people = ("li", "wang") if cause == ReleaseCause.FORCED else ()
    file = ReleaseFile(batch, CHANNEL, cause, lines, people)
    return read_release_answer(release_dues(carrying(store), file, digest(write_release(file))).encode())


def done(number: int, reference: str = "REF") -> Done:
    return Done(number, "20261124", reference)


def failed(number: int) -> Failed:
    return Failed(number, FailureClass.FUNDS)


def back(number: int, reference: str = "BACK") -> Returned:
    return Returned(number, "20261125", reference, "AC04")


def apply_file(*lines: ApplyLine, part: int = 1, batch: str = BATCH) -> ApplyFile:
    """A part of the results, of lines of AMOUNT each."""
    taken = sum(isinstance(line, Done) for line in lines)
    given_back = sum(isinstance(line, Returned) for line in lines)
    return ApplyFile(batch, CHANNEL, part, lines, taken * AMOUNT, given_back * AMOUNT)


def apply(
    store: Store, front: FrontBook | None, *lines: ApplyLine, part: int = 1, batch: str = BATCH
) -> ApplyAnswer:
    """Apply a part as the machine does, without its queue."""
    file = apply_file(*lines, part=part, batch=batch)
    name, book = digest(write_apply(file)), carrying(store)
    held = may_apply(store, file, digest)
    begin(book, file, name)
    receipts: list[LineReceipt] = []
    misfits: list[int] = []
    gone_back: list[LineReturn] = []
    for one in lines:
        if isinstance(one, Failed):
            continue
        assert front is not None
        about = held[one.line]
        named = about, one.value_date, one.reference, content_of(one, about, digest)
        if isinstance(one, Done):
            [answer] = front.commit([collected(*named)], 8)
            receipts.append(LineReceipt(one.line, answer.receipt, about.key, answer.business_date))
            misfits += [] if answer.receipt else [one.line]
        else:
            [answer] = front.commit([returned(*named, reversal_days=30)], 8)
            if answer.response is Response.APPROVED:
                gone_back.append(LineReturn(one.line, answer.business_date))
    let_failed_go(book, file, name, held)
    took = len(receipts) - len(misfits)
    count = sum(isinstance(one, Failed) for one in lines)
    lists = (tuple(misfits), tuple(receipts), tuple(gone_back))
    answer_ = ApplyAnswer(batch, part, took, took * AMOUNT, count, len(gone_back), *lists)
    return read_apply_answer(end(book, name, answer_).encode())
