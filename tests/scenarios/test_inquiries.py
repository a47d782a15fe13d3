"""What each inquiry of docs/protocol.md is answered, sent over a real socket."""

from __future__ import annotations

from pathlib import Path

from ledger.rules.dues import Policy
from tests.support.builders import book, inquiry, message, original, premium, reversal
from tests.support.dues_file import PERSON
from tests.support.machine import OTHER_BANK, Client, Machine, load_front_book, write_settings


def test_inquiry_lists_what_is_due(bank: Client) -> None:
    answer = bank.ask(inquiry())
    assert (answer.mti, answer.fields[39]) == ("0110", "00")
    assert answer.fields[48] == (
        "PN002P1NM004张*ST006activeDL063DU002D1PC006500000DK007premiumDD00820261201AM006120000ST004open"
    )


def test_inquiry_pages_through_many_dues(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, book(dues=[premium(f"D{n:02d}") for n in range(11)]))
    machine = Machine(settings)
    with machine.signed_on() as bank:
        first, second = bank.ask(inquiry()), bank.ask(inquiry((("PN", "P1"), ("PG", "2"))))
        assert bank.ask(message()).fields[44] == "DE 48.DU missing"
        assert bank.ask(message(groups=(("PN", "P1"), ("DU", "D07")))).fields[39] == "00"
    assert (first.fields[48].count("DL"), first.fields[48][-9:]) == (8, "PG004more")
    assert (second.fields[48].count("DL"), "PG004more" in second.fields[48]) == (3, False)
    machine.stop()


def test_inquiry_of_status_outcome_and_receipt(machine: Machine, bank: Client) -> None:
    sent, refused = message(), message(de4="000000000001")
    bank.ask(refused)
    collected = bank.ask(sent)
    receipt = collected.fields[48].partition("RN021")[2]
    assert bank.ask(inquiry(code="311000")).fields[48] == "PN002P1NM004张*ST006active"
    outcome = bank.ask(inquiry(code="312000", de90=original(sent)))
    assert "ST004done" in outcome.fields[48]
    assert "ST010refused 13" in bank.ask(inquiry(code="312000", de90=original(refused))).fields[48]
    assert bank.ask(inquiry(code="312000", de90=original(message()))).fields[39] == "25"
    for again in (inquiry((("RN", receipt),), "313000"), inquiry(code="313000", de90=original(sent))):
        answer = bank.ask(again)
        assert (answer.fields[39], answer.fields[62]) == ("00", collected.fields[62])
    with machine.signed_on(OTHER_BANK) as other:
        assert other.ask(inquiry((("RN", receipt),), "313000", de32=OTHER_BANK)).fields[39] == "25"
    bank.ask(reversal(sent))
    assert "ST008reversed" in bank.ask(inquiry(code="312000", de90=original(sent))).fields[48]
    assert bank.ask(inquiry((("RN", receipt),), "313000")).fields[39] == "12"


def test_status_says_who_serves_the_policy_and_until_when_to_pay(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    long = "司" * 120
    dues = [premium(f"D{n:019d}", "P" * 24, 10**12 - 1)._replace(grace_until="20270130") for n in range(6)]
    served = Policy("P" * 24, "terminated", long, long, "0" * 17)
    load_front_book(settings, book([served], dues))
    machine = Machine(settings)
    with machine.signed_on() as bank:
        answer = bank.ask(inquiry((("PN", "P" * 24), ("IN", PERSON)), "311000"))
    text = answer.fields[48]
    assert (answer.fields[39], text.count("GU00820270130"), text[-9:]) == ("00", 5, "PG004more")
    assert f"SN120{'司' * 39}...SP017{'0' * 17}" in text
    assert len(text.encode()) <= 999
    machine.stop()
