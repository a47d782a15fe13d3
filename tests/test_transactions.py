"""The table of processing codes is total: every code has its names, its kind, its title and its account."""

from __future__ import annotations

from pathlib import Path

import pytest

from fep.links.receipt import TITLES
from ledger.rules.dues import KINDS
from ledger.rules.request import ACT_OF_CODE, FINANCIAL, INQUIRIES, Act
from office.accounting.chart import shipped
from office.reports.wording import CODES as NAMES
from protocol.code_names import TRANSACTION_NAMES
from protocol.transactions import SETTLEMENTS, TRANSACTIONS
from simulators.certify.cases.money import MONEY
from simulators.teller.wording import WORDS

CHART = shipped()
INTERFACE = Path(__file__).parents[1] / "docs" / "protocol.md"


@pytest.mark.parametrize("code", TRANSACTIONS)
def test_every_code_has_an_act_and_a_name_in_both_languages_that_is_its_own(code: str) -> None:
    row = TRANSACTIONS[code]
    assert (row.code, len(code), code.isdecimal()) == (code, 6, True)
    assert ACT_OF_CODE[code] is Act(row.act)
    assert row.english.isascii()
    assert not row.chinese.isascii()
    assert row.standard
    assert row.english[1:] in TRANSACTION_NAMES[code]
    for names in (
        [transaction.chinese for transaction in TRANSACTIONS.values()],
        [transaction.english for transaction in TRANSACTIONS.values()],
    ):
        assert len(set(names)) == len(TRANSACTIONS)


@pytest.mark.parametrize("code", [code for code, act in ACT_OF_CODE.items() if act in FINANCIAL])
def test_every_code_that_moves_money_has_a_title_for_its_receipt_in_both_languages(code: str) -> None:
    chinese, english = TITLES[code]
    assert english.isascii()
    assert english
    assert not chinese.isascii()


@pytest.mark.parametrize("code", [code for code, act in ACT_OF_CODE.items() if act in (Act.COLLECT, Act.PAY)])
def test_every_code_that_settles_has_a_kind_an_account_and_a_name_on_reports(code: str) -> None:
    assert KINDS[code] == ("premium" if ACT_OF_CODE[code] is Act.COLLECT else "benefit")
    assert code in CHART.products
    assert (NAMES[code].zh, NAMES[code].en) == (TRANSACTIONS[code].chinese, TRANSACTIONS[code].english)


def test_nothing_else_settles_or_has_a_receipt() -> None:
    assert set(KINDS) == set(NAMES) == set(SETTLEMENTS) == set(CHART.products)
    assert not set(TITLES) & {code for code, act in ACT_OF_CODE.items() if act in INQUIRIES}
    assert set(ACT_OF_CODE) == set(TRANSACTIONS) == set(TRANSACTION_NAMES)


def test_the_interface_names_the_same_codes_and_the_standards_words_for_them() -> None:
    page = INTERFACE.read_text("utf-8").split("### Processing code, DE 3")[1].split("###")[0]
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ") and "000" in line]
    named = {code.strip(): row[3].strip() for row in rows for code in row[1].split("/")}
    assert named == {code: row.standard for code, row in TRANSACTIONS.items()}


@pytest.mark.parametrize("code", SETTLEMENTS)
def test_the_certification_asks_for_each_code_that_settles_under_its_names(code: str) -> None:
    (case,) = (listed_case for listed_case in MONEY if listed_case.id == f"CODE-{code}")
    assert case.title == f"{TRANSACTIONS[code].chinese}（{code}）"
    assert case.title_en.startswith(f"{TRANSACTIONS[code].english}: a ")


@pytest.mark.parametrize("code", TRANSACTIONS)
def test_the_tellers_screen_calls_each_code_as_the_table_does(code: str) -> None:
    chinese, english = WORDS[code]
    assert (chinese, english.lower()) == (TRANSACTIONS[code].chinese, TRANSACTIONS[code].english.lower())
