"""Why a model of settings refuses a value, as a sentence: pydantic's own words, or those of our validators.

Only the reason is here; the key, and a key that there is not, the caller names. No text repeats a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic_core import ErrorDetails

from qianzhi_errors.sentence import Sentence, listed, phrase

_PATTERNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "bool_type": (phrase("Input should be a valid boolean"),),
        "dict_type": (phrase("Input should be a valid dictionary"),),
        "extra_forbidden": (phrase("Extra inputs are not permitted"),),
        "float_type": (phrase("Input should be a valid number"),),
        "greater_than": (phrase("Input should be greater than {gt}"),),
        "greater_than_equal": (phrase("Input should be greater than or equal to {ge}"),),
        "int_type": (phrase("Input should be a valid integer"),),
        "json_invalid": (phrase("Invalid JSON: {error}"),),
        "less_than": (phrase("Input should be less than {lt}"),),
        "less_than_equal": (phrase("Input should be less than or equal to {le}"),),
        "list_type": (phrase("Input should be a valid list"),),
        "missing": (phrase("Field required"),),
        "model_type": (phrase("Input should be a valid dictionary or instance of {class_name}"),),
        "string_pattern_mismatch": (phrase("String should match pattern '{pattern}'"),),
        "string_too_long": (
            phrase("String should have at most {max_length} character"),
            phrase("String should have at most {max_length} characters"),
        ),
        "string_too_short": (
            phrase("String should have at least {min_length} character"),
            phrase("String should have at least {min_length} characters"),
        ),
        "string_type": (phrase("Input should be a valid string"),),
        "too_long": (
            phrase(
                "{field_type} should have at most {max_length} item after validation, not {actual_length}"
            ),
            phrase(
                "{field_type} should have at most {max_length} items after validation, not {actual_length}"
            ),
        ),
        "too_short": (
            phrase(
                "{field_type} should have at least {min_length} item after validation, not {actual_length}"
            ),
            phrase(
                "{field_type} should have at least {min_length} items after validation, not {actual_length}"
            ),
        ),
        "tuple_type": (phrase("Input should be a valid tuple"),),
    }
)
"""Pydantic's words of each kind of fault that the models can have; where it counts, of one and of more."""
_QUOTED: Final = re.compile(r"'[^']*'")


def reason_of(detail: ErrorDetails) -> str:
    """Return the reason of a fault, without the key: what pydantic says, or a validator's own text."""
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return str(context["error"])
    said = detail["msg"]
    sentences = [Sentence(pattern, **context) for pattern in _PATTERNS.get(detail["type"], ())]
    if detail["type"] == "literal_error":
        sentences = [Sentence("Input should be {choices}", choices=_either(context["expected"]))]
    return next((sentence for sentence in sentences if sentence == said), said)


def _either(expected: str) -> str:
    """Return pydantic's choices, such as `'fen', 'yuan' or 'jiao'`, as a sentence."""
    *others, last = _QUOTED.findall(expected) or [expected]
    return Sentence("{others} or {last}", others=listed(others), last=last) if others else last
