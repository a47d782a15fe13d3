"""Judges of how a bank handles one transaction, given what happened to it.

Pure. Each judge is a function of a tale; `watch` says to which rule it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocol.message import Message
from simulators.certify.exercises import Provocation
from simulators.certify.result import Check
from simulators.certify.scheduler import key_of
from simulators.certify.story import ADVICES, REQUESTS, REVERSALS, Judged, Story, Tale, code_of

OfTale = Callable[[Tale, Story], Iterator[Check]]


def each_tale(of_tale: OfTale, *provocations: Provocation) -> Callable[[Story], Judged]:
    """A judge that applies `judge` to every transaction of these provocations."""

    def judge(story: Story) -> Judged:
        tales = list(story.tales(*provocations))
        checks = tuple(check for tale in tales for check in of_tale(tale, story))
        return Judged(checks, tuple(event for tale in tales for event in tale.events) if checks else ())

    return judge


def _named(tale: Tale) -> str:
    terminal, moment, stan = tale.subject
    return f"{tale.policy} {terminal.strip()}/{moment}/{stan}"


def is_reversed(tale: Tale, _story: Story) -> Iterator[Check]:
    """Without an answer, the bank must reverse, and repeat the reversal until it is answered."""
    requests = tale.by_bank(REQUESTS)
    if not requests:
        return
    reversals = tale.reversals
    after = reversals[0].at - requests[0].at if reversals else 0
    seen = f"{reversals[0].title} after {after:.1f} s" if reversals else "no reversal"
    yield Check(f"{_named(tale)} is reversed: 0400 with DE 90", seen, bool(reversals))
    if reversals:
        answered = tale.reversed_at is not None
        seen = f"{len(reversals)} sent, {'answered' if answered else 'the last one without an answer'}"
        yield Check(f"{_named(tale)}: the reversal is repeated until it is answered", seen, answered)


def reversed_elsewhere(tale: Tale, story: Story) -> Iterator[Check]:
    """When the link is gone, the bank must open another and reverse there."""
    yield from is_reversed(tale, story)
    requests, reversals = tale.by_bank(REQUESTS), tale.reversals
    if requests and reversals:
        seen = f"link {requests[0].link}, then {reversals[0].link}"
        yield Check(
            f"{_named(tale)} is reversed on another link", seen, requests[0].link != reversals[0].link
        )


def rests(tale: Tale, story: Story) -> Iterator[Check]:
    """A request that never arrived must be reversed; after the answer 21 the bank must send nothing more
    about it.
    """
    yield from reversed_elsewhere(tale, story)
    reversed_at = tale.reversed_at
    if reversed_at is not None:
        later = [event for event in tale.by_bank(REVERSALS | REQUESTS) if event.number > reversed_at]
        seen = f"{len(later)} more messages" if later else "nothing more"
        yield Check(f"{_named(tale)} rests once its reversal was answered", seen, not later)


def insists(tale: Tale, story: Story) -> Iterator[Check]:
    """Repeats of a reversal must be 0401, with the key and the content of the 0400."""
    yield from is_reversed(tale, story)
    reversals = [event.message for event in tale.reversals if event.message is not None]
    if not reversals:
        return
    keys = {key_of(message) for message in reversals}
    yield Check(f"{_named(tale)}: one key for all repeats", f"{len(keys)} keys", len(keys) == 1)
    contents = {_content_of(message) for message in reversals}
    yield Check(f"{_named(tale)}: the repeats say the same", f"{len(contents)} contents", len(contents) == 1)
    mtis = [message.mti for message in reversals]
    repeats = len(mtis) > 1 and all(mti[3] == "1" for mti in mtis[1:])
    yield Check(f"{_named(tale)}: the repeats are 0401", " ".join(mtis), mtis[0][3] == "0" and repeats)


def asks_again(tale: Tale, _story: Story) -> Iterator[Check]:
    """After 90 or 91 the bank must repeat the request under its key, or reverse it."""
    requests = tale.by_bank(REQUESTS)
    if requests:
        reversals = tale.reversals
        seen = " ".join(event.title for event in (*requests[1:], *reversals)) or "nothing"
        yield Check(
            f"{_named(tale)} is asked again under the same key, or reversed",
            seen,
            len(requests) > 1 or bool(reversals),
        )


def not_reversed(tale: Tale, _story: Story) -> Iterator[Check]:
    """A transaction that was answered 00 must not be reversed."""
    approved = [event for event in tale.answers({"0210"}) if code_of(event) == "00"]
    if approved:
        later = [event for event in tale.reversals if event.number >= approved[0].number]
        seen = f"{later[0].title} after it" if later else "no reversal"
        yield Check(f"{_named(tale)}, answered 00, is not reversed", seen, not later)


def no_other(tale: Tale, story: Story) -> Iterator[Check]:
    """While the outcome is unknown, the bank must not request the same under another key."""
    requests = tale.by_bank(REQUESTS)
    if not requests:
        return
    begun, ended = requests[0].number, tale.reversed_at
    others = [
        event
        for other in story.tales(tale.provocation)
        if other.policy == tale.policy and other.subject != tale.subject
        for event in other.by_bank(REQUESTS | ADVICES)
        if event.number >= begun
        and (ended is None or event.number < ended)
        and not _settled_before(tale, event.number)
    ]
    seen = f"{others[0].title} under another key" if others else "nothing"
    yield Check(f"{_named(tale)}: nothing under another key before its outcome is known", seen, not others)


def _settled_before(tale: Tale, moment: int) -> bool:
    """Whether an answer that settles it had reached the bank before event number `moment`."""
    return any(
        event.number < moment and code_of(event) not in ("90", "91") for event in tale.answers({"0210"})
    )


def advice_repeated(tale: Tale, _story: Story) -> Iterator[Check]:
    """An advice must be repeated until it is answered, since its money has moved."""
    advices = [event.message for event in tale.by_bank(ADVICES) if event.message is not None]
    if advices:
        answered = bool(tale.answers({"0230"}))
        seen = " ".join(message.mti for message in advices)
        yield Check(
            f"{_named(tale)}: the advice is repeated as 0221 until it is answered",
            seen,
            answered and len(advices) > 1 and all(message.mti == "0221" for message in advices[1:]),
        )


def refusal_taken(tale: Tale, story: Story) -> Iterator[Check]:
    """A transaction that was refused must not be followed by an advice that it happened."""
    refused = [event for event in tale.answers({"0210"}) if code_of(event) not in ("00", "90", "91", "96")]
    if refused:
        advised = [
            event
            for other in story.tales(tale.provocation)
            if other.policy == tale.policy
            for event in other.by_bank(ADVICES)
            if event.number > refused[0].number
        ]
        seen = "an advice of it" if advised else "none"
        yield Check(f"{_named(tale)}, refused with {code_of(refused[0])}: no advice of it", seen, not advised)


def _content_of(message: Message) -> tuple[tuple[int, str], ...]:
    """The data elements that a repeat must have; the MAC may be another key's."""
    return tuple((n, text) for n, text in sorted(message.fields.items()) if n not in (64, 128))
