"""The commands by which batches of collection hold dues, let them go, and have their results applied.

A file is read and checked in a thread of its own; what it changes goes through the engine. Holds and releases
are small transactions between two batches of requests. Results are requests in the engine's queue, a few
hundred at a time under the channel's own code, so that the banks that wait keep their share. What is done
with a hold is in `ledger.book.hold`, what a result does to the book in `ledger.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread

from fep.operator.control import Command
from fep.operator.control_client import ControlError, Progress
from fep.operator.operations import Operations, giving_way
from fep.settings.config import Channel
from ledger.book.audit_log import MACHINE, failed
from ledger.book.hold import APPLY, HOLD, RELEASE, BatchBook, answer_given, hold_dues, release_dues
from ledger.book.results import begin, content_of, end, let_failed_go, may_apply
from ledger.errors import OutcomeUnknown, Unavailable
from ledger.files.apply_file import (
    ApplyAnswer,
    ApplyFile,
    Done,
    Failed,
    LineReceipt,
    LineReturn,
    Returned,
    read_apply,
)
from ledger.files.hold_file import read_hold, read_release
from ledger.rules.batch_line import BatchLine, collected, returned
from ledger.rules.beijing import beijing
from ledger.rules.moment import KeyWindow
from ledger.rules.request import Answer, Request
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

REQUESTS_AT_ONCE: Final = 200
"""So many results wait in the queue at the same time."""
ATTEMPTS: Final = 60
"""How often a result is asked for, a second apart, while the queue is full or a day is being cut over."""
_LATER: Final = frozenset({Response.UNAVAILABLE, Response.CUTOVER})
"""Answers with which nothing was done, and which another attempt may change."""


class NotApplied(ControlError):
    """A line's result could not be recorded. What was done before it stays, and the same file goes on
    there.
    """


@dataclass(frozen=True, slots=True)
class Batches:
    """The commands of batches on the book of `operations`. `channels` returns the settings of the channels as
    they are now.
    """

    operations: Operations
    channels: Callable[[], Sequence[Channel]]

    def commands(self) -> Mapping[str, Command]:
        """Return the commands that the control socket offers (fep.operator.control)."""
        steps = {HOLD: self._hold, RELEASE: self._release, APPLY: self._apply}
        return {act: partial(self._carried_out, act, step) for act, step in steps.items()}

    def _carried_out(
        self,
        act: str,
        step: Callable[[BatchBook, bytes, str], str],
        asked: Mapping[str, Any],
        progress: Progress,
    ) -> Deferred[Any]:
        by = str(asked.get("by", MACHINE))
        return Deferred.fromCoroutine(self._carry_out(act, step, str(asked.get("path", "")), progress, by))

    async def _carry_out(
        self,
        act: str,
        step: Callable[[BatchBook, bytes, str], str],
        path: str,
        progress: Progress,
        by: str,
    ) -> dict[str, str]:
        try:
            if not Path(path).is_absolute():
                raise ControlError(Sentence("{act} needs the absolute path of a file", act=act))
            tell = partial(self.operations.reactor.callFromThread, progress)
            answer: str = await self.operations.one_file.run(
                deferToThread, self._in_thread, step, Path(path), tell, by
            )
        except Exception as error:
            await self.operations.noted(by, act, "", failed(error))
            raise
        return {"answer": answer}

    def _in_thread(
        self, step: Callable[[BatchBook, bytes, str], str], path: Path, tell: Progress, by: str
    ) -> str:
        data = path.read_bytes()
        book = BatchBook(
            self.operations.store, self.operations.clock.now_us(), by, self.operations.between_batches, tell
        )
        with giving_way():
            return step(book, data, sha256(data).hexdigest())

    def _hold(self, book: BatchBook, data: bytes, digest: str) -> str:
        file = read_hold(data)
        self._channel(file.channel)
        return hold_dues(book, file, digest)

    def _release(self, book: BatchBook, data: bytes, digest: str) -> str:
        return release_dues(book, read_release(data), digest)

    def _apply(self, book: BatchBook, data: bytes, digest: str) -> str:
        """Apply a part of a batch's results: what was done first, then what was returned, then let the dues
        of failed lines go.
        """
        if answer := answer_given(self.operations.store, digest):
            return answer
        file = read_apply(data)
        channel = self._channel(file.channel)
        lines = may_apply(self.operations.store, file, self.operations.front_key.content)
        begin(book, file, digest)
        done = tuple(self.answered(book, file, lines, Done, channel))
        gone_back = tuple(self.answered(book, file, lines, Returned, channel))
        let_failed_go(book, file, digest, lines)
        return end(book, digest, part_answer(file, lines, done, gone_back))

    def _channel(self, code: str) -> Channel:
        """Return the settings of a channel. Raises ControlError where there are none."""
        for channel in self.channels():
            if channel.code == code:
                return channel
        raise ControlError(Sentence("{code} is no channel in the settings: nothing was done", code=code))

    def answered(
        self,
        book: BatchBook,
        file: ApplyFile,
        lines: Mapping[int, BatchLine],
        kind: type[Done] | type[Returned],
        channel: Channel,
    ) -> Iterator[tuple[int, Answer]]:
        """Yield the ledger's answer to each line of a kind; a few hundred are asked for at a time."""
        window = KeyWindow(beijing(book.at).date(), self.operations.key_days)
        mine = [line for line in file.lines if isinstance(line, kind)]
        for start in range(0, len(mine), REQUESTS_AT_ONCE):
            chunk = mine[start : start + REQUESTS_AT_ONCE]
            requests = [self._request(line, lines[line.line], channel, window) for line in chunk]
            answers: list[Answer] = blockingCallFromThread(
                self.operations.reactor, partial(self.answers_to, requests)
            )
            yield from zip([line.line for line in chunk], answers, strict=True)
            book.progress(len(chunk))

    def _request(
        self, line: Done | Returned, about: BatchLine, channel: Channel, window: KeyWindow
    ) -> Request:
        content = content_of(line, about, self.operations.front_key.content)
        if isinstance(line, Done):
            is_outside = not window.holds(about.created_at)
            return collected(about, line.value_date, line.reference, content, outside_window=is_outside)
        days = channel.reversal_days
        return returned(about, line.value_date, line.reference, content, reversal_days=days)

    def answers_to(self, requests: Sequence[Request]) -> Deferred[Any]:
        """Fires with the ledger's answers, each durable, in the order of the requests. Fails with
        OutcomeUnknown, or with Unavailable where the machine stops or the queue stays full.
        """
        return Deferred.fromCoroutine(self._asked(requests))

    async def _asked(self, requests: Sequence[Request]) -> list[Answer]:
        answers: dict[str, Answer] = {}
        waiting = list(requests)
        for _ in range(ATTEMPTS):
            if self.operations.engine.stopping:
                break
            offered = [(request, self._offer(request)) for request in waiting]
            answers |= {request.key: await answer for request, answer in offered}
            waiting = [request for request in waiting if answers[request.key].response in _LATER]
            if not waiting:
                return [answers[request.key] for request in requests]
            await deferLater(self.operations.reactor, 1)
        raise Unavailable(Sentence("the machine could not take the batch's results: give the file again"))

    def _offer(self, request: Request) -> Deferred[Answer]:
        outcome: Deferred[Answer] = Deferred()
        unknown = OutcomeUnknown(Sentence("whether a line was recorded is not known: give the file again"))
        self.operations.engine.offer(request, outcome.callback, partial(outcome.errback, unknown))
        return outcome


def part_answer(
    file: ApplyFile,
    lines: Mapping[int, BatchLine],
    done: Sequence[tuple[int, Answer]],
    gone_back: Sequence[tuple[int, Answer]],
) -> ApplyAnswer:
    """Return what a part has come to, of the ledger's answers by line. Raises NotApplied for an answer by
    which nothing was recorded.

    An advice without a receipt is an exception advice; a done line that was returned before is answered 21.
    """
    for number, answer in (*done, *gone_back):
        if answer.response in (Response.KEY_REUSED, Response.FAULT):
            raise NotApplied(
                Sentence("line {line} could not be recorded: {why}", line=number, why=answer.reason)
            )
    receipts = tuple(_receipt_of(lines[line], answer) for line, answer in done)
    returns = tuple(
        LineReturn(line, answer.business_date)
        for line, answer in gone_back
        if answer.response is Response.APPROVED
    )
    misfits = {receipt.line for receipt in receipts if not receipt.receipt}
    misfits |= {line for line, answer in gone_back if answer.response is not Response.APPROVED}
    taken = [receipt.line for receipt in receipts if receipt.receipt]
    return ApplyAnswer(
        batch=file.batch,
        part=file.part,
        done=len(taken),
        done_amount=sum(lines[line].amount for line in taken),
        failed=sum(isinstance(line, Failed) for line in file.lines),
        returned=len(returns),
        misfits=tuple(sorted(misfits)),
        receipts=receipts,
        returns=returns,
    )


def _receipt_of(line: BatchLine, answer: Answer) -> LineReceipt:
    return LineReceipt(line.line, answer.receipt, line.key, answer.business_date)
