"""Tables of codes: what a bank's code means, and that a code that no table knows is never guessed."""

from __future__ import annotations

import pytest

from collection.errors import FormError
from collection.forms import form_file
from collection.forms.codes import hold_together, load, parse, shipped
from collection.forms.form_file import shipped as forms

OUTCOMES = {
    **{"0": "accepted", "1": "resend", "2": "release", "3": "release", "4": "release", "5": "release"},
    **{"7": "release", "11": "ask", "14": "release", "15": "release", "16": "release", "99": "ask"},
}
CLASSES = {
    "unionpay": {"00": "done", "51": "funds", "61": "limit", "54": "account", "14": "account"}
    | {"91": "technical", "96": "technical", "98": "unknown", "94": "unknown"},
    "iso20022": {"ACSC": "done", "AM04": "funds", "AM14": "limit", "AC04": "account", "MD01": "mandate"}
    | {"MD07": "account", "PDNG": "unknown", "NARR": "unknown"},
    "ubp": {"0": "done", "1": "technical", "00": "done", "51": "funds"},
}


@pytest.mark.parametrize("name", shipped())
def test_every_table_knows_the_file_codes_and_its_line_codes(name: str) -> None:
    codes = load(name)
    assert {code: codes.file(code) for code in OUTCOMES} == OUTCOMES
    assert {code: codes.line(code).klass for code in CLASSES[name]} == CLASSES[name]
    assert all(line.zh and line.en for line in codes.lines.values())


def test_the_shipped_forms_and_their_tables_agree_about_what_is_done() -> None:
    for name in forms():
        form = form_file.load(name)
        hold_together(form, load(form.codes))


def test_a_form_and_a_table_that_differ_about_done_are_refused() -> None:
    with pytest.raises(FormError, match="iso20022: the form has other codes for done than this table"):
        hold_together(form_file.load("batch-ubp"), load("iso20022"))


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("code", ["", "6", "100", "00 ", "0/51", "ACSC/AM04", "交易成功"])
def test_a_code_that_no_table_knows_is_unknown_and_not_tried_again(name: str, code: str) -> None:
    codes = load(name)
    line = codes.line(code)
    assert (codes.file(code), codes.knows(code), line.klass, line.retry) == ("ask", False, "unknown", False)


def test_an_unknown_line_is_not_tried_again_whatever_a_table_says() -> None:
    codes = parse('lines = { X = { class = "unknown", retry = true } }', "own.toml")
    assert codes.line("X").retry is False


def test_a_table_of_ones_own_says_only_what_differs() -> None:
    source = 'like = "unionpay"\n[files]\nA = "resend"\n[lines]\n51 = { class = "funds", zh = "余额不够" }'
    codes = parse(source, "own.toml")
    assert (codes.file("A"), codes.file("11")) == ("resend", "ask")
    assert (codes.line("51").zh, codes.line("51").en, codes.line("61").klass) == (
        "余额不够",
        load("unionpay").line("51").en,
        "limit",
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('like = "unionpa"', "no table of codes 'unionpa'; there are iso20022, ubp, unionpay; did you mean"),
        ('[lines]\nX = "fund"', "own.toml, lines.X.class: Input should be 'funds', 'temporary'"),
        ('[files]\nX = "done"', "own.toml, files.X: Input should be 'accepted', 'resend'"),
        (
            '[lines]\nX = { klass = "funds" }',
            "own.toml, lines.X.klass: no such key here; did you mean 'class'",
        ),
        ("[lines", "own.toml: "),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(source: str, why: str) -> None:
    with pytest.raises(FormError) as refused:
        parse(source, "own.toml")
    assert str(refused.value).startswith(why)
