"""Judges the answers that no journal keeps: inquiries, totals, and refusals before a key is formed.

Such an answer must be true of some moment between the question's arrival and its own departure. So this
module keeps what each subject was, and from which moment. Imports nothing of the ledger's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from protocol.message import Message
from protocol.tlv import parse
from simulators.world.conversation import Conversation, Question
from simulators.world.reading import DUES, OUTCOME, RECEIPT, STATUS, Ask
from simulators.world.rules import Book, Fact

Content = dict[int, str]

_A_PAGE = 8
_KINDS = {"collection": "premium", "payout": "benefit"}
Subject = tuple[str, ...]


@dataclass(slots=True)
class AnswerCheck:
    """The history of one book: what each subject was, and from which moment. A `moment` counts entries, loads
    and cut-overs.
    """

    book: Book
    dates: tuple[str, ...]
    moment: int = 0
    _was: dict[Subject, list[tuple[int, Any]]] = field(default_factory=dict)
    _receipts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._note_all()

    # What happens.

    def noted_entry(self, key: str, fact: Fact) -> None:
        """Note a new entry."""
        self.moment += 1
        self._note_key(key)
        touched = [fact.original] if fact.original in self.book.facts else []
        if touched and self.book.facts[touched[0]].original in self.book.facts:
            touched.append(self.book.facts[touched[0]].original)
        for other in touched:
            self._note_key(other)
        if fact.due:
            self._note_policy(self.book.dues[fact.due].policy)
        self._note(("totals", fact.bank, fact.date), self.book.figures(fact.bank, fact.date))

    def noted_key(self, key: str) -> None:
        """Note a new tombstone."""
        self.moment += 1
        self._note_key(key)

    def noted_load(self) -> None:
        """Note that the next day's dues are loaded."""
        self.moment += 1
        self._note_all()

    def noted_date(self) -> None:
        """Note that another business date is open."""
        self.moment += 1
        self._note(("date",), self.book.date)

    def _note_all(self) -> None:
        self._note(("date",), self.book.date)
        for policy in self.book.policies:
            self._note_policy(policy)

    def _note_policy(self, policy: str) -> None:
        dues = tuple(
            (due.name, due.code, _KINDS[due.kind], due.due_date, due.amount)
            for due in self.book.open_dues(policy)
        )
        of_policy = self.book.policies[policy], self.book.holders[policy], dues
        self._note(("policy", policy), of_policy)

    def _note_key(self, key: str) -> None:
        self._note(("key", key), self.book.state_of(key))

    def _note(self, subject: Subject, value: object) -> None:
        history = self._was.setdefault(subject, [])
        if not history or history[-1][1] != value:
            history.append((self.moment, value))

    def _between(self, subject: Subject, since: int, unless: object = None) -> Iterator[Any]:
        """Every value that a subject had from moment `since` until now; `unless` before its first."""
        history = self._was.get(subject, [])
        if not history or history[0][0] > since:
            yield unless
        for place, (_, value) in enumerate(history):
            if place + 1 == len(history) or history[place + 1][0] > since:
                yield value

    # What is answered.

    def fault(self, question: Question, answer: Message) -> str:
        """What is wrong with an answer that no journal keeps; empty for nothing."""
        ask, code = question.ask, answer.fields[39]
        if ask.fault:
            return "" if code == ask.fault else f"{code} instead of {ask.fault}"
        if ask.mti[1] == "5":
            return self._totals(question, answer)
        dates = {date[4:] for date in self._between(("date",), question.moment)}
        if ask.code == RECEIPT and code == "00":
            dates = {fact.date[4:] for fact in (self._fact_of(ask),) if fact is not None}
        if answer.fields.get(15) not in dates:
            return f"{code} names the business date {answer.fields.get(15)}"
        if ask.code == DUES or ask.code == STATUS:
            return self._policy(question, answer)
        return self._earlier(question, answer)

    def _totals(self, question: Question, answer: Message) -> str:
        ask, fields = question.ask, answer.fields
        figures = tuple(int(fields.get(number, "-1")) for number in (76, 88, 77, 89, 74, 86, 75, 87))
        net = figures[1] - figures[3] - figures[5] + figures[7]
        possible = set()
        for today in self._between(("date",), question.moment):
            if ask.date not in self.dates[: self.dates.index(today) + 1]:
                if fields[39] == "25":
                    return ""
                continue
            subject = ("totals", ask.bank, ask.date)
            possible |= set(self._between(subject, question.moment, (0,) * 8))
        if figures not in possible:
            return f"totals {figures}, and right is {sorted(possible)}"
        if fields.get(97) != f"{'D' if net >= 0 else 'C'}{abs(net):016d}":
            return f"a net of {fields.get(97)}, and right is {net}"
        right = ("00", "1") if figures == ask.figures and net == ask.net else ("95", "2")
        return "" if (fields[39], fields.get(66)) == right else f"totals were answered {fields[39]}"

    def _policy(self, question: Question, answer: Message) -> str:
        ask = question.ask
        possible = list(self._between(("policy", ask.policy), question.moment))
        if answer.fields[39] == "25":
            return "" if None in possible else "25 about a policy that there is"
        terms, groups = question.link.terms, self.groups(question.link, answer)
        listed = [
            (due["DU"], due["PC"], due["DK"], due["DD"], int(due["AM"]))
            for due in self.lists(question.link, answer)
        ]
        for state, holder, dues in (seen for seen in possible if seen is not None):
            theirs = [due for due in dues if due[1] in terms.transactions]
            page = theirs[(ask.page - 1) * _A_PAGE : ask.page * _A_PAGE] if ask.code == DUES else []
            name = holder if ask.identity else f"{holder[0]}*"
            shown = name if terms.codec.dialect.carries(name) else None
            if listed == page and (groups.get("ST"), groups.get("NM")) == (state, shown):
                return ""
        return f"{ask.code} on {ask.policy} was answered with what it was not"

    def _earlier(self, question: Question, answer: Message) -> str:
        ask, code = question.ask, answer.fields[39]
        key = self._receipt_key(ask.receipt) if ask.receipt else ask.original
        possible = set(self._between(("key", key), question.moment))
        if ask.code == OUTCOME:
            status = self.groups(question.link, answer).get("ST") if code == "00" else None
            good = code in ("00", "25") and status in possible
            return "" if good else f"the outcome of {key} is said to be {status or code}, and was {possible}"
        fact = self.book.facts.get(key)
        printed = fact is not None and fact.has_receipt
        ours = fact is not None and fact.bank == ask.bank
        right = {
            "00" if outcome == "done" else "12" if outcome == "reversed" else "25" for outcome in possible
        }
        if not (printed and ours):
            right = {"25"}
        if code not in right:
            return f"the receipt of {key} was answered {code}, and right is {right}"
        return "" if (62 in answer.fields) == (code == "00") else f"{code} came with the wrong slip"

    def slip_fault(self, question: Question, answer: Message, *, has_receipt: bool) -> str:
        """What is wrong with the receipt text in a transaction's answer. It must be there for a transaction
        with a receipt, and gone, with the reason REVERSED, once that was taken back.
        """
        slip, reason = answer.fields.get(62), answer.fields.get(44)
        if not has_receipt:
            right = slip is None and (reason is None) == (answer.fields[39] == "00")
            return "" if right else f"there is no receipt, and it came with {slip} and {reason}"
        for state in self._between(("key", question.ask.key), question.moment):
            if state == "reversed" and slip is None and reason == "REVERSED":
                return ""
            if state == "done" and slip is not None and reason is None:
                return ""
        return "it came with a receipt though taken back, or without one though not"

    def _fact_of(self, ask: Ask) -> Fact | None:
        return self.book.facts.get(self._receipt_key(ask.receipt) if ask.receipt else ask.original)

    def _receipt_key(self, number: str) -> str:
        return self._receipts.get(number, "")

    def noted_receipt(self, number: str, key: str) -> None:
        """Note the receipt number of an entry."""
        self._receipts[number] = key

    @staticmethod
    def groups(link: Conversation, answer: Message) -> dict[str, str]:
        """The groups of an answer's DE 48 by tag, the first of each tag."""
        groups: dict[str, str] = {}
        for tag, value in parse(answer.fields.get(48, ""), link.terms.codec.dialect.de48_encoding):
            groups.setdefault(tag, value)
        return groups

    @staticmethod
    def lists(link: Conversation, answer: Message) -> list[dict[str, str]]:
        """The dues (DL groups) that an answer lists."""
        encoding = link.terms.codec.dialect.de48_encoding
        groups = parse(answer.fields.get(48, ""), encoding)
        return [dict(parse(value, encoding)) for tag, value in groups if tag == "DL"]


def content_of(answer: Message) -> Content:
    """The part of an answer that every repeat of it must have: all but its MAC, its receipt text, and the
    reason why that is missing.
    """
    content = {number: text for number, text in answer.fields.items() if number not in (62, 64, 128)}
    if content.get(44) == "REVERSED":
        del content[44]
    return content
