"""The names of database servers: each gets its addresses, and one that hangs is given up and named."""

from __future__ import annotations

import socket
from threading import Event
from typing import Any

import pytest

from ledger.book import store
from ledger.book.host_names import HostNames, Unresolved, is_name
from ledger.book.store import Store
from ledger.errors import Unavailable

KNOWN = {"one": ["10.0.0.1"], "two": ["10.0.0.2", "fd00::2", "10.0.0.2"]}


def look_up(host: str, _port: None, **_given: object) -> list[Any]:
    if host not in KNOWN:
        raise socket.gaierror(-2, "Name or service not known")
    return [(0, 0, 0, "", (address, 0)) for address in KNOWN[host]]


class Hanging:
    """A resolver that answers nothing until it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.began = Event()
        self.answers = Event()

    def __call__(self, host: str, _port: None, **_given: object) -> list[Any]:
        self.asked.append(host)
        self.began.set()
        self.answers.wait(60)
        return look_up("one", None)


@pytest.mark.parametrize(
    ("host", "port", "named", "addresses", "ports"),
    [
        ("one", 5433, "one", "10.0.0.1", "5433"),
        ("two", None, "two,two", "10.0.0.2,fd00::2", "5432,5432"),
        ("two,one", "1,2", "two,two,one", "10.0.0.2,fd00::2,10.0.0.1", "1,1,2"),
        ("one,192.0.2.7,/run/pg", "5432", "one,192.0.2.7,/run/pg", "10.0.0.1,192.0.2.7,", "5432,5432,5432"),
        ("gone,one", "1,2", "one", "10.0.0.1", "2"),
    ],
)
def test_each_name_gets_its_addresses(
    host: str, port: object, named: str, addresses: str, ports: str
) -> None:
    found = HostNames(look_up).with_addresses({"host": host, "port": port, "dbname": "qianzhi"})
    assert found == {"host": named, "hostaddr": addresses, "port": ports, "dbname": "qianzhi"}


@pytest.mark.parametrize(
    "given", [{}, {"host": ""}, {"host": "/run/pg"}, {"host": "::1"}, {"host": "one", "hostaddr": "10.9.9.9"}]
)
def test_what_needs_no_look_up_stays_as_it_is(given: dict[str, Any]) -> None:
    assert HostNames(look_up).with_addresses(given) == given


def test_names_are_told_from_addresses_and_folders() -> None:
    assert [host for host in ("", "/run", "@pg", "10.0.0.1", "::1", "localhost", "pg1") if is_name(host)] == [
        "localhost",
        "pg1",
    ]


def test_names_without_an_address_are_named() -> None:
    with pytest.raises(Unresolved, match=r"the name gone has no address: .*; the name lost has no address"):
        HostNames(look_up).with_addresses({"host": "gone,lost"})


def test_a_name_that_hangs_is_named_and_looked_up_by_one_thread_only() -> None:
    resolver = Hanging()
    names = HostNames(resolver, 0)
    for _ in range(3):
        with pytest.raises(Unresolved, match="the name pg1 was not resolved within 0 s"):
            names.with_addresses({"host": "pg1"})
    assert resolver.began.wait(60)
    assert resolver.asked == ["pg1"]
    resolver.answers.set()


def test_a_store_whose_servers_name_hangs_is_unavailable_and_says_which_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Hanging()
    monkeypatch.setattr(store, "_HOST_NAMES", HostNames(resolver, 0))
    opened = Store("postgresql+psycopg://qianzhi@pg1/front")
    with (
        pytest.raises(Unavailable, match="database front at pg1: the name pg1 was not resolved"),
        opened.reading(),
    ):
        pass
    resolver.answers.set()
    opened.close()
