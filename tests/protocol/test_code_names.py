"""A name of a table, as it stands inside a sentence."""

from __future__ import annotations

import pytest

from protocol.code_names import RESPONSE_NAMES, TRANSACTION_NAMES, inside_a_sentence
from protocol.responses import RESPONSES


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("Not supported", "not supported"),
        ("MAC, key", "MAC, key"),
        ("IDs differ", "IDs differ"),
        ("A fault", "a fault"),
        ("A", "a"),
        ("", ""),
    ],
)
def test_a_name_begins_small_but_for_one_in_capitals(name: str, inside: str) -> None:
    assert inside_a_sentence(name) == inside


def test_responses_have_the_names_of_their_table() -> None:
    assert {code: inside_a_sentence(row.english) for code, row in RESPONSES.items()} == RESPONSE_NAMES


def test_a_transaction_is_named_with_what_it_does() -> None:
    assert TRANSACTION_NAMES == {
        "310000": "inquiry: what is due and payable on a policy",
        "311000": "inquiry: policy status",
        "312000": "inquiry: outcome of an earlier transaction",
        "313000": "inquiry: receipt again",
        "500000": "collection: renewal premium",
        "501000": "collection: first premium",
        "502000": "collection: policy-loan repayment",
        "260000": "payout: maturity benefit",
        "261000": "payout: survival benefit or annuity",
        "262000": "payout: claim",
        "263000": "payout: surrender",
        "020000": "same-day cancel",
    }
