"""The steps that cases are made of, and what can be expected of an answer.

A step is a function of the conversation; an expectation one of the conversation and an answer, which says
what was expected, what was seen, and whether it holds. No case stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from protocol.card_number import masked_card
from protocol.errors import FormatError
from protocol.framing import Framing
from protocol.keyblock import BINDINGS
from protocol.message import ECHOED
from protocol.tlv import Group, first, parse
from simulators.certify.drafts import Draft
from simulators.certify.result import Check
from simulators.certify.talk import Failed, Means, NotApplicable, Talk
from simulators.certify.wire import Closed, Heard

_NOT_KEPT = (62, 64, 128)
"""DEs of a first answer that its repeat does not have, or has anew, once all was taken back."""
Step = Callable[[Talk], None]
Expectation = Callable[[Talk, Heard], Check]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: a sentence of the interface, its section, and the steps that hold a machine to it."""

    id: str
    section: str
    title: str
    title_en: str
    rule: str
    steps: tuple[Step, ...]


# Steps.


def sign_on(talk: Talk) -> None:
    """Open a link and sign on."""
    talk.sign_on()


def connect(talk: Talk) -> None:
    """Open a link and say nothing yet."""
    talk.open()


def ask(draft: Draft, *expected: Expectation, name: str = "", sealed: bool = True) -> Step:
    """A step: send a message, and check its answer against each expectation."""

    def step(talk: Talk) -> None:
        heard = talk.ask(draft(talk), name, sealed=sealed)
        hold(talk, heard, expected)

    return step


def ask_bytes(
    draft: Draft, change: Callable[[Talk, bytes], bytes], *expected: Expectation, mac: str, name: str = ""
) -> Step:
    """Say something whose sealed bytes `change` makes others of on their way out; `mac` tells what its MAC
    is then.
    """

    def step(talk: Talk) -> None:
        message = draft(talk)
        body = change(talk, talk.wire.sealed(message))
        hold(talk, talk.ask_bytes(message, body, name, mac), expected)

    return step


def hold(talk: Talk, heard: Heard, expected: tuple[Expectation, ...]) -> None:
    """Check an answer against all that is expected of it."""
    checks = [expectation(talk, heard) for expectation in expected]
    talk.checks.extend(checks)
    if not all(check.passed for check in checks):
        raise Failed


def closes(talk: Talk) -> None:
    """The machine closes the link."""
    closed = talk.wire.is_closed()
    talk.check("the machine closes the link", "closed" if closed else "still open", closed)


def stays_open(talk: Talk) -> None:
    """The link is still good: an echo on it is answered."""
    code = talk.ask(talk.network("301")).message.fields.get(39, "")
    talk.check("the link stays open: echo is answered 00", f"DE 39 = {code}", code == "00")


def throw(data: Callable[[Talk], bytes], remark: str) -> Step:
    """A step: write raw bytes that are no whole message."""

    def step(talk: Talk) -> None:
        raw = data(talk)
        talk.remark(f"{remark}: {raw[:32].hex(' ')}")
        try:
            talk.wire.write(raw)
        except Closed:
            talk.remark("the link was closed before all was sent")

    return step


def only_where(fits: Callable[[Framing], object]) -> Step:
    """The case is for framings that fit."""

    def step(talk: Talk) -> None:
        if not fits(talk.terms.framing):
            raise NotApplicable(f"framing {talk.terms.framing} has no such thing")

    return step


def take_key(talk: Talk) -> None:
    """Take the key that the last answer brought; its check value and version must be right."""
    version, declared, own = talk.wire.take_key(talk.heard["key"])
    wanted = BINDINGS[talk.terms.mac.algorithm].version
    talk.check(f"KA is a TR-31 key block of version {wanted}", f"version {version}", version == wanted)
    talk.check("CA is the check value of the key in KA", f"CA {declared}, the key's {own}", declared == own)


def wait(seconds: float) -> Step:
    """Let time go by."""

    def step(talk: Talk) -> None:
        if talk.means.pause is None:
            raise NotApplicable(f"it takes {seconds:g} s: ask for it with --patient")
        talk.remark(f"{seconds:g} s go by")
        talk.means.pause(seconds)

    return step


def needs(has: Callable[[Means], object], reason: str) -> Step:
    """A step: the case is not applicable where the examination lacks something."""

    def step(talk: Talk) -> None:
        if not has(talk.means):
            raise NotApplicable(reason)

    return step


# Expectations.


def code(*wanted: str) -> Expectation:
    """DE 39 is one of these."""

    def look(_talk: Talk, heard: Heard) -> Check:
        seen = heard.message.fields.get(39, "")
        reason = heard.message.fields.get(44, "")
        return Check(f"DE 39 = {' or '.join(wanted)}", f"DE 39 = {seen} {reason}".rstrip(), seen in wanted)

    return look


def value(number: int, wanted: str | Callable[[Talk], str]) -> Expectation:
    """A DE has this text."""

    def look(talk: Talk, heard: Heard) -> Check:
        text = wanted if isinstance(wanted, str) else wanted(talk)
        seen = heard.message.fields.get(number)
        return Check(f"DE {number} = {text}", f"DE {number} = {_shown_text(number, seen)}", seen == text)

    return look


def there(*numbers: int) -> Expectation:
    """These DEs are in the answer, and not empty."""

    def look(_talk: Talk, heard: Heard) -> Check:
        missing = [number for number in numbers if not heard.message.fields.get(number)]
        seen = f"missing: {' '.join(map(str, missing))}" if missing else "there"
        return Check(f"the answer has DE {' '.join(map(str, numbers))}", seen, not missing)

    return look


def brings_key(talk: Talk, heard: Heard) -> Check:
    """The answer brings a key in DE 48; where the bank makes the keys, it does not."""
    expectation = absent(48) if talk.terms.makes_keys else there(48)
    return expectation(talk, heard)


def absent(*numbers: int) -> Expectation:
    """None of these DEs is in the answer."""

    def look(_talk: Talk, heard: Heard) -> Check:
        present = [number for number in numbers if number in heard.message.fields]
        seen = f"it has {' '.join(map(str, present))}" if present else "none of them"
        return Check(f"the answer has no DE {' '.join(map(str, numbers))}", seen, not present)

    return look


def names_field(number: int, tag: str = "") -> Expectation:
    """DE 44 names a field, by its number, and by its tag if it is a group."""

    def look(_talk: Talk, heard: Heard) -> Check:
        seen = heard.message.fields.get(44, "")
        named = re.search(rf"(?<!\d){number}(?!\d)", seen) is not None and tag in seen
        return Check(f"DE 44 names DE {number}{'.' + tag if tag else ''}", f"DE 44 = {seen!r}", named)

    return look


def echoes(name: str = "") -> Expectation:
    """Expectation: the answer repeats those data elements of its request that an answer must repeat."""

    def look(talk: Talk, heard: Heard) -> Check:
        asked, got = talk.sent[name].fields, heard.message.fields
        wrong = [n for n in ECHOED if n in asked and asked[n] != got.get(n)]
        names = " ".join(str(number) for number in ECHOED if number in asked)
        seen = f"not so: DE {' '.join(map(str, wrong))}" if wrong else "the same"
        return Check(f"DE {names} as in the request", seen, not wrong)

    return look


def same_as(name: str) -> Expectation:
    """Expectation: the answer equals an earlier one byte for byte, but for the MAC."""

    def look(talk: Talk, heard: Heard) -> Check:
        before = talk.heard[name]
        differing = sorted(
            number
            for number in before.message.fields.keys() | heard.message.fields.keys()
            if before.message.fields.get(number) != heard.message.fields.get(number)
        )
        same = before.covered == heard.covered
        seen = "the same bytes" if same else f"other bytes: DE {' '.join(map(str, differing)) or '-'}"
        return Check("the first answer again, byte for byte but for the MAC", seen, same)

    return look


def as_taken_back(name: str) -> Expectation:
    """Expectation: the answer equals an earlier one, but has no receipt to print and says so in DE 44, since
    the transaction was taken back.
    """

    def look(talk: Talk, heard: Heard) -> Check:
        first_content = {n: text for n, text in talk.heard[name].message.fields.items() if n not in _NOT_KEPT}
        fields = dict(heard.message.fields)
        reason, slip = fields.pop(44, None), fields.pop(62, None)
        content = {n: text for n, text in fields.items() if n not in _NOT_KEPT}
        differing = sorted(n for n in first_content | content if first_content.get(n) != content.get(n))
        seen = f"DE 44 = {reason}, {'a' if slip else 'no'} DE 62; other: DE {differing or '-'}"
        holds = reason == "REVERSED" and slip is None and not differing
        return Check("the first answer again, with DE 44 = REVERSED and without DE 62", seen, holds)

    return look


def group(tag: str, wanted: str | Callable[[Talk], str]) -> Expectation:
    """The first group of DE 48 with this tag has this value."""

    def look(talk: Talk, heard: Heard) -> Check:
        text = wanted if isinstance(wanted, str) else wanted(talk)
        groups = groups_of(talk, heard)
        seen = None if groups is None else first(groups, tag)
        return Check(f"DE 48.{tag} = {text}", f"DE 48.{tag} = {_in_words(groups, seen)}", seen == text)

    return look


def has_group(tag: str) -> Expectation:
    """DE 48 has a group with this tag, and it is not empty."""

    def look(talk: Talk, heard: Heard) -> Check:
        groups = groups_of(talk, heard)
        seen = "" if groups is None else first(groups, tag) or ""
        return Check(f"DE 48 has {tag}", _in_words(groups, "there" if seen else None), bool(seen))

    return look


def no_group(tag: str) -> Expectation:
    """DE 48, if it is there, can be read and has no group with this tag."""

    def look(talk: Talk, heard: Heard) -> Check:
        groups = groups_of(talk, heard)
        seen = None if groups is None else first(groups, tag)
        return Check(f"DE 48 has no {tag}", _in_words(groups, seen), groups is not None and seen is None)

    return look


def answered_head(talk: Talk, heard: Heard) -> Check:
    """The TPDU's destination and source are swapped, and the header is as agreed."""
    rule = talk.terms.framing.head
    wanted, seen = rule.of_answer(rule.sample()), heard.head
    right = rule.unmeasured(seen) == rule.unmeasured(wanted)
    return Check(f"head {wanted.hex(' ')}", f"head {seen.hex(' ') or 'none'}", right)


def groups_of(talk: Talk, heard: Heard) -> tuple[Group, ...] | None:
    """The groups of an answer's DE 48, none where it has no such DE; None where they cannot be read."""
    try:
        return parse(heard.message.fields.get(48, ""), talk.codec.dialect.de48_encoding)
    except FormatError:
        return None


def _in_words(groups: tuple[Group, ...] | None, seen: str | None) -> str:
    if groups is None:
        return "DE 48 cannot be read"
    return "not there" if seen is None else seen


def _shown_text(number: int, text: str | None) -> str:
    if text is None:
        return "not there"
    return masked_card(text) if number == 2 else text
