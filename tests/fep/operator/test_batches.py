"""A batch's results in the engine's queue: a few hundred at a time, asked for again while nothing was done,
and never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

import fep.operator.batches
from fep.operator.batches import ATTEMPTS, REQUESTS_AT_ONCE, Batches, NotApplied, part_answer
from fep.settings.config import Channel
from ledger.errors import OutcomeUnknown, Unavailable
from ledger.files.apply_file import ApplyAnswer, LineReceipt, LineReturn
from ledger.rules.batch_line import BatchLine, collected
from ledger.rules.request import Answer, Request
from protocol.responses import Response
from tests.support.batches import AMOUNT, BATCH, CHANNEL, CREATED, apply_file, back, carrying, done, failed
from tests.support.builders import RECEIPT

DATE = "20261124"
DONE = Answer(Response.APPROVED, business_date=DATE, receipt=RECEIPT)
UNFIT = Answer(Response.APPROVED, business_date=DATE)
BUSY = Answer(Response.UNAVAILABLE, "BUSY, ASK AGAIN")
LINES = {
    number: BatchLine(CHANNEL, BATCH, CREATED, number, f"D{number}", "P1", "500000", AMOUNT)
    for number in range(1, 501)
}


@dataclass
class Queue:
    """The engine, as far as results see it: answers by a script, then DONE; `None` is no answer ever."""

    script: list[Answer | None] = field(default_factory=list)
    stopping: bool = False
    offered: list[Request] = field(default_factory=list)

    def offer(self, request: Request, deliver: Callable[[Answer], None], give_up: Callable[[], None]) -> None:
        self.offered.append(request)
        answer = self.script.pop(0) if self.script else DONE
        give_up() if answer is None else deliver(answer)


class Key:
    def content(self, data: bytes) -> str:
        return data.decode()


@dataclass
class Desk:
    """What results need of the operator's commands."""

    engine: Queue
    reactor: Clock = field(default_factory=Clock)
    key_days: int = 31
    front_key: Any = field(default_factory=Key)


def asked(queue: Queue, count: int = 2) -> list[Any]:
    """What becomes of the results of so many lines, a minute and more later."""
    desk = Desk(queue)
    results: list[Any] = []
    requests = [collected(LINES[number], "20261124", "REF", "said") for number in range(1, count + 1)]
    Batches(desk, lambda: ()).answers_to(requests).addBoth(results.append)  # type: ignore[arg-type]
    for _ in range(ATTEMPTS + 1):
        desk.reactor.advance(1)
    return results


def test_only_what_was_not_done_is_asked_for_again_and_a_second_later() -> None:
    queue = Queue([BUSY, DONE, Answer(Response.CUTOVER), UNFIT])
    assert asked(queue) == [[UNFIT, DONE]]
    assert [request.stan for request in queue.offered] == ["000001", "000002", "000001", "000001"]
    assert {request.bank for request in queue.offered} == {CHANNEL}, "so the banks keep their share"


@pytest.mark.parametrize(
    ("queue", "error"),
    [
        (Queue([DONE, None]), OutcomeUnknown),
        (Queue(stopping=True), Unavailable),
        (Queue([BUSY] * ATTEMPTS), Unavailable),
    ],
)
def test_what_cannot_be_learnt_is_never_guessed(queue: Queue, error: type[Exception]) -> None:
    [failure] = asked(queue, 2 if None in queue.script else 1)
    assert failure.check(error)


def test_a_few_hundred_results_wait_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def call(_reactor: object, ask: partial[Deferred[Any]]) -> Sequence[Answer]:
        sizes.append(len(ask.args[0]))
        return [DONE] * sizes[-1]

    monkeypatch.setattr(fep.operator.batches, "blockingCallFromThread", call)
    batches = Batches(Desk(Queue()), lambda: ())  # type: ignore[arg-type]
    file = apply_file(*map(done, range(1, 2 * REQUESTS_AT_ONCE + 2)))
    book = carrying(None)  # type: ignore[arg-type]
    answers = list(batches.answered(book, file, LINES, type(done(1)), Channel(code=CHANNEL, name="Batch")))
    assert (len(answers), sizes) == (2 * REQUESTS_AT_ONCE + 1, [REQUESTS_AT_ONCE, REQUESTS_AT_ONCE, 1])


def test_a_part_says_what_fitted_and_what_did_not() -> None:
    file = apply_file(done(1), done(2), done(3), failed(4), back(1), back(5))
    answers = [(1, DONE), (2, UNFIT), (3, Answer(Response.NO_ORIGINAL, business_date=DATE))]
    gone_back = [(1, UNFIT), (5, Answer(Response.NOT_POSSIBLE, "REVERSAL TOO LATE"))]
    assert part_answer(file, LINES, answers, gone_back) == ApplyAnswer(
        batch=BATCH,
        part=1,
        done=1,
        done_amount=AMOUNT,
        failed=1,
        returned=1,
        misfits=(2, 3, 5),
        receipts=(
            LineReceipt(1, RECEIPT, LINES[1].key, DATE),
            LineReceipt(2, "", LINES[2].key, DATE),
            LineReceipt(3, "", LINES[3].key, DATE),
        ),
        returns=(LineReturn(1, DATE),),
    )


@pytest.mark.parametrize("response", [Response.KEY_REUSED, Response.FAULT])
def test_a_line_that_was_not_recorded_is_no_result(response: Response) -> None:
    with pytest.raises(NotApplied, match=r"^line 1 could not be recorded: why$"):
        part_answer(apply_file(done(1)), LINES, [(1, Answer(response, "why"))], [])
