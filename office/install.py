"""Writes the settings file of a new office, for `qianzhi office init` and the demo.

Nothing here runs at the close.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from office.errors import OfficeError
from qianzhi_errors.sentence import Sentence


class InstallRefused(OfficeError):
    """The folder holds an office's settings already. Nothing was changed."""


class SampleBank(NamedTuple):
    """A bank for the new settings: its code, its name, and the name of its day file's layout."""

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
_RECEIPTS = """
[receipts]
insurer = "{insurer}"                 # the short name in each receipt, for good

[keystore]
file = "keystore"                   # made by qianzhi keys create, with its master key
master_key = "file:master.key"      # better: credential:NAME
"""
SAMPLE_CLERKS = (("li", ("propose",)), ("wang", ("propose", "approve")), ("zhao", ("approve",)))
"""Clerks of the new settings: two may propose and two may approve, so two people can settle any break."""


def install(
    folder: Path,
    banks: Iterable[SampleBank],
    *,
    front: str,
    seal_key: str,
    database: str = "sqlite:///office.db",
    figures: str = "",
    archived: str = "",
    insurer: str = "",
) -> Path:
    """Write `office.toml` into the folder, make its folders for files and reports; returns the file's path.

    `front` and `database` are SQLAlchemy URLs; `seal_key` is the public half of the front's seal key (hex).
    `figures` is the file from which the machine's status page reads open breaks, and `archived` the file that
    lists the days it may retire; either may be empty. With `insurer`, a short name, receipts are signed once
    the key is made. Raises InstallRefused.
    """
    path = folder.joinpath("office.toml")
    if path.exists():
        raise InstallRefused(Sentence("{path} exists already: nothing was changed", path=path))
    for name in ("bankfiles", "reports"):
        folder.joinpath(name).mkdir(parents=True, exist_ok=True)
    files = _FIGURES.format(figures=figures) if figures else ""
    files += _ARCHIVED.format(archived=archived) if archived else ""
    parts = [_HEAD.format(database=database, front=front, seal_key=seal_key, figures=files)]
    parts += [_BANK.format(**bank._asdict(), owner=SAMPLE_CLERKS[0][0]) for bank in banks]
    parts += [
        _CLERK.format(name=name, may=", ".join(f'"{permission}"' for permission in may))
        for name, may in SAMPLE_CLERKS
    ]
    if insurer:
        parts.append(_RECEIPTS.format(insurer=insurer))
    path.write_text("".join(parts), encoding="utf-8")
    return path
