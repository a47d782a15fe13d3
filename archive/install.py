"""Writes the settings file of a new archive, for `qianzhi archive init` and the demo.

Nothing here runs when something is archived.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archive.errors import ActRefused
from qianzhi_errors.sentence import Sentence

_SETTINGS: Final = """# Settings of a Qianzhi archive. Paths count from this file's folder.

[archive]
name = "qianzhi.example/archive"    # in signatures; never changed once a volume is sealed
prefix = "QZ"                       # volumes are QZ-0001 and on
database = "sqlite:///archive.db"
office = "{office}"
{customers}\
staging = "staging"                 # what is not sealed yet
images = "images"                   # volumes' images, merged indexes, the log
inbox = "inbox"                     # where the core system leaves documents
writer = ["cp", "--", "{{image}}", "{{place}}"]

[keystore]
file = "archive.keystore"
master_key = "file:archive-master.key"
"""
_CUSTOMERS: Final = 'customers = "{customers}"\n'
_CLERK: Final = """
[[clerk]]
name = "{name}"
may = ["destroy", "release", "retire"]
"""
SAMPLE_CLERKS: Final = ("li", "wang")
"""Clerks of the new settings: two, so that two people can decide."""


def install(folder: Path, office: Path, customers: Path | None) -> Path:
    """Write `archive.toml` into the folder and make the archive's folders; returns the file's path.

    Raises ActRefused if there is one.
    """
    path = folder.joinpath("archive.toml")
    if path.exists():
        raise ActRefused(Sentence("{path} exists already: nothing was changed", path=path))
    for name in ("staging", "images", "inbox"):
        made = folder.joinpath(name)
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o700)
    persons = _CUSTOMERS.format(customers=customers.resolve()) if customers else ""
    clerks = "".join(_CLERK.format(name=name) for name in SAMPLE_CLERKS)
    path.write_text(_SETTINGS.format(office=office.resolve(), customers=persons) + clerks, encoding="utf-8")
    return path
