"""What commands print, on both streams: nothing that a terminal would obey."""

from __future__ import annotations

import pytest

from console.failure import fail
from console.say import say

UNSEEN = "a\x1b[2J\u202e\u2028\x85\rb"
SHOWN = "a\\u001b[2J\\u202e\\u2028\\u0085\\u000db"


def test_what_a_terminal_would_obey_is_an_escape_on_both_streams(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{UNSEEN}\n张三")
    say(UNSEEN, err=True, nl=False)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (f"{SHOWN}\n张三\n", SHOWN)


def test_an_errors_text_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail("qianzhi", f"{UNSEEN}\nnext")
    assert capsys.readouterr().err == f"qianzhi: {SHOWN}\nqianzhi: next\n"
