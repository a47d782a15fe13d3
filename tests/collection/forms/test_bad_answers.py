"""What real batch interfaces got wrong, in each form of lines and elements: refused whole, or unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from collection.errors import FormFault
from collection.forms.answer import is_done, joined, read
from collection.forms.codes import codes_of
from collection.forms.form_file import Form, load
from collection.forms.lines import NamedFile
from simulators.channel import files
from tests.support.batch_files import batch_of

FORMS = ("batch-standard", "batch-ubp", "batch-unionpay", "batch-xml", "pain008")
SENT = batch_of(12000, 345, 600)
EDGE = {
    "batch": "B0000123",
    "channel": "91020000",
    "date": "20261124",
    "created_at": "20261123203000",
    "part": "1",
    "text": "",
}


def line(form: Form, number: int, amount: int, **changed: str) -> dict[str, str]:
    """A done line of the batch, as the bank writes it."""
    sent = SENT.lines[number - 1]
    return {
        "line": str(number),
        "key": f"B0000123{number:06d}",
        "account": sent.account,
        "name": sent.name,
        "amount": str(amount),
        "code": form.answer.done[0],
        "text": "",
        "value_date": "20261124",
        "reference": f"R{number}",
        **changed,
    }


def lines_of(form: Form) -> list[dict[str, str]]:
    return [line(form, sent.line, sent.amount) for sent in SENT.lines]


def file_of(form: Form, lines: list[dict[str, str]], **edge: str) -> NamedFile:
    """An answer whose sums are those of its lines, so that only what a test changes is wrong."""
    asked = [sent.amount for sent in SENT.lines]
    return files.answer(form, {**EDGE, "file_code": form.answer.taken[0], **edge}, lines, asked)


def refused(form: Form, file: NamedFile, *, name: str = "") -> str:
    with pytest.raises(FormFault) as fault:
        read(name or file.name, file.content, form, SENT)
    text = str(fault.value)
    assert not any(sent.account in text or sent.name in text for sent in SENT.lines)
    assert text.startswith(name or file.name)
    return text


Change = Callable[[Form, list[dict[str, str]]], list[dict[str, str]]]
WRONG_LINES: Mapping[str, tuple[Change, str]] = {
    "a line number repeated": (lambda _, lines: [*lines, lines[0]], "line: stands there twice"),
    "another amount": (lambda form, lines: [line(form, 1, 12001), *lines[1:]], "amount: not what was sent"),
    "a line of nobody's": (
        lambda _, lines: [*lines, {**lines[0], "line": "4", "key": "B0000123000004"}],
        "line: was not asked for",
    ),
    "a day before the batch": (
        lambda _, lines: [{**lines[0], "value_date": "20261123"}, *lines[1:]],
        "value_date: missing, or before the batch's day",
    ),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("case", WRONG_LINES)
def test_a_line_that_cannot_be_refuses_the_file(name: str, case: str) -> None:
    change, why = WRONG_LINES[case]
    form = load(name)
    assert why in refused(form, file_of(form, change(form, lines_of(form))))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("column", "value"), [("batch", "B0000124"), ("date", "20261125")])
def test_a_file_of_another_batch_or_day_is_refused_even_under_the_right_name(
    name: str, column: str, value: str
) -> None:
    form = load(name)
    lines = [{**each, "key": f"{value}{int(each['line']):06d}"} for each in lines_of(form)]
    other = file_of(form, lines if column == "batch" else lines_of(form), **{column: value})
    right = file_of(form, lines_of(form)).name
    why = (
        refused(form, other, name=right)
        if name != "pain008" or column == "batch"
        else "the name says another"
    )
    assert any(words in why for words in ("the name says another", "of another"))
    assert refused(form, other)


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_another_channel_is_refused(name: str) -> None:
    form = load(name)
    assert "channel" in refused(form, file_of(form, lines_of(form), channel="91030000"))


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_states_the_whole_batchs_sum_is_refused(name: str) -> None:
    """A batch in two files, and each answer states the sum of both."""
    form = load(name).model_copy(update={"lines_max": 2})
    whole, half = file_of(form, lines_of(form)), file_of(form, lines_of(form)[:2])
    assert refused(form, whole)
    sums = {"129.45": "123.45", "12945": "12345"}
    for all_of_it, part in sums.items():
        replaced = half.content.replace(part.encode(), all_of_it.encode())
        if replaced != half.content:
            assert refused(form, half._replace(content=replaced))


@pytest.mark.parametrize("name", ["batch-ubp", "batch-xml"])
def test_a_flag_that_contradicts_its_code_is_unknown(name: str) -> None:
    """Success told on failure, and a failure told on success: neither is believed."""
    form = load(name)
    flags = {meaning: flag for flag, meaning in form.answer.flags.items()}
    codes = codes_of(form.codes)
    for code, flag in (("51", flags["done"]), ("00", flags["failed"]), ("00", "9"), ("51", "9")):
        file = file_of(form, [line(form, 1, 12000, code=code)])
        usual = flags["done" if code == "00" else "failed"]
        separator = form.separator.encode(form.encoding)
        if form.form == "xml":
            changed = file.content.replace(f"<Status>{usual}<".encode(), f"<Status>{flag}<".encode())
            changed = changed.replace(b"<SuccNum>1<", b"<SuccNum>0<").replace(
                b"<SuccAmt>120.00<", b"<SuccAmt>0.00<"
            )
        else:
            old, new = (separator + each.encode() + separator + code.encode() for each in (usual, flag))
            changed = file.content.replace(old, new)
            changed = changed.replace(
                separator + b"1" + separator + b"120.00\r\n", separator + b"0" + separator + b"0.00\r\n"
            )
        (answer,) = read(file.name, changed, form, SENT).lines
        assert (answer.code, codes.line(answer.code).klass) == (f"{flag}/{code}", "unknown")


@pytest.mark.parametrize("name", FORMS)
def test_a_text_decides_nothing(name: str) -> None:
    form = load(name)
    failing = {"iso20022": "AM04"}.get(form.codes, "51")
    file = file_of(form, [line(form, 1, 12000, code=failing, text="交易成功", value_date="", reference="")])
    (answer,) = read(file.name, file.content, form, SENT).lines
    assert (codes_of(form.codes).line(answer.code).klass, answer.value_date) == ("funds", "")


@pytest.mark.parametrize("name", FORMS)
def test_a_code_that_no_table_knows_is_unknown(name: str) -> None:
    form = load(name)
    file = file_of(form, [line(form, 1, 12000, code="ZZ", value_date="", reference="")])
    (answer,) = read(file.name, file.content, form, SENT).lines
    assert codes_of(form.codes).line(answer.code).klass == "unknown"
    assert not is_done(form.answer, answer.code)


@pytest.mark.parametrize("name", FORMS)
def test_another_encoding_is_refused(name: str) -> None:
    form = load(name)
    other = "gb18030" if form.encoding == "utf-8" else "utf-8"
    lines = [
        line(form, 1, 12000),
        line(form, 2, 345, code="51", text="余额不足", value_date="", reference=""),
    ]
    file = file_of(form, lines)
    text = file.content.decode(form.encoding)
    if not text.isascii():
        assert refused(form, file._replace(content=text.encode(other)))
    assert refused(form, file._replace(content=b"\xef\xbb\xbf" + file.content))
    assert refused(form, file._replace(content=text.encode("utf-16")))


@pytest.mark.parametrize("name", FORMS)
def test_a_thing_after_the_end_is_refused(name: str) -> None:
    form = load(name)
    file = file_of(form, lines_of(form))
    more = file.content.splitlines(keepends=True)[-1]
    assert refused(form, file._replace(content=file.content + more))
    assert refused(form, file._replace(content=file.content + b"x"))


@pytest.mark.parametrize("name", FORMS)
def test_the_same_file_twice_is_one_answer_and_a_line_in_two_that_differ_is_none(name: str) -> None:
    form = load(name)
    file = file_of(form, lines_of(form))
    answer = read(file.name, file.content, form, SENT)
    assert joined((answer, answer)) == answer.lines
    failing = {"iso20022": "AM04"}.get(form.codes, "51")
    other = file_of(form, [line(form, 1, 12000, code=failing, value_date="", reference="")])
    with pytest.raises(FormFault, match="has two answers that differ"):
        joined((answer, read(other.name, other.content, form, SENT)))


@pytest.mark.parametrize("code", ["1", "2", "3", "4", "5", "7", "11", "14", "15", "16", "99"])
def test_a_file_code_comes_without_lines(code: str) -> None:
    for name in FORMS[:-1]:
        form = load(name)
        alone = file_of(form, [], file_code=code)
        answer = read(alone.name, alone.content, form, SENT)
        assert (answer.file_code, answer.lines, answer.complete) == (code, (), False)
        assert "says that nothing was taken" in refused(form, file_of(form, lines_of(form), file_code=code))


def test_a_separator_within_a_name_is_refused() -> None:
    form = load("batch-ubp")
    file = file_of(form, lines_of(form))
    torn = file.content.replace("张三".encode("gbk"), "张※三".encode("gbk"), 1)
    assert "9 columns expected, 10 found" in refused(form, file._replace(content=torn))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("<SeqNo>1</SeqNo>", "", "SeqNo: is missing, or not in its place"),
        ("<SeqNo>1<", "<SeqNo a='1'>1<", "SeqNo: holds more than its text"),
        ("<Amt>120.00<", "<Amt>-120.00<", "Amt: is negative"),
        ("</Head>", "<Extra/></Head>", "an element more than the form has"),
        ("<Transaction>", "<Transactions>", "is no XML here"),
        ("GB18030", "UTF-8", "declares another encoding than gb18030"),
        ("<Body>", "<Body>x", "a text or an attribute that the form has not"),
    ],
)
def test_xml_other_than_the_form_has_it_is_refused(old: str, new: str, why: str) -> None:
    form = load("batch-xml")
    file = file_of(form, lines_of(form))
    changed = file.content.decode("gb18030").replace(old, new, 1).encode("gb18030")
    assert why in refused(form, file._replace(content=changed))


@pytest.mark.parametrize("name", ["batch-xml", "pain008"])
def test_entities_are_refused(name: str) -> None:
    form = load(name)
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>'
    file = file_of(form, lines_of(form))
    assert "a document type or an entity is not taken" in refused(form, file._replace(content=bomb))
