"""Logins of a PostgreSQL database for the groups of its roles.sql, as its administrator makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

STRANGER = "stranger"
"""A login of no group."""


@contextmanager
def role_logins(server: str, owner: str, script: Path, groups: Sequence[str]) -> Iterator[dict[str, str]]:
    """The URL of the owner's database for a login of each group, and for a stranger's. The script is run
    twice, as it may be.
    """
    with psycopg.connect(owner.replace("+psycopg", "", 1), autocommit=True) as connection:
        for _ in ("once", "again"):
            connection.execute(script.read_bytes())
    suffix = str(make_url(owner).database)
    urls = {}
    with psycopg.connect(server, autocommit=True) as connection:
        for group in (*groups, STRANGER):
            member = "" if group == STRANGER else f" IN ROLE qianzhi_{group}"
            connection.execute(f"CREATE ROLE {group}_{suffix} LOGIN PASSWORD 'x'{member}")  # type: ignore[call-overload]
            url = make_url(owner).set(username=f"{group}_{suffix}", password="x")
            urls[group] = url.render_as_string(hide_password=False)
        yield urls
        for group in urls:
            connection.execute(f"DROP ROLE {group}_{suffix}")  # type: ignore[call-overload]
