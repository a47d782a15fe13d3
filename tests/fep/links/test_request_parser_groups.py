"""What the groups of DE 48 may hold, in every dialect: 30 with the group's name, or recorded with it cut."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.links.request_parser import RequestParser
from fep.settings.config import Bank
from ledger.rules.request import Act, Request
from protocol.dialect import Dialect, load, shipped
from protocol.errors import MessageRefused
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import KNOWN, build
from tests.support.builders import BANK, BENEFICIARY, cancel, inquiry, message, original, reversal, totals
from tests.support.messages import values
from tests.support.request_parsers import COLLECTION, COVERED, KEY, TODAY, ask, verdict

EVERY_DIALECT = pytest.mark.parametrize("dialect", [load(name) for name in shipped()], ids=shipped())
PAYS_BY_ADVICE = {"payout_advices": True}
TOO_LONG = {"PN": "P" * 25, "DU": "D" * 21, "RN": "R" * 22, "IN": "1" * 19, "PG": "1000"}
LONGEST = {"PN": "P" * 24, "DU": "D" * 20, "RN": "R" * 21, "IN": "1" * 18, "PG": "999"}
OTHER_CHARACTERS = {
    "PN": ["p1", "P 1", "P_1", "P.1"],
    "DU": ["d1", "D/1"],
    "RN": ["r1", "R 1"],
    "PG": ["abc", "0", "-1", "1.0", "1e2", " 1", "+1"],
}


def parsed(dialect: Dialect, asked: Message, **given: object) -> Request:
    bank = Bank(**{"code": BANK, "name": "Bank", "port": 9001, "networks": ["127.0.0.1/32"], **given})
    return RequestParser(bank, KEY, dialect, 31).request(asked, COVERED, TODAY)


def de48(dialect: Dialect, **groups: str) -> str:
    every = {"PN": "P1", "IN": BENEFICIARY, **groups}
    return build(every.items(), dialect.de48_encoding)


def with_de48(asked: Message, text: str) -> Message:
    return Message(asked.mti, dict(sorted({**asked.fields, 48: text}.items())))


REQUESTS = {
    "inquiry": inquiry(),
    "outcome": inquiry((), "312000", de90=original(COLLECTION)),
    "receipt": inquiry((), "313000", de90=original(COLLECTION)),
    "collection": message(),
    "payout": message(de3="260000"),
    "advice of a payout that is a request": message("0220", de3="260000"),
    "cancel": cancel(COLLECTION),
    "reversal": reversal(COLLECTION),
    "reversal advice": reversal(COLLECTION, "0420"),
}
ADVICES = {
    "collection": message("0220"),
    "repeat": message("0221"),
    "payout": message("0220", de3="260000"),
    "cancel": cancel(COLLECTION, "0220"),
}


@EVERY_DIALECT
@pytest.mark.parametrize("kind", REQUESTS)
def test_a_group_that_may_not_be_so_is_30_and_named(dialect: Dialect, kind: str) -> None:
    bad = [*TOO_LONG.items(), *((tag, text) for tag, texts in OTHER_CHARACTERS.items() for text in texts)]
    for tag, text in bad:
        asked = with_de48(REQUESTS[kind], de48(dialect, **{tag: text}))
        refused = parsed(dialect, asked)
        assert (refused.verdict, refused.reason) == (Response.FORMAT, f"DE 48.{tag} malformed"), text
        assert (refused.policy, refused.due) == ("", ""), "nothing of it is recorded"


@EVERY_DIALECT
def test_the_longest_that_a_group_may_hold_is_taken(dialect: Dialect) -> None:
    longest = de48(dialect, **LONGEST)
    verdicts = {kind: parsed(dialect, with_de48(asked, longest)).verdict for kind, asked in REQUESTS.items()}
    assert verdicts == dict.fromkeys(REQUESTS, Response.APPROVED)


@pytest.mark.parametrize("number", ["110101 19900307 001X", "110101-1990-0307-001x", "C123456(7)"])
def test_what_does_not_count_in_a_documents_number_does_not_count_in_its_length(number: str) -> None:
    assert verdict(message(groups=(("PN", "P1"), ("IN", number)))) == ("00", "")


@EVERY_DIALECT
@pytest.mark.parametrize("kind", ADVICES)
def test_an_advice_is_recorded_with_its_names_cut(dialect: Dialect, kind: str) -> None:
    """A name that was cut is none that there can be: a file of dues has no dots in names."""
    for size in (25, 800):
        text = de48(dialect, PN="P" * min(size, 400), DU="D" * min(size, 400), PG="abc", RN="r" * 30)
        taken = parsed(dialect, with_de48(ADVICES[kind], text), **PAYS_BY_ADVICE)
        assert (taken.verdict, taken.advice) == (Response.APPROVED, True)
        assert (taken.policy, taken.due) == ("P" * 21 + "...", "D" * 17 + "...")


@pytest.mark.parametrize("text", ["p1", "保单", "P_1"])
def test_an_advice_is_recorded_with_the_characters_that_it_has(text: str) -> None:
    assert ask(message("0220", groups=(("PN", text),))).policy == text


def test_no_part_of_a_persons_number_is_left_where_a_name_is_cut() -> None:
    taken = ask(message("0220", groups=(("PN", f"{'P' * 9} 11010519491231002X"),)))
    assert taken.policy == "PPPPPPPPP ***********..."


ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
ANY_GROUPS = st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), ANY_TEXT), max_size=6)
MTIS = ("0100", "0200", "0220", "0400", "0420", "0500")
CODES = ("310000", "311000", "312000", "313000", "500000", "260000", "020000", "999999")


@given(data=st.data(), mti=st.sampled_from(MTIS), code=st.sampled_from(CODES), groups=ANY_GROUPS)
def test_no_message_raises_anything_but_a_refusal(
    data: st.DataObject, mti: str, code: str, groups: list[tuple[str, str]]
) -> None:
    """Whatever decodes: any content of the fields that are read, and any groups, well formed or not."""
    whole = totals() if mti == "0500" else message(mti, de90=original(COLLECTION), de3=code)
    read = (2, 3, 4, 7, 12, 13, 15, 32, 37, 41, 42, 49, 74, 88, 90, 97)
    spoilt = data.draw(st.sets(st.sampled_from(read), max_size=3))
    text = build(groups, "utf-8") + data.draw(st.sampled_from(["", "P", "PN9", "PN999", "\U0001f600"]))
    fields = {
        **whole.fields,
        48: text,
        **{number: data.draw(values("ascii87", number)) for number in spoilt},
    }
    for advices, today in product((False, True), (TODAY,)):
        try:
            request = ask(Message(mti, dict(sorted(fields.items()))), today, payout_advices=advices)
        except MessageRefused:
            continue
        assert len(request.policy) <= 24
        assert len(request.due) <= 20
        assert request.act in Act
