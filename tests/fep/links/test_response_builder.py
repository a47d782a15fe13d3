"""What a bank is told, as tables: a request and the ledger's answer in, a whole message out."""

from __future__ import annotations

import pytest

from fep.links.receipt import Letterhead, receipt_lines
from fep.links.response_builder import render
from ledger.rules.request import Answer, DueListed, Totals
from protocol.dialect import Dialect, load
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import build, parse
from tests.support.builders import DATE, DONE, RECEIPT, inquiry, message, totals

UTF_8, GB18030, CP500 = load("ascii87"), load("bcd87"), load("ebcdic87")
LETTERHEAD = Letterhead(("甲人寿", "A LIFE"), ("乙银行", "B BANK"))


def rendered(answer: Answer) -> dict[int, str]:
    """The fields of an answer that its request had not."""
    asked = message()
    made = render(asked, answer, UTF_8, LETTERHEAD)
    return {number: text for number, text in made.fields.items() if asked.fields.get(number) != text}


def test_a_collection_is_answered_with_what_it_was_its_number_and_its_receipt() -> None:
    asked = message("0221", (("PN", "P1"), ("ZZ", "?")), de2="6228480010000000018", de62="x", de64="F" * 16)
    fields = {number: text for number, text in asked.fields.items() if number in {2, 3, 4, 7, 11, 12, 13, 32}}
    fields |= {number: asked.fields[number] for number in (37, 41, 42, 49)}
    fields |= {39: "00", 15: "1124", 38: "000001", 62: "\n".join(receipt_lines(DONE, UTF_8, LETTERHEAD))}
    fields[48] = build((("PN", "P1"), ("DU", "D1"), ("RN", RECEIPT)), "utf-8")
    assert render(asked, DONE, UTF_8, LETTERHEAD) == Message("0230", fields)


def test_nothing_is_echoed_that_a_request_had_not() -> None:
    asked = Message("0800", {7: "1124101112", 11: "000001"})
    refusal = Answer(Response.FORMAT, "DE 32 missing")
    assert render(asked, refusal, UTF_8, LETTERHEAD) == Message(
        "0810", {7: "1124101112", 11: "000001", 39: "30", 44: "DE 32 missing"}
    )


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        (Answer(Response.APPROVED), {39: "00"}),
        (Answer(Response.APPROVED, "REVERSED"), {39: "00", 44: "REVERSED"}),
        (Answer(Response.NOT_FOUND), {39: "25", 44: ""}),
        (Answer(Response.OVER_LIMIT, "OVER LIMIT", DATE), {39: "61", 44: "OVER LIMIT", 15: "1124"}),
        (Answer(Response.APPROVED, business_date=DATE, authorization="7"), {39: "00", 15: "1124", 38: "7"}),
        (DONE._replace(response=Response.NOT_POSSIBLE, reason="NO", receipted=False, authorization=""), {
            39: "12", 44: "NO", 15: "1124",
        }),
    ],
)  # fmt: skip
def test_what_an_answer_does_not_say_is_left_out_and_a_refusal_has_a_reason(
    answer: Answer, fields: dict[int, str]
) -> None:
    assert rendered(answer) == fields


LISTED = DueListed("D1", "500000", "premium", "20261201", 120_000, "open")
PAID_OUT = DueListed("B1", "260000", "benefit", "20261120", 5, "settled")


def nested(*pairs: tuple[str, str]) -> str:
    return build(pairs, "utf-8")


@pytest.mark.parametrize(
    ("answer", "told_groups"),
    [
        (Answer(Response.APPROVED), []),
        (DONE, [("PN", "P1"), ("DU", "D1"), ("RN", RECEIPT)]),
        (
            DONE._replace(receipted=False, receipt=""),
            [("PN", "P1"), ("NM", "张三"), ("DU", "D1")],
        ),
        (
            DONE._replace(receipted=False, status="done"),
            [("PN", "P1"), ("NM", "张三"), ("DU", "D1"), ("AM", "120050"), ("ST", "done"), ("RN", RECEIPT)],
        ),
        (Answer(Response.APPROVED, status="active", policy="P1"), [("PN", "P1"), ("ST", "active")]),
        (Answer(Response.APPROVED, more=True), [("PG", "more")]),
        (
            Answer(Response.APPROVED, policy="P1", dues=(LISTED, PAID_OUT), more=True),
            [
                ("PN", "P1"),
                (
                    "DL",
                    nested(
                        ("DU", "D1"),
                        ("PC", "500000"),
                        ("DK", "premium"),
                        ("DD", "20261201"),
                        ("AM", "120000"),
                        ("ST", "open"),
                    ),
                ),
                (
                    "DL",
                    nested(
                        ("DU", "B1"),
                        ("PC", "260000"),
                        ("DK", "benefit"),
                        ("DD", "20261120"),
                        ("AM", "5"),
                        ("ST", "settled"),
                    ),
                ),
                ("PG", "more"),
            ],
        ),
        (Answer(Response.KEY_REUSED, policy="P1", status="done", dues=(LISTED,), more=True), []),
    ],
)
def test_the_groups_of_an_approval_are_those_that_say_something(
    answer: Answer, told_groups: list[tuple[str, str]]
) -> None:
    made = render(inquiry(), answer, UTF_8, LETTERHEAD).fields
    assert [tuple(group) for group in parse(made.get(48, ""), "utf-8")] == told_groups
    assert (48 in made) is bool(told_groups)


def test_groups_are_in_the_dialects_encoding() -> None:
    """Two bytes a character in GB18030, three in UTF-8."""
    policy = Answer(Response.APPROVED, policy="保单", dues=(LISTED._replace(due="保"),))
    for dialect, lengths in ((UTF_8, ("PN006", "DU003")), (GB18030, ("PN004", "DU002"))):
        text = render(inquiry(), policy, dialect, LETTERHEAD).fields[48]
        assert all(length in text for length in lengths)


@pytest.mark.parametrize(
    ("dialect", "holder", "name"),
    [
        (UTF_8, "张三", "张三"),
        (UTF_8, "张" * 40, "张" * 40),
        (UTF_8, "张" * 41, "张" * 39 + "..."),
        (GB18030, "张" * 60, "张" * 60),
        (GB18030, "张" * 61, "张" * 58 + "..."),
        (CP500, "ZHANG SAN", "ZHANG SAN"),
        (CP500, "X" * 121, "X" * 117 + "..."),
        (CP500, "张三", None),
        (UTF_8, "", None),
    ],
)
def test_a_holders_name_has_120_bytes_of_its_dialect_and_is_left_out_where_that_has_no_such_character(
    dialect: Dialect, holder: str, name: str | None
) -> None:
    answer = DONE._replace(holder=holder, receipted=False)
    text = render(inquiry(), answer, dialect, LETTERHEAD).fields[48]
    assert dict(parse(text, dialect.de48_encoding)).get("NM") == name
    label = "HOLDER: " if dialect is CP500 else "投保人："
    lines = [line for line in receipt_lines(answer, dialect, LETTERHEAD) if line.startswith(label)]
    assert lines == ([] if name is None else [label + name])


SUMS = Totals(1, 1_002, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize(
    ("figures", "net"),
    [
        (SUMS, "D0000000000001000"),
        (Totals(), "D0000000000000000"),
        (Totals(paid=1), "C0000000000000001"),
    ],
)
@pytest.mark.parametrize(("response", "settles"), [(Response.APPROVED, "1"), (Response.TOTALS_DIFFER, "2")])
def test_our_totals_are_told_whether_they_agree_or_not(
    figures: Totals, net: str, response: Response, settles: str
) -> None:
    asked = totals("0520")
    made = render(asked, Answer(response, "WHY", DATE, totals=figures), UTF_8, LETTERHEAD)
    assert made.mti == "0530"
    assert made.fields == {
        **{number: asked.fields[number] for number in (7, 11, 32, 49)},
        39: response.value,
        15: "1124",
        44: "WHY",
        74: f"{figures.payouts:010d}",
        75: f"{figures.payouts_reversed:010d}",
        76: f"{figures.collections:010d}",
        77: f"{figures.collections_reversed:010d}",
        86: f"{figures.paid:016d}",
        87: f"{figures.paid_reversed:016d}",
        88: f"{figures.collected:016d}",
        89: f"{figures.collected_reversed:016d}",
        97: net,
        66: settles,
    }


def test_each_of_our_totals_stands_in_its_own_field() -> None:
    made = render(totals(), Answer(Response.APPROVED, totals=SUMS), UTF_8, LETTERHEAD).fields
    assert [made[number].lstrip("0") for number in (76, 88, 77, 89, 74, 86, 75, 87)] == [
        "1", "1002", "3", "4", "5", "6", "7", "8",
    ]  # fmt: skip
    assert {len(made[number]) for number in (74, 75, 76, 77)} == {10}
    assert {len(made[number]) for number in (86, 87, 88, 89)} == {16}
