"""What must come of each request: the interface's rules written a second time, not in the ledger's way.

Pure; imports nothing of the ledger, the machine or the office. A due belongs to the transaction that
settled it, or to nobody; everything else follows from that. Amounts in fen, dates YYYYMMDD.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators.world.reading import CANCEL, COLLECTIONS, PAYOUTS, Ask

OVER_ADVICE = frozenset({"57", "58", "61"})
"""What cannot stop an advice: its money has moved."""
_GUESSES = 5
"""After so many wrong numbers on a date nobody is paid a due any more, whatever number he shows."""
_COUNT = {("collection", 1): 0, ("collection", -1): 2, ("payout", 1): 4, ("payout", -1): 6}
"""Where the eight figures count what was done (1) and undone (-1): a number, and after it an amount."""


@dataclass(slots=True)
class Due:
    """One due. `owner` is the key of the transaction that settled it, empty while it is open; `moves` counts
    how often it was settled or opened again; `guesses` counts the wrong identity numbers shown for it on the
    date `guessed_on`.
    """

    name: str
    policy: str
    code: str
    due_date: str
    amount: int
    beneficiary: str
    state: str = "open"
    owner: str = ""
    moves: int = 0
    leaving: bool = False
    guesses: int = 0
    guessed_on: str = ""

    @property
    def kind(self) -> str:
        """What settles it: "collection" for a premium, "payout" for a benefit."""
        return "collection" if self.code in COLLECTIONS else "payout"

    @property
    def is_locked(self) -> bool:
        """Whether too many wrong identity numbers were shown: then it is paid to nobody."""
        return self.guesses >= _GUESSES


@dataclass(slots=True)
class Fact:
    """The permanent record of one key. `due` is the due that it changed; `named` the due that it is about, as
    far as is known; `original` the key that it names in DE 90.
    """

    key: str
    kind: str
    bank: str
    response: str
    amount: int
    date: str
    code: str = ""
    policy: str = ""
    due: str = ""
    named: str = ""
    branch: str = ""
    card: str = ""
    original: str = ""
    exception_code: str = ""
    moves: int = 0
    undone: bool = False
    reversed: bool = False
    late: bool = False

    @property
    def approved(self) -> bool:
        """Whether it was answered 00."""
        return self.response == "00"

    @property
    def is_settlement(self) -> bool:
        """Whether it is a collection or a payout."""
        return self.kind in ("collection", "payout")

    @property
    def has_receipt(self) -> bool:
        """Whether its answer carried a receipt to print."""
        return self.approved and not self.exception_code and (self.is_settlement or self.kind == "cancel")


@dataclass(slots=True)
class Ruling:
    """What must be answered and kept. `moves` is the sequence number of its effect on `due` or, where there
    is no due, on itself or its original; 0 for no effect. `tombstone` is the key that a reversal or cancel
    leaves behind for an original that has not arrived. `late` tells that a reversal was refused only because
    its window was over.
    """

    response: str
    kind: str
    due: str = ""
    exception_code: str = ""
    moves: int = 0
    tombstone: str = ""
    late: bool = False


@dataclass(slots=True)
class Loading:
    """What a later day's file contains: policies with their states, new dues, dues that leave."""

    policies: tuple[tuple[str, str], ...]
    dues: tuple[Due, ...]
    leaving: tuple[str, ...]
    holders: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Book:
    """The state that rules read and change. `policies` maps a policy to its state, `holders` a policy to its
    holder's name; `earlier` lists the business dates that were open before `date`, in order.
    """

    date: str
    policies: dict[str, str]
    holders: dict[str, str]
    dues: dict[str, Due]
    day_limits: dict[str, int]
    facts: dict[str, Fact] = field(default_factory=dict)
    totals: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    earlier: list[str] = field(default_factory=list)

    def opens(self, date: str) -> None:
        """Open the next business date."""
        self.earlier.append(self.date)
        self.date = date

    def figures(self, bank: str, date: str) -> tuple[int, ...]:
        """The eight figures of a bank on a date: numbers and amounts in fen, in the order of DE 76, 88, 77,
        89, 74, 86, 75, 87.
        """
        return tuple(self.totals.get((bank, date), (0,) * 8))

    def in_effect_today(self, bank: str) -> list[Fact]:
        """A bank's collections and payouts of the open date that are in effect; their sum counts against its
        daily limit.
        """
        todays = (fact for fact in self.facts.values() if fact.is_settlement and fact.date == self.date)
        return [fact for fact in todays if fact.bank == bank and self.stands(fact)]

    def stands(self, fact: Fact) -> bool:
        """Whether a transaction is in effect."""
        if not fact.approved:
            return False
        if fact.is_settlement and fact.due:
            return self.dues[fact.due].owner == fact.key
        return not fact.undone

    def state_of(self, key: str) -> str:
        """What the inquiry 312000 must answer about a key."""
        fact = self.facts[key]
        if not fact.approved:
            return f"refused {fact.response}"
        return "done" if self.stands(fact) else "reversed"

    def open_dues(self, policy: str) -> list[Due]:
        """A policy's open dues, the oldest due date first."""
        dues = (due for due in self.dues.values() if due.policy == policy and due.state == "open")
        return sorted(dues, key=lambda due: (due.due_date, due.name))

    def rule(self, ask: Ask) -> Ruling:
        """Decide a request whose key is new, and apply the effect to this book."""
        kind = _kind(ask)
        if ask.fault and not (ask.is_done and ask.fault in OVER_ADVICE):
            ruling = Ruling(ask.fault, kind)
        elif kind == "reversal":
            ruling = self._reverse(ask)
        elif kind == "cancel":
            ruling = self._cancel(ask)
        else:
            ruling = self._settle(ask, kind)
        self._remember(ask, ruling)
        return ruling

    def _remember(self, ask: Ask, ruling: Ruling) -> None:
        about = self.dues[ruling.due].policy if ruling.due else ask.policy
        fact = Fact(
            ask.key,
            ruling.kind,
            ask.bank,
            ruling.response,
            ask.amount,
            self.date,
            ask.code,
            about,
            ruling.due,
            ruling.due or ask.due,
            ask.branch,
            ask.card,
            ask.original,
            ruling.exception_code,
            ruling.moves,
            late=ruling.late,
        )
        self.facts[ask.key] = fact
        if ruling.tombstone:
            self.facts[ruling.tombstone] = Fact(
                ruling.tombstone, "tombstone", ask.bank, "21", ask.amount, self.date, original=""
            )

    # Settling.

    def _settle(self, ask: Ask, kind: str) -> Ruling:
        due_or_code = "30" if ask.is_strange else self._due_for(ask, kind)
        over = "61" if self._over_limit(ask) else ""
        if (
            isinstance(due_or_code, Due)
            and not (over and not ask.is_done)
            and not self._is_whose(ask, due_or_code)
        ):
            due_or_code = "76"
        if ask.is_done:
            if isinstance(due_or_code, str):
                self._count(ask.bank, kind, 1, ask.amount)
                return Ruling("00", kind, exception_code=due_or_code, moves=1)
            return self._take(ask, due_or_code, ask.fault or over)
        if isinstance(due_or_code, str):
            return Ruling(due_or_code, kind)
        return Ruling(over, kind) if over else self._take(ask, due_or_code)

    def _is_whose(self, ask: Ask, due: Due) -> bool:
        """Whether the identity number in the request is the beneficiary's. Counts a wrong number; a locked
        due belongs to nobody.
        """
        if due.kind == "collection":
            return True
        if due.is_locked or ask.identity == due.beneficiary:
            return not due.is_locked
        due.guesses = due.guesses + 1 if due.guessed_on == self.date else 1
        due.guessed_on = self.date
        self.changed.add(due.name)
        return False

    def _take(self, ask: Ask, due: Due, exception_code: str = "") -> Ruling:
        self._hand_over(due, ask.key)
        self._count(ask.bank, due.kind, 1, due.amount)
        return Ruling("00", due.kind, due.name, exception_code, due.moves)

    def _due_for(self, ask: Ask, kind: str) -> Due | str:
        if ask.policy not in self.policies:
            return "25"
        of_kind = [due for due in self.dues.values() if due.policy == ask.policy and due.kind == kind]
        if ask.due:
            named = [due for due in of_kind if due.name == ask.due]
            if not named:
                return "25"
            due = named[0]
        else:
            ready = [due for due in of_kind if due.state == "open"]
            if len(ready) > 1:
                return "30"
            if not ready:
                return "12" if of_kind else "25"
            due = ready[0]
        return self._why_not(ask, due) or due

    def _why_not(self, ask: Ask, due: Due) -> str:
        if due.code != ask.code:
            return "25"
        if due.state != "open":
            return "12"
        if due.kind == "collection" and self.policies[due.policy] in ("lapsed", "terminated"):
            return "12"
        return "13" if ask.amount != due.amount else ""

    def _over_limit(self, ask: Ask) -> bool:
        limit = self.day_limits.get(ask.bank, 0)
        moved = sum(fact.amount for fact in self.in_effect_today(ask.bank))
        return bool(limit) and moved + ask.amount > limit

    # Undoing.

    def _cancel(self, ask: Ask) -> Ruling:
        why = "30" if ask.is_strange else ask.fault if ask.fault == "57" else self._why_not_cancel(ask)
        tombstone = "" if ask.original in self.facts or ask.fault == "57" else ask.original
        if why:
            return Ruling(
                "00" if ask.is_done else why, "cancel", exception_code=why * ask.is_done, tombstone=tombstone
            )
        target = self.facts[ask.original]
        self._release(target, ask.bank)
        due = self.dues[target.due]
        return Ruling("00", "cancel", due.name, ask.fault, due.moves)

    def _why_not_cancel(self, ask: Ask) -> str:
        target = self.facts.get(ask.original)
        if target is None or target.kind == "tombstone":
            return "21"
        if not target.is_settlement:
            return "12"
        if not target.approved:
            return "21"
        if not target.due or not self.stands(target) or target.date != self.date:
            return "12"
        return self._unlike(ask, target)

    @staticmethod
    def _unlike(ask: Ask, target: Fact) -> str:
        """Why a reversal or cancel does not fit the original whose key it names; empty if it fits."""
        if ask.policy not in ("", target.policy) or ask.due not in ("", target.named):
            return "25"
        if ask.branch.rstrip() != target.branch.rstrip() or ask.card not in ("", target.card):
            return "12"
        return "13" if ask.amount != target.amount else ""

    def _is_too_late(self, ask: Ask, target: Fact) -> bool:
        """Whether the original's business date is more dates back than the bank's reversals may reach."""
        dates = [*self.earlier, self.date]
        return len(dates) - 1 - dates.index(target.date) > ask.reversal_days

    def _reverse(self, ask: Ask) -> Ruling:
        target = self.facts.get(ask.original)
        if target is None:
            return Ruling("21", "reversal", tombstone=ask.original)
        if target.kind == "tombstone":
            return Ruling("21", "reversal")
        if target.kind == "reversal":
            return Ruling("12", "reversal")
        if not target.approved:
            return Ruling("21", "reversal")
        unlike = self._unlike(ask, target) or ("12" if ask.code != target.code else "")
        if unlike:
            return Ruling(unlike, "reversal")
        ruling = Ruling("00", "reversal", target.due)
        if target.kind == "cancel":
            ruling = self._reverse_cancel(ask, target)
        elif self.stands(target):
            if self._is_too_late(ask, target):
                return Ruling("12", "reversal", late=True)
            if target.due:
                self._release(target, ask.bank)
                ruling.moves = self.dues[target.due].moves
            else:
                target.undone = True
                self._count(ask.bank, target.kind, -1, target.amount)
                ruling.moves = 2
        if ruling.response == "00":
            target.reversed = True
        return ruling

    def _reverse_cancel(self, ask: Ask, cancel: Fact) -> Ruling:
        """Reverse a cancel: what it cancelled is in effect again, unless that was reversed itself or the due
        was settled by another.
        """
        if not cancel.moves:
            return Ruling("00", "reversal")
        due, victim = self.dues[cancel.due], self.facts[cancel.original]
        if cancel.undone or victim.reversed:
            return Ruling("00", "reversal", due.name)
        if due.moves != cancel.moves:
            return Ruling("12", "reversal")
        if self._is_too_late(ask, cancel):
            return Ruling("12", "reversal", late=True)
        cancel.undone = True
        self._hand_over(due, victim.key)
        if cancel.date == self.date:
            self._count(ask.bank, due.kind, -1, -due.amount, -1)
        else:
            self._count(ask.bank, due.kind, 1, due.amount)
        return Ruling("00", "reversal", due.name, moves=due.moves)

    def _release(self, target: Fact, bank: str) -> None:
        due = self.dues[target.due]
        target.undone = True
        self._hand_over(due, "")
        self._count(bank, due.kind, -1, due.amount)

    def _hand_over(self, due: Due, owner: str) -> None:
        due.owner = owner
        due.state = "settled" if owner else "withdrawn" if due.leaving else "open"
        due.moves += 1
        self.changed.add(due.name)

    def _count(self, bank: str, kind: str, sign: int, amount: int, number: int = 1) -> None:
        figures = self.totals.setdefault((bank, self.date), [0] * 8)
        place = _COUNT[kind, sign]
        figures[place] += number
        figures[place + 1] += amount

    # The operator's word, and the next day's dues.

    def unlock(self, name: str) -> bool:
        """Unlock a due that wrong identity numbers had locked; whether it was locked."""
        locked = [due for due in self.dues.values() if due.name == name and due.is_locked]
        for due in locked:
            due.guesses = 0
            self.changed.add(name)
        return bool(locked) or name not in self.dues

    def load(
        self,
        policies: Iterable[tuple[str, str]],
        dues: Iterable[Due],
        leaving: Iterable[str],
        holders: Iterable[tuple[str, str]],
    ) -> None:
        """Apply a later day's file: states of policies, new dues, dues that leave, names of holders."""
        policies, leaving = dict(policies), set(leaving)
        self.holders.update(holders)
        for name, due in list(self.dues.items()):
            if due.state in ("lapsed", "withdrawn") and not due.moves and name not in leaving:
                del self.dues[name]
        self.policies.update(policies)
        for due in self.dues.values():
            ended = policies.get(due.policy) in ("lapsed", "terminated")
            if ended and due.kind == "collection" and due.state == "open" and due.name not in leaving:
                due.state = "lapsed"
            if due.name in leaving:
                due.leaving = True
                due.state = "settled" if due.owner else "withdrawn"
            self.changed.add(due.name)
        for due in dues:
            self.dues[due.name] = due
            self.changed.add(due.name)


def _kind(ask: Ask) -> str:
    if ask.mti[1] == "4":
        return "reversal"
    if ask.code == CANCEL:
        return "cancel"
    return "payout" if ask.code in PAYOUTS else "collection"


def receipt(date: str, position: int) -> str:
    """The receipt number of an entry: date, chain 1, position, and the check digit of ISO/IEC 7812-1."""
    digits = f"{date}01{position:010d}"
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)
