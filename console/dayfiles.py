"""Opens the banks' day files in the folder where the transfer leaves them, if nobody else can change them.

A file under another bank's login, or one that the whole system may write to, could say anything about
anybody's money. The content of a file is read by office.intake.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from fep.operator.identity import name_of
from office.config import Bank, Settings
from office.errors import FileRefused


def opener(settings: Settings) -> Callable[[str, str], AbstractContextManager[BinaryIO] | None]:
    """Return a function of a bank's code and a date (YYYYMMDD) that opens the bank's day file of that date.

    The function returns None where there is no such file yet. Entering the context that it returns otherwise
    raises FileRefused for a file that is no plain file, or that another login could have changed.
    """
    folder = Path(settings.office.files)

    def open_file(code: str, date: str) -> AbstractContextManager[BinaryIO] | None:
        path = folder / f"{code}.{date}.txt"
        return _opened(path, settings.named(code)) if os.path.lexists(path) else None

    return open_file


@contextmanager
def _opened(path: Path, bank: Bank) -> Iterator[BinaryIO]:
    try:
        file = open(path, "rb", opener=_unlinked)  # noqa: SIM115 - what is caught is the opening alone
    except OSError as error:
        raise FileRefused(f"{path} cannot be opened: {error.strerror}") from error
    with file:
        _check(path, os.fstat(file.fileno()), bank)
        yield file


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
