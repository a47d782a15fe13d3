"""Help in lines of Chinese: no line takes more columns than the terminal has, and no text is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.help_text import WideFormatter, closed, is_wide, paragraphs, spread

WIDE = "应收应付（含）保单，前置机。"


def columns(line: str) -> int:
    return sum(1 + is_wide(character) for character in line)


@given(st.text(st.sampled_from(f"{WIDE}ab -"), max_size=40))
def test_a_text_that_was_spread_is_closed_to_itself(text: str) -> None:
    assert closed(spread(text)) == text


@given(st.text(st.sampled_from(WIDE), min_size=1, max_size=60))
def test_a_text_takes_as_many_characters_as_columns_or_one_less(text: str) -> None:
    assert len(spread(text)) == columns(text)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal_or_begins_with_a_closing_mark(width: int) -> None:
    formatter = WideFormatter(width=width)
    with formatter.indentation():
        formatter.write_text(WIDE * 9)
        formatter.write_dl([("--date", WIDE * 9), ("日期", "短")])
    lines = formatter.getvalue().splitlines()
    assert max(map(columns, lines)) <= width
    assert not [line for line in lines if line.strip()[:1] in set("，。）")]
    assert not [line for line in lines if line.endswith("（")]


def test_english_is_wrapped_as_click_wraps_it() -> None:
    words = "hold the front book's dues against this file " * 5
    ours = WideFormatter(width=60)
    ours.write_text(words)
    assert ours.getvalue() == "\n".join(
        ["hold the front book's dues against this file hold the front", *ours.getvalue().splitlines()[1:], ""]
    )


def test_a_paragraph_is_one_line() -> None:
    assert paragraphs("One\n    and two.\n\n    Three.") == ["One and two.", "Three."]
