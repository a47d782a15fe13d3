"""What may be asked of the serving process: no step left half done, and every act written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

import fep.operations
import fep.trail
from fep.chronicle import Chronicle
from fep.commit import Engine
from fep.control import ControlError
from fep.operations import ATTEMPTS, Operations, refuse_early
from fep.statistics import Statistics
from fep.trail import DeedRefused
from ledger.calendar import Calendar, CalendarUnknown
from ledger.cutover import Cutover, CutoverRefused
from ledger.errors import Conflict, LedgerError, OutcomeUnknown, Unavailable
from tests.clocks import MovedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Desk:
    """Operations on an engine whose commit thread runs at once, and a script of what each cut-over raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *script: LedgerError | None) -> None:
        self.script, self.asked = list(script), 0
        self.clock = Clock()
        self.announced: list[str] = []
        self.dates: list[str] = []
        self.chronicle = Chronicle(lambda: 7, lambda: 7.0)
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
        monkeypatch.setattr(fep.operations, "cut_over", self._cut_over)
        monkeypatch.setattr(fep.trail, "write", self._write)
        self.acts: list[tuple[str, ...]] = []
        self.no_trail = False
        self.wall = MovedClock(NOON)
        self.operations = Operations(
            self.clock,
            self.engine,
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            Calendar(),
            self.wall,
            self.chronicle,
        )

    def _call(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        try:
            return succeed(function(*arguments))
        except LedgerError:
            return fail(Failure())

    def _write(self, _store: object, _at: int, *act: str) -> int:
        if self.no_trail:
            raise Unavailable("no trail")
        self.acts.append(act)
        return len(self.acts)

    def refusal(self, **asked: object) -> str:
        """Ask for a cut-over that is refused; why."""
        [failure] = self.ask(**asked)
        assert failure.check(CutoverRefused)
        return str(failure.value)

    def _cut_over(self, _store: object, date: str, following: Callable[[str], str], *_: object) -> Cutover:
        self.asked += 1
        self.dates.append(date)
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error
        return Cutover(date, following(date), 7, "root", done_before=self.asked > 1)

    def ask(self, **asked: object) -> list[Any]:
        """Ask to cut over; what was answered, and the seconds that it took."""
        found: list[Any] = []
        command = self.operations.commands()["cutover"]
        command(asked, lambda _: None).addBoth(found.append)
        for _ in range(2 * ATTEMPTS):
            self.clock.advance(0)
            if not found:
                self.clock.advance(1)
        return found


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
    ("open_day", "asked", "closed"),
    [
        ("20261124", {}, True),
        ("20261125", {}, False),
        ("20261125", {"early": True}, True),
        ("20261123", {}, True),
        ("20261125", {"date": "20261124"}, True),
        ("20261124", {"date": "20261125"}, False),
    ],
)
def test_a_day_that_has_not_begun_is_closed_on_purpose_only(
    monkeypatch: pytest.MonkeyPatch, open_day: str, asked: dict[str, object], closed: bool
) -> None:
    desk = Desk(monkeypatch)
    desk.engine.business_date = open_day
    if closed:
        assert [answer["date"] for answer in desk.ask(**asked)] == [asked.get("date", open_day)]
    else:
        assert "20261125 has not begun (today is 20261124)" in desk.refusal(**asked)
        assert desk.acts == [("machine", "cutover", "20261125", "failed: CutoverRefused")]
    assert desk.asked == closed


def test_no_day_is_open_before_the_first_load(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.engine.business_date = ""
    assert desk.refusal() == "no business day is open: load the dues first"
    assert desk.operations.cut_over_by_the_clock("12:00") is None


def test_the_clock_cuts_over_at_its_hour_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    for minute in range(6):
        desk.wall.wait_until(NOON.replace(minute=minute))
        done = desk.operations.cut_over_by_the_clock("12:03")
        assert (done is not None) == (minute == 3)
        desk.clock.advance(0)
    assert desk.dates == ["20261124"]
    assert desk.engine.business_date == "20261125"


def test_the_clock_does_not_cut_over_once_it_has_jumped_until_a_person_has_accepted_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch)
    desk.wall.set(8 * 3600)
    assert desk.operations.cut_over_by_the_clock("13:00") is None
    desk.wall.wait(3600)
    assert desk.operations.cut_over_by_the_clock("13:00") is None
    desk.wall.accept()
    assert desk.operations.cut_over_by_the_clock("13:00") is not None


def test_early_is_a_day_after_today() -> None:
    refuse_early(NOON, "20261124")
    refuse_early(NOON, "20251231")
    with pytest.raises(CutoverRefused):
        refuse_early(NOON, "20261125")


def test_a_load_needs_an_absolute_path(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    command = desk.operations.commands()["load"]
    for number, path in enumerate(("", "book.csv", None), 1):
        found: list[Any] = []
        command({"path": path, "by": "li"}, lambda _: None).addErrback(found.append)
        desk.clock.advance(0)
        assert "absolute path" in str(found[0].value)
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
    assert "has not begun" in desk.refusal(date="20261125")


def doing(desk: Desk, do: Callable[[], str]) -> list[Any]:
    found: list[Any] = []
    desk.operations.recorded("li", "reload", do).addBoth(found.append)
    for _ in range(4):
        desk.clock.advance(0)
    return found


def test_what_is_done_is_written_down_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    seen: list[int] = []

    def do() -> str:
        seen.append(len(desk.acts))
        return "banks added 1"

    assert doing(desk, do) == [None]
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
        desk.operations.recorded(by, "reload", lambda: "nothing")
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
    found: list[Any] = []
    command = desk.operations.commands()["record"]
    for asked in (
        {"act": "keys remove", "subject": "front", "stage": "done", "by": "li"},
        {"act": "anything", "subject": "front", "stage": "done", "by": "li"},
    ):
        command(asked, lambda _: None).addBoth(found.append)
        desk.clock.advance(0)
    assert (found[0], found[1].check(DeedRefused)) == ({"number": 1}, DeedRefused)
    assert desk.acts == [("li", "keys remove", "front", "done")]


def test_why_the_clock_cannot_cut_over_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = CalendarUnknown("the holidays of 2027 are not known: list them in [day] holidays and workdays")
    desk = Desk(monkeypatch, unknown, unknown, unknown, None)
    said: list[str] = []

    def observer(event: Mapping[str, Any]) -> None:
        said.append(formatEvent(event))

    globalLogPublisher.addObserver(observer)
    try:
        for _ in range(4):
            done = desk.operations.cut_over_by_the_clock("12:00")
            assert done is not None
            desk.clock.advance(0)
    finally:
        globalLogPublisher.removeObserver(observer)
    assert [one for one in said if "2027" in one] == [
        "20261124 cannot be cut over by the clock, which tries on: the holidays of 2027 are not known: list"
        " them in [day] holidays and workdays; see to it (settings of [day] take a restart), or have it done:"
        " qianzhi day cutover"
    ]
    assert [one for one in said if "is closed" in one] == ["20261124 is closed, 20261125 is open"]
    assert desk.operations.told == set(), "the next reason is told again"


def test_an_engine_that_stops_takes_no_more_errands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for one in a thread of his own would hold up the process's end for ever."""
    desk = Desk(monkeypatch)
    ran: list[int] = []
    first = desk.engine.between_batches(lambda: ran.append(1))
    desk.engine.stop_errands()
    found: list[Any] = []
    desk.engine.between_batches(lambda: ran.append(2)).addErrback(found.append)
    desk.clock.advance(0)
    assert (ran, first.called) == ([1], True)
    assert [(one.check(Unavailable), str(one.value)) for one in found] == [
        (Unavailable, "the machine is stopping: nothing was done")
    ]
