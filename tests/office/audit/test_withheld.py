"""Money that both sides have and no product's account may take yet: from the front book to the ledger.

Each test trades at the front, leaves a bank's file, closes, and looks at the breaks, the postings and the
audit; both databases.
"""

from __future__ import annotations

import io
from collections import Counter
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import select

from ledger.files import bankfile, layout
from ledger.files.bankline import BankLine
from ledger.rules.request import Act, Request
from office.accounting import breaks
from office.accounting.break_states import Break
from office.accounting.chart import lines_of, shipped
from office.audit.evidence import Stated
from office.audit.run import audit
from office.close import Close
from office.config import Settings
from office.database.schema import legs, postings
from tests.support.builders import BANK, DATE, request
from tests.support.pull_books import AFTER, NEXT, SEALER, Books

CHART = shipped()
STATED = Stated(SEALER.public, lines_of(CHART), frozenset({"li", "wang"}))
LONG, SHORT, CLEARING = CHART.long, CHART.short, CHART.clearing
STANDARD = layout.load("standard")


class Here:
    """A front book, an office, and the files of one bank."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.files: dict[str, bytes] = {}
        self._ticks = count(1)
        self.date = DATE
        self.layout = STANDARD
        self.settings = Settings.model_validate(
            {
                "office": {"database": "sqlite:///a", "front": "sqlite:///b", "seal_key": SEALER.public},
                "bank": [{"code": BANK, "name": BANK}],
                "clerk": [{"name": "li"}, {"name": "wang"}],
            }
        )

    def ask(self, act: Act = Act.COLLECT, **given: object) -> Request:
        """Have the front book decide a request."""
        asked = request(act, **given)
        self.books.nodes[0].commit([asked], next(self._ticks))
        return asked

    def advise(self, act: Act = Act.COLLECT, **given: object) -> Request:
        return self.ask(act, mti="0220", advice=True, **given)

    def reverse(self, original: Request, **given: object) -> Request:
        """A reversal that reaches back one business day."""
        same = {name: getattr(original, name) for name in ("code", "amount", "policy", "due")}
        return self.ask(
            Act.REVERSE, mti="0400", original=original.key, **{**same, "reversal_days": 1, **given}
        )

    def too_late(self, original: Request, **given: object) -> None:
        """A reversal of an earlier date's transaction that reaches back no day: the front refuses it."""
        self.reverse(original, reversal_days=0, **given)

    def close(self, *lines: BankLine) -> list[Break]:
        """End the open date with these lines in the bank's file; the breaks of the date."""
        date, numbered = self.date, (line._replace(line=place) for place, line in enumerate(lines, 1))
        self.files[date] = b"".join(bankfile.write(self.layout, BANK, date, numbered))
        self.books.cut_over(date)
        steps = list(self.at_close().run())
        assert [step.text for step in steps if step.waiting] == []
        self.date = {DATE: NEXT, NEXT: AFTER}.get(date, "")
        with self.books.office.reading() as connection:
            return list(breaks.listing(connection, BANK, date))

    def at_close(self) -> Close:
        office, front = self.books.office, self.books.front
        return Close(office, front, self.settings, CHART, lambda: next(self._ticks), self._open)

    def _open(self, _bank: str, date: str) -> BinaryIO | None:
        data = self.files.get(date)
        return None if data is None else io.BytesIO(data)

    def decide(self, name: str, resolution: str) -> None:
        with self.books.office.transaction() as connection:
            breaks.propose(connection, name, resolution, "li", next(self._ticks), "", CHART)
            breaks.approve(connection, name, "wang", next(self._ticks))

    def break_named(self, name: str) -> Break:
        with self.books.office.reading() as connection:
            return breaks.find(connection, name)

    def balances(self) -> dict[str, int]:
        """Every account that is not at 0, in fen, debit positive."""
        query = select(legs.c.account, legs.c.amount).join(postings, postings.c.posting == legs.c.posting)
        sums: Counter[str] = Counter()
        with self.books.office.reading() as connection:
            for account, amount in connection.execute(query):
                sums[account] += amount
        return {account: amount for account, amount in sums.items() if amount}

    def faults(self) -> tuple[Any, ...]:
        rows = audit(self.books.office, self.books.front, STATED)
        return tuple((failing.invariant, failing.subject, failing.what) for failing in rows.failings)


def line(of: Request, **given: object) -> BankLine:
    """The bank's line of a request; the file's first line is its header, so the first of these is line 2."""
    about = (of.terminal, of.branch, of.sent_at, of.stan, of.rrn, of.code, of.policy, of.due, of.amount)
    made = BankLine(1, *about, "", "S")
    return made._replace(**given)  # type: ignore[arg-type]


@pytest.fixture
def here(books: Books) -> Here:
    return Here(books)


def brief(rows: list[Break]) -> list[tuple[str, int, int]]:
    return [(row.cls, row.line, row.difference) for row in rows]


# Advices that do not fit.


@pytest.mark.parametrize(
    ("act", "code", "difference", "suspense", "ends"),
    [
        (Act.COLLECT, "501000", 700, LONG, {"accept": "2203", "refund": "224102", "gain": "6301"}),
        (Act.PAY, "262000", -700, SHORT, {"accept": "220201", "recover": "122103", "loss": "6711"}),
    ],
)
def test_an_advice_that_fits_nothing_goes_whole_into_suspense_and_ends_as_two_people_decide(
    here: Here, act: Act, code: str, difference: int, suspense: str, ends: dict[str, str]
) -> None:
    stray = [here.advise(act, code=code, policy="NONE", amount=700) for _ in range(len(ends) + 1)]
    rows = here.close(*map(line, stray))
    assert brief(rows) == [("exception_advice", 0, difference)] * len(stray)
    assert {(row.ours_effect, row.theirs_effect, row.withheld) for row in rows} == {(0, 0, difference)}
    whole = difference * len(stray)
    assert here.balances() == {CLEARING: whole, suspense: -whole}
    assert here.faults() == ()
    for row, resolution in zip(rows, ["bank_corrects", *ends], strict=True):
        here.decide(row.name, resolution)
    here.at_close().post_decisions()
    rest = dict.fromkeys(ends.values(), -difference)
    assert here.balances() == {CLEARING: whole - difference, **rest}
    assert here.faults() == ()


def test_an_advice_that_settles_its_due_beyond_what_the_bank_may_is_in_suspense_too(here: Here) -> None:
    over = here.advise(policy="P1", limit_day=1)
    (row,) = here.close(line(over))
    assert (row.cls, row.difference, row.due) == ("exception_advice", 120_000, "D1")
    assert here.balances() == {CLEARING: 120_000, LONG: -120_000}
    here.decide(row.name, "accept")
    here.at_close().post_decisions()
    assert here.balances() == {CLEARING: 120_000, "1122": -120_000}
    assert here.faults() == ()


def test_of_an_advice_that_was_reversed_by_the_days_end_nothing_is_at_stake(here: Here) -> None:
    stray = here.advise(policy="NONE", amount=700)
    here.reverse(stray)
    (row,) = here.close(line(stray, state="R"))
    assert (row.cls, row.difference) == ("exception_advice", 0)
    assert here.balances() == {}
    here.decide(row.name, "no_money")
    assert here.faults() == ()


@pytest.mark.parametrize("listed", [True, False], ids=["listed by the bank", "not listed"])
def test_an_advice_reversed_later_ends_its_break_while_nobody_has_decided(here: Here, listed: bool) -> None:
    stray = here.advise(policy="NONE", amount=700)
    (row,) = here.close(line(stray))
    here.reverse(stray)
    later = here.close(*([line(stray, state="R")] if listed else []))
    assert here.break_named(row.name)[-6:] == ("closed", "", "", "", DATE, NEXT)
    if listed:
        assert (later, here.balances()) == ([], {})
    else:
        assert brief(later) == [("state_differs", 0, 700)]
        assert here.balances() == {CLEARING: 700, LONG: -700}
    assert here.faults() == ()


def test_an_advice_reversed_after_two_people_decided_is_withheld_by_a_break_of_its_own(here: Here) -> None:
    stray = here.advise(policy="NONE", amount=700)
    (row,) = here.close(line(stray))
    here.decide(row.name, "accept")
    here.reverse(stray)
    (later,) = here.close(line(stray, state="R"))
    assert (later.cls, later.difference) == ("exception_advice", -700)
    assert later.reason.endswith(f"see also break {row.name} of {DATE}")
    assert here.balances() == {SHORT: 700, "1122": -700}
    here.decide(later.name, "accept")
    here.at_close().post_decisions()
    assert here.balances() == {}
    assert here.faults() == ()


# Lines whose details differ.


@pytest.mark.parametrize(
    ("other", "shown", "accepted"),
    [
        ({"policy": "P9"}, ("", "P9", ""), "1122"),
        ({"due": "D9"}, ("", "", "D9"), "1122"),
        ({"code": "502000"}, ("502000", "", ""), "1303"),
        ({"code": "501000", "policy": "P2", "due": "D2"}, ("501000", "P2", "D2"), "2203"),
    ],
)
def test_a_line_for_something_else_is_one_break_with_the_whole_amount(
    here: Here, other: dict[str, str], shown: tuple[str, str, str], accepted: str
) -> None:
    paid = here.ask(due="D1")
    (row,) = here.close(line(paid, **other))
    assert (row.cls, row.line, row.difference) == ("details_differ", 2, 120_000)
    assert (row.bank_code, row.bank_policy, row.bank_due) == shown
    assert (row.policy, row.due, row.code) == ("P1", "D1", "500000")
    assert here.balances() == {CLEARING: 120_000, LONG: -120_000}
    assert here.faults() == ()
    here.decide(row.name, "accept")
    here.at_close().post_decisions()
    assert here.balances() == {CLEARING: 120_000, accepted: -120_000}
    assert here.faults() == ()


def test_where_our_journal_is_right_our_codes_account_takes_it(here: Here) -> None:
    (row,) = here.close(line(here.ask(), code="502000"))
    here.decide(row.name, "ours_stands")
    here.at_close().post_decisions()
    assert here.balances() == {CLEARING: 120_000, "1122": -120_000}
    assert here.faults() == ()


@pytest.mark.parametrize("same", [{"policy": ""}, {"due": ""}, {"policy": "p1"}, {"policy": " P1 "}])
def test_a_blank_blanks_and_small_letters_are_no_difference(here: Here, same: dict[str, str]) -> None:
    assert here.close(line(here.ask(due="D1"), **same)) == []
    assert here.faults() == ()


def test_a_policy_that_the_journal_holds_masked_is_the_banks(here: Here) -> None:
    """An advice may name a person's number for a policy: the journal masks it, the bank's file may not."""
    number = "11010119900307803X"
    stray = here.advise(policy=number, amount=700)
    assert brief(here.close(line(stray))) == [("exception_advice", 0, 700)]
    assert [what for _, _, what in here.faults()] == ["has an identity or card number in the column policy"]


def test_the_details_of_an_advice_that_fits_nothing_withhold_no_second_time(here: Here) -> None:
    stray = here.advise(policy="NONE", amount=700)
    rows = here.close(line(stray, policy="P2"))
    assert brief(rows) == [("details_differ", 2, 0), ("exception_advice", 0, 700)]
    assert here.balances() == {CLEARING: 700, LONG: -700}
    assert here.faults() == ()


@pytest.mark.parametrize("other", [{"terminal": "T0000002"}, {"policy": "P2"}])
def test_an_rrn_pairs_no_other_terminal_and_no_other_policy(here: Here, other: dict[str, str]) -> None:
    rows = here.close(line(here.ask(), stan="888888", **other))
    assert sorted(brief(rows)) == [("bank_only", 2, 120_000), ("ours_only", 0, -120_000)]
    assert here.faults() == ()


def test_an_rrn_pairs_another_stan_of_the_same_terminal_and_policy(here: Here) -> None:
    assert here.close(line(here.ask(), stan="888888")) == []
    assert here.faults() == ()


def test_where_the_layout_has_no_policies_an_rrn_pairs_by_its_terminal(here: Here, tmp_path: Path) -> None:
    source = (files("ledger.files") / "layouts" / "standard.toml").read_text("utf-8")
    own = tmp_path / "own.toml"
    own.write_text(source.replace('    { name = "policy" },\n', ""), "utf-8")
    here.layout = layout.parse(own.read_text("utf-8"), str(own))
    bank = here.settings.bank[0].model_copy(update={"layout": str(own)})
    here.settings = here.settings.model_copy(update={"bank": (bank,)})
    assert here.close(line(here.ask(), stan="888888")) == []
    assert here.faults() == ()


def test_another_customers_payment_with_the_same_rrn_and_amount_is_no_repeat(here: Here) -> None:
    paid = here.ask()
    rows = here.close(line(paid), line(paid, stan="888888", terminal="T0000002"))
    assert brief(rows) == [("bank_only", 3, 120_000)]
    assert here.faults() == ()


def test_what_differed_ends_with_the_reversal_of_both_sides(here: Here) -> None:
    paid = here.ask()
    (row,) = here.close(line(paid, policy="P9"))
    here.reverse(paid)
    assert here.close(line(paid, policy="P9", state="R")) == []
    assert here.break_named(row.name).settled_on == NEXT
    assert here.balances() == {}
    assert here.faults() == ()


# Reversals that come too late.


def test_a_reversal_that_came_too_late_withholds_what_it_was_to_undo(here: Here) -> None:
    paid = here.ask()
    assert here.close(line(paid)) == []
    here.too_late(paid)
    (row,) = here.close()
    assert (row.cls, row.line, row.difference) == ("late_reversal", 0, 120_000)
    assert row.reason == "the bank asked to reverse it, and we refused as too late: 1,200.00"
    assert here.balances() == {CLEARING: 120_000, LONG: -120_000}
    assert here.faults() == ()
    here.decide(row.name, "accept")
    here.at_close().post_decisions()
    assert here.balances() == {CLEARING: 120_000, "1122": -120_000}
    assert here.faults() == ()


def test_a_file_that_lists_it_as_reversed_makes_one_break_of_both(here: Here) -> None:
    paid = here.ask()
    here.close(line(paid))
    here.too_late(paid)
    (row,) = here.close(line(paid, state="R"))
    assert (row.cls, row.line, row.difference) == ("late_reversal", 2, -120_000)
    assert here.balances() == {SHORT: 120_000, "1122": -120_000}
    here.decide(row.name, "accept")
    here.at_close().post_decisions()
    assert here.balances() == {}
    assert here.faults() == ()


def test_a_file_that_lists_the_reversal_itself_makes_one_break_of_both(here: Here) -> None:
    paid = here.ask()
    here.close(line(paid))
    here.too_late(paid, stan="900001")
    (row,) = here.close(line(paid, stan="900001", state="R", rrn="OTHER"))
    assert (row.cls, row.line, row.difference) == ("late_reversal", 2, 120_000)
    assert here.faults() == ()


def test_money_that_is_in_suspense_already_is_not_withheld_again(here: Here) -> None:
    paid = here.ask()
    (first,) = here.close()
    here.too_late(paid)
    (second,) = here.close()
    assert (first.cls, second.cls, second.difference) == ("ours_only", "late_reversal", 0)
    assert second.reason.endswith(f"see also break {first.name} of {DATE}")
    assert here.faults() == ()
