"""What a connection to a PostgreSQL server is asked for: how one that is gone is noticed, and how long its
word is waited for.

A server that was stopped, or a network that drops everything, closes no connection: without the bounds here
a thread waits for it without end. Where nothing is acknowledged any more, the kernel ends the connection
(libpq's keep-alives and `tcp_user_timeout`); where the kernel at the other end still acknowledges, and the
server says nothing, `ledger.book.watched_connection` does. No statement and no table is named here, and what
a failure means for the money is `ledger.book.store`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import URL

from qianzhi_errors.sentence import Sentence, listed

T = TypeVar("T")

SILENT_SECONDS: Final = 15
"""Seconds within which PostgreSQL must say something about a statement on the front book, all of which touch
few rows."""
SILENT_SECONDS_OF_WHOLE_DAYS: Final = 120
"""The same for the office, whose statements go through whole days."""
DEFAULTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "connect_timeout": 5,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
)
"""Parameters of libpq where the URL has none of its own: seconds, a count, and at last milliseconds."""

_SESSION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lock_timeout": "6s",
        "idle_in_transaction_session_timeout": "60s",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }
)
"""Settings of the server's own end of the connection: a client that is gone keeps no lock for hours, and
nobody waits without end for a lock. Not `statement_timeout`: it would cut short the wait of a COMMIT for the
standby, which is then reported as done."""
_DURABLE: Final = "-c synchronous_commit=on"
_BY_INDEX: Final = "-c enable_seqscan=off"
"""Every statement of a batch finds its rows by an index. PostgreSQL plans with statistics that can be minutes
old: it would take a journal that was empty then for empty still, and read all of it for each batch."""


def parameters(query: Mapping[str, Any], *, by_index: bool) -> dict[str, Any]:
    """Return the parameters of a connection beside those of the URL, whose `query` is given: its own values
    win, but for those without which a commit is not durable, or a batch is slow.
    """
    ours = {name: value for name, value in DEFAULTS.items() if name not in query}
    session = [f"-c {name}={value}" for name, value in _SESSION.items() if by_index or name != "lock_timeout"]
    own = query.get("options", "")
    options = (*session, *([own] if isinstance(own, str) else own), _DURABLE, *([_BY_INDEX] * by_index))
    return {**ours, "prepare_threshold": 2, "options": " ".join(filter(None, options))}


def place(url: URL) -> str:
    """Return where a database is, for people: the server's host and port and the database's name, or an
    SQLite file's path. No user and no password.
    """
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    given = url.query.get("host", ())
    hosts = [url.host] if url.host else [given] if isinstance(given, str) else list(given)
    servers = [host if url.port is None else f"{host}:{url.port}" for host in hosts]
    hosts_in_words = listed(servers) or Sentence("this host")
    return Sentence("{database} at {hosts}", database=url.database or "", hosts=hosts_in_words)
