"""Each outcome of docs/protocol.md section 6, sent over a real socket: exactly that answer, and money moved
or not moved.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.rules.request import Totals
from protocol.tlv import build
from tests.support.builders import (
    BANK,
    BENEFICIARY,
    PAYEE,
    benefit,
    book,
    cancel,
    inquiry,
    message,
    original,
    policy,
    premium,
    reversal,
    stan,
    totals,
)
from tests.support.machine import OTHER_BANK, Books, Client, Machine, load_front_book, write_settings

PAY = {"de3": "260000", "de4": "000000500000"}
BENEFIT_GROUPS = (("PN", "P2"), ("IN", BENEFICIARY))
UNTOUCHED = ("open", "", 0)


def test_00_a_collection_is_on_disk_with_code_and_receipt(bank: Client, books: Books) -> None:
    sent = message()
    answer = bank.ask(sent)
    assert (answer.mti, answer.fields[39], answer.fields[15]) == ("0210", "00", "1124")
    assert {n: answer.fields[n] for n in (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49)} == {
        n: sent.fields[n] for n in (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49)
    }
    key = f"{BANK.zfill(11)}/T0000001/20261124101112/{sent.fields[11]}"
    assert books.due("D1") == ("settled", key, 1)
    assert books.rows(
        "SELECT response, amount, authorization, receipt FROM journal".replace(
            "authorization", '"authorization"'
        )
    ) == [("00", 120_000, answer.fields[38], answer.fields[48].partition("RN021")[2])]
    assert books.totals() == Totals(collections=1, collected=120_000)
    assert "续期保费收据" in answer.fields[62]
    assert "人民币壹仟贰佰元整" in answer.fields[62]
    assert books.broken() == []


def test_00_a_payout_to_the_beneficiary(bank: Client, books: Books) -> None:
    sent = message(groups=BENEFIT_GROUPS, **PAY)
    answer = bank.ask(sent)
    assert answer.fields[39] == "00"
    assert books.due("B1")[0] == "settled"
    assert books.totals() == Totals(payouts=1, paid=500_000)
    slip = answer.fields[62]
    assert f"领款人：{PAYEE}\n领款人签名：" in slip
    asked_again = (sent, inquiry((), "313000", de90=original(sent)))
    assert [bank.ask(question).fields[62] for question in asked_again] == [slip, slip]


def test_12_a_due_that_is_already_paid(bank: Client, books: Books) -> None:
    assert bank.ask(message()).fields[39] == "00"
    after = books.due("D1")
    answer = bank.ask(message())
    assert (answer.fields[39], answer.fields[44]) == ("12", "ALREADY PAID")
    assert books.due("D1") == after
    assert books.totals() == Totals(collections=1, collected=120_000)


def test_12_a_cancel_after_cutover(bank: Client, machine: Machine, books: Books) -> None:
    sent = message()
    bank.ask(sent)
    assert machine.cut_over() == "20261125"
    assert bank.receive().fields[70] == "201"
    answer = bank.ask(cancel(sent))
    assert (answer.fields[39], answer.fields[44], answer.fields[15]) == ("12", "CANCEL AFTER CUTOVER", "1125")
    assert books.due("D1")[0] == "settled"


def test_12_a_second_cancel(bank: Client, books: Books) -> None:
    sent = message()
    bank.ask(sent)
    assert bank.ask(cancel(sent)).fields[39] == "00"
    assert bank.ask(cancel(sent)).fields[39] == "12"
    assert books.due("D1") == ("open", "", 2)
    assert books.totals() == Totals(1, 120_000, 1, 120_000)


def test_13_an_amount_that_differs_from_the_due(bank: Client, books: Books) -> None:
    assert bank.ask(message(de4="000000120001")).fields[39] == "13"
    assert books.due("D1") == UNTOUCHED
    assert books.responses() == [("collection", "13")]


def test_21_a_reversal_before_its_original_stops_it(bank: Client, books: Books) -> None:
    sent = message()
    first = bank.ask(reversal(sent))
    assert (first.mti, first.fields[39]) == ("0410", "21")
    assert bank.ask(sent).fields[39] == "21"
    assert bank.ask(message("0201", **{f"de{n}": sent.fields[n] for n in (7, 11)})).fields[39] == "21"
    assert books.due("D1") == UNTOUCHED
    assert books.totals() == Totals()


def test_21_a_cancel_before_its_original_stops_it(bank: Client, books: Books) -> None:
    sent = message()
    assert bank.ask(cancel(sent)).fields[39] == "21"
    assert bank.ask(sent).fields[39] == "21"
    assert books.due("D1") == UNTOUCHED


@pytest.mark.parametrize(
    "groups", [(("PN", "P9"),), (("PN", "P1"), ("DU", "D9")), (("PN", "P1"), ("DU", "B1"))], ids=str
)
def test_25_no_such_policy_or_due(bank: Client, books: Books, groups: tuple[tuple[str, str], ...]) -> None:
    assert bank.ask(message(groups=groups)).fields[39] == "25"
    assert books.due("D1") == UNTOUCHED


@pytest.mark.parametrize("number", [3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49])
def test_30_names_the_mandatory_field_that_is_missing(bank: Client, books: Books, number: int) -> None:
    answer = bank.ask(message(**{f"de{number}": None}))
    assert (answer.mti, answer.fields[39], answer.fields[44]) == ("0210", "30", f"DE {number} missing")
    assert books.due("D1") == UNTOUCHED


@pytest.mark.parametrize(
    ("number", "value"),
    [(7, "1324101112"), (7, "0230101112"), (12, "240000"), (13, "0431"), (4, "000000000000"), (49, "840")],
)
def test_30_names_the_field_that_is_malformed(bank: Client, books: Books, number: int, value: str) -> None:
    answer = bank.ask(message(**{f"de{number}": value}))
    assert (answer.fields[39], answer.fields[44]) == ("30", f"DE {number} malformed")
    assert books.due("D1") == UNTOUCHED


@pytest.mark.parametrize("value", ["P", "PN0", "PN00AP1", "PN003P1", "PN002P1DU"])
def test_30_de_48_cut_short(bank: Client, books: Books, value: str) -> None:
    answer = bank.ask(message(de48=value))
    assert answer.fields[39] == "30"
    assert answer.fields[44].startswith("DE 48")
    assert books.due("D1") == UNTOUCHED


def test_30_a_payout_without_identity(bank: Client, books: Books) -> None:
    answer = bank.ask(message(groups=(("PN", "P2"),), **PAY))
    assert (answer.fields[39], answer.fields[44]) == ("30", "DE 48.IN missing")
    assert books.due("B1") == UNTOUCHED


def test_30_a_field_that_does_not_decode_is_named_if_the_mac_is_right(bank: Client, books: Books) -> None:
    sent = message()
    body = bytearray(bank.codec.seal(sent, lambda _: bytes(8))[:-8])
    body[body.index(b"000000120000")] = ord("x")
    assert bank.key is not None
    bank.send_body(bytes(body) + bank.key.mac(bytes(body)))
    answer = bank.receive()
    assert (answer.fields[39], answer.fields[44], answer.fields[11]) == (
        "30",
        "DE 4 malformed",
        sent.fields[11],
    )
    assert books.due("D1") == UNTOUCHED


def test_40_a_message_that_carries_a_pin_and_keeps_none_of_it(bank: Client, books: Books) -> None:
    answer = bank.ask(message(de52="CAFEBABE12345678"))
    assert (answer.fields[39], answer.fields[44]) == ("40", "PIN DATA IS NOT ACCEPTED")
    assert books.due("D1") == UNTOUCHED
    assert "CAFEBABE" not in str(books.rows("SELECT * FROM journal")).upper()


@pytest.mark.parametrize("mti", ["0300", "0600", "0202", "1200", "0120"])
def test_40_any_other_message_that_decodes(bank: Client, books: Books, mti: str) -> None:
    sent = message(mti)
    answer = bank.ask(sent)
    assert (answer.mti, answer.fields[39]) == (f"{mti[:2]}{int(mti[2]) + 1}0", "40")
    assert {n: answer.fields[n] for n in (7, 11, 32, 41)} == {n: sent.fields[n] for n in (7, 11, 32, 41)}
    assert books.due("D1") == UNTOUCHED


def test_40_a_processing_code_that_is_not_of_the_interface(bank: Client, books: Books) -> None:
    assert bank.ask(message(de3="990000")).fields[39] == "40"
    assert bank.ask(message(de3="310000")).fields[39] == "40"
    assert bank.ask(inquiry(code="500000")).fields[39] == "40"
    assert books.responses() == [("collection", "40"), ("collection", "40")], "an inquiry is never recorded"
    assert books.due("D1") == UNTOUCHED


@pytest.mark.parametrize(
    ("entry", "fields", "response"),
    [
        ('transactions = ["501000"]', {}, "57"),
        ('terminals = ["A*"]', {}, "58"),
        ("limit_transaction_fen = 119999", {}, "61"),
        ("limit_day_fen = 119999", {}, "61"),
    ],
)
def test_57_58_61_what_the_banks_entry_does_not_allow(
    tmp_path: Path, database: str, entry: str, fields: dict[str, str], response: str
) -> None:
    settings = write_settings(tmp_path, database, entry=entry)
    load_front_book(settings)
    machine = Machine(settings)
    books = Books(database)
    with machine.signed_on() as bank:
        sent = message(**fields)
        assert bank.ask(sent).fields[39] == response
        assert bank.ask(sent).fields[39] == response
    assert books.due("D1") == UNTOUCHED
    assert books.responses() == [("collection", response)]
    machine.stop()
    books.close()


def test_57_another_banks_transaction_cannot_be_reversed(
    machine: Machine, bank: Client, books: Books
) -> None:
    sent = message()
    bank.ask(sent)
    with machine.signed_on(OTHER_BANK) as other:
        foreign = reversal(sent, de32=OTHER_BANK)
        assert other.ask(foreign).fields[39] == "57"
    assert books.due("D1")[0] == "settled"


def test_57_another_banks_transaction_is_not_undone_by_advice_either(
    machine: Machine, bank: Client, books: Books
) -> None:
    """A reversal advice is refused; a cancel advice cannot be, and is a break without effect."""
    sent, unsent = message(), message()
    bank.ask(sent)
    with machine.signed_on(OTHER_BANK) as other:
        for named in (sent, unsent):
            foreign = reversal(named, "0420", de32=OTHER_BANK, de90=original(named), de11=stan())
            assert other.ask(foreign).fields[39] == "57"
            cancelled = cancel(named, "0220", de32=OTHER_BANK, de90=original(named), de11=stan())
            assert other.ask(cancelled).fields[39] == "00"
    kinds = [("collection", "00", "")] + [("reversal", "57", ""), ("cancel", "00", "57")] * 2
    assert books.rows("SELECT kind, response, exception_code FROM journal ORDER BY position") == kinds
    assert books.due("D1")[0] == "settled"
    assert bank.ask(unsent).fields[39] == "12"


def test_61_the_limit_of_the_day_counts_what_stands(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database, entry="limit_day_fen = 200000")
    load_front_book(settings, book(dues=[premium(), premium("D2", "P3")]))
    machine = Machine(settings)
    with machine.signed_on() as bank:
        first, second = message(), message(groups=(("PN", "P3"),))
        assert bank.ask(first).fields[39] == "00"
        assert bank.ask(second).fields[39] == "61"
        assert bank.ask(reversal(first)).fields[39] == "00"
        assert bank.ask(message(groups=(("PN", "P3"),))).fields[39] == "00"
    machine.stop()


def test_63_a_wrong_mac_moves_nothing(bank: Client, books: Books) -> None:
    body = bytearray(bank.codec.seal(message(), bank.key.mac if bank.key else bytes))
    body[-1] ^= 1
    bank.send_body(bytes(body))
    answer = bank.receive()
    assert (answer.fields[39], answer.fields[44]) == ("63", "MAC WRONG")
    assert books.due("D1") == UNTOUCHED
    assert books.responses() == []


def test_63_a_missing_mac_moves_nothing(bank: Client, books: Books) -> None:
    answer = bank.ask(message(), sealed=False)
    assert (answer.fields[39], answer.fields[44]) == ("63", "MAC MISSING")
    assert books.responses() == []


def test_63_five_bad_macs_in_a_row_close_the_link(machine: Machine, bank: Client) -> None:
    for _ in range(5):
        assert bank.ask(message(), sealed=False).fields[39] == "63"
    assert bank.is_closed()
    assert machine.service.statistics.mac_failures[BANK] == 5


def test_63_a_good_mac_between_bad_ones_starts_the_count_again(bank: Client) -> None:
    for _ in range(4):
        assert bank.ask(message(), sealed=False).fields[39] == "63"
    assert bank.ask(inquiry()).fields[39] == "00"
    for _ in range(4):
        assert bank.ask(message(), sealed=False).fields[39] == "63"
    assert bank.ask(inquiry()).fields[39] == "00"


def test_63_anything_financial_before_sign_on(machine: Machine, books: Books) -> None:
    with machine.client() as stranger:
        assert stranger.ask(message()).fields[39] == "63"
        assert stranger.ask(inquiry()).fields[39] == "63"
        assert stranger.ask(totals()).fields[39] == "63"
    assert books.due("D1") == UNTOUCHED


def test_63_de_32_names_another_bank(bank: Client, books: Books) -> None:
    answer = bank.ask(message(de32=OTHER_BANK))
    assert (answer.fields[39], answer.fields[44]) == ("63", "DE 32: OTHER BANK")
    assert books.due("D1") == UNTOUCHED


def test_76_the_identity_number_does_not_match(bank: Client, books: Books) -> None:
    groups = (("PN", "P2"), ("IN", "999999199003070028"))
    assert bank.ask(message(groups=groups, **PAY)).fields[39] == "76"
    assert books.due("B1") == UNTOUCHED


def test_90_while_no_day_is_open_and_not_for_ever(bank: Client, books: Books) -> None:
    sent = message()
    books.execute("UPDATE days SET state = 'closed', next_date = '20261125', signature = 'x'")
    assert bank.ask(sent).fields[39] == "90"
    assert books.due("D1") == UNTOUCHED
    books.execute("UPDATE days SET state = 'open', next_date = '', signature = ''")
    assert bank.ask(sent).fields[39] == "00"


def test_94_the_same_key_with_other_content(bank: Client, books: Books) -> None:
    sent = message()
    bank.ask(sent)
    other = message(**{f"de{n}": sent.fields[n] for n in (7, 11)}, de37="RRN000000002")
    assert bank.ask(other).fields[39] == "94"
    assert books.responses() == [("collection", "00")]


def test_95_totals_that_differ_are_answered_with_ours(bank: Client) -> None:
    bank.ask(message())
    answer = bank.ask(totals())
    assert (answer.mti, answer.fields[39], answer.fields[66]) == ("0510", "95", "2")
    assert (answer.fields[76], answer.fields[88]) == ("0000000001", "0000000000120000")
    assert answer.fields[97] == "D0000000000120000"


def test_totals_that_agree_are_in_balance(bank: Client) -> None:
    sent = message()
    bank.ask(sent)
    bank.ask(reversal(sent))
    bank.ask(message(groups=BENEFIT_GROUPS, **PAY))
    count, amount = "0000000001", "0000000000120000"
    ours = dict.fromkeys(("de74", "de76", "de77"), count) | {"de86": "0000000000500000"}
    answer = bank.ask(totals("0520", net=-500_000, de88=amount, de89=amount, **ours))
    assert (answer.mti, answer.fields[39], answer.fields[66], answer.fields[97]) == (
        "0530",
        "00",
        "1",
        "C0000000000500000",
    )


def test_a_repeat_gets_the_first_answer_byte_for_byte_but_for_the_mac(
    machine: Machine, bank: Client, books: Books
) -> None:
    sent = message()
    bank.ask(sent)
    first = bank.last_body[:-8]
    bank.ask(sent)
    assert bank.last_body[:-8] == first
    bank.ask(message("0201", **{f"de{n}": sent.fields[n] for n in (7, 11)}))
    assert bank.last_body[:-8] == first
    assert books.totals() == Totals(collections=1, collected=120_000)
    assert machine.service.statistics.replays == 2


def test_a_refusal_stays_a_refusal(bank: Client, books: Books) -> None:
    sent = message(groups=(("PN", "P9"),))
    assert bank.ask(sent).fields[39] == "25"
    books.execute("INSERT INTO policies (policy, state, holder) VALUES ('P9', 'active', 'x')")
    books.execute(
        "INSERT INTO dues (due, policy, code, kind, due_date, amount, beneficiary, state, settled_by,"
        " sequence, withdrawn)"
        " VALUES ('D9', 'P9', '500000', 'premium', '20261201', 120000, '', 'open', '', 0, 0)"
    )
    assert bank.ask(sent).fields[39] == "25"
    assert books.due("D9") == UNTOUCHED


def test_a_reversal_gives_the_due_back_once(bank: Client, books: Books) -> None:
    sent = message()
    bank.ask(sent)
    undo = reversal(sent)
    first = bank.ask(undo)
    body = bank.last_body[:-8]
    assert (first.mti, first.fields[39]) == ("0410", "00")
    bank.ask(message("0401", **{f"de{n}": undo.fields[n] for n in (7, 11, 90)}, de48=None))
    assert bank.last_body[:-8] == body
    assert bank.ask(reversal(sent)).fields[39] == "00"
    assert bank.ask(reversal(sent, "0420")).fields[39] == "00"
    assert books.due("D1") == ("open", "", 2)
    assert books.totals() == Totals(1, 120_000, 1, 120_000)
    assert bank.ask(sent).fields[39] == "00", "the first answer again, though reversed since"
    assert bank.ask(message()).fields[39] == "00", "the due can be collected anew"
    assert books.broken() == []


def test_a_reversed_cancel_restores_the_collection_if_the_due_is_free(bank: Client, books: Books) -> None:
    sent = message()
    bank.ask(sent)
    undo = cancel(sent)
    assert bank.ask(undo).fields[39] == "00"
    assert bank.ask(reversal(undo)).fields[39] == "00"
    assert bank.ask(reversal(undo)).fields[39] == "00"
    assert books.due("D1")[0::2] == ("settled", 3)
    assert books.totals() == Totals(collections=1, collected=120_000)


def test_a_reversed_cancel_cannot_take_the_due_from_whom_paid_since(bank: Client, books: Books) -> None:
    sent, later = message(), message()
    bank.ask(sent)
    undo = cancel(sent)
    bank.ask(undo)
    assert bank.ask(later).fields[39] == "00"
    answer = bank.ask(reversal(undo))
    assert (answer.fields[39], answer.fields[44]) == ("12", "DUE SETTLED SINCE")
    assert books.due("D1")[1].endswith(later.fields[11])


def test_an_advice_is_recorded_whatever_the_book_says(bank: Client, books: Books) -> None:
    fits, exception_code = message("0220"), message("0220", de4="000000000001")
    assert (bank.ask(fits).mti, bank.ask(exception_code).mti) == ("0230", "0230")
    assert books.rows("SELECT response, exception_code, subject FROM journal ORDER BY position") == [
        ("00", "", "D1"),
        ("00", "12", f"{BANK.zfill(11)}/T0000001/20261124101112/{exception_code.fields[11]}"),
    ]
    assert books.totals() == Totals(collections=2, collected=120_001)
    assert bank.ask(reversal(exception_code)).fields[39] == "00"
    assert bank.ask(reversal(exception_code)).fields[39] == "00"
    assert books.totals() == Totals(2, 120_001, 1, 1)


def test_12_a_lapsed_policy_is_not_collected_from(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, book([policy(state="lapsed")], [premium(), benefit()]))
    machine = Machine(settings)
    with machine.signed_on() as bank:
        answer = bank.ask(message())
    assert (answer.fields[39], answer.fields[44]) == ("12", "POLICY LAPSED")
    machine.stop()


@pytest.mark.parametrize("page", ["abc", "0", "-1", "1000", " 1"])
def test_30_a_page_that_is_none_whatever_asks_for_it(bank: Client, page: str) -> None:
    sent, group = message(), (("PN", "P1"), ("PG", page))
    of = original(sent)
    for asked in (
        inquiry(group),
        inquiry(group, "312000", de90=of),
        inquiry((*group, ("RN", "1")), "313000"),
        message(groups=group),
        message(groups=group, de3="020000", de90=of),
        message("0400", de48=f"PG{len(page):03d}{page}", de90=of),
    ):
        answer = bank.ask(asked)
        assert (answer.fields[39], answer.fields[44]) == ("30", "DE 48.PG malformed"), asked


def test_groups_that_are_no_names_are_30_and_in_an_advice_recorded_and_answered(machine: Machine) -> None:
    """On one link, which stays good; a policy of 800 bytes is cut in the book."""
    with machine.signed_on() as bank:
        told = [
            bank.ask(message(groups=(("PN", "P1"), ("PG", "abc")))),
            bank.ask(inquiry(groups=(("PN", "P" * 800),))),
            bank.ask(reversal(message(), de48=build((("PN", "p1"),), "utf-8"))),
        ]
        assert [(answer.fields[39], answer.fields[44]) for answer in told] == [
            ("30", "DE 48.PG malformed"),
            ("30", "DE 48.PN malformed"),
            ("30", "DE 48.PN malformed"),
        ]
        advice = message("0220", groups=(("PN", "P" * 800),))
        assert bank.ask(advice).fields[39] == "00"
        outcome = bank.ask(inquiry((), "312000", de90=original(advice, "0220"))).fields[48]
        assert outcome.startswith(f"PN024{'P' * 21}...")
