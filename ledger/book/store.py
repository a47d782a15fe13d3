"""Opens a book's database, the front's or the office's, and turns a database failure into what it means for
the money.

The only module that knows database drivers: SQLite's pragmas, PostgreSQL's settings, and after which
exception the outcome is known. No table and no rule is named here. No error's text repeats a value, since a
value that a driver quotes is somebody's identity number sooner or later.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    StatementError,
)
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from ledger.book.host_names import HostNames, Unresolved
from ledger.book.server import (
    SILENT_SECONDS,
    SILENT_SECONDS_OF_WHOLE_DAYS,
    parameters,
    place,
)
from ledger.errors import BatchRefused, BookInUse, Conflict, LedgerError, OutcomeUnknown, Unavailable
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

SQLITE_CHECKPOINT_PAGES = 4000
"""The writer checkpoints when the write-ahead log has this many pages (16 MB)."""

SQLITE_LOCK_SECONDS = 5
"""Seconds for which the writer waits for another program that has locked an SQLite file."""
_SQLITE_CACHE_KIB = 65536
_POSTGRESQL_CONFLICTS = frozenset({"40001", "40P01", "55P03", "23505", "23503"})
"""Serialization failure, deadlock, lock not available, unique and foreign key violation: another node was
first."""
_POSTGRESQL_SPEAKS_OF_NAMES = frozenset({"08", "23", "25", "28", "3D", "40", "42", "53", "55", "57", "58"})
"""The classes of SQLSTATE whose first line names connections, roles, tables or constraints, and never a
value. The first line of others can quote a value (22), and later lines quote whole rows (23)."""
_OF_THE_CONNECTION = frozenset({"OperationalError", "Silent"})
"""Errors without a SQLSTATE, by name: libpq's and our own about the connection, which quote no value."""
_HOST_NAMES = HostNames()
"""Of the process: a name that hangs is looked up by one thread, however often it is asked for."""
_OUR_TRIGGER = "exec_stmt_raise"
"""The function of PostgreSQL that raises the text of one of our triggers, which is constant."""


class BadDatabaseUrl(LedgerError):
    """The configured URL cannot be that of a book's database."""


class Store:
    """A book's database: one writing connection, and reading ones that cannot write.

    `url` is an SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://...`. With `lock`, opening an SQLite
    book takes its writer's lock (raises BookInUse), and `close` gives it back. `by_index` is for the front
    book, whose statements touch few rows each; the office's statements go through whole days. `erase` is for
    the customers' database: what is deleted or replaced is overwritten in an SQLite file. Raises
    BadDatabaseUrl, and Unavailable for an SQLite file that is not there.
    """

    def __init__(self, url: str, *, lock: bool = True, by_index: bool = True, erase: bool = False) -> None:
        self.url = _checked_url(url)
        self.place = place(self.url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and not lock and not Path(str(self.url.database)).exists():
            raise Unavailable(
                Sentence("{file} does not exist", file=self.url.database)
            )  # SQLite would make an empty one
        self._lock = _lock_file(Path(str(self.url.database))) if self.is_sqlite and lock else None
        self._writer, self._reader = self._engines(by_index=by_index, erase=erase)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One durable transaction of the writer: committed when the block ends, rolled back if the block
        raises.

        Raises Unavailable, Conflict or BatchRefused if nothing was done, and OutcomeUnknown if the database
        was lost during COMMIT.
        """
        connection = self._connect(self._writer)
        try:
            try:
                with _translated(self):
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
        """A connection for reading. It never blocks the writer, and the database refuses it a write.

        With `snapshot` everything is read as of one moment. SQLite's readers always do so; PostgreSQL's see
        what was committed before each statement. Raises Unavailable, Conflict or BatchRefused.
        """
        connection = self._connect(self._reader)
        try:
            with _translated(self):
                if not self.is_sqlite:
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                if snapshot and not self.is_sqlite:
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield connection
        finally:
            _roll_back(connection)
            connection.close()

    def reconnect(self) -> None:
        """Drop PostgreSQL's idle connections, so that the next transactions connect anew; for after a wall
        clock was set back. SQLAlchemy's pool compares times of day to find connections that are older than
        one that was lost. With a clock set back it would take every connection for older, and connect anew
        for each transaction until that time of day has come again.
        """
        if not self.is_sqlite:
            self._writer.dispose()

    def empty_log(self) -> bool:
        """Cut an SQLite file's write-ahead log to nothing, so that it has no page as it was before the last
        transactions; whether that was done. False where a reader is in the way, and on a server, whose log is
        its own.
        """
        if not self.is_sqlite:
            return False
        pooled = self._writer.raw_connection()
        try:
            row = pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            pooled.close()
        return bool(row) and row[0] == 0

    def close(self) -> None:
        """Close every connection, the writer's last, since the last connection to close checkpoints an SQLite
        file.
        """
        if self._reader is not self._writer:
            self._reader.dispose()
        self._writer.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _engines(self, *, by_index: bool, erase: bool) -> tuple[Engine, Engine]:
        """The engine of the writer, and that of the readers."""
        if self.is_sqlite:
            return _sqlite_writer(self.url, erase=erase), _sqlite_reader(self.url)
        engine = _postgresql(self.url, by_index=by_index)
        return engine, engine

    @staticmethod
    def _connect(engine: Engine) -> Connection:
        try:
            return engine.connect()
        except Unresolved as fault:
            raise Unavailable(
                Sentence(
                    "cannot connect to the database {place}: {reason}", place=place(engine.url), reason=fault
                )
            ) from None
        except DBAPIError as error:
            # Not `from error`: the driver's error holds libpq's parameters, the password among them.
            reason = _without_password(_first_line(error.orig), engine.url.password)
            raise Unavailable(
                Sentence(
                    "cannot connect to the database {place}: {reason}", place=place(engine.url), reason=reason
                )
            ) from None

    def _commit(self, connection: Connection) -> None:
        transaction = connection.get_transaction()
        if transaction is None:
            raise Unavailable(Sentence("the transaction ended before its commit"))
        try:
            transaction.commit()
        except DBAPIError as error:
            _roll_back(connection)
            raise _commit_meaning(error, self) from None
        except Exception as error:  # of the driver itself: the database may have committed or not
            connection.invalidate()
            raise OutcomeUnknown(
                Sentence("the database {place}: {reason}", place=self.place, reason=_name_of(error))
            ) from None


def _checked_url(url: str) -> Any:  # noqa: ANN401 - sqlalchemy.engine.URL is re-exported without a stable public path
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError's text repeats what is in the place of the port
        raise BadDatabaseUrl(
            Sentence("not a database URL: give sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadDatabaseUrl(
            Sentence(
                "no front book can live on {backend}: give sqlite or postgresql+psycopg",
                backend=parsed.get_backend_name(),
            )
        )
    if "@" in (parsed.host or ""):
        raise BadDatabaseUrl(Sentence("two @ in the database URL: write one in a user or a password as %40"))
    if "password" in parsed.query:
        raise BadDatabaseUrl(
            Sentence("the password stands after the ?: write USER:PASSWORD@HOST, or use a .pgpass")
        )
    if parsed.get_backend_name() == "postgresql" and parsed.get_driver_name() != "psycopg":
        raise BadDatabaseUrl(Sentence("PostgreSQL is spoken through psycopg 3: write postgresql+psycopg://"))
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadDatabaseUrl(Sentence("a front book must be a file: write sqlite:///PATH"))
    return parsed


def _lock_file(database: Path) -> IO[str]:
    """Take the lock of an SQLite book's writer. SQLite allows two processes to write by turns, and a front
    book may have only one. Raises BookInUse, or Unavailable if the lock's file cannot be made.
    """
    path = database.with_name(database.name + ".lock")
    try:
        handle = path.open("w", encoding="ascii")
    except OSError as error:
        raise Unavailable(
            Sentence("cannot create {file}: {reason}", file=path, reason=system_reason(error))
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise BookInUse(
            Sentence("{file} is in use by another process: stop it first", file=database)
        ) from error
    return handle


def _sqlite_writer(url: Any, *, erase: bool) -> Engine:  # noqa: ANN401 - see _checked_url
    engine = create_engine(
        url,
        poolclass=StaticPool,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": SQLITE_LOCK_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # Only this connection ever checkpoints: SQLite 3.7.0 to 3.51.2 can lose a commit if a checkpoint that
        # resets the write-ahead log runs on one connection while another one writes.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}",
            f"cache_size=-{_SQLITE_CACHE_KIB}",
            f"secure_delete={'ON' if erase else 'OFF'}",
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
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=2,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args=parameters(url.query, by_index=by_index),
    )
    silent_seconds = SILENT_SECONDS if by_index else SILENT_SECONDS_OF_WHOLE_DAYS
    from ledger.book.watched_connection import (  # noqa: PLC0415 - a command on SQLite loads no driver
        WatchedConnection,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(
        _dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]
    ) -> WatchedConnection:
        connection = WatchedConnection.connect(*arguments, **_HOST_NAMES.with_addresses(named))
        connection.silent_seconds = silent_seconds
        return connection

    return engine


def _roll_back(connection: Connection) -> None:
    """Roll back; a connection that fails even at that is invalidated, so that it is never used again."""
    try:
        connection.rollback()
    except DBAPIError:
        connection.invalidate()


@event.listens_for(Engine, "handle_error")
def _not_taken_by_driver(context: ExceptionContext) -> BaseException | None:
    """BatchRefused for what the driver raises about a value before the database has seen it: an integer that
    is too large, a text that is not Unicode. As it is raised, it could not be told from a fault of our own.
    """
    if context.sqlalchemy_exception is None and isinstance(context.original_exception, _ABOUT_A_VALUE):
        return BatchRefused(_name_of(context.original_exception))
    return None


@contextmanager
def _translated(store: Store) -> Iterator[None]:
    try:
        yield
    except StatementError as error:
        # Not `from error`: PostgreSQL's details quote the row at fault, and a traceback would print them.
        raise _meaning(error, store) from None
    except BatchRefused as refused:
        raise refused from None  # the driver's error holds the value (UnicodeEncodeError.object)


def _meaning(error: StatementError, store: Store) -> LedgerError:
    """Our error for a failure before COMMIT: in each case nothing was done."""
    if not store.is_sqlite and getattr(error.orig, "sqlstate", None) in _POSTGRESQL_CONFLICTS:
        return Conflict(_summary(error))
    if isinstance(error, IntegrityError) or _is_data_fault(error):
        return BatchRefused(_summary(error))
    return Unavailable(Sentence("the database {place}: {reason}", place=store.place, reason=_summary(error)))


def _is_data_fault(error: StatementError) -> bool:
    if not isinstance(error, DBAPIError):  # about a value that did not reach the driver
        return True
    return isinstance(error, DataError | ProgrammingError) or isinstance(error.orig, sqlite3.InterfaceError)


def _commit_meaning(error: DBAPIError, store: Store) -> LedgerError:
    """Our error for a failure of COMMIT. It is certain that nothing was done only where PostgreSQL refused it
    for a constraint or a conflict. Any other error, such as that of a shutdown, can come after the commit was
    made durable.
    """
    sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
    if not store.is_sqlite and sqlstate[:2] in ("23", "40") and not error.connection_invalidated:
        return _meaning(error, store)
    return OutcomeUnknown(
        Sentence("the database {place}: {reason}", place=store.place, reason=_summary(error))
    )


_ABOUT_A_VALUE = (OverflowError, TypeError, ValueError)


def _summary(error: StatementError) -> str:
    """The text of an error in names only: of the exception, the SQLSTATE, a constraint, column or table.

    The first line of the database's own text is added only if it has names in it and no values. A statement
    and its parameters are never added.
    """
    orig = error.orig
    if orig is not None and hasattr(orig, "sqlstate"):
        return _of_postgresql(orig)
    # SQLite's own texts name columns. Those of its driver, which have no error name, quote values.
    named = isinstance(orig, sqlite3.Error) and getattr(orig, "sqlite_errorname", None)
    return f"{_name_of(orig)}: {_first_line(orig)}" if named else _name_of(orig)


def _of_postgresql(error: Any) -> str:  # noqa: ANN401 - psycopg.Error, which is not loaded for SQLite
    sqlstate, diag = error.sqlstate or "", error.diag
    is_about_names = sqlstate[:2] in _POSTGRESQL_SPEAKS_OF_NAMES or diag.source_function == _OUR_TRIGGER
    if is_about_names or _name_of(error) in _OF_THE_CONNECTION:
        return f"{_name_of(error)}: {_first_line(error)}"
    parts = (("table", diag.table_name), ("column", diag.column_name), ("constraint", diag.constraint_name))
    where = ", ".join(f"{kind} {name}" for kind, name in parts if name)
    return " ".join(filter(None, (_name_of(error), sqlstate, where and f"({where})")))


def _name_of(error: BaseException | None) -> str:
    return type(error).__name__


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or [""])[0]


def _without_password(text: str, password: object) -> str:
    return text.replace(str(password), "***") if password else text
