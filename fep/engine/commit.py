"""The group-commit engine: one batch on its way to disk while the next one collects.

An answer leaves only when its batch is durable. Knows nothing of messages, links or SQL: requests go in,
answers come out, and what the ledger raises decides what is certain. Nothing here reads a clock; time and
threads are handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from fep.engine.queue import FairQueue, QueueBound
from fep.telemetry.event_log import Kind
from fep.telemetry.statistics import Statistics
from ledger.errors import Conflict, Fenced, OutcomeUnknown, Unavailable
from ledger.rules.request import Answer, Request
from protocol.responses import Response

BUSY = "BUSY, ASK AGAIN"
"""DE 44 of the 91 for want of a place in the queue."""
NOT_AVAILABLE = "NOT AVAILABLE NOW"
"""DE 44 of the 91 for want of a database."""

_NOT_REFUSED = frozenset({Response.APPROVED, Response.KEY_REUSED, Response.CUTOVER})
"""What an answer by a batch says where no refusal was recorded."""

Deliver = Callable[[Answer], None]
GiveUp = Callable[[], None]
ExclusiveJob = tuple[Callable[[], Any], Deferred[Any]]
"""Something else that the commit thread is to do between two batches, and who waits for what it returns."""

CONFLICT_ATTEMPTS = 8
"""Other nodes can make a batch start again; one that loses this often is treated as refused and taken
apart."""
UNAVAILABLE_ATTEMPTS = 2
"""The first attempt after a database restart meets a dead pooled connection; the second opens a new one."""
SINGLE_ATTEMPTS = 2
"""A request alone is asked a second time before it gets 96: if the first attempt did commit, this finds
its answer."""


class Committer(Protocol):
    """Decides a batch and makes it durable, blocking (ledger.book.front.FrontBook.commit)."""

    def __call__(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        """The answers in order; raises a LedgerError otherwise."""


class Lookup(Protocol):
    """Reads what the journal answers, blocking, and writes nothing (ledger.book.front.FrontBook.recorded)."""

    def __call__(self, requests: Sequence[Request]) -> list[Answer | None]:
        """The answers in order, None for a request that was not done and that no batch of this process will
        do any more; raises a LedgerError otherwise.
        """


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request in the queue, and when it came (reactor seconds). `deliver` takes its answer; `give_up` ends
    its link without one, where no answer would be certain.
    """

    request: Request
    deliver: Deliver
    give_up: GiveUp
    offered_at: float


@dataclass(slots=True)
class Batch:
    """Requests that go to disk together. `attempts` counts the tries since its outcome was last unknown;
    `in_doubt` says that an earlier COMMIT of these requests may be on disk.
    """

    waiting: list[Waiting]
    attempts: int = 0
    in_doubt: bool = False

    @property
    def requests(self) -> list[Request]:
        """The requests, in the order in which they came."""
        return [waiting.request for waiting in self.waiting]


@dataclass(slots=True)
class Engine:
    """Collects, commits, answers. `call_in_thread` runs the committer and the lookup; `now_us` is the wall
    clock in microseconds.
    """

    committer: Committer
    lookup: Lookup
    call_in_thread: Callable[..., Deferred[Any]]
    clock: IReactorTime
    now_us: Callable[[], int]
    statistics: Statistics
    batch_limit: int
    queue_limit: int
    queue_seconds: float
    retry_seconds: float
    fenced: Callable[[], None]
    refused: Callable[[str], None] = lambda _bank: None
    new_date: Callable[[], None] = lambda: None
    noted: Callable[[Kind, str], None] = lambda _kind, _detail: None
    business_date: str = ""
    in_doubt: bool = False
    log: Logger = field(default_factory=lambda: Logger(namespace="fep.engine.commit"))
    _queue: FairQueue[Waiting] = field(init=False)
    _queue_bound: QueueBound = field(init=False)
    _redo: deque[Batch] = field(default_factory=deque)
    _exclusive_jobs: deque[ExclusiveJob] = field(default_factory=deque)
    _running: bool = False
    _stopping: bool = False
    _idle: list[Deferred[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._queue = FairQueue(self.queue_limit)
        self._queue_bound = QueueBound(self.queue_seconds, self.batch_limit, self.queue_limit)

    @property
    def queued(self) -> int:
        """Requests that wait for a batch."""
        return len(self._queue)

    @property
    def places(self) -> int:
        """How many may wait, by how fast batches are at the moment."""
        return self._queue.limit

    def offer(self, request: Request, deliver: Deliver, give_up: GiveUp) -> None:
        """Take a request. `deliver` is called once, when its answer may leave, or else `give_up`, where none
        ever may. In a full queue the bank that has most waiting is answered 91 at once, this one or another.
        """
        waiting = Waiting(request, deliver, give_up, self.clock.seconds())
        crowded_out = self._queue.put(request.bank, waiting)
        if crowded_out is not None:
            self._tell(crowded_out, Answer(Response.UNAVAILABLE, BUSY, self.business_date))
        self._wake()

    def refuses(self, bank: str) -> bool:
        """Whether a request of this bank would be answered 91 at once, for want of a place in the queue."""
        return self._queue.refuses(bank)

    def has_room(self, bank: str) -> bool:
        """Whether a request of this bank would find its place in the queue."""
        return self._queue.has_room(bank)

    def between_batches(self, exclusive_job: Callable[[], Any]) -> Deferred[Any]:
        """Do something else in the commit thread, before the next batch: the book has one writer at a time.

        Fires with what the errand returns or fails with what it raises, or with Unavailable once errands are
        stopped; the batches behind it wait for it.
        """
        if self._stopping:
            return fail(Unavailable("the machine is stopping: nothing was done"))
        done: Deferred[Any] = Deferred()
        self._exclusive_jobs.append((exclusive_job, done))
        self._wake()
        return done

    def stop_errands(self) -> None:
        """Refuse errands from now on: one that came when the threads are gone would be waited for in vain."""
        self._stopping = True

    def give_up_errands(self) -> None:
        """Fail what still waits behind a batch whose outcome cannot be learnt: nothing of it was done."""
        while self._exclusive_jobs:
            _, done = self._exclusive_jobs.popleft()
            done.errback(Failure(Unavailable("the machine stopped before it was this one's turn")))

    def see_date(self, business_date: str) -> None:
        """Learn the open day's date; `new_date` is called when it is later than the one known."""
        if business_date > self.business_date:
            self.business_date = business_date
            self.noted(Kind.DAY, business_date)
            try:
                self.new_date()
            except Exception:  # the batch whose answer told us must not wait for ever because of it
                self.log.failure("the new date could not be announced")

    def _wake(self) -> None:
        if not self._running:
            # Not at once: whatever else arrives in this turn of the reactor joins the same batch.
            self._running = True
            self.clock.callLater(0, self._next)

    def when_idle(self) -> Deferred[None]:
        """Fires when every request taken so far has been answered, or its batch's outcome cannot be
        learnt.
        """
        done: Deferred[None] = Deferred()
        if not self._running:
            done.callback(None)
        else:
            self._idle.append(done)
        return done

    def _next(self) -> None:
        if self._exclusive_jobs:
            exclusive_job, done = self._exclusive_jobs.popleft()
            running = self.call_in_thread(exclusive_job)
            running.addBoth(self._exclusive_job_done, done)
        elif self._redo:
            self._run(self._redo.popleft())
        elif self._queue:
            batch = Batch(self._queue.take(self.batch_limit))
            self._queue_bound.batch_begins(len(batch.waiting), self.clock.seconds())
            self._queue.limit = self._queue_bound.places
            self._run(batch)
        else:
            self._running = False
            self._queue_bound.nothing_waits()
            idle, self._idle = self._idle, []
            for done in idle:
                done.callback(None)

    def _exclusive_job_done(self, result: Any, done: Deferred[Any]) -> None:  # noqa: ANN401 - whatever the errand gave
        """The next batch goes first: whoever waited for the errand may take longer over it."""
        self._next()
        if isinstance(result, Failure):
            done.errback(result)
        else:
            done.callback(result)

    def _run(self, batch: Batch) -> None:
        batch.attempts += 1
        running = self.call_in_thread(self.committer, batch.requests, self.now_us())
        running.addCallbacks(self._committed, self._failed, callbackArgs=(batch,), errbackArgs=(batch,))

    def _committed(self, answers: list[Answer], batch: Batch) -> None:
        self._end_doubt()
        now = self.clock.seconds()
        self.statistics.batch_done(len(batch.waiting))
        for waiting, answer in zip(batch.waiting, answers, strict=True):
            self.statistics.latencies[waiting.request.bank].add(round((now - waiting.offered_at) * 1_000_000))
            self.statistics.replays += answer.replayed
            if _is_recorded_refusal(waiting.request, answer):
                self.refused(waiting.request.bank)
            self.see_date(answer.business_date)
            self._tell(waiting, answer)
        self._next()

    def _failed(self, failure: Failure, batch: Batch) -> None:
        error = failure.value
        self.statistics.failed_batches[type(error).__name__] += 1
        if isinstance(error, OutcomeUnknown) or (batch.in_doubt and isinstance(error, Unavailable)):
            self._ask_again_later(batch, error, self._run)
        elif isinstance(error, Fenced):
            self._fenced(batch, error)
        elif isinstance(error, Unavailable):
            self._unavailable(batch, error)
        elif isinstance(error, Conflict) and batch.attempts < CONFLICT_ATTEMPTS:
            self._redo.appendleft(batch)
            self._next()
        else:
            self._take_apart(batch, failure)

    def _end_doubt(self) -> None:
        """A batch is over; doubt is with the last one that was in it."""
        if self.in_doubt and not any(batch.in_doubt for batch in self._redo):
            self.in_doubt = False
            self.noted(Kind.SETTLED, "")

    def _ask_again_later(self, batch: Batch, error: BaseException, ask: Callable[[Batch], None]) -> None:
        """Whether the batch is on disk is not known. Nobody is told anything; running it again reads the
        journal by key. Asking what became of it is no attempt: those begin anew.
        """
        batch.in_doubt = self.in_doubt = True
        batch.attempts = 0
        self.noted(Kind.DOUBT, "")
        self.log.error(
            "outcome of {size} requests unknown, asking again: {error}", size=len(batch.waiting), error=error
        )
        self.clock.callLater(self.retry_seconds, ask, batch)

    def _fenced(self, batch: Batch, error: BaseException) -> None:
        """This attempt did nothing, and none will any more; what an earlier one did, the journal says."""
        self.log.critical("fenced: {error}", error=error)
        if batch.in_doubt:
            self.fenced()
            self._look_up(batch)
            return
        self._refuse(batch, Response.UNAVAILABLE, NOT_AVAILABLE)
        self.fenced()
        self._next()

    def _look_up(self, batch: Batch) -> None:
        running = self.call_in_thread(self.lookup, batch.requests)
        running.addCallbacks(
            self._looked_up, self._lookup_failed, callbackArgs=(batch,), errbackArgs=(batch,)
        )

    def _looked_up(self, found: list[Answer | None], batch: Batch) -> None:
        self._end_doubt()
        not_done = Answer(Response.UNAVAILABLE, NOT_AVAILABLE, self.business_date)
        for waiting, answer in zip(batch.waiting, found, strict=True):
            self._tell(waiting, answer or not_done)
        self._next()

    def _lookup_failed(self, failure: Failure, batch: Batch) -> None:
        if failure.check(OutcomeUnknown, Unavailable, Conflict):
            self._ask_again_later(batch, failure.value, self._look_up)
        else:
            self._give_up(batch, failure)

    def _unavailable(self, batch: Batch, error: BaseException) -> None:
        if batch.attempts < UNAVAILABLE_ATTEMPTS:
            self._redo.appendleft(batch)
            self._next()
            return
        self.noted(Kind.UNAVAILABLE, "")
        self.log.error("{size} requests get 91: {error}", size=len(batch.waiting), error=error)
        self._refuse(batch, Response.UNAVAILABLE, NOT_AVAILABLE)
        self._next()

    def _take_apart(self, batch: Batch, failure: Failure) -> None:
        """Find the request that the batch fails on by halving. Alone and failing twice, it gets 96; where an
        earlier COMMIT of it may be on disk, its link ends instead.
        """
        waiting = batch.waiting
        if len(waiting) > 1:
            half = len(waiting) // 2
            for part in (waiting[half:], waiting[:half]):
                self._redo.appendleft(Batch(part, in_doubt=batch.in_doubt))
            self._next()
        elif batch.attempts < SINGLE_ATTEMPTS:
            self._redo.appendleft(batch)
            self._next()
        elif batch.in_doubt:
            self._give_up(batch, failure)
        else:
            key = waiting[0].request.key
            self.log.failure("request {key} cannot be decided: 96", failure=failure, key=key)
            self._refuse(batch, Response.FAULT, "FAULT, NOTHING WAS DONE")
            self._next()

    def _give_up(self, batch: Batch, failure: Failure) -> None:
        """What became of these requests cannot be learnt here. Any answer would be a guess, so their links
        end: the bank's reversal, or the request again, finds out.
        """
        for waiting in batch.waiting:
            key = waiting.request.key
            self.log.failure("request {key} cannot be answered: its link ends", failure=failure, key=key)
            try:
                waiting.give_up()
            except Exception:
                self.log.failure("the link of {key} could not be ended", key=key)
        self._end_doubt()
        self._next()

    def _refuse(self, batch: Batch, response: Response, reason: str) -> None:
        for waiting in batch.waiting:
            self._tell(waiting, Answer(response, reason, self.business_date))

    def _tell(self, waiting: Waiting, answer: Answer) -> None:
        """One answer that cannot be sent is a fault of its own and must not keep the others from theirs."""
        try:
            waiting.deliver(answer)
        except Exception:
            self.statistics.undelivered += 1
            self.log.failure("the answer to {key} could not be sent", key=waiting.request.key)


def _is_recorded_refusal(request: Request, answer: Answer) -> bool:
    """Whether an answer stands for an entry that moved nothing, and that this request has made."""
    return bool(request.key) and not answer.replayed and answer.response not in _NOT_REFUSED
