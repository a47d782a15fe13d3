"""One root of errors: whatever a package of ours raises by design comes from it, and so may be shown."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import psycopg

from protocol.errors import MessageRefused
from protocol.responses import Response
from qianzhi_errors import QianzhiError
from tests.support.python_sources import ROOT

PACKAGES = ("protocol", "ledger", "firewall_rules", "fep", "office")


def exceptions_defined() -> Iterator[type[BaseException]]:
    """Each exception class that a module of the packages defines."""
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


TRANSLATED = ("ledger/book/store.py", "office")
"""The packages and modules whose errors can be said in another language: each grows until all are there."""


def plain_texts(path: str, source: str) -> Iterator[str]:
    """Where one of our errors is raised with a text that keeps neither pattern nor values."""
    ours = {error.__name__ for error in exceptions_defined() if issubclass(error, QianzhiError)}
    for node in ast.walk(ast.parse(source)):
        call = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in ours:
            for given in [*call.args, *(keyword.value for keyword in call.keywords)]:
                if isinstance(given, ast.JoinedStr) or (
                    isinstance(given, ast.Constant) and isinstance(given.value, str) and " " in given.value
                ):
                    yield f"{path}:{given.lineno}"


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
raise ValueError("two words")
"""
    assert list(plain_texts("a.py", source)) == ["a.py:2", "a.py:3", "a.py:4"]
