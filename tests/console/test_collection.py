"""`qianzhi collection`: from settings and keys to a batch that is applied; another person decides, and no
account is in what is printed.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

import console.collection_opened
import console.customers
from collection.errors import NotAllowed, SamePerson
from collection.forms import form_file
from console.main import cli
from console.persons_book import persons_book
from customers.load_file import Holding, write
from customers.rules.person import Role
from ledger.files.apply_file import ApplyAnswer, LineReceipt, write_apply_answer
from ledger.files.bookfile import PolicyDues
from ledger.files.bookfile import write as write_book
from ledger.files.bookline import DueLine
from ledger.files.hold_file import HoldAnswer, write_hold_answer
from ledger.rules.dues import Policy
from ledger.rules.identity import Document
from qianzhi_errors import QianzhiError
from simulators.channel import files as channel_files
from tests.support.collection_desk import AT

POLICY, ACCOUNT, NAME = "P20170080000001", "6222020200112233445", "欧阳金丝雀"
FORM = form_file.load("batch-standard")


class Keyboard:
    """Who is at the keyboard of a collection office, and all that the commands have printed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.by = "li"
        self.printed: list[str] = []
        for module in (console.collection_opened, console.customers):
            patch.setattr(module, "at_keyboard", lambda: self.by)
        patch.setattr(console.collection_opened, "now_us", lambda: AT)
        patch.setenv("QIANZHI_CUSTOMERS_CONFIG", str(folder / "customers" / "customers.toml"))
        patch.setenv("QIANZHI_COLLECTION_CONFIG", str(folder / "collection" / "collection.toml"))

    def run(self, *arguments: str, typed: str = "") -> str:
        """Run a command, keep what it printed, and raise what it raised."""
        result = CliRunner().invoke(cli, arguments, input=typed)
        self.printed += [result.output, str(result.exception or "")]
        if isinstance(result.exception, QianzhiError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    def collection(self, *arguments: str, by: str = "li", typed: str = "") -> str:
        self.by = by
        return self.run("collection", *arguments, typed=typed)

    def file(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keyboard:
    """An office with a person who holds a policy, of which one due of 500.00 yuan is open."""
    keyboard = Keyboard(tmp_path, monkeypatch)
    for program in ("customers", "collection"):
        keyboard.run(program, "init", str(tmp_path / program))
        keyboard.run("keys", "create", "--config", str(tmp_path / program / f"{program}.toml"))
    row = Holding(0, POLICY, Role.HOLDER, NAME, Document("resident", "11010119900307803X"), "20170301")
    keyboard.run("customers", "load", keyboard.file("persons.csv", b"".join(write("20261130", [row]))))
    due = DueLine("D1", POLICY, "500000", "premium", "20261201", 50_000, "")
    book = write_book("20261130", [PolicyDues(Policy(POLICY, "active", NAME), (due,))])
    keyboard.collection("dues", "take", keyboard.file("dues.csv", b"".join(book)))
    return keyboard


def collected(office: Keyboard) -> None:
    """The due is collected, from the mandate to the front's receipt."""
    scan = office.file("scan.pdf", b"signed")
    added = ("mandate", "add", POLICY, "--channel", "91020000", "--bank", "102100000004")
    office.collection(*added, typed=f"{ACCOUNT}\n{NAME}\n")
    assert "active" in office.collection("mandate", "sign", "M0000001", "--evidence", scan)
    with pytest.raises(NotAllowed):
        office.collection("plan", by="zhao")
    assert json.loads(office.collection("plan", "--dry-run", "--json"))["batches"] == []
    planned = json.loads(office.collection("plan", "--json"))
    assert planned["batches"][0]["batch"] == "B0000001"
    assert (office.folder / "collection" / "files" / "B0000001-hold.txt").read_bytes().startswith(b"HOLD|")
    held = write_hold_answer(HoldAnswer("B0000001", 1, 50_000, ()))
    assert office.collection("accept", office.file("hold.ans", held)) == "B0000001: held\n"
    office.collection("batch", "approve", "B0000001", by="wang")
    wrote = office.collection("batch", "write", "B0000001").splitlines()[0].removeprefix("wrote ")
    assert ACCOUNT in Path(wrote).read_text(encoding="utf-8")
    assert stat.S_IMODE(Path(wrote).stat().st_mode) == 0o600
    assert "is due" not in office.collection("batch", "sent", "B0000001")
    line = {"line": "1", "amount": "50000", "code": "ACSC", "text": "", "value_date": "20261201"}
    edge = {"batch": "B0000001", "channel": "91020000", "date": "20261201", "part": "1", "file_code": "0"}
    edge |= {"created_at": Path(wrote).read_text(encoding="utf-8").split("|")[5], "text": ""}
    said = channel_files.answer(FORM, edge, [{**line, "reference": "REF1"}], [50_000])
    answered = office.collection("batch", "answer", "B0000001", office.file(said.name, said.content))
    assert answered.splitlines()[0] == "1 done, 50000 fen; 0 failed; 0 unknown"
    office.collection("batch", "apply", "B0000001")
    receipt = LineReceipt(1, "26120101000001", "91020000/B0000001/1", "20261201")
    applied = write_apply_answer(ApplyAnswer("B0000001", 1, 1, 50_000, 0, 0, (), (receipt,), ()))
    assert office.collection("accept", office.file("apply.ans", applied)) == "B0000001: applied\n"


def payer_of(office: Keyboard) -> str:
    """The meaningless name of the person who pays."""
    with persons_book(office.folder / "customers" / "customers.toml") as book:
        return book.person_of(POLICY) or ""


def test_a_batch_from_the_mandate_to_the_front(office: Keyboard) -> None:
    collected(office)
    office.collection("batch", "settle", "B0000001", "50000", "--fee-fen", "30")
    assert "closed" in office.collection("batch", "close", "B0000001")
    assert "the last one's hash is" in office.collection("audit-log", "--verify")
    said_all = "\n".join(text.replace(f"holder: {NAME}\n", "") for text in office.printed)  # as typed
    assert ACCOUNT not in said_all
    assert NAME not in said_all


def test_what_waits_is_said_and_a_forced_release_is_for_two(office: Keyboard) -> None:
    scan = office.file("scan.pdf", b"signed")
    added = ("mandate", "add", POLICY, "--channel", "91020000", "--bank", "102100000004")
    office.collection(*added, typed=f"{ACCOUNT}\n{NAME}\n")
    office.collection("mandate", "sign", "M0000001", "--evidence", scan)
    assert office.collection("calendar") == f"20261201 D1 {POLICY}: attempt 1, 50000 fen\n"
    office.collection("plan")
    office.collection("accept", office.file("h", write_hold_answer(HoldAnswer("B0000001", 1, 50_000, ()))))
    with pytest.raises(NotAllowed):
        office.collection("batch", "approve", "B0000001", by="LI")
    office.collection("batch", "approve", "B0000001", by="wang")
    office.collection("batch", "write", "B0000001")
    office.collection("batch", "sent", "B0000001")
    office.collection("batch", "release", "B0000001", "--force", "--reason", "no trace")
    assert "1 proposals wait" in office.collection("report")
    with pytest.raises(SamePerson):
        office.collection("approve", "1")
    office.collection("approve", "1", by="wang")
    waits = json.loads(office.collection("report", "--json"))
    assert (waits["released"], waits["batches"][0]["state"]) == (1, "answered")


def test_the_days_notices_are_queued_once(office: Keyboard) -> None:
    wanted = json.loads(office.collection("remind", "--date", "20261216", "--dry-run", "--json"))
    assert [(row["about"], row["template"]) for row in wanted["notices"]] == [("D1/reminder15", "grace")]
    assert "1 wanted, 1 notices new" in office.collection("remind", "--date", "20261216")
    assert "0 wanted, 0 notices new" in office.collection("remind", "--date", "20261217")
    assert "grace" in office.run("customers", "notices")
    assert "tasks: 2 opened, 0 ended" in office.collection("remind", "--date", "20270125")
    assert "tasks: 0 opened, 0 ended" in office.collection("remind", "--date", "20270126")
    assert "no_mandate" in office.run("customers", "tasks")
    collected(office)
    assert "1 receipts without a notice" in office.collection("report")
    printed = office.collection("remind")
    assert "1 notices new, 1 of them receipts\ntasks: 0 opened, 2 ended" in printed
    assert "0 notices new" in office.collection("remind")
    assert "without a notice" not in office.collection("report")
    assert f"debit_done 26120101000001 {payer_of(office)} {POLICY}\n" in office.run("customers", "notices")
    assert office.run("customers", "tasks") == ""
