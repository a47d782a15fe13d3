"""Writes the settings file of a new customers' office, for `qianzhi customers init`.

Nothing here runs later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from customers.errors import InstallRefused
from qianzhi_errors.sentence import Sentence

_TEXT: Final = """# Settings of Qianzhi's customers. Paths count from this file's folder.

[customers]
database = "sqlite:///customers.db"
certificates = "certificates"   # of persons who were shredded
escrow = "escrow"               # the sealed lists of keys

[keystore]
file = "keystore"
master_key = "file:master.key"  # what opens it: keep a copy where the keystore's copies are not

[[sender]]
name = "folder"                 # a file for each notice, for whoever takes it from there
kind = "folder"
path = "outbox"
from_address = "service@insurer.example"
{clerks}"""
_CLERK: Final = """
[[clerk]]
name = "{name}"
may = [{may}]
"""
SAMPLE_CLERKS: Final = (
    ("li", ("load", "show", "change", "consent", "look", "restrict", "release", "shred", "send", "tasks")),
    ("wang", ("look", "restrict", "release", "shred", "escrow", "rewrap")),
    ("zhao", ("show", "tasks")),
)
"""Clerks of the new settings: li proposes and wang decides, or the other way round."""


def install(folder: Path) -> Path:
    """Write `customers.toml` into the folder, and return its path. Raises InstallRefused."""
    path = folder.joinpath("customers.toml")
    if path.exists():
        raise InstallRefused(Sentence("{path} exists already: nothing was changed", path=path))
    folder.mkdir(parents=True, exist_ok=True)
    clerks = "".join(
        _CLERK.format(name=name, may=", ".join(f'"{permission}"' for permission in may))
        for name, may in SAMPLE_CLERKS
    )
    path.write_text(_TEXT.format(clerks=clerks), encoding="utf-8")
    return path
