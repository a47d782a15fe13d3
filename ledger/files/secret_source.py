"""Where a secret that opens something comes from, and the section of a settings file that names a keystore.

No secret is read here: whoever opens a keystore does (`fep.keys.keystore`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field

from ledger.files.settings import Section, rooted_path

SOURCE: Final = r"^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*|credential:[A-Za-z0-9._-]+)$"
"""The forms of a secret's source: a private file, an environment variable, or a systemd credential."""


class KeystoreFile(Section):
    """The file of a process's keys, and the source of the secret that opens it."""

    file: str = Field(description="the keystore")
    master_key: str = Field(
        pattern=SOURCE, description="what opens it: credential:NAME, file:PATH or env:NAME, never the key"
    )

    @property
    def path(self) -> Path:
        """The keystore's file."""
        return Path(self.file)


def rooted_source(source: str, folder: Path) -> str:
    """The source with an absolute path, if it is a file: a relative one counts from `folder`, the folder of
    the settings file.
    """
    kind, _, name = source.partition(":")
    return f"file:{rooted_path(name, folder)}" if kind == "file" else source


def rooted_keystore(keystore: KeystoreFile, folder: Path) -> KeystoreFile:
    """The section with absolute paths; relative ones count from `folder`, as in `rooted_source`."""
    rooted = {
        "file": rooted_path(keystore.file, folder),
        "master_key": rooted_source(keystore.master_key, folder),
    }
    return keystore.model_copy(update=rooted)
