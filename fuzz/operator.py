"""The target for what comes over the operator's local socket: lines that should be commands.

As in `fuzz.wire`. The commands themselves are stand-ins: they are tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import StringTransport

from fep.operator.audit_trail import audit_entry
from fep.operator.control import ControlFactory
from fep.operator.control_client import ControlError, Progress
from fuzz.errors import require

_ANSWERS: Final = frozenset({"done", "refused", "progress"})
_PARTS: Final = _ANSWERS | {"sentences"}
"""With an answer goes how its sentences were made, for a reader in another language."""


def _echo(asked: Mapping[str, Any], progress: Progress) -> Deferred[Any]:
    progress(1)
    return succeed(asked.get("date"))


def _refuse(_asked: Mapping[str, Any], _progress: Progress) -> Deferred[Any]:
    return fail(ControlError("refused"))


def _written(asked: Mapping[str, Any], _progress: Progress) -> Deferred[Any]:
    return succeed(audit_entry(asked).note)


COMMANDS: Final = {"cutover": _echo, "load": _refuse, "reload": _echo, "record": _written}


def lines(data: bytes) -> None:
    """Lines: each is answered once, in order, with JSON on one line; one that is too long ends the link."""
    transport = StringTransport()
    conversation = ControlFactory(COMMANDS, lambda _: "operator").buildProtocol(None)
    conversation.makeConnection(transport)
    for start in range(0, len(data), 4096):
        if not transport.disconnecting:
            conversation.dataReceived(data[start : start + 4096])
    answers = [json.loads(line) for line in transport.value().splitlines()]
    require(
        all(len(answer.keys() & _ANSWERS) == 1 and answer.keys() <= _PARTS for answer in answers),
        "an answer of another form",
    )
    ends = [answer for answer in answers if "progress" not in answer]
    if not transport.disconnecting:
        require(len(ends) == data.count(b"\n"), "not one answer for each line")
