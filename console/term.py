"""The word for a state or a class in the reader's language: its code in English, its name in Chinese.

The names are the glossary's, in `office.reports.wording`. In English a code is shown as it is, since that is
what a person types and `--json` has. No name belongs here.
"""

from __future__ import annotations

from console.language import speaks_chinese
from office.reports.wording import Words


def term(words: Words | None, code: str) -> str:
    """Return the Chinese name where Chinese is spoken and there is one, and the code anywhere else."""
    return words.zh if words and speaks_chinese() else code
