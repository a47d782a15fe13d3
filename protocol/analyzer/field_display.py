"""How each field is displayed to people: what its value means, and whether it may be shown.

Tables of data, and functions over the text of one field. Whether a value may be shown is decided here and
nowhere else: a value that is not known to be harmless is hidden. Nothing here looks at bytes, at other fields
or at settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.card_number import CARD_DIGITS_MIN
from protocol.code_names import RESPONSE_NAMES, TRANSACTION_NAMES
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence, listed

Says = Callable[[str], str]


class FieldDisplay(NamedTuple):
    """How to display one data element.

    `fits`: the pattern of values that may be shown. `anchor`: the pattern is so specific that a match proves
    that the message is read in step at this place. `dated`: the value is a long number of ours that begins
    with a year, so a run of digits in it is not a card number. `says`: returns what a value means. `hidden`:
    why the value is never shown, if there is no `fits`.
    """

    fits: re.Pattern[str] | None = None
    anchor: bool = False
    dated: bool = False
    says: Says = lambda _: ""
    hidden: str = ""


_CLASSES: Final = MappingProxyType(
    {
        "1": Sentence("authorization or inquiry"),
        "2": Sentence("financial"),
        "3": Sentence("file action"),
        "4": Sentence("reversal"),
        "5": Sentence("reconciliation"),
        "6": Sentence("administrative"),
        "7": Sentence("fee collection"),
        "8": Sentence("network management"),
    }
)
_FUNCTIONS: Final = MappingProxyType(
    {
        "0": Sentence("request"),
        "1": Sentence("answer to a request"),
        "2": Sentence("advice"),
        "3": Sentence("answer to an advice"),
        "4": Sentence("notification"),
    }
)
_ORIGINS: Final = MappingProxyType(
    {
        "0": Sentence("acquirer"),
        "1": Sentence("acquirer, repeat"),
        "2": Sentence("issuer"),
        "3": Sentence("issuer, repeat"),
        "4": Sentence("other"),
        "5": Sentence("other, repeat"),
    }
)
_VERSIONS: Final = MappingProxyType({"0": "ISO 8583:1987", "1": "ISO 8583:1993", "2": "ISO 8583:2003"})
_OF_2003: Final = "2"
_FUNCTIONS_OF_2003: Final = MappingProxyType(
    {
        **_FUNCTIONS,
        "5": Sentence("answer to a notification"),
        "6": Sentence("instruction"),
        "7": Sentence("answer to an instruction"),
    }
)
_DIGITS: Final = (
    (Sentence("version"), _VERSIONS),
    (Sentence("class"), _CLASSES),
    (Sentence("function"), _FUNCTIONS),
    (Sentence("origin"), _ORIGINS),
)
_RESERVED: Final = Sentence("reserved by ISO 8583")
_OTHER_VERSIONS: Final = MappingProxyType({"8": Sentence("national use"), "9": Sentence("private use")})


class MtiDigit(NamedTuple):
    """One digit of an MTI: its name, the digit, what it means, and whether ISO 8583 defines it."""

    name: str
    digit: str
    meaning: str
    is_defined: bool


def mti_digits(mti: str) -> tuple[MtiDigit, ...]:
    """Return what each digit of an MTI means (ISO 8583, message type identifier). The editions differ in the
    first, and that of 2003 has three functions more. What is no digit means nothing.
    """
    return tuple(_mti_digit(mti, *row) for row in zip(mti, _DIGITS, strict=False))


def _mti_digit(mti: str, digit: str, named: tuple[str, Mapping[str, str]]) -> MtiDigit:
    name, meanings = named
    if meanings is _FUNCTIONS and mti[0] == _OF_2003:
        meanings = _FUNCTIONS_OF_2003
    if digit in meanings:
        return MtiDigit(name, digit, meanings[digit], True)
    if not _is_digit(digit):
        return MtiDigit(name, digit, Sentence("none of ISO 8583"), False)
    other = _OTHER_VERSIONS.get(digit) if meanings is _VERSIONS else None
    return MtiDigit(name, digit, other or _RESERVED, False)


def _is_digit(character: str) -> bool:
    return character.isascii() and character.isdecimal()


def mti_meaning(digits: tuple[MtiDigit, ...]) -> str:
    """Return what an MTI means as a whole; where ISO 8583 leaves a digit open, which one that is."""
    if len(digits) == len(_DIGITS) and all(digit.is_defined for digit in digits):
        _, kind, function, origin = (digit.meaning for digit in digits)
        return Sentence("{kind} {function}, {origin}", kind=kind, function=function, origin=origin)
    if len(digits) < len(_DIGITS) or not all(_is_digit(one.digit) for one in digits):
        return Sentence("not one of ISO 8583")
    open_ = [
        Sentence("{name} {digit} is {meaning}", name=one.name, digit=one.digit, meaning=one.meaning)
        for one in digits
        if not one.is_defined
    ]
    return Sentence("a network's own: {digits}", digits=listed(open_))


_NETWORK: Final = MappingProxyType(
    {
        "001": Sentence("sign-on"),
        "002": Sentence("sign-off"),
        "101": Sentence("key change"),
        "201": Sentence("cut-over"),
        "301": Sentence("echo"),
    }
)
_CURRENCIES: Final = MappingProxyType(
    {"156": "CNY", "344": "HKD", "446": "MOP", "392": "JPY", "840": "USD", "978": "EUR", "826": "GBP"}
)
_MONTH_DAY: Final = "(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_TIME: Final = "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"


def yuan(fen: str) -> str:
    """Return an amount in fen, digits of any length, in yuan: "000000120000" is "1,200.00 yuan"."""
    whole, cents = divmod(int(fen), 100)
    return Sentence("{whole:,}.{cents:02d} yuan", whole=whole, cents=cents)


def _moment(text: str) -> str:
    """Return MMDDhhmmss as "MM-DD hh:mm:ss"."""
    return f"{_date(text[:4])} {_time(text[4:])}"


def _date(text: str) -> str:
    return f"{text[:2]}-{text[2:]}"


def _time(text: str) -> str:
    return f"{text[:2]}:{text[2:4]}:{text[4:]}"


def _net(text: str) -> str:
    side = Sentence("the bank owes the insurer") if text[0] == "D" else Sentence("the insurer owes the bank")
    return Sentence("{side} {amount}", side=side, amount=yuan(text[1:]))


def _count(text: str) -> str:
    return f"{int(text):,}"


def _one_of(words_of_code: Mapping[Response, str] | Mapping[str, str]) -> FieldDisplay:
    """Return the display of a DE whose value is one of the codes; it is an anchor."""
    table = {str(code): words for code, words in words_of_code.items()}
    return FieldDisplay(re.compile("|".join(map(re.escape, table))), True, says=lambda text: table[text])


# An amount must have two digits less than its field: no transaction is of a hundred million yuan, and a value
# that does not begin with 00 is something else, such as a card number read out of step.
_AMOUNT: Final = FieldDisplay(re.compile("00[0-9]{10}"), says=yuan)
_SUM: Final = FieldDisplay(re.compile("000[0-9]{13}"), says=yuan)
_NUMBER: Final = FieldDisplay(re.compile("00[0-9]{8}"), says=_count)
_TRACK: Final = FieldDisplay(hidden=Sentence("a magnetic track"))
_MAC: Final = FieldDisplay(re.compile("[0-9A-F]{16}"), says=lambda _: Sentence("8 bytes"))
UNUSED: Final = FieldDisplay(hidden=Sentence("not used here: it may hold anything"))
ORIGINAL: Final = re.compile(f"0[24][02][01][0-9]{{6}}{_MONTH_DAY}{_TIME}[0-9]{{11}}0{{11}}")
ORIGINAL_PARTS: Final = (
    (Sentence("original MTI"), 4, lambda _: ""),
    (Sentence("original STAN"), 6, lambda _: ""),
    (Sentence("original DE 7"), 10, _moment),
    (Sentence("original DE 32"), 11, lambda _: Sentence("the bank's code")),
    (Sentence("fill"), 11, lambda _: ""),
)
"""The parts of DE 90: name, number of digits, and what returns the meaning."""

FIELDS: Final[Mapping[int, FieldDisplay]] = MappingProxyType(
    {
        3: _one_of(TRANSACTION_NAMES),
        4: _AMOUNT,
        7: FieldDisplay(re.compile(_MONTH_DAY + _TIME), True, says=_moment),
        11: FieldDisplay(re.compile("[0-9]{6}")),
        12: FieldDisplay(re.compile(_TIME), True, says=_time),
        13: FieldDisplay(re.compile(_MONTH_DAY), True, says=_date),
        14: FieldDisplay(hidden=Sentence("a card's expiry date")),
        15: FieldDisplay(re.compile(_MONTH_DAY), True, says=_date),
        32: FieldDisplay(re.compile("[0-9]{1,11}"), says=lambda _: Sentence("the bank's code")),
        34: FieldDisplay(hidden=Sentence("a card number")),
        35: _TRACK,
        36: _TRACK,
        37: FieldDisplay(re.compile("[A-Za-z0-9 ]{12}")),
        38: FieldDisplay(
            re.compile("[A-Za-z0-9 ]{6}"), says=lambda _: Sentence("the front-end machine's approval")
        ),
        39: _one_of(RESPONSE_NAMES),
        41: FieldDisplay(re.compile("[ -~]{8}")),
        42: FieldDisplay(re.compile("[ -~]{15}")),
        44: FieldDisplay(
            re.compile(r"[^\x00-\x1f\x7f-\x9f]{0,25}"), says=lambda _: Sentence("the reason in words")
        ),
        45: _TRACK,
        48: FieldDisplay(hidden=Sentence("it is not made of groups")),
        49: _one_of(_CURRENCIES),
        52: FieldDisplay(hidden=Sentence("a PIN block: such a message is refused")),
        53: FieldDisplay(hidden=Sentence("of a PIN: such a message is refused")),
        62: FieldDisplay(hidden=Sentence("the receipt's lines: they name the policyholder")),
        64: _MAC,
        66: FieldDisplay(
            re.compile("[12]"),
            says=lambda text: Sentence("in balance") if text == "1" else Sentence("out of balance"),
        ),
        70: _one_of(_NETWORK),
        **dict.fromkeys((74, 75, 76, 77), _NUMBER),
        **dict.fromkeys((86, 87, 88, 89), _SUM),
        90: FieldDisplay(ORIGINAL, True),
        97: FieldDisplay(re.compile("[CD]000[0-9]{13}"), says=_net),
        98: FieldDisplay(hidden=Sentence("a payee's name")),
        102: FieldDisplay(hidden=Sentence("an account number")),
        103: FieldDisplay(hidden=Sentence("an account number")),
        125: FieldDisplay(hidden=Sentence("of a PIN: such a message is refused")),
        128: _MAC,
    }
)

_REFERENCE: Final = re.compile("[A-Za-z0-9][A-Za-z0-9./_-]{0,39}")
_SECRET_GROUPS: Final = MappingProxyType(
    {
        "IN": Sentence("an identity number"),
        "NM": Sentence("a name"),
        "SN": Sentence("a name"),
        "SP": Sentence("a phone number"),
        "KA": Sentence("a key block"),
    }
)
GROUPS: Final[Mapping[str, FieldDisplay]] = MappingProxyType(
    {
        **{tag: FieldDisplay(hidden=reason) for tag, reason in _SECRET_GROUPS.items()},
        **dict.fromkeys(("PN", "RN", "DU"), FieldDisplay(_REFERENCE, dated=True)),
        "PC": _one_of(TRANSACTION_NAMES),
        "DK": FieldDisplay(re.compile("premium|benefit")),
        **dict.fromkeys(
            ("DD", "GU"),
            FieldDisplay(
                re.compile(f"(?:19|20)[0-9]{{2}}{_MONTH_DAY}"),
                says=lambda date: f"{date[:4]}-{date[4:6]}-{date[6:]}",
            ),
        ),
        "AM": FieldDisplay(re.compile("[0-9]{1,10}|00[0-9]{10}"), says=yuan),
        "ST": FieldDisplay(re.compile("[a-z_ ]{1,20}")),
        "CA": FieldDisplay(re.compile("[0-9A-F]{4,10}")),
        "PG": FieldDisplay(re.compile("[0-9]{1,3}|more")),
    }
)
"""The groups of DE 48. A group with another tag is unknown, and hidden."""
UNKNOWN_GROUP: Final = FieldDisplay(hidden=Sentence("it may hold anything"))

_LONG_RUN: Final = re.compile(f"[1-9][0-9]{{{CARD_DIGITS_MIN - 1},}}")
"""Digits that are enough for a card number; an identity number has more."""
# The number of a policy or a due is 13 to 16 digits that begin with a year; a receipt's is 21 digits that
# begin with a date. Only years 20xx: no card numbers in use begin so (ISO/IEC 7812), nor does a region code
# (GB/T 2260); an airline's card may begin with 19.
_DATED: Final = re.compile(f"(?<![0-9])20(?:[0-9]{{11,14}}|[0-9]{{2}}{_MONTH_DAY}[0-9]{{13}})(?![0-9])")
_GROUP_WITHIN: Final = re.compile(f"(?:{'|'.join(_SECRET_GROUPS)})[0-9]{{3}}")
"""The head of a group of DE 48 that is hidden."""
_FEW_DIGITS: Final = re.compile("[0-9]{1,4}")
_MUCH: Final = re.compile("[1-9][0-9]{7,}|[^\\W\\d_]{4,}")

OF_THE_FILE: Final = FieldDisplay(re.compile(".*", re.DOTALL))
"""A subfield which its dialect's file says may be shown."""


def is_plausible_mti(mti: str) -> bool:
    """Tell whether each digit of an MTI is one that ISO 8583 defines, in any edition."""
    if len(mti) != len(_DIGITS):
        return False
    functions = _FUNCTIONS_OF_2003 if mti[0] == _OF_2003 else _FUNCTIONS
    return mti[0] in _VERSIONS and mti[1] in _CLASSES and mti[2] in functions and mti[3] in _ORIGINS


def display_of(number: int) -> FieldDisplay:
    """Return how data element `number` is displayed; UNUSED if this interface does not use it."""
    return FIELDS.get(number, UNUSED)


def is_short(text: str) -> bool:
    """Tell whether a text is at most four digits, and so may be shown in any field."""
    return _FEW_DIGITS.fullmatch(text) is not None


def is_harmless(text: str, *, dated: bool = False) -> bool:
    """Tell whether a text that fits its field holds nothing that must be hidden: no run of thirteen digits,
    leading zeros not counted, and no group of DE 48 that is hidden. In a `dated` field such a run may be the
    number of a policy, a due or a receipt.
    """
    if dated:
        text = _DATED.sub("", text)
    return _LONG_RUN.search(text) is None and _GROUP_WITHIN.search(text) is None


def is_slight(text: str) -> bool:
    """Tell whether a text is too short to be part of a card number or a name, wherever it was read: ASCII, no
    run of more than seven digits, leading zeros not counted, and no run of more than three letters.
    """
    return text.isascii() and is_harmless(text) and _MUCH.search(text) is None
