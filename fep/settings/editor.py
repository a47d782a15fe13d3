"""Changes one bank's entry in the text of a settings file: appended, or its `enabled` set; all else stays.

The text is edited, so that comments and order are kept, and then held against what the change should mean: a
file that is written in a way which this does not understand is left alone. Which entry is good,
fep.settings.config says.
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from fep.errors import FepError
from fep.settings.config import Settings, load_settings
from ledger.files.settings import SettingsError

_HEADER: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)
_BANK_HEADER: Final = re.compile(r"[ \t]*\[\[[ \t]*bank[ \t]*\]\][^\n]*\n?")
_ENABLED: Final = re.compile(r"^([ \t]*enabled[ \t]*=[ \t]*)(?:true|false)", re.MULTILINE)


class EntryError(FepError):
    """The settings file cannot be changed by this program; it was not."""


def with_entry(text: str, entry: dict[str, Any]) -> str:
    """The text with one more [[bank]] at its end. Raises EntryError."""
    lines = ["", "[[bank]]", *(f"{name} = {_toml(value)}" for name, value in entry.items())]
    changed = text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"
    wanted = _parsed(text)
    wanted["bank"] = [*wanted.get("bank", []), entry]
    return _checked(changed, wanted)


def with_enabled(text: str, code: str, *, enabled: bool) -> str:
    """The text with the bank's `enabled` set. Raises EntryError where there is no such bank."""
    wanted = _parsed(text)
    found = [entry for entry in wanted.get("bank", []) if entry.get("code") == code]
    if len(found) != 1:
        raise EntryError(f"there are {len(found)} entries of bank {code}: one is needed")
    found[0]["enabled"] = enabled
    starts = [match.start() for match in _HEADER.finditer(text)] + [len(text)]
    for start, end in pairwise(starts):
        block = text[start:end]
        header = _BANK_HEADER.match(block)
        if header is not None and _code_of(block) == code:
            return _checked(text[:start] + _set(block, header.end(), enabled) + text[end:], wanted)
    raise EntryError(f"bank {code} is written in a way that only a person can change: set enabled by hand")


def replace_settings(path: Path, text: str) -> Settings:
    """Put a text in the place of a settings file, whole or not at all, once the machine would take it; what
    it says. The file's mode and owner stay. Raises SettingsError where it would not, and OSError.
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
            raise SettingsError(f"{path}, as it would be", error.faults) from None
        os.chown(draft, before.st_uid, before.st_gid)
        draft.chmod(before.st_mode & 0o7777)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return settings


def _set(block: str, header_end: int, enabled: bool) -> str:
    word = str(enabled).lower()
    if _ENABLED.search(block):
        return _ENABLED.sub(rf"\g<1>{word}", block, count=1)
    head, rest = block[:header_end], block[header_end:]
    return f"{head}{'' if head.endswith(chr(10)) else chr(10)}enabled = {word}\n{rest}"


def _code_of(block: str) -> str:
    """The code that a [[bank]] block says, or nothing where it is no table by itself."""
    try:
        return str(tomllib.loads(block)["bank"][0].get("code", ""))
    except (tomllib.TOMLDecodeError, KeyError, IndexError, TypeError, AttributeError):
        return ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EntryError(f"the settings are not TOML: {error}") from error


def _checked(changed: str, wanted: dict[str, Any]) -> str:
    try:
        same = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise EntryError("the settings are written in a way that only a person can change: edit them by hand")
    return changed


def _toml(value: object) -> str:
    """A value of an entry as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped) + '"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    raise EntryError(f"a {type(value).__name__} has no place in an entry")
