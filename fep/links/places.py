"""A bank's places: which of its connections have signed on, and which give way to newer ones.

A connection that has not signed on takes no place, so whoever opens connections from a bank's address and
says nothing keeps nobody out: there may be so many of them, and the oldest gives way to a newcomer. A bank
whose places are all taken may have lost links that this end still believes in; each is asked for an echo when
another signs on, and the longest silent that does not answer gives way. A link that answers never does.

No socket and no message: a connection is what `Occupant` says. The clock and its timer are handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorTime

from qianzhi_errors.sentence import Sentence

ANSWER_SECONDS: Final = 2.0
"""For so long a link that was silent may take to show that it is alive."""
FULL: Final = Sentence("has as many links as it may")
NEWER: Final = Sentence("it had not signed on, and gave way to a newer connection")
SILENT: Final = Sentence("it was silent, and gave way to a new link")


class Occupant(Protocol):
    """One connection of a bank. `host` is the address that it comes from."""

    host: str

    def silent_seconds(self) -> float:
        """How many seconds nothing was heard on it; 0 while we do not read it."""

    def ask_for_echo(self) -> None:
        """Ask whether the other end is still there, unless it is being asked."""

    def give_way(self, reason: str) -> None:
        """End it at once."""


class Places:
    """The connections of one bank, by the order in which they came."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._unsigned: dict[Occupant, None] = {}
        self._signed_on: dict[Occupant, None] = {}
        self._waiting: dict[Occupant, tuple[int, Callable[[], None]]] = {}

    def come(self, newcomer: Occupant, most_unsigned: int) -> None:
        """Take up a connection that has not signed on. Where there are more than `most_unsigned` of them now,
        the oldest gives way, of the address that has most of them.
        """
        self._unsigned[newcomer] = None
        if len(self._unsigned) > most_unsigned:
            self._displace()

    def make_room(self) -> bool:
        """Have the oldest connection that has not signed on give way; False where there is none."""
        return bool(self._unsigned) and self._displace()

    def sign_on(self, occupant: Occupant, most: int, granted: Callable[[], None]) -> None:
        """Call `granted` as soon as the connection has a place among `most`: at once where one is free or it
        has one, else when a silent link has given way. If all links answer, end the connection.
        """
        if occupant in self._signed_on:
            granted()
        elif len(self._signed_on) < most:
            self._take_place(occupant)
            granted()
        else:
            for link in self._signed_on:
                link.ask_for_echo()
            if occupant not in self._waiting:
                # After one more look at the sockets: answers may lie there where the process was held up.
                asked_at = self._clock.seconds()
                self._clock.callLater(
                    ANSWER_SECONDS, self._clock.callLater, 0, self._decide, occupant, asked_at
                )
            self._waiting[occupant] = most, granted

    def gone(self, occupant: Occupant) -> None:
        """Strike off a connection that has ended or is ending; who waits for its place gets it."""
        self._waiting.pop(occupant, None)
        self._unsigned.pop(occupant, None)
        if occupant in self._signed_on:
            del self._signed_on[occupant]
            self._grant()

    def has_signed_on(self, occupant: Occupant) -> bool:
        """Whether a connection has a place."""
        return occupant in self._signed_on

    def _displace(self) -> bool:
        hosts = Counter(occupant.host for occupant in self._unsigned)
        busiest = max(hosts.values())
        oldest = next(occupant for occupant in self._unsigned if hosts[occupant.host] == busiest)
        del self._unsigned[oldest]
        self._waiting.pop(oldest, None)
        oldest.give_way(NEWER)
        return True

    def _take_place(self, occupant: Occupant) -> None:
        self._unsigned.pop(occupant, None)
        self._signed_on[occupant] = None

    def _decide(self, occupant: Occupant, asked_at: float) -> None:
        """Give a connection that has waited the place of the longest silent link, of those that were not
        heard since `asked_at`; or end it.
        """
        if occupant not in self._waiting:
            return
        waited = self._clock.seconds() - asked_at
        silent = [link for link in self._signed_on if link.silent_seconds() >= waited]
        if not silent:
            self.gone(occupant)
            occupant.give_way(FULL)
            return
        longest = max(silent, key=lambda link: link.silent_seconds())
        self._waiting = {occupant: self._waiting.pop(occupant), **self._waiting}
        self.gone(longest)
        longest.give_way(SILENT)

    def _grant(self) -> None:
        """Give the places that are free to those who wait, in their order."""
        for occupant, (most, granted) in tuple(self._waiting.items()):
            if len(self._signed_on) >= most:
                return
            del self._waiting[occupant]
            self._take_place(occupant)
            granted()
