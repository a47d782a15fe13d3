"""The dates of a bank's messages, what names an earlier one, and what is no transaction, as tables."""

from __future__ import annotations

from datetime import date

import pytest

from fep.links.request_parser import (
    Unsupported,
    check_network,
    check_time,
    first_form,
    full_date,
    full_moment,
    original_key,
)
from ledger.rules.moment import KeyWindow
from ledger.rules.request import Act, Request, Totals, key_of
from protocol.errors import FormatError
from protocol.message import Message
from protocol.responses import Response
from tests.support.builders import BANK, inquiry, message, reversal, totals
from tests.support.request_parsers import CODE, COLLECTION, GOOD, ORIGINAL_KEY, TODAY, ask, without

# Today, DE 7, and when it was; None where no key may be made then.
MOMENTS = [
    (date(2026, 11, 24), "1124101112", "20261124101112"),
    (date(2026, 11, 24), "1125000000", "20261125000000"),
    (date(2026, 11, 24), "1126000000", None),
    (date(2026, 11, 24), "1024235959", "20261024235959"),
    (date(2026, 11, 24), "1023235959", None),
    (date(2027, 1, 1), "1231235959", "20261231235959"),
    (date(2026, 12, 31), "0101000000", "20270101000000"),
    (date(2028, 3, 1), "0229120000", "20280229120000"),
]


@pytest.mark.parametrize(("today", "sent", "sent_at"), MOMENTS)
def test_a_key_has_the_year_that_is_nearest_and_is_made_within_the_window(
    today: date, sent: str, sent_at: str | None
) -> None:
    asked = message(de7=sent, de13=f"{today:%m%d}")
    if sent_at is None:
        with pytest.raises(FormatError, match=r"^DE 7 not within 31 days$"):
            ask(asked, today)
    else:
        parsed = ask(asked, today)
        assert (parsed.sent_at, parsed.outside_window) == (sent_at, False)
        assert parsed.key == key_of(BANK, "T0000001", sent_at, asked.fields[11])


@pytest.mark.parametrize(("key_days", "sent", "holds"), [(5, "1119", True), (5, "1118", False)])
def test_the_window_is_as_long_as_was_set(key_days: int, sent: str, holds: bool) -> None:
    asked = message(de7=f"{sent}101112")
    if holds:
        assert ask(asked, key_days=key_days).sent_at == f"2026{sent}101112"
    else:
        with pytest.raises(FormatError, match=r"^DE 7 not within 5 days$"):
            ask(asked, key_days=key_days)


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("payout_advices", [False, True])
def test_outside_the_window_only_an_advice_of_money_that_moved_is_recorded(
    kind: str, payout_advices: bool
) -> None:
    asked, act = GOOD[kind]
    old = asked._replace(fields={**asked.fields, 7: "0601101112"})
    if asked.mti == "0220" and (act is not Act.PAY or payout_advices):
        parsed = ask(old, payout_advices=payout_advices)
        assert (parsed.outside_window, parsed.sent_at) == (True, "20260601101112")
        assert parsed.verdict is Response.APPROVED
    else:
        with pytest.raises(FormatError, match=r"^DE 7 not within 31 days$"):
            ask(old, payout_advices=payout_advices)


@pytest.mark.parametrize(
    "sent", ["0229101112", "0230101112", "1301101112", "1124240000", "1124106000", "1124101060"]
)
@pytest.mark.parametrize("asked", [message(), message("0220"), inquiry(), reversal(COLLECTION)])
def test_a_moment_that_does_not_exist_makes_no_key(asked: Message, sent: str) -> None:
    with pytest.raises(FormatError, match=r"^DE 7 malformed$"):
        ask(asked._replace(fields={**asked.fields, 7: sent}))


WINDOW = KeyWindow(TODAY)
DE_90 = "0200" + "000041" + "1124101112" + CODE + "00000000000"


@pytest.mark.parametrize("mti", ["0200", "0201", "0220", "0221"])
def test_an_original_is_a_financial_message_or_its_repeat(mti: str) -> None:
    assert original_key(mti + DE_90[4:], "T0000001", WINDOW) == ORIGINAL_KEY


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("0100" + DE_90[4:], "DE 90 malformed"),
        ("0400" + DE_90[4:], "DE 90 malformed"),
        ("0210" + DE_90[4:], "DE 90 malformed"),
        (DE_90[:-1] + "1", "DE 90 malformed"),
        (DE_90[:31] + "1" + DE_90[32:], "DE 90 malformed"),
        (DE_90[:31] + "X" * 11, "DE 90 malformed"),
        (DE_90[:10] + "0230101112" + DE_90[20:], "DE 90 malformed"),
        (DE_90[:10] + "0229101112" + DE_90[20:], "DE 90 malformed"),
        (DE_90[:10] + "1124240000" + DE_90[20:], "DE 90 malformed"),
        (DE_90[:10] + "1023101112" + DE_90[20:], "DE 90 not within 31 days"),
        (DE_90[:10] + "1126101112" + DE_90[20:], "DE 90 not within 31 days"),
    ],
)
def test_an_original_that_names_no_transaction_is_malformed(number: str, reason: str) -> None:
    with pytest.raises(FormatError, match=f"^{reason}$"):
        original_key(number, "T0000001", WINDOW)


def test_a_bank_may_be_named_in_an_original_with_its_last_digit() -> None:
    key = original_key("0200" + "000041" + "1124101112" + "99999999999" + "0" * 11, "T", WINDOW)
    assert key == "99999999999/T/20261124101112/000041"


@pytest.mark.parametrize("time", ["000000", "235959"])
def test_times_that_exist(time: str) -> None:
    check_time("12", time)
    assert full_moment("7", "1124" + time, WINDOW) == "20261124" + time


@pytest.mark.parametrize("time", ["240000", "236000", "235960", "990000"])
def test_times_that_do_not_exist(time: str) -> None:
    with pytest.raises(FormatError, match=r"^DE 12 malformed$"):
        check_time("12", time)
    with pytest.raises(FormatError, match=r"^DE 7 malformed$"):
        full_moment("7", "1124" + time, WINDOW)


def test_a_date_has_the_year_that_is_nearest() -> None:
    assert full_date("15", "0101", WINDOW) == "20270101"
    with pytest.raises(FormatError, match=r"^DE 15 malformed$"):
        full_date("15", "0229", WINDOW)


FIGURES = {"de76": 1, "de88": 2, "de77": 3, "de89": 4, "de74": 5, "de86": 6, "de75": 7, "de87": 8}


@pytest.mark.parametrize(
    ("sign", "net"), [("D", 42), ("C", -42), ("D", 9_876_543_210_123_456), ("D", 0), ("C", 0)]
)
@pytest.mark.parametrize("mti", ["0500", "0501", "0520", "0521"])
def test_a_reconciliation_is_a_request_of_its_eight_figures_net_and_date(
    mti: str, sign: str, net: int
) -> None:
    asked = totals(mti, **FIGURES, de97=f"{sign}{abs(net):016d}", date="1123")
    assert ask(asked) == Request(
        key="",
        act=Act.TOTALS,
        bank=BANK,
        mti=first_form(mti),
        date="20261123",
        totals=Totals(1, 2, 3, 4, 5, 6, 7, 8),
        net=net,
    )


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"de49": "840"}, "DE 49 malformed"),
        ({"de7": "0230101112"}, "DE 7 malformed"),
        ({"de7": "1124240000"}, "DE 7 malformed"),
        ({"date": "0230"}, "DE 15 malformed"),
        ({"date": "0229"}, "DE 15 malformed"),
    ],
)
def test_a_reconciliation_that_is_malformed(given: dict[str, object], reason: str) -> None:
    with pytest.raises(FormatError, match=f"^{reason}$"):
        ask(totals(**given))


def test_a_reconciliation_takes_the_year_that_is_nearest() -> None:
    assert ask(totals(date="1231"), date(2027, 1, 1)).date == "20261231"


NETWORK = Message("0800", {7: "1124101112", 11: "000001", 32: BANK, 70: "301"})


@pytest.mark.parametrize("mti", ["0800", "0801"])
def test_network_management_is_taken_with_its_four_fields(mti: str) -> None:
    check_network(NETWORK._replace(mti=mti), TODAY)


@pytest.mark.parametrize("mti", ["0802", "0820", "0840", "0880", "0810"])
def test_network_management_of_another_kind_is_not_supported(mti: str) -> None:
    with pytest.raises(Unsupported, match=f"^MTI {mti} NOT SUPPORTED$"):
        check_network(NETWORK._replace(mti=mti), TODAY)


@pytest.mark.parametrize("number", [7, 11, 32, 70])
def test_network_management_needs_its_fields(number: int) -> None:
    with pytest.raises(FormatError, match=f"^DE {number} missing$"):
        check_network(without(NETWORK, number), TODAY)


@pytest.mark.parametrize("sent", ["0230101112", "1124240000"])
def test_network_management_at_a_moment_that_does_not_exist(sent: str) -> None:
    with pytest.raises(FormatError, match=r"^DE 7 malformed$"):
        check_network(NETWORK._replace(fields={**NETWORK.fields, 7: sent}), TODAY)


def test_network_management_may_be_of_any_date() -> None:
    check_network(NETWORK._replace(fields={**NETWORK.fields, 7: "0601101112"}), TODAY)
