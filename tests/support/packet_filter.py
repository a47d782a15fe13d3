"""Judges what a ruleset, as it is written, would do with a packet: the kernel's part, without a kernel.

Pure. It reads the words of the rules and knows no policy: tests compare the two, and both with the kernel.
A word that is not known here raises UnknownRule; it is never skipped.
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
    """Tell whether the packet passes; `packet.at` is UTC, as the kernel's clock is. Raises UnknownRule."""
    for chain in table.chains.values():
        if f"hook {packet.direction} " in chain.hook:
            verdict = _walk(table, chain.rules, packet) or chain.policy
            if verdict == "drop":
                return False
    return True


def _walk(table: Table, rules: tuple[Rule, ...], packet: Packet) -> str:
    """Return the verdict of a chain's rules, empty if no rule gives one."""
    for rule in rules:
        verdict = _Reading(table, rule, packet).verdict()
        if verdict in _VERDICTS:
            return verdict
        word, _, target = verdict.partition(" ")
        if word == "return":
            return ""
        if word in ("goto", "jump"):
            below = _walk(table, _rules_of(table, target), packet)
            if below or word == "goto":
                return below
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
        """Return the rule's verdict, empty if the packet does not match; every word is read in both cases."""
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
        """Tell whether a field of the packet matches; a packet without the field does not."""
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

    def _counted(self, condition: str) -> bool:
        """Tell whether a condition on the packets before this one is met."""
        packet = self.packet
        if condition == "ct state":
            return self._among(packet.state)
        if condition == "ct count":
            over = self._maybe("over")
            return (packet.links + 1 > self._whole(self._text())) == over
        if condition == "limit rate":
            over = self._maybe("over")
            self._text()  # how fast tokens come back; `recent` counts the packets of this one moment
            # nft does not list its own default.
            burst = self._whole(self._text()) if self._maybe("burst") else 5
            self._maybe("packets")
            return (packet.recent >= burst) == over
        raise UnknownRule(f"{self.rule}: {condition} is not known")

    def _maybe(self, word: str) -> bool:
        """Read the next word if it is this one; tell whether it is."""
        is_next = self.at < len(self.rule) and self.rule[self.at] == word
        self.at += is_next
        return is_next

    def _values(self) -> tuple[bool, tuple[str, ...]]:
        """Return whether the values are excluded, and the values."""
        excluded = self._maybe("!=")
        word = self._next()
        return excluded, (word,) if isinstance(word, str) else word

    def _test(self, holds: Callable[[str], bool]) -> bool:
        excluded, values = self._values()
        return any(holds(value) for value in values) != excluded

    def _among(self, value: str) -> bool:
        return self._test(lambda element: element == value)

    def _number(self, value: int) -> bool:
        def holds(element: str) -> bool:
            first, _, last = element.partition("-")
            return self._whole(first) <= value <= self._whole(last or first)

        return self._test(holds)

    def _whole(self, text: str) -> int:
        if not text.isdecimal():
            raise UnknownRule(f"{self.rule}: {text} is no number")
        return int(text)

    def _address(self, protocol: str, address: Address) -> bool:
        """Tell whether an address matches; one of the other version does not, not even with `!=`."""
        inside = self._test(lambda element: any(_holds(ends, address) for ends in self._spans(element)))
        return inside and address.version == (4 if protocol == "ip" else 6)

    def _spans(self, element: str) -> Iterator[tuple[Address, Address]]:
        if not element.startswith("@"):
            yield span(element)
        elif element[1:] in self.table.sets:
            yield from self.table.sets[element[1:]]
        else:
            raise UnknownRule(f"{self.rule}: there is no set {element}")


def _holds(ends: tuple[Address, Address], address: Address) -> bool:
    first, last = ends
    return first.version == address.version and int(first) <= int(address) <= int(last)
