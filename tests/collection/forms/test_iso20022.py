"""The messages of ISO 20022 are held against its published schemas, and read as a bank may write them.

Of pain.002 the schema of version 12 stands in for that of version 10, whose elements are the same here;
tests/vectors/README.md says where the schemas come from.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from collection.errors import FormFault
from collection.forms import camt054, returns, statement
from collection.forms.answer import read
from collection.forms.form_file import load
from collection.forms.lines import NamedFile
from collection.forms.request import write
from simulators.channel.channel import Channel, after
from simulators.channel.outcomes import Habits, Way
from tests.support.batch_files import PAYEE, batch_of
from tests.support.iso_schemas import verdicts

FORM = load("pain008")
SENT = batch_of(12000, 345, 600)
DAY = "20261124"
NAME = "pain002-91020000-B0000123-20261124-01.xml"


def channel_of(habits: Habits) -> Channel:
    return Channel(FORM, "91020000", PAYEE.account, Random(3), habits)


def report(habits: Habits = Habits(failed=500)) -> NamedFile:  # noqa: B008 - frozen
    """The pain.002 of the batch: one line of it refused."""
    channel = channel_of(habits)
    channel.take(write(SENT, FORM), DAY)
    (file,) = channel.answers(DAY)
    return file


def refusal(content: bytes, name: str = NAME) -> str:
    with pytest.raises(FormFault) as refused:
        read(name, content, FORM, SENT)
    assert not any(line.account in str(refused.value) for line in SENT.lines)
    return refused.value.why


def test_our_messages_and_the_simulated_banks_are_valid(tmp_path: Path) -> None:
    (asked,) = write(SENT, FORM)
    channel = channel_of(Habits(failed=0, returned=1000))
    channel.take((asked,), DAY)
    paid, back = channel.statement(after(DAY, 1)), channel.returns(after(DAY, 3))
    assert paid is not None
    assert back is not None
    refused = report(Habits(ways=((Way.REFUSED, 1000),)))
    as_12 = [file.content.replace(b"pain.002.001.10", b"pain.002.001.12") for file in (report(), refused)]
    files = {
        "asked": ("pain.008.001.08", asked.content),
        "unasked": ("pain.008.001.08", asked.content.replace(b"<PmtMtd>DD</PmtMtd>", b"")),
        "answered": ("pain.002.001.12", as_12[0]),
        "refused": ("pain.002.001.12", as_12[1]),
        "paid": ("camt.054.001.08", paid.content),
        "back": ("camt.054.001.08", back.content),
    }
    found = verdicts(tmp_path, files)
    assert "PmtMtd" in found.pop("unasked")
    assert found == dict.fromkeys(("asked", "answered", "refused", "paid", "back"), "ok")


def test_a_camt_054_says_what_was_paid_and_what_was_taken_back() -> None:
    channel = channel_of(Habits(failed=0, returned=1000))
    channel.take(write(SENT, FORM), DAY)
    paid, back = channel.statement(after(DAY, 1)), channel.returns(after(DAY, 3))
    assert paid is not None
    assert back is not None
    settlements = camt054.read(paid.name, paid.content).settlements
    assert [(line.amount, line.fee) for line in settlements] == [(12945, 90)]
    assert [line.code for line in camt054.read(back.name, back.content).returns] == ["MD06"] * 3


def test_a_camt_054_of_another_account_is_refused_and_the_account_not_shown() -> None:
    channel = channel_of(Habits(failed=0, returned=1000))
    channel.take(write(SENT, FORM), DAY)
    paid, back = channel.statement(after(DAY, 1)), channel.returns(after(DAY, 3))
    for file, reader in ((paid, statement.read), (back, returns.read)):
        assert file is not None
        assert reader(file.name, file.content, FORM, "91020000", PAYEE.account).lines
        with pytest.raises(FormFault, match="Acct: of another account than the settings name") as refused:
            reader(file.name, file.content, FORM, "91020000", "999")
        assert PAYEE.account not in str(refused.value)


def test_a_batch_refused_whole_has_no_line() -> None:
    file = report(Habits(ways=((Way.REFUSED, 1000),)))
    answer = read(file.name, file.content, FORM, SENT)
    assert (answer.file_code, answer.lines, answer.complete) == ("RJCT", (), False)


def test_a_transaction_that_waits_is_no_answer_yet() -> None:
    content = report(Habits(failed=0)).content
    waiting = content.replace(b"<TxSts>ACSC", b"<TxSts>ACSP", 1)
    assert "done_" in refusal(waiting)
    unsummed = b"".join(waiting.partition(b"<NbOfTxsPerSts>")[::2]).partition(b"</NbOfTxsPerSts>\n")
    half = unsummed[0].split(b"<DtldNbOfTxs>")[0] + unsummed[2]
    assert [line.code for line in read(NAME, half, FORM, SENT).lines].count("ACSP") == 1


def test_a_status_with_a_reason_that_contradicts_it_is_in_no_table() -> None:
    content = report(Habits(failed=0)).content
    reason = b"<TxSts>ACSC</TxSts>\n<StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf>"
    contradicting = content.replace(b"<TxSts>ACSC</TxSts>", reason, 1)
    start, end = contradicting.index(b"<NbOfTxsPerSts>"), contradicting.rindex(b"</NbOfTxsPerSts>")
    unsummed = contradicting[:start] + contradicting[end + len(b"</NbOfTxsPerSts>") :]
    assert "ACSC/AM04" in [line.code for line in read(NAME, unsummed, FORM, SENT).lines]


ENTITY = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e "x">]><d>&e;</d>'


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"B0000123-01", b"B0000124-01", "batch: the name says another"),
        (b"<OrgnlPmtInfId>B0000123-01", b"<OrgnlPmtInfId>B0000123-02", "OrgnlPmtInfId: of another message"),
        (b"<OrgnlMsgId>B0000123-01", b"<OrgnlMsgId>X0000123-01", "answers no message of ours"),
        (b"<OrgnlNbOfTxs>3", b"<OrgnlNbOfTxs>2", "asked_count: the file says 2, its lines make 3"),
        (b"<OrgnlCtrlSum>129.45", b"<OrgnlCtrlSum>1.00", "asked_amount: the file says 100, its lines make"),
        (b"B0000123000002", b"B0000123000001", "line: stands there twice"),
        (b"B0000123000002", b"B0000123000009", "line: was not asked for in the file it answers"),
        (b'Ccy="CNY">120.00', b'Ccy="CNY">120.01', "amount: not what was sent"),
        (b'Ccy="CNY">120.00', b'Ccy="CNY">-120.00', "is negative"),
        (b'Ccy="CNY">120.00', b'Ccy="USD">120.00', "not in CNY"),
        (b'Ccy="CNY">120.00', b'Ccy="CNY">120.001', "not yuan with two decimals"),
        (b"62220200000000014", b"62220200000000015", "account: not what was sent"),
        (b"pain.002.001.10", b"pain.002.001.03", "is no pain.002.001"),
        (b"</Document>", b"", "is no XML here: cut or damaged"),
        (b"</Document>", b"</Document>D", "is no XML here: cut or damaged"),
        (b"<GrpSts>ACCP", b"<GrpSts>RJCT", "file_code: says that nothing was taken, and there are lines"),
    ],
)
def test_a_bad_pain_002_is_refused_whole(old: bytes, new: bytes, why: str) -> None:
    content = report().content
    assert old in content
    assert why in refusal(content.replace(old, new))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (ENTITY, "a document type or an entity is not taken"),
        (b"<d/>", "is no pain.002.001"),
        (b"", "the file is empty"),
        ("<d>张</d>".encode("gb18030"), "reads as GB18030 (GBK)"),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, why: str) -> None:
    assert why in refusal(content)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"<Sum>", b"<Sum>1", "TtlNtries: not what its entries make"),
        (b"B0000123000002", b"B000012300000", "EndToEndId: no line of ours"),
        (b"B0000123000002", b"B0000123000001", "line: stands there twice"),
        (b"<Cd>BOOK", b"<Cd>PDNG", "Sts: an entry that is not booked"),
    ],
)
def test_a_bad_camt_054_is_refused_whole(old: bytes, new: bytes, why: str) -> None:
    channel = channel_of(Habits(failed=0, returned=1000))
    channel.take(write(SENT, FORM), DAY)
    back = channel.returns(after(DAY, 3))
    assert back is not None
    with pytest.raises(FormFault, match=why):
        returns.read(back.name, back.content.replace(old, new), FORM, "91020000")


def test_a_settlement_that_is_neither_the_amount_nor_that_less_the_fee_is_refused() -> None:
    channel = channel_of(Habits(failed=0))
    channel.take(write(SENT, FORM), DAY)
    paid = channel.statement(after(DAY, 1))
    assert paid is not None
    other = paid.content.replace(b">128.55<", b">128.00<")
    with pytest.raises(FormFault, match="Amt: neither the batch's amount, nor that less the fee"):
        statement.read(paid.name, other, FORM, "91020000")
