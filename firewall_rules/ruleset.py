"""Parses a ruleset's text: what nft is given, and what `nft list table` prints.

Pure. It knows no policy: so the tests compare the rules as they are written with the policy as it is meant.
What a rule does to a packet does not belong here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network, summarize_address_range
from itertools import accumulate, takewhile
from typing import TypeAlias

from firewall_rules.errors import UnknownRule
from firewall_rules.gateway import Address
from qianzhi_errors.sentence import Sentence

Word: TypeAlias = str | tuple[str, ...]
"""A word of a rule, or the elements of a { set } within a rule."""
Rule: TypeAlias = tuple[Word, ...]
Statement: TypeAlias = tuple[Rule, "list[Statement] | None"]
"""The words, and the statements in braces if it is a block."""
Span: TypeAlias = tuple[Address, Address]

_TOKENS = re.compile(r'#[^\n]*|(?:"[^"\n]*"|[^\s{},;"#])+|[{},;\n]')
_BLOCKS = ("table", "set", "chain")
_TRANSACTION = ("add", "delete")
_HOUR = re.compile(r'"([0-9]+):([0-9]{2})(?::([0-9]{2}))?"')


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in their order. `hook` and `policy` are empty if the chain is reached from another chain only."""

    hook: str
    policy: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the address ranges of its sets, and its chains."""

    name: str
    sets: Mapping[str, tuple[Span, ...]]
    chains: Mapping[str, Chain]


def parse(text: str) -> Table:
    """Return the table of a ruleset's text.

    Raises UnknownRule for words that this project never writes, and for a text that is cut short.
    """
    tokens = [token for token in _TOKENS.findall(text) if not token.startswith("#")]
    depths = list(accumulate(((token == "{") - (token == "}") for token in tokens), initial=0))
    if min(depths) < 0 or depths[-1]:
        raise UnknownRule(Sentence("the braces do not match: a part of the text is missing"))
    tables = []
    for head, body in _blocks(iter([*tokens, "\n"])):
        if body is not None and head[0] == "table":
            tables.append(_table(" ".join(_plain(head[1:])), body))
        elif head[0] not in _TRANSACTION:
            raise UnknownRule(Sentence("{words}: stands outside of a table", words=_line(head)))
    if len(tables) != 1:
        raise UnknownRule(Sentence("{number} tables: one is expected", number=len(tables)))
    return tables[0]


def difference(loaded: str | None, wanted: str) -> tuple[str, ...]:
    """Return how the loaded table's text differs in meaning from the wanted one, as lines of a unified diff.

    Order where it means nothing, merged ranges, and other wordings of the same value are no difference.
    Raises UnknownRule.
    """
    before = tuple(canonical(parse(loaded))) if loaded else ()
    after = tuple(canonical(parse(wanted)))
    return tuple(difflib.unified_diff(before, after, "loaded", "settings", lineterm="", n=1))


def canonical(table: Table) -> Iterator[str]:
    """Yield the lines of the table in the one wording that is compared."""
    yield f"table {table.name}"
    for name, spans in sorted(table.sets.items()):
        for first, last in _merged(spans):
            for network in summarize_address_range(first, last):
                yield f"set {name}: {network}"
    for name, chain in sorted(table.chains.items()):
        yield f"chain {name}: {chain.hook or 'no hook'} {chain.policy}".rstrip()
        yield from (f"chain {name}: {_line(rule)}" for rule in chain.rules)


def span(text: str) -> Span:
    """Return the first and last address of `a`, `a/n` or `a-b`. Raises UnknownRule."""
    first, dash, last = text.partition("-")
    try:
        if not dash:
            network = ip_network(text)
            return network.network_address, network.broadcast_address
        ends = ip_address(first), ip_address(last)
    except ValueError as error:
        raise UnknownRule(Sentence("{text}: is no address or network", text=text)) from error
    if ends[0].version != ends[1].version or int(ends[0]) > int(ends[1]):
        raise UnknownRule(Sentence("{text}: is no range", text=text))
    return ends


def _blocks(tokens: Iterator[str]) -> Iterator[Statement]:
    """Yield the statements up to the end of the block, each with the statements in its own braces, if any."""
    words: list[Word] = []
    for token in tokens:
        if token in ("\n", ";", "}"):
            if words:
                yield tuple(words), None
            words = []
            if token == "}":
                return
        elif token == "{" and words and words[0] in _BLOCKS:
            yield tuple(words), list(_blocks(tokens))
            words = []
        elif token == "{":
            words.append(_elements(tokens))
        else:
            words.append(token)


def _elements(tokens: Iterator[str]) -> tuple[str, ...]:
    """Return the elements in the braces of a { set }, sorted: their order means nothing."""
    elements = [""]
    for token in takewhile("}".__ne__, tokens):
        if token == ",":
            elements.append("")
        else:
            elements[-1] = f"{elements[-1]} {token}".strip()
    return tuple(sorted(_value(element) for element in elements if element))


def _table(name: str, body: Iterable[Statement]) -> Table:
    """Return the table with these statements. Raises UnknownRule."""
    sets, chains = {}, {}
    for head, inner in body:
        if inner is None or len(head) != 2:
            raise UnknownRule(Sentence("{words}: is neither a set nor a chain", words=_line(head)))
        kind, own = _plain(head)
        for statement, block in inner:
            if block is not None:
                raise UnknownRule(Sentence("{words}: a block in a {kind}", words=_line(statement), kind=kind))
        rules = [statement for statement, _ in inner]
        if kind == "set":
            sets[own] = _spans(own, rules)
        else:
            chains[own] = _hooked(rules)
    return Table(name, sets, chains)


def _spans(name: str, statements: Iterable[Rule]) -> tuple[Span, ...]:
    """Return the address ranges of a set. Raises UnknownRule."""
    spans: tuple[Span, ...] = ()
    for statement in statements:
        match statement:
            case ("elements", "=", tuple(elements)):
                spans = tuple(span(element) for element in elements)
            case ("type" | "flags" | "auto-merge", *_):
                pass
            case _:
                raise UnknownRule(Sentence("set {name}: {words}", name=name, words=_line(statement)))
    return spans


def _hooked(statements: list[Rule]) -> Chain:
    """Return the chain with these statements: its hook, its policy and its rules."""
    hook = policy = ""
    rules = []
    for statement in statements:
        match statement:
            case ("type", *_):
                hook = " ".join(_plain(statement)).replace("priority 0", "priority filter")
            case ("policy", str(verdict)):
                policy = verdict
            case _:
                rules.append(_rule(statement))
    return Chain(hook, policy, tuple(rules))


def _rule(statement: Rule) -> Rule:
    """Return a rule in the one wording for its meaning: of values, of a { set } of one, and of the burst,
    which nft does not list if it is its default.
    """
    rule = tuple(
        _value(word) if isinstance(word, str) else word[0] if len(word) == 1 else word for word in statement
    )
    if rule[:2] == ("limit", "rate") and "burst" not in rule:
        return (*rule[:-1], "burst", "5", "packets", rule[-1])
    return rule


def _value(word: str) -> str:
    """Return a value in one wording: seconds for a time of day, the usual form of an address."""
    if word.startswith('"'):
        return _HOUR.sub(lambda time: str(_seconds(time)), word)
    try:
        return str(ip_network(word)) if "/" in word else str(ip_address(word))
    except ValueError:
        return word


def _seconds(time: re.Match[str]) -> int:
    hours, minutes, seconds = (int(part or 0) for part in time.groups())
    return hours * 3600 + minutes * 60 + seconds


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return the ranges in order; those that touch or overlap are one."""
    merged: list[Span] = []
    for first, last in sorted(spans, key=lambda ends: (ends[0].version, int(ends[0]))):
        before = merged[-1] if merged else None
        if before and before[0].version == first.version and int(first) <= int(before[1]) + 1:
            merged[-1] = before[0], max(before[1], last)
        else:
            merged.append((first, last))
    return merged


def _plain(words: Rule) -> tuple[str, ...]:
    """Return words that hold no { set }. Raises UnknownRule if one is a set."""
    if not all(isinstance(word, str) for word in words):
        raise UnknownRule(Sentence("{words}: braces where none are known", words=_line(words)))
    return tuple(str(word) for word in words)


def _line(words: Rule) -> str:
    return " ".join(word if isinstance(word, str) else f"{{ {', '.join(word)} }}" for word in words)
