"""The operating system's reason can be said in another language, and is its own word for word in English."""

from __future__ import annotations

import os

import pytest

from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import _REASONS, system_reason, text_of


@pytest.mark.parametrize("number", _REASONS)
def test_each_reason_is_the_systems_own(number: int) -> None:
    reason = system_reason(OSError(number, os.strerror(number), "a/file"))
    assert (reason, type(reason)) == (os.strerror(number), Sentence)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(2, "not as the system says it"), "not as the system says it"),
        (OSError("a text alone"), "a text alone"),
        (OSError(9999, "Unknown error 9999"), "Unknown error 9999"),
    ],
)
def test_any_other_text_is_kept(error: OSError, reason: str) -> None:
    assert (system_reason(error), type(system_reason(error))) == (reason, str)


@pytest.mark.parametrize("given", [("/a",), ("/a", None, "/b"), ()])
def test_the_whole_text_is_pythons_and_can_be_translated(given: tuple[str | None, ...]) -> None:
    error = OSError(2, "No such file or directory", *given)
    assert (text_of(error), isinstance(text_of(error), Sentence)) == (str(error), len(given) < 3)


def test_an_error_of_ours_has_the_sentence_that_it_was_raised_with() -> None:
    assert isinstance(text_of(QianzhiError(Sentence("no {what}", what="file"))), Sentence)
