"""What a close leaves for monitoring."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ledger.errors import LedgerError
from office.bank_close import CloseStep, StepResult, WaitCause
from office.close import Close
from office.close_metrics import METRICS, CloseRun, Disk, close_metrics, failed_metrics
from office.receipts.sign import Signing
from qianzhi_errors.sentence import Sentence
from simulators.days.discrepancies import Counts
from tests.support.closing_days import BANKS, CHART, World

pytestmark = pytest.mark.slow

A, B, C = BANKS
HOUR = 3_600


def samples(text: str) -> dict[tuple[str, ...], float]:
    """The samples of a text by name and labels' values."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def world(database: str, office_url: str) -> Iterator[World]:
    opened = World(database, office_url, seed=5, policies=100)
    yield opened
    opened.close_world()


def test_a_close_leaves_a_figure_of_each_kind_for_each_bank(world: World) -> None:
    world.days.trade(9)
    date = world.days.cut_over().date
    world.leave_files(date, Counts(bank_only=1))
    del world.files[A, date]
    world.files[B, date] = b"nothing good\n"
    results = list(world.at_close().run())
    run = CloseRun(1_800_000_000_000_000, results, 3, 1, (Disk("files", 5, 10),))
    with world.office.reading() as connection:
        closed_at = connection.exec_driver_sql("SELECT closed_at FROM days").scalar_one()
        said = samples(close_metrics(connection, world.settings, run))
    assert {name for name, *_ in said} == set(METRICS)
    assert said["qianzhi_office_close_timestamp_seconds",] == 1_800_000_000
    assert said["qianzhi_office_close_failed",] == 0
    assert said["qianzhi_office_file_due_timestamp_seconds", A] == closed_at // 1_000_000 + 6 * HOUR
    assert said["qianzhi_office_file_due_timestamp_seconds", B] == 0
    assert [said["qianzhi_office_files_refused", bank] for bank in BANKS] == [0, 1, 0]
    assert said["qianzhi_office_unposted_days",] == 1
    assert said["qianzhi_office_breaks", C] == 1
    assert said["qianzhi_office_oldest_break_timestamp_seconds", C] == 1_790_092_800  # 20260923 in Beijing
    assert said["qianzhi_office_oldest_break_timestamp_seconds", A] == 0
    assert said["qianzhi_office_disk_free_bytes", "files"] == 5
    assert said["qianzhi_office_other_contents",] == 1
    assert said["qianzhi_office_receipts_wait",] == 0


def test_receipts_that_wait_for_a_key_hold_up_nothing_else_and_are_signed_later(world: World) -> None:
    def no_key() -> Signing:
        raise LedgerError(Sentence("the keystore is away"))

    world.days.trade(9)
    world.leave_files(world.days.cut_over().date, Counts())
    parts = world.office, world.front_store, world.settings, CHART, world.tick, world.open_file
    results = list(Close(*parts, signing=no_key).run())
    waiting = [result for result in results if result.waiting]
    assert [(result.step, result.text) for result in waiting] == [
        (CloseStep.SIGN, "not signed: the keystore is away")
    ]
    assert CloseStep.DAY in {result.step for result in results}
    with world.office.reading() as connection:
        said = samples(close_metrics(connection, world.settings, CloseRun(1, results, 0, 0, ())))
    assert said["qianzhi_office_receipts_wait",] == 1
    signed = [result for result in world.at_close().run() if result.step is CloseStep.SIGN]
    assert [(result.text.endswith(" receipts"), result.waiting) for result in signed] == [(True, False)]


def test_a_close_that_failed_says_so_and_leaves_the_other_figures_as_they_were() -> None:
    before = "# TYPE qianzhi_office_close_failed gauge\nqianzhi_office_close_failed 0\nother 5\n"
    assert failed_metrics(before) == before.replace("failed 0", "failed 1")
    assert samples(failed_metrics("")) == {("qianzhi_office_close_failed",): 1}
    assert failed_metrics(failed_metrics(before)) == failed_metrics(before)


def test_a_step_waits_if_there_is_a_cause() -> None:
    assert StepResult(CloseStep.FILE, "20261124", A, "", WaitCause.MISSING).waiting
    assert not StepResult(CloseStep.FILE, "20261124", A, "").waiting
