"""The pages' texts and their translations into Chinese: found, completed, written, compiled.

A page's texts are what Sphinx's gettext builder finds in it. A text without a word (codes, numbers, names)
needs no translation and has no place in a catalogue, unless one was written: the meaning of an error's words.
docs/locale has one catalogue for each page of TRANSLATED, one for the titles of the others, and one for the
site's own words. What makes a good translation, tests/docs/test_translations.py says; the commands' texts are
not here but in tests/catalogue.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tests.docs.pages import DOCS, ROOT, headings

CATALOGUES = DOCS / "locale" / "zh" / "LC_MESSAGES"
TRANSLATED = (
    "index",
    "connect",
    "protocol",
    "batch-files",
    "tools",
    "install",
    "day",
    "status",
    "commands",
    "alerts",
    "office-alerts",
    "logs",
    "keys",
    "receipts",
    "hardening",
    "cluster",
    "drill",
    "breaks",
    "core",
    "customers",
    "volume",
    "archive",
    "threat-model",
)
"""The pages that are whole in Chinese; the others are in English on both sites, but for their titles."""
SITE = "sphinx"
"""The catalogue of the words around the pages: Sphinx looks for them under this name."""
TITLES = "titles"
"""The catalogue of the titles of pages that stay in English: the navigation is in Chinese."""
SITES_WORDS = (
    "Back to top",
    "Made with ",
    "Skip to content",
    "On this page",
    "Home",
    "Next",
    "Previous",
    "Please activate JavaScript to enable the search functionality.",
    '<a href="https://www.sphinx-doc.org/">Sphinx</a> and ',
    "This page is not translated: what follows is in English.",
)
"""What furo's templates and ours say, and Sphinx's own Chinese catalogue has not."""
# Sphinx knows no `zh`, and looks for every catalogue under one name.
SPHINX_LANGUAGE = "zh_CN"
NAMES = frozenset(
    (
        "Debian",
        "Grafana",
        "Java",
        "Prometheus",
        "Python",
        "Qianzhi",
        "SQLite",
        "Sphinx",
        "ms",
    )
)
"""Words that are the same in both languages, besides those with a capital within, as PostgreSQL."""

_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_TARGET = re.compile(r"\]\(([^)]*)\)")
# A field is a DE in English only.
_WORD = re.compile(r"\b(?:[A-Za-z]*[a-z][A-Za-z]*|DE)\b")
_CAPITAL_WITHIN = re.compile(r"[a-z][A-Z]")
_OPENS_A_BLOCK = re.compile(r"\A(?=\d+[.)]\s|[-+*>]\s|#{1,6}\s)(\d*)")
_LIKENESS = 0.7
_HEADER = b"""\
# Written by hand; `make catalogue` brings in new texts, and marks as fuzzy what is to be looked at again.
msgid ""
msgstr ""
"Language: zh\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def code_spans(text: str) -> list[str]:
    """The texts between backticks, in order."""
    return [match[2] for match in _SPAN.finditer(text)]


def targets(text: str) -> list[str]:
    """Where the links of a text lead, in order."""
    return _TARGET.findall(_SPAN.sub("", text))


def has_words(text: str) -> bool:
    """Whether a text has English words, so that it needs a translation."""
    prose = _TARGET.sub("]", _SPAN.sub(" ", text))
    return any(len(word) > 1 and not _is_name(word) for word in _WORD.findall(prose))


def _is_name(word: str) -> bool:
    return word in NAMES or _CAPITAL_WITHIN.search(word) is not None


def texts(pages: Iterable[str], source: Path = DOCS) -> dict[str, tuple[str, ...]]:
    """All texts of these pages, the index one of them, each page's in its order."""
    with tempfile.TemporaryDirectory() as scratch:
        only = ",".join(f"{page}.md" for page in pages)
        options = ("-b", "gettext", "-Q", "-D", f"include_patterns={only}", "-d", f"{scratch}/trees")
        command = [sys.executable, "-m", "sphinx", *options, str(source), scratch]
        subprocess.run(command, cwd=ROOT, check=True)
        return {page: _texts((Path(scratch) / f"{page}.pot").read_bytes()) for page in pages}


def _texts(template: bytes) -> tuple[str, ...]:
    return tuple(str(message.id) for message in read_po(io.BytesIO(template)) if message.id)


def catalogue(name: str, folder: Path = CATALOGUES) -> Catalog:
    """A catalogue as it is written by hand; empty where there is none yet."""
    path = folder / f"{name}.po"
    return read_po(io.BytesIO(path.read_bytes() if path.exists() else _HEADER), locale="zh")


def completed(written: Catalog, present: Iterable[str]) -> Catalog:
    """Return a catalogue of those of these texts that have words or a translation, with what there is of it.

    A text without one gets that of a text which is gone and was much like it, marked as fuzzy.
    """
    present = tuple(present)
    known = {str(message.id): message for message in written if message.id}
    gone = [text for text in known if text not in set(present) and known[text].string]
    whole = Catalog(locale="zh", fuzzy=False)
    whole._messages.clear()
    for text in present:
        before = known.get(text)
        if not has_words(text) and not (before and before.string):
            continue
        if before is None and (like := get_close_matches(text, gone, n=1, cutoff=_LIKENESS)):
            message = whole.add(text, known[like[0]].string)
            message.flags = {"fuzzy"}
        else:
            message = whole.add(text, before.string if before else "")
            message.flags = before.flags & {"fuzzy"} if before else set()
    return whole


def as_source(whole: Catalog) -> bytes:
    """The bytes of a catalogue as it is kept: a text a line, without places and dates."""
    stream = io.BytesIO()
    write_po(stream, whole, width=0, omit_header=True)
    return _HEADER + stream.getvalue()


def titles() -> dict[str, str]:
    """The title of each page that stays in English, but for the decisions."""
    return {
        path.stem: next(headings(path.read_text(encoding="utf-8")))[1]
        for path in sorted(DOCS.glob("*.md"))
        if path.stem not in TRANSLATED
    }


def compile_into(folder: Path) -> None:
    """Write what Sphinx reads of the catalogues into a folder of locales."""
    below = folder / SPHINX_LANGUAGE / "LC_MESSAGES"
    below.mkdir(parents=True, exist_ok=True)
    of_titles = catalogue(TITLES)
    catalogues = {name: catalogue(name) for name in (SITE, *TRANSLATED)}
    for page, title in titles().items():
        catalogues[page] = completed(of_titles, (title,))
    for name, whole in catalogues.items():
        for message in whole:
            if message.id:
                message.string = as_paragraph(str(message.string))
        with (below / f"{name}.mo").open("wb") as stream:
            write_mo(stream, whole)


def as_paragraph(text: str) -> str:
    """A translation as Markdown that is one paragraph: a heading's `1.` begins no list."""
    return _OPENS_A_BLOCK.sub(r"\1\\", text)


def unfinished(whole: Catalog) -> list[Message]:
    """The texts that have no translation, or one that is in doubt."""
    return [message for message in whole if message.id and (not message.string or message.fuzzy)]


def present() -> Mapping[str, tuple[str, ...]]:
    """Every catalogue's name, and the texts of what it translates."""
    return {SITE: SITES_WORDS, TITLES: tuple(titles().values()), **texts(TRANSLATED)}


def write() -> list[str]:
    """Bring the catalogues up to date; return what is to be translated, by catalogue."""
    lacking = []
    for name, found in present().items():
        whole = completed(catalogue(name), found)
        (CATALOGUES / f"{name}.po").write_bytes(as_source(whole))
        lacking += [f"docs/locale, {name}: {message.id!r}" for message in unfinished(whole)]
    return lacking
