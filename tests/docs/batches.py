"""Worked batch files for docs/batch-files.md, and its tables: by the forms and their writers.

All values are fixed. Accounts and names are examples.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from collection.forms.codes import codes_of
from collection.forms.codes import shipped as tables
from collection.forms.form_file import Form, load, shipped
from collection.forms.lines import NamedFile, RequestBatch, RequestLine
from collection.forms.request import write
from simulators.channel import files
from tests.support.batch_files import PAYEE

_FAILED: Final = {"iso20022": "AM04"}
_BETWEEN: Final = re.compile(
    r"\n(?!<(?:Document|Transaction|Head|Item|GrpHdr|PmtInf|Cdtr|DrctDbtTxInf|Dbtr|OrgnlGrpInfAndSts|OrgnlPmtInfAndSts|TxInfAndSts)\b)"
)
"""Ends of lines within XML that are not shown: several elements stand on a line."""


@cache
def batch() -> RequestBatch:
    """Two renewal premiums of one day."""
    lines = tuple(
        RequestLine(
            number,
            name,
            account,
            "102100099996",
            amount,
            f"P202600{number}",
            f"D202600{number}",
            f"M202600{number}",
            "20250301",
            "renewal",
            "续期保费",
        )
        for number, name, account, amount in (
            (1, "张三", "6222020000000000123", 120_000),
            (2, "李四", "6222020000000000456", 34_500),
        )
    )
    return RequestBatch("B0000123", "91020000", "20261124", "20261123203000", PAYEE, lines)


def answer_of(form: Form) -> NamedFile:
    """The answer: the first line done, the second one's account had too little money."""
    done, failed = batch().lines
    codes = {done.line: form.answer.done[0], failed.line: _FAILED.get(form.codes, "51")}
    lines = [
        {
            **{name: str(value) for name, value in line._asdict().items()},
            "key": f"B0000123{line.line:06d}",
            "code": codes[line.line],
            "text": "" if line is done else "余额不足",
            "value_date": "20261124" if line is done else "",
            "reference": "R00001230001" if line is done else "",
        }
        for line in batch().lines
    ]
    edge = {
        **{"batch": "B0000123", "channel": "91020000", "date": "20261124", "created_at": "20261123203000"},
        **{"part": "1", "text": "", "file_code": form.answer.taken[0]},
    }
    return files.answer(form, edge, lines, [line.amount for line in batch().lines])


def worked(name: str) -> str:
    """A request file and its answer, as they are written."""
    form = load(name)
    (request,) = write(batch(), form)
    return "\n\n".join(_shown(file, form) for file in (request, answer_of(form)))


def _shown(file: NamedFile, form: Form) -> str:
    text = file.content.decode(form.encoding).replace("\r\n", "\n").rstrip("\n")
    if form.form in ("xml", "pain.008"):
        text = _BETWEEN.sub("", text)
    return f"`{file.name}`:\n\n```text\n{text}\n```"


def forms() -> str:
    """The shipped forms."""
    rows = ["| form | files | encoding | lines of a file | table of codes |", "|---|---|---|---|---|"]
    for name in shipped():
        form = load(name)
        separator = f", `{form.separator}`".replace("|", "\\|") if form.separator else ""
        written = f"`{form.form}`{separator} | `{form.encoding}`"
        rows.append(f"| `{name}` | {written} | {form.lines_max:,} | `{form.codes}` |")
    return "\n".join(rows)


def file_codes() -> str:
    """What each file code means, in the table that all begin with."""
    codes = codes_of("unionpay").files
    outcomes = sorted({*codes.values()})
    rows = ["| outcome | codes |", "|---|---|"]
    for outcome in outcomes:
        mine = ", ".join(f"`{code}`" for code, meaning in codes.items() if meaning == outcome)
        rows.append(f"| `{outcome}` | {mine} |")
    return "\n".join(rows)


def classes() -> str:
    """The classes of a line: tried again or not, what the customer is told, and codes of each table."""
    names = tables()
    heads = ["class", "tried again", "in Chinese", "in English", *(f"`{name}`" for name in names)]
    rows = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for klass, meaning in codes_of("unionpay").classes.items():
        examples = [
            ", ".join(code for code, line in codes_of(name).lines.items() if line.klass == klass)
            for name in names
        ]
        cells = [
            f"`{klass}`",
            "yes" if meaning.retry else "no",
            f"`{meaning.zh}`",
            f"`{meaning.en}`",
            *examples,
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def made() -> dict[str, str]:
    """Name of a made place -> its text."""
    return {
        "batch-forms": forms(),
        "batch-file-codes": file_codes(),
        "batch-classes": classes(),
        **{f"worked-{name}": worked(name) for name in shipped()},
    }
