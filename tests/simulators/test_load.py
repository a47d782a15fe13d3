"""The load in virtual time: latencies as counted by hand, a stall seen by all, a histogram's bounds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from simulators.beliefs import State
from simulators.load.cli import Measured, Run, as_object, in_words, load
from simulators.load.driver import SECOND, Driver, Plan, Report
from simulators.load.histogram import WHOLE, Histogram, bounds_of, bucket_of
from simulators.load.mix import Mix
from tests.support.builders import benefit, book, premium
from tests.support.virtual_links import PROFILE
from tests.support.virtual_links import Machine as Wired

MS = 1000
latencies = st.lists(st.integers(0, 10**10), min_size=1, max_size=300)


# The histogram.


@given(value=st.integers(0, 2**60))
def test_a_bucket_holds_its_value_and_is_narrower_than_a_thousandth_of_it(value: int) -> None:
    low, high = bounds_of(bucket_of(value))
    assert low <= value <= high
    assert (high - low) * 1024 <= value
    assert bucket_of(low) == bucket_of(high) == bucket_of(value)


@given(bucket=st.integers(0, 50_000))
def test_buckets_follow_each_other_without_a_gap(bucket: int) -> None:
    assert bounds_of(bucket + 1)[0] == bounds_of(bucket)[1] + 1
    assert bucket_of(bounds_of(bucket)[0]) == bucket


@given(values=latencies, share=st.integers(1, WHOLE))
def test_a_percentile_is_the_sorted_list_s_told_upwards_within_its_bucket(
    values: list[int], share: int
) -> None:
    exact = sorted(values)[max(1, -(-len(values) * share // WHOLE)) - 1]
    assert Histogram(values).at(share) == min(bounds_of(bucket_of(exact))[1], max(values))


@given(one=latencies, other=latencies)
def test_two_added_are_one_of_both(one: list[int], other: list[int]) -> None:
    together = Histogram(one)
    together.add(Histogram(other))
    assert together == Histogram(one + other)
    assert together != Histogram([*one, *other, 1])


@given(values=latencies)
def test_the_distribution_counts_what_does_not_exceed_each_of_its_values(values: list[int]) -> None:
    histogram = Histogram(values)
    lines = list(histogram.lines())
    assert [line.level for line in lines] == sorted({line.level for line in lines})
    for line in lines:
        assert line.count == sum(value <= line.value for value in values)
        assert line.count >= line.level * len(values) * (1 - 1e-12)
    assert lines[-1] == (max(values), 1.0, len(values))


def test_the_text_is_as_hdrhistogram_writes_it() -> None:
    """1 to 10 ms: by HdrHistogram's rule lines at 0, .1, .2, ... .5, then in steps of half that."""
    written = Histogram(range(1 * MS, 11 * MS, MS)).hgrm().splitlines()
    assert re.split(r"\s+", written[0].strip()) == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    rows = [line.split() for line in written[2:] if not line.startswith("#")]
    assert [(row[0], row[1][:6], row[2]) for row in rows] == [
        ("1.000", "0.0000", "1"),
        ("1.000", "0.1000", "1"),
        ("2.000", "0.2000", "2"),
        ("3.001", "0.3000", "3"),
        ("4.001", "0.4000", "4"),
        ("5.003", "0.5000", "5"),
        ("6.003", "0.5500", "6"),
        ("6.003", "0.6000", "6"),
        ("7.003", "0.6500", "7"),
        ("7.003", "0.7000", "7"),
        ("8.003", "0.7500", "8"),
        ("8.003", "0.7750", "8"),
        ("8.003", "0.8000", "8"),
        ("9.007", "0.8250", "9"),
        ("9.007", "0.8500", "9"),
        ("9.007", "0.8750", "9"),
        ("9.007", "0.8875", "9"),
        ("9.007", "0.9000", "9"),
        ("10.000", "0.9125", "10"),
        ("10.000", "1.0000", "10"),
    ]
    assert written[-3].replace(" ", "").startswith("#[Mean=5.500,StdDeviation=2.87")
    assert written[-2].replace(" ", "") == "#[Max=10.000,Totalcount=10]"


def test_nothing_below_nought_is_counted_and_nothing_is_nought() -> None:
    with pytest.raises(ValueError, match="not below 0"):
        Histogram([-1])
    assert (Histogram().at(50_000), list(Histogram().lines())) == (0, [])


# The driver.


class StrictClock(Clock):
    """As real reactors, it takes no time that is past."""

    def callLater(self, when: float, call: Callable[..., object], *args: Any, **kw: Any) -> Any:  # noqa: ANN401, N802
        assert when >= 0
        return super().callLater(when, call, *args, **kw)


class Machine:
    """Answers each request after a delay that its test knows, by when it was sent; a number names the act."""

    def __init__(self, clock: Clock, delay: Callable[[int], int], sending: int = 0) -> None:
        self.clock, self.delay, self.sending = clock, delay, sending
        self.sent_at: list[int] = []

    def begin(self) -> Deferred[str]:
        now = round(self.clock.seconds() * SECOND)
        self.sent_at.append(now)
        self.clock.rightNow += self.sending / SECOND
        answer: Deferred[str] = Deferred()
        self.clock.callLater(self.delay(now) / SECOND, answer.callback, "act")
        return answer


def driven(plan: Plan, delay: Callable[[int], int], sending: int = 0) -> tuple[Report, list[int]]:
    """Run a plan, the clock going from one call to the next: the report, and when each was sent."""
    clock = StrictClock()
    machine = Machine(clock, delay, sending)
    ended: list[Report] = []
    Driver(clock, plan, machine.begin).run().addCallback(ended.append)
    while calls := clock.getDelayedCalls():
        clock.rightNow = max(clock.rightNow, min(call.getTime() for call in calls))
        clock.advance(0)
    return ended[0], machine.sent_at


def by_hand(due: Sequence[int], in_flight: int, delay: Callable[[int], int]) -> list[int]:
    """Latencies from the due times, of so many servers who take the next as they become free."""
    free = [0] * in_flight
    waits = []
    for at in due:
        server = min(range(in_flight), key=free.__getitem__)
        start = max(at, free[server])
        free[server] = start + delay(start)
        waits.append(free[server] - at)
    return waits


def stalling(now: int) -> int:
    """A millisecond each; but what comes within the second second is answered when that is over."""
    return 2 * SECOND - now + MS if SECOND <= now < 2 * SECOND else MS


@given(
    rate=st.integers(1, 500),
    requests=st.integers(1, 60),
    in_flight=st.integers(1, 5),
    delays=st.lists(st.integers(1, 80 * MS), min_size=1, max_size=7),
)
def test_open_loop_latencies_are_those_counted_by_hand(
    rate: int, requests: int, in_flight: int, delays: list[int]
) -> None:
    def delay(now: int) -> int:
        return delays[now % len(delays)]

    report, sent_at = driven(Plan(in_flight, rate, requests=requests), delay)
    due = [number * SECOND // rate for number in range(requests)]
    assert report.latencies == {"act": Histogram(by_hand(due, in_flight, delay))}
    assert len(sent_at) == requests
    assert report.lags == Histogram([0] * requests)


def test_a_machine_that_stalls_is_seen_by_all_who_came_meanwhile() -> None:
    """Coordinated omission: 100 a second for 3 s, of which the machine stands still for one. The one who was
    sent into the stall waits, and so do the 99 who fell due behind it.
    """
    report, _ = driven(Plan(1, 100, microseconds=3 * SECOND), stalling)
    due = range(0, 3 * SECOND, 10 * MS)
    assert report.all == Histogram(by_hand(due, 1, stalling))
    assert report.all.total == 300
    assert min(by_hand(due, 1, stalling)[100:200]) > 100 * MS
    assert report.all.at(50_000) == MS
    assert report.all.at(90_000) > 700 * MS, "a tenth of the customers waited longer than this"


def test_a_closed_loop_leaves_them_out_and_says_so() -> None:
    report, sent_at = driven(Plan(1, microseconds=3 * SECOND), stalling)
    assert report.all == Histogram([stalling(at) for at in sent_at])
    assert sum(stalling(at) > 100 * MS for at in sent_at) == 1
    assert report.all.at(99_900) == MS
    words = in_words(Measured(report, Counter({("0100", "00"): 1}), 0), Plan(1))
    assert "latency from the sending of each, so a stall is seen by few" in words


@given(in_flight=st.integers(1, 6), requests=st.integers(1, 40))
def test_a_closed_loop_keeps_so_many_in_flight(in_flight: int, requests: int) -> None:
    report, sent_at = driven(Plan(in_flight, requests=requests), lambda _: 5 * MS)
    assert sent_at == [number // in_flight * 5 * MS for number in range(requests)]
    assert (report.all.total, report.elapsed) == (requests, -(-requests // in_flight) * 5 * MS)


def test_a_load_too_slow_for_its_rate_goes_on_and_says_how_late_it_was() -> None:
    """Each sending takes 20 ms where one is due every 10: 1 is sent until 20, 2 until 60, 4 until 140, 3 at
    last.
    """
    report, _ = driven(Plan(100, 100, requests=10), lambda _: MS, sending=20 * MS)
    assert report.all.total == 10
    assert report.lags == Histogram(late * MS for late in (0, 10, 0, 30, 20, 10, 0, 70, 60, 50))


@given(rate=st.integers(1, 2000), seed=st.integers(0, 99))
def test_poisson_times_come_from_the_seed_at_the_rate_and_in_order(rate: int, seed: int) -> None:
    plan = Plan(1, rate, is_poisson=True, requests=400, seed=seed)
    times = list(plan.due())
    assert times == list(plan.due())
    assert times == sorted(times)
    assert 0.7 < times[-1] * rate / (400 * SECOND) < 1.4


def test_an_act_that_fails_is_counted_and_the_load_goes_on() -> None:
    clock = Clock()
    answers: list[Deferred[str]] = []

    def begin() -> Deferred[str]:
        answers.append(Deferred())
        return answers[-1]

    ended: list[Report] = []
    Driver(clock, Plan(1, requests=2), begin).run().addCallback(ended.append)
    answers[0].errback(RuntimeError("no"))
    answers[1].callback("act")
    assert (ended[0].failures, ended[0].all) == (Counter({"RuntimeError": 1}), Histogram([0]))


def test_what_has_no_outcome_when_it_is_cut_short_is_counted_once() -> None:
    clock = Clock()
    answers: list[Deferred[str]] = []

    def begin() -> Deferred[str]:
        answers.append(Deferred())
        return answers[-1]

    ended: list[Report] = []
    driver = Driver(clock, Plan(2, 10, requests=50), begin)
    driver.run().addCallback(ended.append)
    clock.pump([0.1] * 4)
    driver.cut_short()
    driver.cut_short()
    answers[0].callback("act")
    answers[1].errback(RuntimeError("the link went with the load"))
    assert [(report.unended, report.all.total, report.failures) for report in ended] == [(5, 0, Counter())]
    assert (clock.getDelayedCalls(), len(answers)) == ([], 2)


# The mix, and what is printed.


class FakeBank:
    """Approves all, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def inquire(self, policy: str) -> None:
        self.asked.append(("inquire", policy))

    async def settle(self, code: str, policy: str, amount: int, **given: str) -> Any:  # noqa: ANN401 - a belief's part
        self.asked.append((code, given["due"]))
        return Settled(given["due"])

    async def cancel(self, settled: Settled) -> Settled:
        self.asked.append(("cancel", settled.due))
        return settled


class Settled:
    """As much of a belief as the mix looks at."""

    state = State.DONE

    def __init__(self, due: str) -> None:
        self.due = due


def test_each_due_is_had_by_one_bank_once_and_a_cancelled_one_may_be_had_again() -> None:
    dues = [premium(f"D{n}", f"P{n}") for n in range(6)] + [benefit(f"B{n}", f"Q{n}") for n in range(4)]
    banks = [FakeBank(), FakeBank()]
    mix = Mix({"collect": 2, "pay": 1}, banks, book(dues=dues), seed=3)  # type: ignore[arg-type]
    for _ in range(60):
        mix.begin()
    asked = [due for bank in banks for code, due in bank.asked if code != "inquire"]
    assert sorted(asked) == sorted(due.due for due in dues)
    assert mix.instead == 50
    cancelling = Mix({"collect": 1, "cancel": 1}, banks[:1], book(dues=dues[:1]), seed=3)  # type: ignore[arg-type]
    banks[0].asked.clear()
    for _ in range(40):
        cancelling.begin()
    acts = [act for act, _ in banks[0].asked if act != "inquire"]
    assert acts == ["500000", "cancel"] * (len(acts) // 2) + ["500000"] * (len(acts) % 2)
    assert acts.count("cancel") > 1


def test_what_is_printed_and_the_json_say_from_when_latency_counts() -> None:
    plan = Plan(4, 100, requests=3)
    report = Report(
        {"inquiry": Histogram([MS, 2 * MS]), "pay": Histogram([9 * MS])}, Histogram([0]), elapsed=SECOND
    )
    measured = Measured(report, Counter({("0200", "12"): 1, ("0100", "00"): 2}), 1)
    lines = in_words(measured, plan).splitlines()
    assert lines[0].endswith("latency from the time that each was due to be sent")
    assert lines[1] == "3 done in 1.00 s: 3 a second"
    assert [line.split()[:2] for line in lines[3:6]] == [["all", "3"], ["inquiry", "2"], ["pay", "1"]]
    assert lines[-2] == "answers by MTI and DE 39: 0100 00: 2, 0200 12: 1"
    figures = json.loads(json.dumps(as_object(measured, plan)))
    assert (figures["latency_us"]["all"]["max"], figures["outcomes"], figures["rate"]) == (
        9 * MS,
        {"0100 00": 2, "0200 12": 1},
        3,
    )


@pytest.mark.parametrize("mix", ["", "collect", "steal=1", "pay=0,collect=0", "pay=-1"])
def test_a_mix_of_no_acts_is_refused(mix: str) -> None:
    ended = CliRunner().invoke(load, ["--mix", mix])
    assert ended.exit_code == 2
    assert "Invalid value for '--mix'" in ended.output


# Its end.


def begun_run(plan: Plan) -> tuple[Run, Wired]:
    """A load of inquiries that has signed on; time is the reactor's."""
    wired = Wired()
    run = Run([PROFILE], plan, {"inquiry": 1}, book(), 1)
    run._start(wired.reactor)
    wired.take().sign_on()
    return run, wired


@pytest.mark.parametrize(("answered", "unended"), [(True, 0), (False, 1)])
def test_who_interrupts_a_load_has_what_there_is_and_nothing_is_asked_any_more(
    answered: bool, unended: int
) -> None:
    run, wired = begun_run(Plan(1, 1, requests=9))
    [link] = wired.taken
    [question] = link.asked()
    if answered:
        link.answer(question, de39="00")
    run._interrupt()
    measured = run._measured
    assert measured is not None
    assert (measured.report.all.total, measured.report.unended) == (int(answered), unended)
    assert link.asked() == [], "no sign-off: the links end with the reactor"


def test_a_load_that_has_all_it_wanted_signs_off_and_was_not_interrupted() -> None:
    run, wired = begun_run(Plan(1, requests=1))
    [link] = wired.taken
    link.answer(link.asked()[0], de39="00")
    [question] = link.asked()
    assert question.fields[70] == "002"
    link.answer(question, de39="00")
    run._interrupt()
    assert not run._is_interrupted
    assert run._measured is not None


def test_a_machine_that_breaks_the_interface_is_told_of() -> None:
    run, wired = begun_run(Plan(1, requests=1))
    [link] = wired.taken
    link.answer(link.asked()[0], de39="00", sealed=False)
    link.lose()
    measured = run._measured
    assert measured is not None
    assert measured.violations == ("0110 came without a MAC",)
    assert "the machine broke the interface: 0110 came without a MAC; 1 in all" in in_words(measured, Plan(1))


@pytest.mark.parametrize("option", ["--book", "--hgrm"])
def test_a_folder_in_a_file_s_place_is_refused_before_anything_is_sent(option: str, tmp_path: Path) -> None:
    ended = CliRunner().invoke(load, [option, str(tmp_path)])
    assert ended.exit_code == 2
    assert "is a directory" in ended.output
