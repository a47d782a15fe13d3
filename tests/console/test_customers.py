"""`qianzhi customers`: from settings and keys to a person who is forgotten by two people; and nothing of a
person in clear in what is printed or written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import MetaData, create_engine, select

import console.customers
from console.main import cli
from customers.config import load_settings
from customers.errors import CustomersError
from customers.load_file import write
from customers.load_rows import Holding
from customers.rules.person import Role
from fep.keys.keystore import KeystoreError
from ledger.files.settings import SettingsError
from ledger.rules.identity import Document
from qianzhi_errors import QianzhiError
from tests.support.canary import Mark, text_mark
from tests.support.customers_desk import POLICY

NAME, NUMBER, PASSPORT = "欧阳金丝雀", "11010119900307803X", "E98765432"
MARKS = (text_mark("name", NAME), text_mark("number", NUMBER), text_mark("passport", PASSPORT))
ROWS = (
    Holding(0, POLICY, Role.HOLDER, NAME, Document("resident", NUMBER), "20170301"),
    Holding(0, POLICY, Role.INSURED, NAME, Document("passport", PASSPORT), "20170301"),
)
HOLDERS = [X25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2)]


class Keyboard:
    """Who is at the keyboard of one customers' office, and all that the commands have printed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.config = folder / "customers.toml"
        self.by = "li"
        self.printed: list[str] = []
        patch.setattr(console.customers, "at_keyboard", lambda: self.by)
        patch.setenv("QIANZHI_CUSTOMERS_CONFIG", str(self.config))

    def run(self, *arguments: str) -> str:
        """Run a command, keep what it printed, and raise what it raised."""
        result = CliRunner().invoke(cli, arguments)
        self.printed += [result.output, str(result.exception or "")]
        if isinstance(result.exception, QianzhiError):
            raise result.exception
        assert result.exit_code in (0, 1), result.output
        return result.output

    def customers(self, *arguments: str, by: str = "li") -> str:
        self.by = by
        return self.run("customers", *arguments)


@pytest.fixture
def keyboard(tmp_path: Path, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Keyboard:
    """New settings with their keys and two holders, on SQLite and on PostgreSQL."""
    folder = tmp_path / "office"
    keyboard = Keyboard(folder, monkeypatch)
    keyboard.run("customers", "init", str(folder))
    keyboard.run("keys", "create", "--config", str(keyboard.config))
    text = keyboard.config.read_text(encoding="utf-8")
    text = text.replace("sqlite:///customers.db", new_database("customers"))
    for place, key in enumerate(HOLDERS):
        public = key.public_key().public_bytes_raw().hex()
        text += f'\n[[holder]]\nname = "safe {place}"\npublic = "{public}"\n'
    keyboard.config.write_text(text, encoding="utf-8")
    file = tmp_path / "holdings.csv"
    file.write_bytes(b"".join(write("20261124", ROWS)))
    keyboard.customers("load", str(file))
    file.unlink()
    return keyboard


def person_of(keyboard: Keyboard) -> str:
    found = json.loads(keyboard.customers("show", "--policy", POLICY, "--reason", "called", "--json"))
    return next(str(row["person"]) for row in found if row["document_kind"] == "resident")


def rows_of(config: Path) -> bytes:
    """Every value of every table."""
    engine = create_engine(load_settings(config).customers.database)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        data = [connection.execute(select(table)).all() for table in tables.sorted_tables]
    engine.dispose()
    return repr(data).encode()


def leaks(marks: tuple[Mark, ...], data: bytes) -> list[str]:
    return [mark.kind for mark in marks if mark.is_in(data)]


def test_a_person_is_forgotten_by_two_people_and_nothing_was_in_clear(
    keyboard: Keyboard, tmp_path: Path
) -> None:
    person = person_of(keyboard)
    assert f"{person} active 欧* resident **************803X" in keyboard.customers(
        "show", person, "--reason", "called"
    )
    keyboard.customers("escrow", by="wang")
    said = keyboard.customers("propose", "shred", person, "--reason", "asked for in writing")
    assert said == f"proposal 1: shred {person}; another must approve it\n"
    with pytest.raises(CustomersError, match="li proposed it"):
        keyboard.customers("approve", "1")
    assert keyboard.customers("proposals") == f"1 shred {person} proposed, li: asked for in writing\n"
    assert keyboard.customers("approve", "1", by="wang") == f"proposal 1: shred {person} is done\n"
    assert f"{person} shredded resident\n" in keyboard.customers("show", person, "--reason", "called")
    assert "2 persons, 1 of them shredded" in keyboard.customers("audit")
    assert "every link holds" in keyboard.customers("audit-log", "--verify")
    (certificate,) = (keyboard.config.parent / "certificates").iterdir()
    assert "holders safe 0 and safe 1" in certificate.read_text(encoding="utf-8")
    with pytest.raises(CustomersError):
        keyboard.customers("show", NUMBER, "--reason", NUMBER)
    files = b"\n".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    everything = files + rows_of(keyboard.config) + "".join(keyboard.printed).encode()
    assert person.encode() in everything
    assert leaks(MARKS, everything) == []


def test_a_list_of_keys_is_opened_layer_by_layer(keyboard: Keyboard, tmp_path: Path) -> None:
    person = person_of(keyboard)
    keyboard.customers("escrow", by="wang")
    path = keyboard.config.parent / "escrow" / "keys-000001.txt"
    for place in (1, 0):
        key = tmp_path / "holder.pem"
        key.write_bytes(HOLDERS[place].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        opened = tmp_path / f"layer{place}.txt"
        keyboard.customers("open-escrow", str(path), str(key), "--output", str(opened))
        path = opened
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text(encoding="ascii").splitlines()
    assert person in [line.partition(" ")[0] for line in lines]
    assert {len(line) for line in lines} == {16 + 1 + 64}


def test_the_master_key_is_replaced_and_an_attempt_that_was_cut_short_goes_on(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keyboard.run("keys", "list", "--config", str(keyboard.config))

    def killed(*_arguments: object) -> int:
        raise KeystoreError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("customers.master.rewrap", killed)
        with pytest.raises(KeystoreError):
            keyboard.customers("rewrap", by="wang")
    assert "persons-next" in keyboard.run("keys", "list", "--config", str(keyboard.config))
    assert "2 keys wrapped anew" in keyboard.customers("rewrap", by="wang")
    after = keyboard.run("keys", "list", "--config", str(keyboard.config))
    assert [line.split()[:2] for line in before.splitlines()] == [
        line.split()[:2] for line in after.splitlines()
    ]
    assert before != after
    assert "0 of them shredded" in keyboard.customers("audit")


def test_an_audit_with_findings_ends_with_code_1(keyboard: Keyboard) -> None:
    person = person_of(keyboard)
    keyboard.customers("propose", "shred", person, "--reason", "why")
    keyboard.customers("approve", "1", by="wang")
    for path in (keyboard.config.parent / "certificates").iterdir():
        path.unlink()
    result = CliRunner().invoke(cli, ["customers", "audit"])
    assert (result.exit_code, "1 findings" in result.output) == (1, True)


def test_settings_are_not_written_over_and_a_wrong_call_is_one(keyboard: Keyboard) -> None:
    with pytest.raises(CustomersError, match="exists already"):
        keyboard.customers("init", str(keyboard.config.parent))
    for words in ((), ("A" * 16, "--policy", POLICY)):
        assert CliRunner().invoke(cli, ["customers", "show", *words, "--reason", "x"]).exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('may = ["show"]', 'may = ["sow"]', "clerk[2].may[0]"),
        ('name = "zhao"', 'name = "li"', "two clerks have one name"),
        ('name = "safe 1"', 'name = "safe 0"', "two holders have one name"),
        (
            HOLDERS[1].public_key().public_bytes_raw().hex(),
            HOLDERS[0].public_key().public_bytes_raw().hex(),
            "two holders have one key",
        ),
        ("database =", "databse =", "is no setting"),
    ],
)
def test_a_fault_of_the_settings_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    CliRunner().invoke(cli, ["customers", "init", str(tmp_path)])
    path = tmp_path / "customers.toml"
    text = path.read_text(encoding="utf-8")
    for place, key in enumerate(HOLDERS):
        text += (
            f'\n[[holder]]\nname = "safe {place}"\npublic = "{key.public_key().public_bytes_raw().hex()}"\n'
        )
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    assert fault in str(refused.value)
