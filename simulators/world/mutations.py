"""Deliberate bugs, one at a time, as data: a module's exact text, and what stands in its place.

Imports nothing of the project: `hunt` changes modules before they are imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Mutation(NamedTuple):
    """One bug: what is wrong, where, and the texts; `old` stands once in the module."""

    name: str
    module: str
    old: str
    new: str


_DECIDE, _DECISION, _FRONT = "ledger.rules.decide", "ledger.rules.decision", "ledger.book.front"
_SETTLEMENT, _REVERSAL = "ledger.rules.settlement", "ledger.rules.reversal"
_COMMIT, _LINK = "fep.engine.commit", "fep.links.link"
_AUTHENTICATION = "fep.links.authentication"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "answered before the commit",
        _FRONT,
        """        with self._store.transaction() as connection:
            view = self._read(connection, self._read_chain(connection), requests, recorded_at)
            answers = fold(requests, view)
            self._write(connection, view)
        return answers
""",
        """        late = self.__dict__.pop("late", None)
        if late is not None:
            late.__exit__(None, None, None)
        self.late = self._store.transaction()
        connection = self.late.__enter__()
        view = self._read(connection, self._read_chain(connection), requests, recorded_at)
        answers = fold(requests, view)
        self._write(connection, view)
        return answers
""",
    ),
    Mutation(
        "no tombstone for a reversal before its original",
        _REVERSAL,
        'Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"), lay_tombstone=True)\n'
        "    if target.kind is Kind.TOMBSTONE",
        'Refusal(Response.NO_ORIGINAL, "NO SUCH ORIGINAL"))\n    if target.kind is Kind.TOMBSTONE',
    ),
    Mutation(
        "a repeat of a refusal is decided anew",
        _DECIDE,
        "        if first is not None:\n            return Decision(_answer_repeat",
        "        if first is not None and first.response is Response.APPROVED:\n"
        "            return Decision(_answer_repeat",
    ),
    Mutation(
        "the cut-over seals one entry too few",
        "ledger.book.cutover",
        "    return [ChainEnd(*row) for row in rows]",
        "    return [ChainEnd(row[0], max(0, row[1] - 1), row[2]) for row in rows]",
    ),
    Mutation(
        "a batch after the cut-over is dated before it",
        _FRONT,
        "        view = View(day, chain, self._stamped)",
        "        self.day_then = getattr(self, 'day_then', None) or day\n"
        "        view = View(self.day_then, chain, self._stamped)",
    ),
    Mutation(
        "an entry is stamped by a clock that was set back",
        _FRONT,
        "        self._stamped = max(self._stamped, last_record, recorded_at)",
        "        self._stamped = recorded_at",
    ),
    Mutation(
        "the clock cuts over though it jumped",
        "fep.day.schedule",
        "    if facts.clock_fault:\n        return Obstacle.CLOCK\n",
        "",
    ),
    Mutation(
        "a machine serves whose book is ahead of its clock",
        "fep.doctor.selftest",
        "    if report.last_written > accepted_us:\n",
        "    if not report.last_written:\n",
    ),
    Mutation(
        "a key without its terminal",
        "ledger.rules.request",
        'return f"{bank.zfill(11)}/{terminal}/{sent_at}/{stan}"',
        'return f"{bank.zfill(11)}/T0000001/{sent_at}/{stan}"',
    ),
    Mutation(
        "a reversal acts twice",
        _REVERSAL,
        "    if due.settled_by != target.key:\n        return approved(request, view, None, due)\n",
        "",
    ),
    Mutation(
        "the reversal of an advice that fits nothing acts twice",
        _REVERSAL,
        "    if target.key in view.undone:\n        return approved(request, view, None, None)\n",
        "",
    ),
    Mutation(
        "a cancel after the cut-over is accepted",
        _REVERSAL,
        "    if target.business_date != open_day(view).date:\n        return Refusal",
        "    if not target.business_date:\n        return Refusal",
    ),
    Mutation(
        "an advice is refused",
        _SETTLEMENT,
        "return _unfit(request, view, matched) if request.advice else refused(request, view, matched)",
        "return refused(request, view, matched)",
    ),
    Mutation(
        "the amount is not compared",
        _SETTLEMENT,
        "    if due.amount != request.amount:",
        "    if due.amount < request.amount - 1000:",
    ),
    Mutation(
        "a benefit is paid to whoever asks",
        _SETTLEMENT,
        "    if due.beneficiary == request.identity:",
        "    if due.beneficiary:",
    ),
    Mutation(
        "a wrong MAC passes",
        _AUTHENTICATION,
        "if split is None or not self.verifies(*split):\n            self.refuse",
        "if split is None:\n            self.refuse",
    ),
    Mutation(
        "DE 32 is not compared",
        _AUTHENTICATION,
        "        if not self.is_own_bank(message.fields.get(32)):\n"
        "            self._answers.answer(message, frame.head, "
        'Answer(Response.SECURITY, "DE 32: OTHER BANK"))\n'
        "            return None\n"
        "        return split[0]",
        "        return split[0]",
    ),
    Mutation(
        "DE 90 may name another bank",
        "fep.links.request_parser",
        'if original and not original.startswith(self._bank.code.zfill(11) + "/"):',
        "if original and not original:",
    ),
    Mutation(
        "91 while the outcome is in doubt",
        _COMMIT,
        "isinstance(error, OutcomeUnknown) or (batch.in_doubt and isinstance(error, Unavailable)):",
        "isinstance(error, OutcomeUnknown):",
    ),
    Mutation(
        "an unknown outcome is taken for a failure",
        "ledger.book.store",
        "    return OutcomeUnknown(\n"
        '        Sentence("the database {place}: {reason}", place=store.place, reason=_summary(error))\n'
        "    )",
        "    return Unavailable(_summary(error))",
    ),
    Mutation(
        "an unknown outcome is taken for a success",
        "ledger.book.store",
        "            raise _commit_meaning(error, self) from None",
        "            return",
    ),
    Mutation(
        "a batch that failed is kept",
        "ledger.book.store",
        "        connection.rollback()\n    except",
        "        connection.commit()\n    except",
    ),
    Mutation(
        "DE 15 is today's and not the transaction's",
        "fep.links.answering",
        "        if not answer.business_date:\n            answer = answer._replace",
        "        if self._engine.business_date:\n            answer = answer._replace",
    ),
    Mutation(
        "the totals miss what was reversed",
        _REVERSAL,
        "target.side, released, _taken_back(request, view, target))",
        "target.side, released, figures_of(request, view))",
    ),
    Mutation(
        "one of two open dues is guessed",
        _SETTLEMENT,
        "    if len(still_open) > 1:",
        "    if len(still_open) > 9:",
    ),
    Mutation(
        "a repeat is counted as new",
        _DECIDE,
        "            return Decision(_answer_repeat(request, first, view))",
        "            again = Decision(_answer_repeat(request, first, view))\n"
        "            if not (view.day and first.subject and first.kind is Kind.COLLECTION):\n"
        "                return again\n"
        "            today = view.figures_of(request.bank, view.day.date)\n"
        "            return again._replace(figures=today.settled(first.side, first.amount))",
    ),
    Mutation(
        "the old session key is good for ever",
        "fep.links.session",
        "self.previous is not None and now < self.retire_at and self",
        "self.previous is not None and self",
    ),
    Mutation(
        "two entries get one receipt number",
        "ledger.rules.numbering",
        '    body = f"{business_date}{chain:02d}{position:010d}"',
        '    body = f"{business_date}{chain:02d}{position // 2:010d}"',
    ),
    Mutation(
        "the hash chain links an entry before it is linked itself",
        "ledger.rules.entry",
        "        tip = entry_hash(chained)",
        "        tip = entry_hash(entry)",
    ),
    Mutation(
        "a batch taken apart goes on with its second half",
        _COMMIT,
        "for part in (waiting[half:], waiting[:half]):",
        "for part in (waiting[:half], waiting[half:]):",
    ),
    Mutation(
        "answers go to each other's askers",
        _COMMIT,
        "zip(batch.waiting, answers, strict=True)",
        "zip(batch.waiting, answers[1:] + answers[:1], strict=True)",
    ),
    Mutation(
        "what a full queue puts out is told nothing",
        _COMMIT,
        "        if crowded_out is not None:",
        "        if crowded_out is not None and crowded_out.request.act == 'dues':",
    ),
    Mutation(
        "a withdrawn due can be paid",
        _SETTLEMENT,
        "    if due.state is not DueState.OPEN:\n        return _not_open",
        "    if due.state in (DueState.SETTLED, DueState.LAPSED):\n        return _not_open",
    ),
    Mutation(
        "a due that was to be withdrawn is open again after a reversal",
        "ledger.book.departures",
        "update(dues).values(withdrawn=1, **unmarked).where(*mine, withdrawn, settled)",
        "update(dues).values(withdrawn=0, **unmarked).where(*mine, withdrawn, settled)",
    ),
    Mutation(
        "a number may be guessed for ever",
        _SETTLEMENT,
        "Guesses(due.due, today, wrong, wrong >= WRONG_NUMBERS_A_DAY)",
        "Guesses(due.due, today, wrong, wrong >= 1000 * WRONG_NUMBERS_A_DAY)",
    ),
    Mutation(
        "a due that was unlocked stays locked",
        "ledger.book.guesses",
        ".values(wrong=0, locked=0)",
        ".values(wrong=0)",
    ),
    Mutation(
        "a bank may ask for unknown things for ever",
        _LINK,
        "        if is_inquiry and self._misses.is_spent(now):",
        "        if is_inquiry and not now:",
    ),
    Mutation(
        "who has asked too often in vain is paid all the same",
        _LINK,
        "request = request._replace(must_wait=True)",
        "request = request._replace(must_wait=False)",
    ),
    Mutation(
        "a wrong number is not counted among a bank's misses",
        _LINK,
        "_MISSES: Final = frozenset({Response.NOT_FOUND, Response.IDENTITY_DIFFERS})",
        "_MISSES: Final = frozenset({Response.NOT_FOUND})",
    ),
    Mutation(
        "a repeat of a refusal is counted as another miss",
        _LINK,
        "answer.response in _MISSES and not answer.replayed:",
        "answer.response in _MISSES:",
    ),
    Mutation(
        "a minute of misses never ends",
        "fep.links.misses",
        "        return self.count if now - self.began_at < self.seconds else 0",
        "        return self.count if now - self.began_at < 1000 * self.seconds else 0",
    ),
    Mutation(
        "a lapsed policy's premium is collected",
        _SETTLEMENT,
        'due.kind == "premium" and policy.state in ENDED and',
        'due.kind == "premium" and policy.state == "terminated" and',
    ),
    Mutation(
        "the limit of the day forgets the transaction itself",
        _SETTLEMENT,
        "0 < request.limit_day < figures_of(request, view).used + request.amount",
        "0 < request.limit_day < figures_of(request, view).used",
    ),
    Mutation(
        "one payment settles two dues",
        _DECIDE,
        "        view.change_due(decision.due)\n",
        "        view.change_due(decision.due)\n"
        "        for name in view.dues_by_policy.get(decision.due.policy, ()):\n"
        "            other = view.dues[name]\n"
        "            if other.state is DueState.OPEN and decision.due.state is DueState.SETTLED:\n"
        "                key, now = decision.due.settled_by, other.sequence + 1\n"
        "                settled = other._replace(state=DueState.SETTLED, settled_by=key, sequence=now)\n"
        "                view.change_due(settled)\n",
    ),
    Mutation(
        "a reversed transaction stands again when its cancel is reversed",
        _REVERSAL,
        "    if target.original in view.reversed:",
        "    if not target.original:",
    ),
    Mutation(
        "another content under a known key gets the first answer",
        _DECIDE,
        "first.kind is not Kind.TOMBSTONE and first.content != request.content",
        "first.kind is not Kind.TOMBSTONE and not first.content",
    ),
    Mutation(
        "a refusal is told and not kept",
        _DECISION,
        "    entries = (own, _tombstone(request, own)) if lay_tombstone else (own,)\n"
        "    return Decision(answer_of(own), entries, guesses=guesses)",
        "    entries = (own, _tombstone(request, own)) if lay_tombstone else ()\n"
        "    return Decision(answer_of(own), entries, guesses=guesses)",
    ),
    Mutation(
        "transactions after sign-off",
        "fep.links.session",
        "    (signed_off, Response.SECURITY),",
        "    (signed_off, Response.APPROVED),",
    ),
    Mutation(
        "a change of keys is answered under the new one",
        "fep.links.network_management",
        "        self._approve_key(message, frame, fresh, sealed=True)\n"
        "        self._session.key_changed(fresh.key, self._old_key_retires_at())",
        "        self._session.key_changed(fresh.key, self._old_key_retires_at())\n"
        "        self._approve_key(message, frame, fresh, sealed=True)",
    ),
    Mutation(
        "nobody is told of the cut-over",
        "fep.operator.operations",
        "                self.engine.see_date(closed.next_date)\n                return closed",
        "                self.engine.business_date = closed.next_date\n                return closed",
    ),
    Mutation(
        "a message with a PIN is taken",
        "fep.links.request_parser",
        "dict.fromkeys((52, 53, 125), ",
        "dict.fromkeys((125,), ",
    ),
    Mutation(
        "another bank's receipt is printed",
        "ledger.rules.inquire",
        "entry.bank != request.bank or entry.receipt is None",
        "entry.receipt is None",
    ),
    Mutation(
        "a batch that could not be written is forgotten",
        _COMMIT,
        "        if batch.attempts < UNAVAILABLE_ATTEMPTS and not self._is_away:\n"
        "            self._redo.appendleft(batch)\n"
        "            self._next()\n",
        "        if batch.attempts < UNAVAILABLE_ATTEMPTS and not self._is_away:\n            self._next()\n",
    ),
    Mutation(
        "a reload permits nothing new",
        "fep.links.server",
        "        self._gateway, self._counterparties = gateway, counterparties\n",
        "        self._gateway = gateway\n",
    ),
    Mutation(
        "a reload changes what open links may do",
        "fep.links.server",
        "                connection.end(reason)\n        return ended\n",
        "                connection.end(reason)\n"
        "            agreed = counterparties[connection.link.bank.code]\n"
        "            connection.link._request_parser = agreed.request_parser\n"
        "        return ended\n",
    ),
    Mutation(
        "who proposed an end may approve it",
        "office.accounting.breaks",
        "    if person.casefold() == row.proposed_by.casefold():",
        "    if person != person.casefold() == row.proposed_by.casefold():",
    ),
    Mutation(
        "what was rejected is posted all the same",
        "office.accounting.break_states",
        "(BreakState.PROPOSED, BreakEvent.REJECT): BreakState.SUSPENSE",
        "(BreakState.PROPOSED, BreakEvent.REJECT): BreakState.APPROVED",
    ),
    Mutation(
        "a reversal may name another policy",
        _REVERSAL,
        "    if request.policy and target.policy not in",
        "    if request.policy and request.policy == 'X' and target.policy not in",
    ),
    Mutation(
        "a reversal at another branch acts",
        _REVERSAL,
        "    if request.branch.rstrip() != target.branch.rstrip():",
        "    if not request.branch.rstrip():",
    ),
    Mutation(
        "a reversal for another card acts",
        _REVERSAL,
        "    if request.card and request.card != target.card:",
        "    if request.card and not target.card:",
    ),
    Mutation(
        "a reversal of another amount acts",
        _REVERSAL,
        "    if request.amount != target.amount:",
        "    if request.amount < target.amount:",
    ),
    Mutation(
        "a reversal has no age",
        _REVERSAL,
        "    return target.business_date not in reachable",
        "    return target.business_date not in (*reachable, *view.earlier_dates)",
    ),
    Mutation(
        "every bank's word is taken that it has paid",
        "fep.links.request_parser",
        "return is_advice(mti) and (act is not Act.PAY or self._bank.payout_advices)",
        "return is_advice(mti)",
    ),
    Mutation(
        "what was taken back is printed again",
        _DECIDE,
        'if first.receipt is not None and outcome_of(first, view) == "reversed":',
        'if first.receipt is not None and outcome_of(first, view) == "refused":',
    ),
    Mutation(
        "what does not fit has a receipt",
        _DECISION,
        "receipted = refusal is None and request.act is not Act.REVERSE and not exception_code",
        "receipted = refusal is None and request.act is not Act.REVERSE",
    ),
    Mutation(
        "a day that was not kept is in balance",
        "ledger.rules.inquire",
        "    if request.date not in view.known_dates:",
        "    if not request.date:",
    ),
    Mutation(
        "a key is made on any date",
        "ledger.rules.moment",
        "self.today - timedelta(self.days_back)",
        "self.today - timedelta(9 * self.days_back)",
    ),
    Mutation(
        "whoever asks is told the holder's name",
        "ledger.rules.inquire",
        "return policy.holder if request.identity else masked_name(policy.holder)",
        "return policy.holder",
    ),
    Mutation(
        "what a bank may not settle is listed",
        "ledger.rules.inquire",
        "due.state is DueState.OPEN and due.code in request.may_settle),",
        "due.state is DueState.OPEN),",
    ),
    Mutation(
        "a reversal of an earlier day's gives room for today",
        _REVERSAL,
        "    is_todays = target.business_date == open_day(view).date\n    figures",
        "    is_todays = bool(target.business_date)\n    figures",
    ),
)


def stale() -> list[str]:
    """The mutations whose text does not stand once in its module any more."""
    root = Path(__file__).resolve().parent.parent.parent
    texts = {
        mutation.module: (root / f"{mutation.module.replace('.', '/')}.py").read_text()
        for mutation in MUTATIONS
    }
    return [mutation.name for mutation in MUTATIONS if texts[mutation.module].count(mutation.old) != 1]
