"""Says what of a message's form the machine refuses, whichever bank sends it, to people who look at bytes.

Pure. The rules are `request_parser`'s, and so are the words. What needs a bank's entry or its keys (a limit,
a terminal, the MAC) is not looked at, nor whether the book allows what is asked.
"""

from __future__ import annotations

from datetime import date

from fep.links.request_parser import (
    MANDATORY,
    Unsupported,
    act_of,
    check_carries_no_secret,
    check_network,
    content_of,
    first_form,
    full_moment,
    sent_moment,
    totals_date,
)
from ledger.rules.moment import KeyWindow
from ledger.rules.request import FINANCIAL, Act
from protocol.codec import Codec
from protocol.errors import DecodeError, FormatError, MessageRefused
from protocol.message import Message, is_advice, is_answer


def refused(codec: Codec, raw: bytes, today: date) -> MessageRefused | None:
    """Return the refusal with which a message is answered for its form; None where there is none, and for
    what has no answer: an answer, and bytes of which not even the MTI decodes.

    A message is judged as on the day of its DE 7, of the year that brings it nearest to `today`.
    """
    try:
        message = codec.decode(raw)
    except DecodeError as error:
        is_answered = error.partial is not None and not is_answer(error.partial.mti)
        return FormatError(error.field, "malformed") if is_answered else None
    if is_answer(message.mti):
        return None
    try:
        _check_form(message, codec.dialect.de48_encoding, today)
    except MessageRefused as refusal:
        return refusal
    return None


def _check_form(message: Message, encoding: str, today: date) -> None:
    """Raises Unsupported and FormatError as the machine does."""
    mti = first_form(message.mti)
    if mti[:2] == "08":
        check_network(message, today)
        return
    if mti not in MANDATORY:
        raise Unsupported(f"MTI {message.mti} NOT SUPPORTED")
    if mti[1] == "5":
        totals_date(message, KeyWindow(today))
        return
    sent_at = sent_moment(message, KeyWindow(today))
    window = KeyWindow(date.fromisoformat(sent_at[:8]))
    act = act_of(mti, message.fields.get(3, ""))
    check_carries_no_secret(message)
    recorded = is_advice(mti) and act in FINANCIAL and act is not Act.PAY
    content_of(message, act, window, encoding, recorded=recorded)
    full_moment("13", message.fields[13] + message.fields[12], window)
