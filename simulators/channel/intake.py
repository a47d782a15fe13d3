"""A request file as a bank takes it: read by its form, and refused whole by a file code where it is wrong.

Pure. The codes are those of `collection/forms/codes/base.toml`; in ISO 20022 they are reasons of RJCT.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from collection.errors import FormFault
from collection.forms import record_file
from collection.forms.form_file import Form
from collection.forms.lines import NamedFile, Record, Records, key_of, of_key
from simulators.channel import iso

EMPTY, FORMAT, COUNT, SUM, NUMBERS, DUPLICATE, WHOLE, LOST = "7", "15", "2", "3", "14", "11", "16", "1"
IN_ISO: Final[Mapping[str, str]] = {
    **{COUNT: "RJCT/AM18", SUM: "RJCT/AM10", DUPLICATE: "RJCT/AM05", FORMAT: "RJCT/FF01"},
    **{EMPTY: "RJCT/FF01", NUMBERS: "RJCT/FF01", WHOLE: "RJCT", LOST: "RJCT"},
}


class Taken(NamedTuple):
    """A request file as it was read: what its header and name say, its lines by number, and the file code
    with which it is refused whole, empty if it is not.
    """

    edge: Mapping[str, str]
    lines: Mapping[int, Mapping[str, str]]
    refused: str


def take(file: NamedFile, form: Form) -> Taken:
    """Return a request file as the bank sees it."""
    edge = dict(form.request.parts_of(file.name) or {})
    if "part" in edge:
        edge["part"] = str(int(edge["part"]))
    try:
        records = _records(file, form)
    except FormFault:
        return Taken(edge, {}, FORMAT)
    edge |= records.edge
    lines = {_number(record): _completed(record, edge) for record in records.lines}
    return Taken(edge, lines, _refused(records, lines))


def _records(file: NamedFile, form: Form) -> Records:
    if form.form == "pain.008":
        return iso.request(file.name, file.content)
    return record_file.read(file.name, file.content, form, form.request)


def _number(record: Record) -> int:
    return int(record.values["line"]) if "line" in record.values else of_key(record.values["key"])[1]


def _completed(record: Record, edge: Mapping[str, str]) -> dict[str, str]:
    number = _number(record)
    return {**record.values, "line": str(number), "key": key_of(edge["batch"], number)}


def _refused(records: Records, lines: Mapping[int, Mapping[str, str]]) -> str:
    if not records.lines:
        return EMPTY
    if max(Counter(_number(record) for record in records.lines).values()) > 1:
        return NUMBERS
    if int(records.edge.get("count", len(lines))) != len(lines):
        return COUNT
    total = sum(int(line["amount"]) for line in lines.values())
    return SUM if int(records.edge.get("amount", total)) != total else ""
