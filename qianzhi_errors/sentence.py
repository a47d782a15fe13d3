"""A sentence for a person that keeps how it was made, so that another language can make it too.

Below the commands a sentence is made where its reason is found: in English, as the text of an error, a
finding, a step. It is a `str`, so the log, `--json` and a book take it as it is; whoever shows it to a person
looks its pattern up in that person's language, and fills the same values in. No language belongs here: the
catalogue is `console`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final, overload

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Sentence(str):
    """An English sentence with its pattern, whose named places are `str.format`'s, and the values in them.

    A value that is a Sentence itself, or an error that was raised with one, is translated with it. Example:
    Sentence("line {line}: {reason}", line=3, reason=Sentence("no amount")) is "line 3: no amount".
    """

    __slots__ = ("pattern", "values")
    pattern: str
    values: Mapping[str, Any]

    def __new__(cls, pattern: str, /, **values: object) -> Sentence:
        """Make the English text. Raises KeyError where the pattern has a place without a value."""
        values = {name: _kept(value) for name, value in values.items()}
        sentence = super().__new__(cls, pattern.format_map(values))
        sentence.pattern = pattern
        sentence.values = MappingProxyType(values) if values else _NOTHING
        return sentence

    def __str__(self) -> str:
        """Return it whole, so that `str` of an error that was raised with a Sentence is that Sentence."""
        return self

    def __reduce__(self) -> tuple[Callable[..., Sentence], tuple[Any, ...]]:
        """How a copy, or another process, makes it again (the standard library's `copy` and `pickle`)."""
        return partial(Sentence, **self.values), (self.pattern,)

    def translated(self, look_up: Callable[[str], str]) -> str:
        """Return the text in the language of `look_up`, which gives the pattern in it."""
        # For an empty text gettext gives the catalogue's header.
        pattern = look_up(self.pattern) if self.pattern else ""
        return pattern.format_map({name: translated(value, look_up) for name, value in self.values.items()})


VALUE_LENGTH_MAX: Final = 500
"""Characters of a text that is quoted in a sentence: what is longer is no name, key or path of anybody's, and
would hide the sentence that quotes it.
"""


def _kept(value: object) -> object:
    """An error as its text, which is a Sentence where it was raised with one: no traceback is held. A text
    that is no Sentence is cut where it is too long to be read, and ends with an ellipsis then.
    """
    kept = str(value) if isinstance(value, BaseException | PurePath) else value
    if not isinstance(kept, str) or isinstance(kept, Sentence) or len(kept) <= VALUE_LENGTH_MAX:
        return kept
    return f"{kept[: VALUE_LENGTH_MAX - 1]}…"


def phrase(pattern: str) -> str:
    """Return a pattern as it is: the mark of one that stands in a table, for who makes the catalogue."""
    return pattern


def translated(value: object, look_up: Callable[[str], str]) -> object:
    """Return a Sentence in the language of `look_up`, and any other value as it is."""
    return value.translated(look_up) if isinstance(value, Sentence) else value


COMMAS: Final = "{first}, {rest}"


@overload
def listed(parts: Sequence[Sentence], pattern: str = COMMAS) -> Sentence: ...


@overload
def listed(parts: Sequence[str], pattern: str = COMMAS) -> str: ...


def listed(parts: Sequence[str], pattern: str = COMMAS) -> str:
    """Return parts as one sentence, by default with commas between them; empty where there is none.

    `pattern` says how the first part and the rest are joined, and is looked up as any other.
    """
    if len(parts) < 2:
        return parts[0] if parts else Sentence("")
    middle = len(parts) // 2  # in halves: a thousand lines are no thousand sentences in each other
    return Sentence(pattern, first=listed(parts[:middle], pattern), rest=listed(parts[middle:], pattern))


def rewritten(sentence: Sentence, rewrite: Callable[[str], str]) -> Sentence:
    """Return the sentence whose text is `rewrite` of its text: each text among its values is rewritten.
    Where that is not the same, the whole is one text that is not translated.
    """
    text = rewrite(sentence)
    if text == sentence:
        return sentence
    values = {name: _rewritten(value, rewrite) for name, value in sentence.values.items()}
    again = Sentence(sentence.pattern, **values)
    return again if again == text else Sentence(text.replace("{", "{{").replace("}", "}}"))


def _rewritten(value: object, rewrite: Callable[[str], str]) -> object:
    if isinstance(value, Sentence):
        return rewritten(value, rewrite)
    return rewrite(value) if isinstance(value, str) else value


def unlisted(text: str) -> list[str]:
    """Return what `listed` made a sentence of, whatever it was joined with; any other text alone."""
    if not isinstance(text, Sentence) or text.values.keys() != {"first", "rest"}:
        return [text]
    return [part for half in text.values.values() for part in _unlisted(half, text.pattern)]


def _unlisted(half: str, pattern: str) -> list[str]:
    return unlisted(half) if isinstance(half, Sentence) and half.pattern == pattern else [half]
