"""One root of errors: whatever a package of ours raises by design comes from it, and so may be shown."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import psycopg

from protocol.errors import MessageRefused
from protocol.responses import Response
from qianzhi_errors import QianzhiError
from tests.support.python_sources import ROOT

PACKAGES = (
    "protocol",
    "ledger",
    "receipts",
    "firewall_rules",
    "fep",
    "office",
    "customers",
    "collection",
    "archive",
)


@cache
def exceptions_defined() -> tuple[type[BaseException], ...]:
    """Each exception class that a module of the packages defines."""
    return tuple(_exceptions_defined())


def _exceptions_defined() -> Iterator[type[BaseException]]:
    for package in map(import_module, PACKAGES):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            for _, defined in inspect.getmembers(import_module(module.name), inspect.isclass):
                if issubclass(defined, BaseException) and defined.__module__ == module.name:
                    yield defined


def test_every_error_of_ours_comes_from_the_one_root() -> None:
    # One of the driver's kind is translated with the driver's own (ledger.book.store): nobody else sees it.
    allowed = (QianzhiError, psycopg.Error)
    strays = [error for error in exceptions_defined() if not issubclass(error, allowed)]
    assert strays == []


def test_every_refusal_of_a_message_carries_a_response_that_refuses() -> None:
    refusals = [error for error in exceptions_defined() if issubclass(error, MessageRefused)]
    responses = {error.__name__: error.response for error in refusals if error is not MessageRefused}
    assert responses == {"FormatError": Response.FORMAT, "Unsupported": Response.NOT_SUPPORTED}


TRANSLATED = (
    *("archive", "collection", "customers", "fep", "firewall_rules", "ledger", "office", "protocol"),
    *("qianzhi_errors", "receipts"),
)
"""The packages whose errors can be said in another language; a command says its own in `console`."""
REASONS = {"Problem": 2, "Fault": 1}
"""What else takes a reason that is shown, and at which place: a fault of a file, of the settings."""
KEPT = ("Sentence", "listed", "phrase")
"""What keeps a text's pattern and values; what is in its call is no plain text."""


@cache
def shown_errors() -> frozenset[str]:
    """The names of our errors, but for refusals of a message: these are said on the wire, in English."""
    errors = (error for error in exceptions_defined() if issubclass(error, QianzhiError))
    return frozenset(error.__name__ for error in errors if not issubclass(error, MessageRefused))


def plain_texts(path: str, source: str) -> Iterator[str]:
    """Where one of our errors is made with a text that keeps neither pattern nor values."""
    ours = shown_errors()
    for node in ast.walk(ast.parse(source)):
        given: Sequence[ast.AST]
        if isinstance(node, ast.ClassDef) and ours & {ast.unparse(base) for base in node.bases}:
            given = [call for call in ast.walk(node) if called(call) == "super().__init__"]
        elif isinstance(node, ast.Call) and (name := called(node).rpartition(".")[2]) in REASONS:
            given = node.args[REASONS[name] :]
        else:
            given = [node] if called(node).rpartition(".")[2] in ours else []
        for text in (text for part in given for text in texts_within(part)):
            yield f"{path}:{text.lineno}"


def called(node: ast.AST) -> str:
    """What a call calls, as it is written; empty for what is no call."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def texts_within(node: ast.AST) -> Iterator[ast.expr]:
    """The texts of several words in an expression, but for those that keep how they were made."""
    if isinstance(node, ast.JoinedStr):
        yield node
    elif isinstance(node, ast.Constant):
        yield from [node] if " " in str(node.value).strip() else []
    elif called(node) not in KEPT:
        for below in ast.iter_child_nodes(node):
            yield from texts_within(below)


def test_a_sentence_of_an_error_keeps_its_pattern_and_values() -> None:
    paths = [path for place in TRANSLATED for path in modules(ROOT / place)]
    found = [where for path in paths for where in plain_texts(str(path.relative_to(ROOT)), path.read_text())]
    assert (bool(paths), found) == (True, [])


def modules(place: Path) -> list[Path]:
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


def test_a_plain_text_is_found_wherever_it_stands_in_the_call() -> None:
    source = """
raise BadDatabaseUrl("two words")
raise store.BadDatabaseUrl(f"{word}")
raise BadDatabaseUrl(Sentence("two words"), where=f"{word}")
raise BadDatabaseUrl(Sentence("two words {word}", word=word), "word")
raise TypeError("two words")
failed = BadDatabaseUrl("two words" if word else listed([f"{word}", "two words"]))
class Worse(errors.Bad, LedgerError):
    def __init__(self, word):
        super().__init__("; ".join(f"two {word}" for word in words))
class Other(Exception):
    def __init__(self, word):
        super().__init__(f"two {word}")
Fault(f"bank[{word}]", "two words")
"""
    assert {*plain_texts("a.py", source)} == {f"a.py:{line}" for line in (2, 3, 4, 7, 10, 14)}
