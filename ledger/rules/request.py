"""What the ledger is asked and what it answers, in the ledger's own terms, and a bank's running figures.

Plain tuples, since tens of thousands a second are made. No data elements of a message, no rules, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from protocol.responses import Response
from protocol.transactions import TRANSACTIONS

REVERSAL_DAYS_MAX = 30
"""The most business days that any bank's reversals may reach back."""


class Act(StrEnum):
    """What a request asks for. DUES, STATUS, OUTCOME and RECEIPT only read; TOTALS compares; the others move
    money, or take a move back.
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
"""Processing code (DE 3) to act (docs/protocol.md section 3)."""

INQUIRIES = frozenset({Act.DUES, Act.STATUS, Act.OUTCOME, Act.RECEIPT})
FINANCIAL = frozenset({Act.COLLECT, Act.PAY, Act.CANCEL})
SETTLEMENT_CODES = frozenset(code for code, act in ACT_OF_CODE.items() if act in (Act.COLLECT, Act.PAY))
"""The processing codes that settle a due."""


class Totals(NamedTuple):
    """A bank's business date in eight figures: counts of transactions, and amounts in fen."""

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
        """The totals after one more collection (`side` premium) or payout (benefit) of `amount` fen."""
        if side == "premium":
            return Totals(self.collections + 1, self.collected + amount, *self[2:])
        return Totals(*self[:4], self.payouts + 1, self.paid + amount, *self[6:])

    def taken_back(self, side: str, amount: int, count: int = 1) -> Totals:
        """The totals after one more transaction of `amount` fen is taken back; with `count` -1, after the
        cancel that took it back is itself reversed.
        """
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
    """A bank's running figures for a business date, in fen. `used`: sum of that date's own transactions in
    effect, collections and payouts together, which the bank's daily limit bounds. `unfit`: sum of its
    exception advices in effect.
    """

    totals: Totals = NO_TOTALS
    used: int = 0
    unfit: int = 0

    def settled(self, side: str, amount: int, *, is_todays: bool = True) -> BankDay:
        """The figures after one more collection or payout of `amount` fen. One of an earlier day that is put
        back into effect (not `is_todays`) does not count against today's limit.
        """
        used = self.used + amount if is_todays else self.used
        return BankDay(self.totals.settled(side, amount), used, self.unfit)

    def taken_back(self, side: str, amount: int, count: int = 1, *, is_todays: bool = True) -> BankDay:
        """The figures after one more transaction of `amount` fen is taken back; with `count` -1, after the
        cancel that took it back is itself reversed. One of an earlier day (not `is_todays`) gives no room
        under today's limit.
        """
        used = self.used - count * amount if is_todays else self.used
        return self._replace(totals=self.totals.taken_back(side, amount, count), used=used)

    def with_unfit(self, amount: int) -> BankDay:
        """The figures with `amount` fen more of exception advices; a negative amount takes one away."""
        return self._replace(unfit=self.unfit + amount)


NO_FIGURES = BankDay()


class Request(NamedTuple):
    """One request of one bank. Text is empty and amounts are 0 where the act does not use them.

    `key` names the transaction (`key_of`), `original` is the key of the one that a cancel, reversal or
    inquiry is about. `sent_at` and `local_at` are YYYYMMDDhhmmss, `date` YYYYMMDD, amounts in fen. `identity`
    is the keyed digest of an identity number, `content` that of the message, by which a repeat is known from
    a reused key. `advice`: the bank reports what it has done already. `verdict` and `reason`: what the
    request parser has against the request; APPROVED and empty if nothing.

    `outside_window`: no key may be made on the date of `sent_at` (ledger.rules.moment.KeyWindow).
    `must_wait`: the bank's budget of answers 25 and 76 is used up, so a repeat is answered and nothing new is
    done. From the bank's settings: `may_settle` are the processing codes that it may settle, `limit_day` is
    its limit of a day in fen (0 for none), `reversal_days` is how many business days back its reversals may
    reach. `hold` is the line of a batch that the request is a result of, BATCH/LINE; only the machine itself
    gives one, for a result that it applies.
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
    hold: str = ""


def key_of(bank: str, terminal: str, sent_at: str, stan: str) -> str:
    """The key of a transaction, BANK/TERMINAL/SENT_AT/STAN: DE 32, DE 41, DE 7 with its year, DE 11
    (docs/protocol.md section 6).

    `sent_at` is YYYYMMDDhhmmss: without the year, a day would have the keys of the same day a year before.
    The bank's code is filled to 11 digits, as DE 90 carries it, so that both spellings make the same key.
    """
    return f"{bank.zfill(11)}/{terminal}/{sent_at}/{stan}"


class DueListed(NamedTuple):
    """One open due in the answer to an inquiry; `code` is the DE 3 that settles it, `amount` in fen,
    `due_date` YYYYMMDD. `state` is `open`, or `held` for one that a batch holds. `grace_until`, YYYYMMDD,
    is told with the policy's status alone.
    """

    due: str
    code: str
    kind: str
    due_date: str
    amount: int
    state: str
    grace_until: str = ""


class Answer(NamedTuple):
    """What the bank is told; amounts in fen, dates YYYYMMDD. Everything in it is read from the journal or
    decided in the same batch, but for `payee`: the name of who was paid, of the due, which never changes.
    `receipted`: a receipt is to be printed. `replayed`: the request is a repeat, and this is its first answer
    again.
    """

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
    payee: str = ""
    serving: str = ""
    serving_phone: str = ""


TOO_MANY_MISSES = Answer(Response.UNAVAILABLE, "TOO MANY 25 AND 76, WAIT")
"""The answer to a bank whose budget of answers 25 and 76 is used up: nothing was done."""
