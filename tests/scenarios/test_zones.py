"""The serving process seen from outside: which sockets it has, whom it calls (nobody but its own database),
and what is left of a load when it is killed or stopped.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from fep.operator.control_client import ControlError, ask
from fep.settings.config import Settings
from ledger.book.store import Store
from ledger.files import bookfile
from ledger.files.bookfile import PolicyDues
from simulators.processes import Served, serving
from tests.support.book_loads import rows, taken, unseen
from tests.support.builders import BANK, book, message, policy, premium
from tests.support.machine import OTHER_BANK, Books, Client, load_front_book, write_settings
from tests.support.seal_reader import faults

# Python tells before it connects or sends to an address; each is written to a file at once.
WATCHED = """
import os, sys
told = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def tell(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        os.write(told, f"{event} {arguments[1]}\\n".encode())
sys.addaudithook(tell)
from console.main import main
main()
"""
# The load's transaction that makes it seen kills the process, before it does anything or all but commit.
KILLED = """
import os, signal, sys
from ledger.book.load import _Load
step = sys.argv.pop(1)
real = _Load._switch
def last_act(*given):
    step == "after" and real(*given)
    os.kill(os.getpid(), signal.SIGKILL)
_Load._switch = last_act
from console.main import main
main()
"""


@contextmanager
def signed_on(served: Served, bank: str) -> Iterator[Client]:
    with Client(served.ports[bank], bank) as client:
        client.sign_on()
        yield client


def write_book(path: Path, dues: int) -> str:
    entries = [PolicyDues(policy(f"Q{n}"), (premium(f"N{n}", f"Q{n}"),)) for n in range(dues)]
    leaving = [premium("D2", "P2")]
    path.write_bytes(b"".join(bookfile.write("20261125", entries, leaving)))
    return str(path)


def control(settings: Settings) -> Path:
    return Path(settings.node.control)


def two_dues(folder: Path, database: str) -> Settings:
    settings = write_settings(folder, database)
    load_front_book(settings, book(dues=[premium(f"D{n}", f"P{n}") for n in (1, 2, 3)]))
    return settings


class Sockets(NamedTuple):
    """What a process has open: TCP it listens on, TCP ends of its own, and Unix sockets by their path."""

    listening: set[tuple[str, int]]
    connected: list[tuple[str, int]]
    other: list[Any]
    named: set[str]
    unnamed: int


def sockets_of(process: int) -> Sockets:
    connections = psutil.Process(process).net_connections(kind="all")
    tcp = [
        connection
        for connection in connections
        if connection.type == socket.SOCK_STREAM and connection.family != socket.AF_UNIX
    ]
    unix = [connection for connection in connections if connection.family == socket.AF_UNIX]
    return Sockets(
        {
            (connection.laddr.ip, connection.laddr.port)
            for connection in tcp
            if connection.status == psutil.CONN_LISTEN
        },
        [
            (connection.laddr.ip, connection.laddr.port)
            for connection in tcp
            if connection.status == psutil.CONN_ESTABLISHED
        ],
        [
            connection
            for connection in connections
            if connection not in unix
            and connection.status not in (psutil.CONN_LISTEN, psutil.CONN_ESTABLISHED)
        ],
        {connection.laddr for connection in unix if connection.laddr},
        sum(not connection.laddr for connection in unix),
    )


def database_connections(books: Books, database: str) -> int:
    """How many connections PostgreSQL has from the machine: all that it has but ours."""
    if database.startswith("sqlite"):
        return 0
    rows = books.rows(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    return int(rows[0][0])


def test_the_machine_listens_where_it_is_configured_and_calls_nobody(tmp_path: Path, database: str) -> None:
    settings = two_dues(tmp_path, database)
    called = tmp_path / "called"
    books = Books(database)
    watched = (sys.executable, "-c", WATCHED, str(called))
    with serving(tmp_path / "qianzhi.toml", watched) as served:

        def check(links: Sequence[str]) -> None:
            sockets = sockets_of(served.process.pid)
            assert sockets.listening == {("127.0.0.1", port) for port in served.ports.values()}
            assert sorted(sockets.connected) == sorted(("127.0.0.1", served.ports[bank]) for bank in links)
            assert sockets.other == []
            assert sockets.named == {settings.node.control}
            assert sockets.unnamed == database_connections(books, database)

        check([])
        with signed_on(served, BANK) as bank, signed_on(served, OTHER_BANK) as other:
            check([BANK, OTHER_BANK])
            assert bank.ask(message()).fields[39] == "00"
            check([BANK, OTHER_BANK])
            early = {"date": "20261124", "early": True}  # whatever day it is where the test runs
            assert ask(control(settings), "cutover", **early)["next_date"] == "20261125"
            assert (bank.receive().fields[70], other.receive().fields[70]) == ("201", "201")
            check([BANK, OTHER_BANK])
            path = write_book(tmp_path / "b.csv", 10)
            assert (
                ask(control(settings), "load", lambda _: check([BANK, OTHER_BANK]), path=path)["dues"] == 10
            )
            answer = other.ask(message(groups=(("PN", "Q1"),), de32=OTHER_BANK))
            assert (answer.fields[39], answer.fields[15]) == ("00", "1125")
            check([BANK, OTHER_BANK])
        assert control(settings).stat().st_mode & 0o777 == 0o600
    books.close()
    assert served.process.returncode == 0
    assert called.read_text() == f"socket.connect {settings.node.control}\n", "to see whether it is free"
    assert not control(settings).exists()


def test_the_watch_sees_a_call(tmp_path: Path) -> None:
    called = tmp_path / "called"
    calling = WATCHED.replace(
        "from console.main import main\nmain()",
        "import socket\nsocket.socket(socket.AF_UNIX).connect_ex('/none')",
    )
    subprocess.run([sys.executable, "-c", calling, str(called)], check=True)
    assert called.read_text() == "socket.connect /none\n"


def in_the_book(database: str) -> dict[str, list[Any]]:
    store = Store(database, lock=False)
    seen = taken(store)
    store.close()
    return seen


def put_in(database: str) -> int:
    """How many dues are in the book, seen or not."""
    books = Books(database)
    due_count = books.rows("SELECT count(*) FROM dues")[0][0]
    books.close()
    return int(due_count)


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_load_whose_machine_is_killed_before_it_is_taken_is_loaded_again(
    tmp_path: Path, database: str, step: str
) -> None:
    settings = two_dues(tmp_path, database)
    path = write_book(tmp_path / "b.csv", 3_000)
    killed = (sys.executable, "-c", KILLED, step)
    with serving(tmp_path / "qianzhi.toml", killed) as served:
        with signed_on(served, BANK) as bank:
            assert bank.ask(message(groups=(("PN", "P3"),))).fields[39] == "00"
        ask(control(settings), "cutover", date="20261124", early=True)
        before = in_the_book(database)
        with pytest.raises(ControlError, match="the machine ended before it answered"):
            ask(control(settings), "load", path=path)
        assert served.process.wait(30) == -signal.SIGKILL
    assert put_in(database) == 3_003, "they are there, and nobody sees them"
    assert in_the_book(database) == before
    with serving(tmp_path / "qianzhi.toml") as served:
        assert ask(control(settings), "load", path=path)["withdrawn"] == 1
        with signed_on(served, BANK) as bank:
            assert bank.ask(message(groups=(("PN", "Q2999"),))).fields[39] == "00"
            assert bank.ask(message(groups=(("PN", "P2"),))).fields[39] == "12"
    assert len(in_the_book(database)["dues"]) == 3_003
    store = Store(database, lock=False)
    assert unseen(store) == []
    figures = "SELECT date, policies, dues, premium, withdrawn, withdrawn_late FROM loads ORDER BY date"
    assert rows(store, figures) == [
        ("20261124", 3, 3, 360_000, 0, 0),
        ("20261125", 3000, 3000, 360_000_000, 1, 0),
    ]
    assert faults(store) == []
    store.close()


def test_a_machine_that_is_stopped_during_a_load_stops_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'front.db'}"
    settings = two_dues(tmp_path, database)
    path = write_book(tmp_path / "b.csv", 20_000)
    stopped = threading.Event()
    with serving(tmp_path / "qianzhi.toml") as served:
        ask(control(settings), "cutover", date="20261124", early=True)

        def stop(_: int) -> None:
            if not stopped.is_set():
                stopped.set()
                served.process.send_signal(signal.SIGTERM)

        before = in_the_book(database)
        with pytest.raises(ControlError, match=r"the machine (is stopping|ended before it answered)"):
            ask(control(settings), "load", stop, path=path)
        assert served.process.wait(timeout=20) == 0, "nothing waits for the rest of the load"
    assert in_the_book(database) == before
    with serving(tmp_path / "qianzhi.toml"):
        assert ask(control(settings), "load", path=path)["dues"] == 20_000
