"""A business date's totals by bank, and their metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from fep.settings.config import Bank, Channel
from fep.status.day_metrics import DayTotalsCollector
from fep.status.day_totals import BankTotals, day_totals
from ledger.book.front import Overview
from ledger.rules.request import NO_TOTALS, BankDay, Totals
from tests.support.builders import BANK
from tests.support.snapshots import OTHER


def bank(code: str) -> Bank:
    return Bank.model_validate({"code": code, "name": f"Bank {code}", "port": 0, "networks": ["127.0.0.0/8"]})


FIGURES = {
    BANK: BankDay(Totals(3, 360_000, 1, 120_000, 2, 50_000, 1, 20_000), used=270_000, unfit=5),
    "09990000": BankDay(Totals(1, 7)),
}
OVERVIEW = Overview(held_dues=17, held_since=1_764_000_000_500_000)
ROWS = (
    BankTotals(OTHER, f"Bank {OTHER}", 0, 0, 0, 0, 0, 0, 0, 0),
    BankTotals(BANK, f"Bank {BANK}", 3, 360_000, 1, 120_000, 2, 50_000, 1, 20_000),
    BankTotals("09990000", "", 1, 7, 0, 0, 0, 0, 0, 0),
)


def test_each_bank_has_its_totals_and_money_of_a_bank_that_has_left_is_not_lost() -> None:
    assert day_totals((bank(OTHER), bank(BANK)), FIGURES) == ROWS
    assert day_totals((), {}) == ()


def test_each_figure_is_a_metric_with_a_series_for_each_bank() -> None:
    registry = CollectorRegistry()
    registry.register(DayTotalsCollector(lambda: ROWS, lambda: OVERVIEW))
    samples = {
        (sample.name, sample.labels.get("bank", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    shown = {name: samples["qianzhi_" + name, BANK] for name in (
        "collections_total", "collected_fen_total", "collections_reversed", "collected_reversed_fen",
        "payouts_total", "paid_fen_total", "payouts_reversed", "paid_reversed_fen",
    )}  # fmt: skip
    assert list(shown.values()) == [3, 360_000, 1, 120_000, 2, 50_000, 1, 20_000]
    assert samples["qianzhi_collected_fen_total", "09990000"] == 7
    assert samples["qianzhi_collected_fen_total", OTHER] == 0
    assert samples["qianzhi_held_dues", ""] == 17
    assert samples["qianzhi_held_since_timestamp_seconds", ""] == 1_764_000_000.5
    assert len(samples) == 8 * 3 + 2


def test_a_channel_has_its_totals_beside_the_banks() -> None:
    channel = Channel(code="91020000", name="Batch")
    assert day_totals((bank(BANK), channel), {}) == (
        BankTotals(BANK, f"Bank {BANK}", *NO_TOTALS),
        BankTotals("91020000", "Batch", *NO_TOTALS),
    )
