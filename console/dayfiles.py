"""Opens the banks' day files in the folder where the transfer leaves them, if nobody else can change them,
and lists what lies there.

A file under another bank's login, or one that the whole system may write to, could say anything about
anybody's money. A file that is still arriving is left: each layout's trailer or count shows a cut, and a
fault of a file that changed a moment ago is told as that. The content of a file is read by office.intake.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from fep.operator.identity import name_of
from ledger.errors import BankFileError
from office.config import Bank, Settings
from office.errors import FileRefused
from office.left_files import FolderEntry, is_still

_MICROSECONDS: Final = 1_000_000


def opener(
    settings: Settings, now_us: Callable[[], int]
) -> Callable[[str, str], AbstractContextManager[BinaryIO] | None]:
    """Return a function of a bank's code and a date (YYYYMMDD) that opens the bank's day file of that date.

    The function returns None where there is no such file yet. Entering the context that it returns otherwise
    raises FileRefused for a file that is no plain file, or that another login could have changed; so does a
    fault of a file that changed a moment ago, and reading to the end of one that changes meanwhile. `now_us`
    returns the time in microseconds since 1970-01-01 UTC.
    """
    folder = Path(settings.office.files)

    def open_file(code: str, date: str) -> AbstractContextManager[BinaryIO] | None:
        path, bank = folder / f"{code}.{date}.txt", settings.named(code)
        if not os.path.lexists(path):
            return None
        return _opened(path, bank, now_us(), settings.office.still_seconds)

    return open_file


def listed(settings: Settings) -> tuple[FolderEntry, ...]:
    """What lies in the folder. Raises FileRefused if the folder cannot be read."""
    folder = Path(settings.office.files)
    try:
        with os.scandir(folder) as entries:
            return tuple(_entry(entry) for entry in entries)
    except OSError as error:
        raise FileRefused(f"the folder {folder} cannot be read: {error.strerror}") from error


def digest_of(settings: Settings) -> Callable[[str], str]:
    """Return a function that gives the SHA-256 (hex) of a file in the folder, empty if it cannot be read."""

    def digest(name: str) -> str:
        try:
            with open(Path(settings.office.files) / name, "rb", opener=_unlinked) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""

    return digest


def _entry(entry: os.DirEntry[str]) -> FolderEntry:
    status = entry.stat(follow_symlinks=False)
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))
    kind = next((name for holds, name in kinds if holds(status.st_mode)), "other")
    return FolderEntry(entry.name, kind, status.st_size, _changed_at(status))


def _changed_at(status: os.stat_result) -> int:
    """When the file or its name was last changed: a file that is moved here keeps its own older time."""
    return max(status.st_mtime_ns, status.st_ctime_ns) // 1000


@contextmanager
def _opened(path: Path, bank: Bank, now_us: int, still_seconds: int) -> Iterator[BinaryIO]:
    try:
        file = open(path, "rb", opener=_unlinked)  # noqa: SIM115 - what is caught is the opening alone
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise FileRefused(f"{path} cannot be opened: {why}") from error
    with file:
        status = os.fstat(file.fileno())
        _check(path, status, bank)
        changed = status.st_mtime_ns // 1000
        still = is_still(changed, now_us, still_seconds)
        ago = f"changed {(now_us - changed) // _MICROSECONDS} s ago"
        try:
            yield cast("BinaryIO", _Unchanged(path, file, status))
        except BankFileError as error:
            if still:
                raise
            raise FileRefused(f"{ago}, so it may still be arriving: {error}") from error


class _Unchanged:
    """A file that is read once to its end; raises FileRefused there if it was changed meanwhile."""

    def __init__(self, path: Path, file: IO[bytes], status: os.stat_result) -> None:
        self._path = path
        self._file = file
        self._status = status

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises FileRefused at the end of a file that was changed since it was
        opened.
        """
        data = self._file.read(size)
        if not data:
            now = os.fstat(self._file.fileno())
            if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
                raise FileRefused(f"{self._path} changed while it was read: left until it is still")
        return data

    def seek(self, place: int) -> int:
        """Go to a place of the file, in bytes; returns it."""
        return self._file.seek(place)


def _unlinked(path: str, flags: int) -> int:
    """Open without following a link and without waiting for a writer of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _check(path: Path, status: os.stat_result, bank: Bank) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused(f"{path} is no plain file")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise FileRefused(
            f"{path} can be changed by others than its owner: have it left with mode 640 or less"
        )
    if bank.file_owner and (owner := name_of(status.st_uid)) != bank.file_owner:
        raise FileRefused(f"{path} is {owner}'s; the settings have {bank.file_owner} leave this bank's files")
