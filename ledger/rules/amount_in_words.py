"""Amounts as a receipt shows them: in Chinese words (大写), and in figures.

Pure. The rules are those of the People's Bank of China for bills and settlement vouchers:
支付结算办法 (1997), annex 1 (正确填写票据和结算凭证的基本规定), items 1 to 4.
Other words of a receipt do not belong here.
"""

from __future__ import annotations

from typing import Final

FEN_MAX: Final = 999_999_999_999
"""The largest amount of DE 4: twelve digits."""

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("仟", "佰", "拾", "")
_MYRIADS: Final = ((100_000_000, "亿"), (10_000, "万"), (1, ""))
_ZERO: Final = _DIGITS[0]


def in_words(fen: int) -> str:
    """The amount in words, with 人民币 before it: 140950 fen are 人民币壹仟肆佰零玖元伍角.

    Raises ValueError outside 0 to FEN_MAX.

    Where the rules leave a choice, the same one is always taken: 整 after 元 only, never after 角; one 零
    after 元 if the yuan end in 0 and jiao follow; no 零 between 万 and a section that has thousands
    (107,000.53 is 壹拾万柒仟元零伍角叁分).
    """
    yuan, cents = _split(fen)
    if fen == 0:
        return "人民币零元整"
    whole = _whole(yuan) + "元" if yuan else ""
    return "人民币" + whole + (_fraction(yuan, cents) if cents else "整")


def in_figures(fen: int) -> str:
    """The amount in yuan with separators: 123456 fen are 1,234.56. Raises ValueError outside 0 to FEN_MAX."""
    yuan, cents = _split(fen)
    return f"{yuan:,}.{cents:02d}"


def _split(fen: int) -> tuple[int, int]:
    if not 0 <= fen <= FEN_MAX:
        raise ValueError(f"an amount is 0 to {FEN_MAX} fen, not {fen}")
    return divmod(fen, 100)


def _whole(yuan: int) -> str:
    """The yuan in words, by sections of four digits: 零 before one below 1000, or after an empty one."""
    written, gap = "", False
    for unit, name in _MYRIADS:
        section = yuan // unit % 10_000
        if section:
            zero = _ZERO if written and (gap or section < 1000) else ""
            written += zero + _section(section) + name
        gap = not section
    return written


def _section(section: int) -> str:
    """1 to 9999 in words: several zeros between two digits are one 零, zeros at either end are left out."""
    written, gap = "", False
    for digit, place in zip(f"{section:04d}", _PLACES, strict=True):
        if digit != "0":
            written += (_ZERO if written and gap else "") + _DIGITS[int(digit)] + place
        gap = digit == "0"
    return written


def _fraction(yuan: int, cents: int) -> str:
    """The jiao and fen in words; at least one of them is not 0."""
    jiao, fen = divmod(cents, 10)
    zero = _ZERO if yuan and (jiao == 0 or yuan % 10 == 0) else ""
    return zero + (f"{_DIGITS[jiao]}角" if jiao else "") + (f"{_DIGITS[fen]}分" if fen else "")
