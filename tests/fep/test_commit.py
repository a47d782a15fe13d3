"""The group-commit engine under a virtual clock: what is certain is told, what is not is found out first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from fep.commit import CONFLICT_ATTEMPTS, Engine
from fep.statistics import Statistics
from ledger.errors import BatchRefused, Conflict, Fenced, LedgerError, OutcomeUnknown, Unavailable
from ledger.request import Answer, Request
from protocol.responses import Response
from tests.builders import BANK, request


class Committer:
    """Records the batches; fails as its script says, an error a call, and refuses batches with a poisoned
    request.
    """

    def __init__(self, *script: LedgerError | None) -> None:
        self.script = list(script)
        self.batches: list[list[str]] = []

    def __call__(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        self.batches.append([one.key for one in requests])
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error
        if any(one.policy == "poison" for one in requests):
            raise BatchRefused("poison")
        return [Answer(Response.APPROVED, str(recorded_at), "20261124") for _ in requests]


class Bench:
    """An engine, its clock, a thread that runs when told, and what was answered."""

    def __init__(self, *script: LedgerError | None, batch: int = 8, queue: int = 16) -> None:
        self.clock = Clock()
        self.committer = Committer(*script)
        self.pending: list[Callable[[], None]] = []
        self.answers: dict[str, str] = {}
        self.fenced: list[bool] = []
        self.noted: list[tuple[str, str]] = []
        self.engine = Engine(
            committer=self.committer,
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
        )

    def _call(self, function: Callable[..., list[Answer]], *arguments: object) -> Deferred[list[Answer]]:
        done: Deferred[list[Answer]] = Deferred()

        def run() -> None:
            try:
                answers = function(*arguments)
            except LedgerError as error:
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
            )
        self.clock.advance(0)

    def commit(self, times: int = 1) -> None:
        for _ in range(times):
            self.pending.pop(0)()

    def commit_all(self) -> None:
        while self.pending:
            self.commit()


def test_nothing_is_answered_before_its_batch_is_durable() -> None:
    bench = Bench()
    bench.offer("a", "b")
    assert bench.answers == {}
    bench.commit()
    assert bench.answers == {"a": "00", "b": "00"}


def test_what_comes_while_a_batch_commits_joins_the_next() -> None:
    bench = Bench()
    bench.offer("a")
    bench.offer("b", "c")
    bench.commit_all()
    assert bench.committer.batches == [["a"], ["b", "c"]]


def test_a_batch_is_no_larger_than_its_limit() -> None:
    bench = Bench(batch=2)
    bench.offer("a", "b", "c")
    bench.commit_all()
    assert bench.committer.batches == [["a", "b"], ["c"]]


def test_a_full_queue_is_answered_91_at_once() -> None:
    bench = Bench(queue=2)
    bench.offer("a", "b", "c")
    assert bench.answers == {"c": "91"}
    bench.commit_all()
    assert bench.answers == {"a": "00", "b": "00", "c": "91"}


def test_a_bank_that_fills_the_queue_makes_room_for_one_that_does_not() -> None:
    bench = Bench(queue=4)
    bench.offer("on its way")
    bench.offer("a0", "a1", "a2", "a3", "a4")
    assert bench.answers == {"a4": "91"}
    bench.offer("b0", "b1", bank="01030000")
    assert bench.answers == dict.fromkeys(("a4", "a3", "a2"), "91")
    bench.commit_all()
    assert bench.answers.pop("on its way") == "00"
    assert bench.answers == {"a4": "91", "a3": "91", "a2": "91"} | dict.fromkeys(
        ("a0", "a1", "b0", "b1"), "00"
    )


def test_the_slower_the_batches_the_fewer_may_wait() -> None:
    """Half a second's worth: 300 of a batch of 300 that takes longer, and 91 for who comes after them."""
    bench = Bench(batch=300, queue=2_000)
    bench.offer(*(f"a{n}" for n in range(1_200)))
    for _ in range(3):
        bench.clock.advance(0.6)
        bench.commit()
    assert (len(bench.answers), bench.engine.places) == (900, 300)
    bench.offer(*(f"b{n}" for n in range(301)))
    assert {name: told for name, told in bench.answers.items() if name[0] == "b"} == {"b300": "91"}
    bench.clock.advance(0.6)
    bench.commit_all()
    assert set(bench.answers.values()) == {"00", "91"}


def test_a_rest_between_two_batches_is_no_slowness() -> None:
    bench = Bench(batch=300, queue=2_000)
    for first in range(6):
        bench.offer(*(f"a{first}/{n}" for n in range(300)))
        bench.commit_all()
        bench.clock.advance(60)
    bench.offer(*(f"b{n}" for n in range(2_000)))
    assert len(bench.answers) == 1_800


def test_a_batch_takes_from_each_bank_in_turn() -> None:
    bench = Bench(batch=2)
    bench.offer("on its way")
    bench.offer("a0", "a1", "a2", "a3")
    bench.offer("b0", "b1", bank="01030000")
    bench.commit_all()
    assert bench.committer.batches[1:] == [["a0", "b0"], ["a1", "b1"], ["a2", "a3"]]


def test_an_unknown_outcome_is_told_to_nobody_until_it_is_known() -> None:
    bench = Bench(OutcomeUnknown("lost in COMMIT"), Unavailable("still gone"))
    bench.offer("a", "b")
    bench.commit()
    assert (bench.answers, bench.engine.in_doubt) == ({}, True)
    bench.clock.advance(1)
    bench.commit()
    assert bench.answers == {}, "91 would be a guess: the first attempt may be on disk"
    bench.clock.advance(1)
    bench.commit()
    assert (bench.answers, bench.engine.in_doubt) == ({"a": "00", "b": "00"}, False)
    assert bench.committer.batches == [["a", "b"]] * 3


def test_an_unavailable_database_is_tried_again_and_then_answered_91() -> None:
    bench = Bench(Unavailable("down"), Unavailable("down"))
    bench.offer("a")
    bench.commit_all()
    assert bench.answers == {"a": "91"}
    bench.offer("b")
    bench.commit_all()
    assert bench.answers["b"] == "00"


def test_a_conflict_is_run_again_whole() -> None:
    bench = Bench(Conflict("other node"), Conflict("other node"))
    bench.offer("a", "b")
    bench.commit_all()
    assert bench.answers == {"a": "00", "b": "00"}
    assert bench.committer.batches == [["a", "b"]] * 3


def test_conflicts_without_end_are_taken_apart() -> None:
    bench = Bench(*[Conflict("other node")] * CONFLICT_ATTEMPTS)
    bench.offer("a", "b")
    bench.commit_all()
    assert bench.committer.batches[-2:] == [["a"], ["b"]]
    assert bench.answers == {"a": "00", "b": "00"}


def test_the_request_that_makes_a_batch_fail_gets_96_and_the_others_go_through() -> None:
    bench = Bench()
    bench.offer("a", "b", "c")
    bench.offer("x", policy="poison")
    bench.offer("d", "e")
    bench.commit_all()
    assert bench.answers == {"a": "00", "b": "00", "c": "00", "d": "00", "e": "00", "x": "96"}


def test_a_fenced_node_answers_91_and_says_so() -> None:
    bench = Bench(Fenced("newer"))
    bench.offer("a")
    bench.commit_all()
    assert (bench.answers, bench.fenced) == ({"a": "91"}, [True])


def test_an_answer_that_cannot_be_sent_keeps_no_other_from_its_own() -> None:
    bench = Bench()

    def fail(_: Answer) -> None:
        raise RuntimeError("our own fault")

    bench.engine.offer(request(key="a"), fail)
    bench.offer("b")
    bench.commit_all()
    assert bench.answers == {"b": "00"}
    assert bench.engine.statistics.undelivered == 1


def test_idle_means_that_everything_taken_was_answered() -> None:
    bench = Bench()
    bench.offer("a")
    idle: list[dict[str, str]] = []
    bench.engine.when_idle().addCallback(lambda _: idle.append(dict(bench.answers)))
    assert idle == []
    bench.commit_all()
    assert idle == [{"a": "00"}]


def test_a_batch_in_doubt_is_noted_and_so_is_its_end() -> None:
    bench = Bench(OutcomeUnknown("lost"), None)
    bench.offer("a")
    bench.commit()
    assert (bench.noted, bench.engine.in_doubt) == ([("doubt", "")], True)
    bench.clock.advance(1)
    bench.commit_all()
    noted = [kind for kind, _ in bench.noted]
    assert (noted[:2], bench.engine.in_doubt) == (["doubt", "settled"], False)


def test_a_new_day_and_a_batch_without_a_database_are_noted() -> None:
    bench = Bench(Unavailable("gone"), Unavailable("gone"))
    bench.engine.see_date("20261124")
    bench.engine.see_date("20261124")
    bench.offer("a")
    bench.commit_all()
    assert bench.noted == [("day", "20261124"), ("unavailable", "")]


def test_latencies_are_counted_for_the_bank_that_waited() -> None:
    bench = Bench()
    bench.offer("a")
    bench.offer("b", bank="2")
    bench.commit_all()
    counts = {bank: one.count for bank, one in bench.engine.statistics.latencies.items()}
    assert counts == {BANK: 1, "2": 1}
    assert bench.engine.statistics.latency.count == 2
