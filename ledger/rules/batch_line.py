"""A line of a batch of collection as the ledger is asked about it: the bank has taken its amount, or has
given it back.

Pure. A channel's results come as files and not as messages, and move money all the same: so each is a request
like any other, with a key of its own. A done line is an advice, since the money has moved; a return is the
reversal of that. Which lines may be applied is in `ledger.book.results`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from ledger.rules.request import Act, Request, key_of

_RRN_LENGTH: Final = 12
_CURRENCY: Final = "156"


class BatchLine(NamedTuple):
    """One line of a batch: its channel's code, the batch's number and moment of creation (YYYYMMDDhhmmss),
    the line's number, and its due with policy, processing code and amount in fen.
    """

    channel: str
    batch: str
    created_at: str
    line: int
    due: str
    policy: str
    code: str
    amount: int

    @property
    def hold(self) -> str:
        """The line's name as the owner of its due, BATCH/LINE."""
        return hold_name(self.batch, self.line)

    @property
    def key(self) -> str:
        """The key under which the line's money is recorded: the batch is its terminal, the line's number its
        STAN.
        """
        return key_of(self.channel, self.batch, self.created_at, f"{self.line:06d}")

    @property
    def return_key(self) -> str:
        """The key under which the return of that money is recorded."""
        return key_of(self.channel, f"R{self.batch[1:]}", self.created_at, f"{self.line:06d}")


def hold_name(batch: str, line: int) -> str:
    """The name of a batch's line as the owner of a due, BATCH/LINE."""
    return f"{batch}/{line}"


def collected(
    line: BatchLine, value_date: str, reference: str, content: str, *, outside_window: bool = False
) -> Request:
    """The advice that the bank has taken a line's amount, on its `value_date` (YYYYMMDD) and with its own
    `reference`; `content` is the keyed digest of what its file says.
    """
    return Request(
        key=line.key,
        act=Act.COLLECT,
        bank=line.channel,
        mti="0220",
        code=line.code,
        terminal=line.batch,
        stan=f"{line.line:06d}",
        sent_at=line.created_at,
        local_at=f"{value_date}000000",
        rrn=rrn_of(reference),
        amount=line.amount,
        currency=_CURRENCY,
        policy=line.policy,
        due=line.due,
        content=content,
        advice=True,
        outside_window=outside_window,
        hold=line.hold,
    )


def returned(
    line: BatchLine, value_date: str, reference: str, content: str, *, reversal_days: int
) -> Request:
    """The reversal that says that the bank has given a line's amount back; as `collected`. It may come so
    many business days after the line was done.
    """
    return collected(line, value_date, reference, content)._replace(
        key=line.return_key,
        act=Act.REVERSE,
        mti="0420",
        terminal=f"R{line.batch[1:]}",
        original=line.key,
        reversal_days=reversal_days,
    )


def rrn_of(reference: str) -> str:
    """The bank's reference, or a digest of one that is longer than DE 37."""
    if len(reference) <= _RRN_LENGTH:
        return reference
    return sha256(reference.encode()).hexdigest()[:_RRN_LENGTH].upper()
