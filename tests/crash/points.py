"""The crash matrix as data: the points at which a fault can strike, the faults, and the cells that cannot be.

Names only, in the order in which a message passes them. How a point is reached, tests.crash.launcher says;
how a fault is done, tests.crash.scene and tests.crash.closing. The steps of sealing a volume are in
tests.crash.sealing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Thread(StrEnum):
    """Which thread of the front-end machine passes a point; while it stands there the other one goes on."""

    REACTOR = "reactor"
    COMMIT = "commit"


class Point(NamedTuple):
    """A place on the way. `target` is what is wrapped, as `module:Class.function`, and `when` says whether
    the point is before the call or after it; a point without a target lies within COMMIT, at the sync of the
    write-ahead log.
    """

    name: str
    target: str
    when: str
    thread: Thread
    many: bool = False
    """Whether each message passes it, so that it can strike at the second or third one."""


NOT_SYNCED, SYNCED = "COMMIT, not synced", "COMMIT, synced"
BEFORE_COMMIT, AFTER_COMMIT = "before COMMIT", "after COMMIT"
LEFT = "answer left"

_REACTOR, _COMMIT = Thread.REACTOR, Thread.COMMIT
_STORE = "ledger.book.store:Store._commit"

POINTS: tuple[Point, ...] = (
    Point("read", "fep.links.server:BankConnection.dataReceived", "before", _REACTOR),
    Point("framed", "fep.links.link:Link.received", "before", _REACTOR, many=True),
    Point("decoded", "protocol.codec:Codec.decode", "after", _REACTOR, many=True),
    Point("authenticated", "fep.links.authentication:Authenticator.covered", "after", _REACTOR, many=True),
    Point("offered", "fep.engine.commit:Engine.offer", "after", _REACTOR, many=True),
    Point("batch taken", "fep.engine.commit:Engine._run", "before", _REACTOR),
    Point("transaction begun", "ledger.book.front:FrontBook._read", "before", _COMMIT),
    Point("state read", "ledger.book.front:FrontBook._read", "after", _COMMIT),
    Point("decided", "ledger.book.front:FrontBook._write", "before", _COMMIT),
    Point("entries written", "ledger.book.statements:Statements.append", "after", _COMMIT),
    Point("rows written", "ledger.book.front:FrontBook._write", "after", _COMMIT),
    Point(BEFORE_COMMIT, _STORE, "before", _COMMIT),
    Point(NOT_SYNCED, "", "before", _COMMIT),
    Point(SYNCED, "", "after", _COMMIT),
    Point(AFTER_COMMIT, _STORE, "after", _COMMIT),
    Point("outcome known", "fep.engine.commit:Engine._committed", "before", _REACTOR),
    Point("answer rendered", "fep.links.answering:AnswerSender._reply", "before", _REACTOR, many=True),
    Point("answer written", "fep.links.server:BankConnection.send", "after", _REACTOR, many=True),
    Point(LEFT, "twisted.internet.tcp:Connection.writeSomeData", "after", _REACTOR),
)
NUMBERS = {point.name: number for number, point in enumerate(POINTS, 1)}
"""What stands in the shared block for each point; 0 is none."""

NOT_SYNCING, ANSWERING_EARLY = "does not sync", "answers before COMMIT"
"""The two machines that a crash must expose."""

COMMIT_POINTS = (BEFORE_COMMIT, NOT_SYNCED, SYNCED, AFTER_COMMIT)
"""Where a transaction of the cut-over or of the office's close is struck."""


class Fault(StrEnum):
    """What happens at a point."""

    KILL = "process killed"
    POWER = "power cut"
    GONE = "database gone and back"
    LOST = "database gone during COMMIT"
    FULL = "disk full"
    RESET = "socket reset"


class Kind(StrEnum):
    """The database."""

    SQLITE = "SQLite"
    POSTGRESQL = "PostgreSQL"


class Part(StrEnum):
    """What is under way when the fault strikes."""

    TRADE = "trade"
    CUTOVER = "cut-over"
    CLOSE = "close"
    SEALING = "sealing"


def impossible(kind: Kind, part: Part, point: str, fault: Fault) -> str:
    """Why there is no such cell; empty where there is one."""
    if fault is Fault.RESET and part is not Part.TRADE:
        return "no bank's socket takes part"
    if fault is Fault.LOST and point not in (BEFORE_COMMIT, NOT_SYNCED, SYNCED):
        return "no COMMIT is under way"
    if fault is Fault.LOST and point == BEFORE_COMMIT and kind is Kind.SQLITE:
        return "SQLite's COMMIT is a call: there is no way on which it gets lost"
    return ""
