"""Where a command looks for its settings when its option does not say it.

First what the environment names, then the folder that a checkout's `make run` fills, then where the package
puts them. Only paths: nothing is read here but whether a file is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """One settings file: the variable that names it, and the paths that are tried without one, in order."""

    variable: str
    usual: tuple[Path, ...]

    def find(self, environment: Mapping[str, str] = os.environ) -> Path:
        """Return the path that the variable names; else the first usual one that is there; else the first."""
        if named := environment.get(self.variable):
            return Path(named)
        there = (path for path in self.usual if path.exists())
        return next(there, self.usual[0])

    @property
    def words(self) -> str:
        """The rule for the help of a command."""
        return f"${self.variable}, or {', or '.join(map(str, self.usual))}"


FRONT = Place("QIANZHI_CONFIG", (Path("var/qianzhi.toml"), Path("/etc/qianzhi/qianzhi.toml")))
OFFICE = Place(
    "QIANZHI_OFFICE_CONFIG", (Path("var/office/office.toml"), Path("/etc/qianzhi-office/office.toml"))
)
CUSTOMERS = Place(
    "QIANZHI_CUSTOMERS_CONFIG",
    (Path("var/customers/customers.toml"), Path("/etc/qianzhi-customers/customers.toml")),
)

ARCHIVE = Place(
    "QIANZHI_ARCHIVE_CONFIG", (Path("var/archive/archive.toml"), Path("/etc/qianzhi-archive/archive.toml"))
)

COLLECTION = Place(
    "QIANZHI_COLLECTION_CONFIG",
    (Path("var/collection/collection.toml"), Path("/etc/qianzhi-collection/collection.toml")),
)


def option(name: str, place: Place, words: str) -> Callable[[Any], Any]:
    """Return the option `--name` of a command, whose default is found at the place."""
    return click.option(
        f"--{name}",
        type=click.Path(path_type=Path),
        default=place.find,
        show_default=place.words,
        help=words,
    )
