"""A running front-end machine for the tests that drive it over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fep.settings.config import Settings
from tests.support.machine import Books, Client, Machine, write_settings


@pytest.fixture
def settings(tmp_path: Path, new_database: Callable[[str], str]) -> Settings:
    """Settings on a database of this test's own, with the usual book loaded."""
    return write_settings(tmp_path, new_database("loaded"))


@pytest.fixture
def machine(settings: Settings) -> Iterator[Machine]:
    """A machine that serves the default book."""
    machine = Machine(settings)
    yield machine
    machine.stop()


@pytest.fixture
def bank(machine: Machine) -> Iterator[Client]:
    """A bank that has signed on."""
    with machine.signed_on() as client:
        yield client


@pytest.fixture
def books(machine: Machine) -> Iterator[Books]:
    """What the machine's database says."""
    books = Books(machine.settings.node.database)
    yield books
    books.close()
