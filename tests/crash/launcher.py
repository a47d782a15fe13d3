"""Runs the `qianzhi` command with a stop at each point of the crash matrix, or with one of its two cheats.

The program under test is untouched: its functions are wrapped from outside, then console.main runs as ever.
The cheats make of it a machine that a crash must expose: one that does not sync, and one that answers before
COMMIT. No fault is done here.
"""

from __future__ import annotations

import importlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text

import console.main
import console.serve
import fep.engine.commit
import ledger.book.front
import ledger.book.store
from ledger.rules import decide
from tests.crash.control import Block
from tests.crash.forked import fork_when_asked
from tests.crash.points import ANSWERING_EARLY, NOT_SYNCED, NOT_SYNCING, NUMBERS, POINTS, SYNCED, Point

Function = Callable[..., Any]


@cache
def block() -> Block:
    """What is shared with the test."""
    return Block(Path(os.environ["CRASH_CONTROL"]))


def stop_and_ask(name: str) -> None:
    """TrialMachine here until the test says to go on."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(os.environ["CRASH_SOCKET"])
        asked.sendall(name.encode())
        order = asked.recv(struct.calcsize("i"))
    assert not order.strip(b"\0"), "only a sync can be made to fail"


def is_here(number: int) -> bool:
    """Whether this is the call that the test wants to see stop; it stops no other after it."""
    if block()["python_point"] != number:
        return False
    block()["python_count"] -= 1
    if block()["python_count"] > 0:
        return False
    block()["python_point"] = 0
    return True


def stopping(point: Point, function: Function) -> Function:
    """The function with a stop before or after it."""
    number = NUMBERS[point.name]

    @wraps(function)
    def call(*arguments: object, **named: object) -> Any:  # noqa: ANN401 - whatever the function gives
        here = is_here(number)  # before the call, for its effect may be what has the test arm the point
        if here and point.when == "before":
            stop_and_ask(point.name)
        result = function(*arguments, **named)
        if here and point.when == "after":
            stop_and_ask(point.name)
        return result

    return call


def stopping_at_sync(commit: Function) -> Function:
    """Store._commit, which has the preloaded library stop at the sync that the COMMIT makes."""

    @wraps(commit)
    def call(*arguments: object) -> None:
        for when, name in enumerate((NOT_SYNCED, SYNCED), 1):
            if is_here(NUMBERS[name]):
                block()["sync_count"] = 1
                block()["sync_point"] = when
        commit(*arguments)

    return call


def telling_steps(commit: Function, path: Path) -> Function:
    """Store._commit, which writes a line for each transaction: the act that it recorded, if it did."""
    last = [0]

    @wraps(commit)
    def call(store: object, connection: Connection) -> None:
        acts = text("SELECT number, act, subject FROM audit_log WHERE number > :last ORDER BY number DESC")
        row = connection.execute(acts, {"last": last[0]}).first()
        last[0] = row.number if row else last[0]
        name = f"{row.act} {row.subject}".strip() if row else "tables and chart"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        commit(store, connection)

    return call


def wrap(target: str, wrapper: Callable[[Function], Function]) -> None:
    """Put a wrapper around `module:Class.function`."""
    module, _, path = target.partition(":")
    owner, name = path.split(".")
    kind = getattr(importlib.import_module(module), owner)
    setattr(kind, name, wrapper(getattr(kind, name)))


def does_not_sync() -> None:
    """The first cheat: a database that calls a transaction durable which only its memory has."""
    make = ledger.book.store._sqlite_writer
    ledger.book.store._POSTGRESQL_OPTIONS = "-c synchronous_commit=off"

    def made(url: object, **options: object) -> Any:  # noqa: ANN401 - an engine of SQLAlchemy
        engine = make(url, **options)
        event.listen(engine, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF"))
        return engine

    ledger.book.store._sqlite_writer = made


def answers_before_commit() -> None:
    """The second cheat: the batch's answers leave when they are decided."""
    from twisted.internet import reactor

    later: Any = reactor
    fold, run, commit = decide.fold, fep.engine.commit.Engine._run, ledger.book.store.Store._commit
    decided: list[Any] = []
    taken: list[Any] = []

    def folded(*arguments: Any) -> Any:  # noqa: ANN401 - as the original
        decided[:] = fold(*arguments)
        return list(decided)

    def ran(engine: Any, batch: Any) -> None:  # noqa: ANN401 - as the original
        taken[:] = batch.waiting
        run(engine, batch)

    def committed(store: Any, connection: Any) -> None:  # noqa: ANN401 - as the original
        sent = threading.Event()
        early = list(zip(taken, decided, strict=False))
        decided.clear()
        if early:
            later.callFromThread(answer_all, early, sent)
            sent.wait()
        commit(store, connection)

    def answer_all(early: list[Any], sent: threading.Event) -> None:
        for waiting, answer in early:
            waiting.deliver(answer)
        later.callLater(0, sent.set)

    for owner, name, function in (
        (ledger.book.front, "fold", folded),
        (fep.engine.commit.Engine, "_run", ran),
        (ledger.book.store.Store, "_commit", committed),
    ):
        setattr(owner, name, function)


CHEATS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    NOT_SYNCING: does_not_sync,
    ANSWERING_EARLY: answers_before_commit,
}


def main() -> None:
    """Wait to be forked, wrap, then run the command."""
    sys.argv[1:] = fork_when_asked(Path(sys.argv[1]))
    for point in POINTS:
        if point.target:
            wrap(point.target, partial(stopping, point))
    wrap("ledger.book.store:Store._commit", stopping_at_sync)
    if steps := os.environ.get("CRASH_STEPS"):
        wrap("ledger.book.store:Store._commit", lambda commit: telling_steps(commit, Path(steps)))
    CHEATS[os.environ.get("CRASH_CHEAT", "")]()
    console.main.main()


if __name__ == "__main__":
    main()
