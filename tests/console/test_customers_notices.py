"""`qianzhi customers notify` to `done`: a notice goes out as a file, a letter is printed, a task is done; and
no phone, address or name in what is printed or in a table.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select

import console.customers
import console.customers_notices
from console.main import cli
from customers.database.schema import CUSTOMERS
from customers.errors import CustomersError, NotAllowed, TaskRefused
from ledger.rules.beijing import BEIJING
from qianzhi_errors import QianzhiError
from tests.support.outbox import ADDRESS, HOUR, MAIL, PHONE

NUMBER = "11010119900307803X"
FILE = f"""policy,role,name,document,from
P1,holder,欧阳金丝雀,{NUMBER},20170301
P2,holder,Li Si,passport:E98765432,20170301
CONTACT,{NUMBER},mobile,{PHONE},20261101
CONTACT,passport:E98765432,post,{ADDRESS},20261101
TOTAL,20261124,2,2,0,2,0,0,0
"""
VALUES = ("--value", "amount=12000", "--value", "date=20261231", "--value", "policy=0001")


class Desk:
    """One customers' office, who is at its keyboard, its clock, and all that was printed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.printed = folder, list[str]()
        self.by = "li"
        self.at = int(datetime(2026, 12, 1, 9, tzinfo=BEIJING).timestamp()) * 1_000_000
        patch.setattr(console.customers, "at_keyboard", lambda: self.by)
        patch.setattr(console.customers_notices, "at_keyboard", lambda: self.by)
        patch.setattr(console.customers_notices, "now_us", lambda: self.at)
        patch.setenv("QIANZHI_CUSTOMERS_CONFIG", str(folder / "customers.toml"))

    def run(self, *arguments: str, by: str = "li") -> str:
        self.by = by
        result = CliRunner().invoke(cli, arguments)
        self.printed += [result.output, str(result.exception or "")]
        if isinstance(result.exception, QianzhiError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    def customers(self, *arguments: str, by: str = "li") -> str:
        return self.run("customers", *arguments, by=by)

    def person(self, policy: str) -> str:
        shown = self.customers("show", "--policy", policy, "--reason", "called", "--json")
        return str(json.loads(shown)[0]["person"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path / "office", monkeypatch)
    desk.customers("init", str(desk.folder))
    desk.run("keys", "create", "--config", str(desk.folder / "customers.toml"))
    file = tmp_path / "holdings.csv"
    file.write_text(FILE, encoding="utf-8")
    desk.customers("load", str(file))
    file.unlink()
    return desk


def test_a_notice_goes_from_the_desk_to_a_file_and_is_delivered(desk: Desk) -> None:
    person = desk.person("P1")
    wanted = ("notify", person, "grace", "--policy", "P1", "--about", "D1", *VALUES)
    assert desk.customers(*wanted) == "notice 1 is queued\n"
    assert desk.customers(*wanted) == "notice 1 was there already\n"
    assert desk.customers("send").startswith("sent 1, refused 0")
    assert desk.customers("notices") == f"1 accepted grace D1 {person} P1\n"
    [file] = (desk.folder / "outbox").iterdir()
    assert file.read_text(encoding="utf-8").startswith(f"{PHONE}\n\n您尾号0001的保单保费120.00元")
    assert "arrived 1" in desk.customers("send")
    assert desk.customers("notices") == ""
    assert desk.customers("deliveries", "1") == f"1/1 mobile folder 1 delivered {file.name}\n"
    file.unlink()
    with pytest.raises(NotAllowed):
        desk.customers("send", by="zhao")
    with pytest.raises(CustomersError, match="policy is none"):
        desk.customers(*wanted[:-1], f"policy={PHONE}")
    assert "every link holds" in desk.customers("audit-log", "--verify")
    everything = repr(rows(desk)) + "".join(desk.printed)
    for mark in (PHONE, MAIL, ADDRESS, "欧阳", NUMBER):
        assert mark not in everything, mark


def test_who_cannot_be_reached_is_a_task_that_a_clerk_takes_and_ends(desk: Desk) -> None:
    person = desk.person("P2")
    sender = (desk.folder / "customers.toml").read_text(encoding="utf-8")
    assert 'kind = "folder"' in sender
    desk.customers("notify", person, "grace", "--about", "D2", *VALUES)
    assert "letters 1" in desk.customers("send")
    assert desk.customers("tasks") == ""
    desk.customers("notify", desk.person("P1"), "lapsed", "--about", "P1", "--value", "policy=0001")
    (desk.folder / "customers.toml").write_text(sender.replace("[[sender]]", "[[sender]]\nchannels = []"))
    desk.at += HOUR
    assert "given up 1" in desk.customers("send")
    line = desk.customers("tasks")
    assert line.startswith("1 open unreachable")
    assert line.endswith("20261201 notice 2\n")
    with pytest.raises(NotAllowed):
        desk.customers("assign", "1", by="wang")
    with pytest.raises(TaskRefused, match="not yours"):
        desk.customers("done", "1", "not_found")
    assert "1 assigned unreachable" in desk.customers("assign", "1", "--to", "zhao")
    with pytest.raises(CustomersError, match="a note has a phone number"):
        desk.customers("done", "1", "contact_changed", "--note", f"now {PHONE}", by="zhao")
    assert "contact_changed" in desk.customers("done", "1", "contact_changed", by="zhao")
    assert desk.customers("tasks", "--owner", "zhao") == ""
    assert PHONE not in repr(rows(desk))


def rows(desk: Desk) -> list[object]:
    engine = create_engine(f"sqlite:///{desk.folder / 'customers.db'}")
    with engine.connect() as connection:
        found = [connection.execute(select(table)).all() for table in CUSTOMERS.tables.values()]
    engine.dispose()
    return list(found)
