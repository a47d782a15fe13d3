"""Opens a book's database, the front's or the office's, and says what a database failure means for the money.

The one place that knows drivers: pragmas of SQLite, settings of PostgreSQL, and which exception leaves the
outcome known. No table and no rule is named here.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from ledger.errors import BatchRefused, BookInUse, Conflict, LedgerError, OutcomeUnknown, Unavailable

SQLITE_CHECKPOINT_PAGES = 4000
"""The writer checkpoints by itself when the WAL holds this many pages (16 MB)."""

_SQLITE_CACHE_KIB = 65536
_POSTGRESQL_OPTIONS = "-c synchronous_commit=on"
_BY_INDEX = " -c enable_seqscan=off"
"""Every statement of a batch finds its rows by an index. PostgreSQL plans on figures that may be minutes old:
it would take a journal that was empty then for empty still, and read the whole of it for each batch."""
_POSTGRESQL_CONFLICTS = frozenset({"40001", "40P01", "55P03", "23505", "23503"})
"""Serialization failure, deadlock, lock not available, unique and foreign key violation: another node was
quicker."""


class BadDatabaseUrl(LedgerError):
    """The configured URL cannot name a front book."""


class Store:
    """A book's database: one writer, and readers that never write.

    `url` is an SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://...`. Opening it takes the writer
    lock of an embedded book; `close` gives it back. `by_index` is for the front book, whose statements touch
    few rows each; the office's go through whole days.
    """

    def __init__(self, url: str, *, lock: bool = True, by_index: bool = True) -> None:
        self.url = _checked_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and not lock and not Path(str(self.url.database)).exists():
            raise Unavailable(f"{self.url.database} does not exist")  # SQLite would make an empty one
        self._lock = _lock_file(Path(str(self.url.database))) if self.is_sqlite and lock else None
        self._writer = (
            _sqlite_writer(self.url) if self.is_sqlite else _postgresql(self.url, by_index=by_index)
        )
        self._reader = _sqlite_reader(self.url) if self.is_sqlite else self._writer

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One durable transaction of the writer: committed when the block ends, rolled back when it raises.

        Raises Unavailable, Conflict, BatchRefused (nothing was done in each) or OutcomeUnknown (lost
        during COMMIT).
        """
        connection = self._connect(self._writer)
        try:
            try:
                with _translated(self.is_sqlite):
                    connection.begin()
                    yield connection
            except BaseException:
                _roll_back(connection)
                raise
            self._commit(connection)
        finally:
            connection.close()

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A connection for reading; never blocks the writer and is refused when it tries to write.

        With `snapshot` all that is read is of one moment; SQLite's readers are so anyway, PostgreSQL's see
        what is committed when each statement begins.
        """
        connection = self._connect(self._reader)
        try:
            with _translated(self.is_sqlite):
                if not self.is_sqlite:
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                if snapshot and not self.is_sqlite:
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield connection
        finally:
            _roll_back(connection)
            connection.close()

    def close(self) -> None:
        """Close every connection; the writer last, since the last one to leave an SQLite file checkpoints
        it.
        """
        if self._reader is not self._writer:
            self._reader.dispose()
        self._writer.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @staticmethod
    def _connect(engine: Engine) -> Connection:
        try:
            return engine.connect()
        except DBAPIError as error:
            raise Unavailable(f"cannot connect to the database: {error.orig}") from error

    def _commit(self, connection: Connection) -> None:
        transaction = connection.get_transaction()
        if transaction is None:
            raise Unavailable("the transaction ended before its commit")
        try:
            transaction.commit()
        except DBAPIError as error:
            _roll_back(connection)
            raise _commit_meaning(error, self.is_sqlite) from None


def _checked_url(url: str) -> Any:  # noqa: ANN401 - sqlalchemy.engine.URL is re-exported without a stable public path
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadDatabaseUrl(
            "not a database URL: give sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
        ) from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadDatabaseUrl(
            f"no front book can live on {parsed.get_backend_name()}: give sqlite or postgresql+psycopg"
        )
    if parsed.get_backend_name() == "postgresql" and parsed.get_driver_name() != "psycopg":
        raise BadDatabaseUrl("PostgreSQL is spoken through psycopg 3: write postgresql+psycopg://")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadDatabaseUrl("a front book must be a file: write sqlite:///PATH")
    return parsed


def _lock_file(database: Path) -> IO[str]:
    """Hold the embedded book's writer lock: SQLite allows two writers in turn, our single-writer rules do
    not.
    """
    path = database.with_name(database.name + ".lock")
    try:
        handle = path.open("w", encoding="ascii")
    except OSError as error:
        raise Unavailable(f"cannot create {path}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise BookInUse(f"{database} is in use by another process: stop it first") from error
    return handle


def _sqlite_writer(url: Any) -> Engine:  # noqa: ANN401 - see _checked_url
    engine = create_engine(
        url,
        poolclass=StaticPool,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 5},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # Only this connection ever checkpoints: SQLite 3.7.0 to 3.51.2 can lose a commit when a checkpoint
        # that resets the WAL runs in one connection while another one writes.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}",
            f"cache_size=-{_SQLITE_CACHE_KIB}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _sqlite_reader(url: Any) -> Engine:  # noqa: ANN401 - see _checked_url
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in ("wal_autocheckpoint=0", "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _postgresql(url: Any, *, by_index: bool) -> Engine:  # noqa: ANN401 - see _checked_url
    options = _POSTGRESQL_OPTIONS + (_BY_INDEX if by_index else "")
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=2,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": 5, "prepare_threshold": 2, "options": options},
    )


def _roll_back(connection: Connection) -> None:
    """Give up a transaction; a connection that cannot even do that is thrown away, so that it is never
    used again.
    """
    try:
        connection.rollback()
    except DBAPIError:
        connection.invalidate()


@contextmanager
def _translated(is_sqlite: bool) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        # Not `from error`: PostgreSQL's details quote the failing row, and a traceback would print them.
        raise _meaning(error, is_sqlite) from None


def _meaning(error: DBAPIError, is_sqlite: bool) -> LedgerError:
    """What a failure before COMMIT means. In each case nothing was done."""
    if not is_sqlite and getattr(error.orig, "sqlstate", None) in _POSTGRESQL_CONFLICTS:
        return Conflict(_summary(error))
    if isinstance(error, IntegrityError) or _is_data_fault(error):
        return BatchRefused(_summary(error))
    return Unavailable(_summary(error))


def _is_data_fault(error: DBAPIError) -> bool:
    if isinstance(error.orig, psycopg.DataError | sqlite3.InterfaceError | sqlite3.DataError):
        return True
    return isinstance(error.orig, psycopg.ProgrammingError | sqlite3.ProgrammingError)


def _commit_meaning(error: DBAPIError, is_sqlite: bool) -> LedgerError:
    """What a failure of COMMIT means: known only where PostgreSQL refused for a constraint or a conflict.

    Any other answer, a shutdown's among them, may come after the commit was made durable.
    """
    sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
    if not is_sqlite and sqlstate[:2] in ("23", "40") and not error.connection_invalidated:
        return _meaning(error, is_sqlite)
    return OutcomeUnknown(_summary(error))


def _summary(error: DBAPIError) -> str:
    """The database's own first line, without the statement and the parameters, which hold customers' data."""
    return f"{type(error.orig).__name__}: {str(error.orig).splitlines()[0]}"
