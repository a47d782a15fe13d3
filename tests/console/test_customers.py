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
import console.customers_service
from console.main import cli
from customers.config import load_settings
from customers.errors import CustomersError
from customers.load_file import write
from customers.load_rows import AgentRow, ContactRow, Holding, LeftRow, ServingRow
from customers.rules.contact import ContactKind
from customers.rules.person import Role
from fep.keys.keystore import KeystoreError
from ledger.files.settings import SettingsError
from ledger.rules.identity import Document
from qianzhi_errors import QianzhiError
from tests.support.canary import Mark, text_mark
from tests.support.customers_desk import POLICY

NAME, NUMBER, PASSPORT = "欧阳金丝雀", "11010119900307803X", "E98765432"
MOBILE, EMAIL = "13912345678", "canary@example.com"
MARKS = (
    *(text_mark("name", NAME), text_mark("number", NUMBER), text_mark("passport", PASSPORT)),
    *(text_mark("mobile", MOBILE), text_mark("email", EMAIL)),
)
ROWS = (
    Holding(0, POLICY, Role.HOLDER, NAME, Document("resident", NUMBER), "20170301"),
    Holding(0, POLICY, Role.INSURED, NAME, Document("passport", PASSPORT), "20170301"),
    ContactRow(0, Document("resident", NUMBER), ContactKind.MOBILE, MOBILE, "20261101"),
    AgentRow(0, "A1", "Wang", "Shanghai", "021-1"),
    ServingRow(0, POLICY, "A1", "20200101"),
)
HOLDERS = [X25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2)]


class Keyboard:
    """Who is at the keyboard of one customers' office, and all that the commands have printed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.config = folder / "customers.toml"
        self.by = "li"
        self.printed: list[str] = []
        for module in (console.customers, console.customers_service):
            patch.setattr(module, "at_keyboard", lambda: self.by)
        patch.setenv("QIANZHI_CUSTOMERS_CONFIG", str(self.config))

    def run(self, *arguments: str, typed: str = "") -> str:
        """Run a command, keep what it printed, and raise what it raised."""
        result = CliRunner().invoke(cli, arguments, input=typed)
        self.printed += [result.output, str(result.exception or "")]
        if isinstance(result.exception, QianzhiError):
            raise result.exception
        assert isinstance(result.exception, SystemExit | None), result.exc_info
        assert result.exit_code in (0, 1), result.output
        return result.output

    def customers(self, *arguments: str, by: str = "li", typed: str = "") -> str:
        self.by = by
        return self.run("customers", *arguments, typed=typed)


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
    keyboard.customers("change", person, "email", "--source", "counter", typed=f"{EMAIL}\n")
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


def test_a_contact_is_changed_by_a_request_and_the_core_systems_answer(
    keyboard: Keyboard, tmp_path: Path
) -> None:
    person, file = person_of(keyboard), tmp_path / "changes.csv"
    said = keyboard.customers("change", person, "mobile", typed="139 0000 0002\n")
    assert said == "the new contact: change 1: it waits for the core system\n"
    said = [keyboard.customers("changes", str(file)) for _ in range(2)]
    assert said == [f"wrote {file}: 1 changes\n"] * 2
    assert (file.stat().st_mode & 0o777, "13900000002" in file.read_text(encoding="utf-8")) == (0o600, True)
    answers = tmp_path / "answers.csv"
    answers.write_text("change,answer,reason\n1,done,\nTOTAL,20261125,1,0\n", encoding="utf-8")
    assert keyboard.customers("answers", str(answers)).startswith("1 done, 0 declined; 0 known already")
    assert keyboard.customers("mark", person, "2", "failed") == "contact 2 is bouncing\n"
    assert keyboard.customers("consent", "grant", person, "debit", "--evidence", str(answers)) == (
        "consent 1: grant debit\n"
    )
    shown = keyboard.customers("show", person, "--reason", "called")
    assert shown.splitlines()[2:] == ["  2 mobile *0002 bouncing", "  consents: debit"]
    assert keyboard.customers("consent", "revoke", person, "debit", "--evidence", str(answers))
    assert keyboard.customers("audit").startswith("2 persons, 0 of them shredded; 2 holdings, 2 contacts")


def test_policies_that_nobody_serves_are_listed(keyboard: Keyboard, tmp_path: Path) -> None:
    assert keyboard.customers("orphans") == ""
    file = tmp_path / "left.csv"
    file.write_bytes(b"".join(write("20261125", [LeftRow(0, "A1", "20261120")])))
    keyboard.customers("load", str(file))
    assert keyboard.customers("orphans") == f"{POLICY} {person_of(keyboard)} A1 20261120\n"


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
        ('may = ["show", "tasks"]', 'may = ["sow"]', "clerk[2].may[0]"),
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
