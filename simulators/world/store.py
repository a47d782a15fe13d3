"""The stores that the world hands to the production code: engines are kept, and transactions may fail.

Nothing here knows a table or decides when something fails: `run` draws that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError, OperationalError

from ledger.book.store import Store
from ledger.errors import Unavailable

_Engines = tuple[Engine, Engine]


class Fault(StrEnum):
    """What can happen to one transaction of the database."""

    UNREACHABLE = "unreachable"
    LOST_BEFORE_COMMIT = "lost before COMMIT"
    REFUSED = "refused"
    LOST_UNDONE = "lost in COMMIT, not done"
    LOST_DONE = "lost in COMMIT, done"
    KILLED_BEFORE_COMMIT = "killed before COMMIT"
    KILLED_AFTER_COMMIT = "killed after COMMIT"


class Killed(BaseException):
    """The simulated process ends at this place."""


class _Lost(sqlite3.OperationalError):
    """The driver's error for a lost database."""


def _lost() -> OperationalError:
    return OperationalError("", None, _Lost("the simulated database is gone"))


class KeptStore(Store):
    """A store whose SQLAlchemy engine is kept from run to run, since its compiled statements are the same."""

    _kept: ClassVar[dict[tuple[type[Store], str], _Engines]] = {}

    def _engines(self, *, by_index: bool, erase: bool) -> _Engines:
        name = type(self), str(self.url)
        if name not in self._kept:
            self._kept[name] = self._fresh_engines(by_index=by_index, erase=erase)
        return self._kept[name]

    def _fresh_engines(self, *, by_index: bool, erase: bool) -> _Engines:
        return super()._engines(by_index=by_index, erase=erase)


class FaultyStore(KeptStore):
    """A store whose next transactions fail as the list `faults` says."""

    faults: list[Fault]
    _now_open: ClassVar[dict[Engine, FaultyStore]] = {}

    def __init__(self, faults: list[Fault], url: str) -> None:
        super().__init__(url)
        self.faults = faults
        self._now_open[self._writer] = self

    def _fresh_engines(self, *, by_index: bool, erase: bool) -> _Engines:
        engines = super()._fresh_engines(by_index=by_index, erase=erase)
        event.listen(engines[0], "commit", self._committing)
        return engines

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The store's transaction, with the next fault, if any, at its place."""
        fault = self.faults[0] if self.faults else None
        if fault is Fault.UNREACHABLE:
            self.faults.pop(0)
            raise Unavailable("the simulated database cannot be reached")
        with super().transaction() as connection:
            driver = connection.connection.dbapi_connection
            changes = driver.total_changes
            yield connection
            if fault is Fault.REFUSED and driver.total_changes == changes:
                self.faults.pop(0)  # nothing is refused where nothing was written
                fault = None
            if fault is Fault.LOST_BEFORE_COMMIT:
                self.faults.pop(0)
                raise _lost()
            if fault is Fault.REFUSED:
                self.faults.pop(0)
                raise IntegrityError("", None, sqlite3.IntegrityError("simulated"))
        if fault is Fault.KILLED_AFTER_COMMIT:
            self.faults.pop(0)
            raise Killed

    @staticmethod
    def _committing(connection: Connection) -> None:
        store = FaultyStore._now_open[connection.engine]
        fault = store.faults[0] if store.faults else None
        if fault is Fault.KILLED_BEFORE_COMMIT:
            store.faults.pop(0)
            raise Killed
        if fault in (Fault.LOST_UNDONE, Fault.LOST_DONE):
            store.faults.pop(0)
            if fault is Fault.LOST_DONE:
                connection.connection.commit()
            raise _lost()
