"""What a batch sees of the book, and how what it has decided changes that before anything is written."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from ledger.rules.day import DayState
from ledger.rules.entry import Kind
from ledger.rules.request import NO_FIGURES, BankDay, Totals
from ledger.rules.view import Chain, Day, DueState, Guesses, View
from protocol.responses import Response
from tests.support.builders import DATE, benefit, due, entry, premium

CHAIN = Chain(1, 3, 40, "tip")
FIGURES = BankDay(Totals(1, 120_000), used=120_000)
WRONG = Guesses("B1", DATE, 1, locked=False)
ORIGINAL = "00001020000/T0000001/20261124090000/000007"


def view() -> View:
    return View(Day(DATE, DayState.OPEN), CHAIN, recorded_at=5)


def changed(seen: View) -> dict[str, object]:
    """What a view has that a new one has not."""
    new = view()
    named = {field.name: getattr(seen, field.name) for field in fields(View)}
    return {name: value for name, value in named.items() if value != getattr(new, name)}


def test_a_due_is_open_settled_lapsed_or_withdrawn_and_written_down_so() -> None:
    assert [(state.name, str(state)) for state in DueState] == [
        ("OPEN", "open"),
        ("SETTLED", "settled"),
        ("LAPSED", "lapsed"),
        ("WITHDRAWN", "withdrawn"),
    ]


def test_a_due_that_is_settled_keeps_all_but_its_state_who_settled_it_and_its_sequence() -> None:
    before = due(settled_by="old", sequence=4, withdrawn=1)
    assert before.settled("new") == before._replace(state=DueState.SETTLED, settled_by="new", sequence=5)


def test_a_new_view_has_nothing_but_its_day_chain_and_moment() -> None:
    new = {field.name: getattr(view(), field.name) for field in fields(View)}
    assert {name: value for name, value in new.items() if value} == {
        "day": Day(DATE, DayState.OPEN),
        "chain": CHAIN,
        "recorded_at": 5,
    }
    empty = {name: type(value) for name, value in new.items() if not value}
    assert empty == {
        **dict.fromkeys(("entries", "receipts", "policies", "dues", "dues_by_policy"), dict),
        **dict.fromkeys(("figures", "guesses", "dues_read"), dict),
        **dict.fromkeys(("undone", "reversed", "figures_changed", "guesses_changed"), set),
        **dict.fromkeys(("known_dates", "figures_read", "guesses_read"), frozenset),
        "earlier_dates": tuple,
        "written": list,
    }


def test_what_a_view_may_change_is_its_own() -> None:
    shared = {field.name for field in fields(View) if field.default is not MISSING}
    assert shared == {"earlier_dates", "known_dates", "figures_read", "guesses_read"}


def test_dues_that_were_read_are_found_by_name_and_by_policy_in_their_order() -> None:
    first, second, other = due(), due(premium("D2")), due(benefit())
    seen = view()
    seen.add_dues([first])
    seen.add_dues([other, second])
    assert changed(seen) == {
        "dues": {"D1": first, "B1": other, "D2": second},
        "dues_by_policy": {"P1": ["D1", "D2"], "P2": ["B1"]},
    }


def test_figures_and_guesses_that_were_read_are_known_to_exist() -> None:
    seen = view()
    seen.add_figures({("1", DATE): FIGURES, ("1", "20261123"): NO_FIGURES})
    seen.add_guesses([WRONG])
    assert changed(seen) == {
        "figures": {("1", DATE): FIGURES, ("1", "20261123"): NO_FIGURES},
        "figures_read": frozenset({("1", DATE), ("1", "20261123")}),
        "guesses": {"B1": WRONG},
        "guesses_read": frozenset({"B1"}),
    }


def test_a_bank_has_its_own_figures_of_a_date_and_none_where_there_are_none() -> None:
    seen = view()
    seen.add_figures({("1", DATE): FIGURES})
    assert [seen.figures_of(*of) for of in (("1", DATE), ("1", "20261123"), ("2", DATE))] == [
        FIGURES,
        NO_FIGURES,
        NO_FIGURES,
    ]


def test_each_entry_stands_one_position_behind_the_one_before() -> None:
    seen, positions = view(), []
    for number in (1, 2, 3):
        positions.append(seen.next_position)
        seen.write(entry(number))
    assert positions == [41, 42, 43]
    assert seen.next_position == 44


def test_an_entry_is_found_by_its_key_and_its_receipt_and_written_in_order() -> None:
    first, second = entry(1), entry(2, receipt=None)
    seen = view()
    seen.write(first)
    seen.write(second)
    assert changed(seen) == {
        "written": [first, second],
        "entries": {first.key: first, second.key: second},
        "receipts": {first.receipt: first},
    }


@pytest.mark.parametrize(
    ("given", "undone", "reversed_"),
    [
        ({"kind": Kind.CANCEL, "sequence": 2}, {ORIGINAL}, set()),
        ({"kind": Kind.CANCEL, "sequence": None}, set(), set()),
        ({"kind": Kind.REVERSAL, "sequence": 2}, {ORIGINAL}, {ORIGINAL}),
        ({"kind": Kind.REVERSAL, "sequence": None}, set(), {ORIGINAL}),
        ({"kind": Kind.REVERSAL, "sequence": None, "response": Response.NOT_POSSIBLE}, set(), set()),
        ({"kind": Kind.CANCEL, "sequence": None, "response": Response.NO_ORIGINAL}, set(), set()),
        ({"kind": Kind.TOMBSTONE, "sequence": None, "response": Response.NO_ORIGINAL}, set(), set()),
    ],
)
def test_an_approval_undoes_its_original_and_a_reversal_is_known_even_without_effect(
    given: dict[str, object], undone: set[str], reversed_: set[str]
) -> None:
    written, noted = entry(original=ORIGINAL, **given), view()
    noted.write(written)
    assert (noted.undone, noted.reversed) == (undone, reversed_)


def test_an_approval_without_an_original_undoes_nothing() -> None:
    seen = view()
    seen.write(entry(kind=Kind.REVERSAL, original=""))
    assert (seen.undone, seen.reversed) == (set(), set())


def test_what_stands_in_the_journal_is_noted_without_its_entry() -> None:
    seen = view()
    seen.note_reversing("a", Kind.CANCEL, 2)
    seen.note_reversing("b", Kind.REVERSAL, None)
    seen.note_reversing("c", Kind.REVERSAL, 0)
    assert changed(seen) == {"undone": {"a", "c"}, "reversed": {"b", "c"}}


def test_the_due_that_was_read_stays_at_hand_however_often_it_changes() -> None:
    read, seen = due(), view()
    seen.add_dues([read, due(benefit())])
    settled = read._replace(state=DueState.SETTLED, settled_by="key", sequence=1)
    freed = read._replace(sequence=2)
    for now in (settled, freed):
        seen.change_due(now)
        assert (seen.dues, seen.dues_read) == ({"D1": now, "B1": due(benefit())}, {"D1": read})
    assert seen.dues_by_policy == {"P1": ["D1"], "P2": ["B1"]}


def test_figures_that_change_are_to_be_written_whether_they_were_read_or_not() -> None:
    seen = view()
    seen.add_figures({("1", DATE): NO_FIGURES})
    seen.change_figures("1", DATE, FIGURES)
    seen.change_figures("2", DATE, FIGURES)
    assert changed(seen) == {
        "figures": {("1", DATE): FIGURES, ("2", DATE): FIGURES},
        "figures_read": frozenset({("1", DATE)}),
        "figures_changed": {("1", DATE), ("2", DATE)},
    }


def test_guesses_are_to_be_written_where_they_are_other_than_before() -> None:
    seen = view()
    seen.add_guesses([WRONG])
    seen.change_guesses(WRONG)
    assert seen.guesses_changed == set()
    more, new = WRONG._replace(wrong=2), WRONG._replace(due="B2")
    seen.change_guesses(more)
    seen.change_guesses(new)
    assert changed(seen) == {
        "guesses": {"B1": more, "B2": new},
        "guesses_read": frozenset({"B1"}),
        "guesses_changed": {"B1", "B2"},
    }
