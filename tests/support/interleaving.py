"""Actors on one PostgreSQL database that go on one at a time, when told: interleavings without luck.

Each actor is a thread with its own connections, named to the server after it. It stops at every `gate`;
told to go on, it runs to its next gate, to its end, or until it waits for a lock that another actor holds.
Which of these it is, the server's own table of locks says, so nothing here waits for time to pass.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

import psycopg

from ledger.book.store import Store

_WAITING = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND pg_stat_activity.datname = current_database()"
)
_here = threading.local()
_SECONDS = 30


def gate() -> None:
    """Where an actor stops until it is told to go on; nothing for anybody else."""
    actor = getattr(_here, "actor", None)
    if actor is not None:
        actor.stop()


def gated(function: Callable[..., Any], *, before: bool = False, after: bool = False) -> Callable[..., Any]:
    """The function with a gate before or after it."""

    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        if before:
            gate()
        result = function(*arguments, **named)
        if after:
            gate()
        return result

    return call


class _Actor:
    """One thread. It begins at a gate."""

    def __init__(self, name: str, part: Callable[[], None], moved: threading.Condition) -> None:
        self.name, self._part, self._moved = name, part, moved
        self.state = "running"
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        _here.actor = self
        try:
            self.stop()
            self._part()
        except BaseException as error:  # raised again by `finish`
            self.error = error
        finally:
            with self._moved:
                self.state = "done"
                self._moved.notify_all()

    def stop(self) -> None:
        with self._moved:
            self.state = "at a gate"
            self._moved.notify_all()
            assert self._moved.wait_for(lambda: self.state == "running", _SECONDS)


class Stage:
    """The actors, and who may go on. `parts` are what each does, by its name."""

    def __init__(self, watcher: psycopg.Connection[Any], parts: Mapping[str, Callable[[], None]]) -> None:
        self._watcher = watcher
        self._moved = threading.Condition()
        self._actors = {name: _Actor(name, part, self._moved) for name, part in parts.items()}
        self._settle()

    def go(self, name: str) -> None:
        """Let an actor that is at a gate go on, and wait until nobody moves any more."""
        actor = self._actors[name]
        if actor.state == "at a gate":
            with self._moved:
                actor.state = "running"
                self._moved.notify_all()
        self._settle()

    def where(self) -> dict[str, str]:
        """Each actor: at a gate, waiting for a lock, or done."""
        return {
            name: "waiting" if actor.state == "running" else actor.state
            for name, actor in self._actors.items()
        }

    def finish(self, order: Iterable[str] = ()) -> None:
        """Let all go on to their end, those named first; raises what an actor raised."""
        for name in order:
            self.go(name)
        while any(actor.state != "done" for actor in self._actors.values()):
            for name in self._actors:
                self.go(name)
        for actor in self._actors.values():
            if actor.error is not None:
                raise actor.error

    def _settle(self) -> None:
        """Wait until every actor is at a gate, done, or waits for a lock."""
        while True:
            with self._moved:
                running = {name for name, actor in self._actors.items() if actor.state == "running"}
            if not running:
                return
            waiting = {row[0] for row in self._watcher.execute(_WAITING)}
            with self._moved:
                now = {name for name, actor in self._actors.items() if actor.state == "running"}
                if now == running <= waiting:
                    return
                if now == running:
                    self._moved.wait(0.002)


_databases = count(1)


def new_postgresql(uri: str, purpose: str) -> str:
    """The URL of a new, empty database on the server at `uri`."""
    name = f"{purpose}_{os.getpid()}_{next(_databases)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    base, _, query = uri.partition("?")
    url = base.replace("postgresql://", "postgresql+psycopg://", 1).rsplit("/", 1)[0]
    return f"{url}/{name}" + (f"?{query}" if query else "")


def watcher(database: str) -> psycopg.Connection[Any]:
    """A connection for a stage's watcher."""
    return psycopg.connect(database.replace("+psycopg", "", 1), autocommit=True)


def named_store(database: str, name: str) -> Store:
    """A store of a PostgreSQL database whose connections bear an actor's name."""
    return Store(f"{database}{'&' if '?' in database else '?'}application_name={name}")
