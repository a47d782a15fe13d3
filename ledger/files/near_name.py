"""The end of a refusal that asks for a near name, where a name was misspelt.

One wording for the keys of settings, the keys and words of layouts, and what is given to a command. The
text of the refusal itself does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from qianzhi_errors.sentence import Sentence


def near_name(word: object, names: Iterable[str]) -> str:
    """Return `; did you mean '...'?` with the most similar of the names; empty where none is similar, and
    for a word that is no text.
    """
    similar = get_close_matches(word, tuple(names), n=1) if isinstance(word, str) else []
    return Sentence("; did you mean {name!r}?", name=similar[0]) if similar else ""
