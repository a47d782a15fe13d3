"""Who may move money, take it back and find things out: what a bank's entry allows, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fep.operator.control_client import ControlError, ask
from ledger.rules.request import Totals
from protocol.message import Message
from tests.support.builders import (
    BANK,
    BENEFICIARY,
    benefit,
    book,
    cancel,
    inquiry,
    message,
    premium,
    reversal,
    totals,
)
from tests.support.machine import Books, Client, Machine, load_front_book, write_settings

PAY = {"de3": "260000", "de4": "000000500000"}
WRONG = "999999199003070028"


def payout(mti: str = "0200", policy: str = "P2", identity: str = BENEFICIARY, **fields: object) -> Message:
    return message(mti, (("PN", policy), ("IN", identity)), **{**PAY, **fields})


@contextmanager
def serving(folder: Path, database: str, entry: str) -> Iterator[tuple[Client, Books, Machine]]:
    """A bank that is signed on to a machine whose entry for it has more lines."""
    settings = write_settings(folder, database, entry=entry)
    load_front_book(settings, book(dues=[premium(), premium("D3", "P3"), benefit(), benefit("B2", "P4")]))
    machine, books = Machine(settings), Books(database)
    try:
        with machine.signed_on() as bank:
            yield bank, books, machine
    finally:
        books.close()
        machine.stop()


def cut_over(machine: Machine, bank: Client, date: str) -> None:
    """Close a business date, and hear of it."""
    machine.cut_over(date=date, early=True)
    assert bank.receive().fields[70] == "201"


UNAUTHORISED = (
    ("transactions = ['500000']", payout("0220"), "57"),
    ("terminals = ['X*']", payout("0220"), "58"),
    ("limit_transaction_fen = 499999", payout("0220"), "61"),
    ("limit_day_fen = 499999", payout("0220"), "61"),
    ("", payout("0220", policy="NONE"), "25"),
    ("", payout("0220", identity="X"), "76"),
    ("", payout("0220", identity=WRONG), "76"),
    ("", payout("0220", de4="000999999999"), "13"),
    ("", payout("0220", de3="261000"), "25"),
)


@pytest.mark.parametrize(("entry", "sent", "code"), UNAUTHORISED)
def test_an_advice_of_a_payout_is_no_authority_to_pay(
    tmp_path: Path, database: str, entry: str, sent: Message, code: str
) -> None:
    with serving(tmp_path, database, entry) as (bank, books, _):
        answer = bank.ask(sent)
        assert (answer.mti, answer.fields[39], 62 in answer.fields) == ("0230", code, False)
        assert (books.totals(), books.due("B1")) == (Totals(), ("open", "", 0))


def test_an_advice_of_a_payout_that_fits_is_taken_as_a_request(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, database, "") as (bank, books, _):
        answer = bank.ask(payout("0220"))
        assert (answer.fields[39], 62 in answer.fields, books.due("B1")[0]) == ("00", True, "settled")


@pytest.mark.parametrize(("entry", "sent", "code"), UNAUTHORISED)
def test_where_they_are_allowed_what_does_not_fit_has_no_voucher_and_is_counted(
    tmp_path: Path, database: str, entry: str, sent: Message, code: str
) -> None:
    with serving(tmp_path, database, f"payout_advices = true\n{entry}") as (bank, books, _):
        answer = bank.ask(sent)
        assert (answer.fields[39], 62 in answer.fields, 48 in answer.fields) == (
            "00",
            False,
            48 in answer.fields,
        )
        amount = int(sent.fields[4])
        assert books.rows("SELECT exception_code, receipt FROM journal") == [(code, None)]
        assert books.rows("SELECT unfit, paid FROM bank_days") == [(amount, amount)]
        assert bank.ask(reversal(sent, "0420")).fields[39] == "00"
        assert books.rows("SELECT unfit, used, paid_reversed FROM bank_days") == [(0, 0, amount)]


OTHERS = (
    ({"de48": "PN002P3"}, "25", "ORIGINAL: OTHER POLICY"),
    ({"de48": "PN002P1DU002D3"}, "25", "ORIGINAL: OTHER DUE"),
    ({"de3": "501000"}, "12", "ORIGINAL: OTHER DE 3"),
    ({"de42": "B00000000000002"}, "12", "ORIGINAL: OTHER DE 42"),
    ({"de2": "6222000000000001"}, "12", "ORIGINAL: OTHER DE 2"),
    ({"de4": "000000120001"}, "13", "AMOUNT DIFFERS"),
)


@pytest.mark.parametrize("mti", ["0400", "0420"])
@pytest.mark.parametrize(("other", "code", "reason"), OTHERS)
def test_a_reversal_agrees_with_its_original(
    bank: Client, books: Books, mti: str, other: dict[str, str], code: str, reason: str
) -> None:
    sent = message(de2="6222000000000009")
    bank.ask(sent)
    answer = bank.ask(reversal(sent, mti, **{"de2": sent.fields[2], **other}))
    assert (answer.fields[39], answer.fields[44]) == (code, reason)
    assert books.due("D1")[0] == "settled"
    same = {"de2": sent.fields[2], "de48": "PN002P1DU002D1"}
    assert bank.ask(reversal(sent, mti, **same)).fields[39] == "00"


@pytest.mark.parametrize(("other", "code", "reason"), [row for row in OTHERS if "de3" not in row[0]])
def test_a_cancel_agrees_with_its_original(
    bank: Client, books: Books, other: dict[str, str], code: str, reason: str
) -> None:
    sent = message(de2="6222000000000009")
    bank.ask(sent)
    answer = bank.ask(cancel(sent, **{"de2": sent.fields[2], **other}))
    assert (answer.fields[39], answer.fields[44]) == (code, reason)
    assert books.due("D1")[0] == "settled"


def test_a_branch_does_not_undo_anothers_payment_by_its_refused_own(bank: Client, books: Books) -> None:
    sent = message()
    bank.ask(sent)
    own = message(**{f"de{n}": sent.fields[n] for n in (7, 11)}, de42="B00000000000002", de48="PN002P3")
    assert bank.ask(own).fields[39] == "94"
    answer = bank.ask(reversal(own, de42="B00000000000002"))
    assert (answer.fields[39], books.due("D1")[0]) == ("12", "settled")


@pytest.mark.parametrize(("days", "codes"), [(0, ["12", "12"]), (1, ["00", "12"]), (2, ["00", "00"])])
def test_a_reversal_reaches_back_as_many_business_days_as_the_entry_says(
    tmp_path: Path, database: str, days: int, codes: list[str]
) -> None:
    with serving(tmp_path, database, f"reversal_days = {days}") as (bank, books, machine):
        first, second = message(), message(groups=(("PN", "P3"),))
        bank.ask(first)
        cut_over(machine, bank, "20261124")
        bank.ask(second)
        cut_over(machine, bank, "20261125")
        answers = [bank.ask(reversal(request)) for request in (second, first)]
        assert [answer.fields[39] for answer in answers] == codes
        assert all(answer.fields.get(44) in (None, "REVERSAL TOO LATE") for answer in answers)
        states = {"00": "open", "12": "settled"}
        assert [books.due(due)[0] for due in ("D3", "D1")] == [states[code] for code in codes]


def test_what_is_taken_back_of_an_earlier_day_gives_no_room_for_today(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, database, "limit_day_fen = 120000") as (bank, books, machine):
        first = message()
        bank.ask(first)
        cut_over(machine, bank, "20261124")
        assert bank.ask(reversal(first)).fields[39] == "00"
        assert books.rows("SELECT used FROM bank_days WHERE date = '20261125'") == [(0,)]
        assert [bank.ask(message(groups=(("PN", p),))).fields[39] for p in ("P1", "P3")] == ["00", "61"]


def test_no_receipt_is_printed_of_what_was_taken_back(bank: Client) -> None:
    sent = message()
    first = bank.ask(sent)
    bank.ask(reversal(sent))
    again = bank.ask(Message("0201", sent.fields))
    assert {n: again.fields[n] for n in (38, 39)} == {n: first.fields[n] for n in (38, 39)}
    assert (62 in again.fields, again.fields[44], "张三" in again.fields[48]) == (False, "REVERSED", False)


def test_a_cancelled_transactions_repeat_prints_no_receipt_and_a_standing_ones_does(bank: Client) -> None:
    sent = message()
    first = bank.ask(sent)
    assert bank.ask(Message("0201", sent.fields)).fields[62] == first.fields[62]
    undone = cancel(sent)
    bank.ask(undone)
    assert 62 not in bank.ask(Message("0201", sent.fields)).fields
    bank.ask(reversal(undone))
    assert 62 in bank.ask(Message("0201", sent.fields)).fields, "the cancel never was"
    assert 62 not in bank.ask(Message("0201", undone.fields)).fields


def test_a_due_is_locked_after_five_wrong_numbers_until_a_person_unlocks_it(
    machine: Machine, bank: Client, books: Books
) -> None:
    assert [bank.ask(payout(identity=WRONG)).fields[39] for _ in range(5)] == ["76"] * 5
    answer = bank.ask(payout())
    assert (answer.fields[39], answer.fields[44]) == ("76", "IDENTITY DIFFERS"), "the right number, unseen"
    assert books.due("B1") == ("open", "", 0)
    cut_over(machine, bank, "20261124")
    assert bank.ask(payout()).fields[39] == "76", "a new day does not open it"
    control = Path(machine.settings.node.control)
    with pytest.raises(ControlError, match="no such due is locked"):
        ask(control, "unlock", due="B9")
    assert ask(control, "unlock", due="B1") == {"due": "B1"}
    assert bank.ask(payout()).fields[39] == "00"
    assert books.rows("SELECT act, subject FROM audit_log WHERE act = 'unlock due' ORDER BY number") == [
        ("unlock due", ""),
        ("unlock due", "B1"),
    ]


def test_wrong_numbers_of_another_day_do_not_count(machine: Machine, bank: Client) -> None:
    for _ in range(4):
        bank.ask(payout(identity=WRONG))
    cut_over(machine, bank, "20261124")
    assert [bank.ask(payout(identity=WRONG)).fields[39] for _ in range(4)] == ["76"] * 4
    assert bank.ask(payout()).fields[39] == "00"


@pytest.mark.parametrize("identity", [BENEFICIARY, WRONG])
def test_no_code_tells_a_right_number_from_a_wrong_one_without_a_payment(
    tmp_path: Path, database: str, identity: str
) -> None:
    with serving(tmp_path, database, "limit_day_fen = 500000") as (bank, _, _machine):
        assert bank.ask(payout(identity=identity, de4="000000000001")).fields[39] == "13"
        bank.ask(message())
        assert bank.ask(payout(identity=identity)).fields[39] == "61"
        assert bank.ask(payout(identity=identity, de3="261000")).fields[39] == "25"


def test_a_banks_misses_are_bounded_for_inquiries_and_payouts(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, database, "misses_a_minute = 3") as (bank, books, _):
        unknown = [bank.ask(inquiry((("PN", f"X{n}"),))).fields[39] for n in range(4)]
        assert unknown == ["25", "25", "25", "91"]
        for sent in (inquiry(), inquiry(code="311000"), payout()):
            answer = bank.ask(sent)
            assert (answer.fields[39], answer.fields[44]) == ("91", "TOO MANY 25 AND 76, WAIT")
        assert books.responses() == [], "nothing was done"
        assert bank.ask(message()).fields[39] == "00", "a customer can pay"


def test_a_payout_that_was_made_is_told_again_though_its_bank_must_wait(
    tmp_path: Path, database: str
) -> None:
    with serving(tmp_path, database, "misses_a_minute = 3") as (bank, books, _):
        asked = payout()
        first = bank.ask(asked)
        for n in range(3):
            bank.ask(inquiry((("PN", f"X{n}"),)))
        again = bank.ask(Message("0201", asked.fields))
        assert (again.fields[39], again.fields[62]) == ("00", first.fields[62]), "91 is for what was not done"
        assert bank.ask(payout()).fields[39] == "91"
        assert books.responses() == [("payout", "00")]


def test_inquiries_that_come_together_do_not_outrun_the_budget(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, database, "misses_a_minute = 3") as (bank, _, _machine):
        for n in range(40):
            bank.send(inquiry((("PN", f"X{n}"),)))
        assert sorted(bank.receive().fields[39] for _ in range(40)) == ["25"] * 3 + ["91"] * 37


def test_an_inquiry_comes_under_the_banks_entry_too(tmp_path: Path, database: str) -> None:
    with serving(tmp_path, database, "transactions = ['260000']\nterminals = ['T*']") as (bank, _, _machine):
        refused = bank.ask(inquiry(de41="X0000001"))
        assert (refused.fields[39], refused.fields[44]) == ("58", "TERMINAL NOT ALLOWED")
        assert "DL" not in bank.ask(inquiry()).fields[48], "a premium is none that it may settle"
        assert "DU002B1PC006260000" in bank.ask(inquiry((("PN", "P2"),))).fields[48]


def test_the_holder_is_named_in_full_only_to_who_has_a_document_before_it(bank: Client) -> None:
    for code in ("310000", "311000"):
        assert "NM004张*" in bank.ask(inquiry(code=code)).fields[48]
        shown = inquiry((("PN", "P1"), ("IN", BENEFICIARY)), code=code)
        assert "NM006张三" in bank.ask(shown).fields[48]


@pytest.mark.parametrize("mti", ["0802", "0820", "0840", "0860", "0880"])
@pytest.mark.parametrize("code", ["001", "301"])
def test_only_0800_and_its_repeat_manage_a_network(machine: Machine, mti: str, code: str) -> None:
    with machine.client() as client:
        sent = Message(mti, {7: "1124101112", 11: "000001", 32: BANK, 70: code})
        answer = client.ask(sent, sealed=False)
        assert (answer.fields[39], answer.fields[44]) == ("40", f"MTI {mti} NOT SUPPORTED")
        assert client.ask(message(), sealed=False).fields[39] == "63", "it is not signed on"


SECRETS = (
    (35, "6222000000000000=2512", "TRACK DATA NOT ACCEPTED"),
    (36, "6222000000000000=2512", "TRACK DATA NOT ACCEPTED"),
    (45, "B6222000000000000^X^2512", "TRACK DATA NOT ACCEPTED"),
    (52, "0123456789ABCDEF", "PIN DATA IS NOT ACCEPTED"),
    (53, "0000000000000000", "PIN DATA IS NOT ACCEPTED"),
)


@pytest.mark.parametrize(("number", "value", "reason"), SECRETS)
def test_no_message_may_carry_a_pin_or_a_cards_tracks(
    bank: Client, books: Books, number: int, value: str, reason: str
) -> None:
    echo = Message("0800", {7: "1124101112", 11: "000009", 32: BANK, 70: "301"})
    for sent in (message(), message("0220"), inquiry(), reversal(message()), totals(), echo):
        carrying = Message(sent.mti, dict(sorted({**sent.fields, number: value}.items())))
        answer = bank.ask(carrying)
        assert (answer.fields[39], answer.fields[44]) == ("40", reason), sent.mti
    assert {response for _, response in books.responses()} == {"40"}
