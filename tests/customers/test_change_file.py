"""The file of changes for the core system, and its file of answers, which is read whole or refused."""

from __future__ import annotations

import pytest

from customers.change_file import Answer, SentChange, parse_answers, write_answers, write_changes
from customers.errors import AnswersError
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import ChangeState
from tests.support.customers_desk import ZHANG

DONE, DECLINED = ChangeState.DONE, ChangeState.DECLINED
ANSWERS = (Answer(2, 12, DONE, ""), Answer(3, 13, DECLINED, "another signature"))
GOOD = write_answers("20261124", ANSWERS)


def test_what_is_written_is_read_back() -> None:
    file = parse_answers(GOOD)
    assert (file.date, file.answers) == ("20261124", ANSWERS)
    assert parse_answers(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n")).answers == ANSWERS


def test_a_file_that_was_cut_anywhere_is_refused() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(AnswersError, match="nothing was taken"):
            parse_answers(GOOD[:length])


def test_a_fault_is_named_with_its_line_and_column() -> None:
    for old, new, fault in (
        (b"change,answer", b"answer,change", "line 1: the header must be change,answer,reason"),
        (b"12,done", b"0,done", "line 2, change: not a change's number"),
        (b"12,done", b"12,yes", "line 2, answer: not one of done, declined"),
        (b"12,done,", b"12,done,why", "line 2, reason: what is declined has a reason, and nothing else"),
        (b"another signature", b"", "line 3, reason: what is declined has a reason, and nothing else"),
        (b"another signature", b"a,b", "line 3: 3 columns expected, 4 found"),
        (b"another", b"\xff", "line 3: not UTF-8"),
        (b"13,declined", b"12,declined", "line 3, change: this change has another row"),
        (b"TOTAL,20261124", b"TOTAL,20261131", "line 4, date: not a date, YYYYMMDD"),
        (b",1,1\n", b",2,1\n", "line 4, done: 2 stated, 1 counted"),
        (b",1,1\n", b",1,0\n", "line 4, declined: 0 stated, 1 counted"),
        (b",1,1\n", b",1,x\n", "line 4, declined: not a whole number of 1 to 9 digits"),
        (b",1,1\n", b",1\n", "line 4: 4 columns expected, 3 found"),
        (b",1,1\n", b",1,1\n14,done,\n", "line 5: the TOTAL line is missing: the file was cut short"),
    ):
        with pytest.raises(AnswersError) as refused:
            parse_answers(GOOD.replace(old, new, 1))
        assert fault in [str(problem) for problem in refused.value.problems]


def test_the_core_system_is_told_whom_and_what() -> None:
    post = "上海市黄浦区示例路1号, 2楼"
    changes = [
        SentChange(12, ZHANG, ContactKind.MOBILE, "13800138000", Source.COUNTER, "20261123"),
        SentChange(13, ZHANG, ContactKind.POST, post, Source.STAFF, "20261124"),
    ]
    assert b"".join(write_changes("20261124", changes)).decode() == (
        "change,document,kind,value,source,made\n"
        "12,resident:11010119900307803X,mobile,13800138000,counter,20261123\n"
        f'13,resident:11010119900307803X,post,"{post}",staff,20261124\n'
        "TOTAL,20261124,2\n"
    )
    assert b"".join(write_changes("20261124", ())).decode().endswith("made\nTOTAL,20261124,0\n")
    assert repr(changes[0]) == "SentChange(12)"
