"""Write, a bank answers, read: in each form the outcome of each line is the bank's, whatever the order."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collection.errors import FormFault
from collection.forms import returns, statement
from collection.forms.answer import joined, read
from collection.forms.codes import codes_of
from collection.forms.form_file import Form, load, shipped
from collection.forms.lines import AnswerFile, NamedFile, RequestBatch
from collection.forms.request import write
from simulators.channel.channel import Channel, after
from simulators.channel.intake import take
from simulators.channel.outcomes import Habits, Way
from tests.support.batch_files import PAYEE, batch_of

DAY = "20261124"
AMOUNTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=7)


def split_form(name: str) -> Form:
    """A form that splits a batch into files of three lines."""
    return load(name).model_copy(update={"lines_max": 3})


def channel_of(form: Form, seed: int, habits: Habits = Habits()) -> Channel:  # noqa: B008 - frozen
    return Channel(form, "91020000", PAYEE.account, Random(seed), habits)


def answered(form: Form, batch: RequestBatch, channel: Channel) -> list[AnswerFile]:
    channel.take(write(batch, form), DAY)
    return [read(file.name, file.content, form, batch) for file in channel.answers(DAY)]


@pytest.mark.parametrize("name", shipped())
@given(amounts=AMOUNTS, seed=st.integers(0, 2**32))
def test_what_the_bank_did_is_what_is_read(name: str, amounts: list[int], seed: int) -> None:
    form, batch = split_form(name), batch_of(*amounts)
    channel = channel_of(form, seed, Habits(failed=400))
    files = answered(form, batch, channel)
    lines = joined(files)
    codes = codes_of(form.codes)
    assert all(file.complete and codes.file(file.file_code) == "accepted" for file in files)
    assert [line.line for line in lines] == [line.line for line in batch.lines]
    done = {("B0000123", line.line): line.amount for line in lines if codes.line(line.code).klass == "done"}
    assert done == channel.collected
    assert joined(reversed(files)) == lines


@pytest.mark.parametrize("name", shipped())
@given(amounts=AMOUNTS)
def test_the_sums_of_split_files_are_the_batchs(name: str, amounts: list[int]) -> None:
    form = split_form(name)
    files = [take(file, form) for file in write(batch_of(*amounts), form)]
    assert sum(int(file.edge.get("amount", 0)) for file in files) == sum(amounts)
    assert sum(int(file.edge.get("count", 0)) for file in files) == len(amounts)
    assert [number for file in files for number in file.lines] == list(range(1, len(amounts) + 1))


@pytest.mark.parametrize("name", shipped())
def test_returns_and_statements_are_read_as_the_bank_wrote_them(name: str) -> None:
    form, batch = split_form(name), batch_of(100, 200, 300, 400, 500)
    channel = channel_of(form, 1, Habits(failed=0, returned=500))
    answered(form, batch, channel)
    back = channel.returns(after(DAY, 3))
    paid = channel.statement(after(DAY, 1))
    assert back is not None
    assert paid is not None
    taken_back = returns.read(back.name, back.content, form, "91020000")
    settled = statement.read(paid.name, paid.content, form, "91020000")
    assert sum(line.amount for line in settled.lines) == 1500
    assert sum(line.fee for line in settled.lines) == 5 * 30
    assert sum(line.amount for line in taken_back.lines) == 1500 - sum(channel.collected.values())
    assert {(line.batch, line.line) for line in taken_back.lines}.isdisjoint(channel.collected)
    assert {line.code for line in taken_back.lines} <= set(codes_of(form.codes).lines)


@pytest.mark.parametrize("name", shipped())
def test_a_file_of_another_channel_is_refused(name: str) -> None:
    form, batch = split_form(name), batch_of(100)
    channel = channel_of(form, 1, Habits(failed=0, returned=1000))
    answered(form, batch, channel)
    back, paid = channel.returns(after(DAY, 3)), channel.statement(after(DAY, 1))
    assert back is not None
    assert paid is not None
    with pytest.raises(FormFault, match="of another channel"):
        returns.read(back.name, back.content, form, "91030000")
    with pytest.raises(FormFault, match="of another channel"):
        statement.read(paid.name, paid.content, form, "91030000")


@pytest.mark.parametrize("name", shipped())
def test_a_request_taken_again_is_a_duplicate_that_a_person_asks_about(name: str) -> None:
    form, batch = load(name), batch_of(100, 200)
    channel = channel_of(form, 1)
    answered(form, batch, channel)
    (again,) = answered(form, batch, channel)
    assert (codes_of(form.codes).file(again.file_code), again.lines) == ("ask", ())


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("way", list(Way))
def test_whatever_happens_to_an_answer_no_line_is_read_as_another(name: str, way: Way) -> None:
    """The altered byte is the one of this seed; tests/collection/forms/test_altered.py tries each byte."""
    form, batch = load(name), batch_of(100, 200, 300)
    channel = channel_of(form, 7, Habits(ways=((way, 1000),), failed=0))
    channel.take(write(batch, form), DAY)
    files: list[NamedFile] = [
        *channel.answers(DAY),
        *channel.answers(after(DAY, 1)),
        *channel.answers(after(DAY, 2)),
        *channel.asked_again(),
    ]
    read_files = []
    for file in files:
        try:
            read_files.append(read(file.name, file.content, form, batch))
        except FormFault:
            assert way is Way.ALTERED
    assert {line.line: line.amount for line in joined(read_files)} == (
        {} if way in (Way.REFUSED, Way.NOT_RECEIVED) else {1: 100, 2: 200, 3: 300}
    )
