"""Why a text is no TOML, as a sentence: the standard library's words or ours, and the place that is named.

The words that name a key or a character of the text stay as the library has them.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

from qianzhi_errors.sentence import Sentence, phrase

_FAULTS: Final = frozenset(
    {
        phrase("A number has too many digits"),
        phrase("Cannot overwrite a value"),
        phrase("Expected '=' after a key in a key/value pair"),
        phrase("Expected ']' at the end of a table declaration"),
        phrase("Expected ']]' at the end of an array declaration"),
        phrase("Expected newline or end of document after a statement"),
        phrase("Invalid date or datetime"),
        phrase("Invalid hex value"),
        phrase("Invalid initial character for a key part"),
        phrase("Invalid statement"),
        phrase("Invalid value"),
        phrase("Tables or arrays are nested too deep"),
        phrase("Unclosed array"),
        phrase("Unclosed inline table"),
        phrase("Unescaped '\\' in a string"),
        phrase("Unterminated string"),
    }
)
_NAMED: Final = (
    (re.compile(r"Cannot declare (?P<key>.*) twice", re.DOTALL), phrase("Cannot declare {key} twice")),
    (re.compile(r"Expected (?P<text>'.*')"), phrase("Expected {text}")),
    (re.compile(r"Illegal character (?P<character>'.*')"), phrase("Illegal character {character}")),
    (
        re.compile(r"Found invalid character (?P<character>'.*')"),
        phrase("Found invalid character {character}"),
    ),
    (re.compile(r"Duplicate inline table key (?P<key>'.*')"), phrase("Duplicate inline table key {key}")),
)
_PLACED: Final = re.compile(
    r"(?P<fault>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)


def toml_reason(error: tomllib.TOMLDecodeError) -> str:
    """Return the text of the error, word for word, as a sentence where its words are known."""
    placed = _PLACED.fullmatch(str(error))
    if placed is None:
        return _fault(str(error))
    fault = _fault(placed["fault"])
    if placed["line"] is None:
        return Sentence("{fault} (at end of document)", fault=fault)
    return Sentence(
        "{fault} (at line {line}, column {column})", fault=fault, line=placed["line"], column=placed["column"]
    )


def _fault(text: str) -> str:
    if text in _FAULTS:
        return Sentence(text)
    named = ((match.groupdict(), pattern) for words, pattern in _NAMED if (match := words.fullmatch(text)))
    return next((Sentence(pattern, **values) for values, pattern in named), text)
