"""Writes the settings file of a new collection, for `qianzhi collection init`.

Nothing here runs later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from collection.errors import InstallRefused
from qianzhi_errors.sentence import Sentence

_TEXT: Final = """# Settings of Qianzhi's collection. Paths count from this file's folder.

[collection]
database = "sqlite:///collection.db"
customers = "../customers/customers.toml"   # the persons' keys, under which accounts are sealed
files = "files"                             # what is written for the front and for the banks

[keystore]
file = "keystore"
master_key = "file:master.key"  # what opens it: keep a copy where the keystore's copies are not

[[channel]]
code = "91020000"               # a bank of its own in the front's settings
bank = "01020000"
name = "示例工商银行批扣"
request = "batch-standard"
{clerks}"""
_CLERK: Final = """
[[clerk]]
name = "{name}"
may = [{may}]
"""
SAMPLE_CLERKS: Final = (
    ("li", ("mandate", "plan", "send", "force")),
    ("wang", ("approve", "force")),
    ("zhao", ("send",)),
)
"""Clerks of the new settings: li plans and wang approves."""


def install(folder: Path) -> Path:
    """Write `collection.toml` into the folder, and return its path. Raises InstallRefused."""
    path = folder.joinpath("collection.toml")
    if path.exists():
        raise InstallRefused(Sentence("{path} exists already: nothing was changed", path=path))
    folder.mkdir(parents=True, exist_ok=True)
    clerks = "".join(
        _CLERK.format(name=name, may=", ".join(f'"{permission}"' for permission in may))
        for name, may in SAMPLE_CLERKS
    )
    path.write_text(_TEXT.format(clerks=clerks), encoding="utf-8")
    return path
