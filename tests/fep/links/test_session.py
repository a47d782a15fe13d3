"""The session's table, state by state and input by input, without a byte: it is total, and each cell is what
the protocol says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from fep.links.session import (
    BUSINESS,
    CONNECTED,
    LOST,
    SIGNED_OFF,
    SIGNED_ON,
    STOPPING,
    TRANSITIONS,
    WITHOUT_KEY,
    LinkSession,
    SessionKeys,
)
from protocol.mac import MacKey, MacMethod
from protocol.responses import Response

OLD, FRESH = (MacKey(MacMethod.AES_CMAC, bytes([byte] * 16)) for byte in (1, 2))
RETIRE_AT = 30.0
COVERED = b"0200 and all that the MAC covers"

INPUTS: Mapping[str, Callable[[LinkSession], None]] = MappingProxyType(
    {
        "signed_on": lambda session: session.signed_on(FRESH, RETIRE_AT),
        "signed_on_keyless": LinkSession.signed_on_keyless,
        "key_changed": lambda session: session.key_changed(FRESH, RETIRE_AT),
        "signed_off": LinkSession.signed_off,
        "stopping": LinkSession.stopping,
        "lost": LinkSession.lost,
    }
)
# How a session comes into each state; the key that it then has is OLD, where it has one.
WAYS: Mapping[str, tuple[Callable[[LinkSession], None], ...]] = MappingProxyType(
    {
        CONNECTED: (),
        WITHOUT_KEY: (LinkSession.signed_on_keyless,),
        SIGNED_ON: (lambda session: session.signed_on(OLD, 0),),
        SIGNED_OFF: (lambda session: session.signed_on(OLD, 0), LinkSession.signed_off),
        STOPPING: (lambda session: session.signed_on(OLD, 0), LinkSession.stopping),
        LOST: (lambda session: session.signed_on(OLD, 0), LinkSession.lost),
    }
)


class Keyed(NamedTuple):
    """The keys of a session: current and previous."""

    current: MacKey | None
    previous: MacKey | None


NONE, KEPT, ROTATED = Keyed(None, None), Keyed(OLD, None), Keyed(FRESH, OLD)

# State and input -> the state then, and the keys then: the whole product.
CELLS: Mapping[tuple[str, str], tuple[str, Keyed]] = MappingProxyType(
    {
        (CONNECTED, "signed_on"): (SIGNED_ON, Keyed(FRESH, None)),
        (CONNECTED, "signed_on_keyless"): (WITHOUT_KEY, NONE),
        (CONNECTED, "key_changed"): (CONNECTED, NONE),
        (CONNECTED, "signed_off"): (CONNECTED, NONE),
        (CONNECTED, "stopping"): (STOPPING, NONE),
        (CONNECTED, "lost"): (LOST, NONE),
        (WITHOUT_KEY, "signed_on"): (SIGNED_ON, Keyed(FRESH, None)),
        (WITHOUT_KEY, "signed_on_keyless"): (WITHOUT_KEY, NONE),
        (WITHOUT_KEY, "key_changed"): (WITHOUT_KEY, NONE),
        (WITHOUT_KEY, "signed_off"): (CONNECTED, NONE),
        (WITHOUT_KEY, "stopping"): (STOPPING, NONE),
        (WITHOUT_KEY, "lost"): (LOST, NONE),
        (SIGNED_ON, "signed_on"): (SIGNED_ON, ROTATED),
        (SIGNED_ON, "signed_on_keyless"): (SIGNED_ON, KEPT),
        (SIGNED_ON, "key_changed"): (SIGNED_ON, ROTATED),
        (SIGNED_ON, "signed_off"): (SIGNED_OFF, KEPT),
        (SIGNED_ON, "stopping"): (STOPPING, KEPT),
        (SIGNED_ON, "lost"): (LOST, NONE),
        (SIGNED_OFF, "signed_on"): (SIGNED_ON, ROTATED),
        (SIGNED_OFF, "signed_on_keyless"): (SIGNED_ON, KEPT),
        (SIGNED_OFF, "key_changed"): (SIGNED_OFF, KEPT),
        (SIGNED_OFF, "signed_off"): (SIGNED_OFF, KEPT),
        (SIGNED_OFF, "stopping"): (STOPPING, KEPT),
        (SIGNED_OFF, "lost"): (LOST, NONE),
        (STOPPING, "signed_on"): (STOPPING, KEPT),
        (STOPPING, "signed_on_keyless"): (STOPPING, KEPT),
        (STOPPING, "key_changed"): (STOPPING, KEPT),
        (STOPPING, "signed_off"): (STOPPING, KEPT),
        (STOPPING, "stopping"): (STOPPING, KEPT),
        (STOPPING, "lost"): (LOST, NONE),
        (LOST, "signed_on"): (LOST, NONE),
        (LOST, "signed_on_keyless"): (LOST, NONE),
        (LOST, "key_changed"): (LOST, NONE),
        (LOST, "signed_off"): (LOST, NONE),
        (LOST, "stopping"): (LOST, NONE),
        (LOST, "lost"): (LOST, NONE),
    }
)
ANSWERS: Mapping[str, Response] = MappingProxyType(
    {
        CONNECTED: Response.SECURITY,
        WITHOUT_KEY: Response.SECURITY,
        SIGNED_ON: Response.APPROVED,
        SIGNED_OFF: Response.SECURITY,
        STOPPING: Response.UNAVAILABLE,
        LOST: Response.UNAVAILABLE,
    }
)


def session_in(state: str) -> LinkSession:
    session = LinkSession()
    for step in WAYS[state]:
        step(session)
    assert session.state() == state
    return session


def test_the_table_states_each_input_of_each_state_once() -> None:
    cells = [(row[0].name, row[1].__name__) for row in TRANSITIONS]
    assert sorted(cells) == sorted((state, given) for state in ANSWERS for given in INPUTS)
    assert sorted(CELLS) == sorted(cells)


def test_the_table_states_once_what_each_state_answers_to_a_transaction() -> None:
    assert {state.name: response for state, response in BUSINESS} == ANSWERS
    assert len(BUSINESS) == len(ANSWERS)


@pytest.mark.parametrize(("state", "given"), CELLS, ids=str)
def test_each_input_in_each_state_leads_where_the_protocol_says(state: str, given: str) -> None:
    session = session_in(state)
    INPUTS[given](session)
    following, keys = CELLS[state, given]
    assert (session.state(), Keyed(session.keys.current, session.keys.previous)) == (following, keys)
    assert session.business is ANSWERS[following], "what is kept is what the state answers"


@pytest.mark.parametrize("state", ANSWERS)
def test_what_a_session_answers_to_a_transaction_is_its_states(state: str) -> None:
    assert session_in(state).business is ANSWERS[state]


def test_without_a_key_nothing_is_authentic() -> None:
    assert not SessionKeys().authentic(COVERED, OLD.mac(COVERED), 0)


def test_the_former_key_verifies_until_it_retires_and_no_longer() -> None:
    keys = SessionKeys(FRESH, OLD, RETIRE_AT)
    assert keys.authentic(COVERED, OLD.mac(COVERED), RETIRE_AT - 0.1)
    assert not keys.authentic(COVERED, OLD.mac(COVERED), RETIRE_AT)


def test_the_current_key_verifies_at_any_time_and_its_own_bytes_alone() -> None:
    keys = SessionKeys(FRESH, OLD, RETIRE_AT)
    assert keys.authentic(COVERED, FRESH.mac(COVERED), 1e9)
    assert not keys.authentic(COVERED + b"?", FRESH.mac(COVERED), 0)
