"""A bank's answer, return and statement files in a form. Each states the sums of its own lines.

Pure. The names are the form's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from collection.forms import record_file
from collection.forms.answer import is_done
from collection.forms.form_file import Form
from collection.forms.lines import NamedFile, Record, Records, ReturnLine, StatementLine, key_of
from simulators.channel import iso


def answer(
    form: Form, edge: Mapping[str, str], lines: Sequence[Mapping[str, str]], asked: Sequence[int]
) -> NamedFile:
    """Return the answer file of a request file. `edge` says batch, channel, date, part and file_code; each
    line is what was asked for, with code, text, value_date and reference; `asked` are the amounts asked for.
    """
    name = form.answer.named({**edge, "part": f"{int(edge['part']):02d}"})
    done = [int(line["amount"]) for line in lines if is_done(form.answer, line["code"])]
    amount = sum(int(line["amount"]) for line in lines)
    sums = {
        "count": len(lines),
        "amount": amount,
        "done_count": len(done),
        "done_amount": sum(done),
        "failed_count": len(lines) - len(done),
        "failed_amount": amount - sum(done),
        "asked_count": len(asked),
        "asked_amount": sum(asked),
    }
    whole = {**edge, **{column: str(value) for column, value in sums.items()}}
    records = Records(whole, tuple(Record(int(line["line"]), _flagged(form, line)) for line in lines))
    if form.form == "pain.008":
        return NamedFile(name, iso.report(records, f"{edge['date']}060000"))
    return NamedFile(name, record_file.written(name, form, form.answer, records))


def _flagged(form: Form, line: Mapping[str, str]) -> Mapping[str, str]:
    """Return a line with the bank's flag, in a form that has one."""
    way = "done" if is_done(form.answer, line["code"]) else "failed"
    flag = next((flag for flag, meaning in form.answer.flags.items() if meaning == way), "")
    return {**line, "flag": flag}


def returned(
    form: Form, channel: str, account: str, date: str, lines: Sequence[ReturnLine]
) -> NamedFile | None:
    """Return the return file of a day; None in a form that has none."""
    if form.returns is None:
        return None
    name = form.returns.named({"channel": channel, "date": date})
    if form.form == "pain.008":
        return NamedFile(name, iso.notice(account, date, (), lines))
    records = Records(
        _edge(channel, date, lines),
        tuple(
            Record(
                at,
                {**_texts(line._asdict()), "key": key_of(line.batch, line.line), "value_date": line.date},
            )
            for at, line in enumerate(lines, 1)
        ),
    )
    return NamedFile(name, record_file.written(name, form, form.returns, records))


def settled(
    form: Form, channel: str, account: str, date: str, lines: Sequence[StatementLine]
) -> NamedFile | None:
    """Return the statement file of a day; None in a form that has none."""
    if form.statement is None:
        return None
    name = form.statement.named({"channel": channel, "date": date})
    if form.form == "pain.008":
        return NamedFile(name, iso.notice(account, date, lines, ()))
    edge = {**_edge(channel, date, lines), "fee": str(sum(line.fee for line in lines))}
    records = Records(edge, tuple(Record(at, _texts(line._asdict())) for at, line in enumerate(lines, 1)))
    return NamedFile(name, record_file.written(name, form, form.statement, records))


def _edge(channel: str, date: str, lines: Iterable[ReturnLine] | Iterable[StatementLine]) -> dict[str, str]:
    amounts = [line.amount for line in lines]
    return {
        "channel": channel,
        "date": date,
        "count": str(len(amounts)),
        "amount": str(sum(amounts)),
    }


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}
