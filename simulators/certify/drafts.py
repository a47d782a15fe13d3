"""The messages of an examining bank as recipes: each is made into a message when its case is run.

A draft is well-formed unless a case changes it: `fields` replaces the text of a data element, or removes it
with None. Nothing is sent here, and no answer is expected here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from ledger.files.bookline import DueLine
from protocol.message import Message
from protocol.tlv import build
from simulators import messages
from simulators.certify.talk import NotApplicable, Talk

Draft = Callable[[Talk], Message]
Changes = Mapping[int, str | None]
Groups = Iterable[tuple[str, str]]

_NONE: Mapping[int, str | None] = {}
TOTAL_FIELDS = (*messages.COUNTS, *messages.SUMS)


def network(code: str, fields: Changes = _NONE, mti: str = "0800") -> Draft:
    """An 0800 with this DE 70."""
    return lambda talk: changed(Message(mti, talk.network(code).fields), fields)


def settle(
    due: DueLine,
    fields: Changes = _NONE,
    groups: Groups | None = None,
    mti: str = "0200",
    *,
    named: bool = True,
    forced: bool = False,
) -> Draft:
    """Collect a premium or pay a benefit; `named` gives the due's reference too. What the bank may not do is
    not applicable, unless it is asked for on purpose: `forced`.
    """
    chosen = [("PN", due.policy), ("DU", due.due if named else ""), ("IN", due.beneficiary)]

    def draft(talk: Talk) -> Message:
        if due.code in talk.terms.forbidden_codes and not forced:
            raise NotApplicable(f"the bank may not do {due.code}")
        text = _text(talk, chosen if groups is None else groups)
        stamp = talk.stamp()
        made = messages.settlement(mti, due.code, due.amount, talk.terminal(), stamp, stamp.rrn, text)
        return changed(made, fields)

    return draft


def inquire(code: str, groups: Groups, fields: Changes = _NONE, of: str = "") -> Draft:
    """An inquiry; `of` names the message that DE 90 is to name, at its terminal."""

    def draft(talk: Talk) -> Message:
        terminal, original = talk.terminal(), ""
        if of:
            terminal = terminal._replace(terminal=talk.sent[of].fields[41])
            original = messages.original_of(talk.sent[of], talk.terms.code)
        made = messages.inquiry(code, terminal, talk.stamp(), _text(talk, groups), original)
        return changed(made, fields)

    return draft


def reverse(of: str, fields: Changes = _NONE, mti: str = "0400") -> Draft:
    """A reversal of the message that was sent under a name, with a key of its own."""
    return lambda talk: changed(talk.reversal_of(talk.sent[of], mti), fields)


def cancel(of: str, fields: Changes = _NONE, mti: str = "0200") -> Draft:
    """A same-day cancel of the message that was sent under a name."""
    return lambda talk: changed(
        messages.cancel(talk.sent[of], talk.terms.code, talk.stamp(), _text(talk, ()), mti), fields
    )


def again(name: str, mti: str = "", fields: Changes = _NONE) -> Draft:
    """The message that was sent under a name, once more under the same key."""
    return lambda talk: changed(Message(mti or talk.sent[name].mti, talk.sent[name].fields), fields)


def totals(like: str = "", fields: Changes = _NONE, mti: str = "0500", date: str = "") -> Draft:
    """An 0500 for the business date: all zero, or with the figures of the answer received under the name
    `like`.
    """

    def draft(talk: Talk) -> Message:
        day = date or business_date(talk)
        nought = messages.totals(talk.terms.code, talk.stamp(), day, {}, 0, mti)
        heard = talk.heard[like].message.fields if like else {}
        same = {number: heard[number] for number in (*TOTAL_FIELDS, 97) if number in heard}
        return changed(Message(mti, {**nought.fields, **same}), fields)

    return draft


def at_another_time(draft: Draft, days: int) -> Draft:
    """The draft's message with DE 7 moved by so many days."""
    return lambda talk: changed(draft(talk), {7: _days_from_now(talk, days)})


def naming_another_time(draft: Draft, days: int) -> Draft:
    """The draft's message with the moment in DE 90 moved by so many days."""

    def made(talk: Talk) -> Message:
        message = draft(talk)
        original = message.fields[90]
        return changed(message, {90: f"{original[:10]}{_days_from_now(talk, days)}{original[20:]}"})

    return made


def _days_from_now(talk: Talk, days: int) -> str:
    return f"{talk.means.now() + timedelta(days):%m%d%H%M%S}"


def unheard(draft: Draft, name: str) -> Callable[[Talk], None]:
    """A step: keep a message under a name, and never send it."""

    def step(talk: Talk) -> None:
        talk.sent[name] = draft(talk)

    return step


def business_date(talk: Talk) -> str:
    """The machine's business date, MMDD, as its last answer of the case had it; today's before any."""
    for heard in reversed(talk.heard.values()):
        if 15 in heard.message.fields:
            return heard.message.fields[15]
    return talk.moment()[:4]


def changed(message: Message, fields: Changes) -> Message:
    """The message with some DEs changed, or taken out, in ascending order."""
    both = {**message.fields, **fields}
    return Message(message.mti, {n: text for n, text in sorted(both.items()) if text is not None})


def _text(talk: Talk, groups: Groups) -> str:
    return build([(tag, value) for tag, value in groups if value], talk.codec.dialect.de48_encoding)
