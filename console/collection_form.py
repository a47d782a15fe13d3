"""The commands on file forms: `qianzhi collection form list`, `show` and `check`.

Parses arguments, reads files, calls, prints. What a form's file may say is collection.forms.form_file's; how
a bank's file fares, collection.forms.trial's. No value of a line is printed: it may be an account or a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import RenderableType

from collection.errors import FormFault
from collection.forms.codes import codes_of, hold_together
from collection.forms.form_file import Column, Form, form_of, load, shipped
from collection.forms.lines import NamedFile
from collection.forms.record_text import BYTES_MAX
from collection.forms.trial import Tried, tried
from console.output import JSON, cell, show, table
from office.reports.wording import yuan

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class ListedForm(NamedTuple):
    """A shipped form: its name, how its files are written, its table of codes, lines of a file."""

    name: str
    form: str
    encoding: str
    codes: str
    lines_max: int


class ListedColumn(NamedTuple):
    """A column of a form: the file and the record that it is in, what it holds, its width, unit or format."""

    file: str
    record: str
    column: str
    literal: str
    width: int
    format: str
    element: str


class ShownForm(NamedTuple):
    """A form: what `list` says of it, the names of its files, and their columns."""

    form: ListedForm
    names: dict[str, str]
    columns: tuple[ListedColumn, ...]


class CheckedFile(NamedTuple):
    """A bank's file and what it says, or why it is refused."""

    file: str
    tried: Tried | None
    refused: str


@click.group("form")
def form_group() -> None:
    """File forms: how a bank's batch files are written, shipped ones and files of your own."""


@form_group.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """List the forms that are shipped."""
    forms = tuple(_listed(name, load(name)) for name in shipped())
    show(forms, lambda: _forms_table(forms), as_json=as_json)


@form_group.command("show")
@click.argument("name", metavar="NAME|FILE")
@JSON
def show_command(name: str, as_json: bool) -> None:
    """Show the files of a form, and every column of their records."""
    form = form_of(name)
    names = {kind: file.name for kind, file in form.files().items()}
    shown = ShownForm(_listed(Path(name).stem, form), names, tuple(_columns(form)))
    show(shown, lambda: _shown_lines(shown), as_json=as_json)


@form_group.command("check")
@click.argument("name", metavar="NAME|FILE")
@click.argument("files", type=_FILE, nargs=-1)
@click.option("--codes", default="", metavar="NAME|FILE", help="the table of codes  [default: the form's]")
@JSON
def check_command(name: str, files: tuple[Path, ...], codes: str, as_json: bool) -> None:
    """Check a form, and try it on FILES of the bank: their shape, their own sums, the codes in them.

    Whether an answer is one to what was sent, only its batch says. Exit code 1 if a file is refused.
    """
    form = form_of(name)
    known = codes_of(codes or form.codes)
    hold_together(form, known)
    found = []
    for file in files:
        with file.open("rb") as stream:
            named = NamedFile(file.name, stream.read(BYTES_MAX + 1))
        try:
            found.append(CheckedFile(named.name, tried(*named, form, known), ""))
        except FormFault as fault:
            found.append(CheckedFile(named.name, None, str(fault)))
    show(found, lambda: _checked_lines(Path(name).stem, found), as_json=as_json)
    wrong = sum(one.tried is None for one in found)
    if wrong:
        raise click.ClickException(
            _("{wrong} of {count} files are refused").format(wrong=wrong, count=len(found))
        )


def _words() -> dict[str, str]:
    """The kinds of files and the outcomes of one, in the reader's language."""
    return {
        "request": _("request file"),
        "answer": _("answer file"),
        "returns": _("return file"),
        "statement": _("settlement file"),
        "accepted": _("accepted"),
        "resend": _("not received, to be sent again"),
        "release": _("refused whole"),
        "ask": _("not known, to be asked about"),
    }


def _listed(name: str, form: Form) -> ListedForm:
    return ListedForm(name, form.form, form.encoding, form.codes, form.lines_max)


def _forms_table(forms: Sequence[ListedForm]) -> Iterator[RenderableType]:
    lines = _("lines of a file")
    rows = table(_("form"), _("written"), _("encoding"), _("codes"), lines, right=(lines,))
    for form in forms:
        rows.add_row(*map(cell, form))
    yield rows


def _columns(form: Form) -> Iterator[ListedColumn]:
    for kind, file in form.files().items():
        records = {"header": file.header, "detail": file.detail, "trailer": file.trailer}
        for record, columns in records.items():
            for column in columns:
                yield _column(kind, record, column)


def _column(kind: str, record: str, column: Column) -> ListedColumn:
    written = column.template or (column.unit if column.is_money else "")
    return ListedColumn(kind, record, column.name, column.literal, column.width, written, column.element)


def _shown_lines(shown: ShownForm) -> Iterator[RenderableType]:
    yield from _forms_table((shown.form,))
    for kind, name in shown.names.items():
        yield _("{kind}: {name}").format(kind=_words()[kind], name=name)
    width = _("width")
    rows = table(_("file"), _("record"), _("column"), width, _("format"), _("element"), right=(width,))
    for column in shown.columns:
        held = column.column or repr(column.literal)
        texts = (
            _words()[column.file],
            column.record,
            held,
            str(column.width or ""),
            column.format,
            column.element,
        )
        rows.add_row(*map(cell, texts))
    if shown.columns:
        yield rows


def _checked_lines(name: str, found: Sequence[CheckedFile]) -> Iterator[RenderableType]:
    yield _("{name} is in order").format(name=name)
    for file, one, refused in found:
        if one is None:
            yield _("refused: {reason}").format(reason=refused)
            continue
        yield _("{file}: {kind}, {lines} lines, {amount} yuan").format(
            file=file, kind=_words()[one.kind], lines=one.lines, amount=yuan(one.amount)
        )
        if one.file_code:
            yield _("{file}: file code {code}, {outcome}").format(
                file=file, code=one.file_code, outcome=_words()[one.outcome]
            )
        if one.unknown:
            yield _("{file}: codes that the table does not know: {codes}").format(
                file=file, codes=" ".join(one.unknown)
            )
