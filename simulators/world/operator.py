"""An operator at the machine's local socket: sends one command and takes the answer.

The run decides when, and which command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from twisted.python.failure import Failure


class Operator:
    """An operator's local connection: one command."""

    def __init__(self, command: Mapping[str, Any], on_answer: Callable[[object], None]) -> None:
        self._command = command
        self._on_answer = on_answer

    def makeConnection(self, transport: Any) -> None:  # noqa: N802, ANN401 - Twisted's name
        """Ask."""
        transport.write(json.dumps(self._command).encode() + b"\n")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Hear."""
        self._on_answer(data.decode())

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """It is over."""
