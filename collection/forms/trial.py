"""A bank's file tried against a form, without the batch that it belongs to: what a form of one's own needs.

Pure. The name says which kind of file it is. Its shape and its own sums are judged; whether it answers what
was sent, only `answer` can say. Nothing of a line comes out of here but counts, sums and codes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from collection.errors import FormError, FormFault
from collection.forms import pain002, record_file, returns, statement
from collection.forms.answer import code_of, sums_of
from collection.forms.codes import Codes
from collection.forms.figures import hold_figures, hold_name
from collection.forms.form_file import Form
from collection.forms.lines import AnswerLine, Records
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence

_KINDS: Final = ("request", "answer", "returns", "statement")


class Tried(NamedTuple):
    """A file that is in order: its kind, its lines, their amount in fen, the bank's word on the file with its
    meaning, and the codes of lines that the table does not know.
    """

    file: str
    kind: str
    lines: int
    amount: int
    file_code: str
    outcome: str
    unknown: tuple[str, ...]


def tried(name: str, content: bytes, form: Form, codes: Codes) -> Tried:
    """Return what a file says. Raises FormFault where it is not in order, and where no file of the form has
    such a name; FormError for a pain.008.
    """
    kinds = [
        kind for kind in _KINDS if kind in form.files() and form.files()[kind].parts_of(name) is not None
    ]
    if not kinds:
        raise FormFault(name, 0, Sentence("the name is not as the form has it"))
    if form.form == "pain.008" and "request" in kinds:
        raise FormError(Sentence("a pain.008 is written, and not read"))
    found = [_tried(kind, name, content, form, codes) for kind in kinds]
    return next((one for one in found if one.lines), found[0])


def _tried(kind: str, name: str, content: bytes, form: Form, codes: Codes) -> Tried:
    channel = (form.files()[kind].parts_of(name) or {}).get("channel", "")
    if kind == "returns":
        back = returns.read(name, content, form, channel)
        unknown = _unknown([line.code for line in back.lines], codes)
        return Tried(name, kind, len(back.lines), sum(line.amount for line in back.lines), "", "", unknown)
    if kind == "statement":
        paid = statement.read(name, content, form, channel)
        return Tried(name, kind, len(paid.lines), sum(line.amount for line in paid.lines), "", "", ())
    records = _records(kind, name, content, form)
    lines = tuple(_line(at, values, form) for at, values in enumerate(_values(records), 1))
    edge = hold_name(name, form.files()[kind], records.edge)
    asked = {column: int(edge[column]) for column in ("asked_count", "asked_amount") if column in edge}
    hold_figures(name, form.files()[kind], records, {**sums_of(form.answer, lines), **asked})
    amount = sum(line.amount for line in lines)
    if kind == "request":
        return Tried(name, kind, len(lines), amount, "", "", ())
    file_code = edge.get("file_code", form.answer.taken[0])
    unknown = _unknown([line.code for line in lines], codes)
    return Tried(name, kind, len(lines), amount, masked_numbers(file_code), codes.file(file_code), unknown)


def _records(kind: str, name: str, content: bytes, form: Form) -> Records:
    if form.form == "pain.008":
        return pain002.read(name, content)
    return record_file.read(name, content, form, form.files()[kind])


def _values(records: Records) -> list[dict[str, str]]:
    return [dict(record.values) for record in records.lines]


def _line(at: int, values: dict[str, str], form: Form) -> AnswerLine:
    code = code_of(form.answer, values.get("flag", ""), values.get("code", ""))
    return AnswerLine(at, int(values["amount"]), code, "", "", "")


def _unknown(given: list[str], codes: Codes) -> tuple[str, ...]:
    return tuple(sorted({masked_numbers(code) for code in given if not codes.knows(code)}))
