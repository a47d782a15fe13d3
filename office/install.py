"""Writes an office's settings, for `qianzhi office init` and the demo. Nothing here runs at the close."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from office.errors import OfficeError


class InstallRefused(OfficeError):
    """The folder has an office's settings already."""


class SampleBank(NamedTuple):
    """A bank of the settings: its code, its name, and the layout of its day file."""

    code: str
    name: str
    layout: str


_HEAD = """# Settings of a Qianzhi back office. Paths count from this file's folder.

[office]
database = "{database}"
front = "{front}"   # the front book: read, never written
seal_key = "{seal_key}"
files = "bankfiles"                 # banks' day files: <bank>.<date>.txt
reports = "reports"
{figures}\
near_minutes = 10                   # how near to a cut-over the two sides may date one event differently
"""
_FIGURES = 'figures = "{figures}"   # open breaks in counts and amounts, for the status page\n'
_ARCHIVED = 'archived = "{archived}"   # the days that the front may retire\n'
_BANK = """
[[bank]]
code = "{code}"
name = "{name}"
layout = "{layout}"
owner = "{owner}"
"""
_CLERK = """
[[clerk]]
name = "{name}"
may = [{may}]
"""
SAMPLE_CLERKS = (("li", ("propose",)), ("wang", ("propose", "approve")), ("zhao", ("approve",)))
"""Two who may propose and two who may approve; nobody does both for one break."""


def install(
    folder: Path,
    banks: Iterable[SampleBank],
    *,
    front: str,
    seal_key: str,
    database: str = "sqlite:///office.db",
    figures: str = "",
    archived: str = "",
) -> Path:
    """Write the settings into a folder and make its folders for files and reports; the settings' path.

    `front` and `database` are SQLAlchemy URLs, `seal_key` the public half of the front's (hex); `figures` is
    the file that the machine's status page reads open breaks from, if any, and `archived` the one after which
    it retires days. Raises InstallRefused.
    """
    path = folder.joinpath("office.toml")
    if path.exists():
        raise InstallRefused(f"{path} exists already: nothing was changed")
    for name in ("bankfiles", "reports"):
        folder.joinpath(name).mkdir(parents=True, exist_ok=True)
    told = _FIGURES.format(figures=figures) if figures else ""
    told += _ARCHIVED.format(archived=archived) if archived else ""
    parts = [_HEAD.format(database=database, front=front, seal_key=seal_key, figures=told)]
    parts += [_BANK.format(**bank._asdict(), owner=SAMPLE_CLERKS[0][0]) for bank in banks]
    parts += [
        _CLERK.format(name=name, may=", ".join(f'"{act}"' for act in may)) for name, may in SAMPLE_CLERKS
    ]
    path.write_text("".join(parts), encoding="utf-8")
    return path
