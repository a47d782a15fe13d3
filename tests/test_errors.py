"""One root of errors: whatever a package of ours raises by design comes from it, and so may be shown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import psycopg

from protocol.errors import MessageRefused
from protocol.responses import Response
from qianzhi_errors import QianzhiError

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
