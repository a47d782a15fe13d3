"""How text from outside is shown: a character that is not seen, or that a screen obeys, becomes an escape.

Pure. Every way out uses this one function: pages, reports, spreadsheets, the log, a terminal, the teller.
What came (a name in a file, a group of DE 48, a setting) is kept and answered as it was; only people are
shown the escape. Whether a text may be shown at all is not decided here (`ledger.rules.masking`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what orders, joins or breaks text: controls, bidirectional controls, zero-width
characters, line and paragraph separators, half a pair. Not private use, and not what this version of Unicode
does not know: rare names need both."""
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that are shown as nothing (Default_Ignorable_Code_Point in Unicode)."""
_NO_CHARACTERS: Final = re.compile("[\ufdd0-\ufdef\ufff0-\ufff8\ufffe\uffff\U000e0000-\U000e00ff]")
"""What will never be a character, and the block of unseen tags."""
_DOUBTFUL: Final = re.compile("[^ -~\u3001-\u3020\u4e00-\u9fff\uff01-\uff60]")
"""All but what nearly every text is made of, which is looked at no further."""


def escaped(text: str, *, lines: bool = False, json: bool = False) -> str:
    r"""The text with each character that is not seen as itself written as UTF-16 units, `\u202e`.

    With `lines` line feeds and tabs stay. With `json` the text is JSON for a page: the backslash is doubled,
    so that the page shows the escape; without it, JSON keeps its values.
    """
    if text.isascii() and text.isprintable():
        return text

    def shown(match: re.Match[str]) -> str:
        character = match[0]
        if (lines and character in "\n\t") or not _is_unseen(character):
            return character
        units = character.encode("utf-16-be", "surrogatepass").hex()
        slash = "\\\\" if json else "\\"
        return "".join(f"{slash}u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return _DOUBTFUL.sub(shown, text)


def _is_unseen(character: str) -> bool:
    if unicodedata.category(character) in _UNSEEN or character in _BLANK_LETTERS:
        return True
    return _NO_CHARACTERS.match(character) is not None
