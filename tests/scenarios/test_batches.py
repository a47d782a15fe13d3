"""A batch of collection at a real machine: over the control socket it holds, applies and lets go, and banks
on their links see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fep.operator.control_client import ControlError, ask
from fep.settings.config import Channel, Settings
from ledger.files.apply_file import ApplyFile, ApplyLine, read_apply_answer, write_apply
from ledger.files.hold_file import (
    HoldAnswer,
    HoldFile,
    ReleaseAnswer,
    ReleaseCause,
    ReleaseFile,
    read_hold_answer,
    read_release_answer,
    write_hold,
    write_release,
)
from tests.support.batches import AMOUNT, BATCH, CHANNEL, apply_file, back, done, failed, hold_file, line
from tests.support.builders import inquiry, message
from tests.support.machine import Books, Client, Machine


@pytest.fixture
def machine(settings: Settings) -> Iterator[Machine]:
    """A machine that knows the channel."""
    channel = Channel(code=CHANNEL, name="示例批扣")
    machine = Machine(settings.model_copy(update={"channel": (channel,)}))
    yield machine
    machine.stop()


class Desk:
    """The operator who is handed collection's files."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._socket, self._file = Path(machine.settings.node.control), folder / "file.txt"

    def give(self, act: str, data: bytes) -> bytes:
        self._file.write_bytes(data)
        answer: dict[str, Any] = ask(self._socket, act, path=str(self._file))
        return str(answer["answer"]).encode()

    def hold(self, file: HoldFile) -> HoldAnswer:
        return read_hold_answer(self.give("batch hold", write_hold(file)))

    def apply(self, *lines: ApplyLine, part: int = 1) -> bytes:
        return self.give("batch apply", write_apply(apply_file(*lines, part=part)))

    def release(self, *lines: int) -> ReleaseAnswer:
        file = ReleaseFile(BATCH, CHANNEL, ReleaseCause.RECALL, lines)
        return read_release_answer(self.give("batch release", write_release(file)))


@pytest.fixture
def desk(machine: Machine, tmp_path: Path) -> Desk:
    return Desk(machine, tmp_path)


def outcome(bank: Client) -> tuple[str, str]:
    fields = bank.ask(message()).fields
    return fields[39], fields.get(44, "")


def test_a_due_is_the_batchs_from_its_hold_until_its_result_and_after_a_return_anybodys(
    desk: Desk, bank: Client, books: Books
) -> None:
    assert desk.hold(hold_file(line(1))) == HoldAnswer(BATCH, 1, AMOUNT, ())
    assert outcome(bank) == ("12", "IN BATCH COLLECTION")
    listed = bank.ask(inquiry()).fields[48]
    assert "held" in str(listed)
    first = desk.apply(done(1))
    applied = read_apply_answer(first)
    assert (applied.done, applied.done_amount, len(applied.receipts[0].receipt)) == (1, AMOUNT, 21)
    assert desk.apply(done(1)) == first, "the same file, the same answer"
    assert outcome(bank) == ("12", "ALREADY PAID")
    assert read_apply_answer(desk.apply(back(1), part=2)).returned == 1
    assert outcome(bank) == ("00", "")
    assert books.responses()[-1] == ("collection", "00")


def test_what_failed_or_was_recalled_is_open_again(desk: Desk, bank: Client) -> None:
    desk.hold(hold_file(line(1)))
    assert read_apply_answer(desk.apply(failed(1))).failed == 1
    assert outcome(bank) == ("00", "")
    assert desk.release() == ReleaseAnswer(BATCH, 0, 0, 0)


def test_what_does_not_fit_is_refused_and_written_down(desk: Desk, machine: Machine, books: Books) -> None:
    other = hold_file(line(1))._replace(channel="91020001")
    unknown = ApplyFile(BATCH, CHANNEL, 1, (done(1),), AMOUNT, 0)
    for give, wording in (
        (lambda: desk.hold(other), "91020001 is no channel in the settings: nothing was done"),
        (
            lambda: desk.give("batch apply", write_apply(unknown)),
            "batch B0000123 is not held: nothing was done",
        ),
        (lambda: desk.give("batch hold", b"HOLD|"), "its last line does not end: the file was cut"),
        (
            lambda: ask(Path(machine.settings.node.control), "batch hold", path="hold.txt"),
            "batch hold needs the absolute path of a file",
        ),
    ):
        with pytest.raises(ControlError) as refused:
            give()
        assert str(refused.value) == wording
    notes = books.rows("SELECT act, note FROM audit_log WHERE act LIKE 'batch%'")
    assert [tuple(row) for row in notes] == [
        ("batch hold", "failed: ControlError"),
        ("batch apply", "failed: HoldRefused"),
        ("batch hold", "failed: BatchFileRefused"),
        ("batch hold", "failed: ControlError"),
    ]


def test_nobody_connects_as_a_channel(machine: Machine, bank: Client, books: Books) -> None:
    """It has no port, and a message in its name on a bank's link is refused: no key of its can be made."""
    assert CHANNEL not in machine.service.bank_ports
    assert bank.ask(message(de32=CHANNEL)).fields[39] != "00"
    assert books.rows("SELECT key FROM journal WHERE bank = :bank", bank=CHANNEL) == []
