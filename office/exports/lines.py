"""The lines of an export: one named tuple for each file, and what each of its columns holds.

Values only: `office.exports.read` reads them from the books, `office.exports.write` turns them into files. A
field whose name ends in `_fen` is an amount in fen, and the files have the same amount in yuan beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

FEN: Final = "_fen"
YUAN: Final = "_yuan"


class DueLine(NamedTuple):
    """What one entry of the journal did to a due. `effect_fen` is as the bank's clearing account sees it."""

    line: int
    date: str
    bank: str
    outcome: str
    direction: str
    code: str
    policy: str
    due: str
    receipt: str
    rrn: str
    effect_fen: int
    key: str
    original: str
    exception_code: str

    @property
    def amount(self) -> int:
        """What the file's sum adds up: the effect, in fen."""
        return self.effect_fen


class VoucherLine(NamedTuple):
    """One leg of a voucher (记账凭证): of `debit_fen` and `credit_fen` one is 0, the other above 0."""

    line: int
    voucher: str
    date: str
    bank: str
    posting: str
    summary: str
    account: str
    account_name: str
    account_bank: str
    debit_fen: int
    credit_fen: int

    @property
    def amount(self) -> int:
        """What the file's sum adds up: the debit, in fen."""
        return self.debit_fen


class BreakLine(NamedTuple):
    """One break, in the state that it had when the export was made."""

    line: int
    break_name: str
    date: str
    bank: str
    break_class: str
    direction: str
    code: str
    policy: str
    due: str
    key: str
    ours_fen: int
    theirs_fen: int
    withheld_fen: int
    difference_fen: int
    state: str
    resolution: str
    proposed_by: str
    approved_by: str
    settled_on: str
    reason: str

    @property
    def amount(self) -> int:
        """What the file's sum adds up: the difference, in fen."""
        return self.difference_fen


Line = DueLine | VoucherLine | BreakLine

FILES: Final[Mapping[str, type[DueLine] | type[VoucherLine] | type[BreakLine]]] = MappingProxyType(
    {"dues.csv": DueLine, "vouchers.csv": VoucherLine, "breaks.csv": BreakLine}
)
"""Each file of lines with what a line of it is, in the order of the manifest and of the workbook's sheets."""

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "line": "the line's number in the file, from 1 without a gap; an acknowledgement names lines by it",
        "date": "the business date, YYYYMMDD; a voucher's is its posting's, a break's what opened it",
        "bank": "the bank's code",
        "outcome": "`settled` (in effect), `reversed` (out of effect again) or `unfit` (an exception advice)",
        "direction": "`C` a collection, `P` a payout",
        "code": "DE 3, the processing code",
        "policy": "the policy",
        "due": "the due",
        "receipt": "the receipt's number; empty where there is none",
        "rrn": "DE 37, the bank's own reference",
        "effect_fen": "signed: what the bank owes us by it (+) or we it (-)",
        "key": "the transaction's key: bank, terminal, moment, STAN",
        "original": "of a `reversed` line and of one put back: the key of the transaction concerned",
        "exception_code": "of an `unfit` line: the response it would have got as a request",
        "voucher": "the voucher's number: the export's date and a number from 0001 without a gap",
        "posting": "the posting's name, which is never given twice",
        "summary": "the summary, what the posting is for",
        "account": "the account's code",
        "account_name": "the account's name, Chinese and English, by the chart in force",
        "account_bank": "the bank whose balance on the account is meant; empty where it has none by bank",
        "debit_fen": "the debit; 0 on a credit",
        "credit_fen": "the credit; 0 on a debit",
        "break_name": "the break's name",
        "break_class": "its class",
        "ours_fen": "our effect, signed as `effect_fen`",
        "theirs_fen": "the bank's effect",
        "withheld_fen": "of ours, what no product's account took",
        "difference_fen": "theirs - ours + withheld: what is, or was, in suspense",
        "state": "its state when the export was made",
        "resolution": "how two people decided that it ends; of a proposal, what is proposed",
        "proposed_by": "who proposed it",
        "approved_by": "who approved it",
        "settled_on": "the business date on which it left suspense",
        "reason": "why it is a break, for a person",
    }
)
"""What each field holds. The amounts in yuan follow theirs in fen, and are not listed."""


def columns_of(line: type[DueLine] | type[VoucherLine] | type[BreakLine]) -> tuple[str, ...]:
    """The columns of a file: the fields, and behind each amount in fen the same in yuan."""
    return tuple(_columns(line._fields))


def _columns(fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        yield field
        if field.endswith(FEN):
            yield field.removesuffix(FEN) + YUAN
