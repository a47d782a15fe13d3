"""Judges of a bank's links and its day: MACs, keys, its answers to requests of the machine, its totals.

Pure. Each judge is a function of the whole story; `watch` says to which rule it belongs.
"""

from __future__ import annotations

from collections.abc import Callable

from protocol.message import Message
from protocol.tlv import first, parse
from simulators.certify.interposer import Fate
from simulators.certify.result import Check
from simulators.certify.scheduler import Event, Side, key_of
from simulators.certify.story import REVERSALS, Judged, Story, code_of, field_of, reason_of

_ASCII = "utf-8"


def macs(story: Story) -> Judged:
    """Every message after the sign-on must carry a right MAC."""
    keyed: set[int] = set()
    offered: set[tuple[int, str, str]] = set()
    wrong: list[Event] = []
    sealed = 0
    for event in story.events:
        message = event.message
        if message is None:
            continue
        if event.side is not Side.BANK:
            is_taken = code_of(event) == "00" and (event.link, *key_of(message)[1:]) in offered
            if message.mti == "0810" and event.fate is Fate.PASSED and (48 in message.fields or is_taken):
                keyed.add(event.link)
            if event.side is Side.MACHINE and code_of(event) == "63":
                wrong.append(event)
            continue
        if message.mti == "0800" and 48 in message.fields:
            offered.add((event.link, *key_of(message)[1:]))
        if event.link in keyed and message.fields.get(70) != "001":
            sealed += 1
            if event.mac != "right":
                wrong.append(event)
    if not sealed:
        return Judged((), ())
    seen = f"{len(wrong)} of {sealed} are not, or were answered 63"
    return Judged((Check("every message after sign-on carries a right MAC", seen, not wrong),), tuple(wrong))


def answered(codes: frozenset[str], expected: str) -> Callable[[Story], Judged]:
    """A judge of response codes that an honest message never gets."""

    def judge(story: Story) -> Judged:
        undecodable = [e for e in story.events if e.side is Side.BANK and e.message is None and e.shown]
        refusals = [event for event, _ in story.to_bank() if code_of(event) in codes]
        asked = sum(1 for _ in story.of_bank())
        if not asked and not undecodable:
            return Judged((), ())
        bad = (*undecodable, *refusals) if "30" in codes else tuple(refusals)
        reasons = sorted({f"{code_of(event)} {reason_of(event)}" for event in refusals})
        if undecodable and "30" in codes:
            reasons.append(f"{len(undecodable)} are no message")
        seen = ", ".join(reasons) or "none"
        return Judged((Check(expected, seen, not bad),), tuple(bad))

    return judge


def names_known(story: Story) -> Judged:
    """Every reversal must name an original that the bank has sent."""
    reversals = [event for event, message in story.of_bank() if message.mti in REVERSALS]
    strange = [event for event in reversals if event.provocation is None]
    if not reversals:
        return Judged((), ())
    seen = f"{len(strange)} of {len(reversals)} name none"
    check = Check("DE 90 and DE 41 of every reversal name a transaction of the bank's", seen, not strange)
    return Judged((check,), tuple(strange))


def questions(code: str) -> Callable[[Story], Judged]:
    """A judge of the bank's answers to requests 0800 of the machine."""

    def judge(story: Story) -> Judged:
        checks, events = [], []
        for question in story.questions(code):
            answer = story.answer_to(question)
            seen = f"0810, DE 39 = {code_of(answer)}, MAC {answer.mac}" if answer else "no answer"
            good = answer is not None and code_of(answer) == "00" and answer.mac == "right"
            checks.append(Check(f"our 0800/{code} is answered: 0810, DE 39 = 00, right MAC", seen, good))
            events += [question, *([answer] if answer else [])]
        return Judged(tuple(checks), tuple(events))

    return judge


def date_changed(story: Story) -> Judged:
    """After the notice of a cut-over the bank must reconcile the closed date, and the figures must agree."""
    notice = next(story.questions("201"), None)
    if notice is None:
        return Judged((), ())
    outcomes = [(e, m) for e, m in story.to_bank() if m.mti[:2] == "02" and e.number < notice.number]
    closed = outcomes[-1][1].fields.get(15, "") if outcomes else ""
    asked = [e for e, m in story.of_bank() if m.mti[:2] == "05" and e.number > notice.number]
    of_closed = [e for e in asked if e.message is not None and e.message.fields.get(15) == closed]
    seen = " ".join(e.message.fields.get(15, "?") for e in asked if e.message is not None) or "no 0500"
    checks = [Check(f"an 0500 of the closed date, DE 15 = {closed}", seen, bool(of_closed))]
    events = [notice, *asked]
    if of_closed:
        keys = {key_of(e.message)[1:] for e in of_closed if e.message is not None}
        answers = [e for e, m in story.to_bank() if m.mti in ("0510", "0530") and key_of(m)[1:] in keys]
        codes = [field_of(e, 66) for e in answers]
        checks.append(Check("it is in balance: DE 66 = 1", " ".join(codes) or "no answer", "1" in codes))
        events += answers
    return Judged(tuple(checks), tuple(events))


def check_value(story: Story) -> Judged:
    """A key with a wrong check value must not be used, and the bank must request another."""
    spoilt = [event for event in story.events if event.fate is Fate.CHANGED and event.title == "0810"]
    if not spoilt:
        return Judged((), ())
    later = [e for e, _ in story.of_bank() if e.number >= spoilt[0].number]
    used = [event for event in later if event.key in story.spoilt]
    asked = [event for event in later if event.title == "0800" and field_of(event, 70) in ("001", "101")]
    checks = (
        Check("the key with a wrong check value is not used", f"{len(used)} messages under it", not used),
        Check("another key is asked for", f"{len(asked)} times", bool(asked)),
    )
    return Judged(checks, (spoilt[0], *used, *asked))


def new_key(story: Story) -> Judged:
    """After a key change the bank must use the new key; messages that were already under way are excepted."""
    requests = [(e, m) for e, m in story.of_bank() if m.mti == "0800" and m.fields.get(70) in ("001", "101")]
    asked = {key_of(m)[1:] for _, m in requests if m.fields[70] == "101"}
    answers = [(e, m) for e, m in story.to_bank() if m.mti == "0810"]
    approved = {key_of(m)[1:] for _, m in answers if m.fields.get(39) == "00"}
    own = [(e, m) for e, m in requests if 48 in m.fields and key_of(m)[1:] in approved]
    brought = [(e, m) for e, m in answers if 48 in m.fields] or own
    checks, events = [], []
    for event, message in brought:
        if key_of(message)[1:] not in asked:
            continue
        same_link = [event.number for event, _ in brought if event.link == event.link]
        until = min((number for number in same_link if number > event.number), default=len(story.events))
        on_link = [(e, m) for e, m in story.of_bank() if e.link == event.link]
        later = [e for e, m in on_link if event.number < e.number < until and _is_sealed(m)]
        if later:
            new = first(parse(message.fields[48], _ASCII), "CA")
            under = sum(1 for event in later if event.key == new)
            seen = f"{under} of {len(later)} messages after it"
            checks.append(Check("the new key is used from then on", seen, later[-1].key == new))
            events += [event, later[-1]]
    return Judged(tuple(checks), tuple(events))


def _is_sealed(message: Message) -> bool:
    return message.fields.get(70) not in ("001", "101")
