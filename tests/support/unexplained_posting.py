"""Postings that nothing in the books explains: for tests of double entry itself, and of what shows them."""

from __future__ import annotations

from sqlalchemy import Connection, text


def let_in(connection: Connection) -> None:
    """Take the guard off by which the database refuses a posting that no break and no day explains."""
    of_table = "" if connection.dialect.name == "sqlite" else " ON postings"
    connection.execute(text(f"DROP TRIGGER posting_is_explained{of_table}"))
