"""The office's commands act in the name of who is logged in: two people are two logins."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from os import urandom
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

import console.recon
from console.main import cli
from fep.operator.identity import UNTOLD, at_keyboard
from ledger.book.front import FrontBook
from ledger.book.store import Store
from ledger.rules.seal import Sealer
from office.accounting.break_states import BreakState
from office.close import NothingPosted
from office.config import NotAllowed, load_settings
from office.errors import SamePerson
from tests.support.machine import SEAL_KEY, Books
from tests.support.other_user import SECONDS, can_have_namespaces, namespace, started
from tests.support.report_books import broken
from tests.support.suspense_breaks import BANK, NAME, in_suspense
from tests.support.unexplained_posting import let_in

pytestmark = pytest.mark.slow

ME: Final = at_keyboard()
NOBODY: Final = pwd.getpwnam("nobody")
real_people = pytest.mark.skipif(
    os.getuid() != 0 or ME != "root", reason="only root, and no login's root, can be somebody else"
)


@pytest.fixture
def config(tmp_path: Path, new_database: Callable[[str], str]) -> Path:
    """An office with one break, an empty front book beside it, and three clerks."""
    front, database = new_database("front"), new_database("office")
    store = Store(front)
    FrontBook(store, "check", urandom).create()
    store.close()
    path = tmp_path / "office.toml"
    clerks = "".join(f'[[clerk]]\nname = "{name}"\n' for name in ("li", "wang", "nobody", "root"))
    path.write_text(
        f'[office]\ndatabase = "{database}"\nfront = "{front}"\nseal_key = "{Sealer(SEAL_KEY).public}"\n'
        f'[[bank]]\ncode = "{BANK}"\nname = "x"\n{clerks}'
    )
    run(path, "office", "close")
    store = Store(database)
    with store.transaction() as connection:
        let_in(connection)
        in_suspense(connection)
    store.close()
    return path


def run(config: Path, *arguments: str) -> Result:
    done = CliRunner().invoke(cli, [*arguments, "--config", str(config)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def audit_rows(config: Path) -> list[tuple[str, ...]]:
    """What people had done, without what the office did of itself."""
    books = Books(load_settings(config).office.database)
    try:
        sql = (
            "SELECT by, act, subject, note FROM audit_log WHERE by <> 'office'"
            " AND act NOT IN ('create', 'chart') ORDER BY number"
        )
        return [tuple(row) for row in books.rows(sql)]
    finally:
        books.close()


CLOSED: Final = [(ME, "close", "", "asked"), (ME, "close", "", "done")]


def test_a_close_is_under_the_name_of_who_is_logged_in(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "wang")
    run(config, "office", "close")
    with pytest.raises(NothingPosted):
        run(config, "recon", "post")
    posted = [(ME, "post", "", "asked"), (ME, "post", "", "failed: NothingPosted")]
    assert audit_rows(config) == CLOSED * 2 + posted


def test_no_name_is_taken_from_the_command_line(config: Path) -> None:
    for command in ("propose", "approve", "reject", "withdraw"):
        words = (command, NAME, "refund") if command == "propose" else (command, NAME)
        assert run(config, "recon", *words, "--by", "wang").exit_code == 2, command
    assert audit_rows(config) == CLOSED


def test_two_logins_decide_and_one_does_not(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def log_in(name: str) -> None:
        monkeypatch.setattr(console.recon, "at_keyboard", lambda: name)

    log_in("mallory")
    with pytest.raises(NotAllowed, match="'mallory' may not propose"):
        run(config, "recon", "propose", NAME, "refund")
    log_in("li")
    assert "refund proposed by li" in run(config, "recon", "propose", NAME, "refund").output
    with pytest.raises(SamePerson):
        run(config, "recon", "approve", NAME)
    log_in("wang")
    assert run(config, "recon", "reject", NAME).output == f"{NAME} rejected by wang\n"
    run(config, "recon", "propose", NAME, "refund")
    assert run(config, "recon", "withdraw", NAME).output == f"{NAME} withdrawn by wang\n"
    run(config, "recon", "propose", NAME, "refund")
    log_in("li")
    assert run(config, "recon", "approve", NAME).output == f"{NAME} approved by li\n"
    assert [(by, act, note) for by, act, _, note in audit_rows(config)[2:]] == [
        ("mallory", "propose", "failed: NotAllowed"),
        ("li", "propose", "refund"),
        ("li", "approve", "failed: SamePerson"),
        ("wang", "reject", "refund"),
        ("wang", "propose", "refund"),
        ("wang", "withdraw", "refund"),
        ("wang", "propose", "refund"),
        ("li", "approve", "refund"),
    ]


@real_people
def test_two_real_users_are_two_people_and_one_is_not(config: Path) -> None:
    """The command as two users of the system; only the real one counts, and no variable."""

    def as_nobody(*arguments: str) -> int:
        with started("another real user", "command", "recon", *arguments, "--config", str(config)) as process:
            return process.wait(SECONDS)

    assert as_nobody("propose", NAME, "refund") == 0
    assert as_nobody("approve", NAME) == 1
    run(config, "recon", "approve", NAME)
    assert audit_rows(config)[2:] == [
        ("nobody", "propose", NAME, "refund"),
        ("nobody", "approve", NAME, "failed: SamePerson"),
        ("root", "approve", NAME, "refund"),
    ]


@pytest.mark.skipif(
    not can_have_namespaces(), reason="no user namespace can be made here: no unshare(1), or it is forbidden"
)
def test_one_login_is_not_two_people_by_a_user_namespace(config: Path) -> None:
    """In a namespace of its own its user has another's number: refused, and in the audit log."""
    if not load_settings(config).office.database.startswith("sqlite"):
        pytest.skip("a root without the system's capabilities does not reach the tests' own PostgreSQL")

    def as_another(*arguments: str) -> int:
        words = ("command", "recon", *arguments, "--config", str(config))
        with started("nobody else", *words, before=namespace(NOBODY.pw_uid)) as process:
            return process.wait(SECONDS)

    assert as_another("propose", NAME, "refund") == 1
    assert as_another("approve", NAME) == 1
    assert audit_rows(config)[2:] == [
        (UNTOLD, "propose", NAME, "failed: NotAllowed"),
        (UNTOLD, "approve", NAME, "failed: NotAllowed"),
    ]


def test_the_trail_is_listed_and_proved(config: Path) -> None:
    lines = run(config, "office", "audit-log", "--verify").output.splitlines()
    assert f" {ME} close asked" in lines[2]
    assert lines[-1].startswith("every link holds, ")


def test_a_break_is_told_with_what_the_bank_names_instead() -> None:
    row = broken(
        1,
        "20261124",
        "details_differ",
        500,
        500,
        withheld=500,
        reason="the bank names another policy and another processing code",
        bank_policy="P9",
        bank_code="502000",
    )
    assert console.recon.break_text(row, "20261125") == (
        "details_differ, suspense, 1 d, 李娜 P1: the bank names another policy and another"
        " processing code (the bank's policy P9, DE 3 502000)"
    )


@pytest.mark.parametrize(("ours", "state", "is_told"), [(0, "suspense", 1), (0, "closed", 0), (1, "open", 0)])
def test_a_break_of_nothing_says_how_it_ends(ours: int, state: str, is_told: int) -> None:
    row = broken(1, "20261124", "ours_only", ours, 0, reason="why")._replace(state=BreakState(state))
    assert console.recon.break_text(row, "20261125").count("why; it has no difference in money") == is_told
