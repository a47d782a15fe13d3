"""Return files: collections that were done, and that the bank took back afterwards; read whole or refused.

Pure. Which line was done, and with which amount, is not known here: who applies a return holds it against
that.
"""

from __future__ import annotations

from typing import NamedTuple

from collection.errors import FormError, FormFault
from collection.forms import camt054, record_file
from collection.forms.figures import hold_channel, hold_figures, hold_name
from collection.forms.form_file import Form
from collection.forms.lines import Record, ReturnLine, of_key
from qianzhi_errors.sentence import Sentence


class ReturnFile(NamedTuple):
    """One return file, whole and checked. `date` (YYYYMMDD) is the day that the file names."""

    channel: str
    date: str
    lines: tuple[ReturnLine, ...]


def read(name: str, content: bytes, form: Form, channel: str, account: str = "") -> ReturnFile:
    """Return a return file of a channel. Raises FormFault, and then nothing of the file is to be used;
    FormError where the form has no such file. A camt.054 names the insurer's account: it must be `account`,
    where that is given.
    """
    file = form.returns
    if file is None:
        raise FormError(Sentence("the form has no return file"))
    if form.form == "pain.008":
        notice = camt054.read(name, content, account)
        edge = hold_name(name, file, {"date": notice.date})
        lines = notice.returns
    else:
        records = record_file.read(name, content, form, file)
        edge = hold_name(name, file, records.edge)
        lines = tuple(_line(name, record) for record in records.lines)
        hold_figures(name, file, records, {"count": len(lines), "amount": sum(line.amount for line in lines)})
    hold_channel(name, edge, channel)
    seen = set[tuple[str, int]]()
    for at, line in enumerate(lines, 1):
        if (line.batch, line.line) in seen:
            raise FormFault(name, at, Sentence("line: stands there twice"))
        seen.add((line.batch, line.line))
        if not line.amount:
            raise FormFault(name, at, Sentence("amount: must be more than nothing"))
    return ReturnFile(channel, edge.get("date", ""), lines)


def _line(name: str, record: Record) -> ReturnLine:
    values = record.values
    batch, number = of_key(values["key"]) if "key" in values else (values["batch"], int(values["line"]))
    if not batch or not number:
        raise FormFault(name, record.line, Sentence("key: no line of ours"))
    if not values["value_date"]:
        raise FormFault(name, record.line, Sentence("value_date: is missing"))
    return ReturnLine(
        batch,
        number,
        values.get("reference", ""),
        values["code"],
        values["value_date"],
        int(values["amount"]),
    )
