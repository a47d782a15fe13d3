"""Finds the dialect that a bank's entry names: a shipped one, or a file in the settings' folder of dialects.

Reads files, and nothing else: what a file may say is `protocol.dialect_file`'s, and what the interface needs
of a dialect `protocol.dialect_fit`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.files.settings import Fault
from protocol.dialect import Dialect, load, parse, shipped
from protocol.dialect_fit import unfit
from protocol.errors import DialectError
from qianzhi_errors.sentence import Sentence, listed, phrase

if TYPE_CHECKING:
    from fep.settings.config import Settings

SUFFIX = ".toml"
_USUAL = "2005"
_NAME_TAKEN = phrase("{file} has the name of a shipped dialect: give it another one")


def own_dialects(folder: str) -> tuple[str, ...]:
    """Return the names of the dialect files in a folder, sorted; none where `folder` is empty.

    Raises DialectError for a folder that cannot be read, and a file that has a shipped dialect's name.
    """
    if not folder:
        return ()
    try:
        names = sorted(path.stem for path in Path(folder).iterdir() if path.suffix == SUFFIX)
    except OSError as error:
        raise DialectError(
            Sentence("{file} cannot be read: {reason}", file=folder, reason=error.strerror)
        ) from error
    for name in names:
        if name in shipped():
            raise DialectError(Sentence(_NAME_TAKEN, file=Path(folder, f"{name}{SUFFIX}")))
    return tuple(names)


def misnamed(path: Path) -> Iterator[str]:
    """Yield why the settings could never name a dialect file that has this name, wherever it is put."""
    if path.suffix != SUFFIX:
        yield Sentence(
            "{file} has another name than a dialect file, which ends in {suffix}", file=path, suffix=SUFFIX
        )
    if path.stem in shipped():
        yield Sentence(_NAME_TAKEN, file=path)


def read_dialect(path: Path, gb18030: str = "2005") -> Dialect:
    """Return the dialect of a file, under the file's name without its suffix. Raises DialectError."""
    try:
        source = path.read_bytes().decode()
    except OSError as error:
        raise DialectError(
            Sentence("{file} cannot be read: {reason}", file=path, reason=error.strerror)
        ) from error
    except UnicodeDecodeError as error:
        raise DialectError(Sentence("{file} is not UTF-8 at byte {at}", file=path, at=error.start)) from error
    return parse(source, path.stem, gb18030)


def find_dialect(name: str, folder: str, gb18030: str = "2005") -> Dialect:
    """Return the dialect of this name, shipped or in `folder`. Raises DialectError, for a name that is
    neither's too.
    """
    own = own_dialects(folder)
    if name in own:
        return read_dialect(Path(folder, f"{name}{SUFFIX}"), gb18030)
    if name not in shipped():
        names = ", ".join((*shipped(), *own))
        raise DialectError(Sentence("no such dialect; there are {names}", names=names))
    return load(name, gb18030)


def served_dialect(name: str, folder: str, gb18030: str = "2005") -> Dialect:
    """Return the dialect of this name, in which the machine can say all that the interface has it say.

    Raises DialectError as `find_dialect` does, and for a dialect in which it cannot.
    """
    dialect = find_dialect(name, folder, gb18030)
    obstacles = unfit(dialect)
    if obstacles:
        raise DialectError(
            Sentence(
                "dialect {name} cannot be served: {obstacles}",
                name=name,
                obstacles=listed(obstacles, "{first}; {rest}"),
            )
        )
    return dialect


def own_files(settings: Settings) -> tuple[Path, ...]:
    """Return the files of the dialects that banks are served in and that are not shipped, sorted."""
    names = {bank.dialect for bank in settings.bank} - {*shipped()}
    return tuple(Path(settings.node.dialects, f"{name}{SUFFIX}") for name in sorted(names))


def unusable_dialects(settings: Settings) -> Iterator[Fault]:
    """Yield where a bank's dialect is none, or the machine cannot serve a bank in it, or a GB 18030 is said
    which it does not have.
    """
    folder = settings.node.dialects
    for place, bank in enumerate(settings.bank):
        try:
            dialect = served_dialect(bank.dialect, folder, bank.gb18030)
            if bank.gb18030 != _USUAL and dialect == find_dialect(bank.dialect, folder):
                reason = Sentence("dialect {name} has no text in GB 18030", name=bank.dialect)
                yield Fault(f"bank[{place}].gb18030", reason)
        except DialectError as error:
            yield Fault(f"bank[{place}].dialect", error.args[0])
