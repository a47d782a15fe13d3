"""A real front-end machine for tests: real sockets on loopback, a real database, one reactor thread for
all tests.

`Machine` serves; `Client` is a bank's bare socket, independent of the simulator, so that neither hides the
other's mistakes.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cache
from os import urandom
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from sqlalchemy import make_url, text
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread

from fep.day.clock import WallClock
from fep.keys.keys import FRONT, SEAL, FrontKey, KeyKind, checked, zmk_kind, zmk_name
from fep.keys.keystore import Keystore, MasterKey
from fep.operator.control_client import ask
from fep.process.reactor import real_reactor
from fep.service import Service, World
from fep.settings.config import Settings, load_settings
from fep.status.limits import Room
from ledger.book.front import FrontBook
from ledger.book.journal import broken_links, read_chains, read_entries
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.files.bookfile import Book
from ledger.rules.beijing import BEIJING
from ledger.rules.request import Totals
from ledger.rules.secret import Secret
from protocol.codec import Codec
from protocol.dialect import load
from protocol.framing import FrameReader, Framing, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacKey, MacMethod
from protocol.mac_table import mac_of
from protocol.message import Message
from protocol.tlv import first, parse
from simulators.messages import Stamp, network, without_mac
from simulators.own_key import own_key
from tests.support.builders import BANK, book
from tests.support.clocks import still

reactor: Any = real_reactor()
ZMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")  # good for AES, and for TDES as well
FRONT_KEY = bytes(range(32))
SEAL_KEY = bytes(range(1, 33))
MASTER_KEY = bytes(range(2, 34))
OTHER_BANK = "01030000"
SOCKET_SECONDS = 20
NOON = datetime(2026, 11, 24, 10, 11, 12, tzinfo=BEIJING)
ROOMY = Room(900 << 30, 1000 << 30)
WAIT_SECONDS = 120
"""Whatever the reactor is asked to do is done by then, or never."""

_SETTINGS = """
[node]
name = "fep1"
database = "{database}"
durable = false
[keystore]
file = "keystore"
master_key = "file:master.key"
[status]
port = 0
[limits]
{limits}
[[bank]]
code = "{bank}"
name = "Bank under test"
port = {port}
networks = {networks}
transport = "plain"
framing = {framing}
dialect = "{dialect}"
mac = {mac}
{entry}
[[bank]]
code = "{other}"
name = "The other bank"
port = 0
networks = ["127.0.0.0/8"]
transport = "plain"
"""

_started = threading.Lock()


def _run_reactor() -> None:
    with _started:
        if not reactor.running:
            up = threading.Event()
            reactor.callWhenRunning(up.set)
            threading.Thread(target=reactor.run, args=(False,), daemon=True, name="reactor").start()
            up.wait(SOCKET_SECONDS)


def wait_for(function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what it gives
    """Call something in the reactor's thread, a coroutine function perhaps, and wait for what comes of it.

    Raises TimeoutError after WAIT_SECONDS, and cancels it: who waits without end never says what for.
    """
    waited: Future[Any] = Future()
    begun: list[Deferred[Any]] = []

    def call() -> None:
        given = maybeDeferred(function, *arguments)
        begun.append(given)
        given.addCallbacks(waited.set_result, lambda failure: waited.set_exception(failure.value))

    reactor.callFromThread(call)
    try:
        return waited.result(WAIT_SECONDS)
    except TimeoutError:
        # Behind `call`, which may still be waiting for the reactor.
        reactor.callFromThread(lambda: [deferred.cancel() for deferred in begun])
        raise


def write_settings(folder: Path, database: str, **given: str) -> Settings:
    """Settings with two banks that share a ZMK; `given` fills the template's places."""
    values = {
        "limits": "",
        "port": "0",
        "networks": '["127.0.0.0/8"]',
        "framing": "2be",
        "dialect": "ascii87",
        "mac": "aes-cmac",
        "entry": "",
        **given,
    }
    framing = values["framing"] if values["framing"].startswith("{") else f'"{values["framing"]}"'
    mac = values["mac"] if values["mac"].startswith("{") else f'"{values["mac"]}"'
    write_keystore(folder, mac_of(values["mac"]))
    path = folder / "qianzhi.toml"
    path.write_text(
        _SETTINGS.format(
            database=database, bank=BANK, other=OTHER_BANK, **{**values, "framing": framing, "mac": mac}
        )
    )
    return load_settings(path)


def write_keystore(folder: Path, mac: MacMethod = MacMethod.AES_CMAC) -> None:
    """The keys of `write_settings`, and the master key that opens them; `mac` is the first bank's."""
    path = folder / "master.key"
    path.touch(mode=0o600)
    path.write_text(MASTER_KEY.hex())
    keys = {
        FRONT: checked(KeyKind.BLAKE2B, Secret(FRONT_KEY)),
        SEAL: checked(KeyKind.ED25519, Secret(SEAL_KEY)),
        zmk_name(BANK): checked(zmk_kind(mac), Secret(ZMK)),
        zmk_name(OTHER_BANK): checked(KeyKind.AES, Secret(ZMK)),
    }
    (folder / "keystore").unlink(missing_ok=True)
    Keystore.create(folder / "keystore", MasterKey(Secret(MASTER_KEY)), keys, os.urandom)


class Machine:
    """One running front-end machine."""

    def __init__(self, settings: Settings, clock: WallClock | None = None) -> None:
        """`clock` is its wall clock; without one it stands still, in the morning of the tests' date."""
        self.settings = settings
        _run_reactor()
        self.service = Service(
            settings,
            World(
                reactor,
                clock or still(NOON),
                os.urandom,
                in_thread=deferToThread,
                room=lambda _: ROOMY,
            ),
            lambda: load_settings(settings.keystore.path.with_name("qianzhi.toml")),
        )
        wait_for(self.service.start)
        self._stopped = False

    def stop(self) -> None:
        """Stop gracefully, and wait for it."""
        if not self._stopped:
            self._stopped = True
            wait_for(self.service.stop)

    def cut_over(self, **arguments: object) -> str:
        """Have the operator cut over, the open date unless another is named; the date that follows."""
        named = {"date": self.service.engine.business_date, **arguments}
        return str(ask(Path(self.settings.node.control), "cutover", **named)["next_date"])

    def port(self, bank: str = BANK) -> int:
        return self.service.bank_ports[bank]

    def until_ready(self, code: int) -> str:
        """Ask /readyz until it answers `code`, and return its body."""
        deadline = monotonic() + 60
        while True:
            answered, body = self.get("/readyz")
            if answered == code:
                return body
            assert monotonic() < deadline, body

    def get(self, path: str) -> tuple[int, str]:
        """A page of the status port: HTTP status and body."""
        url = f"http://127.0.0.1:{self.service.status_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=SOCKET_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def client(self, bank: str = BANK) -> Client:
        """A connected bank, not signed on."""
        entry = next(entry for entry in self.settings.bank if entry.code == bank)
        return Client(self.port(bank), bank, entry.framing, entry.dialect, entry.mac)

    @contextmanager
    def signed_on(self, bank: str = BANK) -> Iterator[Client]:
        """A bank that has signed on."""
        with self.client(bank) as client:
            client.sign_on()
            yield client


class Client:
    """A bank's bare socket: frames, MACs, nothing remembered."""

    def __init__(
        self,
        port: int,
        bank: str = BANK,
        framing: Framing = Framing.BE2,
        dialect: str = "ascii87",
        mac: MacMethod = MacMethod.AES_CMAC,
    ) -> None:
        self._begin(
            socket.create_connection(("127.0.0.1", port), timeout=SOCKET_SECONDS), bank, framing, dialect, mac
        )

    @classmethod
    def over(
        cls, connected: socket.socket, bank: str, framing: Framing, dialect: str, mac: MacMethod
    ) -> Client:
        """A bank on a socket that is connected already."""
        client = cls.__new__(cls)
        client._begin(connected, bank, framing, dialect, mac)
        return client

    def _begin(
        self, connected: socket.socket, bank: str, framing: Framing, dialect: str, mac: MacMethod
    ) -> None:
        self.bank, self.framing, self.mac = bank, framing, mac
        self.codec = Codec(load(dialect), mac.cover)
        self.socket = connected
        self.key: MacKey | None = None
        self.zmk = ZMK
        self.last_body = b""
        self._reader = FrameReader(framing)
        self._frames: list[bytes] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def sign_on(self, code: str = "001", bank: str | None = None) -> Message:
        """Sign on (or with 101 change keys), and take the key that the answer carries."""
        request = network(bank or self.bank, Stamp("1124101112", "000001"), code)
        answer = self.ask(request, sealed=code != "001")
        if answer.fields[39] == "00":
            self.take_key(answer)
        return answer

    def bring_key(self, code: str = "001", zmk: bytes = b"") -> Message:
        """Sign on (or with 101 change keys) with a key that this bank makes, and take it into use if it is
        approved; `zmk` is what it is wrapped under, in place of the agreed one.
        """
        own = own_key(self.mac, zmk or self.zmk, self.codec.dialect.de48_encoding, urandom)
        request = network(self.bank, Stamp("1124101112", "000001"), code)
        answer = self.ask(Message("0800", {**request.fields, 48: own.groups}), sealed=code != "001")
        if answer.fields[39] == "00":
            self.key = own.key
        return answer

    def take_key(self, answer: Message) -> None:
        groups = parse(answer.fields[48], self.codec.dialect.de48_encoding)
        key = MacKey(self.mac, unwrap(self.zmk, first(groups, "KA") or "", self.mac))
        assert key.check_value == first(groups, "CA")
        self.key = key

    def ask(self, message: Message, *, sealed: bool = True) -> Message:
        """Send and wait for the next answer."""
        self.send(message, sealed=sealed)
        return self.receive()

    def send(self, message: Message, *, sealed: bool = True) -> None:
        if sealed and self.key is not None:
            self.send_body(self.codec.seal(message, self.key.mac))
        else:
            self.send_body(self.codec.encode(message))

    def send_body(self, body: bytes) -> None:
        self.socket.sendall(wrap(self.framing, body, self.framing.head.sample()))

    def receive(self) -> Message:
        """The next message; its MAC is checked, and then left out of what is returned."""
        while not self._frames:
            data = self.socket.recv(65536)
            assert data, "the front-end machine closed the link"
            self._frames.extend(frame.body for frame in self._reader.feed(data))
        self.last_body = body = self._frames.pop(0)
        message = self.codec.decode(body)
        split = self.codec.mac_of(body, message)
        if split is None:
            return message
        assert self.key is not None
        assert self.key.verify(self.codec.mac_input(split[0]), split[1]), "the answer's MAC is wrong"
        return without_mac(message)

    def is_closed(self) -> bool:
        """Wait until the other side closes; False if it says something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def load_front_book(settings: Settings, given: Book | None = None) -> None:
    """Make the front book and load the day's dues into it. An SQLite book of the usual dues is a copy of one
    that was loaded before.
    """
    url = make_url(settings.node.database)
    if given is None and url.get_backend_name() == "sqlite" and _is_unused(Path(str(url.database))):
        Path(str(url.database)).write_bytes(_usual_file())
        Store(settings.node.database).close()  # makes the file of the lock beside it
    else:
        load_database(settings.node.database, given)


def load_database(url: str, given: Book | None = None) -> None:
    """Make the front book in a database and load dues into it, the usual ones where none are given."""
    front_key = FrontKey(FRONT_KEY)
    store = Store(url)
    try:
        FrontBook(store, front_key.check_value, urandom).create()
        load_book(store, given or book(), front_key.identity, 1)
    finally:
        store.close()


@cache
def _usual_file() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "front.db")
        load_database(f"sqlite:///{path}")
        return path.read_bytes()


def _is_unused(path: Path) -> bool:
    """Whether there is no file yet, or one that has its tables and no row."""
    if not path.exists():
        return True
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM facts").fetchone() == (0,)


class Books:
    """What the database says, read by SQL of the tests' own."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, lock=False)

    def close(self) -> None:
        self._store.close()

    def rows(self, sql: str, **values: object) -> Sequence[Any]:
        with self._store.reading() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def execute(self, sql: str, **values: object) -> None:
        """Change the database behind the machine's back."""
        with self._store.transaction() as connection:
            connection.execute(text(sql), values)

    def due(self, due: str) -> tuple[str, str, int]:
        """A due's state, the key it is settled by, and its sequence."""
        return tuple(self.rows("SELECT state, settled_by, sequence FROM dues WHERE due = :due", due=due)[0])  # type: ignore[return-value]

    def responses(self) -> list[tuple[str, str]]:
        """Kind and response of every entry, in order."""
        return list(self.rows("SELECT kind, response FROM journal ORDER BY chain, position"))

    def totals(self, bank: str = BANK) -> Totals:
        names = ", ".join(Totals._fields)
        rows = self.rows(f"SELECT {names} FROM bank_days WHERE bank = :bank", bank=bank)  # noqa: S608 - constant names
        return Totals(*rows[0]) if rows else Totals()

    def broken(self) -> list[Any]:
        """Every broken link of every chain."""
        with self._store.reading() as connection:
            return [
                link
                for chain in read_chains(connection)
                for link in broken_links(list(read_entries(connection, chain.chain)), chain)
            ]


def records(config: Path) -> list[tuple[str, ...]]:
    """Who did what, as the book of these settings has it: person, act, subject, note."""
    books = Books(load_settings(config).node.database)
    try:
        return list(books.rows("SELECT by, act, subject, note FROM audit_log ORDER BY number"))
    finally:
        books.close()
