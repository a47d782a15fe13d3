"""A value that a model refuses is refused in pydantic's own words, which another language can say."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from ledger.files.wrong_value import reason_of
from qianzhi_errors.sentence import Sentence

CASES = [
    (bool, 1, "Input should be a valid boolean"),
    (dict, 1, "Input should be a valid dictionary"),
    (float, "x", "Input should be a valid number"),
    (Annotated[int, Field(gt=3)], 3, "Input should be greater than 3"),
    (Annotated[int, Field(ge=1)], 0, "Input should be greater than or equal to 1"),
    (int, "1", "Input should be a valid integer"),
    (Annotated[int, Field(lt=3)], 3, "Input should be less than 3"),
    (Annotated[int, Field(le=3)], 4, "Input should be less than or equal to 3"),
    (list, 1, "Input should be a valid list"),
    (Literal["a"], "b", "Input should be 'a'"),
    (Literal["a", "b"], "c", "Input should be 'a' or 'b'"),
    (Literal["a", "b", "c"], "d", "Input should be 'a', 'b' or 'c'"),
    (Annotated[str, Field(pattern="^[a-z]{1,3}$")], "A", "String should match pattern '^[a-z]{1,3}$'"),
    (Annotated[str, Field(max_length=1)], "ab", "String should have at most 1 character"),
    (Annotated[str, Field(max_length=2)], "abc", "String should have at most 2 characters"),
    (Annotated[str, Field(min_length=1)], "", "String should have at least 1 character"),
    (Annotated[str, Field(min_length=2)], "", "String should have at least 2 characters"),
    (str, 1, "Input should be a valid string"),
    (
        Annotated[list[int], Field(min_length=1)],
        [],
        "List should have at least 1 item after validation, not 0",
    ),
    (
        Annotated[list[int], Field(max_length=2)],
        [1, 2, 3],
        "List should have at most 2 items after validation, not 3",
    ),
    (tuple, 1, "Input should be a valid tuple"),
]


def refused(kind: object, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value, strict=True)
    return reason_of(caught.value.errors()[0])


@pytest.mark.parametrize(("kind", "value", "reason"), CASES)
def test_the_words_are_pydantics_and_a_sentence(kind: object, value: object, reason: str) -> None:
    given = refused(kind, value)
    assert (given, type(given)) == (reason, Sentence)


def test_words_that_are_not_known_are_kept() -> None:
    assert refused(bytes, 1) == "Input should be a valid bytes"
