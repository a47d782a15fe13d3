"""What must hold between the rows of a file, as tables: rows in order and the lines left out, faults out."""

from __future__ import annotations

from collections.abc import Set

import pytest

from ledger.files.agreement import DueRow, PolicyRow, RowFault, due_faults, heads, policy_faults

TWICE = "not unique: an earlier row has the same"
ONE_ROW = "a policy without a due has one row and no other"
DIFFERS = "differs from an earlier row of the same policy"


def dues(*lines: int, due: str = "D1") -> list[DueRow]:
    return [DueRow(due, line) for line in lines]


def twice(*lines: int) -> list[RowFault]:
    return [(line, "due", TWICE) for line in lines]


# The rows, the lines left out, and the faults.
DUES: dict[str, tuple[list[DueRow], Set[int], list[RowFault]]] = {
    "no row": ([], set(), []),
    "one row": (dues(2), set(), []),
    "one row, left out": (dues(2), {2}, []),
    "two dues": (dues(2) + dues(3, due="D2"), set(), []),
    "two dues, one left out": (dues(2) + dues(3, due="D2"), {2}, []),
    "twice": (dues(2, 3), set(), twice(3)),
    "three times": (dues(2, 5, 9), set(), twice(5, 9)),
    "twice, the first left out": (dues(2, 3), {2}, twice(2)),
    "twice, the second left out": (dues(2, 3), {3}, twice(3)),
    "twice, both left out": (dues(2, 3), {2, 3}, twice(2, 3)),
    "three times, the second left out": (dues(2, 3, 4), {3}, twice(3, 4)),
    "three times, the first two left out": (dues(2, 3, 4), {2, 3}, twice(2, 3)),
    "three times, the last two left out": (dues(2, 3, 4), {3, 4}, twice(3, 4)),
    "each of two dues twice": (dues(2, 3) + dues(4, 5, due="D2"), {4}, twice(3, 4)),
}


@pytest.mark.parametrize("case", DUES)
def test_a_due_stands_once_and_what_is_left_out_is_at_fault_where_it_stands_twice(case: str) -> None:
    rows, without, faults = DUES[case]
    assert list(due_faults(iter(rows), without)) == faults


def row(line: int, state: str = "active", holder: str = "张三", policy: str = "P1") -> PolicyRow:
    return PolicyRow(policy, line, state, holder, has_due=True)


def bare(line: int, policy: str = "P1") -> PolicyRow:
    """The row of a policy without a due."""
    return PolicyRow(policy, line, "active", "张三", has_due=False)


def lapsed(line: int) -> PolicyRow:
    return row(line, "lapsed")


STATE, HOLDER, ALONE = ("state", DIFFERS), ("holder", DIFFERS), ("policy", ONE_ROW)

POLICIES: dict[str, tuple[list[PolicyRow], Set[int], list[RowFault]]] = {
    "no row": ([], set(), []),
    "one row": ([row(2)], set(), []),
    "one row, left out": ([row(2)], {2}, []),
    "one row without a due": ([bare(2)], set(), []),
    "one row without a due, left out": ([bare(2)], {2}, []),
    "rows that agree": ([row(2), row(3), row(4)], set(), []),
    "rows that agree, some left out": ([row(2), row(3), row(4)], {2, 4}, []),
    "rows that agree, all left out": ([row(2), row(3)], {2, 3}, []),
    "another state": ([row(2), lapsed(3)], set(), [(3, *STATE)]),
    "another holder": ([row(2), row(3, holder="李四")], set(), [(3, *HOLDER)]),
    "another state and holder": ([row(2), row(3, "lapsed", "李四")], set(), [(3, *STATE), (3, *HOLDER)]),
    "each is held against the first": ([row(2), lapsed(3), row(4)], set(), [(3, *STATE)]),
    "another policy": ([row(2), row(3, "lapsed", "李四", "P2"), bare(4, "P3")], set(), []),
    "a due and none": ([row(2), bare(3)], set(), [(3, *ALONE)]),
    "none and a due": ([bare(2), row(3)], set(), [(3, *ALONE)]),
    "twice none": ([bare(2), bare(3)], set(), [(3, *ALONE)]),
    "none, and all else differs too": (
        [row(2, "lapsed", "李四"), bare(3)],
        set(),
        [(3, *ALONE), (3, *STATE), (3, *HOLDER)],
    ),
    "the first left out": ([row(2), lapsed(3)], {2}, [(2, *STATE)]),
    "the second left out": ([row(2), lapsed(3)], {3}, [(3, *STATE)]),
    "both left out": ([row(2), lapsed(3)], {2, 3}, [(2, *STATE), (3, *STATE)]),
    "the first two left out": ([row(2), row(3), lapsed(4)], {2, 3}, [(2, *STATE), (3, *STATE)]),
    "what stays comes before what is left out": (
        [row(2, holder="李四"), row(3), lapsed(4)],
        {2},
        [(4, *STATE), (2, *HOLDER)],
    ),
    "left out is held against what stays and not against what is left out": (
        [lapsed(2), row(3), row(4)],
        {2, 4},
        [(2, *STATE)],
    ),
    "twice none, the first left out": ([bare(2), bare(3)], {2}, [(2, *ALONE)]),
    "twice none, both left out": ([bare(2), bare(3)], {2, 3}, [(2, *ALONE), (3, *ALONE)]),
    "a due and none, both left out": ([row(2), bare(3)], {2, 3}, [(2, *ALONE), (3, *ALONE)]),
    "none and a due, both left out": ([bare(2), row(3)], {2, 3}, [(2, *ALONE), (3, *ALONE)]),
}


@pytest.mark.parametrize("case", POLICIES)
def test_the_rows_of_a_policy_agree_and_what_is_left_out_is_at_fault_where_it_does_not(case: str) -> None:
    rows, without, faults = POLICIES[case]
    assert list(policy_faults(iter(rows), without)) == faults


@pytest.mark.parametrize(
    ("without", "lines"),
    [
        (set(), [2, 4, 7]),
        ({2}, [3, 4, 7]),
        ({3, 4}, [2, 5, 7]),
        ({2, 3, 7}, [4]),
        ({2, 3, 4, 5, 7}, []),
    ],
)
def test_the_head_of_a_policy_is_its_first_row_that_stays(without: Set[int], lines: list[int]) -> None:
    rows = [
        row(2),
        row(3),
        row(4, policy="P2"),
        row(5, "lapsed", policy="P2"),
        bare(7, "P3"),
    ]
    assert list(heads(iter(rows), without)) == [row for row in rows if row.line in lines]
