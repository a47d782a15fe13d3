"""The group-commit engine under a virtual clock, with a thread that runs when told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from fep.engine.commit import Engine
from fep.telemetry.statistics import Statistics
from ledger.errors import BatchRefused
from ledger.rules.request import Answer, Request
from protocol.responses import Response
from tests.support.builders import BANK, request

LINK_ENDED = "the link ended"
"""What became of a request that got no answer."""


class Committer:
    """Records the batches; fails as its script says, an error a call, and refuses batches with a poisoned
    request. As a journal it holds the keys in `held`, once its other script has been gone through.
    """

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.batches: list[list[str]] = []
        self.lookups: list[Exception | None] = []
        self.held: set[str] = set()

    def __call__(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        self.batches.append([asked.key for asked in requests])
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error
        if any(asked.policy == "poison" for asked in requests):
            raise BatchRefused("poison")
        return [Answer(Response.APPROVED, str(recorded_at), "20261124") for _ in requests]

    def recorded(self, requests: Sequence[Request]) -> list[Answer | None]:
        error = self.lookups.pop(0) if self.lookups else None
        if error is not None:
            raise error
        return [Answer(Response.APPROVED) if asked.key in self.held else None for asked in requests]


class Bench:
    """An engine, its clock, a thread that runs when told, and what was answered."""

    def __init__(self, *script: Exception | None, batch: int = 8, queue: int = 16) -> None:
        self.clock = Clock()
        self.committer = Committer(*script)
        self.pending: list[Callable[[], None]] = []
        self.answers: dict[str, str] = {}
        self.fenced: list[bool] = []
        self.noted: list[tuple[str, str]] = []
        self.probes: list[Exception | None] = []
        self.engine = Engine(
            committer=self.committer,
            lookup=self.committer.recorded,
            call_in_thread=self._call,
            clock=self.clock,
            now_us=lambda: 7,
            statistics=Statistics(),
            batch_limit=batch,
            queue_limit=queue,
            queue_seconds=0.5,
            retry_seconds=1,
            fenced=lambda: self.fenced.append(True),
            noted=lambda kind, detail: self.noted.append((kind, detail)),
            database="front at db.example",
            probe=self._probe,
        )

    def _probe(self) -> None:
        error = self.probes.pop(0) if self.probes else None
        if error is not None:
            raise error

    def _call(self, function: Callable[..., list[Answer]], *arguments: object) -> Deferred[list[Answer]]:
        done: Deferred[list[Answer]] = Deferred()

        def run() -> None:
            try:
                answers = function(*arguments)
            except Exception as error:
                done.errback(error)
            else:
                done.callback(answers)

        self.pending.append(run)
        return done

    def offer(self, *names: str, policy: str = "P1", bank: str = BANK) -> None:
        for name in names:
            self.engine.offer(
                request(key=name, policy=policy, bank=bank),
                lambda answer, name=name: self.answers.update({name: str(answer.response)}),
                lambda name=name: self.answers.update({name: LINK_ENDED}),
            )
        self.clock.advance(0)

    def commit(self, times: int = 1) -> None:
        for _ in range(times):
            self.pending.pop(0)()

    def commit_all(self) -> None:
        while self.pending:
            self.commit()

    def wait_out(self, seconds: int = 100) -> None:
        """Let time pass, and what is to be done be done."""
        for _ in range(seconds):
            self.commit_all()
            self.clock.advance(1)
