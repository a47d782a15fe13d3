"""Judges what a ruleset, as it is written, would do with a packet: the kernel's part, without a kernel.

Pure. Reads the words of the rules and knows no policy: the tests compare the two, and both with the kernel.
A word that is not known here raises UnknownRule; it is never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType

from firewall_rules.errors import UnknownRule
from firewall_rules.gateway import Address
from firewall_rules.policy import Packet
from firewall_rules.ruleset import Rule, Table, Word, span

_VERDICTS = ("accept", "drop")
_PROTOCOLS = MappingProxyType({"tcp": "tcp", "udp": "udp", "icmpv6": "ipv6-icmp", "icmp": "icmp"})


def passes(table: Table, packet: Packet) -> bool:
    """Whether the packet passes; `packet.at` is UTC here, as the kernel's clock is. Raises UnknownRule."""
    for chain in table.chains.values():
        if f"hook {packet.direction} " in chain.hook:
            verdict = _walk(table, chain.rules, packet) or chain.policy
            if verdict == "drop":
                return False
    return True


def _walk(table: Table, rules: tuple[Rule, ...], packet: Packet) -> str:
    """The verdict of a chain's rules, empty if they come to none."""
    for rule in rules:
        verdict = _Reading(table, rule, packet).verdict()
        if verdict in _VERDICTS:
            return verdict
        word, _, target = verdict.partition(" ")
        if word == "return":
            return ""
        if word in ("goto", "jump"):
            found = _walk(table, _rules_of(table, target), packet)
            if found or word == "goto":
                return found
    return ""


def _rules_of(table: Table, name: str) -> tuple[Rule, ...]:
    if name not in table.chains:
        raise UnknownRule(f"there is no chain {name}")
    return table.chains[name].rules


@dataclass(slots=True)
class _Reading:
    """One rule, read from left to right against one packet."""

    table: Table
    rule: Rule
    packet: Packet
    at: int = 0

    def verdict(self) -> str:
        """The rule's verdict, empty if the packet does not match; every word is read either way."""
        matches = True
        while self.at < len(self.rule):
            word = self._text()
            if word in _VERDICTS or word == "return":
                return self._last(word, matches=matches)
            if word in ("goto", "jump"):
                return self._last(f"{word} {self._text()}", matches=matches)
            matches = self._match(word) and matches
        raise UnknownRule(f"{self.rule}: comes to no verdict")

    def _last(self, verdict: str, *, matches: bool) -> str:
        if self.at != len(self.rule):
            raise UnknownRule(f"{self.rule}: goes on after its verdict")
        return verdict if matches else ""

    def _next(self) -> Word:
        if self.at >= len(self.rule):
            raise UnknownRule(f"{self.rule}: ends too soon")
        self.at += 1
        return self.rule[self.at - 1]

    def _text(self) -> str:
        word = self._next()
        if not isinstance(word, str):
            raise UnknownRule(f"{self.rule}: braces at word {self.at}")
        return word

    def _match(self, word: str) -> bool:
        packet = self.packet
        if word in ("iifname", "oifname"):
            wanted = "input" if word == "iifname" else "output"
            return self._among('"lo"' if packet.loopback and packet.direction == wanted else '"eth"')
        if word in ("ct", "limit"):
            return self._counted(f"{word} {self._text()}")
        if word in ("ip", "ip6", "meta", "tcp", "udp", "icmp", "icmpv6"):
            return self._field(f"{word} {self._text()}")
        raise UnknownRule(f"{self.rule}: {word} is not known")

    def _field(self, field: str) -> bool:
        """A field of the packet; a packet that has no such field does not match."""
        packet = self.packet
        protocol, _, name = field.partition(" ")
        if name in ("saddr", "daddr"):
            return self._address(protocol, packet.source if name == "saddr" else packet.destination)
        if field == "ip6 hoplimit":
            return self._among(str(packet.hops)) and packet.source.version == 6
        if field == "meta l4proto":
            return self._among(packet.protocol)
        if field == "meta hour":
            at = packet.at
            return self._number(at.hour * 3600 + at.minute * 60 + at.second)
        own = packet.protocol == _PROTOCOLS.get(protocol)
        if name == "dport":
            return self._number(packet.port) and own
        if name == "type":
            return self._among(packet.icmp_type) and own
        raise UnknownRule(f"{self.rule}: {field} is not known")

    def _counted(self, what: str) -> bool:
        """What depends on the packets before this one."""
        packet = self.packet
        if what == "ct state":
            return self._among(packet.state)
        if what == "ct count":
            over = self._maybe("over")
            return (packet.links + 1 > self._whole(self._text())) == over
        if what == "limit rate":
            over = self._maybe("over")
            self._text()  # how soon there is room again; `recent` counts what came at this one moment
            # nft does not list its own default.
            burst = self._whole(self._text()) if self._maybe("burst") else 5
            self._maybe("packets")
            return (packet.recent >= burst) == over
        raise UnknownRule(f"{self.rule}: {what} is not known")

    def _maybe(self, word: str) -> bool:
        found = self.at < len(self.rule) and self.rule[self.at] == word
        self.at += found
        return found

    def _values(self) -> tuple[bool, tuple[str, ...]]:
        """Whether the values are excluded, and the values."""
        excluded = self._maybe("!=")
        word = self._next()
        return excluded, (word,) if isinstance(word, str) else word

    def _test(self, holds: Callable[[str], bool]) -> bool:
        excluded, values = self._values()
        return any(holds(value) for value in values) != excluded

    def _among(self, value: str) -> bool:
        return self._test(lambda given: given == value)

    def _number(self, value: int) -> bool:
        def holds(given: str) -> bool:
            first, _, last = given.partition("-")
            return self._whole(first) <= value <= self._whole(last or first)

        return self._test(holds)

    def _whole(self, text: str) -> int:
        if not text.isdecimal():
            raise UnknownRule(f"{self.rule}: {text} is no number")
        return int(text)

    def _address(self, protocol: str, address: Address) -> bool:
        """A packet of the other version has no such field, so that not even `!=` matches it."""
        inside = self._test(lambda given: any(_holds(one, address) for one in self._spans(given)))
        return inside and address.version == (4 if protocol == "ip" else 6)

    def _spans(self, given: str) -> Iterator[tuple[Address, Address]]:
        if not given.startswith("@"):
            yield span(given)
        elif given[1:] in self.table.sets:
            yield from self.table.sets[given[1:]]
        else:
            raise UnknownRule(f"{self.rule}: there is no set {given}")


def _holds(one: tuple[Address, Address], address: Address) -> bool:
    return one[0].version == address.version and int(one[0]) <= int(address) <= int(one[1])
