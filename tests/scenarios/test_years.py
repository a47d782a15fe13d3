"""A message's dates have no year: which one is meant, over real sockets and years."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.builders import BANK, book, cancel, inquiry, message, original, premium, reversal, totals
from tests.support.clocks import still
from tests.support.machine import NOON, Books, Client, Machine, load_front_book, write_settings

OUTSIDE = ("1022101112", "1126101112", "0524101112", "1224101112")
"""32 days back, two ahead, and further, when it is 24 November."""


def de7(day: datetime) -> dict[str, str]:
    return {"de7": f"{day:%m%d%H%M%S}", "de13": f"{day:%m%d}"}


def test_the_same_second_a_year_later_is_another_transaction(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, book(dues=[premium(), premium("D3", "P3")]))
    last_year, same_key = Machine(settings), {"de11": "000007"}
    with last_year.signed_on() as bank:
        first = bank.ask(message(**same_key))
    last_year.stop()
    machine = Machine(settings, still(NOON + timedelta(365)))
    with machine.signed_on() as bank:
        again = bank.ask(message(groups=(("PN", "P3"),), **same_key))
        assert (first.fields[39], again.fields[39]) == ("00", "00"), "not 94, and not last year's receipt"
        assert first.fields[62] != again.fields[62]
        assert bank.ask(reversal(message(**same_key))).fields[39] == "00"
    books = Books(database)
    keys = [f"{BANK.zfill(11)}/T0000001/{year}1124101112/000007" for year in (2026, 2027)]
    assert [books.due(due)[:2] for due in ("D1", "D3")] == [("settled", keys[0]), ("open", "")]
    books.close()
    machine.stop()


@pytest.mark.parametrize(
    "moment", [NOON.replace(year=2027, month=1, day=1, hour=0), NOON.replace(month=12, day=31, hour=23)]
)
def test_at_new_year_each_message_is_of_the_year_that_is_nearest(
    tmp_path: Path, database: str, moment: datetime
) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, book(dues=[premium(), premium("D3", "P3")]))
    machine = Machine(settings, still(moment))
    old, new = (
        message(de7="1231235900", de13="1231"),
        message(groups=(("PN", "P3"),), de7="0101000100", de13="0101"),
    )
    with machine.signed_on() as bank:
        answers = [bank.ask(request) for request in (old, new)]
        assert [answer.fields[39] for answer in answers] == ["00", "00"]
        assert "2026-12-31 10:11:12" in answers[0].fields[62]
        assert "2027-01-01 10:11:12" in answers[1].fields[62]
        assert bank.ask(reversal(old, de7="0101000200")).fields[39] == "00"
    books = Books(database)
    assert books.due("D1")[0] == "open"
    assert books.due("D3")[1] == f"{BANK.zfill(11)}/T0000001/20270101000100/{new.fields[11]}"
    books.close()
    machine.stop()


@pytest.mark.parametrize("moment", OUTSIDE)
def test_a_key_outside_the_window_is_refused_and_leaves_nothing(
    bank: Client, books: Books, moment: str
) -> None:
    for sent in (message(de7=moment), inquiry(de7=moment), reversal(message(), de7=moment)):
        answer = bank.ask(sent)
        assert (answer.fields[39], answer.fields[44]) == ("30", "DE 7 not within 31 days"), sent.mti
    assert books.responses() == []


@pytest.mark.parametrize("days", [-31, -1, 0, 1])
def test_a_key_of_the_window_is_taken(bank: Client, days: int) -> None:
    assert bank.ask(message(**de7(NOON + timedelta(days)))).fields[39] == "00"


def test_29_february_is_a_date_only_where_one_is_near(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings)
    reasons = {2026: "DE 7 malformed", 2027: "DE 7 not within 31 days", 2028: None}
    for year, reason in reasons.items():
        machine = Machine(settings, still(NOON.replace(year=year, month=3, day=1)))
        with machine.signed_on() as bank:
            answer = bank.ask(message(de7="0229101112", de13="0229"))
            assert (answer.fields[39], answer.fields.get(44)) == ("30" if reason else "00", reason)
        machine.stop()


@pytest.mark.parametrize("moment", OUTSIDE)
def test_an_advice_outside_the_window_is_recorded_as_what_does_not_fit(
    bank: Client, books: Books, moment: str
) -> None:
    sent = message("0220", de7=moment)
    answer = bank.ask(sent)
    assert (answer.fields[39], 62 in answer.fields) == ("00", False)
    assert bank.ask(message("0221", **{f"de{n}": text for n, text in sent.fields.items()})).fields[39] == "00"
    assert books.rows("SELECT exception_code, subject = key FROM journal") == [("30", True)]
    assert books.due("D1") == ("open", "", 0)


@pytest.mark.parametrize("moment", OUTSIDE)
def test_no_reversal_reaches_outside_the_window(bank: Client, books: Books, moment: str) -> None:
    of = message(de7=moment)
    for sent in (reversal(of), cancel(of), inquiry(code="312000", de90=original(of))):
        answer = bank.ask(sent)
        assert (answer.fields[39], answer.fields[44]) == ("30", "DE 90 not within 31 days")
    assert {row[0] for row in books.rows("SELECT kind FROM journal")} == {"reversal", "cancel"}, (
        "no tombstone"
    )


@pytest.mark.parametrize(
    ("date", "code", "reason"),
    [
        ("1125", "25", "NO BUSINESS DATE 20261125"),
        ("1122", "25", "NO BUSINESS DATE 20261122"),
        ("0101", "25", "NO BUSINESS DATE 20270101"),
        ("0601", "25", "NO BUSINESS DATE 20260601"),
        ("0229", "30", "DE 15 malformed"),
        ("1131", "30", "DE 15 malformed"),
        ("0000", "30", "DE 15 malformed"),
    ],
)
def test_no_day_that_was_not_kept_is_in_balance(bank: Client, date: str, code: str, reason: str) -> None:
    answer = bank.ask(totals(date=date))
    assert (answer.fields[39], answer.fields[44], answer.fields.get(66)) == (code, reason, None)


def test_the_open_day_is_in_balance_by_its_own_date(bank: Client) -> None:
    answer = bank.ask(totals(date="1124"))
    assert (answer.fields[39], answer.fields[66]) == ("00", "1")
