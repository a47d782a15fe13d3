"""The engine while the database does not answer: nobody waits, nothing is guessed, and it ends by itself."""

from __future__ import annotations

from ledger.errors import Conflict, Fenced, Unavailable
from tests.support.engine_bench import Bench


def test_a_batch_that_is_out_for_5_seconds_is_in_doubt_and_who_waits_behind_it_gets_91() -> None:
    bench = Bench()
    bench.offer("a")
    bench.offer("b")
    bench.clock.advance(4.9)
    bench.engine.look()
    assert (bench.engine.in_doubt, bench.engine.outage, bench.answers) == (False, None, {})
    bench.clock.advance(0.1)
    assert (bench.engine.in_doubt, bench.engine.outage) == (True, (5.0, 7))
    bench.engine.look()
    bench.offer("c")
    assert bench.answers == {"b": "91", "c": "91"}
    bench.commit()
    assert bench.answers == {"a": "00", "b": "91", "c": "91"}
    assert (bench.engine.in_doubt, bench.engine.outage) == (False, None)
    bench.offer("d")
    bench.commit()
    assert (bench.answers["d"], bench.noted[0]) == ("00", ("doubt", "front at db.example"))


def test_a_silent_batch_that_did_nothing_gets_91_without_another_attempt() -> None:
    bench = Bench(Unavailable("no answer"))
    bench.offer("a")
    bench.clock.advance(5)
    bench.engine.look()
    bench.commit()
    assert (bench.answers, bench.engine.in_doubt) == ({"a": "91"}, False)
    assert bench.engine.outage == (5.0, 7)


def test_80_batches_that_fail_are_an_outage_from_the_first_on() -> None:
    bench = Bench(*[Unavailable("gone")] * 160)
    for number in range(80):
        bench.offer(f"k{number}")
        bench.commit_all()
        assert bench.engine.outage is not None
    assert set(bench.answers.values()) == {"91"}


def test_while_the_database_is_away_it_is_tried_each_second_and_serves_again_once_it_was_written_to() -> None:
    bench = Bench(*[Unavailable("gone")] * 2)
    bench.probes = [Unavailable("gone"), Unavailable("gone"), None]
    bench.offer("a")
    bench.commit_all()
    bench.clock.advance(5)
    for _ in range(2):
        bench.engine.look()
        bench.offer("b")
        bench.commit_all()
        assert bench.answers.pop("b") == "91"
    assert len(bench.committer.batches) == 2
    bench.engine.look()
    bench.commit_all()
    assert bench.engine.outage is None
    bench.offer("b")
    bench.commit_all()
    assert bench.answers == {"a": "91", "b": "00"}


def test_an_exclusive_job_behind_a_silent_call_fails_and_was_not_begun() -> None:
    bench = Bench()
    bench.offer("a")
    begun: list[str] = []
    failures: list[str] = []
    for name in ("waiting", "late"):
        bench.engine.between_batches(lambda name=name: begun.append(name)).addErrback(
            lambda failure: failures.append(str(failure.value))
        )
        bench.clock.advance(5)
        bench.engine.look()
    assert failures == ["the database front at db.example does not answer: nothing was done"] * 2
    bench.commit_all()
    assert (begun, bench.answers) == ([], {"a": "00"})


def test_an_idle_machine_sees_by_a_job_that_the_database_is_away() -> None:
    bench = Bench()

    def job() -> None:
        raise Unavailable("gone")

    bench.engine.between_batches(job).addErrback(lambda _: None)
    bench.clock.advance(0)
    bench.commit_all()
    assert bench.engine.outage == (0.0, 7)


def test_a_job_that_was_slow_and_came_back_leaves_nobody_turned_away() -> None:
    bench = Bench()
    bench.engine.between_batches(lambda: None)
    bench.clock.advance(6)
    bench.engine.look()
    bench.commit_all()
    bench.engine.look()
    bench.commit_all()
    bench.offer("a")
    bench.commit_all()
    assert (bench.answers, bench.engine.outage) == ({"a": "00"}, None)


def test_conflicts_after_a_silence_get_91_and_are_not_tried_again() -> None:
    bench = Bench(Conflict("lock timeout"))
    bench.offer("a")
    bench.clock.advance(6)
    bench.engine.look()
    bench.commit_all()
    assert (bench.answers, len(bench.committer.batches)) == ({"a": "91"}, 1)


def test_a_probe_that_finds_another_process_in_this_ones_place_says_so() -> None:
    bench = Bench(*[Unavailable("gone")] * 2)
    bench.probes = [Fenced("newer")]
    bench.offer("a")
    bench.commit_all()
    bench.engine.look()
    bench.commit_all()
    assert bench.fenced == [True]
