"""An answer that does not fit is sent all the same, with as little left out as fits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from fep.links.answering import DOES_NOT_FIT
from fep.links.fitting import HOLDER, LETTERHEAD, MAY_GO, PAYEE, bare, fit
from fep.links.receipt import Letterhead
from fep.links.response_builder import render
from ledger.rules.request import Answer, DueListed, Totals
from protocol.codec import Codec
from protocol.dialect import Dialect, load, parse, shipped
from protocol.errors import EncodeError
from protocol.framing import FrameReader, wrap
from protocol.message import Message
from protocol.responses import Response
from simulators.messages import Stamp, network
from tests.fep.links.test_server import CODEC, House, ons, paid
from tests.support.builders import BANK, DATE, inquiry, message, totals
from tests.support.machine import write_settings

ASKED = message("0220", de11="000041")
KEY = {number: ASKED.fields[number] for number in (7, 11, 32, 41)}
LONG = Letterhead(
    ("平安" * 30, "Insurer " * 12), ("银行" * 20, "Bank " * 20), "95500 " * 20, ("章" * 60, "Seal " * 40)
)
FULL = Letterhead(("平安" * 25, ""), ("银行" * 10, ""), "95500 " * 10, ("章" * 40, ""))
"""With it a receipt fits into DE 62, and its answer not into 999 bytes."""
PAID = Answer(
    Response.APPROVED,
    business_date=DATE,
    authorization="000001",
    receipt="202611240100000000013",
    code="500000",
    policy="P" * 24,
    holder="张" * 120,
    due="D" * 20,
    due_date="20261201",
    amount=120_000,
    receipted=True,
    local_at="20261124101112",
    branch="B00000000000001",
    terminal="T0000001",
)


def narrow(name: str, **formats: str) -> Dialect:
    """A dialect based on a shipped one whose DEs have these formats: `de48="ans...30"`."""
    base = name if name == "ascii87" else ""
    if base:
        rows = "\n".join(f'{de.removeprefix("de")} = {{ format = "{text}" }}' for de, text in formats.items())
        return parse(f'base = "ascii87"\n[elements]\n{rows}\n', "narrow")
    whole = load(name)
    source: dict[int, Any] = dict(whole.elements)
    spec: dict[str, Any] = dict(whole.spec)
    for de, text in formats.items():
        number, length = int(de.removeprefix("de")), int(text.rpartition(".")[2])
        source[number] = source[number]._replace(length=length)
        spec[str(number)] = {**spec[str(number)], "max_len": length}
    return replace(whole, elements=MappingProxyType(source), spec=MappingProxyType(spec))


def fitted(dialect: Dialect, answer: Answer, asked: Message = ASKED, head: Letterhead = LONG) -> Message:
    codec = Codec(dialect)
    is_inquiry = asked.mti.startswith("01")
    body = fit(lambda out: render(asked, answer, dialect, head, out), codec.encode, is_inquiry=is_inquiry)
    return codec.decode(body)


def left_out(dialect: Dialect, answer: Answer, asked: Message = ASKED, head: Letterhead = LONG) -> list[str]:
    """What was left out of the answer that is sent."""
    seen: list[Collection[str]] = []

    def rendered(out: Collection[str]) -> Message:
        seen.append(list(out))
        return render(asked, answer, dialect, head, out)

    fit(rendered, Codec(dialect).encode, is_inquiry=asked.mti.startswith("01"))
    return list(seen[-1])


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_dialect_holds_the_longest_answer_whole(name: str) -> None:
    usual = Letterhead(("保险公司" * 5, "Insurer"), ("银行" * 5, "Bank"), "95500", ("盖章", "Seal"))
    assert left_out(load(name), PAID, head=usual) == []


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("element", ["de48", "de62"])
def test_an_answer_is_sent_whatever_a_dialects_fields_hold(name: str, element: str) -> None:
    for width in (0, 10, 30, 60, 200, 700, 999):
        answer = fitted(narrow(name, **{element: f"ans...{max(width, 1)}"}), PAID)
        own = {39: "00", 38: "000001", 15: "1124"}
        assert {**KEY, **own}.items() <= answer.fields.items(), width
        other = 62 if element == "de48" else 48
        assert other in answer.fields, f"what fits is there: {width}"


@pytest.mark.parametrize(
    ("formats", "out"),
    [
        ({}, []),
        ({"de62": "ans...500"}, [LETTERHEAD]),
        ({"de62": "ans...399"}, [LETTERHEAD, HOLDER]),
        ({"de62": "ans...99"}, [LETTERHEAD, HOLDER, PAYEE, "62"]),
        ({"de48": "ans...70"}, ["48.NM", "48.PN"]),
        ({"de48": "ans...30"}, ["48.NM", "48.PN", "48.DU"]),
        ({"de48": "ans...9"}, ["48.NM", "48.PN", "48.DU", "48.RN"]),
    ],
)
def test_as_little_is_left_out_as_fits_in_the_order_of_the_table(
    formats: dict[str, str], out: list[str]
) -> None:
    usual = Letterhead(("保险公司" * 5, ""), ("银行" * 5, ""), "95500", ("章" * 40, ""))
    assert left_out(narrow("ascii87", **formats), PAID, head=usual) == out
    assert set(out) <= set(MAY_GO)


def test_the_payee_is_the_last_that_a_receipt_goes_without() -> None:
    benefit = PAID._replace(code="260000", payee="李四", holder="张三")
    named = fitted(narrow("ascii87", de62="ans...400"), benefit, head=Letterhead()).fields[62]
    assert ("投保人" in named, "领款人：李四\n领款人签名：" in named) == (False, True)
    nobody = fitted(narrow("ascii87", de62="ans...380"), benefit, head=Letterhead()).fields[62]
    assert ("领款人：" in nobody, "领款人签名：" in nobody) == (False, True)


def test_a_name_that_the_dialect_has_no_characters_for_is_left_out() -> None:
    """Recorded under another dialect, and asked for again under this one."""
    again = fitted(load("ebcdic87"), PAID._replace(policy="保单", receipted=False))
    assert again.fields[48] == f"DU020{'D' * 20}RN021{PAID.receipt}"


def test_a_reason_is_cut_to_its_field() -> None:
    refusal = Answer(Response.NOT_POSSIBLE, "ORIGINAL: OTHER POLICY", DATE)
    assert fitted(narrow("ascii87", de44="ans..10"), refusal).fields[44] == "ORIGINAL: "


def test_the_totals_and_the_key_are_never_left_out() -> None:
    asked = totals()
    whole = fitted(load("ascii87"), Answer(Response.APPROVED, business_date=DATE, totals=Totals(1, 5)), asked)
    assert {66, 74, 97, 7, 11, 32, 39, 15} <= bare(whole).fields.keys()


def test_an_inquiry_is_not_answered_without_what_it_asked_for() -> None:
    due = DueListed("D1", "500000", "premium", "20261201", 1, "open")
    listed = Answer(Response.APPROVED, business_date=DATE, policy="P1", status="active", dues=(due,) * 8)
    dialect = narrow("ascii87", de48="ans...200", de62="ans...99")
    for answer in (listed, PAID):
        with pytest.raises(EncodeError):
            fitted(dialect, answer, inquiry())


@pytest.mark.parametrize("mti", ["0220", "0100"])
def test_the_link_sends_it(tmp_path: Path, mti: str) -> None:
    """A transaction is answered with its own code; an inquiry 96, since it did nothing."""
    house = House(write_settings(tmp_path, "sqlite:///none.db"))
    link, socket = house.connect()
    link.dataReceived(ons(1))
    key = link.link.session.keys.current
    assert key is not None
    link.link._answers._codec = codec = Codec(narrow("ascii87", de48="ans...9", de62="ans...9"))
    socket.clear()
    asked = message(mti, de11="000002") if mti != "0100" else inquiry(de11="000002")
    link.dataReceived(wrap(link.link.bank.framing, codec_of(asked, key)))
    [waiting] = house.engine._queue.take(9)
    waiting.deliver(PAID)
    [frame] = socket.frames()
    answer = codec.decode(frame.body).fields
    expected = ("96", DOES_NOT_FIT) if mti == "0100" else ("00", None)
    assert (answer[39], answer.get(44)) == expected
    assert not socket.disconnecting
    assert paid(3, key)


def codec_of(asked: Message, key: Any) -> bytes:  # noqa: ANN401 - a MacKey
    return Codec(load("ascii87")).seal(asked, key.mac)


@pytest.mark.parametrize(
    "parts", ['length = "3ascii"', 'header = "length 3ascii"', 'length = "3hex", header = "length 3ascii"']
)
def test_an_answer_that_is_longer_than_the_framing_can_say_is_sent_with_less(
    tmp_path: Path, parts: str
) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", framing=f"{{ {parts} }}"))
    link, socket = house.connect()
    framing = link.link.bank.framing
    head, link.link._answers._letterhead = framing.head.own(), FULL
    assert len(Codec(load("ascii87")).encode(render(ASKED, PAID, load("ascii87"), FULL))) > 999
    on = network(BANK, Stamp("1124101112", "000001"), "001")
    link.dataReceived(wrap(framing, CODEC.encode(on), head))
    key = link.link.session.keys.current
    link.dataReceived(wrap(framing, codec_of(message("0220", de11="000002"), key), head))
    [waiting] = house.engine._queue.take(9)
    socket.clear()
    waiting.deliver(PAID)
    [frame] = FrameReader(framing).feed(socket.value())
    answer = CODEC.decode(frame.body).fields
    assert (answer[39], answer[38], len(frame.body) <= 999, socket.disconnecting) == (
        "00",
        PAID.authorization,
        True,
        False,
    )
