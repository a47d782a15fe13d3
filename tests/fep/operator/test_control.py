"""The operator's socket: lines in, answers out, and who is at the other end."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import StringTransport

from fep.operator.answer_line import as_line, from_line
from fep.operator.control import Command, ControlFactory, make_way
from fep.operator.control_client import ControlError, NotAnswering, NotServing, ask, checked_path
from fep.operator.identity import PersonUnknown
from ledger.book.cutover import CutoverRefused
from qianzhi_errors.sentence import Sentence, translated


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
        return [from_line(line.decode()) for line in self._transport.value().splitlines()]


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
    ("error", "wording"),
    [
        (CutoverRefused("there is no business day 1"), "there is no business day 1"),
        (ControlError("load needs a file"), "load needs a file"),
        (FileNotFoundError(2, "No such file or directory", "/x"), "No such file or directory: '/x'"),
    ],
)
def test_a_refusal_says_why(error: Exception, wording: str) -> None:
    def raises(*_: object) -> Deferred[Any]:
        raise error

    [answer] = Operator({"x": raises}).says(b'{"command": "x"}')
    assert answer["refused"].endswith(wording)
    assert Operator({"x": lambda *_: fail(error)}).says(b'{"command": "x"}') == [answer]


def test_a_fault_is_not_told_in_detail(caplog: pytest.LogCaptureFixture) -> None:
    operator = Operator({"x": lambda *_: fail(RuntimeError("row of 00000019900307001X"))})
    assert operator.says(b'{"command": "x"}') == [{"refused": "a fault in the machine; its log says which"}]


def test_a_refusal_can_be_said_in_the_language_of_whoever_asks() -> None:
    error = CutoverRefused(Sentence("business day {date}: nothing was done", date="20261124"))
    [answer] = Operator({"x": lambda *_: fail(error)}).says(b'{"command": "x"}')
    assert answer == {"refused": "business day 20261124: nothing was done"}
    assert translated(answer["refused"], lambda _: "业务日 {date}") == "业务日 20261124"


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


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A socket that a process holds, which says nothing."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


def test_a_socket_that_somebody_serves_is_left_alone(served: Path) -> None:
    with pytest.raises(ControlError, match="another process serves at"):
        make_way(served)
    assert stat.S_ISSOCK(served.stat().st_mode)


def test_a_process_that_does_not_answer_is_not_waited_for(served: Path) -> None:
    with pytest.raises(NotAnswering, match="does not answer"):
        ask(served, "standing", lambda _: None, 0.01)


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
    results: list[int] = []
    path = tmp_path / "s"
    with answering(path, b'{"progress": 3}', b'{"progress": 4}', b'{"done": {"a": 1}}') as heard:
        assert ask(path, "load", results.append, path="/file") == {"a": 1}
    assert (results, json.loads(heard[0])) == ([3, 4], {"command": "load", "path": "/file"})


def test_asking_raises_a_refusal_and_an_end_without_an_answer(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "a", b'{"refused": "why"}'),
        pytest.raises(ControlError, match=r"^why$"),
    ):
        ask(tmp_path / "a", "cutover")
    why = Sentence("no {what}", what="file")
    with answering(tmp_path / "c", as_line({"refused": why})), pytest.raises(ControlError) as refused:
        ask(tmp_path / "c", "cutover")
    assert translated(str(refused.value), {"no {what}": "没有 {what}"}.__getitem__) == "没有 file"
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


def ended(_transport: object) -> str:
    """Says of every peer that it has ended."""
    raise PersonUnknown("who asked has ended: nothing was done")


def test_who_has_ended_is_refused_whatever_is_asked() -> None:
    asked: list[object] = []
    transport = StringTransport()
    conversation = ControlFactory({"x": lambda *_: succeed(asked.append(1))}, ended).buildProtocol(None)
    conversation.makeConnection(transport)
    conversation.dataReceived(b'{"command": "x"}\n')
    assert json.loads(transport.value()) == {"refused": "who asked has ended: nothing was done"}
    assert (asked, transport.disconnecting) == ([], True)
