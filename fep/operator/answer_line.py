"""One line of the operator's socket as JSON, in which a Sentence stays one.

The JSON has the English texts, for any program. Beside them, under `sentences`, it has by its text how each
Sentence was made, so that a command can say it in its reader's language. What is answered does not belong
here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from qianzhi_errors.sentence import Sentence

_SENTENCES: Final = "sentences"

_Made = Mapping[str, Mapping[str, Any]]
"""How sentences were made, by their English texts: `pattern` and `values`."""


def as_line(answer: Mapping[str, Any]) -> bytes:
    """Return an answer as a line of JSON, without the line feed. A Sentence with a value that JSON cannot
    hold goes as its English text alone.
    """
    made = {str.__str__(sentence): _how(sentence) for sentence in _within(answer) if _travels(sentence)}
    return json.dumps({**answer, _SENTENCES: made} if made else answer).encode()


def from_line(line: str) -> dict[str, Any]:
    """Return the answer that is in a line, its Sentences among its texts. Raises ValueError for no JSON."""
    answer: dict[str, Any] = json.loads(line)
    made: _Made = answer.pop(_SENTENCES, {})
    return {name: _remade(value, made) for name, value in answer.items()}


def _within(value: object) -> Iterator[Sentence]:
    """Each Sentence in a value, those in Sentences too."""
    match value:
        case Sentence():
            yield value
            yield from _within(value.values)
        case Mapping():
            for part in value.values():
                yield from _within(part)
        case list() | tuple():
            for part in value:
                yield from _within(part)


def _how(sentence: Sentence) -> dict[str, Any]:
    values = {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in sentence.values.items()
    }
    return {"pattern": sentence.pattern, "values": values}


def _travels(sentence: Sentence) -> bool:
    """Whether the same text is made of what JSON holds."""
    how = _how(sentence)
    try:
        return Sentence(how["pattern"], **how["values"]) == sentence
    except ValueError:  # a date's format for what is a text now
        return False


def _remade(value: Any, made: _Made) -> Any:  # noqa: ANN401 - JSON
    """Return a value of JSON with its Sentences. A text that is a value of its own sentence stays a text."""
    if isinstance(value, str) and value in made:
        how = made[value]
        others = {text: other for text, other in made.items() if text != value}
        return Sentence(
            how["pattern"], **{name: _remade(part, others) for name, part in how["values"].items()}
        )
    if isinstance(value, list):
        return [_remade(part, made) for part in value]
    if isinstance(value, dict):
        return {name: _remade(part, made) for name, part in value.items()}
    return value
