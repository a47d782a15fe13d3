"""The commands' end of the operator's local socket: one command, its progress, its answer.

Only the standard library's sockets are used, and Twisted is not imported: every `qianzhi` command that asks
the machine begins here, and must begin at once. `fep.operator.control` says what a line holds; what the
machine does with it does not belong here.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fep.errors import FepError
from fep.operator.answer_line import from_line
from qianzhi_errors.sentence import Sentence

Progress = Callable[[int], None]
"""Takes the number of rows done since the last call."""

_LONGEST_PATH = 107
"""Bytes: sun_path holds 108, the last of them zero (unix(7))."""
_ENDED = Sentence("the machine ended before it answered; see `qianzhi day status`")


class ControlError(FepError):
    """The serving process refused a command, or cannot be asked."""


class NotServing(ControlError):
    """No process serves at this control socket."""


class NotAnswering(ControlError):
    """A process holds the socket, and does not answer in time."""


def checked_path(path: Path) -> str:
    """Return the socket's path. Raises ControlError where it is longer than a socket's path may be."""
    if len(str(path).encode()) > _LONGEST_PATH:
        raise ControlError(
            Sentence(
                "node.control: {path} is longer than the {longest_path} bytes a socket may have",
                path=path,
                longest_path=_LONGEST_PATH,
            )
        )
    return str(path)


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
                    answer = from_line(line)
                    if "progress" not in answer:
                        break
                    progress(answer["progress"])
                else:
                    raise ControlError(_ENDED)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotServing(Sentence("no machine serves at {where}", where=where)) from error
    except TimeoutError as error:
        raise NotAnswering(Sentence("the machine at {where} does not answer", where=where)) from error
    except ConnectionError as error:
        raise ControlError(_ENDED) from error
    if "refused" in answer:
        raise ControlError(answer["refused"])
    return answer["done"]
