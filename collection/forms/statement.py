"""Statement files: what the bank paid to the insurer for its batches, less its fees; read whole or refused.

Pure. Whether it paid what its answers said, who settles the batch judges.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from collection.errors import FormError, FormFault
from collection.forms import camt054, record_file
from collection.forms.figures import hold_channel, hold_figures, hold_name
from collection.forms.form_file import Form
from collection.forms.lines import Record, StatementLine
from qianzhi_errors.sentence import Sentence

_BATCH: Final = re.compile("B[0-9]{7}")


class StatementFile(NamedTuple):
    """One statement file, whole and checked. `date` (YYYYMMDD) is the day that the file names."""

    channel: str
    date: str
    lines: tuple[StatementLine, ...]


def read(name: str, content: bytes, form: Form, channel: str, account: str = "") -> StatementFile:
    """Return a statement file of a channel. Raises FormFault, and then nothing of the file is to be used;
    FormError where the form has no such file. A camt.054 names the insurer's account: it must be `account`,
    where that is given.
    """
    file = form.statement
    if file is None:
        raise FormError(Sentence("the form has no statement file"))
    if form.form == "pain.008":
        notice = camt054.read(name, content, account)
        edge = hold_name(name, file, {"date": notice.date})
        lines = notice.settlements
    else:
        records = record_file.read(name, content, form, file)
        edge = hold_name(name, file, records.edge)
        lines = tuple(_line(name, record) for record in records.lines)
        sums = {
            "count": len(lines),
            "amount": sum(line.amount for line in lines),
            "fee": sum(line.fee for line in lines),
        }
        hold_figures(name, file, records, sums)
    hold_channel(name, edge, channel)
    return StatementFile(channel, edge.get("date", ""), lines)


def _line(name: str, record: Record) -> StatementLine:
    values = record.values
    if not _BATCH.fullmatch(values["batch"]):
        raise FormFault(name, record.line, Sentence("batch: no batch of ours"))
    if not values["value_date"]:
        raise FormFault(name, record.line, Sentence("value_date: is missing"))
    return StatementLine(
        values["batch"],
        values.get("reference", ""),
        values["value_date"],
        int(values["amount"]),
        int(values.get("fee", "0")),
    )
