"""The examination of a front-end machine: ours passes every case, in every dialect, framing and MAC."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.files import bookfile
from ledger.rules.dues import KINDS
from ledger.rules.identity import is_valid
from simulators.certify import dues
from simulators.certify.cases import CASES
from simulators.certify.examiner import examine
from simulators.certify.report import as_html, as_junit
from simulators.certify.result import CertifyError, Outcome
from tests.support.builders import BANK
from tests.support.certification import by_id, certify, machine_with_dues, means_of
from tests.support.machine import OTHER_BANK, ZMK, Books, Machine, load_front_book, write_settings

GOLDEN = Path(__file__).parent.parent / "vectors" / "certify" / "cases.txt"
TERMS = {
    "2be ascii87": {"framing": "2be", "dialect": "ascii87"},
    "4ascii bcd87": {"framing": "4ascii", "dialect": "bcd87", "mac": "x9.19"},
    "2be-tpdu ebcdic87": {"framing": "2be-tpdu", "dialect": "ebcdic87"},
    "2bcd hex87": {"framing": "2bcd", "dialect": "hex87", "mac": "x9.19"},
}
NOT_OF_THE_FRAMING = {
    "2be ascii87": {"FRAME-03", "FRAME-04", "FRAME-05"},
    "4ascii bcd87": {"FRAME-04", "FRAME-05"},
    "2be-tpdu ebcdic87": {"FRAME-03"},
    "2bcd hex87": {"FRAME-04", "FRAME-05"},
}
WITHOUT_LIMITS = {"OUT-57-CODE", "OUT-58", "OUT-61", "ADV-07", "INQ-08", "INQ-09"}
"""What cannot be provoked at a bank that may do everything but say that it has paid."""
OF_BANKS_THAT_MAKE_KEYS = {"KEY-05", "KEY-06", "KEY-07"}
NO_CHINESE = {"2be-tpdu ebcdic87": {"INQ-07", "INQ-311", "RECEIPT-04"}}
RESTRICTED = """payout_advices = true
terminals = ["T*"]
limit_transaction_fen = 100000
transactions = ["020000", "260000", "261000", "262000", "263000", "500000", "501000"]"""


def test_the_cases_are_the_golden_list() -> None:
    assert [case.id for case in CASES] == GOLDEN.read_text("ascii").split()


def test_no_two_cases_have_the_same_name() -> None:
    assert [name for name, times in Counter(case.id for case in CASES).items() if times > 1] == []


def test_the_dues_are_a_book_that_the_ledger_takes() -> None:
    book = bookfile.parse(dues.write("20261124"))
    assert book.business_date == "20261124"
    assert {due.code for due in book.dues} == set(KINDS)
    assert max(due.amount for due in book.dues) < 200
    assert is_valid(dues.BENEFICIARY)
    assert is_valid(dues.STRANGER)


@pytest.mark.parametrize("name", TERMS)
def test_our_machine_passes_and_its_books_are_clean_afterwards(tmp_path: Path, name: str) -> None:
    with machine_with_dues(tmp_path, **TERMS[name]) as machine:
        run = certify(machine)
        failed = {result.id: result.reason for result in run.results if result.outcome is Outcome.FAILED}
        assert failed == {}
        left_out = {result.id for result in run.results if result.outcome is Outcome.NOT_APPLICABLE}
        left_out -= OF_BANKS_THAT_MAKE_KEYS
        assert left_out == NOT_OF_THE_FRAMING[name] | NO_CHINESE.get(name, set()) | WITHOUT_LIMITS
        assert run.passed
        books = Books(machine.settings.node.database)
        assert books.rows("SELECT due FROM dues WHERE state <> 'open'") == []
        nets = books.rows(
            "SELECT collected - collected_reversed - paid + paid_reversed FROM bank_days ORDER BY date"
        )
        assert sum(net for (net,) in nets) == 0
        assert books.broken() == []
        books.close()


@pytest.mark.parametrize(
    "mac",
    [
        "unionpay-ecb",
        "{ bytes = 4, fields = [0, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 48, 49, 70] }",
    ],
    ids=["UnionPay", "fields"],
)
def test_our_machine_passes_in_a_framing_and_with_a_mac_of_parts(tmp_path: Path, mac: str) -> None:
    framing = (
        '{ length = "4hex", counts_itself = true, tpdu = true, trailer = "03", counts_trailer = false, '
        'header = ["fixed 4953", "length 4ascii", "destination 3", "source 3", "ours 30", "echo 2"] }'
    )
    cases = [case.id for case in CASES if case.id.startswith(("FRAME", "SIGN", "MAC", "KEY", "OUT-30"))]
    with machine_with_dues(tmp_path, framing=framing, mac=mac) as machine:
        run = certify(machine, only=cases)
    assert {result.id: result.reason for result in run.results if result.outcome is Outcome.FAILED} == {}
    left_out = {result.id for result in run.results if result.outcome is Outcome.NOT_APPLICABLE}
    assert left_out == OF_BANKS_THAT_MAKE_KEYS


def test_our_machine_passes_where_the_bank_makes_the_keys(tmp_path: Path) -> None:
    cases = [case.id for case in CASES if case.id.startswith(("SIGN", "KEY", "MAC", "MUST-0800", "NOT"))]
    with machine_with_dues(tmp_path, mac="x9.19", entry='keys_made_by = "bank"') as machine:
        run = certify(machine, only=cases)
    assert {result.id: result.reason for result in run.results if result.outcome is not Outcome.PASSED} == {}


def test_a_bank_that_may_not_do_everything_is_held_to_that_too(tmp_path: Path) -> None:
    with machine_with_dues(tmp_path, entry=RESTRICTED) as machine:
        run = certify(machine)
    outcomes = {result.id: result.outcome for result in run.results}
    assert [name for name, outcome in outcomes.items() if outcome is Outcome.FAILED] == []
    assert {name: outcomes[name] for name in WITHOUT_LIMITS} == dict.fromkeys(WITHOUT_LIMITS, Outcome.PASSED)
    assert by_id(run)["CODE-502000"].reason == "the bank may not do 502000"


def test_a_machine_without_the_dues_is_not_examined(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings)
    machine = Machine(settings)
    with pytest.raises(CertifyError, match="CERT-A1 is answered 25: have the dues loaded"):
        examine(means_of(machine), CASES)
    machine.stop()


def test_a_machine_that_does_not_answer_at_the_port_is_said_so(tmp_path: Path) -> None:
    with machine_with_dues(tmp_path) as machine:
        means = means_of(machine)
    with pytest.raises(CertifyError, match="no link can be opened"):
        examine(means, CASES)


def test_what_needs_time_or_the_operator_is_left_out_where_they_are_not_there(tmp_path: Path) -> None:
    with machine_with_dues(tmp_path) as machine:
        means = replace(means_of(machine), pause=None, cutover=None)
        results = examine(means, [case for case in CASES if case.id in ("KEY-03", "CUT-01", "CUT-02")])
    assert {result.id: result.outcome for result in results} == dict.fromkeys(
        ("KEY-03", "CUT-01", "CUT-02"), Outcome.NOT_APPLICABLE
    )


@pytest.mark.parametrize("name", ["2be ascii87", "2be-tpdu ebcdic87"])
def test_no_secret_is_in_a_report(tmp_path: Path, name: str) -> None:
    """Neither as text nor in the hex of any encoding."""
    with machine_with_dues(tmp_path, **TERMS[name]) as machine:
        run = certify(machine)
    pages = as_html(run) + as_junit(run)
    secrets = [dues.BENEFICIARY, dues.STRANGER, dues.CARD, "D0112M6AC00N0000", ZMK.hex()]
    written = [way for text in secrets for way in (text, _hex(text, "ascii"), _hex(text, "cp500"))]
    assert [text for text in written if text in pages] == []
    assert _hex(dues.due_of("500000").policy, "ascii" if "ascii" in name else "cp500") in pages
    assert OTHER_BANK not in pages
    assert BANK in pages


def _hex(text: str, encoding: str) -> str:
    return text.encode(encoding).hex(" ")
