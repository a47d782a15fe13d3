"""Reads a file of statements by its bank's layout, whatever the format; and holds it against the account.

Pure. The formats have modules of their own.
"""

from __future__ import annotations

from typing import Final

from office.errors import StatementRefused
from office.statements.camt import read_camt
from office.statements.csv_file import read_csv
from office.statements.layout import StatementLayout
from office.statements.statement import Statement
from qianzhi_errors.sentence import Sentence

BYTES_MAX: Final = 32 * 1024 * 1024
"""No file of statements is larger: a hundred thousand lines are a third of it."""


def read_statements(data: bytes, layout: StatementLayout, account: str) -> tuple[Statement, ...]:
    """The checked statements of a file, each of the bank's `account`. Raises StatementRefused, which names
    the place and never the account.
    """
    if len(data) > BYTES_MAX:
        raise StatementRefused(Sentence("the file is larger than {bytes_max} bytes", bytes_max=BYTES_MAX))
    read = read_camt(data, layout) if layout.format == "camt.053" else (read_csv(data, layout),)
    for statement in read:
        if statement.account != account:
            raise StatementRefused(
                Sentence(
                    "statement {number} is of another account than the settings name", number=statement.number
                )
            )
    return read
