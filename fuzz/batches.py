"""Targets for a batch's files from a bank in each form, for a form of one's own, for a table of codes, and
for the files between collection and the front.

As in `fuzz.wire`: any bytes, and only the promises that the modules' docstrings make.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

from collection.errors import FormError, FormFault
from collection.forms import answer, codes, form_file, returns, statement
from collection.forms.form_file import Form, load
from collection.forms.lines import Payee, RequestBatch, RequestLine
from fuzz.errors import require
from ledger.files import apply_file, hold_file
from ledger.files.record_lines import BatchFileRefused

CHANNEL: Final = "91020000"
BATCH: Final = "B0000123"
DAY: Final = "20261124"
DAYS: Final = {"returns": "20261127", "statement": "20261125"}
"""The days of the files that come later."""
PAYEE: Final = Payee("示例人寿", "1100987654321", "102100099996", "AGR0001")
NUMBERS: Final = re.compile("[0-9]{15,}")
"""What may be an account."""
_Read = TypeVar("_Read")


@cache
def sent() -> RequestBatch:
    """The batch that the files answer."""
    lines = tuple(
        RequestLine(
            number,
            "张三",
            f"62220200{number:08d}4",
            "102100099996",
            amount,
            f"P2026{number:04d}",
            f"D2026{number:04d}",
            f"M2026{number:04d}",
            "20250301",
            "renewal",
            "保费",
        )
        for number, amount in enumerate((12000, 345, 600), 1)
    )
    return RequestBatch(BATCH, CHANNEL, DAY, "20261123203000", PAYEE, lines)


def names_of(form: Form) -> dict[str, str]:
    """The names of a batch's files in a form, each under its own day."""
    values = {"batch": BATCH, "channel": CHANNEL, "part": "01"}
    return {kind: file.named({**values, "date": DAYS.get(kind, DAY)}) for kind, file in form.files().items()}


def bank_files(name: str, data: bytes) -> None:
    """An answer, a return or a statement file: whole or refused, and nothing in it is another's money."""
    form = load(name)
    names = names_of(form)
    if read := _read(lambda: answer.read(names["answer"], data, form, sent()), data):
        asked = {line.line: line.amount for line in sent().lines}
        amounts = [(line.line, line.amount) for line in read.lines]
        require(dict(amounts).items() <= asked.items(), "a line or an amount that was not asked for")
        require(len(dict(amounts)) == len(amounts), "a line stands there twice")
        require(read.complete == (dict(amounts) == asked), "it says that it is complete, and is not")
        require(answer.joined((read, read)) == tuple(sorted(read.lines)), "twice the same, it is another")
    if back := _read(lambda: returns.read(names["returns"], data, form, CHANNEL), data):
        places = [(line.batch, line.line) for line in back.lines]
        require(len(set(places)) == len(places), "a line is returned twice")
        require(all(line.amount > 0 for line in back.lines), "nothing is returned")
    if paid := _read(lambda: statement.read(names["statement"], data, form, CHANNEL), data):
        require(all(line.amount >= 0 and line.fee >= 0 for line in paid.lines), "less than nothing is paid")


def _read(read: Callable[[], _Read], data: bytes) -> _Read | None:
    """What is read, twice the same; None for a refusal, which repeats no account of the data."""
    try:
        found = read()
    except FormFault as fault:
        accounts = NUMBERS.findall(data.decode("latin-1"))
        require(not any(account in fault.why for account in accounts), "a refusal repeats an account")
        return None
    require(read() == found, "what is read is not the same twice")
    return found


def form_text(data: bytes) -> None:
    """A file form and a table of codes in TOML: taken, or refused with a reason."""
    text = data.decode("utf-8", "replace")
    try:
        form = form_file.parse(text, "own.toml")
    except FormError as error:
        require(str(error), "a refusal without a reason")
    else:
        require(form.request.parts_of(names_of(form)["request"]) is not None, "a name that is not its own")
    try:
        table = codes.parse(text, "own.toml")
    except FormError as error:
        require(str(error), "a refusal without a reason")
    else:
        require(table.line("\0").klass == "unknown", "a code that no table knows is known")


_FRONT_FILES: Final = (
    (hold_file.read_hold, hold_file.write_hold),
    (hold_file.read_release, hold_file.write_release),
    (apply_file.read_apply, apply_file.write_apply),
    (hold_file.read_hold_answer, hold_file.write_hold_answer),
    (hold_file.read_release_answer, hold_file.write_release_answer),
    (apply_file.read_apply_answer, apply_file.write_apply_answer),
)


def front_files(data: bytes) -> None:
    """What a batch holds, lets go and reports, and the front's answers: whole, or a BatchFileRefused that
    repeats nothing long; written again it is the same file, and is of one kind only.
    """
    kinds = 0
    for read, write in _FRONT_FILES:
        try:
            file = read(data)
        except BatchFileRefused as error:
            require(not NUMBERS.search(str(error)) or _states_sums(str(error)), "a refusal repeats a number")
            continue
        kinds += 1
        written = write(file)  # type: ignore[operator]
        require(read(written) == file, "written again, another file")
        require(sorted(written.splitlines()) == sorted(data.splitlines()), "written again, other lines")
    require(kinds <= 1, "a file of two kinds")


def _states_sums(text: str) -> bool:
    """Whether a refusal compares sums, of which each may have as many digits as an account."""
    return ": the records make " in text
