"""What of a bank's messages reaches the ledger, as tables: settings and a message in, a request out."""

from __future__ import annotations

from typing import Any

import pytest

from fep.links.request_parser import (
    MANDATORY,
    TRANSACTIONS,
    Groups,
    RequestParser,
    Unsupported,
    check_carries_no_secret,
    check_network,
    first_form,
)
from fep.settings.config import TRANSACTION_CODES, Bank
from ledger.rules.request import Act, Request, key_of
from protocol.dialect import load
from protocol.errors import FormatError
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import build
from tests.support.builders import BANK, BENEFICIARY, cancel, inquiry, message, original, reversal, totals
from tests.support.request_parsers import (
    CODE,
    COLLECTION,
    COVERED,
    GOOD,
    GROUPS,
    KEY,
    ORIGINAL_KEY,
    TODAY,
    ask,
    payout,
    verdict,
    without,
)


@pytest.mark.parametrize("kind", GOOD)
def test_each_kind_of_message_asks_for_its_act(kind: str) -> None:
    asked, act = GOOD[kind]
    parsed = ask(asked)
    assert (parsed.act, parsed.verdict, parsed.reason) == (act, Response.APPROVED, "")
    assert (parsed.code, parsed.bank, parsed.outside_window) == (asked.fields[3], BANK, False)


def test_everything_of_a_message_that_a_rule_needs_is_in_the_request() -> None:
    asked = message(
        "0201",
        GROUPS,
        de2="6228480010000000018",
        de11="000042",
        de12="101113",
        de13="1123",
        de41="T1",
    )
    settings = {"limit_day_fen": 9, "reversal_days": 3, "transactions": ("500000", "260000")}
    assert ask(asked, **settings) == Request(
        key=f"{CODE}/T1/20261124101112/000042",
        act=Act.COLLECT,
        bank=BANK,
        mti="0200",
        code="500000",
        terminal="T1",
        branch="B00000000000001",
        stan="000042",
        sent_at="20261124101112",
        local_at="20261123101113",
        rrn="RRN000000001",
        card="622848*********0018",
        amount=120_000,
        currency="156",
        policy="P1",
        due="D1",
        identity=KEY.identity(BENEFICIARY),
        receipt="R1",
        original="",
        content=KEY.content(b"0200" + COVERED[4:]),
        advice=False,
        verdict=Response.APPROVED,
        reason="",
        limit_day=9,
        reversal_days=3,
        may_settle=frozenset({"500000", "260000"}),
        page=2,
    )


def test_what_a_message_leaves_out_is_empty_in_the_request() -> None:
    parsed = ask(reversal(COLLECTION))
    assert (parsed.card, parsed.policy, parsed.due, parsed.identity, parsed.receipt) == ("", "", "", "", "")
    assert (parsed.page, parsed.may_settle, parsed.limit_day) == (1, frozenset(TRANSACTION_CODES), 0)


def test_a_message_with_nothing_but_its_key_is_recorded_with_nothing_else() -> None:
    key = {number: COLLECTION.fields[number] for number in (7, 11, 32, 41)}
    parsed = ask(COLLECTION._replace(fields=key))
    texts = (
        parsed.code,
        parsed.branch,
        parsed.rrn,
        parsed.card,
        parsed.currency,
        parsed.original,
        parsed.local_at,
    )
    assert (parsed.reason, parsed.amount, texts) == ("DE 3 missing", 0, ("",) * 7)


def test_a_policy_alone_names_nothing_else_and_the_other_groups_no_policy() -> None:
    parsed = ask(message())
    assert (parsed.policy, parsed.due, parsed.identity, parsed.receipt, parsed.page) == ("P1", "", "", "", 1)
    assert ask(reversal(COLLECTION, de48=build((("DU", "D1"),), "utf-8"))).policy == ""


def test_an_inquiry_has_no_amount_and_no_content() -> None:
    parsed = ask(inquiry(de4="000000000777", de49="156", de37="R"))
    assert (parsed.amount, parsed.content, parsed.rrn, parsed.currency) == (0, "", "R", "156")


def test_the_first_group_of_a_tag_counts() -> None:
    twice = message(groups=(("PN", "P1"), ("DU", "D1"), ("PN", "P2"), ("ZZ", "?"), ("DU", "D2")))
    parsed = ask(twice)
    assert (parsed.policy, parsed.due) == ("P1", "D1")


def test_a_repeat_has_the_content_of_the_first_message_and_an_advice_another() -> None:
    contents = {mti: ask(message(mti), covered=mti.encode() + b"rest").content for mti in (
        "0200", "0201", "0220", "0221"
    )}  # fmt: skip
    assert contents["0200"] == contents["0201"] != contents["0220"] == contents["0221"]


def test_other_bytes_are_other_content() -> None:
    assert ask(message(), covered=b"0200x").content != ask(message(), covered=b"0200y").content


def test_the_mti_is_as_wide_on_the_wire_as_the_dialect_has_it() -> None:
    packed = load("bcd87")
    bank = Bank(code=BANK, name="Bank", port=9001, networks=["127.0.0.1/32"])
    parsed = RequestParser(bank, KEY, packed, 31).request(message(), b"\x02\x01rest", TODAY)
    assert parsed.content == KEY.content(b"0200rest")


@pytest.mark.parametrize(
    ("mti", "first"),
    [("0200", "0200"), ("0201", "0200"), ("0421", "0420"), ("0202", "0202"), ("0211", "0210")],
)
def test_a_repeat_is_its_first_form(mti: str, first: str) -> None:
    assert first_form(mti) == first


ADVICES = [
    (message("0220"), False, True),
    (message("0221"), False, True),
    (message("0200"), True, False),
    (cancel(COLLECTION, "0220"), False, True),
    (reversal(COLLECTION, "0420"), False, True),
    (payout("0220"), False, False),
    (payout("0220"), True, True),
    (payout("0200"), True, False),
]


@pytest.mark.parametrize(("asked", "payout_advices", "is_advice"), ADVICES)
def test_an_advice_of_a_payout_is_one_only_where_the_banks_entry_allows_it(
    asked: Message, payout_advices: bool, is_advice: bool
) -> None:
    assert ask(asked, payout_advices=payout_advices).advice is is_advice


@pytest.mark.parametrize("mti", ["0110", "0202", "0210", "0230", "0300", "0600", "9200", "0120"])
def test_a_message_of_no_other_class_is_taken(mti: str) -> None:
    with pytest.raises(Unsupported, match=f"^MTI {mti} NOT SUPPORTED$"):
        ask(message(mti))


def test_the_transactions_are_every_class_with_its_repeat_but_not_network_management() -> None:
    firsts = ("0100", "0200", "0220", "0400", "0420", "0500", "0520")
    assert {mti[:3] + last for mti in firsts for last in "01"} == TRANSACTIONS


@pytest.mark.parametrize("number", [7, 11, 32, 41])
def test_without_a_key_there_is_no_request(number: int) -> None:
    taken = []
    for kind, (asked, *_) in GOOD.items():
        try:
            ask(without(asked, number))
        except FormatError as error:
            if str(error) == f"DE {number} missing":
                continue
        taken.append(kind)
    assert taken == []


INTERFACE = {
    "0100": {3, 7, 11, 12, 13, 32, 41, 42, 48},
    "0200": {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49},
    "0220": {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49},
    "0400": {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 90},
    "0420": {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 90},
    "0500": {7, 11, 15, 32, 49, 74, 75, 76, 77, 86, 87, 88, 89, 97},
    "0520": {7, 11, 15, 32, 49, 74, 75, 76, 77, 86, 87, 88, 89, 97},
    "0800": {7, 11, 32, 70},
}
KEYS = {7, 11, 32, 41}
FIRST = {"0100": inquiry(), "0200": message(), "0220": message("0220"), "0400": reversal(COLLECTION)}
FIRST["0420"] = reversal(COLLECTION, "0420")
MISSING = [(mti, number) for mti in FIRST for number in sorted(INTERFACE[mti] - KEYS)]


def test_the_mandatory_fields_are_those_of_the_interface() -> None:
    assert {mti: set(numbers) for mti, numbers in MANDATORY.items()} == INTERFACE


@pytest.mark.parametrize(("mti", "number"), MISSING)
def test_each_mandatory_field_is_missed_by_its_number(mti: str, number: int) -> None:
    assert verdict(without(FIRST[mti], number)) == ("30", f"DE {number} missing")


@pytest.mark.parametrize("number", sorted(INTERFACE["0500"]))
@pytest.mark.parametrize("mti", ["0500", "0501", "0520"])
def test_each_mandatory_field_of_a_reconciliation_is_missed_by_its_number(mti: str, number: int) -> None:
    with pytest.raises(FormatError, match=f"^DE {number} missing$"):
        ask(without(totals(mti), number))


MALFORMED: dict[str, tuple[Message, str]] = {
    "a currency that is not the yuan": (message(de49="840"), "DE 49 malformed"),
    "no amount": (message(de4="000000000000"), "DE 4 malformed"),
    "no amount in another currency": (message(de4="000000000000", de49="840"), "DE 49 malformed"),
    "no amount in a reversal": (reversal(COLLECTION, de4="000000000000"), "DE 4 malformed"),
    "an hour that does not exist": (message(de12="240000"), "DE 12 malformed"),
    "a date of the terminal that does not exist": (message(de13="0230"), "DE 13 malformed"),
    "29 February of no leap year": (message(de13="0229"), "DE 13 malformed"),
    "no policy to collect for": (message(groups=(("DU", "D1"),)), "DE 48.PN missing"),
    "an empty policy": (message(groups=(("PN", ""),)), "DE 48.PN missing"),
    "no policy to pay for": (payout(groups=(("IN", BENEFICIARY),)), "DE 48.PN missing"),
    "nobody to pay": (payout(groups=(("PN", "P2"),)), "DE 48.IN missing"),
    "no policy to ask for": (inquiry(()), "DE 48.PN missing"),
    "no policy whose status to ask for": (inquiry((), "311000"), "DE 48.PN missing"),
    "no original to cancel": (cancel(COLLECTION, de90=None), "DE 90 missing"),
    "no original to reverse": (reversal(COLLECTION, de90=None), "DE 90 missing"),
    "no original to ask for": (inquiry((), "312000"), "DE 90 missing"),
    "no receipt to print": (inquiry((), "313000"), "DE 48.RN missing"),
    "groups cut short": (message(de48="PN0"), "DE 48 malformed"),
    "an original of another class": (
        reversal(COLLECTION, de90=original(COLLECTION, "0400")),
        "DE 90 malformed",
    ),
}
MALFORMED |= {
    f"page {page!r}": (inquiry((("PN", "P1"), ("PG", page))), "DE 48.PG malformed")
    for page in ("0", "000", "abc", "-1", "1.0", "1000", "٣", " 1", "1x")
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_gets_30_and_is_named(case: str) -> None:
    asked, reason = MALFORMED[case]
    response, text = verdict(asked)
    assert response == "30"
    assert text.startswith(reason.removesuffix(" malformed"))
    assert text == reason or case == "groups cut short"


@pytest.mark.parametrize(("page", "number"), [("1", 1), ("01", 1), ("007", 7), ("999", 999), ("0999", 999)])
def test_a_page_is_a_number_from_1_to_999(page: str, number: int) -> None:
    assert ask(inquiry((("PN", "P1"), ("PG", page)))).page == number


UNKNOWN_CODES: list[Message] = [
    message(de3="999999"),
    message(de3="310000"),
    message("0220", de3="313000"),
    inquiry(code="500000"),
    inquiry(code="020000"),
    inquiry(code="000000"),
]


@pytest.mark.parametrize("asked", UNKNOWN_CODES, ids=lambda asked: f"{asked.mti} {asked.fields[3]}")
def test_a_processing_code_that_its_class_does_not_have_gets_40(asked: Message) -> None:
    parsed = ask(asked)
    assert (parsed.verdict, parsed.reason) == ("40", f"DE 3 {asked.fields[3]} NOT SUPPORTED")
    assert parsed.act is (Act.DUES if asked.mti == "0100" else Act.COLLECT)
    assert parsed.key == key_of(BANK, "T0000001", "20261124101112", asked.fields[11])


@pytest.mark.parametrize("code", ["500000", "260000", "020000", "999999"])
def test_a_reversal_is_one_whatever_its_code(code: str) -> None:
    parsed = ask(reversal(COLLECTION, de3=code))
    assert (parsed.act, parsed.verdict, parsed.code) == (Act.REVERSE, "00", code)


SECRETS = {
    **dict.fromkeys((52, 53, 125), "PIN DATA IS NOT ACCEPTED"),
    **dict.fromkeys((35, 36, 45), "TRACK DATA NOT ACCEPTED"),
}


@pytest.mark.parametrize("number", SECRETS)
def test_a_pin_or_tracks_are_taken_from_nobody_not_even_by_an_advice(number: int) -> None:
    verdicts = {
        kind: verdict(asked._replace(fields={**asked.fields, number: "0"}))
        for kind, (asked, *_) in GOOD.items()
    }
    assert verdicts == dict.fromkeys(GOOD, ("40", SECRETS[number]))


@pytest.mark.parametrize("number", SECRETS)
def test_a_pin_or_tracks_are_found_before_a_field_that_is_missing(number: int) -> None:
    assert verdict(message(de4=None, **{f"de{number}": "0"})) == ("40", SECRETS[number])


@pytest.mark.parametrize("number", SECRETS)
def test_reconciliation_and_network_management_carry_no_pin_or_tracks_either(number: int) -> None:
    reason = f"^{SECRETS[number]}$"
    figures = totals()
    with pytest.raises(Unsupported, match=reason):
        ask(figures._replace(fields={**figures.fields, number: "0"}))
    with pytest.raises(Unsupported, match=reason):
        check_network(Message("0800", {7: "1124101112", 11: "1", 32: BANK, 70: "001", number: "0"}), TODAY)


def test_other_data_is_no_secret() -> None:
    check_carries_no_secret(message(de2="6228480010000000018"))


MINE = {"code": BANK, "transactions": ("500000", "260000"), "terminals": ("T00*",)}
PERMITTED: dict[str, tuple[Message, dict[str, Any], str, str]] = {
    "another code": (message(de3="501000"), MINE, "57", "NOT ALLOWED TO THIS BANK"),
    "another code of a payout": (payout(de3="261000"), MINE, "57", "NOT ALLOWED TO THIS BANK"),
    "another code at another terminal": (
        message(de3="501000", de41="X1"),
        MINE,
        "57",
        "NOT ALLOWED TO THIS BANK",
    ),
    "its own code": (message(), MINE, "00", ""),
    "its own code of a payout": (payout(), MINE, "00", ""),
    "a cancel of any code": (cancel(COLLECTION), MINE, "00", ""),
    "another terminal": (message(de41="X0000001"), MINE, "58", "TERMINAL NOT ALLOWED"),
    "another terminal's cancel": (cancel(COLLECTION, de41="X1"), MINE, "58", "TERMINAL NOT ALLOWED"),
    "another terminal's inquiry": (inquiry(de41="X0000001"), MINE, "58", "TERMINAL NOT ALLOWED"),
    "any terminal": (message(de41="X0000001"), {"terminals": ("Y*", "*")}, "00", ""),
    "a terminal of the second pattern": (message(), {"terminals": ("X*", "T??????1")}, "00", ""),
    "a terminal in another case": (message(), {"terminals": ("t*",)}, "58", "TERMINAL NOT ALLOWED"),
    "another terminal's reversal": (reversal(COLLECTION, de41="X1"), MINE, "00", ""),
    "a reversal of another code": (reversal(COLLECTION, de3="501000"), MINE, "00", ""),
    "a fen less than the limit": (message(), {"limit_transaction_fen": 120_001}, "00", ""),
    "exactly the limit": (message(), {"limit_transaction_fen": 120_000}, "00", ""),
    "a fen more than the limit": (message(), {"limit_transaction_fen": 119_999}, "61", "OVER LIMIT"),
    "more than a limit of one fen": (
        message(de4="000000000002"),
        {"limit_transaction_fen": 1},
        "61",
        "OVER LIMIT",
    ),
    "no limit": (message(de4="999999999999"), {"limit_transaction_fen": 0}, "00", ""),
    "a payout over the limit": (payout(), {"limit_transaction_fen": 1}, "61", "OVER LIMIT"),
    "a cancel over the limit": (cancel(COLLECTION), {"limit_transaction_fen": 1}, "61", "OVER LIMIT"),
    "a reversal over the limit": (reversal(COLLECTION), {"limit_transaction_fen": 1}, "00", ""),
    "an inquiry with an amount over the limit": (
        inquiry(de4="000000000777"),
        {"limit_transaction_fen": 1},
        "00",
        "",
    ),
    "another terminal over the limit": (
        message(de41="X1"),
        {**MINE, "limit_transaction_fen": 1},
        "58",
        "TERMINAL NOT ALLOWED",
    ),
}


@pytest.mark.parametrize("case", PERMITTED)
def test_what_a_bank_and_its_terminals_may_do(case: str) -> None:
    asked, settings, response, reason = PERMITTED[case]
    assert verdict(asked, **settings) == (response, reason)


OTHERS = original(message(de11="000041", de32="01030000"))


@pytest.mark.parametrize(
    "asked",
    [
        cancel(COLLECTION, de90=OTHERS),
        reversal(COLLECTION, de90=OTHERS),
        inquiry((), "312000", de90=OTHERS),
        inquiry((), "313000", de90=OTHERS),
    ],
    ids=["cancel", "reversal", "outcome", "receipt"],
)
def test_another_banks_original_is_not_this_banks_to_name(asked: Message) -> None:
    assert verdict(asked) == ("57", "DE 90: OTHER BANK")


def test_a_bank_whose_code_begins_like_another_is_another() -> None:
    assert verdict(reversal(COLLECTION), code="1") == ("57", "DE 90: OTHER BANK")


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (cancel(COLLECTION), ORIGINAL_KEY),
        (reversal(COLLECTION), ORIGINAL_KEY),
        (inquiry((), "312000", de90=original(COLLECTION)), ORIGINAL_KEY),
        (inquiry((), "313000", de90=original(COLLECTION)), ORIGINAL_KEY),
        (message(de90=original(COLLECTION)), ""),
        (inquiry(de90=original(COLLECTION)), ""),
        (inquiry((("RN", "R1"),), "313000"), ""),
    ],
)
def test_an_original_is_named_by_those_that_have_one(asked: Message, key: str) -> None:
    assert ask(asked).original == key


def test_groups_name_what_is_there_and_never_show_a_number() -> None:
    assert repr(Groups(policy="P1", identity=BENEFICIARY)) == "Groups(policy identity)"
    assert repr(Groups()) == "Groups()"
    assert tuple(Groups()) == ("",) * 5


def test_the_groups_of_a_message_are_in_its_dialects_encoding() -> None:
    bank = Bank(code=BANK, name="Bank", port=9001, networks=["127.0.0.1/32"])
    dialect = load("bcd87")
    asked = message("0220", de48=build((("PN", "保1"),), dialect.de48_encoding))
    assert RequestParser(bank, KEY, dialect, 31).request(asked, COVERED, TODAY).policy == "保1"
