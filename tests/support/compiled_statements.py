"""One cache of compiled statements for all the databases of a run, in place of one for each engine.

A test opens a database of its own, and would compile every statement anew: a third of what it costs. What is
compiled depends on the kind of database and its version, not on where it lies. No statement may be kept here
that was made for one database alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Dialect, create_engine
from sqlalchemy.util import LRUCache

import ledger.book.store

CAPACITY = 2_000
"""Statements: more than our programs have, for those that tests make of values."""


class Compiled(LRUCache[Any, Any]):
    """Finds what was compiled for another engine with a database of the same kind and version."""

    __slots__ = ()

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401 - as SQLAlchemy has them
        return super().get(_by_kind(*key), default)

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401
        super().__setitem__(_by_kind(*key), value)


def _by_kind(dialect: Dialect, *statement: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """SQLAlchemy's key of a compiled statement, of which the first is the engine's own dialect."""
    return type(dialect), dialect.server_version_info, *statement


def share() -> None:
    """Have every book's engine that is made from now on use the one cache."""
    options = {"compiled_cache": Compiled(CAPACITY)}
    shared = partial(create_engine, execution_options=options)
    setattr(ledger.book.store, "create_engine", shared)  # noqa: B010 - the module's own name for it
