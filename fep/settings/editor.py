"""Changes one bank's entry in the text of a settings file: adds it, or sets its `enabled`; all else stays.

The text is changed by tomlkit, which keeps comments and order, and then compared with what the change should
mean, as another parser reads it. A text that tomlkit cannot reproduce byte for byte, such as one whose
[[bank]] tables do not stand together, is left to a person. Which entry is good, fep.settings.config says.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from fep.errors import FepError
from fep.settings.config import Settings, load_settings
from ledger.files.settings import SettingsError
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.toml_text import read_toml

_BY_HAND = Sentence("the settings are written in a way that only a person can change: edit them by hand")


class EntryError(FepError):
    """The settings file cannot be changed by this program; it was not."""


def with_entry(text: str, entry: Mapping[str, Any]) -> str:
    """Return the text with one more [[bank]], after the others or at the end. Raises EntryError."""
    wanted = _parsed(text)
    wanted["bank"] = [*wanted.get("bank", []), dict(entry)]
    document = _document(text.rstrip("\n") + "\n")
    banks = document.get("bank")
    if banks is None:
        first = tomlkit.dumps({"bank": [dict(entry)]})
        return _checked(f"{tomlkit.dumps(document)}\n{first}", wanted)
    if not isinstance(banks, AoT):
        raise EntryError(_BY_HAND)
    added = tomlkit.table()
    added.update(entry)
    # One blank line between entries. Where a table follows the banks, it stands in the last entry already.
    (added if banks[-1].as_string().endswith("\n\n") else banks[-1]).add(tomlkit.nl())
    banks.append(added)
    return _checked(tomlkit.dumps(document), wanted)


def with_enabled(text: str, code: str, *, enabled: bool) -> str:
    """Return the text with a bank's `enabled` set. Raises EntryError where there is no such bank, or two."""
    wanted = _parsed(text)
    entries = [entry for entry in wanted.get("bank", []) if entry.get("code") == code]
    if len(entries) != 1:
        raise EntryError(
            Sentence("there are {count} entries of bank {code}: one is needed", count=len(entries), code=code)
        )
    entries[0]["enabled"] = enabled
    document = _document(text)
    banks = document.get("bank")
    if not isinstance(banks, AoT):
        raise EntryError(
            Sentence(
                "bank {code} is written in a way that only a person can change: set enabled by hand",
                code=code,
            )
        )
    next(bank for bank in banks if bank.get("code") == code)["enabled"] = enabled
    return _checked(tomlkit.dumps(document), wanted)


def replace_settings(path: Path, text: str) -> Settings:
    """Replace the text of a settings file, whole or not at all, and return the settings that it holds.

    The file's mode and owner stay. Raises SettingsError, with nothing replaced, where the machine would not
    start with the text; and OSError.
    """
    path = path.resolve()  # a link to it stays one
    before = path.stat()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            settings = load_settings(draft)
        except SettingsError as error:  # the draft is gone when this is read
            raise SettingsError(Sentence("{path}, as it would be", path=path), error.faults) from None
        os.chown(draft, before.st_uid, before.st_gid)
        draft.chmod(before.st_mode & 0o7777)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return settings


def _parsed(text: str) -> dict[str, Any]:
    try:
        return read_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise EntryError(Sentence("the settings are not TOML: {reason}", reason=error)) from error


def _document(text: str) -> tomlkit.TOMLDocument:
    """The text as a document that can be changed. Raises EntryError where its bytes would change by that."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError:
        raise EntryError(_BY_HAND) from None
    if tomlkit.dumps(document) != text:
        raise EntryError(_BY_HAND)
    return document


def _checked(changed: str, wanted: Mapping[str, Any]) -> str:
    """The changed text, if it means what is wanted. Raises EntryError."""
    try:
        same = read_toml(changed) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise EntryError(_BY_HAND)
    return changed
