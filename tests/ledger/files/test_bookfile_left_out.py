"""A file of dues read without some of its rows: which may be left out, and what its TOTAL line binds."""

from __future__ import annotations

import io

import pytest

from ledger.errors import BookFileError
from ledger.files.bookfile import Book, Claim, opened, parse
from ledger.files.bookline import LINE_BYTES_MAX, DueLine
from ledger.files.leftout import LeftOut
from tests.support.dues_file import DATE, PERSON, file, leaving, row


def named(data: bytes, *lines: int) -> Book:
    return parse(data, frozenset(lines))


def refusals(data: bytes, *lines: int) -> list[str]:
    with pytest.raises(BookFileError) as caught:
        named(data, *lines)
    assert all(isinstance(problem.column, str) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


GOOD_AND_BAD = (row(), row("P2", due="D2", code="260000", beneficiary="x"), row("P3", due="D3", amount="y"))
BOTH = f"TOTAL,{DATE},3,3,30700,30000,,,"


def test_rows_with_a_fault_can_be_left_out_and_are_named() -> None:
    read = named(file(*GOOD_AND_BAD, total=BOTH), 3, 4)
    assert [due.due for due in read.dues] == ["D1"]
    assert [policy.policy for policy in read.policies] == ["P1"]
    assert (read.premium, read.benefit) == (30_000, 0)
    assert [(row.line, row.policy, row.due) for row in read.left_out] == [(3, "P2", "D2"), (4, "P3", "D3")]
    assert read.claims == ()


def test_every_row_with_a_fault_must_be_named() -> None:
    data = file(*GOOD_AND_BAD, total=BOTH)
    assert refusals(data, 3) == ["line 4, amount_fen: not a whole number of fen, 1 to 999999999999"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (1, "line 1: no row: it cannot be left out"),
        (3, "line 3: in order: it cannot be left out"),
        (5, "line 5: no row: it cannot be left out"),
        (9, "line 9: no row: it cannot be left out"),
    ],
)
def test_what_is_no_row_or_in_order_cannot_be_left_out(line: int, reason: str) -> None:
    data = file(row(), "P2,active,王伟,,,,,,", row("P3", due="D3"), total=f"TOTAL,{DATE},3,2,60000,0,,,")
    assert reason in refusals(data, line)


@pytest.mark.parametrize(
    ("total", "refused"),
    [
        (f"TOTAL,{DATE},3,3,30700,30000,,,", ""),
        (f"TOTAL,{DATE},3,3,30001,30000,,,", ""),
        (f"TOTAL,{DATE},3,3,30000,30000,,,", "premium"),
        (f"TOTAL,{DATE},3,3,30700,30001,,,", "benefit"),
        (f"TOTAL,{DATE},3,3,30700,29999,,,", "benefit"),
        (f"TOTAL,{DATE},3,2,30700,30000,,,", "dues"),
        (f"TOTAL,{DATE},3,4,30700,30000,,,", "dues"),
        (f"TOTAL,{DATE},2,3,30700,30000,,,", "policies"),
        (f"TOTAL,{DATE},3,3,30700,30000,1,,", "withdrawn"),
        (f"TOTAL,{DATE},3,3,1000000030000,30000,,,", "premium"),
    ],
)
def test_the_control_totals_bind_what_is_there_and_what_is_left_out_says(total: str, refused: str) -> None:
    """D2's amount can be read, though its beneficiary is none; D3's cannot, and counts for a fen or more."""
    data = file(*GOOD_AND_BAD, total=total)
    if not refused:
        assert len(named(data, 3, 4).left_out) == 2
    else:
        [refusal] = refusals(data, 3, 4)
        assert refusal.startswith(f"line 5, {refused}: the TOTAL line says ")


def test_a_row_whose_columns_cannot_be_told_counts_for_one_row_at_the_most() -> None:
    rows = row(), "not a row"
    assert named(file(*rows, total=f"TOTAL,{DATE},2,2,30000,99,,,"), 3).left_out[0].policy == ""
    assert named(file(*rows, total=f"TOTAL,{DATE},1,1,30000,0,1,,"), 3).left_out
    assert refusals(file(*rows, total=f"TOTAL,{DATE},2,3,30000,99,,,"), 3)
    assert refusals(file(*rows, total=f"TOTAL,{DATE},1,1,29999,0,,,"), 3)


def test_of_two_rows_with_one_due_either_can_be_left_out_or_both() -> None:
    total = f"TOTAL,{DATE},3,3,90000,0,,,"
    data = file(row(), row("P2"), row("P3", due="D3"), total=total)
    assert [due.policy for due in named(data, 2).dues] == ["P2", "P3"]
    assert [due.policy for due in named(data, 3).dues] == ["P1", "P3"]
    assert [due.policy for due in named(data, 2, 3).dues] == ["P3"]
    assert [row.reason for row in named(data, 2).left_out] == ["due: not unique: an earlier row has the same"]
    assert "line 4: in order: it cannot be left out" not in refusals(data, 4), "the book may find a fault yet"


def test_of_two_rows_that_say_two_things_of_a_policy_either_can_be_left_out() -> None:
    data = file(row(), row(due="D2", state="lapsed"), total=f"TOTAL,{DATE},1,2,60000,0,,,")
    assert [policy.state for policy in named(data, 2).policies] == ["lapsed"]
    assert [policy.state for policy in named(data, 3).policies] == ["active"]
    assert named(data, 2, 3).policies == ()


@pytest.mark.parametrize(
    ("second", "figures"), [("P2,active,王伟,,,,,,", "2,1,30000"), (row("P2", due="D2"), "2,2,60000")]
)
def test_all_rows_of_a_policy_that_has_one_without_a_due_beside_others_can_be_left_out(
    second: str, figures: str
) -> None:
    data = file("P2,active,王伟,,,,,,", second, row("P3", due="D3"), total=f"TOTAL,{DATE},{figures},0,,,")
    reason = "policy: a policy without a due has one row and no other"
    assert [(row.line, row.reason) for row in named(data, 2, 3).left_out] == [(2, reason), (3, reason)]


def test_a_row_in_order_by_itself_is_left_to_the_book_to_judge() -> None:
    data = file(row(), leaving(), total=f"TOTAL,{DATE},1,1,30000,0,1,,")
    read = named(data, 2, 3)
    assert [(claim.line, claim.due.due, claim.leaves) for claim in read.claims] == [
        (2, "D1", False),
        (3, "D9", True),
    ]
    assert (read.dues, read.withdrawn, read.policies) == ((), (), ())


def test_a_row_that_is_too_long_is_a_row_with_a_fault() -> None:
    data = file(row(), row("P2", due="D2", holder="x" * 5_000), total=f"TOTAL,{DATE},2,2,60000,0,,,")
    assert refusals(data) == [f"line 3: longer than {LINE_BYTES_MAX} bytes"]
    assert named(data, 3).left_out[0].line == 3


NOT_RESIDENT = (
    "beneficiary: not a valid identity number; any other document has its kind before it, as passport:"
)
TWICE = "due: not unique: an earlier row has the same"


def test_what_is_left_out_is_told_whole_with_all_that_is_wrong_with_it() -> None:
    rows = (*GOOD_AND_BAD, row("P4", state="x", due="D4", amount="z"), "a,b", "P5,x,王,,,,,,")
    read = named(file(*rows, total=f"TOTAL,{DATE},5,4,30708,30000,,,"), 7, 3, 4, 5, 6)
    assert read.left_out == (
        LeftOut(3, "P2", "D2", NOT_RESIDENT),
        LeftOut(4, "P3", "D3", "amount_fen: not a whole number of fen, 1 to 999999999999"),
        LeftOut(
            5,
            "P4",
            "D4",
            "state: not one of active, lapsed, pending, terminated"
            "; amount_fen: not a whole number of fen, 1 to 999999999999",
        ),
        LeftOut(6, "", "", "9 columns expected, 2 found"),
        LeftOut(7, "P5", "", "state: not one of active, lapsed, pending, terminated"),
    )
    assert read.claims == ()


def test_what_is_in_order_by_itself_is_a_claim_without_who_is_paid() -> None:
    rows = (
        row(),
        row("P2", due="D2", code="260000", amount="7", beneficiary=PERSON, payee="李四"),
        row("P3", due="D3", code="260000", amount="8", beneficiary="passport:E12345678"),
        leaving(),
    )
    read = named(file(*rows, total=f"TOTAL,{DATE},3,3,30000,15,1,,"), 5, 3, 4)
    assert read.claims == (
        Claim(3, DueLine("D2", "P2", "260000", "benefit", DATE, 7, ""), leaves=False),
        Claim(4, DueLine("D3", "P3", "260000", "benefit", DATE, 8, ""), leaves=False),
        Claim(5, DueLine("D9", "P1", "500000", "premium", DATE, 30_000, ""), leaves=True),
    )
    assert read.left_out == (
        LeftOut(3, "P2", "D2", ""),
        LeftOut(4, "P3", "D3", ""),
        LeftOut(5, "P1", "D9", ""),
    )
    assert (read.dues, read.withdrawn) == ((DueLine("D1", "P1", "500000", "premium", DATE, 30_000, ""),), ())


def test_a_row_that_another_contradicts_is_no_claim_and_its_fault_is_told() -> None:
    total = f"TOTAL,{DATE},2,2,60000,0,,,"
    read = named(file(row(), row("P2"), total=total), 3)
    assert (read.left_out, read.claims) == ((LeftOut(3, "P2", "D1", TWICE),), ())
    rows = row(), row(due="D2", holder="王二", state="lapsed")
    read = named(file(*rows, total=f"TOTAL,{DATE},1,2,60000,0,,,"), 3)
    assert read.left_out == (LeftOut(3, "P1", "D2", "state: differs from an earlier row of the same policy"),)
    assert read.claims == ()


def test_an_opened_file_has_none_of_the_rows_that_are_left_out() -> None:
    rows = row(), row(due="D2"), row("P2"), row("P3", due="D3", amount="x"), leaving(due="D8"), leaving()
    data = file(*rows, total=f"TOTAL,{DATE},3,4,90001,0,2,,")
    with opened(io.BytesIO(data), {4, 5, 6}) as read:
        assert [policy.policy for policy in read.policies] == ["P1"]
        assert [due.due for due in read.dues] == ["D1", "D2"]
        assert [due.due for due in read.withdrawn] == ["D9"]
        assert (len(read.policies), len(read.dues), len(read.withdrawn)) == (1, 2, 1)
        assert read.lines({"D1", "D2", "D3", "D8"}) == {"D1": 2, "D2": 3}


@pytest.mark.parametrize(("other", "left_out"), [("P1", 1), ("P2", 2), ("P9", 1)])
def test_a_policy_that_only_rows_left_out_name_counts_once(other: str, left_out: int) -> None:
    rows = row(amount="x"), row(other, due="D2", amount="y"), row("P9", due="D9")
    for count in range(5):
        data = file(*rows, total=f"TOTAL,{DATE},{count},3,30002,0,,,")
        if count == 1 + left_out:
            assert [policy.policy for policy in named(data, 2, 3).policies] == ["P9"]
        else:
            assert refusals(data, 2, 3) == [
                f"line 5, policies: the TOTAL line says {count}, the rows make 1, those left out {left_out}"
            ]


def test_a_due_that_leaves_counts_for_no_policy_where_it_is_left_out() -> None:
    data = file(row(), leaving("P7"), total=f"TOTAL,{DATE},1,1,30000,0,1,,")
    assert [policy.policy for policy in named(data, 3).policies] == ["P1"]


def test_every_line_that_cannot_be_left_out_is_told_in_order() -> None:
    data = file(row(), "P2,active,王伟,,,,,,", total=f"TOTAL,{DATE},2,1,30000,0,,,")
    assert refusals(data, 9, 4, 3, 1) == [
        "line 1: no row: it cannot be left out",
        "line 3: in order: it cannot be left out",
        "line 4: no row: it cannot be left out",
        "line 9: no row: it cannot be left out",
    ]
