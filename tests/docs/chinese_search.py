"""How the site's search takes Chinese apart: an extension of Sphinx, named in docs/conf.py.

Chinese has no blanks between words. Each character and each pair of neighbours is a term of the index, and
of a query each pair: so a page is found by any two characters that stand in it, without a dictionary of
words, which would not have this field's. Everything else is as in Sphinx's English search; its own Chinese
one needs a dictionary, and without it has no Chinese term at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sphinx.search.en import SearchEnglish

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HAN = r"\u3400-\u9fff\uf900-\ufaff"
_TERM = re.compile(rf"[{_HAN}]+|(?:(?![{_HAN}])\w)+")


class ChineseSearch(SearchEnglish):
    """The terms of a page, and the code by which a browser finds those of a query."""

    lang = "zh"
    js_splitter_code = rf"""
var splitQuery = (query) =>
  (query.match(/[{_HAN}]+|(?:(?![{_HAN}])[\p{{Letter}}\p{{Number}}_])+/gu) || []).flatMap((term) =>
    /^[{_HAN}]{{2,}}$/.test(term)
      ? Array.from({{ length: term.length - 1 }}, (_, at) => term.slice(at, at + 2))
      : [term],
  );
"""

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx's name
        """Return the terms of a text: words, and of Chinese each character and each pair."""
        return [term for found in _TERM.findall(input) for term in terms(found)]


def terms(found: str) -> list[str]:
    """The terms of a word, or of characters that stand side by side."""
    if not re.match(f"[{_HAN}]", found):
        return [found]
    return [*found, *(found[at : at + 2] for at in range(len(found) - 1))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Have Sphinx search in this way where the search language is `zh`."""
    app.add_search_language(ChineseSearch)
    return {"parallel_read_safe": True}
