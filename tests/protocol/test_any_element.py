"""Any value of one data element (DE): what the codec writes for it and reads, and what it refuses.

One DE in a message, in each dialect, so that a failure names the DE and is quickly made small. What only
whole messages can show is in test_any_message.py.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from protocol.errors import DecodeError, EncodeError
from protocol.message import Message
from tests.support.element_bytes import FORMATS, TEXT, WIRES, head_bytes, message_bytes
from tests.support.messages import ALPHABETS, CODECS, samples, values

NUMBERS = tuple(FORMATS)
EVERY = pytest.mark.parametrize("name", WIRES)
SOME = pytest.mark.parametrize("numbers", [NUMBERS[at : at + 9] for at in range(0, len(NUMBERS), 9)], ids=str)
"""A few DEs at a time: each test has a cost, and a failing one names the DE by its last note."""
ALIENS = "\x00\n\x7f\x9f /:@GZgz٣é保\ud800"
"""Characters of which each kind of field allows a few at most."""


def holds(name: str, number: int, value: str) -> None:
    """Fail unless the value is written as the interface says, and read back as it was."""
    message = Message("0200", {number: value})
    raw = message_bytes(name, "0200", message.fields)
    assert CODECS[name].encode(message) == raw
    assert CODECS[name].decode(raw) == message


def refuses(name: str, number: int, value: str) -> None:
    """Fail unless the value is refused by the DE's number: to be written, and as bytes where it has any."""
    with pytest.raises(EncodeError) as caught:
        CODECS[name].encode(Message("0200", {number: value}))
    assert (caught.value.field, caught.value.__context__) == (str(number), None)
    raw, filled = bytes_of(name, number, value), value.rjust(FORMATS[number].length, "0")
    if raw is None or (filled != value and raw == bytes_of(name, number, filled)):
        return  # no bytes, or those of a right value: packed digits with a nought before them
    with pytest.raises(DecodeError) as read:
        CODECS[name].decode(raw)
    assert read.value.field == str(number)
    assert len(head_bytes(name, "0200", [number])) <= read.value.position <= len(raw)


def bytes_of(name: str, number: int, value: str) -> bytes | None:
    """A message with this DE alone, None where no bytes say it."""
    with contextlib.suppress(ValueError):
        return message_bytes(name, "0200", {number: value})
    return None


@EVERY
def test_an_element_holds_every_length_that_it_may_have_and_none_beside(name: str) -> None:
    faults = {}
    for number in NUMBERS:
        try:
            _has_its_lengths(name, number)
        except (AssertionError, EncodeError, DecodeError, pytest.fail.Exception) as error:
            faults[f"DE {number}"] = repr(error)
    assert faults == {}


def _has_its_lengths(name: str, number: int) -> None:
    kind, prefix, length = FORMATS[number]
    for value in samples(name, number):
        holds(name, number, value)
    for count in (length + 1,) if prefix else (0, length - 1, length + 1):
        refuses(name, number, ("C" * (kind == "x+n") + "1" * count)[:count])


@pytest.mark.slow
@EVERY
@SOME
@settings(max_examples=5)
@given(data=st.data())
def test_an_element_holds_any_value_of_its_kind(
    name: str, numbers: tuple[int, ...], data: st.DataObject
) -> None:
    for number in numbers:
        note(f"DE {number}")
        holds(name, number, data.draw(values(name, number)))


@pytest.mark.slow
@EVERY
@SOME
@settings(max_examples=5)
@given(data=st.data())
def test_an_element_refuses_any_value_with_a_character_that_its_kind_has_not(
    name: str, numbers: tuple[int, ...], data: st.DataObject
) -> None:
    for number in numbers:
        note(f"DE {number}")
        value = data.draw(values(name, number))
        place = data.draw(st.integers(0, max(len(value) - 1, 0)))
        alien = data.draw(st.sampled_from(aliens(name, number, place)))
        refuses(name, number, value[:place] + alien + value[place + 1 :])


def aliens(name: str, number: int, place: int) -> str:
    """The characters that a DE may not have at a place."""
    kind, _, _ = FORMATS[number]
    if kind == "x+n" and place == 0:
        return "0" + ALIENS
    allowed = {"an": " ", "b": "abcdef"}.get(kind, "") + ALPHABETS[kind]
    if number in TEXT:
        encoding = WIRES[name].text
        allowed = "".join(character for character in " /:@GZgz٣é保" if character.encode(encoding, "ignore"))
        allowed += "\n" if number == 62 else ""
    return "".join(character for character in ALIENS if character not in allowed)
