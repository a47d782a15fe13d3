"""A form's file: what it may say, and how a wrong one is refused with its key."""

from __future__ import annotations

import pytest

from collection.errors import FormError
from collection.forms.form_file import form_of, load, parse, shipped, source_of

STANDARD = source_of("batch-standard")


def test_the_shipped_forms_are_those_that_are_documented() -> None:
    assert shipped() == ("batch-standard", "batch-ubp", "batch-unionpay", "batch-xml", "pain008")
    assert {load(name).form for name in shipped()} == {"delimited", "fixed", "xml", "pain.008"}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("separator =", "separatr =", "separatr: no such key here; did you mean 'separator'?"),
        ('form = "delimited"', 'form = "delimitd"', "form: Input should be 'delimited'"),
        ('separator = "|"', 'separator = ""', "a delimited form has a separator, and no other has one"),
        ('separator = "|"', 'separator = "1"', "separator must be one printable character"),
        ('encoding = "utf-8"', 'encoding = "big5"', "encoding: Input should be 'utf-8'"),
        ('name = "mandate"', 'name = "mandat"', "no column 'mandat' here; did you mean 'mandate'?"),
        ('{ name = "account" },\n    { name = "bank" }', '{ name = "bank" }', "account is missing"),
        ('{ name = "bank" }', '{ name = "account" }', "a column stands there twice"),
        ('{ name = "line" },\n    { name = "name" }', '{ name = "name" }', "needs a column line or key"),
        ('{ name = "bank" }', '{ name = "bank", width = 3 }', "a fixed form has widths"),
        ('{ name = "bank" }', '{ name = "bank", format = "YYYYMMDD" }', "only a date has a format"),
        ('{ name = "bank" }', '{ name = "bank", element = "A" }', "an xml form has elements"),
        ('{ name = "bank" }', '{ literal = "a|b" }', "a|b: holds the separator"),
        ('{ name = "bank" }', "{ width = 0 }", "needs either name or literal"),
        (
            '{ name = "count" },\n    { name = "amount" },\n    { name = "digest" }',
            '{ name = "digest" }',
            "a cut could not be seen",
        ),
        ('{ name = "amount" },\n    { name = "digest" }', '{ name = "digest" }', "a cut could not be seen"),
        ("{batch}-{channel}-{date}-{part}.txt", "{batsh}.txt", "batsh: no such part of a name; did you mean"),
        ("{batch}-{channel}-{date}-{part}.txt", "../{batch}.txt", "must be a file's name, without a folder"),
        ("{batch}-{channel}-{date}-{part}.txt", "{batch}}.txt", "must be a file's name, without a folder"),
        ("{batch}-{channel}-{date}-{part}.txt", "{batch!r}.txt", "batch!r: no such part of a name"),
        ('done = ["ACSC", "ACCC"]', "done = []", "answer: done must name the codes that say done"),
        ('done = ["ACSC", "ACCC"]', 'flags = { A = "done" }', "answer: flags belong to a column flag"),
        ('first = "FRST"', "", "kinds must have first and renewal"),
        ("lines_max = 100000", "lines_max = 0", "lines_max: Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_form_is_refused_with_its_key(old: str, new: str, why: str) -> None:
    assert old in STANDARD
    with pytest.raises(FormError) as refused:
        parse(STANDARD.replace(old, new, 1), "own.toml")
    assert str(refused.value).startswith("own.toml")
    assert why in str(refused.value)


def test_a_form_that_there_is_not_is_named_with_the_near_one() -> None:
    with pytest.raises(
        FormError, match=r"no file form .batch-ubq.; there are .*; did you mean .batch-ubp.\?"
    ):
        form_of("batch-ubq")


def test_what_is_no_toml_is_refused_with_its_line() -> None:
    with pytest.raises(FormError, match=r"own\.toml: .*line 1"):
        parse("form = ?", "own.toml")


@pytest.mark.parametrize("kind", ["request", "answer", "returns", "statement"])
def test_a_name_is_read_as_it_is_written(kind: str) -> None:
    values = {"batch": "B0000123", "channel": "91020000", "date": "20261124", "part": "07"}
    for name in shipped():
        file = load(name).files()[kind]
        parts = file.parts_of(file.named(values))
        assert parts
        assert parts.items() <= values.items()
        assert file.parts_of(f"x{file.named(values)}") is None
