"""The group-commit engine under a virtual clock: what is certain is told, what is not is found out first."""

from __future__ import annotations

import pytest

from fep.engine.commit import CONFLICT_ATTEMPTS
from ledger.errors import BatchRefused, Conflict, Fenced, InvariantBroken, OutcomeUnknown, Unavailable
from ledger.rules.request import Answer
from protocol.responses import Response
from tests.support.builders import BANK, request
from tests.support.engine_bench import LINK_ENDED, Bench


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
    assert {name: response for name, response in bench.answers.items() if name[0] == "b"} == {"b300": "91"}
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


LOST = OutcomeUnknown("lost in COMMIT")
GONE = Unavailable("gone")
TAKEN = Conflict("other node")
REFUSED = BatchRefused("data")
BROKEN = InvariantBroken("contradiction")
OURS = ValueError("our own fault")
FENCED = Fenced("newer")


@pytest.mark.parametrize(
    ("failures", "response"),
    [
        ([GONE], "00"),
        ([GONE] * 2, "91"),
        ([TAKEN], "00"),
        ([TAKEN] * (CONFLICT_ATTEMPTS - 1), "00"),
        ([TAKEN] * CONFLICT_ATTEMPTS, "96"),
        ([REFUSED], "00"),
        ([REFUSED] * 2, "96"),
        ([BROKEN] * 2, "96"),
        ([OURS], "00"),
        ([OURS] * 2, "96"),
        ([FENCED], "91"),
        ([LOST], "00"),
        ([LOST] * 20, "00"),
        ([LOST, GONE], "00"),
        ([LOST, *[GONE] * 20], "00"),
        ([LOST, TAKEN], "00"),
        ([LOST, *[TAKEN] * (CONFLICT_ATTEMPTS - 1)], "00"),
        ([LOST, *[TAKEN] * CONFLICT_ATTEMPTS], LINK_ENDED),
        ([LOST, *[GONE] * 20, TAKEN], "00"),
        ([LOST, REFUSED], "00"),
        ([LOST, *[REFUSED] * 2], LINK_ENDED),
        ([LOST, REFUSED, GONE, REFUSED], "00"),
        ([LOST, *[BROKEN] * 2], LINK_ENDED),
        ([LOST, OURS], "00"),
        ([LOST, *[OURS] * 2], LINK_ENDED),
        ([REFUSED, LOST, *[REFUSED] * 2], LINK_ENDED),
        ([GONE, LOST, GONE, *[OURS] * 2], LINK_ENDED),
    ],
    ids=lambda value: ",".join(type(error).__name__ for error in value) if isinstance(value, list) else value,
)
def test_a_request_alone_is_told_what_is_certain_and_in_doubt_nothing_but_its_journals_word(
    failures: list[Exception], response: str
) -> None:
    bench = Bench(*failures)
    bench.offer("a")
    bench.wait_out()
    assert (bench.answers, bench.engine.in_doubt, bench.fenced) == (
        {"a": response},
        False,
        [True] if FENCED in failures else [],
    )
    bench.offer("next")
    bench.wait_out(1)
    assert bench.answers["next"] == "00", "whoever comes after is served"


@pytest.mark.parametrize("failure", [TAKEN, REFUSED, BROKEN, OURS], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("in_doubt", [False, True])
def test_of_many_the_one_that_fails_is_found_and_the_halves_of_a_batch_in_doubt_are_in_doubt(
    failure: Exception, in_doubt: bool
) -> None:
    failures = [failure] * (CONFLICT_ATTEMPTS if failure is TAKEN else 1)
    bench = Bench(None, *([LOST] if in_doubt else []), *failures)
    bench.offer("on its way")
    bench.offer("a", "b", "c")
    bench.offer("x", policy="poison")
    bench.offer("d")
    bench.wait_out()
    assert bench.answers.pop("on its way") == "00"
    assert bench.answers == dict.fromkeys("abcd", "00") | {"x": LINK_ENDED if in_doubt else "96"}


@pytest.mark.parametrize("failure", [GONE, LOST], ids=lambda error: type(error).__name__)
def test_a_half_of_a_batch_in_doubt_is_asked_for_until_it_is_known(failure: Exception) -> None:
    """A half that had forgotten the doubt would be told 91 at the second failure."""
    bench = Bench(LOST, REFUSED, *[failure] * 5)
    bench.offer("a", "b")
    bench.wait_out(3)
    assert (bench.answers, bench.engine.in_doubt) == ({}, True)
    bench.wait_out()
    assert (bench.answers, bench.engine.in_doubt) == ({"a": "00", "b": "00"}, False)


def test_doubt_lasts_until_the_last_half_is_known() -> None:
    bench = Bench(LOST, REFUSED)
    bench.offer("a", "b")
    bench.commit()
    bench.clock.advance(1)
    bench.commit(2)
    assert (bench.answers, bench.engine.in_doubt) == ({"a": "00"}, True)
    bench.commit()
    assert (bench.answers, bench.engine.in_doubt) == ({"a": "00", "b": "00"}, False)
    assert [kind for kind, _ in bench.noted if kind != "day"] == ["doubt", "settled"]


@pytest.mark.parametrize(
    ("lookups", "answers"),
    [
        ([], {"held": "00", "not held": "91"}),
        ([GONE, LOST, TAKEN, GONE], {"held": "00", "not held": "91"}),
        ([REFUSED], {"held": LINK_ENDED, "not held": LINK_ENDED}),
        ([GONE, OURS], {"held": LINK_ENDED, "not held": LINK_ENDED}),
    ],
    ids=["at once", "after a while", "refused", "failed"],
)
def test_a_batch_in_doubt_of_a_fenced_node_is_told_what_the_journal_holds(
    lookups: list[Exception], answers: dict[str, str]
) -> None:
    """What it does not hold was not done and never will be: 91 is certain then."""
    bench = Bench(LOST, FENCED)
    bench.committer.lookups = list(lookups)
    bench.committer.held = {"held"}
    bench.offer("held", "not held")
    bench.commit()
    bench.clock.advance(1)
    bench.commit()
    assert (bench.answers, bench.fenced, bench.engine.in_doubt) == ({}, [True], True)
    bench.wait_out(10)
    assert (bench.answers, bench.engine.in_doubt) == (answers, False)
    assert len(bench.committer.batches) == 2, "a fenced node commits nothing more of it"


def test_a_link_that_cannot_be_ended_keeps_no_other_from_its_answer() -> None:
    bench = Bench(LOST, OURS, OURS)

    def fail() -> None:
        raise RuntimeError("our own fault")

    bench.engine.offer(request(key="a"), lambda _: None, fail)
    bench.clock.advance(0)
    bench.offer("b")
    bench.wait_out()
    assert (bench.answers, bench.engine.in_doubt) == ({"b": "00"}, False)


def test_exclusive_jobs_are_refused_once_they_are_stopped_and_those_that_wait_can_be_given_up() -> None:
    bench = Bench(LOST)
    outcomes: list[str] = []

    def ask(name: str) -> None:
        done = bench.engine.between_batches(lambda: name)
        done.addCallbacks(
            outcomes.append, lambda failure: outcomes.append(f"{name}: {failure.type.__name__}")
        )

    bench.offer("a")
    ask("waits")
    bench.engine.stop_exclusive_jobs()
    ask("too late")
    assert outcomes == ["too late: Unavailable"]
    bench.commit()
    bench.engine.give_up_exclusive_jobs()
    assert outcomes == ["too late: Unavailable", "waits: Unavailable"]
    bench.wait_out()
    assert (bench.answers, len(outcomes)) == ({"a": "00"}, 2), "a job that was given up is not done after all"


@pytest.mark.parametrize(
    ("answer", "key", "counts"),
    [
        (Answer(Response.NOT_POSSIBLE), "a", True),
        (Answer(Response.FORMAT), "a", True),
        (Answer(Response.NOT_POSSIBLE), "", False),
        (Answer(Response.NOT_POSSIBLE, replayed=True), "a", False),
        (Answer(Response.APPROVED), "a", False),
        (Answer(Response.KEY_REUSED), "a", False),
        (Answer(Response.CUTOVER), "a", False),
    ],
    ids=["refused", "malformed", "an inquiry", "again", "approved", "key reused", "cut-over"],
)
def test_a_refusal_that_was_recorded_counts_against_its_bank(
    answer: Answer, key: str, *, counts: bool
) -> None:
    bench = Bench()
    refused: list[str] = []
    bench.engine.refused = refused.append
    bench.engine.committer = lambda _requests, _at: [answer]
    bench.engine.offer(request(key=key), lambda _: None, lambda: None)
    bench.clock.advance(0)
    bench.commit_all()
    assert refused == ([BANK] if counts else [])


def test_an_answer_that_cannot_be_sent_keeps_no_other_from_its_own() -> None:
    bench = Bench()

    def fail(_: Answer) -> None:
        raise RuntimeError("our own fault")

    bench.engine.offer(request(key="a"), fail, lambda: None)
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
    assert (bench.noted, bench.engine.in_doubt) == ([("doubt", "front at db.example")], True)
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
    assert bench.noted == [("day", "20261124"), ("unavailable", "front at db.example")]


def test_a_date_that_is_not_later_than_the_one_known_is_not_announced() -> None:
    bench, announced = Bench(), []
    bench.engine.new_date = lambda: announced.append(bench.engine.business_date)
    for date in ("20261124", "20261123", "20261124", "20251125", "20261125"):
        bench.engine.see_date(date)
    assert announced == ["20261124", "20261125"]
    assert bench.engine.business_date == "20261125"


def test_latencies_are_counted_for_the_bank_that_waited() -> None:
    bench = Bench()
    bench.offer("a")
    bench.offer("b", bank="2")
    bench.commit_all()
    counts = {bank: histogram.count for bank, histogram in bench.engine.statistics.latencies.items()}
    assert counts == {BANK: 1, "2": 1}
    assert bench.engine.statistics.latency.count == 2
