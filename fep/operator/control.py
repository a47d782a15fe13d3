"""The operator's local socket: commands to the process that serves, one JSON object a line.

A command's answer is `{"done": ...}` or `{"refused": "why"}`, after any number of `{"progress": rows}`. Only
the machine's own user and root may connect (the socket's mode is 0600); which person it is,
fep.operator.identity learns from the kernel. What a command does, its function in the table says; nothing
here knows the book.
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
"""Takes a command's arguments and where to tell progress; fires with what to answer."""

Who = Callable[[Any], str]
"""Names the person at the other end of a transport."""

_LONGEST_PATH = 107
"""sun_path holds 108 bytes, the last one zero (unix(7))."""


_ENDED = "the machine ended before it answered; see `qianzhi day status`"


class ControlError(FepError):
    """The serving process refused a command, or cannot be asked."""


class NotServing(ControlError):
    """No process serves with these settings now."""


class NotAnswering(ControlError):
    """A process holds the socket, and says nothing in time."""


class _Conversation(LineOnlyReceiver):
    """One operator's connection."""

    delimiter = b"\n"
    transport: IUNIXTransport
    log = Logger(namespace="fep.operator.control")

    def __init__(self, commands: Mapping[str, Command], who: Who) -> None:
        self._commands = commands
        self._who = who
        self._by = ""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Learn at once who it is: whoever is handed the connection later on asks in this person's name."""
        try:
            self._by = self._who(self.transport)
        except identity.PersonUnknown as error:
            self._say({"refused": str(error)})
            self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Carry out one command."""
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
    """Listens for operators; `commands` is the table of what they may ask."""

    noisy = False

    def __init__(self, commands: Mapping[str, Command], who: Who | None = None) -> None:
        self._commands = commands
        self._who = who or peer

    def buildProtocol(self, addr: object) -> _Conversation:  # noqa: N802, ARG002 - Twisted's name
        """One conversation a connection."""
        return _Conversation(self._commands, self._who)


def peer(transport: Any) -> str:  # noqa: ANN401 - Twisted's UNIX transport has no public type
    """The person who connected. Raises PersonUnknown."""
    return identity.at_other_end(transport.getHandle())


def checked_path(path: Path) -> str:
    """The socket's path, if the system can take it. Raises ControlError."""
    if len(str(path).encode()) > _LONGEST_PATH:
        raise ControlError(f"node.control: {path} is longer than the {_LONGEST_PATH} bytes a socket may have")
    return str(path)


def make_way(path: Path) -> str:
    """The socket's path, free to be listened on: one that a killed process left there is removed.

    Whether somebody serves there is asked, not guessed from a process number, which may be ours by now (in a
    container it always is). Raises ControlError where somebody does.
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
    """Whether a process serves at a control socket; nothing is asked of it. Raises ControlError where it
    cannot be told, OSError where this login may not ask.
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
    """Ask the serving process to carry out a command, and wait for its answer, `seconds` at most between two
    of its lines; None without an end. Blocks; for commands, not for the server itself. Raises NotServing,
    NotAnswering, or ControlError with the reason of a refusal.
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
