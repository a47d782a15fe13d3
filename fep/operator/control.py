"""The operator's local socket: commands to the process that serves, one JSON object a line. This
is the machine's end; `fep.operator.control_client` is the commands' end.

A command is answered with `{"done": ...}` or `{"refused": "why"}`, after any number of `{"progress":
rows}`; `fep.operator.answer_line` says how a text of it can be said in another language. Only the machine's
own user and root may connect (the socket's mode is 0600); which person it is, `fep.operator.identity` learns
from the kernel. What a command does is the business of its function in the table; nothing here knows the
book.
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

from fep.operator import identity
from fep.operator.answer_line import as_line
from fep.operator.control_client import ControlError, Progress, checked_path
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.system import text_of

Command = Callable[[Mapping[str, Any], Progress], Deferred[Any]]
"""Takes a command's arguments and a function for the number of rows done so far; fires with the answer."""

Identify = Callable[[Any], str]
"""Returns the name of the person at the other end of a transport. Raises PersonUnknown."""


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
            self._say(
                {
                    "refused": Sentence(
                        "no such command; there are {commands}", commands=listed(list(self._commands))
                    )
                }
            )
            return
        asked["by"] = self._by  # the kernel's word for it, whatever the line says
        self.log.info("{by} asks for {command}", by=self._by, command=asked["command"])
        outcome = maybeDeferred(command, asked, lambda rows: self._say({"progress": rows}))
        outcome.addCallback(lambda answer: self._say({"done": answer}))
        outcome.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if isinstance(failure.value, QianzhiError | OSError):
            self._say({"refused": text_of(failure.value)})
            return
        self.log.failure("a command failed", failure=failure)
        self._say({"refused": Sentence("a fault in the machine; its log says which")})

    def _say(self, answer: Mapping[str, Any]) -> None:
        self.sendLine(as_line(answer))


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
            raise ControlError(Sentence("another process serves at {path}: stop it first", path=path))
    return checked
