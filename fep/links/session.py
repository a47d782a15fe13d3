"""The states of a link's session: what the bank may send in each, and which MAC keys count (docs/protocol.md
section 5).

An Automat machine whose table is data: no bytes, no clock, no transport. The table has a row for every input
in every state, so that an input without effect is a decision too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from automat import TypeMachineBuilder

from protocol.mac import MacKey
from protocol.responses import Response
from qianzhi_errors.sentence import phrase

CONNECTED: Final = phrase("connected")
WITHOUT_KEY: Final = phrase("without a key")
SIGNED_ON: Final = phrase("signed on")
SIGNED_OFF: Final = phrase("signed off")
STOPPING: Final = phrase("stopping")
LOST: Final = phrase("lost")
"""The names of the states, as operators see them."""


class Session(Protocol):
    """The machine's inputs, and the two questions that each state answers."""

    def signed_on(self, key: MacKey, retire_at: float) -> None:
        """The bank signed on: `key` is its fresh session key; one before it verifies until `retire_at`
        (reactor seconds).
        """

    def signed_on_keyless(self) -> None:
        """The bank, which makes the keys itself, signed on and brought none, or the one that it has."""

    def key_changed(self, key: MacKey, retire_at: float) -> None:
        """The session key was changed to `key`; the old one verifies until `retire_at` (reactor seconds)."""

    def signed_off(self) -> None:
        """The bank signed off."""

    def stopping(self) -> None:
        """The front-end machine is being stopped: what it has taken is finished, nothing new is taken."""

    def lost(self) -> None:
        """The connection is gone."""

    def business(self) -> Response:
        """APPROVED if a transaction may come now, else the response code to answer it with."""

    def state(self) -> str:
        """The state's name, for operators."""


@dataclass(slots=True)
class SessionKeys:
    """The session's MAC keys, which the states share. `previous` verifies until `retire_at`, in reactor
    seconds; `current` is None before the first sign-on.
    """

    current: MacKey | None = None
    previous: MacKey | None = None
    retire_at: float = 0.0

    def authentic(self, covered: bytes, mac: bytes, now: float) -> bool:
        """Whether `mac` is right for `covered` at `now` (reactor seconds): under the current key, or under
        the previous one until it retires.
        """
        if self.current is not None and self.current.verify(covered, mac):
            return True
        return self.previous is not None and now < self.retire_at and self.previous.verify(covered, mac)


_machine = TypeMachineBuilder(Session, SessionKeys)

unsigned = _machine.state(CONNECTED)
keyless = _machine.state(WITHOUT_KEY)
open_ = _machine.state(SIGNED_ON)
signed_off = _machine.state(SIGNED_OFF)
draining = _machine.state(STOPPING)
gone = _machine.state(LOST)


# Outputs. Each takes the session, the keys, and the input's own arguments.


def _rotate(_session: Session, keys: SessionKeys, key: MacKey, retire_at: float) -> None:
    keys.current, keys.previous, keys.retire_at = key, keys.current, retire_at


def _forget(_session: Session, keys: SessionKeys) -> None:
    keys.current = keys.previous = None


def _nothing(_session: Session, _keys: SessionKeys, *_arguments: object) -> None:
    """Do nothing: the row that names this output says that the input has no effect in its state."""


# The table: state, input, the state that it leads to, and what it does to the keys. After sign-off and while
# stopping the keys stay: transactions that were taken before are still answered under them.
TRANSITIONS = (
    (unsigned, Session.signed_on, open_, _rotate),
    (unsigned, Session.signed_on_keyless, keyless, _nothing),
    (unsigned, Session.key_changed, unsigned, _nothing),
    (unsigned, Session.signed_off, unsigned, _nothing),
    (unsigned, Session.stopping, draining, _nothing),
    (unsigned, Session.lost, gone, _forget),
    (keyless, Session.signed_on, open_, _rotate),
    (keyless, Session.signed_on_keyless, keyless, _nothing),
    (keyless, Session.key_changed, keyless, _nothing),
    (keyless, Session.signed_off, unsigned, _nothing),
    (keyless, Session.stopping, draining, _nothing),
    (keyless, Session.lost, gone, _forget),
    (open_, Session.signed_on, open_, _rotate),
    (open_, Session.signed_on_keyless, open_, _nothing),
    (open_, Session.key_changed, open_, _rotate),
    (open_, Session.signed_off, signed_off, _nothing),
    (open_, Session.stopping, draining, _nothing),
    (open_, Session.lost, gone, _forget),
    (signed_off, Session.signed_on, open_, _rotate),
    (signed_off, Session.signed_on_keyless, open_, _nothing),
    (signed_off, Session.key_changed, signed_off, _nothing),
    (signed_off, Session.signed_off, signed_off, _nothing),
    (signed_off, Session.stopping, draining, _nothing),
    (signed_off, Session.lost, gone, _forget),
    (draining, Session.signed_on, draining, _nothing),
    (draining, Session.signed_on_keyless, draining, _nothing),
    (draining, Session.key_changed, draining, _nothing),
    (draining, Session.signed_off, draining, _nothing),
    (draining, Session.stopping, draining, _nothing),
    (draining, Session.lost, gone, _forget),
    (gone, Session.signed_on, gone, _nothing),
    (gone, Session.signed_on_keyless, gone, _nothing),
    (gone, Session.key_changed, gone, _nothing),
    (gone, Session.signed_off, gone, _nothing),
    (gone, Session.stopping, gone, _nothing),
    (gone, Session.lost, gone, _nothing),
)

BUSINESS = (
    (unsigned, Response.SECURITY),
    (keyless, Response.SECURITY),
    (open_, Response.APPROVED),
    (signed_off, Response.SECURITY),
    (draining, Response.UNAVAILABLE),
    (gone, Response.UNAVAILABLE),
)
"""The response code with which each state answers a transaction; APPROVED lets it through."""

for _state, _input, _next, _output in TRANSITIONS:
    _state.upon(_input).to(_next)(_output)
for _state, _response in BUSINESS:
    _state.upon(Session.business).to(_state).returns(_response)
    _state.upon(Session.state).to(_state).returns(_state.name)

new_session = _machine.build()
"""Makes a session in its first state from its SessionKeys."""


class LinkSession:
    """The session of one link: its keys, and in `business` what its state answers to a transaction.

    `business` is kept after each input, since asking the machine for each transaction costs too much.
    """

    def __init__(self) -> None:
        self.keys = SessionKeys()
        self._session = new_session(self.keys)
        self.business = self._session.business()

    def state(self) -> str:
        """The state's name, for operators."""
        return self._session.state()

    def signed_on(self, key: MacKey, retire_at: float) -> None:
        """The bank signed on: `key` is its fresh session key; one before it verifies until `retire_at`."""
        self._session.signed_on(key, retire_at)
        self.business = self._session.business()

    def signed_on_keyless(self) -> None:
        """The bank signed on and brought no new key."""
        self._session.signed_on_keyless()
        self.business = self._session.business()

    def key_changed(self, key: MacKey, retire_at: float) -> None:
        """The session key was changed; the old one verifies until `retire_at` (reactor seconds)."""
        self._session.key_changed(key, retire_at)
        self.business = self._session.business()

    def signed_off(self) -> None:
        """The bank signed off."""
        self._session.signed_off()
        self.business = self._session.business()

    def stopping(self) -> None:
        """The front-end machine is being stopped: nothing new is taken."""
        self._session.stopping()
        self.business = self._session.business()

    def lost(self) -> None:
        """The connection is gone."""
        self._session.lost()
        self.business = self._session.business()
