"""Answer files: each word of the bank is read as it stands, or the file is refused whole."""

from __future__ import annotations

import hashlib

import pytest

from collection.errors import FormFault
from collection.forms.answer import joined, read
from collection.forms.form_file import load
from collection.forms.lines import AnswerFile, AnswerLine
from tests.support.batch_files import batch_of

STANDARD = load("batch-standard")
SENT = batch_of(12000, 300, 500)
NAME = "B0000123-91020000-20261124-01.ans"
HEAD = "A|1|B0000123|91020000|20261124|20261123203000|1|0"
DETAILS = ("D|1|12000|ACSC|20261124|R1|", "D|2|300|AM04|||余额不足", "D|3|500|ACSC|20261125|R3|")


def answer(*lines: str, head: str = HEAD, figures: str = "3|12800|2|12500", end: str = "\n") -> bytes:
    """An answer file with the right digest."""
    body = "".join(f"{line}{end}" for line in (head, *lines)).encode()
    return body + f"T|{figures}|{hashlib.sha256(body).hexdigest()}{end}".encode()


def refusal(content: bytes, name: str = NAME) -> tuple[int, str]:
    with pytest.raises(FormFault) as refused:
        read(name, content, STANDARD, SENT)
    assert not any(line.account in str(refused.value) for line in SENT.lines)
    return refused.value.line, refused.value.why


def test_an_answer_is_read_line_by_line() -> None:
    assert read(NAME, answer(*DETAILS), STANDARD, SENT) == AnswerFile(
        "B0000123",
        1,
        "0",
        (
            AnswerLine(1, 12000, "ACSC", "", "20261124", "R1"),
            AnswerLine(2, 300, "AM04", "余额不足", "", ""),
            AnswerLine(3, 500, "ACSC", "", "20261125", "R3"),
        ),
        complete=True,
    )


def test_half_an_answer_is_not_complete() -> None:
    half = read(NAME, answer(DETAILS[0], figures="1|12000|1|12000"), STANDARD, SENT)
    assert (len(half.lines), half.complete) == (1, False)


def test_the_order_of_files_and_lines_does_not_matter() -> None:
    form = STANDARD.model_copy(update={"lines_max": 2})
    first = read(NAME, answer(*DETAILS[1::-1], figures="2|12300|1|12000"), form, SENT)
    second = read(
        NAME.replace("-01", "-02"),
        answer(DETAILS[2], head=HEAD.replace("|1|0", "|2|0"), figures="1|500|1|500"),
        form,
        SENT,
    )
    assert joined((first, second)) == joined((second, first, second))
    assert [line.line for line in joined((second, first))] == [1, 2, 3]


def test_two_answers_of_one_line_that_differ_are_refused() -> None:
    one = read(NAME, answer(DETAILS[1], figures="1|300|0|0"), STANDARD, SENT)
    other = read(NAME, answer("D|2|300|ACSC|20261124|R2|", figures="1|300|1|300"), STANDARD, SENT)
    with pytest.raises(FormFault, match="has two answers that differ"):
        joined((one, other))


BAD: dict[str, tuple[bytes, int, str]] = {
    "another batch": (
        answer(*DETAILS, head=HEAD.replace("0123", "0124")),
        0,
        "batch: the name says another",
    ),
    "another moment": (
        answer(*DETAILS, head=HEAD.replace("203000", "203001")),
        1,
        "created_at: answers a file of another moment",
    ),
    "a line twice": (answer(*DETAILS, DETAILS[0], figures="4|24800|3|24500"), 5, "line: stands there twice"),
    "a line that was not sent": (
        answer(*DETAILS, "D|4|5|AM04|||", figures="4|12805|2|12500"),
        5,
        "line: was not asked for in the file it answers",
    ),
    "a negative amount": (answer("D|1|-12000|ACSC|20261124|R1|"), 2, "amount: is negative"),
    "another amount": (answer("D|1|12001|ACSC|20261124|R1|"), 2, "amount: not what was sent"),
    "a wrong count": (
        answer(*DETAILS, figures="2|12800|2|12500"),
        5,
        "count: the file says 2, its lines make 3",
    ),
    "a wrong sum": (
        answer(*DETAILS, figures="3|12801|2|12500"),
        5,
        "amount: the file says 12801, its lines make 12800",
    ),
    "more done than its lines say": (
        answer(*DETAILS, figures="3|12800|3|12800"),
        5,
        "done_amount: the file says 12800, its lines make 12500",
    ),
    "a thing after the trailer": (answer(*DETAILS) + b"D|1|1|ACSC|||\n", 6, "nothing may follow the trailer"),
    "a cut within a line": (answer(*DETAILS)[:-9], 5, "has no end: the file was cut short"),
    "a cut after a line": (
        b"\n".join(answer(*DETAILS).split(b"\n")[:-2]) + b"\n",
        4,
        "the trailer is missing: the file was cut short",
    ),
    "a separator in a text": (
        answer("D|1|12000|ACSC|20261124|R1|a|b"),
        2,
        "7 columns expected, 8 found: cut, or a separator within a value",
    ),
    "another encoding": (answer(*DETAILS).decode().encode("gb18030"), 3, "reads as GB18030 (GBK)"),
    "UTF-16": (answer(*DETAILS).decode().encode("utf-16"), 1, "the file is UTF-16"),
    "other ends of lines": (answer(*DETAILS, end="\r\n"), 1, "ends otherwise than in LF"),
    "an empty file": (b"", 0, "the file is empty"),
    "a changed text": (
        answer(*DETAILS).replace("余额".encode(), "余頟".encode()),
        5,
        "digest: the lines are not those that were written",
    ),
    "a value date before the batch": (
        answer("D|1|12000|ACSC|20261123|R1|"),
        2,
        "value_date: missing, or before the batch's day",
    ),
    "a done line without a day": (
        answer("D|1|12000|ACSC||R1|"),
        2,
        "value_date: missing, or before the batch's day",
    ),
    "lines where nothing was taken": (
        answer(*DETAILS, head=HEAD[:-1] + "16"),
        0,
        "file_code: says that nothing was taken, and there are lines",
    ),
    "a part that the batch has not": (
        answer(*DETAILS, head=HEAD.replace("|1|0", "|2|0")),
        0,
        "part: the name says another",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_whole_with_its_line_and_reason(case: str) -> None:
    content, line, why = BAD[case]
    found = refusal(content)
    assert found[0] == line
    assert why in found[1], found


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("B0000123-91020000-20261125-01.ans", "date: the name says another"),
        ("B0000123-91020001-20261124-01.ans", "channel: the name says another"),
        ("result.ans", "the name is not as the form has it"),
    ],
)
def test_a_file_under_another_name_is_refused(name: str, why: str) -> None:
    assert refusal(answer(*DETAILS), name) == (0, why)


def test_a_file_refused_whole_has_a_code_and_no_line() -> None:
    file = read(NAME, answer(head=HEAD[:-1] + "16", figures="0|0|0|0"), STANDARD, SENT)
    assert (file.file_code, file.lines, file.complete) == ("16", (), False)
