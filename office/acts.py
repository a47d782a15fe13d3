"""The record of what the office did and who had it done. It only grows; nothing here reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection

from ledger.acts import Stage, failed, record
from ledger.store import Store
from office.schema import acts

MACHINE: Final = "office"
"""Who did what no person did. Nobody may act under this name."""


def record_act(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Write down an act in the caller's transaction: `at` is microseconds since 1970-01-01 UTC. Raises what
    `ledger.acts.record` does.
    """
    record(connection, acts, at, by, act, subject, note)


@contextmanager
def recorded(store: Store, now_us: Callable[[], int], by: str, act: str) -> Iterator[None]:
    """Write down what a person has the office do before it begins, and its end after. Raises what
    Store.transaction does, and then nothing was done.
    """
    write(store, now_us(), by, act, "", Stage.ASKED.value)
    try:
        yield
    except BaseException as error:
        write(store, now_us(), by, act, "", failed(error))
        raise
    write(store, now_us(), by, act, "", Stage.DONE.value)


def write(store: Store, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Write down an act in a transaction of its own. Raises what Store.transaction does."""
    with store.transaction() as connection:
        record_act(connection, at, by, act, subject, note)
