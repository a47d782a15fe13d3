"""What may be asked of the serving process: no step left half done, and every act written down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

import fep.operator.audit_trail
import fep.operator.operations
from fep.engine.commit import Engine
from fep.operator.audit_trail import AuditEntryRefused
from fep.operator.control_client import ControlError
from fep.operator.operations import ATTEMPTS, LONG_WORK_SWITCH_SECONDS, Operations
from fep.settings.config import BusinessDay
from fep.telemetry.event_log import EventLog
from fep.telemetry.statistics import Statistics
from ledger.book.cutover import Cutover, CutoverRefused
from ledger.book.retire import Retired, RetireRefused
from ledger.errors import Conflict, LedgerError, OutcomeUnknown, Unavailable
from tests.support.clocks import MovedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Desk:
    """Operations on an engine whose commit thread runs at once, and a script of what each cut-over raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *script: LedgerError | None) -> None:
        self.script, self.asked = list(script), 0
        self.clock = Clock()
        self.announced: list[str] = []
        self.dates: list[str] = []
        self.closed: set[str] = set()
        self.event_log = EventLog(lambda: 7, lambda: 7.0)
        self.engine = Engine(
            committer=lambda *_: [],
            lookup=lambda _requests: [],
            call_in_thread=self._call,
            clock=self.clock,
            now_us=lambda: 7,
            statistics=Statistics(),
            batch_limit=1,
            queue_limit=1,
            queue_seconds=0.5,
            retry_seconds=1,
            fenced=lambda: None,
            new_date=lambda: self.announced.append(self.engine.business_date),
            business_date="20261124",
        )
        monkeypatch.setattr(fep.operator.operations, "cut_over", self._cut_over)
        monkeypatch.setattr(fep.operator.audit_trail, "write", self._write)
        self.acts: list[tuple[str, ...]] = []
        self.no_trail = False
        self.wall = MovedClock(NOON)
        self.day = BusinessDay(cutover="12:03", archived="/archived.json")
        self.operations = Operations(
            self.clock,
            self.engine,
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            lambda: self.day,
            self.wall,
            self.event_log,
            31,
        )

    def _call(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        try:
            return succeed(function(*arguments))
        except LedgerError:
            return fail(Failure())

    def _write(self, _store: object, _at: int, *act: str) -> int:
        if self.no_trail:
            raise Unavailable("no audit log")
        self.acts.append(act)
        return len(self.acts)

    def refusal(self, **asked: object) -> str:
        """Ask for a cut-over that is refused; why."""
        [failure] = self.ask(**asked)
        assert failure.check(CutoverRefused)
        return str(failure.value)

    def _cut_over(
        self, _store: object, date: str, following: Callable[[str], str], *asked: object
    ) -> Cutover:
        """As the ledger's: a day that is open is closed unless there is an objection, the last argument."""
        self.asked += 1
        self.dates.append(date)
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error
        if date not in self.closed and asked[3]:
            raise CutoverRefused(str(asked[3]))
        done_before = date in self.closed
        self.closed.add(date)
        return Cutover(date, following(date), 7, "root", done_before)

    def ask(self, date: object = "20261124", **asked: object) -> list[Any]:
        """Ask to cut over a date, at an hour that has come; what was answered."""
        asked = {"early": True, **({} if date is None else {"date": date}), **asked}
        results: list[Any] = []
        command = self.operations.commands()["cutover"]
        command(asked, lambda _: None).addBoth(results.append)
        for _ in range(2 * ATTEMPTS):
            self.clock.advance(0)
            if not results:
                self.clock.advance(1)
        return results


def test_a_cut_over_is_announced_once_and_says_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    [answer] = desk.ask()
    assert (answer["date"], answer["next_date"]) == ("20261124", "20261125")
    assert desk.announced == ["20261125"]
    [again] = desk.ask(date="20261124")
    assert again["done_before"] is True
    assert desk.announced == ["20261125"]


def test_a_date_that_cannot_be_announced_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)

    def fail_to_announce() -> None:
        raise RuntimeError("our own fault")

    desk.engine.new_date = fail_to_announce
    assert [answer["next_date"] for answer in desk.ask()] == ["20261125"]
    assert desk.engine.business_date == "20261125"


@pytest.mark.parametrize(
    "script",
    [
        (OutcomeUnknown("lost in COMMIT"),),
        (Conflict("deadlock"), Conflict("deadlock")),
        (OutcomeUnknown("lost in COMMIT"), Unavailable("restarting"), Unavailable("restarting")),
        (Unavailable("a connection that had died unnoticed"),),
    ],
)
def test_a_cut_over_whose_outcome_is_not_known_is_asked_for_until_it_is(
    monkeypatch: pytest.MonkeyPatch, script: tuple[LedgerError, ...]
) -> None:
    desk = Desk(monkeypatch, *script)
    [answer] = desk.ask()
    assert answer["next_date"] == "20261125"
    assert desk.dates == ["20261124"] * (len(script) + 1)
    assert desk.announced == ["20261125"]


def test_a_database_that_is_away_and_was_not_in_doubt_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, *[Unavailable("no route")] * 100)
    [failure] = desk.ask()
    assert (failure.check(Unavailable), str(failure.value)) == (Unavailable, "no route")
    assert desk.asked == 2
    assert desk.announced == []


def test_a_doubt_that_stays_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, OutcomeUnknown("lost"), *[Unavailable("gone")] * 100)
    [failure] = desk.ask()
    assert failure.check(OutcomeUnknown)
    assert str(failure.value) == (
        "whether 20261124 was closed is not known: ask again when the database is back"
    )
    assert desk.asked == ATTEMPTS


@pytest.mark.parametrize(
    ("hour", "moment", "date", "objection"),
    [
        ("22:00", "2026-11-24 21:59", "20261124", "ends at 2026-11-24 22:00"),
        ("22:00", "2026-11-24 22:00", "20261124", ""),
        ("22:00", "2026-11-24 23:00", "20261125", "has not begun"),
        ("00:30", "2026-11-25 00:10", "20261124", "ends at 2026-11-25 00:30"),
        ("00:30", "2026-11-25 00:30", "20261124", ""),
        (None, "2026-11-23 23:59", "20261124", "has not begun"),
        (None, "2026-11-24 00:00", "20261124", ""),
    ],
)
def test_a_day_is_closed_before_its_hour_on_purpose_only(
    monkeypatch: pytest.MonkeyPatch, hour: str | None, moment: str, date: str, objection: str
) -> None:
    desk = Desk(monkeypatch)
    desk.day = BusinessDay(cutover=hour)
    desk.wall.wait_until(datetime.fromisoformat(moment))
    for early in (False, None, "true", 1):  # whatever is not true does not say so
        if objection:
            assert objection in desk.refusal(date=date, early=early, by="li")
            assert desk.acts.pop() == ("li", "cutover", date, "failed: CutoverRefused")
        else:
            assert [answer["date"] for answer in desk.ask(date, early=early)] == [date]
    assert [answer["date"] for answer in desk.ask(date, early=True)] == [date]


def test_asked_for_twice_late_it_closes_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine was down at the hour: next morning two people close yesterday, and today stays open."""
    desk = Desk(monkeypatch)
    desk.wall.wait_until(datetime(2026, 11, 25, 8))  # noqa: DTZ001 - Beijing's
    answers = [desk.ask("20261124", early=False, by=by)[0] for by in ("li", "wang")]
    assert [(answer["date"], answer["done_before"]) for answer in answers] == [
        ("20261124", False),
        ("20261124", True),
    ]
    assert (desk.closed, desk.engine.business_date) == ({"20261124"}, "20261125")


def test_a_day_that_was_closed_early_is_told_as_that_before_its_hour_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch)
    desk.day = BusinessDay(cutover="22:00")
    assert [answer["done_before"] for answer in desk.ask(early=True)] == [False]
    assert [answer["done_before"] for answer in desk.ask(early=False)] == [True]


def test_a_cut_over_of_no_named_date_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    assert desk.refusal(date=None) == "say which business day to close, --date YYYYMMDD: nothing was done"
    assert (desk.asked, desk.acts) == (0, [("machine", "cutover", "", "failed: CutoverRefused")])


def test_the_next_date_is_by_the_settings_that_hold_now(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.day = BusinessDay(holidays=("20261125",))
    assert [answer["next_date"] for answer in desk.ask()] == ["20261126"]


def test_a_load_needs_an_absolute_path(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    command = desk.operations.commands()["load"]
    for number, path in enumerate(("", "book.csv", None), 1):
        results: list[Any] = []
        command({"path": path, "by": "li"}, lambda _: None).addErrback(results.append)
        desk.clock.advance(0)
        assert "absolute path" in str(results[0].value)
        assert desk.acts == [("li", "load", "", "failed: ControlError")] * number


@pytest.mark.parametrize(
    "date", ["", "2026112", "202611240", "20261324", "20260229", "2026W483", "２０２６１１２４", 0, []]
)
def test_a_cut_over_of_no_date_is_refused_and_the_date_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, date: object
) -> None:
    desk = Desk(monkeypatch)
    assert desk.refusal(date=date, by="li") == "the date is no date, written YYYYMMDD: nothing was done"
    assert (desk.asked, desk.acts) == (0, [("li", "cutover", "", "failed: CutoverRefused")])


def test_a_cut_over_that_was_done_before_is_written_down_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.ask(by="li")
    desk.ask(by="wang", date="20261124")
    assert desk.acts == [("wang", "cutover", "20261124", "done before: nothing changed")], (
        "the first stands in the cut-over's own transaction"
    )


def test_a_refusal_is_told_even_if_it_cannot_be_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.no_trail = True
    assert "has not begun" in desk.refusal(date="20261125", early=False)


def doing(desk: Desk, do: Callable[[], str]) -> list[Any]:
    results: list[Any] = []
    desk.operations.recorded("li", "reload", lambda: maybeDeferred(do)).addBoth(results.append)
    for _ in range(4):
        desk.clock.advance(0)
    return results


def test_what_is_done_is_written_down_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    seen: list[int] = []

    def do() -> str:
        seen.append(len(desk.acts))
        return "banks added 1"

    assert doing(desk, do) == ["banks added 1"]
    assert seen == [1]
    assert desk.acts == [("li", "reload", "", "asked"), ("li", "reload", "", "done: banks added 1")]


def test_what_fails_is_written_down_with_the_kind_of_error_and_not_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch)

    def do() -> str:
        raise ControlError("a secret")

    [failure] = doing(desk, do)
    assert failure.check(ControlError)
    assert desk.acts == [("li", "reload", "", "asked"), ("li", "reload", "", "failed: ControlError")]


def test_acts_with_a_beginning_and_an_end_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    for by in ("li", "wang"):
        desk.operations.recorded(by, "reload", lambda: succeed("nothing"))
    for _ in range(8):
        desk.clock.advance(0)
    assert [(by, note) for by, _, _, note in desk.acts] == [
        ("li", "asked"),
        ("li", "done: nothing"),
        ("wang", "asked"),
        ("wang", "done: nothing"),
    ]


def test_what_cannot_be_written_down_first_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.no_trail = True
    done: list[int] = []
    [failure] = doing(desk, lambda: str(done.append(1)))
    assert (failure.check(Unavailable), done) == (Unavailable, [])


def test_a_command_can_have_an_act_of_the_table_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    results: list[Any] = []
    command = desk.operations.commands()["record"]
    for asked in (
        {"act": "keys remove", "subject": "front", "stage": "done", "by": "li"},
        {"act": "anything", "subject": "front", "stage": "done", "by": "li"},
    ):
        command(asked, lambda _: None).addBoth(results.append)
        desk.clock.advance(0)
    assert (results[0], results[1].check(AuditEntryRefused)) == ({"number": 1}, AuditEntryRefused)
    assert desk.acts == [("li", "keys remove", "front", "done")]


def test_an_engine_that_stops_takes_no_more_exclusive_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for one in a thread of his own would hold up the process's end for ever."""
    desk = Desk(monkeypatch)
    ran: list[int] = []
    first = desk.engine.between_batches(lambda: ran.append(1))
    desk.engine.stop_exclusive_jobs()
    results: list[Any] = []
    desk.engine.between_batches(lambda: ran.append(2)).addErrback(results.append)
    desk.clock.advance(0)
    assert (ran, first.called) == ([1], True)
    assert [(failure.check(Unavailable), str(failure.value)) for failure in results] == [
        (Unavailable, "the machine is stopping: nothing was done")
    ]


class Retiring:
    """A desk whose threads run at once, and what the ledger was asked to retire."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, came_to: Retired | LedgerError) -> None:
        self.desk = Desk(monkeypatch)
        self.came_to = came_to
        self.asked: list[tuple[object, ...]] = []
        self.said: list[str] = []
        self.switching: list[float] = []
        monkeypatch.setattr(fep.operator.operations, "deferToThread", maybeDeferred)
        monkeypatch.setattr(fep.operator.operations, "read_archived", lambda path: {path: "told"})
        monkeypatch.setattr(fep.operator.operations, "retire", self._retire)

    def _retire(
        self, _store: object, archived: object, first: str, _now: object, _run: object, by: str
    ) -> Retired:
        self.asked.append((archived, first, by))
        self.switching.append(sys.getswitchinterval())
        if isinstance(self.came_to, LedgerError):
            raise self.came_to
        return self.came_to

    def command(self) -> Any:  # noqa: ANN401 - the answer, or a failure
        results: list[Any] = []
        self.desk.operations.commands()["retire"]({"by": "li"}, lambda _: None).addBoth(results.append)
        self.desk.clock.advance(0)
        return results[0]

    def by_the_clock(self) -> bool:
        """Whether the clock tried; what it logged is in `said`."""

        def observer(event: Mapping[str, Any]) -> None:
            self.said.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        try:
            done = self.desk.operations.retire_by_the_clock()
        finally:
            globalLogPublisher.removeObserver(observer)
        return done is not None


DONE = Retired(("20261001",), 3, "why not")


def test_days_are_retired_for_who_asks_by_what_the_office_tells_and_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    retiring = Retiring(monkeypatch, DONE)
    assert retiring.command() == DONE._asdict()
    assert retiring.asked == [({"/archived.json": "told"}, "20261013", "li")]
    assert retiring.desk.acts == [], "what was done stands in its own transactions"


def test_a_retirement_that_comes_to_nothing_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    retiring = Retiring(monkeypatch, RetireRefused("another root"))
    assert retiring.command().check(RetireRefused)
    assert retiring.desk.acts == [("li", "retire", "", "failed: RetireRefused")]


@pytest.mark.parametrize("came_to", [DONE, RetireRefused("another root")])
def test_a_retirement_gives_way_while_it_lasts(
    monkeypatch: pytest.MonkeyPatch, came_to: Retired | LedgerError
) -> None:
    usual = sys.getswitchinterval()
    retiring = Retiring(monkeypatch, came_to)
    retiring.command()
    assert retiring.switching == [pytest.approx(LONG_WORK_SWITCH_SECONDS)]
    assert sys.getswitchinterval() == usual


def test_a_load_gives_way_from_its_first_row_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual, switching = sys.getswitchinterval(), list[float]()

    def opened(*_: object) -> AbstractContextManager[None]:
        switching.append(sys.getswitchinterval())
        raise LedgerError("not in order")

    monkeypatch.setattr(fep.operator.operations, "deferToThread", maybeDeferred)
    monkeypatch.setattr(fep.operator.operations.bookfile, "opened", opened)
    (tmp_path / "book.csv").write_bytes(b"")
    desk, failures = Desk(monkeypatch), list[Failure]()
    monkeypatch.setattr(desk.clock, "callFromThread", print, raising=False)
    command = desk.operations.commands()["load"]
    command({"path": str(tmp_path / "book.csv")}, lambda _: None).addErrback(failures.append)
    desk.clock.advance(0)
    assert [str(failure.value) for failure in failures] == ["not in order"]
    assert switching == [pytest.approx(LONG_WORK_SWITCH_SECONDS)]
    assert sys.getswitchinterval() == usual


def test_nothing_is_retired_by_a_time_that_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    retiring = Retiring(monkeypatch, DONE)
    retiring.desk.wall.distrust("the wall clock jumped 90 s ahead")
    assert not retiring.by_the_clock()
    failure = retiring.command()
    assert failure.check(RetireRefused)
    assert "the wall clock jumped 90 s ahead: nothing is retired" in str(failure.value)
    assert retiring.asked == []


def test_the_clock_retires_and_says_so_and_a_reason_that_stays_once(monkeypatch: pytest.MonkeyPatch) -> None:
    retiring = Retiring(monkeypatch, DONE)
    assert retiring.by_the_clock()
    assert retiring.said == ["retired 20261001: 3 entries"]
    retiring.came_to = RetireRefused("another root")
    assert (retiring.by_the_clock(), retiring.by_the_clock()) == (True, True)
    assert retiring.said[1:] == ["no business day is retired: another root"]
    assert [by for _, _, by in retiring.asked] == ["machine"] * 3


def test_the_clock_does_not_line_up_behind_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    retiring = Retiring(monkeypatch, DONE)
    retiring.desk.operations.one_load.acquire()
    assert (retiring.by_the_clock(), retiring.asked) == (False, [])
