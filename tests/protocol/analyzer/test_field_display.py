"""What a field's value means, and which values may be shown: examples on either side of every border."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from protocol.analyzer.field_display import (
    FIELDS,
    GROUPS,
    ORIGINAL_PARTS,
    UNKNOWN_GROUP,
    UNUSED,
    FieldDisplay,
    display_of,
    is_harmless,
    is_plausible_mti,
    is_short,
    is_slight,
    mti_digits,
    mti_meaning,
    yuan,
)
from protocol.code_names import RESPONSE_NAMES, TRANSACTION_NAMES
from protocol.tlv import KNOWN

PAN = "6222021234567890123"


class Examples(NamedTuple):
    """A field by examples: values that are shown with what each means, and values that are not."""

    shown: dict[str, str]
    held: tuple[str, ...] = ()
    anchor: bool = False
    dated: bool = False


MOMENTS = {"1231235959": "12-31 23:59:59", "0101000000": "01-01 00:00:00", "1029093007": "10-29 09:30:07"}
DATES = {"1231": "12-31", "0101": "01-01", "1029": "10-29", "0910": "09-10"}
NO_DATES = ("1301", "0001", "0100", "0132", "0140", "0A01", "011", "01011")
AMOUNTS = {"000000120000": "1,200.00 yuan", "009999999999": "99,999,999.99 yuan", "000000000007": "0.07 yuan"}
SUMS = {"0009999999999999": "99,999,999,999.99 yuan", "0000000000000100": "1.00 yuan"}
NUMBERS = {"0000001234": "1,234", "0000000000": "0", "0099999999": "99,999,999"}
MAC = Examples({"0123456789ABCDEF": "8 bytes"}, ("0123456789abcdef", "0123456789ABCDE", "0123456789ABCDEG"))
SHOWN = {
    3: Examples(
        {
            "310000": "inquiry: what is due and payable on a policy",
            "311000": "inquiry: policy status",
            "312000": "inquiry: outcome of an earlier transaction",
            "313000": "inquiry: receipt again",
            "500000": "collection: renewal premium",
            "501000": "collection: first premium",
            "502000": "collection: policy-loan repayment",
            "260000": "payout: maturity benefit",
            "261000": "payout: survival benefit or annuity",
            "262000": "payout: claim",
            "263000": "payout: surrender",
            "020000": "same-day cancel",
        },
        ("500001", "50000", "5000000"),
        anchor=True,
    ),
    4: Examples(AMOUNTS, ("010000000000", "00000012000", "0000000120000", "00000000000A")),
    7: Examples(MOMENTS, ("1301235959", "1231240000", "1231236000", "1231235960", "123123595"), anchor=True),
    11: Examples({"000001": "", "999999": ""}, ("00001", "0000001", "00000A")),
    12: Examples(
        {"235959": "23:59:59", "190000": "19:00:00"}, ("240000", "236000", "235960", "23595"), anchor=True
    ),
    13: Examples(DATES, NO_DATES, anchor=True),
    15: Examples(DATES, NO_DATES, anchor=True),
    32: Examples({"1": "the bank's code", "01020000123": "the bank's code"}, ("", "010200001234", "A")),
    37: Examples({"AZaz09 00000": ""}, ("AZaz09 0000", "AZaz09 000000", "AZaz09-00000")),
    38: Examples({"Az0 9Z": "the front-end machine's approval"}, ("Az0 9", "Az0 9Z0", "Az0-9Z")),
    39: Examples(
        {
            "00": "approved: done, and on disk",
            "12": "not possible in this state",
            "13": "the amount is not the due's",
            "21": "no such original to reverse or cancel",
            "25": "no such policy or due",
            "30": "a mandatory field is missing or malformed",
            "40": "not supported",
            "57": "not allowed to this bank",
            "58": "not allowed to this terminal",
            "61": "over the bank's limit",
            "63": "MAC, key or sign-on",
            "76": "the identity number is not the due's",
            "90": "cut-over under way: ask again",
            "91": "not available now: nothing was done",
            "94": "the key of an earlier transaction, other content",
            "95": "totals differ",
            "96": "a fault of the front-end machine: nothing was done",
        },
        ("01", "0", "000"),
        anchor=True,
    ),
    41: Examples({"T000 ~1z": ""}, ("T000001", "T00000011", "T00000\x7f1", "T00000\n1")),
    42: Examples({"BRANCH 00000~1z": ""}, ("BRANCH 00000~1", "BRANCH 00000~1zz", "BRANCH 0000\x1f~1z")),
    44: Examples(
        {"": "the reason in words", "金额 differs from the due": "the reason in words"},
        ("x" * 26, "a\nb", "a\x1fb", "a\x7fb", "a\x9fb"),
    ),
    49: Examples(
        {
            "156": "CNY",
            "344": "HKD",
            "446": "MOP",
            "392": "JPY",
            "840": "USD",
            "978": "EUR",
            "826": "GBP",
        },
        ("999", "15"),
        anchor=True,
    ),
    64: MAC,
    66: Examples({"1": "in balance", "2": "out of balance"}, ("0", "3", "")),
    70: Examples(
        {"001": "sign-on", "002": "sign-off", "101": "key change", "201": "cut-over", "301": "echo"},
        ("003", "01"),
        anchor=True,
    ),
    **dict.fromkeys((74, 75, 76, 77), Examples(NUMBERS, ("0100000000", "000000123", "00000012345"))),
    **dict.fromkeys(
        (86, 87, 88, 89), Examples(SUMS, ("0010000000000000", "000999999999999", "00099999999999999"))
    ),
    90: Examples(
        {"020000000111240930000000102000000000000000": "", "042199999912312359599999999999900000000000": ""},
        (
            "030000000111240930000000102000000000000000",
            "021000000111240930000000102000000000000000",
            "020200000111240930000000102000000000000000",
            "020000000113240930000000102000000000000000",
            "020000000111242430000000102000000000000000",
            "020000000111240930000000102000000000000001",
            "02000000011124093000000010200000000000000",
        ),
        anchor=True,
    ),
    97: Examples(
        {
            "D0009999999999999": "the bank owes the insurer 99,999,999,999.99 yuan",
            "C0000000000000100": "the insurer owes the bank 1.00 yuan",
        },
        ("X0000000000000100", "C0010000000000000", "d0000000000000100", "C000000000000010"),
    ),
    128: MAC,
}
HIDDEN = {
    14: "a card's expiry date",
    34: "a card number",
    35: "a magnetic track",
    36: "a magnetic track",
    45: "a magnetic track",
    48: "it is not made of groups",
    52: "a PIN block: such a message is refused",
    53: "of a PIN: such a message is refused",
    62: "the receipt's lines: they name the policyholder",
    98: "a payee's name",
    102: "an account number",
    103: "an account number",
    125: "of a PIN: such a message is refused",
}
REFERENCE = Examples(
    {"P1": "", "0Az9./_-": "", "z" * 40: "", "Z": ""}, ("", "-P1", "P 1", "z" * 41, "P\xe91"), dated=True
)
DATE = Examples(
    {"19991231": "1999-12-31", "20260101": "2026-01-01"}, ("18991231", "21000101", "20261301", "2026010")
)
GROUPS_SHOWN = {
    "PN": REFERENCE,
    "RN": REFERENCE,
    "DU": REFERENCE,
    "PC": SHOWN[3],
    "DK": Examples({"premium": "", "benefit": ""}, ("claim", "Premium")),
    "DD": DATE,
    "GU": DATE,
    "AM": Examples(
        {"1": "0.01 yuan", "9999999999": "99,999,999.99 yuan", "001234567890": "12,345,678.90 yuan"},
        ("", "12345678901", "011234567890", "0012345678901"),
    ),
    "ST": Examples({"paid_up now": "", "z" * 20: "", "a": ""}, ("", "Paid", "z" * 21, "paid1")),
    "CA": Examples({"08D7B4": "", "0123": "", "ABCDEF0189": ""}, ("08d7b4", "012", "ABCDEF01899", "08D7BG")),
    "PG": Examples({"1": "", "123": "", "more": ""}, ("", "1234", "MORE", "mor")),
}
GROUPS_HIDDEN = {
    "IN": "an identity number",
    "NM": "a name",
    "SN": "a name",
    "SP": "a phone number",
    "KA": "a key block",
}


def displayed(display: FieldDisplay, examples: Examples) -> Examples:
    """What a sense makes of the examples."""
    assert display.fits is not None
    values = (*examples.shown, *examples.held)
    shown = {value: display.says(value) for value in values if display.fits.fullmatch(value)}
    held = tuple(value for value in values if not display.fits.fullmatch(value))
    return Examples(shown, held, display.anchor, display.dated)


@pytest.mark.parametrize("number", SHOWN)
def test_a_field_shows_what_fits_it_and_says_what_that_means(number: int) -> None:
    assert displayed(FIELDS[number], SHOWN[number]) == SHOWN[number]
    assert FIELDS[number].hidden == ""


@pytest.mark.parametrize("tag", GROUPS_SHOWN)
def test_a_group_shows_what_fits_it_and_says_what_that_means(tag: str) -> None:
    assert displayed(GROUPS[tag], GROUPS_SHOWN[tag]) == GROUPS_SHOWN[tag]
    assert GROUPS[tag].hidden == ""


def test_every_known_group_is_told_or_says_why_not_but_for_a_due_which_is_groups() -> None:
    assert {*GROUPS, "DL"} == set(KNOWN)


def hidden(display: FieldDisplay) -> tuple[object, ...]:
    return display.fits, display.anchor, display.dated, display.says("1"), display.hidden


def test_what_is_not_shown_says_why() -> None:
    nothing = (None, False, False, "")
    assert {number: hidden(display) for number, display in FIELDS.items() if number not in SHOWN} == {
        number: (*nothing, why) for number, why in HIDDEN.items()
    }
    assert {tag: hidden(display) for tag, display in GROUPS.items() if tag not in GROUPS_SHOWN} == {
        tag: (*nothing, why) for tag, why in GROUPS_HIDDEN.items()
    }
    assert hidden(UNUSED) == (*nothing, "not used here: it may hold anything")
    assert hidden(UNKNOWN_GROUP) == (*nothing, "it may hold anything")
    assert hidden(FieldDisplay()) == (*nothing, "")


def test_a_field_that_is_not_used_is_hidden() -> None:
    assert (display_of(4), display_of(2), display_of(127)) == (FIELDS[4], UNUSED, UNUSED)


def test_every_code_and_every_outcome_is_shown_by_its_name() -> None:
    assert (TRANSACTION_NAMES, {str(code): name for code, name in RESPONSE_NAMES.items()}) == (
        SHOWN[3].shown,
        SHOWN[39].shown,
    )


def test_the_parts_of_the_original_data_are_named_and_told() -> None:
    text = "020000000111240930000000102000000000000000"
    parts, at = [], 0
    for name, digits, says in ORIGINAL_PARTS:
        part = text[at : at + digits]
        at += digits
        parts.append((name, part, says(part)))
    assert [digits for _, digits, _ in ORIGINAL_PARTS] == [4, 6, 10, 11, 11]
    assert parts == [
        ("original MTI", "0200", ""),
        ("original STAN", "000001", ""),
        ("original DE 7", "1124093000", "11-24 09:30:00"),
        ("original DE 32", "00001020000", "the bank's code"),
        ("fill", "00000000000", ""),
    ]


VERSIONS = {"0": "ISO 8583:1987", "1": "ISO 8583:1993", "2": "ISO 8583:2003"}
CLASSES = {
    "1": "authorization or inquiry",
    "2": "financial",
    "3": "file action",
    "4": "reversal",
    "5": "reconciliation",
    "6": "administrative",
    "7": "fee collection",
    "8": "network management",
}
FUNCTIONS = {
    "0": "request",
    "1": "answer to a request",
    "2": "advice",
    "3": "answer to an advice",
    "4": "notification",
}
OF_2003 = {
    **FUNCTIONS,
    "5": "answer to a notification",
    "6": "instruction",
    "7": "answer to an instruction",
}
ORIGINS = {
    "0": "acquirer",
    "1": "acquirer, repeat",
    "2": "issuer",
    "3": "issuer, repeat",
    "4": "other",
    "5": "other, repeat",
}
EVERY_MTI = [f"{number:04d}" for number in range(10_000)]


def meaning(mti: str) -> str:
    return mti_meaning(mti_digits(mti))


def test_every_mti_that_iso_8583_defines_says_its_class_function_and_origin() -> None:
    """ISO 8583:1987, 1993 and 2003, message type identifier: version, class, function, origin."""
    defined = {
        version + kind + function + origin: f"{CLASSES[kind]} {functions[function]}, {ORIGINS[origin]}"
        for version in VERSIONS
        for functions in (OF_2003 if version == "2" else FUNCTIONS,)
        for kind in CLASSES
        for function in functions
        for origin in ORIGINS
    }
    assert {mti: meaning(mti) for mti in EVERY_MTI if is_plausible_mti(mti)} == defined
    assert {mti_digits(mti)[0].meaning for mti in defined} == set(VERSIONS.values())


def test_every_other_mti_is_a_network_s_own_and_says_which_digit_is_left_open() -> None:
    for mti in EVERY_MTI:
        names = [name for name, *_, is_defined in mti_digits(mti) if not is_defined]
        assert bool(names) != is_plausible_mti(mti)
        if names:
            assert meaning(mti).startswith(f"a network's own: {names[0]} ")


@pytest.mark.parametrize(
    ("mti", "text"),
    [
        ("0920", "a network's own: class 9 is reserved by ISO 8583"),
        ("0050", "a network's own: class 0 is reserved by ISO 8583, function 5 is reserved by ISO 8583"),
        ("0206", "a network's own: origin 6 is reserved by ISO 8583"),
        ("3200", "a network's own: version 3 is reserved by ISO 8583"),
        ("8200", "a network's own: version 8 is national use"),
        (
            "9289",
            "a network's own: version 9 is private use, function 8 is reserved by ISO 8583, "
            "origin 9 is reserved by ISO 8583",
        ),
        ("08A0", "not one of ISO 8583"),
        ("080\u0662", "not one of ISO 8583"),
        ("020", "not one of ISO 8583"),
        ("", "not one of ISO 8583"),
    ],
)
def test_what_an_mti_is_that_iso_8583_does_not_define(mti: str, text: str) -> None:
    assert (meaning(mti), is_plausible_mti(mti)) == (text, False)


def test_a_longer_mti_is_not_plausible() -> None:
    assert not is_plausible_mti("02000")


@pytest.mark.parametrize(
    ("fen", "text"),
    [("0", "0.00 yuan"), ("99", "0.99 yuan"), ("100", "1.00 yuan"), ("123456705", "1,234,567.05 yuan")],
)
def test_an_amount_is_told_in_yuan(fen: str, text: str) -> None:
    assert yuan(fen) == text


def test_up_to_four_digits_are_short() -> None:
    assert [text for text in ("", "1", "1234", "12345", "123A", "٣") if is_short(text)] == ["1", "1234"]


@pytest.mark.parametrize(
    ("text", "plain", "dated"),
    [
        ("", True, True),
        ("123456789012", True, True),
        ("1234567890123", False, False),
        ("0000000123456789012", True, True),
        ("0000001234567890123", False, False),
        (PAN, False, False),
        (f"x{PAN}x", False, False),
        ("2026123456789", False, True),
        ("2026123456789012", False, True),
        ("20261234567890123", False, False),
        ("1926123456789", False, False),
        ("202611240000000000001", False, True),
        ("202613240000000000001", False, False),
        ("2026112400000000000012", False, False),
        ("20261124000000000000", False, False),
        ("P2026123456789x", False, True),
        ("12026123456789", False, False),
        ("2026123456789-2026123456789", False, True),
        (f"2026123456789-{PAN}", False, False),
        ("IN018", False, False),
        ("NM006", False, False),
        ("KA112", False, False),
        ("I2026123456789N018", False, False),
        ("IN18", True, True),
        ("in018", True, True),
        ("PN006", True, True),
    ],
)
def test_no_long_number_and_no_group_to_hide_is_harmless_but_for_dated_numbers_of_ours(
    text: str, plain: bool, dated: bool
) -> None:
    assert (is_harmless(text), is_harmless(text, dated=True)) == (plain, dated)


@pytest.mark.parametrize(
    ("text", "slight"),
    [
        ("", True),
        ("1234567", True),
        ("12345678", False),
        ("00000001234567", True),
        ("abc-DEF 123_xyz", True),
        ("abcd", False),
        ("ABCD", False),
        ("IN018", False),
        ("é", False),
    ],
)
def test_seven_digits_and_three_letters_say_too_little_to_hide(text: str, slight: bool) -> None:
    assert is_slight(text) is slight
