"""The operator's local socket: commands to the process that serves, one JSON object a line. Both ends.

A command is answered with `{"done": ...}` or `{"refused": "why"}`, after any number of `{"progress":
rows}`. Only the machine's own user and root may connect (the socket's mode is 0600); which person it is,
`fep.operator.identity` learns from the kernel. What a command does is the business of its function in the
table; nothing here knows the book.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IUNIXTransport
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from fep.errors import FepError
from fep.operator import identity
from qianzhi_errors import QianzhiError

Progress = Callable[[int], None]
Command = Callable[[Mapping[str, Any], Progress], Deferred[Any]]
"""Takes a command's arguments and a function for the number of rows done so far; fires with the answer."""

Identify = Callable[[Any], str]
"""Returns the name of the person at the other end of a transport. Raises PersonUnknown."""

_LONGEST_PATH = 107
"""Bytes: sun_path holds 108, the last of them zero (unix(7))."""

_ENDED = "the machine ended before it answered; see `qianzhi day status`"


class ControlError(FepError):
    """The serving process refused a command, or cannot be asked."""


class NotServing(ControlError):
    """No process serves at this control socket."""


class NotAnswering(ControlError):
    """A process holds the socket, and does not answer in time."""


class _Conversation(LineOnlyReceiver):
    """One operator's connection. Its commands are carried out in the name of the person who opened it."""

    delimiter = b"\n"
    transport: IUNIXTransport
    log = Logger(namespace="fep.operator.control")

    def __init__(self, commands: Mapping[str, Command], identify: Identify) -> None:
        self._commands = commands
        self._identify = identify
        self._by = ""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Learn at once who opened the connection: the name stays, even if another process is handed the
        socket.
        """
        try:
            self._by = self._identify(self.transport)
        except identity.PersonUnknown as error:
            self._say({"refused": str(error)})
            self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Carry out the command in one line."""
        try:
            asked = json.loads(line)
            command = self._commands[asked["command"]]
        except (ValueError, TypeError, KeyError, RecursionError):  # the last for thousands of brackets
            self._say({"refused": f"no such command; there are {', '.join(self._commands)}"})
            return
        asked["by"] = self._by  # the kernel's word for it, whatever the line says
        self.log.info("{by} asks for {command}", by=self._by, command=asked["command"])
        done = maybeDeferred(command, asked, lambda rows: self._say({"progress": rows}))
        done.addCallback(lambda answer: self._say({"done": answer}))
        done.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if failure.check(QianzhiError, OSError):
            self._say({"refused": str(failure.value)})
            return
        self.log.failure("a command failed", failure=failure)
        self._say({"refused": "a fault in the machine; its log says which"})

    def _say(self, answer: Mapping[str, Any]) -> None:
        self.sendLine(json.dumps(answer).encode())


class ControlFactory(Factory):
    """Makes a conversation for each connection. `commands` is the table of what an operator may ask for."""

    noisy = False

    def __init__(self, commands: Mapping[str, Command], identify: Identify | None = None) -> None:
        self._commands = commands
        self._identify = identify or peer

    def buildProtocol(self, addr: object) -> _Conversation:  # noqa: N802, ARG002 - Twisted's name
        """Return the conversation of one connection."""
        return _Conversation(self._commands, self._identify)


def peer(transport: Any) -> str:  # noqa: ANN401 - Twisted's UNIX transport has no public type
    """Return the name of the person who connected. Raises PersonUnknown."""
    return identity.at_other_end(transport.getHandle())


def checked_path(path: Path) -> str:
    """Return the socket's path. Raises ControlError where it is longer than a socket's path may be."""
    if len(str(path).encode()) > _LONGEST_PATH:
        raise ControlError(f"node.control: {path} is longer than the {_LONGEST_PATH} bytes a socket may have")
    return str(path)


def make_way(path: Path) -> str:
    """Return the socket's path, free to be listened on; a socket that a killed process left is removed.

    Whether a process serves there is tried by connecting, and not guessed from a process number, which may
    be ours by now (in a container it always is). Raises ControlError where a process serves.
    """
    checked = checked_path(path)
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(checked)
        except ConnectionRefusedError:
            if path.is_socket():
                path.unlink()
        except FileNotFoundError:
            return checked
        else:
            raise ControlError(f"another process serves at {path}: stop it first")
    return checked


def is_served(path: Path) -> bool:
    """Whether a process serves at a control socket; no command is sent. Raises ControlError for a path that
    no socket can have, and OSError where this login may not connect.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(checked_path(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def ask(
    where: Path,
    command: str,
    progress: Progress = lambda _: None,
    seconds: float | None = None,
    /,
    **arguments: object,
) -> Any:  # noqa: ANN401 - JSON
    """Send a command to the process that serves, and return its answer. Waits `seconds` at most for each
    line, or without end for None. Blocks: it is for the `qianzhi` commands, not for the server. Raises
    NotServing, NotAnswering, or ControlError with the reason of a refusal.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(checked_path(where))
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    answer = json.loads(line)
                    if "progress" not in answer:
                        break
                    progress(answer["progress"])
                else:
                    raise ControlError(_ENDED)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotServing(f"no machine serves at {where}") from error
    except TimeoutError as error:
        raise NotAnswering(f"the machine at {where} does not answer") from error
    except ConnectionError as error:
        raise ControlError(_ENDED) from error
    if "refused" in answer:
        raise ControlError(answer["refused"])
    return answer["done"]
