"""Nothing leaks from the front: marked secrets go in by every door, faults included, and all that comes out
is searched for them.

The machine is a process of its own, its faults are put in by tests.support.canary_machine. Beside each
channel stands a witness, a text that must be found in it: a channel that was not collected, or not read,
fails.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from fep.settings.config import Settings, load_settings
from fep.setup.certificates import self_signed
from ledger.files.bookfile import PolicyDues, write
from ledger.rules.dues import Policy
from protocol.framing import Framing
from protocol.keyblock import unwrap
from protocol.mac import MacMethod
from protocol.message import Message
from protocol.tlv import first, parse
from simulators.processes import ports_of, run
from tests.support import canary, canary_machine
from tests.support.builders import (
    BANK,
    DATE,
    benefit,
    book,
    cancel,
    inquiry,
    message,
    original,
    premium,
    reversal,
    totals,
)
from tests.support.canary import (
    CARD,
    IDENTITY,
    OTHER_IDENTITY,
    PIN_BLOCK,
    SHORT_CARD,
    Mark,
    key_mark,
    text_mark,
)
from tests.support.child_processes import running
from tests.support.machine import (
    FRONT_KEY,
    MASTER_KEY,
    SEAL_KEY,
    SOCKET_SECONDS,
    ZMK,
    Books,
    Client,
    load_front_book,
    write_settings,
)

POISON = "P-POISON"
NODE = "canary-node"
PIN = PIN_BLOCK.hex().upper()
KEYS = (("ZMK", ZMK), ("front key", FRONT_KEY), ("seal key", SEAL_KEY), ("master key", MASTER_KEY))


@dataclass
class Front:
    """The machine under test, and what has come out of it so far."""

    folder: Path
    database: str
    settings: Settings
    dialect: str
    marks: list[Mark]
    ports: dict[str, int] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def client(self) -> Client:
        return Client(self.ports[BANK], BANK, Framing.BE2, self.dialect, MacMethod.AES_CMAC)

    @contextmanager
    def signed_on(self) -> Iterator[Client]:
        with self.client() as bank:
            answer = bank.sign_on()
            groups = parse(answer.fields[48], bank.codec.dialect.de48_encoding)
            session_key = unwrap(ZMK, first(groups, "KA") or "", MacMethod.AES_CMAC)
            self.marks.append(key_mark("session key", session_key))
            yield bank

    def ask(self, bank: Client, sent: Message) -> str:
        """Send, and keep the answer without the card number that it echoes, its receipt apart; its DE 39."""
        answer = bank.ask(sent)
        kept = {number: text for number, text in answer.fields.items() if number != 2}
        self.receipts.append(kept.pop(62, ""))
        self.answers.append(str(kept))
        self.codes.append(answer.fields[39])
        return answer.fields[39]

    def run(self, *arguments: str) -> int:
        """A command of the operator's; what it says is kept."""
        done = run(*arguments)
        self.outputs.append(done.stdout + done.stderr)
        return done.returncode

    def page(self, path: str, method: str = "GET") -> bytes:
        """A page of the status port."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.ports['status']}{path}", method=method)
        try:
            with urllib.request.urlopen(asked, timeout=SOCKET_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())

    def feed(self, query: str) -> bytes:
        """What an open status page is told first."""
        asked = f"http://127.0.0.1:{self.ports['status']}/feed{query}"
        with urllib.request.urlopen(asked, timeout=SOCKET_SECONDS) as answer:
            return next(bytes(line) for line in answer if line.startswith(b"data: "))


def dues() -> tuple[Any, ...]:
    paid = [benefit(f"B{n}", f"PB{n}")._replace(beneficiary=IDENTITY, payee=canary.PAYEE) for n in (1, 2, 3)]
    owed = [premium(f"D{n}", f"P{n}") for n in range(1, 8)]
    faulty = (POISON, canary_machine.FAULT, canary_machine.UNSENT)
    return (*owed, *paid, *(premium(f"D-{name}", name) for name in faulty))


def with_password(url: str) -> str:
    """The database's URL with a password, which the tests' own server does not ask for."""
    given = make_url(url)
    if given.get_backend_name() == "sqlite":
        return url
    return given.set(password=canary.PASSWORD).render_as_string(hide_password=False)


def installed(folder: Path, database: str, dialect: str) -> tuple[Settings, list[Mark]]:
    """Settings with a database password and a second bank that comes over TLS; the marks of their secrets."""
    write_settings(
        folder, with_password(database), dialect=dialect, limits="bad_macs = 100\nstrays_a_minute = 1000"
    )
    made = self_signed(NODE, datetime.now(UTC))
    (folder / "machine.key").touch(mode=0o600)
    (folder / "machine.key").write_bytes(made.key)
    (folder / "machine.crt").write_bytes(made.certificate)
    path = folder / "qianzhi.toml"
    head, plain, _ = path.read_text().rpartition('transport = "plain"')
    assert plain
    text = head.replace('name = "fep1"', f'name = "{NODE}"') + f'pins = ["{"ab" * 32}"]\n'
    path.write_text(text + '[tls]\ncertificate_file = "machine.crt"\nkey_file = "machine.key"\n')
    lines = frozenset(line for line in made.key.splitlines() if len(line) == 64)
    marks = [*canary.PERSONS, *canary.PINS, Mark("TLS key", lines)]
    return load_settings(path), marks + [key_mark(kind, key) for kind, key in KEYS]


def poison(books: Books) -> None:
    """Have the database refuse one policy's entries; what PostgreSQL says of it has the whole row."""
    if books.rows("SELECT 1") and books._store.is_sqlite:
        books.execute(
            f"CREATE TRIGGER poison BEFORE INSERT ON journal WHEN NEW.policy = '{POISON}'"
            " BEGIN SELECT RAISE(ABORT, 'poison'); END"
        )
    else:
        books.execute(f"ALTER TABLE journal ADD CONSTRAINT poison CHECK (policy <> '{POISON}')")


def kept(front: Front, lines: Iterable[str]) -> Iterator[str]:
    """The lines, each of them kept among the outputs."""
    for line in lines:
        front.outputs.append(line)
        yield line


@contextmanager
def serving(front: Front) -> Iterator[subprocess.Popen[str]]:
    """The machine, its standard streams in files."""
    secrets = front.folder / "secrets"
    secrets.write_text(
        " ".join((CARD, SHORT_CARD, IDENTITY, OTHER_IDENTITY, PIN, ZMK.hex(), canary.PASSWORD))
    )
    config, result = front.folder / "qianzhi.toml", front.folder / "dumpable"
    command = [sys.executable, "-m", "tests.support.canary_machine", str(config), str(secrets), str(result)]
    with (front.folder / "log").open("w") as log, running(command, SOCKET_SECONDS, stderr=log) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        front.ports.update(ports_of(kept(front, lines)))
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        front.outputs.append(process.stdout.read())
    assert process.returncode == 0


def trade(front: Front) -> None:
    """Good transactions and refusals, each with a card number, the others with what they may carry."""
    with front.signed_on() as bank:
        collected = message(de2=CARD)
        paid = message(groups=(("PN", "PB1"), ("IN", IDENTITY)), de2=CARD, de3="260000", de4="000000500000")
        undone = message(groups=(("PN", "P2"),), de2=SHORT_CARD)
        for sent in (
            collected,
            collected,
            Message("0200", {**collected.fields, 2: SHORT_CARD}),
            paid,
            message(
                groups=(("PN", "PB2"), ("IN", OTHER_IDENTITY)), de2=CARD, de3="260000", de4="000000500000"
            ),
            undone,
            cancel(undone, groups=(("PN", "P2"),), de2=SHORT_CARD),
            reversal(collected, de2=CARD),
            reversal(message(groups=(("PN", IDENTITY),)), de2=CARD),
            message("0220", groups=(("PN", "P3"),), de2=CARD),
            message(groups=(("PN", "P3"),), de2=CARD),
            message("0220", groups=(("PN", IDENTITY), ("DU", CARD)), de2=CARD),
            message(groups=(("PN", CARD),), de2=CARD),
            message(groups=(("PN", "P4"), ("DU", IDENTITY)), de2=CARD),
            message(groups=(("PN", "P4"), ("IN", IDENTITY), ("PI", PIN)), de2=CARD),
            message(groups=(("PN", "P5"),), de2=CARD, de35=f"{CARD}=2912", de4="000000000001"),
            message(groups=(("PN", "P5"),), de2=CARD, de3="999999"),
            message(groups=(("PN", "P5"),), de2=CARD, de49="840"),
            message("0300", de2=CARD),
            inquiry((("PN", IDENTITY),), de2=CARD),
            inquiry((("PN", "P1"), ("IN", IDENTITY)), "311000", de2=CARD),
            inquiry((("RN", CARD),), "313000"),
            inquiry((), "312000", de90=original(paid)),
            inquiry((), "313000", de90=original(paid)),
            totals(),
        ):
            front.ask(bank, sent)


def send_pins(front: Front) -> None:
    """A PIN in every field that is made for one: refused with 40."""
    with front.signed_on() as bank:
        for pins in (
            {"de52": PIN},
            {"de53": PIN_BLOCK.hex().replace("f", "0")[:16].translate(_DIGITS)},
            {"de125": PIN},
        ):
            assert front.ask(bank, message(groups=(("PN", "P6"),), de2=CARD, **pins)) == "40"


_DIGITS = str.maketrans("abcdefABCDEF", "123456123456")


def send_damaged(front: Front) -> None:
    """The same message damaged in many places, a mark in each; then what cannot even be delimited."""
    with front.client() as bank:  # a link's first entry in the log is written, and not counted with others
        bank.send_body(IDENTITY.encode() + CARD.encode() + PIN_BLOCK)
        front.answers.append(str(bank.sign_on().fields[39]))
    with front.signed_on() as bank:
        assert bank.key is not None
        whole = bank.codec.seal(
            message(groups=(("PN", "P7"), ("IN", IDENTITY)), de2=CARD, de52=PIN), bank.key.mac
        )
        bodies = [whole[:size] for size in range(3, len(whole), 7)]
        bodies += [whole[:at] + b"\xff" + whole[at + 1 :] for at in range(0, len(whole), 5)]
        bodies += [whole + IDENTITY.encode(), CARD.encode(), PIN_BLOCK, b"{" + whole, whole[:-8] + PIN_BLOCK]
        for body in bodies:
            bank.send_body(body)
        bank.send(Message("0800", {7: "1124101112", 11: "999999", 32: BANK, 70: "301"}))
        while (answer := bank.receive()).fields.get(11) != "999999" or answer.mti != "0810":
            front.answers.append(str({n: text for n, text in answer.fields.items() if n != 2}))
    for port in front.ports.values():  # no frame, no TLS, no HTTP
        with socket.create_connection(("127.0.0.1", port), timeout=SOCKET_SECONDS) as connection:
            connection.sendall(b"\xff\xff" + IDENTITY.encode() + CARD.encode() + PIN_BLOCK + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while said := connection.recv(4096):
                    front.answers.append(repr(said))


def make_fail(front: Front) -> None:
    """A refusal of the database, an exception in the rules, and one while the answer is written."""
    with front.signed_on() as bank:
        for policy in (POISON, canary_machine.FAULT):
            assert front.ask(bank, message(groups=(("PN", policy), ("IN", IDENTITY)), de2=CARD)) == "96"
        bank.send(message(groups=(("PN", canary_machine.UNSENT), ("IN", IDENTITY)), de2=CARD))
        assert bank.is_closed()  # what goes wrong in a link ends it
    with front.signed_on() as bank:
        front.ask(bank, totals())


def operate(front: Front) -> bytes:
    """The control socket, and the operator's commands, with marks where they do not belong; its answers."""
    config = str(front.folder / "qianzhi.toml")
    said = b""
    for line in (
        f'{{"command": "{IDENTITY}"}}',
        f'{{"command": "cutover", "date": "{IDENTITY}"}}',
        f'{{"command": "cutover", "date": {CARD}}}',
        f'{{"command": "load", "path": "{CARD}"}}',
        f'{{"command": "load", "path": "/\\u0000{CARD}"}}',
        f'{{"command": ["{IDENTITY}"]}}',
        f"{IDENTITY} {PIN}",
    ):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(front.settings.node.control)
            connection.settimeout(SOCKET_SECONDS)
            connection.sendall(line.encode() + b"\n")
            with connection.makefile("rb") as answer:
                said += answer.readline()
    bad = front.folder / "bad.csv"
    good = b"".join(write("20261124", [PolicyDues(Policy("PX", "active", "张三"), (dues()[-4],))]))
    bad.write_bytes(good.replace(b"PX,active", f"{IDENTITY},{CARD}".encode()))
    assert front.run("book", "load", str(bad), "--config", config) == 1
    settings = Path(config)
    text = settings.read_text()
    settings.write_text(text.replace('name = "Bank under test"', f'name = ["{canary.PASSWORD}"]'))
    assert front.run("reload", "--config", config) == 1
    settings.write_text(text.replace(f'name = "{NODE}"', 'name = "another"'))
    assert front.run("reload", "--config", config) == 1
    settings.write_text(text)
    assert front.run("day", "cutover", "--config", config, "--early", "--date", DATE) == 0
    assert front.run("day", "status", "--config", config) == 0
    assert front.run("journal", "verify", "--config", config) == 0
    return said


def database_bytes(books: Books, front: Front) -> bytes:
    """All that the database holds: SQLite's files as they are, its WAL too; PostgreSQL's rows, and where they
    are on this machine the database's files that were written since the machine started.
    """
    if books._store.is_sqlite:
        path = Path(str(make_url(front.database).database))
        assert path.with_name(path.name + "-wal").stat().st_size > 0
        return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))
    names = books.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [books.rows(f"SELECT row_to_json(t)::text FROM {name} AS t") for (name,) in names]  # noqa: S608
    kept = list(_files_of_postgresql(books, (front.folder / "secrets").stat().st_mtime))
    assert not kept or any(b"T0000001" in content for content in kept), (
        "the files are not those of this database"
    )
    return str(rows).encode() + b"".join(kept)


def _files_of_postgresql(books: Books, since: float) -> Iterator[bytes]:
    """What the server has on its disk, of this database; nothing if it is not for us to see.

    Rows that were rolled back are there too. Not its WAL, which is all databases': other tests' too.
    """
    if not books.rows("SELECT 1 FROM pg_roles WHERE rolsuper AND rolname = current_user"):
        return
    with psycopg.connect(with_driver_of_its_own(books), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    [(folder, oid)] = books.rows(
        "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
    )
    place = Path(folder, "base", str(oid))
    for file in place.iterdir() if place.is_dir() else ():
        if file.is_file() and file.stat().st_mtime >= since:
            yield re.sub(b"\x00{32,}", b"\x00" * 8, file.read_bytes())


def with_driver_of_its_own(books: Books) -> str:
    """The database's URL as psycopg itself takes it."""
    url = books._store.url.set(drivername="postgresql")
    return str(url.render_as_string(hide_password=False))


def unwitnessed(channels: dict[str, bytes]) -> list[tuple[str, str]]:
    """What is not found in a channel that must hold it, searched for as the marks are."""
    return [
        (name, witness)
        for name, witnesses in WITNESSES.items()
        for witness in witnesses
        if not text_mark(name, witness).is_in(channels[name])
    ]


DIALECTS = {"sqlite": "ebcdic87", "postgresql": "bcd87"}


def core_limits(text: str) -> list[str]:
    """The soft and the hard limit of core files, as /proc/PID/limits has them."""
    [line] = [line for line in text.splitlines() if line.startswith("Max core file size")]
    return line.split()[4:6]


def everything(front: Front, books: Books) -> dict[str, bytes]:
    """Drive the machine through all of it, and collect what has come out."""
    with serving(front) as process:
        limits = Path(f"/proc/{process.pid}/limits").read_bytes()
        trade(front)
        send_pins(front)
        send_damaged(front)
        make_fail(front)
        queries = f"?identity={IDENTITY}&card={CARD}"
        pages = {name: front.page(f"/{name}{queries}") for name in ("status", "metrics", "healthz", "readyz")}
        pages |= {"page": front.page(f"/{queries}"), "feed": front.feed(queries)}
        missing = front.page(f"/{IDENTITY}/{CARD}")
        control = operate(front)
        held = database_bytes(books, front)
    return {
        "log": (front.folder / "log").read_bytes(),
        "standard output": "".join(front.outputs).encode(),
        "answers": "\n".join(front.answers).encode(),
        "receipts": "\n".join(front.receipts).encode(),
        **pages,
        "missing page": missing,
        "control socket": control,
        "database": held,
        "core limits": limits,
    }


WITNESSES = {
    "log": (
        f"serving as {NODE}",
        "undecodable message",
        "in failing_fold",
        "in failing_render",
        "BatchRefused",
        "a command failed",
    ),
    "standard output": ("every link holds", "not one of active", "takes a restart", "is closed"),
    "answers": ("IDENTITY DIFFERS", "PIN DATA IS NOT ACCEPTED", "FAULT, NOTHING WAS DONE"),
    "receipts": (canary.PAYEE,),
    "status": (NODE,),
    "metrics": ("qianzhi_answers_total",),
    "page": ("<title>Qianzhi",),
    "feed": ('"kind":"signed_on"', NODE),
    "missing page": ("Try /status",),
    "control socket": (
        "no such command",
        "a fault in the machine",
        "load needs the absolute path",
        "YYYYMMDD: nothing was done",
    ),
    "database": ("P-FAULT", "NO SUCH POLICY", canary.PAYEE),
    "core limits": ("Max core file size",),
}
SHORT_WITNESSES = {"healthz": b"ok\n", "readyz": b"ok\n"}
OUTCOMES = (
    "00 00 94 00 76 00 00 00 21 00 12 00 25 25 00 40 40 30 40 25 00 25 00 00 95"  # trade
    " 40 40 40"  # send_pins
    " 96 96 95"  # make_fail
)


def test_nothing_that_comes_out_of_the_front_holds_a_secret(tmp_path: Path, database: str) -> None:
    dialect = DIALECTS[make_url(database).get_backend_name()]
    settings, marks = installed(tmp_path, database, dialect)
    load_front_book(settings, book(dues=dues()))
    books = Books(database)
    poison(books)
    front = Front(tmp_path, database, settings, dialect, marks)
    channels = everything(front, books)
    books.close()
    assert set(channels) == {*WITNESSES, *SHORT_WITNESSES}
    assert {name: channels[name] for name in SHORT_WITNESSES} == SHORT_WITNESSES
    assert unwitnessed(channels) == []
    assert " ".join(front.codes) == OUTCOMES
    kind = canary.PAYEE_MARK.kind
    of_payee = [("receipts", kind), ("database", kind)]  # who is paid is named in the book and on the receipt
    assert canary.leaks(front.marks, channels) == of_payee
    assert core_limits(channels["core limits"].decode()) == ["0", "0"]
    assert (tmp_path / "dumpable").read_text() == "0"
