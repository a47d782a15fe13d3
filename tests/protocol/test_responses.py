"""The response codes are the interface's, and those of them that a repeat gets for ever."""

from __future__ import annotations

from protocol.responses import FINAL, Response


def test_response_codes_are_those_of_the_interface() -> None:
    assert {response.name: response.value for response in Response} == {
        "APPROVED": "00",
        "NOT_POSSIBLE": "12",
        "AMOUNT_DIFFERS": "13",
        "NO_ORIGINAL": "21",
        "NOT_FOUND": "25",
        "FORMAT": "30",
        "NOT_SUPPORTED": "40",
        "BANK_NOT_ALLOWED": "57",
        "TERMINAL_NOT_ALLOWED": "58",
        "OVER_LIMIT": "61",
        "SECURITY": "63",
        "IDENTITY_DIFFERS": "76",
        "CUTOVER": "90",
        "UNAVAILABLE": "91",
        "KEY_REUSED": "94",
        "TOTALS_DIFFER": "95",
        "FAULT": "96",
    }


def test_a_repeat_gets_the_same_refusal_where_it_is_of_the_transaction_itself() -> None:
    assert " ".join(sorted(FINAL)) == "12 13 21 25 30 40 57 58 61 76"
