"""Judges whether what the machine does is right, by the bytes at the machine's end and by the file.

Imports nothing of the ledger, the machine or the office. It decides every entry a second time by `rules`,
in the journal's order, and compares each answer, at the moment when its bytes leave, with what is on disk
then.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from protocol.message import Message
from simulators.world.answer_check import AnswerCheck, Content, content_of
from simulators.world.budget import MISSES, Budget
from simulators.world.conversation import Conversation, Question
from simulators.world.observer import Observer, Row
from simulators.world.reading import Terms
from simulators.world.rules import Book, Loading, Ruling, receipt
from simulators.world.stamps import Stamps
from simulators.world.trouble import Trouble

FINAL = frozenset({"00", "12", "13", "21", "25", "30", "40", "57", "58", "61", "76"})
_UNDONE = frozenset({"63", "90", "91", "96"})
_ANSWER_SECONDS = 20.0


@dataclass(slots=True)
class Oracle:
    """The judge of one run. `violations` stays empty as long as nothing is wrong; `now` gives virtual
    seconds, `today` the date on the machine's wall clock; `terms` are those of links opened from now on.
    """

    terms: Mapping[int, Terms]
    book: Book
    dates: tuple[str, ...]
    now: Callable[[], float]
    today: Callable[[], datetime.date]
    crowded: bool = False
    violations: list[str] = field(default_factory=list)
    links: dict[int, Conversation] = field(default_factory=dict)
    loadings: dict[str, Loading] = field(default_factory=dict)
    stopping: bool = False
    judged: int = 0
    _observer: Observer | None = None
    _delivered: dict[str, list[Question]] = field(default_factory=dict)
    _answers: dict[str, Content] = field(default_factory=dict)
    _slips: dict[str, str] = field(default_factory=dict)
    trouble: Trouble = field(init=False)
    _opened: list[tuple[str, float]] = field(default_factory=list)
    _tombstone: str = ""
    _numbers: set[object] = field(default_factory=set)
    _budgets: dict[str, Budget] = field(default_factory=dict)
    _untold: set[str] = field(default_factory=set)
    _answer_check: AnswerCheck = field(init=False)
    stamps: Stamps = field(init=False)

    def __post_init__(self) -> None:
        self._answer_check = AnswerCheck(self.book, self.dates)
        self.stamps = Stamps(self.say)
        self.trouble = Trouble(self.now)

    def say(self, text: str) -> None:
        """Record a violation."""
        self.violations.append(f"{self.now():.3f} s: {text}")

    def attach(self, observer: Observer) -> None:
        """Observe this database file from now on."""
        self._observer = observer
        observer.look()

    @property
    def _file(self) -> Observer:
        """The observer of the file. Raises RuntimeError before `attach`."""
        if self._observer is None:
            raise RuntimeError("no file is looked at yet")
        return self._observer

    def began(self) -> None:
        """Note that another process serves; it knows nothing of answers 25 and 76 given by the last one."""
        self._budgets.clear()
        self._untold.clear()

    def _budget(self, link: Conversation) -> Budget:
        code, minute, day = link.terms.code, link.terms.misses_a_minute, link.terms.misses_a_day
        if code not in self._budgets:
            self._budgets[code] = Budget(minute, day)
        return self._budgets[code]

    # What the network shows.

    def opened(self, number: int, port: int) -> None:
        """Note that the machine has accepted a bank's connection."""
        self.links[number] = Conversation(number, self.terms[port], self.say, self.today)

    def machine_got(self, number: int, data: bytes) -> None:
        """Take the bytes that reach the machine; each complete message becomes a Question."""
        link = self.links.get(number)
        if link is None:
            return
        for question in link.asked(data, self.now(), self._answer_check.moment):
            if question.ask.is_keyed:
                self._delivered.setdefault(question.ask.key, []).append(question)
                link.order.append(question)

    def ended(self, number: int) -> None:
        """Note the end of a connection: no answer is owed on it any more."""
        link = self.links.get(number)
        if link is not None:
            link.alive = False
            link.ended_at = self.now()
            if any(question.ask.mti[:2] != "08" for question in chain.from_iterable(link.waiting.values())):
                self._budget(link).lost()
            link.waiting.clear()
            link.order.clear()

    def machine_wrote(self, number: int, data: bytes) -> None:
        """Judge the bytes that leave the machine."""
        link = self.links.get(number)
        if link is None:
            return
        self.look()
        for message, body in link.messages_in(data):
            self.judged += 1
            if message.mti == "0800":
                self._notice(link, message, body)
            else:
                self._answer(link, message, body)

    # What the file shows.

    def look(self) -> None:
        """Judge the rows that the last transaction has put on disk."""
        if self._observer is None:
            return
        seen = self._observer.look()
        for date in seen.loaded:
            given = self.loadings[date]
            self.book.load(given.policies, given.dues, given.leaving, given.holders)
            self._answer_check.noted_load()
        for row in seen.rows:
            self._entry(row)
            self.stamps.stamped(f"entry {row['position']}", int(str(row["recorded_at"])))
        for at in seen.closed_at:
            self.stamps.stamped("a closing", at)
        for record in seen.records:
            self.stamps.acted(record)
            if record.act == "unlock due" and record.subject and not self.book.unlock(record.subject):
                self.say(f"due {record.subject} was unlocked, and was not locked")
        if seen.opened and seen.opened != self.book.date:
            place = self.dates.index(self.book.date)
            if seen.opened not in self.dates[place + 1 : place + 2]:
                self.say(f"{seen.opened} was opened after {self.book.date}")
            self.book.opens(seen.opened)
            self._opened.append((seen.opened, self.now()))
            self._answer_check.noted_date()
        if self.book.changed:
            self._check_dues()
        if seen.rows:
            for bank in sorted({str(row["bank"]) for row in seen.rows}):
                self._check_figures(bank, self.book.date)

    def _entry(self, row: Row) -> None:
        key = str(row["key"])
        if row["kind"] == "tombstone":
            if key != self._tombstone or row["response"] != "21":
                self.say(f"a tombstone lies under {key}, where none is due")
            else:
                self._answer_check.noted_key(key)
            self._tombstone = ""
            return
        if self._tombstone:
            self.say(f"no tombstone lies under {self._tombstone}")
            self._tombstone = ""
        earlier_fact = self.book.facts.get(key)
        if earlier_fact is not None:
            self.say(f"{key} acts a second time: {earlier_fact.response}, and now {row['response']}")
            return
        question = self._asked_for(row)
        if question is None:
            self.say(f"{key} is on disk as {row['response']}, and nobody could ask for it{self._why(key)}")
            return
        self._check_order(question)
        budget, asked = self._budget(question.link), self._delivered[key]
        if question.ask.waits and all(budget.must_wait(earlier.at, self.now()) for earlier in asked):
            self.say(f"{key} was decided, though its bank had to wait after too many 25 and 76")
        if row["response"] in MISSES:
            self._untold.add(key)
        ruling = self.book.rule(question.ask)
        self._tombstone = ruling.tombstone
        self._compare(row, question, ruling)
        self._answer_check.noted_entry(key, self.book.facts[key])
        if row["receipt"]:
            self._answer_check.noted_receipt(str(row["receipt"]), key)

    def _check_order(self, question: Question) -> None:
        """Say where a request was decided before one that had arrived earlier on its link, unless the earlier
        one is a repeat or its bank had to wait.
        """
        if self.trouble.lately("down", "silent"):
            return
        waiting = question.link.order
        while waiting and self._is_over(waiting[0]):
            waiting.pop(0)
        first = next(
            (
                other
                for other in waiting
                if other is question or not (self._is_over(other) or self._may_wait(other))
            ),
            question,
        )
        alone = all(len(self._delivered[other.ask.key]) == 1 for other in (first, question))
        if alone and first is not question and first.must_act(self.now()):
            self.say(f"{question.ask.key} was decided before {first.ask.key}, which came earlier on its link")

    def _why(self, key: str) -> str:
        """Return, for a violation's text, why each question with this key could not have been decided."""
        asked = self._delivered.get(key, [])
        if not asked:
            return ": no such message came"
        parts = []
        if any(question.refused for question in asked):
            parts.append("it was refused as not done")
        if any(not question.may_act(self.now()) for question in asked):
            parts.append("its MAC, sign-on or DE 32 was not good")
        return f": {', '.join(parts) or 'it asked for something else'}"

    def _asked_for(self, row: Row) -> Question | None:
        now = self.now()
        candidates = []
        for question in self._delivered.get(str(row["key"]), ()):
            ask = question.ask
            alike = (
                (row["mti"], row["code"], row["amount"], row["rrn"], row["bank"], row["original"])
                == (ask.mti, ask.code, ask.amount, ask.rrn, ask.bank, ask.original)
                and (bool(ask.fault) or row["policy"] == (ask.policy or row["policy"]))
                and (bool(ask.fault) or row["due"] == (ask.due or row["due"]))
            )
            if alike and not question.refused and question.may_act(now):
                candidates.append(question)
        return meant(candidates, row)

    def _compare(self, row: Row, question: Question, ruling: Ruling) -> None:
        ask = question.ask
        receipted = self.book.facts[ask.key].has_receipt
        number = receipt(str(row["business_date"]), int(str(row["position"]))) if receipted else None
        expected = {
            "kind": ruling.kind,
            "response": ruling.response,
            "exception_code": ruling.exception_code,
            "business_date": self.book.date,
            "sequence": ruling.moves or None,
            "due": row["due"] if ask.fault else ruling.due or ask.due,
            "terminal": ask.terminal,
            "branch": ask.branch,
            "card": ask.card,
            "stan": ask.stan,
            "sent_at": ask.sent_at,
            "receipt": number,
        }
        wrong = [
            f"{name} {row[name]!r} instead of {value!r}"
            for name, value in expected.items()
            if row[name] != value
        ]
        if bool(row["authorization"]) != (ruling.response == "00"):
            wrong.append(f"authorization {row['authorization']!r}")
        if row["authorization"] and row["authorization"] in self._numbers:
            wrong.append(f"authorization {row['authorization']} was given before")
        self._numbers.add(row["authorization"])
        if wrong:
            self.say(f"{ask.key} ({ask.mti} {ask.code}): {'; '.join(wrong)}")

    def _check_dues(self) -> None:
        for name in sorted(self.book.changed):
            due, kept = self.book.dues.get(name), self._file.due(name)
            if due is None:
                continue
            if kept != (due.state, due.owner, due.moves):
                self.say(f"due {name} is {kept}, and should be {due.state} {due.owner} {due.moves}")
            tried = self._file.guesses(name)
            if tried != (due.guessed_on, due.guesses, int(due.is_locked)):
                self.say(f"for due {name} was guessed {tried}, and should be {due.guesses} {due.guessed_on}")
        self.book.changed.clear()

    def _check_figures(self, bank: str, date: str) -> None:
        kept, ours = self._file.figures(bank, date), self.book.figures(bank, date)
        if kept != ours:
            self.say(f"the totals of {bank} on {date} are {kept}, and should be {ours}")
        if date == self.book.date:
            in_effect = self.book.in_effect_today(bank)
            todays = tuple(
                sum(fact.amount for fact in in_effect if fact.exception_code or not unfit)
                for unfit in (False, True)
            )
            if self._file.todays(bank, date) != todays:
                self.say(f"{bank} has moved {self._file.todays(bank, date)} today, and should have {todays}")

    # What the machine says.

    def _notice(self, link: Conversation, message: Message, body: bytes) -> None:
        """Judge a request of the machine's own: an echo, or the notice of a cut-over."""
        if not link.is_sealed(message, body):
            self.say(f"an 0800 of the machine's on link {link.number} has no good MAC")
        if message.fields.get(15, self.book.date[4:]) != self.book.date[4:]:
            self.say(f"a notice names {message.fields[15]} while {self.book.date} is open")
        if message.fields.get(70) == "201":
            link.notices.append((message.fields.get(15, ""), self.now()))

    def _answer(self, link: Conversation, answer: Message, body: bytes) -> None:
        candidates = link.candidates(answer)
        if not candidates:
            if link.garbled and answer.fields.get(39) in ("30", "63"):
                link.garbled -= 1
            else:
                self.say(f"{answer.mti} on link {link.number} answers nothing that was asked there")
            return
        reasons = []
        # A refusal of the link's own comes at once: of several alike, the last is meant.
        at_once = answer.fields.get(39) == "63"
        for question in reversed(candidates) if at_once else tuple(candidates):
            reason = self._fault(link, question, answer, body)
            if not reason:
                candidates.remove(question)
                self._accept(link, question, answer)
                return
            reasons.append(reason)
        self.say(f"{answer.mti} {'/'.join(candidates[0].name[3:9])}: {reasons[0]}")
        candidates.pop(0)

    def _accept(self, link: Conversation, question: Question, answer: Message) -> None:
        code, key = answer.fields[39], question.ask.key
        if code in MISSES and (not question.ask.is_keyed or key in self._untold):
            self._untold.discard(key)
            self._budget(link).missed(self.now())
            if self.trouble.lately("down"):  # what a COMMIT that was lost had done is told as a repeat is
                self._budget(link).lost()
        if code in _UNDONE:
            question.refused = True
        elif question.ask.is_keyed and code in FINAL:
            self._answers.setdefault(question.ask.key, content_of(answer))
            if 62 in answer.fields:
                self._slips.setdefault(question.ask.key, answer.fields[62])
        if question.ask.mti == "0800" and code == "00":
            wish = question.message.fields.get(70)
            if wish in ("001", "101"):
                link.take_key(answer, self.now())
            if wish == "001":
                link.sign_on(self.now())
            elif wish == "002":
                link.sign_off(self.now())

    def _fault(self, link: Conversation, question: Question, answer: Message, body: bytes) -> str:
        """Return what is wrong with an answer to a question; empty if it is right."""
        code = answer.fields.get(39, "")
        is_sign_on = question.message.fields.get(70) == "001"
        if link.keys and not is_sign_on and not link.is_sealed(answer, body):
            return f"{code} came without a good MAC"
        if question.ask.mti == "0800":
            return question.network_fault(code, self.now())
        if code in _UNDONE:
            return self._why_undone(question, code)
        if not question.may_act(self.now()):
            return f"{code}, though its MAC, sign-on or DE 32 is not good"
        if question.ask.is_keyed:
            return self._keyed_fault(link, question, answer, code)
        if question.ask.waits and code not in ("30", "40") and self._budget(link).is_spent(self.now()):
            return f"{code}, and its bank had to wait after too many 25 and 76"
        return self._answer_check.fault(question, answer)

    def _why_undone(self, question: Question, code: str) -> str:
        """Return what is wrong with an answer 63, 90, 91 or 96, which needs a cause and may not have an
        entry.
        """
        now = self.now()
        if code == "63" and question.must_act(now):
            return "63, and its MAC and sign-on are good"
        if code == "90":
            return "90, and a day is open"
        may_wait = self._may_wait(question)
        if code == "91" and not (
            self.trouble.lately("down", "silent") or self.crowded or self.stopping or may_wait
        ):
            return "91, and nothing stands in the way"
        if code == "96" and not self.trouble.lately("refused"):
            return "96, and nothing was wrong"
        ask = question.ask
        others = [
            other
            for other in self._delivered.get(ask.key, ())
            if other is not question and not other.refused and other.content == question.content
        ]
        if not ask.is_keyed or others or code == "63":
            return ""
        row = self._file.kept(ask.key)
        maker = self._maker(ask.key, row) if row is not None and row["kind"] != "tombstone" else None
        if row is not None and maker is not None and maker.content == question.content:
            return f"{code}, but it is on disk as {row['response']}"
        return ""

    def _is_over(self, question: Question) -> bool:
        """Whether the question was refused without an entry, or is decided."""
        return question.refused or question.ask.key in self.book.facts

    def _may_wait(self, question: Question) -> bool:
        """Whether the question's bank may have had to wait at some time since it asked."""
        return question.ask.waits and self._budget(question.link).may_wait(question.at, self.now())

    def _keyed_fault(self, link: Conversation, question: Question, answer: Message, code: str) -> str:
        ask = question.ask
        row = self._file.kept(ask.key)
        if row is None:
            return f"{code}, and there is nothing on disk"
        maker = self._maker(ask.key, row)
        same = row["kind"] == "tombstone" or maker is None or maker.content == question.content
        if code == "94":
            return "" if not same else "94, and it is a repeat with the same content"
        if not same:
            return f"{code}, and its key was used with other content"
        if code != row["response"]:
            return f"{code}, and on disk is {row['response']}"
        groups = self._answer_check.groups(link, answer)
        numbers = (answer.fields.get(38, ""), answer.fields.get(15, ""), groups.get("RN", ""))
        kept = (row["authorization"], str(row["business_date"])[4:], row["receipt"] or "")
        if numbers != kept:
            return f"{code} with {numbers}, and on disk is {kept}"
        if self._answers.get(ask.key, content_of(answer)) != content_of(answer):
            return f"{code}, and the answer is not the first one again"
        if 62 in answer.fields and self._slips.get(ask.key, answer.fields[62]) != answer.fields[62]:
            return f"{code}, and the receipt is not the first one again"
        return self._answer_check.slip_fault(question, answer, has_receipt=bool(row["receipt"]))

    def _maker(self, key: str, row: Row) -> Question | None:
        """Return the question that an entry was made for."""
        for question in self._delivered.get(key, ()):
            ask = question.ask
            if (row["amount"], row["rrn"], row["mti"]) == (ask.amount, ask.rrn, ask.mti) and (
                not ask.policy or ask.fault or row["policy"] == ask.policy
            ):
                return question
        return None

    # At the end.

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still owed."""
        return any(link.alive and any(link.waiting.values()) for link in self.links.values())

    def finish(self) -> None:
        """Judge the end of a run, when nothing is under way any more: no answer may be owed, and both books
        must be equal.
        """
        self.look()
        if self._tombstone:
            self.say(f"no tombstone lies under {self._tombstone}")
        for link in self.links.values():
            if not link.alive:
                continue
            for question in chain.from_iterable(link.waiting.values()):
                if self.now() - question.at > _ANSWER_SECONDS:
                    self.say(f"{question.ask.mti} {question.ask.key} was never answered")
        if not self.trouble.ever("down"):
            self._check_notices()
            self.stamps.finish(self.now())
        kept, in_book = set(self._file.dues()), set(self.book.dues)
        if kept - self._file.left_over() - in_book or in_book - kept:
            self.say("the book has other dues than it should")
        self.book.changed.update(self.book.dues)
        self._check_dues()
        for bank, date in sorted(set(self._file.bank_days()) | set(self.book.totals)):
            self._check_figures(bank, date)

    def _check_notices(self) -> None:
        """Say which links were signed on when a date was opened and have not been notified."""
        for date, at in self._opened:
            for link in self.links.values():
                by = at + _ANSWER_SECONDS
                there = link.ended_at > by and link.was_signed_on_all(at, by)
                if there and not any(name >= date[4:] and when <= by for name, when in link.notices):
                    self.say(f"link {link.number} was not told that {date} is open")


def meant(candidates: Sequence[Question], row: Row) -> Question | None:
    """Which of several questions with one key an entry was made for; None if there is none. A reload between
    two links may have permitted it on one link only.
    """
    outcome = row["response"], row["exception_code"]
    return min(
        candidates,
        key=lambda question: question.ask.fault not in outcome if question.ask.fault else 0.5,
        default=None,
    )
