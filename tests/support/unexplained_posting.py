"""Postings that nothing in the books explains: for tests of double entry itself, and of what shows them."""

from __future__ import annotations

from sqlalchemy import Connection, text


def let_in(connection: Connection) -> None:
    """Take the guards off by which the database refuses a posting that no break and no day explains, and a
    bank's date that is not the next to be posted.
    """
    for name, table in (("posting_is_explained", "postings"), ("date_is_due", "posted_dates")):
        of_table = "" if connection.dialect.name == "sqlite" else f" ON {table}"
        connection.execute(text(f"DROP TRIGGER {name}{of_table}"))
