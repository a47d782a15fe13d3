"""Outcomes 91 and 96 over real sockets: told only where it is certain that nothing was done.

Also what the front book must never keep.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.framing import wrap
from tests.support.builders import BENEFICIARY, book, message, premium
from tests.support.machine import Books, Client, Machine, load_front_book, wait_for, write_settings

CARD = "6222021234567890123"


def test_91_past_the_queues_bound_at_once_and_what_was_taken_goes_through(
    tmp_path: Path, database: str
) -> None:
    """Three requests in one segment, room for one: two are refused before the first is on disk."""
    settings = write_settings(tmp_path, database, limits="batch = 1\nqueue = 1")
    load_front_book(settings, book(dues=[premium(f"D{n}", f"P{n}") for n in range(3)]))
    machine = Machine(settings)
    books = Books(database)
    with machine.signed_on() as bank:
        assert bank.key is not None
        bodies = [bank.codec.seal(message(groups=(("PN", f"P{n}"),)), bank.key.mac) for n in range(3)]
        bank.socket.sendall(b"".join(wrap(bank.framing, body) for body in bodies))
        answers = [bank.receive() for _ in bodies]
    assert [(answer.fields[39], answer.fields.get(44)) for answer in answers] == [
        ("91", "BUSY, ASK AGAIN"),
        ("91", "BUSY, ASK AGAIN"),
        ("00", None),
    ]
    assert books.rows("SELECT due FROM dues WHERE state = 'settled'") == [("D0",)]
    assert books.responses() == [("collection", "00")]
    machine.stop()
    books.close()


def test_91_while_stopping(machine: Machine, bank: Client, books: Books) -> None:
    wait_for(machine.service.server.drain)
    answer = bank.ask(message())
    assert (answer.fields[39], answer.fields[44]) == ("91", "STOPPING")
    assert books.due("D1") == ("open", "", 0)


def test_96_for_the_request_that_the_database_refuses_and_for_no_other(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, book(dues=[premium(f"D{n}", f"P{n}") for n in range(6)]))
    books = Books(database)
    if database.startswith("sqlite"):
        books.execute(
            "CREATE TRIGGER poison BEFORE INSERT ON journal WHEN NEW.policy = 'P3'"
            " BEGIN SELECT RAISE(ABORT, 'poison'); END"
        )
    else:
        books.execute("ALTER TABLE journal ADD CONSTRAINT poison CHECK (policy <> 'P3')")
    machine = Machine(settings)
    sent = {asked.fields[11]: asked for asked in (message(groups=(("PN", f"P{n}"),)) for n in range(6))}
    with machine.signed_on() as bank:
        for asked in sent.values():
            bank.send(asked)
        answers = [bank.receive() for _ in sent]
    outcome = {sent[answer.fields[11]].fields[48]: answer.fields[39] for answer in answers}
    assert outcome == {f"PN002P{n}": "96" if n == 3 else "00" for n in range(6)}
    assert books.due("D3") == ("open", "", 0)
    assert books.broken() == []
    machine.stop()
    books.close()


@pytest.mark.parametrize("identity", [BENEFICIARY, "000000199003070036"])
def test_no_card_number_and_no_identity_number_is_kept(bank: Client, books: Books, identity: str) -> None:
    groups = (("PN", "P2"), ("IN", identity))
    answer = bank.ask(message(groups=groups, de2=CARD, de3="260000", de4="000000500000"))
    assert (answer.fields[2], answer.fields[39]) == (CARD, "00" if identity == BENEFICIARY else "76")
    kept = str([books.rows(f"SELECT * FROM {table}") for table in ("journal", "dues", "policies")])  # noqa: S608
    assert "622202*********0123" in kept
    assert CARD not in kept
    assert identity not in kept
    assert BENEFICIARY not in kept
