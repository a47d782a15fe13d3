"""The core system's answer: what adds up is kept once, what does not is refused whole, and a refused line
stays work until it is accepted.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given as property_given
from hypothesis import strategies as st
from sqlalchemy import Connection

from office.audit.evidence import Evidence, Failing
from office.audit.exported import exported
from office.errors import AnswerRefused
from office.exports.answer import (
    FORMAT,
    export_states,
    outstanding_refusals,
    parse_answer,
    take_answer,
)
from office.exports.read import Export, read_exports
from tests.support.core_system import answer_content, answer_to

REFUSED = {"dues.csv": {2: "no such policy", 1: "lapsed"}, "vouchers.csv": {1: "the period is closed"}}
GOOD = {
    "format": FORMAT,
    "date": "20260930",
    "manifest": "ab" * 32,
    "files": [{"name": "dues.csv", "accepted": 1, "accepted_fen": 5, "refused": []}],
}


@pytest.fixture
def export(connection: Connection) -> Export:
    """The second export, which has no answer yet."""
    return read_exports(connection)[1]


def test_refused_lines_are_work_until_they_are_accepted(given: Evidence, export: Export) -> None:
    connection = given.office
    first = take_answer(connection, answer_to(connection, export, REFUSED), 10**15, "li")
    assert (first.number, first.refused, first.is_new) == (1, 3, True)
    listed = [(line.file, line.line, line.reason) for line in outstanding_refusals(connection)]
    assert listed == [
        ("dues.csv", 1, "lapsed"),
        ("dues.csv", 2, "no such policy"),
        ("vouchers.csv", 1, "the period is closed"),
    ]
    fewer = {"dues.csv": {2: "no such policy"}}
    second = take_answer(connection, answer_to(connection, export, fewer), 10**15, "li")
    assert (second.number, second.refused) == (2, 1)
    assert [line.line for line in outstanding_refusals(connection, export.date)] == [2]
    assert [(state.answers, state.refused) for state in export_states(connection)] == [(2, 0), (2, 1)]
    take_answer(connection, answer_to(connection, export, {}), 10**15, "li")
    assert outstanding_refusals(connection) == ()
    assert [one for one in exported(given) if isinstance(one, Failing)] == []


def test_an_answer_given_again_changes_nothing(connection: Connection, export: Export) -> None:
    data = answer_to(connection, export, REFUSED)
    first = take_answer(connection, data, 10**15, "li")
    assert take_answer(connection, data, 10**15, "li") == first._replace(is_new=False)
    assert [state.answers for state in export_states(connection)] == [2, 1]


def test_a_line_that_was_accepted_is_not_refused_later(connection: Connection, export: Export) -> None:
    take_answer(connection, answer_to(connection, export, {}), 10**15, "li")
    with pytest.raises(AnswerRefused, match=r"vouchers\.csv: line 1 was accepted by an earlier answer"):
        take_answer(connection, answer_to(connection, export, {"vouchers.csv": {1: "x"}}), 10**15, "li")


def changed(content: dict[str, Any], *path: str | int, to: object) -> bytes:
    """The answer with one value changed."""
    place: Any = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("date",), "20991231", "20991231 was not exported"),
        (("manifest",), "0" * 64, "was exported with manifest"),
        (("files", 0, "accepted"), 0, "dues.csv: 0 accepted, 0 refused; it has"),
        (("files", 0, "accepted_fen"), -1, "dues.csv: -1 fen accepted; what was exported comes to"),
        (("files", 0, "refused"), [{"line": 99999, "reason": "x"}], "dues.csv: there is no line 99999"),
        (("files", 0, "refused"), [{"line": 1, "reason": "x"}] * 2, "dues.csv: a line is refused twice"),
        (("files", 0, "name"), "vouchers.csv", "it must answer to dues.csv, vouchers.csv, breaks.csv"),
        (("files",), [], "it must answer to dues.csv, vouchers.csv, breaks.csv"),
    ],
)
def test_what_does_not_add_up_is_refused_whole(
    connection: Connection, export: Export, path: tuple[str | int, ...], value: object, words: str
) -> None:
    content = answer_content(connection, export, {})
    with pytest.raises(AnswerRefused, match=words):
        take_answer(connection, changed(content, *path, to=value), 10**15, "li")
    assert [state.answers for state in export_states(connection)] == [2, 0]


def test_a_number_of_a_person_in_a_reason_is_masked(connection: Connection, export: Export) -> None:
    refused = {"dues.csv": {1: "no person 11010519491231002X"}}
    take_answer(connection, answer_to(connection, export, refused), 10**15, "li")
    assert [line.reason for line in outstanding_refusals(connection)] == [
        "no person ************** 002X".replace(" 0", "0")
    ]


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("format",), "other", "format"),
        (("date",), "2026-09-30", "date"),
        (("manifest",), "xyz", "manifest"),
        (("files", 0, "accepted"), "1", "files.0.accepted"),
        (("files", 0, "accepted"), 1.5, "files.0.accepted"),
        (("files", 0, "accepted"), -1, "files.0.accepted"),
        (("files", 0, "extra"), 1, "files.0.extra"),
        (("files", 0, "refused"), [{"line": 0, "reason": "x"}], "files.0.refused.0.line"),
        (("files", 0, "refused"), [{"line": 1, "reason": ""}], "files.0.refused.0.reason"),
    ],
)
def test_a_fault_of_an_answer_is_named_by_its_place(
    path: tuple[str | int, ...], value: object, place: str
) -> None:
    with pytest.raises(AnswerRefused, match=f"^{place}: "):
        parse_answer(changed(json.loads(json.dumps(GOOD)), *path, to=value))


@property_given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda part: st.lists(part) | st.dictionaries(st.sampled_from([*GOOD, "x"]), part),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_whatever_is_given_is_an_answer_or_is_refused(data: bytes) -> None:
    try:
        parse_answer(data)
    except AnswerRefused as refused:
        assert str(refused)
