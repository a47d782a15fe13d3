"""When each request of a load is sent, and from when its latency counts.

Open loop: requests fall due at their times whatever the machine does, as customers come; a request that finds
no room waits, and its latency counts from the time at which it was due, so that a machine that stalls is seen
by all who would have come meanwhile (a load that counts from its own sending leaves them out: coordinated
omission). Closed loop: so many are in flight, each is followed by the next, and counts from its sending.
Knows a clock and an act that can be begun; no bank, no message.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from simulators.load.histogram import Histogram

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how fast. `rate` a second, 0 for a closed loop; it ends after `requests` or `microseconds`,
    whichever comes first, where 0 is no bound; one of the two is not 0.
    """

    in_flight: int
    rate: int = 0
    is_poisson: bool = False
    requests: int = 0
    microseconds: int = 0
    seed: int = 1

    def due(self) -> Iterator[int]:
        """When each request of an open loop is due, in microseconds from the start."""
        random = Random(self.seed)
        times = _poisson(random, self.rate) if self.is_poisson else _even(self.rate)
        for number, at in enumerate(times):
            if (self.requests and number >= self.requests) or (self.microseconds and at >= self.microseconds):
                return
            yield at


def _even(rate: int) -> Iterator[int]:
    return (number * SECOND // rate for number in count())


def _poisson(random: Random, rate: int) -> Iterator[int]:
    """The due times of a Poisson process: customers who come independently of each other."""
    at = 0.0
    while True:
        at += random.expovariate(rate) * SECOND
        yield round(at)


@dataclass(slots=True)
class Report:
    """What a load measured, in microseconds: latencies by act; `lags`, how late the load itself took up what
    was due; `failures` by kind of exception; `unended`, what was due and had no outcome when it was cut
    short.
    """

    latencies: dict[str, Histogram] = field(default_factory=dict)
    lags: Histogram = field(default_factory=Histogram)
    failures: Counter[str] = field(default_factory=Counter)
    elapsed: int = 0
    unended: int = 0

    @property
    def all(self) -> Histogram:
        """The latencies of all acts together."""
        together = Histogram()
        for latencies in self.latencies.values():
            together.add(latencies)
        return together


class Driver:
    """One run of a plan. `begin` starts the next act; its Deferred fires with the act's name."""

    def __init__(self, clock: Any, plan: Plan, begin: Callable[[], Deferred[str]]) -> None:  # noqa: ANN401
        self._clock, self._plan, self._begin = clock, plan, begin
        self._due = plan.due() if plan.rate else iter(())
        self._next: int | None = None
        self._waiting: deque[int] = deque()
        self._busy = 0
        self._begun = 0
        self._call: IDelayedCall | None = None
        self._started_at = 0.0
        self._report = Report()
        self._ended: Deferred[Report] = Deferred()

    def run(self) -> Deferred[Report]:
        """Start; fires when all that was due has its outcome."""
        self._started_at = self._clock.seconds()
        if self._plan.rate:
            self._next = next(self._due, None)
            self._arrive()
        else:
            for _ in range(self._plan.in_flight):
                self._follow()
            self._end_if_done()
        return self._ended

    def cut_short(self) -> None:
        """End now; requests without an outcome are counted as `unended`."""
        if not self._ended.called:
            self._next = None
            self._report.unended = self._busy + len(self._waiting)
            self._finish()

    def _now(self) -> int:
        return round((self._clock.seconds() - self._started_at) * SECOND)

    def _arrive(self) -> None:
        """Take up the requests that are due, and schedule the next."""
        now = self._now()
        while self._next is not None and self._next <= now:
            self._report.lags.record(now - self._next)
            self._waiting.append(self._next)
            self._next = next(self._due, None)
        self._send_waiting()
        if self._next is not None:
            # To send took time as well: the next may be due already.
            wait = max(0, self._next - self._now())
            self._call = self._clock.callLater(wait / SECOND, self._arrive)
        self._end_if_done()

    def _send_waiting(self) -> None:
        while self._waiting and self._busy < self._plan.in_flight:
            self._send(self._waiting.popleft())

    def _follow(self) -> None:
        """In a closed loop: start the next request, if one is left."""
        plan, now = self._plan, self._now()
        if (plan.requests and self._begun >= plan.requests) or (
            plan.microseconds and now >= plan.microseconds
        ):
            return
        self._send(now)

    def _send(self, counts_from: int) -> None:
        self._busy += 1
        self._begun += 1
        self._begin().addCallbacks(self._succeeded, self._failed, callbackArgs=(counts_from,)).addBoth(
            self._go_on
        )

    def _succeeded(self, act: str, counts_from: int) -> None:
        if self._ended.called:
            return
        self._report.latencies.setdefault(act, Histogram()).record(self._now() - counts_from)

    def _failed(self, failure: Failure) -> None:
        """Count an act that failed: it has no latency, and must not be hidden. One that ends after the load
        was cut short is counted already.
        """
        if self._ended.called:
            return
        self._report.failures[failure.type.__name__ if failure.type else "unknown"] += 1

    def _go_on(self, failure: Failure | None) -> None:
        if failure is not None:
            self._ended.errback(failure)
            return
        self._busy -= 1
        if self._ended.called:
            return
        if self._plan.rate:
            self._send_waiting()
        else:
            self._follow()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if not (self._busy or self._waiting or self._next is not None or self._ended.called):
            self._finish()

    def _finish(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._report.elapsed = self._now()
        self._ended.callback(self._report)
