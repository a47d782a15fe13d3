"""Nothing leaks from what a command or the office reads: files, settings, ceremonies, errors of databases.

Marked secrets stand where a file or a person may put them by mistake. What is searched is all that an error
could show: its text, its repr, and the interpreter's own traceback, chain included. What a running front
gives out, test_canary.py looks at.
"""

from __future__ import annotations

import base64
import io
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.engine import make_url

from console.keys import keys
from console.main import cli
from fep.keys.hsm import Token
from fep.keys.keys import HeldZmk, KeyKind, checked
from fep.keys.keystore import MasterKey
from fep.links.request_parser import Groups
from fep.operator.identity import at_keyboard
from fep.process.logtext import traceback_text
from fep.settings.config import load_settings
from fep.setup.certificates import Certificate
from ledger.book.store import BadDatabaseUrl, Store
from ledger.errors import BatchRefused, LedgerError, Unavailable
from ledger.files import bankfile, layout
from ledger.files.bankline import BankLine
from ledger.files.bookfile import parse
from ledger.files.bookline import HEADER
from ledger.rules.secret import Secret
from office.config import load_settings as load_office_settings
from protocol.card_number import masked_card
from protocol.framing import Frame
from protocol.message import Message
from protocol.tlv import Group
from simulators.days.discrepancies import Counts
from tests.support import canary, softhsm
from tests.support.builders import BANK, DATE, benefit
from tests.support.canary import (
    CARD,
    COMPONENTS,
    IDENTITY,
    PASSWORD,
    PIN_BLOCK,
    SHORT_CARD,
    TOKEN_PIN,
    key_mark,
)
from tests.support.closing_days import BANKS, LAYOUTS, SEALER, World
from tests.support.machine import MASTER_KEY, write_settings

MARKS = (*canary.PERSONS, *canary.PINS, *canary.PARTS, key_mark("master key", MASTER_KEY))
IN_FILES = (
    CARD,
    SHORT_CARD,
    IDENTITY,
    IDENTITY.lower(),
    f"{CARD} {IDENTITY}",
    f'"{IDENTITY}',
    IDENTITY + "\x00",
    f"{canary.PAYEE}\t",
    "",
)


def shown(error: BaseException) -> bytes:
    """All that anybody could print of an error."""
    lines = traceback.format_exception(error)
    return "\n".join([str(error), repr(error), repr(error.__cause__), *lines, traceback_text(error)]).encode()


def repr_of(one: object) -> bytes:
    """The repr of a thing, in a container, and of what it consists of."""
    return f"{one!r} {[one]} {vars(one) if hasattr(one, '__dict__') else ''}".encode()


def leaks(outputs: dict[str, bytes]) -> list[tuple[str, str]]:
    return canary.leaks(MARKS, outputs)


# The search itself.

WRITTEN: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "EBCDIC": lambda secret: secret.encode("cp500"),
    "UTF-16": lambda secret: secret.encode("utf-16"),
    "GB18030": lambda secret: secret.encode("gb18030"),
    "hex": lambda secret: secret.encode().hex().upper().encode(),
    "hex of EBCDIC": lambda secret: secret.encode("cp500").hex().encode(),
    "base64": lambda secret: base64.b64encode(secret.encode()),
    "base64 within": lambda secret: base64.b64encode(b"it is " + secret.encode() + b" indeed"),
    "repr": lambda secret: repr({"value": secret}).encode(),
    "lower case": lambda secret: secret.lower().encode(),
    "pairs reversed": lambda secret: "".join(
        secret[n : n + 2][::-1] for n in range(0, len(secret), 2)
    ).encode(),
}
PACKED: dict[str, Callable[[str], bytes]] = {
    "BCD": lambda digits: bytes.fromhex("0" + digits),
    "BCD to the left": lambda digits: bytes.fromhex(digits + "F"),
    "BCD, pairs reversed": lambda digits: bytes.fromhex(
        "".join(("0" + digits)[n : n + 2][::-1] for n in range(0, len(digits), 2))
    ),
    "the middle alone": lambda digits: digits[6:-4].encode(),
}
OF_KEY: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "reversed": lambda key: key[::-1],
    "hex": lambda key: key.hex().encode(),
    "base64": base64.b64encode,
    "repr": lambda key: repr({"key": key}).encode(),
    "blanks between": lambda key: key.hex(" ").encode(),
}


def test_a_secret_is_found_however_it_was_written() -> None:
    planted = {
        f"{kind} {name}": b"before " + write(secret) + b" after"
        for kind, secret in (("card number", CARD), ("identity number", IDENTITY))
        for name, write in WRITTEN.items()
    }
    planted |= {f"card number {name}": b"\x00" + write(CARD) + b"\x00" for name, write in PACKED.items()}
    planted |= {f"component {name}": b"\x00" + write(COMPONENTS[0]) for name, write in OF_KEY.items()}
    planted |= {f"PIN block {name}": b"\x00" + write(PIN_BLOCK) for name, write in OF_KEY.items()}
    assert {name for name, _ in leaks(planted)} == set(planted)
    assert [kind for name, kind in leaks(planted) if not name.startswith(kind)] == []


def test_what_is_shown_masked_is_not_taken_for_a_secret() -> None:
    assert leaks({"log": b"622202*********0987 **************007X 62220298 Secret(16 bytes)"}) == []


# Files.


def dues_file(column: int, value: str) -> bytes:
    """A file of one benefit, with a value in one of its columns, the trailer's after the row's."""
    rows = [
        ["P1", "active", "张三", "B1", "260000", "20261120", "500000", IDENTITY, canary.PAYEE],
        ["WITHDRAWN", "P2", "", "B2", "500000", "20261120", "100", "", ""],
        ["TOTAL", DATE, "1", "1", "0", "500000", "1", "", ""],
    ]
    rows[column // 9][column % 9] = value
    return "\n".join([HEADER, *map(",".join, rows), ""]).encode()


def test_no_fault_of_a_file_of_dues_repeats_what_stands_there() -> None:
    outputs = {}
    whole = dues_file(0, "P1")
    files = [dues_file(column, value) for column in range(27) for value in IN_FILES]
    files += [whole[:size] for size in range(len(HEADER), len(whole), 5)]
    files += [
        whole.replace(IDENTITY.encode(), bad) for bad in (IDENTITY.encode() + b"\xff", IDENTITY[1:].encode())
    ]
    for number, file in enumerate(files):
        try:
            parse(file)
        except LedgerError as error:
            outputs[f"file {number}"] = shown(error)
    assert len(outputs) > 150
    assert leaks(outputs) == []


LINE = BankLine(
    1,
    "T0000001",
    "B00000000000001",
    "20261124101112",
    "000001",
    "RRN000000001",
    "500000",
    "P1",
    "D1",
    100,
    "R1",
    "S",
)


@pytest.mark.parametrize("name", layout.shipped())
def test_no_fault_of_a_banks_file_repeats_what_stands_there(name: str) -> None:
    of_bank = layout.load(name)
    good = b"".join(bankfile.write(of_bank, BANK, DATE, [LINE]))
    files = [
        good[:at] + CARD.encode() + good[at + len(CARD) * cut :]
        for at in range(0, len(good), 3)
        for cut in (0, 1)
    ]
    files += [good[:at] + IDENTITY.encode() + b"\xff" + good[at:] for at in range(0, len(good), 5)]
    files += [good[:size] + CARD.encode() for size in range(0, len(good), 7)]
    outputs = {}
    for number, file in enumerate(files):
        try:
            list(bankfile.read(of_bank, io.BytesIO(file), BANK, DATE))
        except LedgerError as error:
            outputs[f"file {number}"] = shown(error)
    assert len(outputs) > len(files) // 2
    assert leaks(outputs) == []


# Settings and keys.

SECRET_PLACES = (
    ("database = ", f'database = "postgresql+psycopg://fep:{PASSWORD}/x@db/front"'),
    ("database = ", f'database = "postgresql+psycopg://fep:{PASSWORD}[@db/front"'),
    ("database = ", f'database = "postgresql+psycopg://fep:x@db:{PASSWORD}/front"'),
    ("database = ", f'database = ["postgresql+psycopg://fep:{PASSWORD}@db/front"]'),
    ("database = ", f'database = "postgresql+psycopg://fep:{PASSWORD}@db/front'),
    ("master_key = ", f'master_key = "{MASTER_KEY.hex()}"'),
    ("master_key = ", f"master_key = {MASTER_KEY.hex()}"),
    ("master_key = ", f'master_key = "file:master.key"\npin = "{TOKEN_PIN}"'),
    ("transport = ", f'transport = "{PASSWORD}"'),
    ("mac = ", f'mac = "{COMPONENTS[0].hex()}"'),
    ("dialect = ", f'dialect = "{COMPONENTS[0].hex()}"'),
    ("port = ", f'port = "{PASSWORD}"'),
)


def test_no_fault_of_the_settings_repeats_a_secret(tmp_path: Path) -> None:
    write_settings(tmp_path, "sqlite:///front.db")
    path = tmp_path / "qianzhi.toml"
    good, outputs = path.read_text(), {}
    for number, (key, line) in enumerate(SECRET_PLACES):
        path.write_text(re.sub(f"(?m)^{key}.*$", line.replace("\\", ""), good, count=1))
        with pytest.raises(LedgerError) as raised:
            Store(load_settings(path).node.database)
        outputs[f"settings {number}"] = shown(raised.value)
    office_file = tmp_path / "office.toml"
    office_file.write_text(
        f'[office]\ndatabase = ["{PASSWORD}"]\nfront = 1\nseal_key = "{MASTER_KEY.hex()}x"\n'
    )
    with pytest.raises(LedgerError) as raised:
        load_office_settings(office_file)
    outputs["office"] = shown(raised.value)
    assert leaks(outputs) == []


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://fep:{PASSWORD}@db/front"
    store = Store(url)
    key = checked(KeyKind.AES, Secret(COMPONENTS[0]))
    things: list[Any] = [
        write_settings(tmp_path, url),
        store.url,
        store.__dict__,
        Message("0200", {2: CARD, 52: PIN_BLOCK.hex().upper()}),
        Frame(CARD.encode() + PIN_BLOCK),
        Group("IN", IDENTITY),
        Groups(identity=IDENTITY),
        benefit()._replace(beneficiary=IDENTITY, payee=canary.PAYEE),
        Certificate(b"certificate", COMPONENTS[0].hex().encode(), "ab"),
        key,
        HeldZmk(key),
        MasterKey(Secret(MASTER_KEY)),
        Secret(TOKEN_PIN.encode()),
    ]
    store.close()
    assert leaks({type(thing).__name__: repr_of(thing) for thing in things}) == []


def test_no_command_on_keys_repeats_what_was_typed(tmp_path: Path) -> None:
    write_settings(tmp_path, "sqlite:///front.db")
    one, two = (part.hex() for part in COMPONENTS)
    name = f"zmk/{BANK}"
    tried = {
        "good": (("load", name, "--replace"), f"{one}\ny\nli\n{two}\ny\nwang\ny\n"),
        "not the custodian's": (
            ("load", name, "--replace"),
            f"{one}\nn\n{one}z\n{one[:-1]}\n{one[2:]}\n",
        ),
        "equal": (("load", name, "--replace"), f"{one}\ny\nli\n{one}\ny\nwang\ny\n"),
        "as a name": (("load", one), ""),
        "as a source": (("rewrap", MASTER_KEY.hex()), ""),
        "no such file": (("rewrap", "env:NOTHING"), ""),
        "list": (("list",), ""),
    }
    outputs = {}
    for what, (arguments, typed) in tried.items():
        done = CliRunner().invoke(keys, [*arguments, "--config", str(tmp_path / "qianzhi.toml")], input=typed)
        assert done.exception is None or isinstance(done.exception, SystemExit | Exception)
        outputs[what] = done.output.encode() + (shown(done.exception) if done.exception else b"")
    outputs |= {path.name: path.read_bytes() for path in tmp_path.glob("front.db*")}
    assert b"stored zmk" in outputs["good"]
    assert b"cancel each other out" in outputs["equal"]
    assert b"never a key" in outputs["as a source"]
    assert leaks(outputs) == []


@pytest.mark.skipif(bool(softhsm.missing()), reason=softhsm.missing())
def test_a_token_does_not_repeat_a_wrong_pin() -> None:
    softhsm.make_token()
    softhsm.log_out()
    with pytest.raises(Exception, match="the PIN is wrong") as raised:
        Token(softhsm.MODULE, softhsm.LABEL, Secret(TOKEN_PIN.encode()))
    assert leaks({"token": shown(raised.value)}) == []


# Databases.


class Fault(NamedTuple):
    """A statement that a database refuses for its value, and the kind of our error."""

    sql: str
    value: object
    kind: type[LedgerError] = BatchRefused


TABLE = "CREATE TABLE canary (name TEXT PRIMARY KEY CHECK (length(name) < 40), number BIGINT NOT NULL)"
INSERT = "INSERT INTO canary VALUES (CAST(:value AS TEXT), 1)"
FAULTS = {
    "sqlite": (
        Fault(INSERT, CARD * 4),
        Fault("INSERT INTO canary VALUES (:value, NULL)", IDENTITY),
        Fault("SELECT :value", {"identity": IDENTITY}),
        Fault("SELECT :value", 10**40),
        Fault("SELECT :value", f"\udcff{IDENTITY}"),
        Fault("SELECT CAST(x'ff' || :value AS TEXT)", IDENTITY.encode(), Unavailable),
    ),
    "postgresql": (
        Fault(INSERT, CARD * 4),
        Fault("INSERT INTO canary VALUES (:value, NULL)", IDENTITY),
        Fault("SELECT CAST(CAST(:value AS TEXT) AS BIGINT)", IDENTITY),
        Fault("SELECT CAST(CAST(:value AS TEXT) AS DATE)", CARD),
        Fault("SELECT CAST(CAST(:value AS TEXT) AS JSON)", f"{{{IDENTITY}"),
        Fault("SELECT CAST(:value AS TEXT)", f"{IDENTITY}\x00"),
        Fault("SELECT CAST(:value AS TEXT)", f"\udcff{IDENTITY}"),
        Fault("SELECT CAST(:value AS TEXT)", {"identity": IDENTITY}),
    ),
}


def test_no_error_of_a_database_repeats_a_value(database: str) -> None:
    outputs = {}
    store = Store(database)
    with store.transaction() as connection:
        connection.execute(text(TABLE))
    for number, fault in enumerate(FAULTS[make_url(database).get_backend_name()]):
        with pytest.raises(fault.kind) as raised, store.transaction() as connection:
            connection.execute(text(fault.sql), {"value": fault.value}).all()
        outputs[f"fault {number}"] = shown(raised.value)
    store.close()
    assert leaks(outputs) == []


def test_a_refusal_of_a_database_names_what_refused(database: str) -> None:
    store = Store(database)
    with store.transaction() as connection:
        connection.execute(text(TABLE))
    with pytest.raises(BatchRefused) as raised, store.transaction() as connection:
        connection.execute(text(INSERT), {"value": CARD * 4})
    store.close()
    assert re.search("(?i)check.*(length|canary_name_check)", str(raised.value))


UNREACHABLE = (
    (f"fep:{PASSWORD}@127.0.0.1:1/front", Unavailable),
    (f"fep:x@{PASSWORD}@127.0.0.1:1/front", BadDatabaseUrl),
    (f"fep@127.0.0.1:1/front?password={PASSWORD}", BadDatabaseUrl),
    (f"fep:x@127.0.0.1:{PASSWORD}/front", BadDatabaseUrl),
    (f"fep:{PASSWORD}@127.0.0.1:1/front?sslmode={PASSWORD}", Unavailable),
)


@pytest.mark.parametrize(("rest", "kind"), UNREACHABLE)
def test_no_failure_to_connect_repeats_the_password(rest: str, kind: type[LedgerError]) -> None:
    with pytest.raises(kind) as raised, Store(f"postgresql+psycopg://{rest}").reading():
        pass
    assert leaks({"error": shown(raised.value)}) == []


# The office.


MASKED = masked_card(canary.OFFICE_CARD).encode()


def office_settings(folder: Path, world: World) -> Path:
    banks = "".join(
        f'[[bank]]\ncode = "{code}"\nname = "{code}"\nlayout = "{name}"\nowner = "li"\nbreaks_few = 50\n'
        for code, name in zip(BANKS, LAYOUTS, strict=True)
    )
    clerks = "".join(f'[[clerk]]\nname = "{name}"\n' for name in {"li", at_keyboard()})
    path = folder / "office.toml"
    path.write_text(
        f'[office]\ndatabase = "{world.office_url}"\nfront = "{world.front_url}"\n'
        f'seal_key = "{SEALER.public}"\n{banks}{clerks}'
    )
    return path


def misplaced(number: int) -> Iterator[BankLine]:
    """Lines that a bank wrote with a secret in each column that takes any text."""
    for place, column in enumerate(("terminal", "branch", "rrn", "policy", "due", "receipt")):
        for turn, secret in enumerate((canary.OFFICE_CARD, canary.OFFICE_IDENTITY)):
            line = LINE._replace(line=number, stan=f"{900000 + 2 * place + turn:06d}")
            yield line._replace(**{column: secret})
            number += 1


@pytest.fixture
def closed(tmp_path: Path, new_database: Callable[[str], str]) -> tuple[Path, str]:
    """A day whose files are left, one with secrets in its lines; the office's settings, and the date."""
    world = World(new_database("front"), new_database("office"), seed=7, policies=100)
    world.days.trade(10)
    date = world.days.cut_over().date
    world.leave_files(date, Counts(bank_only=1))
    code, of_bank = BANKS[0], layout.load(LAYOUTS[0])
    lines = list(bankfile.read(of_bank, io.BytesIO(world.files[code, date]), code, date))
    lines += [line._replace(sent_at=f"{date}101112") for line in misplaced(len(lines) + 1)]
    world.files[code, date] = b"".join(bankfile.write(of_bank, code, date, lines))
    folder = tmp_path / "bankfiles"
    folder.mkdir()
    for (bank, day), data in world.files.items():
        (folder / f"{bank}.{day}.txt").write_bytes(data)
    world.close_world()
    return office_settings(tmp_path, world), date


def test_no_report_and_no_command_of_the_office_shows_what_a_bank_misplaced(
    tmp_path: Path, closed: tuple[Path, str]
) -> None:
    config, date = closed
    outputs = {}
    for command, arguments in (
        ("office", ("close",)),
        ("office", ("status",)),
        ("office", ("balance",)),
        ("recon", ("show",)),
        ("recon", ("report",)),
        ("recon", ("propose", f"B{date}-{BANKS[0]}-0001", "bank_corrects")),
        ("audit", ()),
    ):
        done = CliRunner().invoke(cli, [command, *arguments, "--config", str(config)])
        raised = done.exc_info[1] if done.exc_info and not isinstance(done.exc_info[1], SystemExit) else None
        outputs[f"{command} {' '.join(arguments[:1])}"] = done.output.encode() + (
            shown(raised) if raised else b""
        )
    outputs |= {page.name: page.read_bytes() for page in (tmp_path / "reports").iterdir()}
    masked = {name for name, output in outputs.items() if MASKED in output}
    assert masked == {"recon show", f"{date}.{BANKS[0]}.html", f"{date}.{BANKS[0]}.csv"}
    assert b"has an identity or card number in the column policy" in outputs["audit "]
    assert len(outputs) == 7 + 10
    assert leaks(outputs) == []
