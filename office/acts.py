"""The record of what the office did and who had it done. It only grows; nothing here reads it."""

from __future__ import annotations

from sqlalchemy import Connection

from ledger.acts import record
from office.schema import acts


def record_act(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Write down an act in the caller's transaction: `at` is microseconds since 1970-01-01 UTC. Raises what
    `ledger.acts.record` does.
    """
    record(connection, acts, at, by, act, subject, note)
