"""The commands on dialects: `qianzhi dialect list`, `show` and `check`.

Parses arguments, calls, prints. What a dialect's file may say is protocol.dialect_file's; whether the
machine can serve a bank in it, protocol.dialect_fit's; how a captured message fares,
protocol.analyzer.message_trial's.
No value of a message is printed: a captured one holds card numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import RenderableType

from console import settings_place
from console.output import JSON, cell, show, table
from fep.settings.config import load_settings
from fep.settings.dialects import SUFFIX, find_dialect, misnamed, own_dialects, read_dialect
from protocol.analyzer.message_trial import Trial, tried
from protocol.codec import Codec
from protocol.dialect import SUBFIELDS_AT, Dialect, Element, Private, shipped
from protocol.dialect_fit import notation, unfit
from protocol.errors import DialectError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_CONFIG = settings_place.option("config", settings_place.FRONT, "the settings, which name the folder")


class ListedDialect(NamedTuple):
    """A dialect: its name, whether it is shipped, and why the machine cannot serve a bank in it."""

    name: str
    shipped: bool
    obstacles: tuple[str, ...]


class ListedElement(NamedTuple):
    """One DE of a dialect: number, name, format, and how it and its length are written. `subfield` is the
    number of what stands in it behind its private bitmap; None for the DE itself.
    """

    number: int
    subfield: int | None
    name: str
    format: str
    encoding: str
    length: str


class TriedMessage(NamedTuple):
    """A line of a file of messages, and how its message fared."""

    line: int
    trial: Trial


class Checked(NamedTuple):
    """What `qianzhi dialect check` found of a file, and of the messages given with it."""

    name: str
    obstacles: tuple[str, ...]
    messages: tuple[TriedMessage, ...]


@click.group()
def dialect() -> None:
    """Dialects: how a bank's network writes ISO 8583, shipped ones and files of your own."""


@dialect.command("list")
@_CONFIG
@JSON
def list_command(config: Path, as_json: bool) -> None:
    """List the dialects: those that are shipped, and those in the settings' folder."""
    folder = _folder_of(config)
    names = (*((name, True) for name in shipped()), *((name, False) for name in own_dialects(folder)))
    dialects = tuple(ListedDialect(name, whose, _obstacles(name, folder)) for name, whose in names)
    show(dialects, lambda: _dialects_table(dialects), as_json=as_json)


@dialect.command("show")
@click.argument("name", metavar="NAME|FILE")
@_CONFIG
@JSON
def show_command(name: str, config: Path, as_json: bool) -> None:
    """Show every data element of a dialect: its format, its encoding, and how its length is written.

    Behind an element with a bitmap of its own stand its subfields, as 127.2.
    """
    path = Path(name)
    chosen = read_dialect(path) if path.suffix == SUFFIX else find_dialect(name, _folder_of(config))
    elements = tuple(_elements(chosen))
    show(elements, lambda: _elements_table(elements), as_json=as_json)


@dialect.command("check")
@click.argument("file", type=_FILE)
@click.argument("messages", type=_FILE, required=False)
@click.option(
    "--skip", type=click.IntRange(0, 256), default=0, help="bytes before each message's MTI: length, header"
)
@JSON
def check_command(file: Path, messages: Path | None, skip: int, as_json: bool) -> None:
    """Check a dialect's FILE, and try it on MESSAGES: a file of hex digits, a message a line, # for remarks.

    Each message must read, and be written again byte for byte; of one that does not, the first wrong byte is
    named. Exit code 1 if one does not, or if the machine could not serve a bank in the dialect.
    """
    codec = Codec(read_dialect(file))
    found = tuple(_tried(codec, messages, skip)) if messages is not None else ()
    result = Checked(file.stem, (*misnamed(file), *unfit(codec.dialect)), found)
    show(result, lambda: _checked_lines(result), as_json=as_json)
    wrong = sum(tried_one.trial.at is not None for tried_one in found)
    if wrong:
        raise click.ClickException(
            _("{wrong} of {count} messages are not read and written alike").format(
                wrong=wrong, count=len(found)
            )
        )
    if result.obstacles:
        raise click.ClickException(_("the machine cannot serve a bank in this dialect"))


def _folder_of(config: Path) -> str:
    """Return the settings' folder of dialects; empty where there are no settings."""
    return load_settings(config).node.dialects if config.exists() else ""


def _obstacles(name: str, folder: str) -> tuple[str, ...]:
    """Return why the machine cannot serve a bank in a dialect, one file that is none among them."""
    try:
        return unfit(find_dialect(name, folder))
    except DialectError as error:
        return (str(error),)


def _dialects_table(dialects: Sequence[ListedDialect]) -> Iterator[RenderableType]:
    rows = table(_("dialect"), _("whose"), _("a bank can be served in it"))
    for one in dialects:
        whose = _("shipped") if one.shipped else _("own")
        rows.add_row(*map(cell, (one.name, whose, "\n".join(one.obstacles) or _("yes"))))
    yield rows


def _elements(chosen: Dialect) -> Iterator[ListedElement]:
    for number, element in chosen.elements.items():
        private = chosen.private.get(number)
        listed = _listed(number, None, element, chosen.spec[str(number)])
        counted = chosen.counted.get(number)
        if counted is not None:
            form = _("{width} {encoding}, characters").format(width=counted.width, encoding=counted.lengths)
            listed = listed._replace(length=form if counted.width else _("characters"))
        if private is None:
            yield listed
            continue
        yield listed._replace(encoding=_("its own bitmap, {encoding}").format(encoding=_bitmap_of(private)))
        for subfield, within in private.elements.items():
            yield _listed(number, subfield, within, private.spec[str(SUBFIELDS_AT + subfield)])


def _bitmap_of(private: Private) -> str:
    """Return how a private bitmap is written, in a dialect file's words."""
    return "binary" if private.bitmap == "b" else f"hex-{private.bitmap}"


def _listed(number: int, subfield: int | None, element: Element, spec: Mapping[str, Any]) -> ListedElement:
    """Return the line of a DE or a subfield."""
    length = f"{spec['len_type']} {spec['len_enc']}" if element.prefix else ""
    return ListedElement(number, subfield, element.name, notation(element), element.encoding, length)


def _elements_table(elements: Sequence[ListedElement]) -> Iterator[RenderableType]:
    number = _("DE")
    rows = table(number, _("name"), _("format"), _("encoding"), _("length, bytes"), right=(number,))
    for element in elements:
        whole = str(element.number) if element.subfield is None else f"{element.number}.{element.subfield}"
        rows.add_row(*map(cell, (whole, *element[2:])))
    yield rows


def _tried(codec: Codec, messages: Path, skip: int) -> Iterator[TriedMessage]:
    """Yield how each message of a file fared. Raises ClickException for a line that is not hex digits."""
    for number, line in enumerate(messages.read_bytes().splitlines(), start=1):
        digits = line.partition(b"#")[0]
        if not digits.strip():
            continue
        try:
            raw = bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            raise click.ClickException(
                _("{file}, line {line}: no hex digits").format(file=messages, line=number)
            ) from None
        yield TriedMessage(number, tried(codec, raw[skip:]))


def _checked_lines(result: Checked) -> Iterator[RenderableType]:
    for obstacle in result.obstacles:
        yield _("not for a bank that is served: {obstacle}").format(obstacle=obstacle)
    for line, trial in result.messages:
        numbers = f" DE {' '.join(trial.fields)}" if trial.fields else ""
        shown = f"{trial.mti}{numbers}"
        if trial.at is None:
            yield _("line {line}: {shown}: reads, and is written alike").format(line=line, shown=shown)
        else:
            yield _("line {line}: {shown}: byte {at}: expected {expected}").format(
                line=line, shown=shown, at=trial.at, expected=trial.expected
            )
    if not result.obstacles:
        yield _("{name} is in order").format(name=result.name)
