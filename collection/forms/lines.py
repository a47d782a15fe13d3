"""What the files of a batch say, as values: lines, files, and the records between a file and its meaning.

Only types and a line's key are here. Money is in fen, dates are YYYYMMDD. Nothing that reads or writes bytes
may be put here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

_KEY: Final = re.compile(r"(B[0-9]{7})([0-9]{6})")


class RequestLine(NamedTuple):
    """One collection that is asked for. `line` is 1 to 999999, its own in the batch. `bank` is the payer's
    bank by its CNAPS code; `mandate` and `signed_on` are the authorisation. `note` is for the customer's
    statement of account.
    """

    line: int
    name: str
    account: str
    bank: str
    amount: int
    policy: str
    due: str
    mandate: str
    signed_on: str
    kind: Literal["first", "renewal"]
    note: str


class Payee(NamedTuple):
    """The insurer as the bank knows it: name, account, the account's bank (CNAPS), the agreement's number."""

    name: str
    account: str
    bank: str
    agreement: str


class RequestBatch(NamedTuple):
    """A batch: `batch` is B and seven digits, `channel` eight digits, `date` the day of collection,
    `created_at` YYYYMMDDhhmmss.
    """

    batch: str
    channel: str
    date: str
    created_at: str
    payee: Payee
    lines: tuple[RequestLine, ...]


class NamedFile(NamedTuple):
    """A file that is to be written, or that came."""

    name: str
    content: bytes


class AnswerLine(NamedTuple):
    """The bank's word on one line. `amount` is what was asked for, `code` the bank's; what the code means, a
    table of codes says. `value_date` and `reference` are empty where nothing was collected.
    """

    line: int
    amount: int
    code: str
    text: str
    value_date: str
    reference: str


class AnswerFile(NamedTuple):
    """One answer file, whole and checked. `part` is that of the request file it answers, 0 where the bank
    answers the whole batch; `file_code` is the bank's word on that file. `complete`: each line of it is here.
    """

    batch: str
    part: int
    file_code: str
    lines: tuple[AnswerLine, ...]
    complete: bool


class ReturnLine(NamedTuple):
    """A collection that the bank took back on `date` after it was done; `amount` is from 1."""

    batch: str
    line: int
    reference: str
    code: str
    date: str
    amount: int


class StatementLine(NamedTuple):
    """What the bank paid to the insurer for a batch on a day: `amount` before its `fee`."""

    batch: str
    reference: str
    value_date: str
    amount: int
    fee: int


class Record(NamedTuple):
    """One record of a file: `line` counts from 1 in the file, or is the batch's when it is to be written.
    Values are texts: numbers in digits, money in fen, dates as YYYYMMDD.
    """

    line: int
    values: Mapping[str, str]


class Records(NamedTuple):
    """A file as records: the header's and trailer's values together, and the lines. `trailer` is the line of
    the trailer, 0 where the file has none.
    """

    edge: Mapping[str, str]
    lines: tuple[Record, ...]
    trailer: int = 0


def key_of(batch: str, line: int) -> str:
    """Return the key of a line: the batch and six digits."""
    return f"{batch}{line:06d}"


def of_key(key: str) -> tuple[str, int]:
    """Return the batch and the line of a key; an empty text and 0 for what is no key."""
    match = _KEY.fullmatch(key)
    return (match[1], int(match[2])) if match else ("", 0)
