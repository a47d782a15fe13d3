"""Answer files: what the bank says became of a batch, read whole or refused.

Pure. A line's outcome is its code, which a table of codes explains (`codes`); a flag that contradicts its
code makes a code that is in no table, and so is unknown. What the bank echoes must be what was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from collection.errors import FormFault
from collection.forms import pain002, record_file
from collection.forms.figures import hold_figures, hold_name
from collection.forms.form_file import AnswerForm, Form
from collection.forms.lines import (
    AnswerFile,
    AnswerLine,
    Record,
    Records,
    RequestBatch,
    RequestLine,
    of_key,
)
from collection.forms.request import Part, parts_of
from qianzhi_errors.sentence import Sentence

_ECHOES: Final = ("name", "account", "bank", "policy", "due", "mandate", "amount")
"""What a line repeats of the request; compared, and never shown."""


def read(name: str, content: bytes, form: Form, sent: RequestBatch) -> AnswerFile:
    """Return an answer file to `sent`. Raises FormFault, and then nothing of the file is to be used."""
    records = _records(name, content, form)
    edge = {**hold_name(name, form.answer, records.edge)}
    _hold_batch(name, edge, sent, 1 if records.trailer else 0)
    part = _part(name, edge, form, sent)
    lines = tuple(_lines(name, form.answer, records, sent, part))
    file_code = edge.get("file_code", form.answer.taken[0])
    if lines and file_code not in form.answer.taken:
        raise FormFault(name, 0, Sentence("file_code: says that nothing was taken, and there are lines"))
    asked = {"asked_count": len(part.lines), "asked_amount": sum(line.amount for line in part.lines)}
    hold_figures(name, form.answer, records, {**sums_of(form.answer, lines), **asked})
    return AnswerFile(
        sent.batch,
        part.part if edge.get("part") else 0,
        file_code,
        lines,
        {line.line for line in lines} == {line.line for line in part.lines},
    )


def _records(name: str, content: bytes, form: Form) -> Records:
    if form.form == "pain.008":
        return pain002.read(name, content)
    return record_file.read(name, content, form, form.answer)


def joined(files: Iterable[AnswerFile]) -> tuple[AnswerLine, ...]:
    """Return the lines of a batch's answer files by line number, whatever the order of the files; the same
    file may come twice. Raises FormFault where a line has two answers, or the files are of two batches.
    """
    lines: dict[int, AnswerLine] = {}
    batches = set[str]()
    for file in files:
        batches.add(file.batch)
        for line in file.lines:
            if lines.setdefault(line.line, line) != line:
                raise FormFault(file.batch, line.line, Sentence("has two answers that differ"))
    if len(batches) > 1:
        raise FormFault(min(batches), 0, Sentence("the files answer more than one batch"))
    return tuple(lines[number] for number in sorted(lines))


def _hold_batch(name: str, edge: Mapping[str, str], sent: RequestBatch, line: int) -> None:
    """Raise FormFault for a file of another batch, channel or day."""
    others = {
        "batch": (sent.batch, Sentence("of another batch")),
        "channel": (sent.channel, Sentence("of another channel")),
        "date": (sent.date, Sentence("of another day")),
        "created_at": (sent.created_at, Sentence("answers a file of another moment")),
    }
    for column, (wanted, why) in others.items():
        if edge.get(column, wanted) != wanted:
            raise FormFault(name, line, Sentence("{column}: {reason}", column=column, reason=why))


def _part(name: str, edge: Mapping[str, str], form: Form, sent: RequestBatch) -> Part:
    """Return the share of the batch that the file answers: all of it where the file names no part."""
    parts = parts_of(sent, form)
    if "part" not in edge:
        return Part(0, len(parts), tuple(sent.lines))
    part = int(edge["part"])
    if not 0 < part <= len(parts):
        raise FormFault(name, 0, Sentence("part: the batch has no such file"))
    return parts[part - 1]


def _lines(
    name: str, form: AnswerForm, records: Records, sent: RequestBatch, part: Part
) -> Iterable[AnswerLine]:
    asked = {line.line: line for line in part.lines}
    seen = set[int]()
    for record in records.lines:
        number = _number(name, record, sent)
        line = asked.get(number)
        if line is None:
            raise FormFault(name, record.line, Sentence("line: was not asked for in the file it answers"))
        if number in seen:
            raise FormFault(name, record.line, Sentence("line: stands there twice"))
        seen.add(number)
        _hold_echo(name, record, line)
        yield _answer(name, form, record, line, sent.date)


def _number(name: str, record: Record, sent: RequestBatch) -> int:
    """Return the batch's line that a record is about. Raises FormFault where its key is another batch's."""
    if "key" not in record.values:
        return int(record.values["line"])
    batch, number = of_key(record.values["key"])
    if batch != sent.batch:
        raise FormFault(name, record.line, Sentence("key: of another batch"))
    if int(record.values.get("line", number)) != number:
        raise FormFault(name, record.line, Sentence("key: of another line"))
    return number


def _hold_echo(name: str, record: Record, line: RequestLine) -> None:
    """Raise FormFault where a record repeats another value than was sent. The account of a payer who was
    forgotten meanwhile is not known any more, and is not compared.
    """
    for column in _ECHOES:
        wanted = str(getattr(line, column))
        is_forgotten = column in ("name", "account") and not wanted
        if not is_forgotten and record.values.get(column, wanted) != wanted:
            raise FormFault(name, record.line, Sentence("{column}: not what was sent", column=column))


def _answer(name: str, form: AnswerForm, record: Record, line: RequestLine, date: str) -> AnswerLine:
    values = record.values
    code = code_of(form, values.get("flag", ""), values.get("code", ""))
    value_date = values.get("value_date", "")
    done = is_done(form, code)
    if done and "value_date" in values and value_date < date:
        raise FormFault(name, record.line, Sentence("value_date: missing, or before the batch's day"))
    return AnswerLine(
        line.line,
        line.amount,
        code,
        values.get("text", ""),
        value_date if done else "",
        values.get("reference", "") if done else "",
    )


def code_of(form: AnswerForm, flag: str, code: str) -> str:
    """Return a line's code: the bank's, its flag where it gives no code, or both where they contradict."""
    if not form.flags:
        return code
    says = form.flags.get(flag)
    if not code:
        return flag
    if says is not None and (says == "done") == (code in form.done):
        return code
    return f"{flag}/{code}"


def is_done(form: AnswerForm, code: str) -> bool:
    """Return whether a line's code says that the money was collected."""
    return code in form.done or form.flags.get(code) == "done"


def sums_of(form: AnswerForm, lines: tuple[AnswerLine, ...]) -> dict[str, int]:
    """Return what lines make of each figure that a file may state about itself."""
    done = [line.amount for line in lines if is_done(form, line.code)]
    amount = sum(line.amount for line in lines)
    return {
        "count": len(lines),
        "amount": amount,
        "done_count": len(done),
        "done_amount": sum(done),
        "failed_count": len(lines) - len(done),
        "failed_amount": amount - sum(done),
    }
