"""The group-commit engine: one batch is on its way to disk while the next one collects.

An answer leaves only when its batch is durable. The engine knows nothing of messages, links or SQL: requests
go in, answers come out, and the kind of error that the ledger raises says what is certain. Nothing here reads
a clock: time and threads are handed in.
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

from fep.engine.availability import Availability, Outage
from fep.engine.queue import FairQueue, QueueBound
from fep.telemetry.event_log import Kind
from fep.telemetry.statistics import Statistics
from ledger.errors import Conflict, Fenced, OutcomeUnknown, Unavailable
from ledger.rules.request import Answer, Request
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

BUSY = "BUSY, ASK AGAIN"
"""DE 44 of a 91 because the queue has no place."""
NOT_AVAILABLE = "NOT AVAILABLE NOW"
"""DE 44 of a 91 because the database cannot be reached."""

_NOT_REFUSED = frozenset({Response.APPROVED, Response.KEY_REUSED, Response.CUTOVER})
"""The responses with which a batch answers without recording a refusal."""

Deliver = Callable[[Answer], None]
GiveUp = Callable[[], None]
ExclusiveJob = tuple[Callable[[], Any], Deferred[Any]]
"""A call that the commit thread makes between two batches, and the Deferred that fires with its result."""

CONFLICT_ATTEMPTS = 8
"""Attempts at a batch that conflicts with other nodes' batches; after the last one it is treated as refused
and taken apart."""
UNAVAILABLE_ATTEMPTS = 2
"""Attempts while the database cannot be reached: after a restart of the database the first one meets a dead
pooled connection, and the second opens a new one."""
SINGLE_ATTEMPTS = 2
"""Attempts at a request alone in its batch before it gets 96: if the first one did commit, the second finds
its answer in the journal."""


def _no_probe() -> None:
    """Do nothing, successfully."""


class Committer(Protocol):
    """Decides a batch and makes it durable, blocking (ledger.book.front.FrontBook.commit)."""

    def __call__(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        """The answers in the order of the requests, durable. Raises a LedgerError."""


class Lookup(Protocol):
    """Reads the answers that the journal has, blocking, and writes nothing
    (ledger.book.front.FrontBook.recorded).
    """

    def __call__(self, requests: Sequence[Request]) -> list[Answer | None]:
        """The answers in the order of the requests; None for a request that was not done and that no batch
        of this process can do any more. Raises a LedgerError.
        """


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request in the queue. `deliver` takes its answer; `give_up` ends its link without an answer, where no
    answer would be certain; `offered_at` is when it came, in reactor seconds.
    """

    request: Request
    deliver: Deliver
    give_up: GiveUp
    offered_at: float


@dataclass(slots=True)
class Batch:
    """Requests that go to disk together. `attempts` counts the attempts since the outcome was last unknown;
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
    """Collects requests, commits them in batches and delivers the answers.

    `call_in_thread` runs the committer and the lookup; `now_us` is the wall clock in microseconds.
    `batch_limit` and `queue_limit` count requests; `queue_seconds` is how long a request may wait in the
    queue, `retry_seconds` how long a batch in doubt waits before the journal is asked again. `fenced` is
    called when another process has taken this node's name, `refused` with the bank of each refusal that was
    recorded, `new_date` when a later business date is known, `noted` with each event for the event log.
    `database` says where the database is, for people; `probe` writes to it and changes nothing, blocking.
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
    database: str = ""
    probe: Callable[[], None] = _no_probe
    log: Logger = field(default_factory=lambda: Logger(namespace="fep.engine.commit"))
    _queue: FairQueue[Waiting] = field(init=False)
    _queue_bound: QueueBound = field(init=False)
    _redo: deque[Batch] = field(default_factory=deque)
    _exclusive_jobs: deque[ExclusiveJob] = field(default_factory=deque)
    _availability: Availability = field(default_factory=Availability)
    _known_doubt: bool = False
    _is_away: bool = False
    _running: bool = False
    _stopping: bool = False
    _idle: list[Deferred[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._queue = FairQueue(self.queue_limit)
        self._queue_bound = QueueBound(self.queue_seconds, self.batch_limit, self.queue_limit)

    @property
    def in_doubt(self) -> bool:
        """Whether the outcome of a batch is not known: its COMMIT was lost, or it is out for too long."""
        return self._known_doubt or self._availability.doubtful(self.clock.seconds())

    @property
    def outage(self) -> Outage | None:
        """Since when the database does not answer; None while it does."""
        return self._availability.outage(self.clock.seconds())

    @property
    def stopping(self) -> bool:
        """Whether the machine is stopping, and nothing long may be begun."""
        return self._stopping

    @property
    def queued(self) -> int:
        """How many requests wait for a batch."""
        return len(self._queue)

    @property
    def places(self) -> int:
        """How many requests may wait, by the rate of the recent batches."""
        return self._queue.limit

    def offer(self, request: Request, deliver: Deliver, give_up: GiveUp) -> None:
        """Take a request. Either `deliver` is called once, when its answer may leave, or `give_up`, if no
        answer ever may. In a full queue one request is answered 91 at once: this one, or the youngest of the
        bank that has most waiting.
        """
        waiting = Waiting(request, deliver, give_up, self.clock.seconds())
        if self._is_away:
            self._deliver(waiting, Answer(Response.UNAVAILABLE, NOT_AVAILABLE, self.business_date))
            return
        crowded_out = self._queue.put(request.bank, waiting)
        if crowded_out is not None:
            self._deliver(crowded_out, Answer(Response.UNAVAILABLE, BUSY, self.business_date))
        self._wake()

    def refuses(self, bank: str) -> bool:
        """Whether a request of this bank would be answered 91 at once because the queue has no place."""
        return self._queue.refuses(bank)

    def has_room(self, bank: str) -> bool:
        """Whether this bank has less waiting than its share of the queue."""
        return self._queue.has_room(bank)

    def between_batches(self, exclusive_job: Callable[[], Any]) -> Deferred[Any]:
        """Run `exclusive_job` in the commit thread before the next batch: the book has one writer at a time.

        Fires with what the job returns or fails with what it raises; fails with Unavailable once
        `stop_exclusive_jobs` was called, and while the database is away. The batches behind the job wait for
        it.
        """
        if self._stopping:
            return fail(Unavailable(Sentence("the machine is stopping: nothing was done")))
        if self._is_away:
            return fail(self._away())
        outcome: Deferred[Any] = Deferred()
        self._exclusive_jobs.append((exclusive_job, outcome))
        self._wake()
        return outcome

    def stop_exclusive_jobs(self) -> None:
        """Refuse exclusive jobs from now on: without the threads a new one would be waited for in vain."""
        self._stopping = True

    def give_up_exclusive_jobs(self) -> None:
        """Fail the jobs that still wait behind a batch whose outcome cannot be learnt: none was begun."""
        while self._exclusive_jobs:
            _, outcome = self._exclusive_jobs.popleft()
            outcome.errback(Unavailable(Sentence("the machine stopped before it was this one's turn")))

    def look(self) -> None:
        """Called once a second: during a long outage nobody is kept waiting, and the database is tried."""
        outage = self.outage
        if outage is None:
            return
        if outage.is_long and not self._is_away:
            self._is_away = True
            self.noted(Kind.DOUBT if self.in_doubt else Kind.UNAVAILABLE, self.database)
            self.log.error(
                "the database {database} does not answer: requests get 91 at once", database=self.database
            )
        if self._is_away:
            self._turn_away()
        if not self._running:
            self._running = True
            self._call(self.probe, is_batch=False).addBoth(self._probed)

    def _turn_away(self) -> None:
        """Answer 91 to what waits, and fail the exclusive jobs: nothing of them was begun."""
        away = Answer(Response.UNAVAILABLE, NOT_AVAILABLE, self.business_date)
        for waiting in self._queue.take(len(self._queue)):
            self._deliver(waiting, away)
        jobs, self._exclusive_jobs = self._exclusive_jobs, deque()
        for _, outcome in jobs:
            outcome.errback(self._away())

    def _away(self) -> Unavailable:
        return Unavailable(
            Sentence("the database {database} does not answer: nothing was done", database=self.database)
        )

    def _probed(self, result: object) -> None:
        """Take the result of a probe: only what was written ends an outage."""
        if not isinstance(result, Failure):
            self._database_works()
        elif result.check(Fenced):
            self.log.critical("fenced: {error}", error=result.value)
            self.fenced()
        self._next()

    def _database_works(self) -> None:
        self._availability.worked()
        self._is_away = False

    def _database_fails(self) -> None:
        self._availability.failed(self.clock.seconds(), self.now_us())

    def _call(self, function: Callable[..., Any], *arguments: object, is_batch: bool) -> Deferred[Any]:
        """Call a function in the commit thread, and know how long it is out."""
        self._availability.asked(self.clock.seconds(), self.now_us(), is_batch=is_batch)
        return self.call_in_thread(function, *arguments).addBoth(self._returned)

    def _returned(self, result: Any) -> Any:  # noqa: ANN401 - the call's own
        self._availability.returned()
        return result

    def see_date(self, business_date: str) -> None:
        """Learn the date (YYYYMMDD) of the open business day; a later date than the known one is announced by
        `new_date`.
        """
        if business_date > self.business_date:
            self.business_date = business_date
            self.noted(Kind.DAY, business_date)
            try:
                self.new_date()
            except Exception:  # the batch whose answer brought the date must not wait for ever
                self.log.failure("the new date could not be announced")

    def _wake(self) -> None:
        if not self._running:
            # Not at once: requests that arrive in the same turn of the reactor join the same batch.
            self._running = True
            self.clock.callLater(0, self._next)

    def when_idle(self) -> Deferred[None]:
        """Fires when every request taken so far has been answered or given up."""
        idle: Deferred[None] = Deferred()
        if not self._running:
            idle.callback(None)
        else:
            self._idle.append(idle)
        return idle

    def _next(self) -> None:
        if self._exclusive_jobs:
            exclusive_job, outcome = self._exclusive_jobs.popleft()
            running = self._call(exclusive_job, is_batch=False)
            running.addBoth(self._exclusive_job_done, outcome)
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
            for outcome in idle:
                outcome.callback(None)

    def _exclusive_job_done(self, result: Any, outcome: Deferred[Any]) -> None:  # noqa: ANN401 - the job's own
        """Start the next batch before firing `outcome`: a slow callback must not hold up the commits."""
        if isinstance(result, Failure) and result.check(Unavailable, OutcomeUnknown):
            self._database_fails()
        self._next()
        if isinstance(result, Failure):
            outcome.errback(result)
        else:
            outcome.callback(result)

    def _run(self, batch: Batch) -> None:
        batch.attempts += 1
        running = self._call(self.committer, batch.requests, self.now_us(), is_batch=True)
        running.addCallbacks(self._committed, self._failed, callbackArgs=(batch,), errbackArgs=(batch,))

    def _committed(self, answers: list[Answer], batch: Batch) -> None:
        self._database_works()
        self._end_doubt()
        now = self.clock.seconds()
        self.statistics.batch_done(len(batch.waiting))
        for waiting, answer in zip(batch.waiting, answers, strict=True):
            self.statistics.latencies[waiting.request.bank].add(round((now - waiting.offered_at) * 1_000_000))
            self.statistics.replays += answer.replayed
            if _is_recorded_refusal(waiting.request, answer):
                self.refused(waiting.request.bank)
            self.see_date(answer.business_date)
            self._deliver(waiting, answer)
        self._next()

    def _failed(self, failure: Failure, batch: Batch) -> None:
        """Choose by the kind of error what is certain: nothing, nothing done, or this request at fault."""
        error = failure.value
        self.statistics.failed_batches[type(error).__name__] += 1
        if isinstance(error, OutcomeUnknown) or (batch.in_doubt and isinstance(error, Unavailable)):
            self._ask_again_later(batch, error, self._run)
        elif isinstance(error, Fenced):
            self._fenced(batch, error)
        elif isinstance(error, Unavailable) or (isinstance(error, Conflict) and self._is_away):
            self._unavailable(batch, error)
        elif isinstance(error, Conflict) and batch.attempts < CONFLICT_ATTEMPTS:
            self._redo.appendleft(batch)
            self._next()
        else:
            self._take_apart(batch, failure)

    def _end_doubt(self) -> None:
        """Note that a batch is over; the engine is in doubt until the last batch in doubt is over."""
        if self._known_doubt and not any(batch.in_doubt for batch in self._redo):
            self._known_doubt = False
            self.noted(Kind.SETTLED, "")

    def _ask_again_later(self, batch: Batch, error: BaseException, ask: Callable[[Batch], None]) -> None:
        """Call `ask` after `retry_seconds`: whether the batch is on disk is not known. No bank is answered
        until then; running the batch again reads the journal by key. `attempts` begins again at 0.
        """
        batch.in_doubt = self._known_doubt = True
        batch.attempts = 0
        self._database_fails()
        self.noted(Kind.DOUBT, self.database)
        self.log.error(
            "outcome of {size} requests unknown, asking again: {error}", size=len(batch.waiting), error=error
        )
        self.clock.callLater(self.retry_seconds, ask, batch)

    def _fenced(self, batch: Batch, error: BaseException) -> None:
        """Answer 91, since neither this attempt nor a later one does anything. For a batch in doubt the
        journal is asked first: an earlier attempt may have committed.
        """
        self.log.critical("fenced: {error}", error=error)
        if batch.in_doubt:
            self.fenced()
            self._look_up(batch)
            return
        self._refuse(batch, Response.UNAVAILABLE, NOT_AVAILABLE)
        self.fenced()
        self._next()

    def _look_up(self, batch: Batch) -> None:
        running = self._call(self.lookup, batch.requests, is_batch=True)
        running.addCallbacks(
            self._looked_up, self._lookup_failed, callbackArgs=(batch,), errbackArgs=(batch,)
        )

    def _looked_up(self, recorded: list[Answer | None], batch: Batch) -> None:
        self._end_doubt()
        not_done = Answer(Response.UNAVAILABLE, NOT_AVAILABLE, self.business_date)
        for waiting, answer in zip(batch.waiting, recorded, strict=True):
            self._deliver(waiting, answer or not_done)
        self._next()

    def _lookup_failed(self, failure: Failure, batch: Batch) -> None:
        error = failure.value
        if isinstance(error, (OutcomeUnknown, Unavailable, Conflict)):
            self._ask_again_later(batch, error, self._look_up)
        else:
            self._give_up(batch, failure)

    def _unavailable(self, batch: Batch, error: BaseException) -> None:
        if batch.attempts < UNAVAILABLE_ATTEMPTS and not self._is_away:
            self._redo.appendleft(batch)
            self._next()
            return
        self._database_fails()
        self.noted(Kind.UNAVAILABLE, self.database)
        self.log.error("{size} requests get 91: {error}", size=len(batch.waiting), error=error)
        self._refuse(batch, Response.UNAVAILABLE, NOT_AVAILABLE)
        self._next()

    def _take_apart(self, batch: Batch, failure: Failure) -> None:
        """Find the request that the batch fails on by halving. A request alone that fails SINGLE_ATTEMPTS
        times gets 96; if an earlier COMMIT of it may be on disk, its link ends instead.
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
        """End the links of these requests without an answer: what became of them cannot be learnt here, and
        any answer would be a guess. The bank's reversal, or the request again, finds out.
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
            self._deliver(waiting, Answer(response, reason, self.business_date))

    def _deliver(self, waiting: Waiting, answer: Answer) -> None:
        """Deliver one answer. A failure to send it is logged and counted, and does not stop the others."""
        try:
            waiting.deliver(answer)
        except Exception:
            self.statistics.undelivered += 1
            self.log.failure("the answer to {key} could not be sent", key=waiting.request.key)


def _is_recorded_refusal(request: Request, answer: Answer) -> bool:
    """Whether this request has made an entry in the journal that moved no money: a recorded refusal."""
    return bool(request.key) and not answer.replayed and answer.response not in _NOT_REFUSED
