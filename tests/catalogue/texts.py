"""The texts that the commands can show, and the catalogue of their translations: read, completed, written.

Texts are found where they are: in the calls of gettext in `console`, in the patterns of Sentence and of its
lists in every package, in the help of every command, and in click, whose texts are shown between ours. The
catalogue holds no other, so that a text that was changed is untranslated again. Whether a translation is a
good one is not seen here.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from console.help_text import paragraphs
from console.language import CATALOGUES, DOMAIN
from console.main import COMMANDS, cli
from protocol.code_names import RESPONSE_NAMES, TRANSACTION_NAMES
from protocol.dialect import element_names
from qianzhi_errors.sentence import COMMAS

ROOT = Path(__file__).parents[2]
SOURCE = CATALOGUES / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po"
COMPILED = SOURCE.with_suffix(".mo")
_OF_CLICK = ("core", "decorators", "exceptions", "formatting", "parser", "termui", "types")
"""Click's modules that write to a person; the others speak of consoles and shells."""
_IN_A_TABLE = "required"
"""Click looks it up by its place in a table, so no call has it."""

PACKAGES = (
    *("console", "archive", "collection", "customers", "office", "receipts"),
    *("fep", "firewall_rules", "ledger", "protocol", "qianzhi_errors"),
)
_PLACES = {"_": (0,), "gettext": (0,), "ngettext": (0, 1), "Sentence": (0,), "phrase": (0,), "listed": (1,)}
"""The arguments that are texts, of each function that takes some."""

NAMES = {*TRANSACTION_NAMES.values(), *RESPONSE_NAMES.values(), *element_names().values()}
"""The names of codes and of data elements: sentences that are made of tables, not of a call."""

Text = str | tuple[str, str]
"""A text in English; in the singular and the plural where it has a number."""


def all_texts() -> set[Text]:
    """Every text that the catalogue must hold."""
    ours = chain.from_iterable(called(ROOT / package, "**/*.py") for package in PACKAGES)
    clicks = (called(Path(click.__file__).parent, f"{name}.py") for name in _OF_CLICK)
    return {*ours, *NAMES, COMMAS, _IN_A_TABLE, *helps(cli), *(place.summary for place in COMMANDS)}.union(
        *clicks
    )


def called(folder: Path, pattern: str) -> Iterator[Text]:
    """The texts in the calls of gettext, ngettext, Sentence and listed in the modules of a folder."""
    for path in folder.glob(pattern):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                places = _PLACES.get(ast.unparse(node.func).rpartition(".")[2], ())
                given = [node.args[place] for place in places if place < len(node.args)]
                texts = [text.value for text in given if isinstance(text, ast.Constant)]
                if texts:
                    yield texts[0] if len(texts) == 1 else (texts[0], texts[1])


def helps(command: click.Command) -> Iterator[str]:
    """The paragraphs of a command's help, its options' help and defaults in words, and its commands'."""
    yield from paragraphs(command.help or "")
    for option in command.params:
        given: tuple[Any, ...] = getattr(option, "help", None), getattr(option, "show_default", None)
        yield from (text for text in given if isinstance(text, str))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from helps(below)


def catalogue() -> Catalog:
    """The catalogue as it is written by hand."""
    return read_po(io.BytesIO(SOURCE.read_bytes()), locale="zh")


def completed(written: Catalog, texts: Iterable[Text]) -> Catalog:
    """Return a catalogue of these texts and no other, with the translations that there are."""
    whole = Catalog(locale="zh", fuzzy=False)
    whole._messages.clear()
    for text in sorted(set(texts) - {""}, key=str):
        key = text if isinstance(text, str) else text[0]
        known = written.get(key)
        whole.add(text, known.string if known and known.id == text else "")
    return whole


def as_source(whole: Catalog) -> bytes:
    """The bytes of the catalogue as it is kept, with a header that says no more than it must."""
    stream = io.BytesIO()
    write_po(stream, whole, width=0, omit_header=True)
    return _HEADER + stream.getvalue()


def as_compiled(source: bytes) -> bytes:
    """The bytes that the program reads of a catalogue's source."""
    whole, stream = read_po(io.BytesIO(source), locale="zh"), io.BytesIO()
    whole.creation_date = whole.revision_date = _NO_DATE
    write_mo(stream, whole)
    return stream.getvalue()


_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands where the format has a date: the same texts are the same bytes."""
_HEADER = b"""\
# The commands' texts in Chinese. Written by hand; `make catalogue` brings in the texts that are new.
msgid ""
msgstr ""
"Language: zh\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
