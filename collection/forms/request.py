"""A batch as it is sent: its lines, and the request files of a form.

Pure. Each file states the count and the sum of its own lines, never the batch's. A value that the form cannot
say is refused; nothing is cut, and no character is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from collection.errors import FormFault
from collection.forms import pain008, record_file
from collection.forms.form_file import Form
from collection.forms.lines import NamedFile, Record, Records, RequestBatch, RequestLine, key_of
from qianzhi_errors.sentence import Sentence

LINE_MAX: Final = 999_999


class Part(NamedTuple):
    """One file's share of a batch; `part` counts from 1."""

    part: int
    parts: int
    lines: tuple[RequestLine, ...]


def parts_of(batch: RequestBatch, form: Form) -> tuple[Part, ...]:
    """Return a batch's lines in the shares of its files, in their order. Raises FormFault if there are more
    files than the form allows.
    """
    lines = batch.lines
    parts = -(-len(lines) // form.lines_max)
    if parts > form.files_max:
        raise FormFault(
            batch.batch,
            0,
            Sentence("would be {parts} files, and the form allows {most}", parts=parts, most=form.files_max),
        )
    return tuple(
        Part(at + 1, parts, lines[at * form.lines_max : (at + 1) * form.lines_max]) for at in range(parts)
    )


def write(batch: RequestBatch, form: Form) -> tuple[NamedFile, ...]:
    """Return the request files of a batch. Raises FormFault, which names the file, the line and the column;
    then nothing is to be sent.
    """
    check(batch)
    return tuple(_written(batch, form, part) for part in parts_of(batch, form))


def unwritable(batch: RequestBatch, form: Form) -> tuple[tuple[int, str], ...]:
    """Return the lines that the form cannot say, each with the reason, so that they can be left out of the
    batch before it is written. Raises FormFault for a batch that cannot be at all.
    """
    found = []
    for line in batch.lines:
        alone = batch._replace(lines=(line,))
        try:
            write(alone, form)
        except FormFault as fault:
            if not fault.line:
                raise
            found.append((line.line, fault.why))
    return tuple(found)


def check(batch: RequestBatch) -> None:
    """Raise FormFault for a batch without lines, or with lines that repeat, collect nothing or have none."""
    if not batch.lines:
        raise FormFault(batch.batch, 0, Sentence("the batch has no line"))
    seen = set[int]()
    for line in batch.lines:
        if line.line in seen or not 0 < line.line <= LINE_MAX:
            raise FormFault(batch.batch, line.line, Sentence("the line number stands twice, or is none"))
        if line.amount <= 0:
            raise FormFault(batch.batch, line.line, Sentence("amount: must be more than nothing"))
        if not line.account or not line.name:
            raise FormFault(batch.batch, line.line, Sentence("account: is not known, or not any more"))
        seen.add(line.line)


def _written(batch: RequestBatch, form: Form, part: Part) -> NamedFile:
    name = form.request.named(
        {
            "batch": batch.batch,
            "channel": batch.channel,
            "date": batch.date,
            "part": f"{part.part:02d}",
        }
    )
    if form.form == "pain.008":
        return NamedFile(name, pain008.written(name, batch, part.part, part.lines))
    edge = {
        "batch": batch.batch,
        "channel": batch.channel,
        "date": batch.date,
        "created_at": batch.created_at,
        "part": str(part.part),
        "parts": str(part.parts),
        "payee": batch.payee.name,
        "payee_account": batch.payee.account,
        "payee_bank": batch.payee.bank,
        "agreement": batch.payee.agreement,
        "count": str(len(part.lines)),
        "amount": str(sum(line.amount for line in part.lines)),
    }
    records = Records(edge, tuple(_records(batch, form, part)))
    return NamedFile(name, record_file.written(name, form, form.request, records))


def _records(batch: RequestBatch, form: Form, part: Part) -> Iterator[Record]:
    for line in part.lines:
        values = {name: str(value) for name, value in line._asdict().items()}
        values["key"] = key_of(batch.batch, line.line)
        values["kind"] = form.kinds[line.kind]
        yield Record(line.line, values)
