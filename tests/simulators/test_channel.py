"""The simulated batch channel takes what is in order, refuses what is not, and is the same for one seed."""

from __future__ import annotations

from random import Random

import pytest

from collection.forms.form_file import Form, load, shipped
from collection.forms.lines import NamedFile
from collection.forms.request import write
from simulators.channel import intake
from simulators.channel.channel import Channel
from simulators.channel.outcomes import Habits, Way
from tests.support.batch_files import PAYEE, batch_of

SENT = batch_of(12000, 345)
DAY = "20261124"
WAYS = Habits(ways=tuple((way, 120) for way in Way), failed=300, returned=300)


def changed(form: Form, old: str, new: str) -> str:
    """The code with which the bank refuses the batch's request file after a change."""
    (file,) = write(SENT, form)
    content = file.content.decode(form.encoding)
    assert old in content
    return intake.take(NamedFile(file.name, content.replace(old, new).encode(form.encoding)), form).refused


@pytest.mark.parametrize("name", shipped())
def test_a_request_in_order_is_taken(name: str) -> None:
    form = load(name)
    (file,) = write(SENT, form)
    taken = intake.take(file, form)
    assert (taken.refused, [*taken.lines], taken.edge["part"]) == ("", [1, 2], "1")


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("※2※123.45\r\n", "※3※123.45\r\n", intake.COUNT),
        ("※2※123.45\r\n", "※2※123.46\r\n", intake.SUM),
        ("B0000123000002", "B0000123000001", intake.NUMBERS),
        ("※120.00※", "※-120.00※", intake.FORMAT),
    ],
)
def test_a_request_that_is_wrong_is_refused_whole_with_its_code(old: str, new: str, refused: str) -> None:
    assert changed(load("batch-ubp"), old, new) == refused


@pytest.mark.parametrize("name", shipped())
def test_one_seed_is_one_bank(name: str) -> None:
    form = load(name).model_copy(update={"lines_max": 1})

    def files(seed: int) -> list[tuple[NamedFile, ...]]:
        bank = Channel(form, "91020000", PAYEE.account, Random(seed), WAYS)
        bank.take(write(SENT, form), DAY)
        return [bank.answers(DAY), bank.asked_again()]

    assert files(3) == files(3)
    assert len({repr(files(seed)) for seed in range(8)}) > 1


def test_a_file_that_is_refused_collects_nothing_and_can_be_sent_again() -> None:
    form = load("batch-ubp")
    bank = Channel(form, "91020000", PAYEE.account, Random(1), Habits(ways=((Way.NOT_RECEIVED, 1000),)))
    bank.take(write(SENT, form), DAY)
    assert bank.collected == {}
    bank._habits = Habits(failed=0)
    bank.take(write(SENT, form), DAY)
    assert bank.collected == {("B0000123", 1): 12000, ("B0000123", 2): 345}
