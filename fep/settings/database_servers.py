"""The servers that a database URL names, held against those that the firewall lets this machine out to.

Pure: nothing is resolved and nothing is opened. No text repeats a URL, which may hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, urlsplit

from firewall_rules.policy import Endpoint
from ledger.files.settings import Fault
from qianzhi_errors.sentence import Sentence

_POSTGRESQL_PORT: Final = 5432


def database_faults(url: str, databases: Sequence[Endpoint]) -> Iterator[Fault]:
    """Yield where `databases`, of [zones], are not exactly the servers of `url`, of [node].

    The firewall lets this machine out to no other addresses.
    """
    try:
        servers = servers_of(url)
    except ValueError:  # its text repeats a password that is not written as a URL has it
        yield Fault(
            "node.database",
            Sentence("is no URL of a database: write /, [ and ] in a password as %2F, %5B, %5D"),
        )
        return
    if not databases:
        return
    if not servers:
        yield Fault(
            "zones.databases",
            Sentence("is for a front book on another host, and node.database is on this one"),
        )
        return
    by_address = {(host, port) for host, port in servers if host[:1].isdigit() or ":" in host}
    for host, port in sorted(servers):
        let_out = {(str(endpoint.address), endpoint.port) for endpoint in databases}
        if (host, port) in by_address and (host, port) not in let_out:
            yield Fault(
                "zones.databases",
                Sentence("has no {host} with port {port}, and node.database has", host=host, port=port),
            )
        elif port not in {endpoint.port for endpoint in databases}:
            yield Fault(
                "zones.databases",
                Sentence(
                    "has no server with port {port}, and node.database has {host}", port=port, host=host
                ),
            )
    for endpoint in databases:
        if by_address == servers and (str(endpoint.address), endpoint.port) not in servers:
            reason = f"has {endpoint.address} with port {endpoint.port}; node.database has not"
            yield Fault("zones.databases", reason)


def servers_of(url: str) -> set[tuple[str, int]]:
    """Return host and port of each server of a database URL that is not on this host. Raises ValueError.

    Several are written as SQLAlchemy takes them (`?host=a:5432&host=b:5432`) or as libpq does (`?host=a,b`).
    """
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgresql"):
        return set()
    query = parse_qs(parts.query)
    port = query.get("port", [str(parts.port or _POSTGRESQL_PORT)])[0]
    hosts = ",".join(query.get("host", [parts.hostname or ""])).split(",")
    ports = port.split(",")
    servers = set()
    for place, host in enumerate(hosts):
        name, colon, own = host.rpartition(":")
        if not colon or (":" in name and not name.endswith("]")):  # none, or it is one of an IPv6 address
            name, own = host, ports[place % len(ports)]
        servers.add((name.strip("[]"), int(own)))
    return {server for server in servers if not is_here(server[0])}


def is_here(host: str) -> bool:
    """Return whether a host is this one: empty, a socket's folder, or a loopback address."""
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
