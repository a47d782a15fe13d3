"""The interface names every text of DE 44 and every value of ST that the machine has, and no other."""

from __future__ import annotations

from protocol.dialect import load, shipped
from protocol.responses import RESPONSES, Response
from tests.docs.interface import REASONS, STATUS, found_codes, found_reasons, status_values


def test_every_text_of_de_44_in_the_sources_is_in_the_interface_and_no_other() -> None:
    assert found_reasons() == {reason.text for reason in REASONS}


def test_a_text_of_de_44_comes_with_the_code_that_the_interface_gives_it() -> None:
    said = {reason.text: reason.codes for reason in REASONS}
    wrong = {(text, name) for text, name in found_codes() if said[text] != Response[name].value}
    assert wrong == set()


def test_every_code_but_approval_has_a_text() -> None:
    assert {reason.codes for reason in REASONS} == {code.value for code in RESPONSES}


def test_every_text_of_de_44_fits_into_it() -> None:
    lengths = {load(name).elements[44].length for name in shipped()}
    assert max(len(reason.text) for reason in REASONS) <= min(lengths)


def test_states_of_policies_and_dues_in_the_interface_are_those_of_the_code() -> None:
    said = {value for where, value, _ in STATUS if not where.startswith("312000")}
    assert said == status_values()
