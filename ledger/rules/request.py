"""What the ledger is asked and what it answers, in the ledger's own terms.

Plain tuples only: no message fields, no rules, no SQL. Tuples because tens of thousands a second are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from protocol.responses import Response
from protocol.transactions import TRANSACTIONS

REVERSAL_DAYS_MAX = 30
"""No bank's reversals reach further back, in business days."""


class Act(StrEnum):
    """What a request asks for. The first four only read; TOTALS compares; the others move money or stop it
    from moving.
    """

    DUES = "dues"
    STATUS = "status"
    OUTCOME = "outcome"
    RECEIPT = "receipt"
    TOTALS = "totals"
    COLLECT = "collect"
    PAY = "pay"
    CANCEL = "cancel"
    REVERSE = "reverse"


ACT_OF_CODE: Mapping[str, Act] = MappingProxyType({code: Act(row.act) for code, row in TRANSACTIONS.items()})
"""Processing code (DE 3) to act: PROTOCOL section 3."""

INQUIRIES = frozenset({Act.DUES, Act.STATUS, Act.OUTCOME, Act.RECEIPT})
FINANCIAL = frozenset({Act.COLLECT, Act.PAY, Act.CANCEL})
SETTLEMENT_CODES = frozenset(code for code, act in ACT_OF_CODE.items() if act in (Act.COLLECT, Act.PAY))
"""The processing codes that settle a due."""


class Totals(NamedTuple):
    """A bank's business date in eight figures: counts, and amounts in fen."""

    collections: int = 0
    collected: int = 0
    collections_reversed: int = 0
    collected_reversed: int = 0
    payouts: int = 0
    paid: int = 0
    payouts_reversed: int = 0
    paid_reversed: int = 0

    @property
    def net(self) -> int:
        """What the bank owes the insurer, in fen; negative when the insurer owes the bank."""
        return self.collected - self.collected_reversed - self.paid + self.paid_reversed

    def settled(self, side: str, amount: int) -> Totals:
        """With one collection or payout of `amount` fen more."""
        if side == "premium":
            return Totals(self.collections + 1, self.collected + amount, *self[2:])
        return Totals(*self[:4], self.payouts + 1, self.paid + amount, *self[6:])

    def taken_back(self, side: str, amount: int, count: int = 1) -> Totals:
        """With one reversal more, of `amount` fen; `count` is -1 where it is a cancel that is reversed."""
        if side == "premium":
            return self._replace(
                collections_reversed=self.collections_reversed + count,
                collected_reversed=self.collected_reversed + count * amount,
            )
        return self._replace(
            payouts_reversed=self.payouts_reversed + count, paid_reversed=self.paid_reversed + count * amount
        )

    def __str__(self) -> str:
        return "/".join(str(figure) for figure in self)


NO_TOTALS = Totals()


class BankDay(NamedTuple):
    """A bank's running figures for a business date. `used` is what stands of that date's own transactions, in
    both directions: its daily limit bounds it. `unfit` is what stands of its advices that do not fit. In fen.
    """

    totals: Totals = NO_TOTALS
    used: int = 0
    unfit: int = 0

    def settled(self, side: str, amount: int, *, is_todays: bool = True) -> BankDay:
        """With one collection or payout of `amount` fen more; what is put back may be an earlier day's."""
        used = self.used + amount if is_todays else self.used
        return BankDay(self.totals.settled(side, amount), used, self.unfit)

    def taken_back(self, side: str, amount: int, count: int = 1, *, is_todays: bool = True) -> BankDay:
        """With one reversal more, of `amount` fen; `count` is -1 where it is a cancel that is reversed. What
        is taken back of an earlier day gives no room for today.
        """
        used = self.used - count * amount if is_todays else self.used
        return self._replace(totals=self.totals.taken_back(side, amount, count), used=used)

    def with_unfit(self, amount: int) -> BankDay:
        """With `amount` fen more of what does not fit."""
        return self._replace(unfit=self.unfit + amount)


NO_FIGURES = BankDay()


class Request(NamedTuple):
    """One keyed request of one bank. Text is empty and amounts are 0 where the act does not use them.

    `sent_at` and `local_at` are YYYYMMDDhhmmss, `date` YYYYMMDD; `outside_window` tells that no key may be
    made on the date of `sent_at` (ledger.rules.moment.KeyWindow). `must_wait` tells that its bank has asked
    for too much that is not so: it is told what its key has come to, and nothing new is done. Of the bank's
    entry: `may_settle` are the processing codes that it may settle, `limit_day` is in fen, and
    `reversal_days` says how many business days back its reversals reach.
    """

    key: str
    act: Act
    bank: str
    mti: str = ""
    code: str = ""
    terminal: str = ""
    branch: str = ""
    stan: str = ""
    sent_at: str = ""
    local_at: str = ""
    rrn: str = ""
    card: str = ""
    amount: int = 0
    currency: str = ""
    policy: str = ""
    due: str = ""
    identity: str = ""
    receipt: str = ""
    original: str = ""
    content: str = ""
    advice: bool = False
    outside_window: bool = False
    must_wait: bool = False
    verdict: Response = Response.APPROVED
    reason: str = ""
    limit_day: int = 0
    reversal_days: int = 1
    may_settle: frozenset[str] = SETTLEMENT_CODES
    page: int = 1
    date: str = ""
    totals: Totals = NO_TOTALS
    net: int = 0


def key_of(bank: str, terminal: str, sent_at: str, stan: str) -> str:
    """The one key of a transaction (PROTOCOL section 6): DE 32, DE 41, DE 7 with its year, DE 11.

    `sent_at` is YYYYMMDDhhmmss: without the year, a day would have the keys of the same day a year before.
    The bank is brought to 11 digits, as DE 90 carries it, so that both spellings of a bank name one key.
    """
    return f"{bank.zfill(11)}/{terminal}/{sent_at}/{stan}"


class DueListed(NamedTuple):
    """One open due as an inquiry shows it; `code` is the DE 3 that settles it, `amount` in fen, `due_date`
    YYYYMMDD.
    """

    due: str
    code: str
    kind: str
    due_date: str
    amount: int
    state: str


class Answer(NamedTuple):
    """What the bank is told. Everything here is read from the journal or computed in the same batch."""

    response: Response
    reason: str = ""
    business_date: str = ""
    authorization: str = ""
    receipt: str = ""
    code: str = ""
    policy: str = ""
    holder: str = ""
    due: str = ""
    due_date: str = ""
    amount: int = 0
    receipted: bool = False
    status: str = ""
    dues: tuple[DueListed, ...] = ()
    more: bool = False
    totals: Totals | None = None
    local_at: str = ""
    branch: str = ""
    terminal: str = ""
    replayed: bool = False


TOO_MANY_MISSES = Answer(Response.UNAVAILABLE, "TOO MANY 25 AND 76, WAIT")
"""What a bank is told that has asked for too much that is not so: nothing was done."""
