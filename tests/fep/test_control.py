"""The operator's socket and what may be asked through it: lines in, answers out, no step left half done."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

import fep.operations
from fep.commit import Engine
from fep.control import Command, ControlError, ControlFactory, NotServing, ask, checked_path, make_way
from fep.operations import ATTEMPTS, Operations, refuse_early
from fep.statistics import Statistics
from ledger.calendar import Calendar
from ledger.cutover import Cutover, CutoverRefused
from ledger.errors import Conflict, LedgerError, OutcomeUnknown, Unavailable

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Operator:
    """A conversation without a socket."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._transport = StringTransport()
        self._conversation = ControlFactory(commands, lambda _: "wang").buildProtocol(None)
        self._conversation.makeConnection(self._transport)

    def says(self, line: bytes) -> list[Any]:
        self._transport.clear()
        self._conversation.dataReceived(line + b"\n")
        return self.hears()

    def hears(self) -> list[Any]:
        return [json.loads(line) for line in self._transport.value().splitlines()]


def test_a_command_gets_its_arguments_and_its_answer_after_any_progress() -> None:
    asked: list[Mapping[str, Any]] = []

    def double(given: Mapping[str, Any], progress: Callable[[int], None]) -> Deferred[Any]:
        asked.append(given)
        progress(1)
        progress(2)
        return succeed({"twice": given["number"] * 2})

    operator = Operator({"double": double})
    assert operator.says(b'{"command": "double", "number": 4, "by": "li"}') == [
        {"progress": 1},
        {"progress": 2},
        {"done": {"twice": 8}},
    ]
    assert asked == [{"command": "double", "number": 4, "by": "wang"}]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"\xff",
        b"[]",
        b"1",
        b'"double"',
        b"{}",
        b'{"command": "x"}',
        b'{"command": ["x"]}',
        b"[" * 5_000,
    ],
)
def test_what_is_no_command_is_refused_with_what_there_is(line: bytes) -> None:
    operator = Operator({"one": lambda *_: succeed(1), "two": lambda *_: succeed(2)})
    assert operator.says(line) == [{"refused": "no such command; there are one, two"}]
    assert operator.says(b'{"command": "two"}') == [{"done": 2}], "the conversation goes on"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CutoverRefused("there is no business day 1"), "there is no business day 1"),
        (ControlError("load needs a file"), "load needs a file"),
        (FileNotFoundError(2, "No such file or directory", "/x"), "No such file or directory: '/x'"),
    ],
)
def test_a_refusal_says_why(error: Exception, said: str) -> None:
    def raises(*_: object) -> Deferred[Any]:
        raise error

    [answer] = Operator({"x": raises}).says(b'{"command": "x"}')
    assert answer["refused"].endswith(said)
    assert Operator({"x": lambda *_: fail(error)}).says(b'{"command": "x"}') == [answer]


def test_a_fault_is_not_told_in_detail(caplog: pytest.LogCaptureFixture) -> None:
    operator = Operator({"x": lambda *_: fail(RuntimeError("row of 00000019900307001X"))})
    assert operator.says(b'{"command": "x"}') == [{"refused": "a fault in the machine; its log says which"}]


# The socket itself.


def test_nobody_serves_where_there_is_no_socket_or_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    for _ in ("none", "dead"):
        with pytest.raises(NotServing, match="no machine serves at"):
            ask(path, "cutover")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path)) if not path.exists() else None


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    assert checked_path(Path("/" + "x" * 106)) == "/" + "x" * 106
    with pytest.raises(ControlError, match="longer than the 107 bytes"):
        checked_path(Path("/" + "x" * 107))
    with pytest.raises(ControlError, match="longer than the 107 bytes"):
        checked_path(Path("/" + "前" * 36))


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    assert make_way(path) == str(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert make_way(path) == str(path)
    assert not path.exists()
    path.write_text("not a socket")
    make_way(path)
    assert path.read_text() == "not a socket"


def test_a_socket_that_somebody_serves_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ControlError, match="another process serves at"):
            make_way(path)
        assert stat.S_ISSOCK(path.stat().st_mode)


@contextmanager
def answering(path: Path, *lines: bytes) -> Iterator[list[bytes]]:
    """A machine that hears one line, says these and hangs up."""
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            connection.sendall(b"".join(line + b"\n" for line in lines))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield heard
        thread.join(10)


def test_asking_gives_what_was_done_and_tells_progress(tmp_path: Path) -> None:
    told: list[int] = []
    path = tmp_path / "s"
    with answering(path, b'{"progress": 3}', b'{"progress": 4}', b'{"done": {"a": 1}}') as heard:
        assert ask(path, "load", told.append, path="/file") == {"a": 1}
    assert (told, json.loads(heard[0])) == ([3, 4], {"command": "load", "path": "/file"})


def test_asking_raises_a_refusal_and_an_end_without_an_answer(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "a", b'{"refused": "why"}'),
        pytest.raises(ControlError, match=r"^why$"),
    ):
        ask(tmp_path / "a", "cutover")
    with (
        answering(tmp_path / "b", b'{"progress": 1}'),
        pytest.raises(ControlError, match="the machine ended before it answered; see `qianzhi day status`"),
    ):
        ask(tmp_path / "b", "cutover")


def test_a_machine_that_is_cut_off_in_the_middle_of_its_answer_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "s"

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(1)  # the rest stays unread: closing then resets the connection
        connection.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ControlError, match="the machine ended before it answered"):
            ask(path, "cutover")
        thread.join(10)


# The steps.


class Desk:
    """Operations on an engine whose commit thread runs at once, and a script of what each cut-over raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *script: LedgerError | None) -> None:
        self.script, self.asked = list(script), 0
        self.clock = Clock()
        self.announced: list[str] = []
        self.dates: list[str] = []
        self.engine = Engine(
            committer=lambda *_: [],
            call_in_thread=self._call,
            clock=self.clock,
            now_us=lambda: 7,
            statistics=Statistics(),
            batch_limit=1,
            queue_limit=1,
            retry_seconds=1,
            fenced=lambda: None,
            new_date=lambda: self.announced.append(self.engine.business_date),
            business_date="20261124",
        )
        monkeypatch.setattr(fep.operations, "cut_over", self._cut_over)
        self.now = NOON
        self.operations = Operations(
            self.clock,
            self.engine,
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            Calendar(),
            lambda: self.now,
            lambda: 7,
        )

    def _call(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        try:
            return succeed(function(*arguments))
        except LedgerError:
            return fail(Failure())

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
        with pytest.raises(CutoverRefused, match=r"20261125 has not begun \(today is 20261124\)"):
            desk.ask(**asked)
    assert desk.asked == closed


def test_no_day_is_open_before_the_first_load(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.engine.business_date = ""
    with pytest.raises(CutoverRefused, match="no business day is open: load the dues first"):
        desk.ask()
    assert desk.operations.cut_over_by_the_clock("12:00") is None


def test_the_clock_cuts_over_at_its_hour_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    for minute in range(6):
        desk.now = NOON.replace(minute=minute)
        done = desk.operations.cut_over_by_the_clock("12:03")
        assert (done is not None) == (minute == 3)
        desk.clock.advance(0)
    assert desk.dates == ["20261124"]
    assert desk.engine.business_date == "20261125"


def test_early_is_a_day_after_today() -> None:
    refuse_early(NOON, "20261124")
    refuse_early(NOON, "20251231")
    with pytest.raises(CutoverRefused):
        refuse_early(NOON, "20261125")


def test_a_load_needs_an_absolute_path(monkeypatch: pytest.MonkeyPatch) -> None:
    command = Desk(monkeypatch).operations.commands()["load"]
    for path in ("", "book.csv", None):
        with pytest.raises(ControlError, match="absolute path"):
            command({"path": path}, lambda _: None)


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
