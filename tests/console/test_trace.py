"""`qianzhi trace`: a transaction by any of its keys, with what undid it, and what the office knows of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, text

from console.trace import trace_command
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.lookup import read_related
from ledger.book.schema import journal, make_missing
from ledger.book.store import Store
from ledger.rules.request import Act, Request
from office.accounting.books import install_chart
from office.accounting.chart import shipped
from office.database.schema import OFFICE, bank_files, bank_lines, break_events, breaks
from tests.support.builders import BANK, DATE, book, policy, premium, request
from tests.support.canary import CARD, IDENTITY, PERSONS
from tests.support.machine import write_settings
from tests.support.unexplained_posting import let_in

NOW = 1_764_000_000_000_000
COLLECTED = request(policy="P0", due="D0", rrn="RRN900000001")
CANCELLED = request(policy="P1")
CANCEL = request(Act.CANCEL, code="020000", original=CANCELLED.key, policy="", amount=120_000)
UNCANCEL = request(Act.REVERSE, mti="0400", code="020000", original=CANCEL.key, policy="", amount=120_000)
REVERSED = request(policy="P2")
REVERSAL = request(Act.REVERSE, mti="0420", original=REVERSED.key, policy="", advice=True)
EARLY = request(policy="P3")
TOO_EARLY = request(Act.REVERSE, mti="0400", original=EARLY.key, policy="")
REFUSED = request(policy="GONE")


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Store]:
    """A front book with a transaction of each fate."""
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    store = Store(settings.node.database)
    node = FrontBook(store, "check", urandom)
    node.create()
    dues = [premium(f"D{n}", f"P{n}") for n in range(5)]
    load_book(store, book([policy("P0", holder="ZHANG SAN FENG")], dues), str, NOW)
    node.claim("fep1")
    node.commit([COLLECTED, CANCELLED, REVERSED], NOW)
    node.commit([CANCEL, REVERSAL, TOO_EARLY, REFUSED], NOW + 1)
    node.commit([UNCANCEL], NOW + 2)
    yield store
    store.close()


def run(folder: Path, key: str, *flags: str) -> Result:
    arguments = ["--config", str(folder / "qianzhi.toml"), key, *flags]
    return CliRunner().invoke(trace_command, arguments, env={"TZ": "UTC"})


def traced(folder: Path, key: str, *flags: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(run(folder, key, "--json", *flags).stdout)


def keys_of(found: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [transaction["key"] for transaction in found["transactions"]]


def by_key(found: Any, of: Request) -> Any:  # noqa: ANN401 - JSON
    return next(transaction for transaction in found["transactions"] if transaction["key"] == of.key)


@pytest.mark.usefixtures("front")
def test_every_key_of_a_transaction_finds_it(tmp_path: Path) -> None:
    [shown] = traced(tmp_path, COLLECTED.key)["transactions"]
    short = COLLECTED.key.replace(BANK.zfill(11), BANK)
    names = [short, shown["receipt"], shown["answer"]["38"], "RRN900000001", "D0", "P0", shown["place"]]
    assert short != COLLECTED.key
    for name in names:
        assert keys_of(traced(tmp_path, name)) == [COLLECTED.key], name
    for name in ("nothing", "1:999", "9/9/9/9", "1:9999999999999999999999", "%"):
        assert run(tmp_path, name).exit_code == 1, name
    assert run(tmp_path, " ").exit_code == 2


@pytest.mark.usefixtures("front")
@pytest.mark.parametrize("asked", [CANCELLED, CANCEL, UNCANCEL])
def test_what_undoes_and_is_undone_comes_with_it_whichever_is_asked_for(
    asked: Request, tmp_path: Path
) -> None:
    shown = traced(tmp_path, asked.key)
    assert keys_of(shown) == [CANCELLED.key, CANCEL.key, UNCANCEL.key]
    assert [transaction["standing"] for transaction in shown["transactions"]] == [
        "in effect",
        "undone",
        "done",
    ]
    links = by_key(shown, CANCEL)["links"]
    assert [(link["how"], link["key"]) for link in links] == [
        ("cancel of", CANCELLED.key),
        ("reversal by", UNCANCEL.key),
    ]
    assert {link["place"] for link in links} == {
        by_key(shown, link)["place"] for link in (CANCELLED, UNCANCEL)
    }


@pytest.mark.usefixtures("front")
def test_a_reversed_transaction_is_undone(tmp_path: Path) -> None:
    shown = traced(tmp_path, REVERSED.key)
    assert by_key(shown, REVERSED)["standing"] == "undone"
    assert shown["dues"]["D2"] == "open"
    assert traced(tmp_path, COLLECTED.key)["dues"] == {"D0": "settled"}


@pytest.mark.usefixtures("front")
def test_a_reversal_that_came_first_is_told_with_its_tombstone(tmp_path: Path) -> None:
    shown = traced(tmp_path, TOO_EARLY.key)
    assert {transaction["kind"] for transaction in shown["transactions"]} == {"tombstone", "reversal"}
    assert {transaction["standing"] for transaction in shown["transactions"]} == {"refused: without effect"}


@pytest.mark.usefixtures("front")
def test_the_decision_says_why(tmp_path: Path) -> None:
    [shown] = traced(tmp_path, REFUSED.key)["transactions"]
    assert (shown["response"], shown["meaning"]) == ("25", "no such policy or due")
    assert shown["reason"]
    assert shown["answer"]["44"] == shown["reason"]


@pytest.mark.usefixtures("front")
def test_the_messages_are_what_the_journal_has_and_it_is_said_that_no_more_is_kept(tmp_path: Path) -> None:
    shown = traced(tmp_path, COLLECTED.key)
    [transaction] = shown["transactions"]
    assert transaction["request"]["MTI"] == "0200"
    assert transaction["request"]["4"] == "000000120000"
    assert transaction["request"]["11"] == COLLECTED.stan
    assert transaction["answer"] == {
        "MTI": "0210",
        "15": DATE[4:],
        "38": transaction["answer"]["38"],
        "39": "00",
        "48.DU": "D0",
        "48.RN": transaction["receipt"],
    }
    reversing = by_key(traced(tmp_path, CANCEL.key), CANCEL)["request"]
    assert reversing["90 names"] == CANCELLED.key
    assert "48.PN" not in reversing
    assert "messages are not kept" in run(tmp_path, COLLECTED.key).stdout


def test_no_person_is_named(front: Store, tmp_path: Path) -> None:
    output = run(tmp_path, COLLECTED.key).output + run(tmp_path, COLLECTED.key, "--json").output
    assert "ZHANG" not in output
    with front.reading() as connection:
        [like], _ = read_related(connection, journal, REFUSED.key)
    strange = like._replace(
        position=900,
        key=f"{BANK.zfill(11)}/T/20261124101112/900000",
        policy=CARD,
        reason=IDENTITY,
        terminal=CARD,
    )
    with front.transaction() as connection:
        connection.execute(insert(journal).values(strange._asdict()))
    for flags in ((), ("--json",)):
        output = run(tmp_path, strange.key, *flags).output
        assert strange.key in output
        assert [mark.kind for mark in PERSONS if mark.is_in(output.encode())] == []


@pytest.fixture
def office(front: Store, tmp_path: Path) -> Path:
    """An office that has the journal, a line of the bank's file, and a break with its posting."""
    path = tmp_path / "office.toml"
    url = f"sqlite:///{tmp_path}/office.db"
    path.write_text(
        f'[office]\ndatabase = "{url}"\nfront = "{front.url.render_as_string()}"\nseal_key = "{"0" * 64}"\n'
        f'[[bank]]\ncode = "{BANK}"\nname = "Bank"\n'
    )
    store = Store(url)
    name = f"B{DATE}-{BANK}-0001"
    line = {column.name: "" for column in bank_lines.columns}
    line |= {"bank": BANK, "date": DATE, "key": COLLECTED.key, "direction": "C", "state": "S"}
    broken = {column.name: "" for column in breaks.columns}
    broken |= {"break": name, "bank": BANK, "date": DATE, "class": "amount_differs", "key": COLLECTED.key}
    broken |= {"line": 7, "ours_effect": 120_000, "theirs_effect": 120_100, "difference": 100}
    event = {"break": name, "number": 1, "at": NOW, "by": "office", "from_state": "", "note": ""}
    with store.transaction() as connection:
        make_missing(connection, OFFICE)
        install_chart(connection, shipped(), 1, "li")
        let_in(connection)
        connection.execute(insert(bank_lines).values({**line, "line": 7, "amount": 120_100}))
        file = {"digest": "d", "layout": "standard", "lines": 1, "collected": 0, "paid": 0, "taken_at": 1}
        connection.execute(insert(bank_files).values(bank=BANK, date=DATE, **file))
        connection.execute(insert(breaks).values({**broken, "state": "suspense"}))
        connection.execute(insert(break_events).values({**event, "to_state": "open"}))
        for posting, amount in ((f"{DATE}/{BANK}/day", 120_100), (f"20261125/{BANK}/{name}", 100)):
            for number, sign in ((1, 1), (2, -1)):
                connection.execute(
                    text("INSERT INTO legs VALUES (:posting, :number, :account, :bank, '156', :amount)"),
                    {
                        "posting": posting,
                        "number": number,
                        "account": shipped().clearing
                        if sign > 0
                        else next(iter(shipped().products.values())),
                        "bank": BANK if sign > 0 else "",
                        "amount": sign * amount,
                    },
                )
            connection.execute(
                text("INSERT INTO postings VALUES (:posting, :date, :bank, 'day posting', 2, 1)"),
                {"posting": posting, "date": posting[:8], "bank": BANK},
            )
    store.close()
    return path


def test_the_office_adds_its_lines_breaks_and_postings(office: Path, tmp_path: Path) -> None:
    shown = traced(tmp_path, COLLECTED.key, "--office", str(office))["office"]
    assert [(line["line"], line["amount"], line["state"]) for line in shown["lines"]] == [(7, 120_100, "S")]
    [row] = shown["breaks"]
    assert (row["cls"], row["difference"], [event["to_state"] for event in row["history"]]) == (
        "amount_differs",
        100,
        ["open"],
    )
    assert [posting["name"].rpartition("/")[2] for posting in shown["postings"]] == ["day", row["name"]]
    assert [sum(leg["amount"] for leg in posting["legs"]) for posting in shown["postings"]] == [0, 0]
    words = run(tmp_path, COLLECTED.key, "--office", str(office)).stdout
    assert f"bank {BANK}'s file of {DATE}, line 7: done, 1,201.00 yuan" in words
    assert f"break {row['name']}: amount_differs, 1.00 yuan, suspense" in words


def test_what_the_office_does_not_have_is_said(office: Path, tmp_path: Path) -> None:
    assert "no bank's file has it" in run(tmp_path, REVERSED.key, "--office", str(office)).stdout


def test_without_a_front_the_office_copy_is_read(office: Path, tmp_path: Path, front: Store) -> None:
    with front.reading() as connection:
        rows = [tuple(row) for row in connection.execute(journal.select())]
    store = Store(f"sqlite:///{tmp_path}/office.db")
    with store.transaction() as connection:
        for row in rows:
            connection.execute(OFFICE.tables["entries"].insert().values(row))
    store.close()
    arguments = ["--config", str(tmp_path / "gone.toml"), "--office", str(office), "--json", COLLECTED.key]
    shown = json.loads(CliRunner().invoke(trace_command, arguments).stdout)
    assert shown["source"] == "office's copy of the journal"
    assert keys_of(shown) == [COLLECTED.key]


def test_nothing_is_written(front: Store, tmp_path: Path) -> None:
    before = (tmp_path / "front.db").read_bytes(), sorted(path.name for path in tmp_path.iterdir())
    assert run(tmp_path, COLLECTED.key).exit_code == 0
    assert ((tmp_path / "front.db").read_bytes(), sorted(path.name for path in tmp_path.iterdir())) == before
    assert front.is_sqlite
