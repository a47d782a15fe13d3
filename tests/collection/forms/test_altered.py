"""One altered byte of an answer is refused, or no line of it becomes done or stops being so.

`batch-standard` has a digest, so nothing at all changes unseen. In the other forms no sum covers the reason
of a failure, a text, a reference and a day: docs/batch-files.md says so.
"""

from __future__ import annotations

from random import Random

import pytest

from collection.errors import FormFault
from collection.forms.answer import is_done, read
from collection.forms.codes import codes_of
from collection.forms.form_file import Form, load, shipped
from collection.forms.lines import AnswerFile
from collection.forms.request import write
from simulators.channel.channel import Channel
from simulators.channel.outcomes import Habits, altered
from tests.support.batch_files import PAYEE, batch_of

SENT = batch_of(12000, 345)
DAY = "20261124"


def covered(answer: AnswerFile, form: Form) -> object:
    """What a sum of the file covers."""
    lines = {(line.line, line.amount, is_done(form.answer, line.code)) for line in answer.lines}
    outcome = codes_of(form.codes).file(answer.file_code)
    return answer.batch, answer.part, outcome, answer.complete, lines


def answer_of(form: Form, failed: int) -> tuple[str, bytes]:
    channel = Channel(form, "91020000", PAYEE.account, Random(5), Habits(failed=failed))
    channel.take(write(SENT, form), DAY)
    (file,) = channel.answers(DAY)
    return file.name, file.content


@pytest.mark.parametrize("name", shipped())
def test_no_altered_byte_makes_money_or_loses_it(name: str) -> None:
    form, random = load(name), Random(11)
    file, content = answer_of(form, failed=500)
    good = read(file, content, form, SENT)
    assert {is_done(form.answer, line.code) for line in good.lines} == {True, False}
    for at in range(len(content)):
        changed = content[:at] + altered(random, content[at : at + 1]) + content[at + 1 :]
        try:
            found = read(file, changed, form, SENT)
        except FormFault as fault:
            assert not any(line.account in str(fault) for line in SENT.lines)
            continue
        assert covered(found, form) == covered(good, form), content[max(0, at - 20) : at + 20]
        assert name != "batch-standard" or found == good


@pytest.mark.parametrize("name", shipped())
def test_a_cut_file_is_refused_wherever_it_is_cut(name: str) -> None:
    form = load(name)
    file, content = answer_of(form, failed=0)
    kept = len(content.rstrip())  # an end of line more or less after the last element of XML says nothing
    for at in range(0, kept - 1, 3):
        with pytest.raises(FormFault):
            read(file, content[:at], form, SENT)
