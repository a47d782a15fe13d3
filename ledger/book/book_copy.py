"""A front book as one file, taken while a machine serves, and its way back into an empty place.

An SQLite book is copied by SQLite's own means; a PostgreSQL book is dumped and restored by PostgreSQL's own
programs. What is copied from SQLite, and whatever comes back, is proved by its chains. What else a backup has
does not belong here (`fep.setup.backup`).
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, make_url, text

from ledger.book.journal import prove, read_chains
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.rules.seal import ChainEnd
from qianzhi_errors.sentence import Sentence

_NAME: Final = {True: "book.db", False: "book.dump"}
"""The name of the file by whether it is an SQLite book or PostgreSQL's dump."""
_PASSWORD: Final = "PGPASSWORD"
_TABLES: Final = text(
    "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


class BookCopyError(LedgerError):
    """No copy was made, or none came back; the text says what stands in the way."""


def copy_book(database: str, folder: Path) -> tuple[ChainEnd, ...]:
    """Copy the book at a database URL into the folder, as of one moment; return the chains' ends. A dump has
    these at least. Raises BookCopyError or what Store raises.
    """
    store = Store(database, lock=False)
    try:
        target = folder.joinpath(_NAME[store.is_sqlite])
        target.touch(0o600, exist_ok=False)
        with store.reading(snapshot=True) as connection:
            ends = _ends(connection)
        if not store.is_sqlite:
            _run("pg_dump", store.url, "--format=custom", f"--file={target}")
            return ends
        _copy_sqlite(Path(str(store.url.database)), target)
    finally:
        store.close()
    return _proved(f"sqlite:///{target}")


def require_place(folder: Path, database: str) -> None:
    """Raise BookCopyError if the folder has no copy for a database of this kind, or if the place of the book
    is taken.
    """
    url = make_url(database)
    is_sqlite = url.get_backend_name() == "sqlite"
    copy = folder.joinpath(_NAME[is_sqlite])
    if not copy.exists():
        raise BookCopyError(
            Sentence(
                "{folder} has no {copy}: the settings name another kind of database",
                folder=folder,
                copy=copy.name,
            )
        )
    if is_sqlite and Path(str(url.database)).exists():
        raise BookCopyError(Sentence("{file} is there already: nothing is overwritten", file=url.database))
    if not is_sqlite and _tables(database):
        raise BookCopyError(Sentence("the settings' database has tables already: nothing is overwritten"))


def put_back(folder: Path, database: str) -> tuple[ChainEnd, ...]:
    """Bring the copy in the folder back to a database URL, prove its chains and return their ends. Raises
    BookCopyError, also where the place is taken.
    """
    require_place(folder, database)
    url = make_url(database)
    is_sqlite = url.get_backend_name() == "sqlite"
    copy = folder.joinpath(_NAME[is_sqlite])
    if is_sqlite:
        book = Path(str(url.database))
        book.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        book.touch(0o600, exist_ok=False)
        _copy_sqlite(copy, book)
    else:
        _run("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", str(copy))
    return _proved(database)


def _tables(database: str) -> int:
    store = Store(database)
    try:
        with store.reading() as connection:
            return int(connection.execute(_TABLES).scalar_one())
    finally:
        store.close()


def _copy_sqlite(book: Path, target: Path) -> None:
    """Copy a book that may be open, as of one moment, by SQLite's backup interface, into an empty file."""
    with (
        closing(sqlite3.connect(f"file:{book}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself


def _run(program: str, url: URL, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on a database. Its password is not on the command line."""
    place = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    password = {} if url.password is None else {_PASSWORD: str(url.password)}
    command = [program, f"--dbname={place}", *arguments]
    try:
        completed = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **password}
        )
    except FileNotFoundError as error:
        raise BookCopyError(
            Sentence("{program} is not here: install PostgreSQL's client programs", program=program)
        ) from error
    if completed.returncode:
        raise BookCopyError(
            Sentence("{program} failed: {reason}", program=program, reason=completed.stderr.strip())
        )


def _proved(url: str) -> tuple[ChainEnd, ...]:
    """Prove a book's chains, and return their ends. Raises BookCopyError where a link does not hold."""
    store = Store(url, lock=False)
    try:
        with store.reading(snapshot=True) as connection:
            broken = [link for chain in prove(connection) for link in chain.broken]
            if broken:
                raise BookCopyError(
                    Sentence(
                        "chain {chain}, entry {position}: {reason}",
                        chain=broken[0].chain,
                        position=broken[0].position,
                        reason=broken[0].reason,
                    )
                )
            return _ends(connection)
    finally:
        store.close()


def _ends(connection: Connection) -> tuple[ChainEnd, ...]:
    return tuple(ChainEnd(chain.chain, chain.position, chain.tip) for chain in read_chains(connection))
