"""The command `qianzhi describe`: any bytes of a link, explained. Reads, prints, changes nothing.

protocol.analyzer.explain decides what the bytes are and which of them may be shown. No value is looked at
here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date
from functools import partial
from gettext import gettext as _
from pathlib import Path

import click
from rich.console import RenderableType
from rich.table import Table

from console import settings_place
from console.language import spoken
from console.options import BANK_CODE, FRAMING, entry_of
from console.output import JSON, cell, show, table
from console.wall_clock import today
from fep.links.form_check import refused
from fep.settings.config import load_settings
from fep.settings.dialects import SUFFIX, find_dialect, read_dialect
from protocol.analyzer.describe import DescribedFrame, Reading
from protocol.analyzer.error_locator import WrongByte
from protocol.analyzer.explain import Candidates, Explained, ExplainedStream, explain
from protocol.analyzer.field_display import is_plausible_mti
from protocol.analyzer.field_tree import Node
from protocol.analyzer.hexdump import BASE64, NO_FORM, RAW
from protocol.analyzer.variants import variants
from protocol.codec import Codec
from protocol.dialect import Dialect, basic_first, load
from protocol.framing import Framing
from qianzhi_errors.sentence import Sentence, listed

INPUT_BYTES_MAX = 64 << 20
"""64 MiB. A longer capture has to be cut to the connection in question first."""
_BARE = "none"
_INDENT = "  "


class _FramingOrNone(click.ParamType[Framing | str]):
    """A framing, or the word for a message without any."""

    name = f"{FRAMING.name}|{_BARE}"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Framing | str:
        """Return the framing, or the word. Fails where it is neither."""
        return _BARE if value == _BARE else FRAMING.convert(value, param, ctx)


@click.command("describe")
@click.argument("given", metavar="[HEX|BASE64|FILE|-]", nargs=-1)
@click.option("--framing", type=_FramingOrNone(), help="[default: tried, all]")
@click.option("--dialect", metavar="NAME|FILE", help="[default: tried, all that are shipped]")
@click.option("--bank", type=BANK_CODE, help="the framing and dialect of this bank's entry in the settings")
@settings_place.option("config", settings_place.FRONT, "for --bank, and a dialect of your own by its name")
@JSON
def describe_command(
    given: tuple[str, ...],
    framing: Framing | str | None,
    dialect: str | None,
    bank: str | None,
    config: Path,
    as_json: bool,
) -> None:
    """Explain a message, a stream of them or a capture: framing, dialect, every field, the first wrong byte.

    Hex digits in any spelling or in lines of a log, a hexdump, Python bytes, numbers, base64, raw bytes,
    pcap or pcapng; from the command line, a FILE, or - for standard input. Card and identity numbers,
    names, PIN blocks and keys are not shown. What the machine would refuse in a message is said in its own
    words. Exit code 1 if anything in it is wrong.
    """
    known = None if dialect is None else _dialect(dialect, config)
    if bank is not None:
        settings = load_settings(config)
        entry = entry_of(settings, bank)
        framing = framing or entry.framing
        known = known or find_dialect(entry.dialect, settings.node.dialects, entry.gb18030)
    dialects = [known] if known else [load(name) for name in basic_first()]
    candidates = Candidates(
        {chosen.name: Codec(chosen) for chosen in dialects},
        framing if isinstance(framing, Framing) else None,
        framing == _BARE,
        partial(_refusal, date.fromisoformat(today())),
        variants if known is None else dict,
    )
    data, typed = _input(given)
    explained = explain(data, candidates)
    if typed and explained.form in (RAW, BASE64, NO_FORM) and not _begins_as_message(explained):
        raise click.UsageError(
            _("no file has this name, and it is no message in hex digits, base64 or itself")
        )
    show(explained, lambda: _lines(explained), as_json=as_json)
    if not explained.whole:
        fault = next(_faults(explained), Sentence("nothing in it can be described"))
        raise click.ClickException(spoken(fault))


def _dialect(name: str, config: Path) -> Dialect:
    """Return the dialect of a file, or of this name, shipped or in the settings' folder.

    Raises DialectError.
    """
    path = Path(name)
    if path.suffix == SUFFIX:
        return read_dialect(path)
    return find_dialect(name, load_settings(config).node.dialects if config.exists() else "")


def _refusal(day: date, codec: Codec, message: bytes) -> str:
    """Return in words what the machine would refuse in a message; empty for nothing."""
    refusal = refused(codec, message, day)
    if refusal is None:
        return ""
    return Sentence(
        "the machine would refuse it: DE 39 = {code}, {reason}", code=refusal.response, reason=str(refusal)
    )


def _input(given: tuple[str, ...]) -> tuple[bytes, bool]:
    """The bytes, and whether they were typed as arguments."""
    typed = False
    if given in ((), ("-",)):
        if not given and sys.stdin.isatty():
            raise click.UsageError(_("give hex digits, base64 or a file; - reads standard input"))
        data = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    elif len(given) == 1 and _is_path(given[0]):
        with Path(given[0]).open("rb") as file:
            data = file.read(INPUT_BYTES_MAX + 1)
    else:
        data, typed = os.fsencode(" ".join(given)), True
    if not data.strip():
        raise click.ClickException(_("there is nothing in it"))
    if len(data) > INPUT_BYTES_MAX:
        raise click.ClickException(
            _("more than {size} MiB: cut the capture to one connection first").format(
                size=INPUT_BYTES_MAX >> 20
            )
        )
    return data, typed


def _begins_as_message(explained: Explained) -> bool:
    """Whether the first message's MTI is an MTI of ISO 8583."""
    frames = [
        frame
        for stream in explained.told
        if stream.reading is not None
        for frame in stream.reading.frames[:1]
    ]
    return any(
        node.field == "MTI" and is_plausible_mti(node.value) for frame in frames for node in frame.nodes
    )


def _is_path(text: str) -> bool:
    """Whether a text names a file: an existing file, or a name that could be nothing else."""
    if not text:  # which would be the folder that this is run in
        return False
    try:
        return Path(text).exists() or text.endswith((".pcap", ".pcapng", ".hex", ".txt", ".bin"))
    except OSError:  # longer than a name may be
        return False


def _faults(explained: Explained) -> Iterator[str]:
    if explained.wrong is not None:
        yield _pointed(explained.wrong)
    for stream in explained.told:
        notes = [stream.note] if stream.reading is None else map(_pointed, stream.reading.wrongs)
        for note in notes:
            yield listed([stream.name, note]) if stream.name else note


def _pointed(wrong: WrongByte) -> str:
    return Sentence("byte {place}: expected {expected}", place=wrong.at, expected=wrong.expected)


def _wrong(wrong: WrongByte) -> str:
    return Sentence("wrong: {place}", place=_pointed(wrong))


def _lines(explained: Explained) -> Iterator[RenderableType]:
    yield Sentence("read as {form}", form=explained.form)
    for stream in explained.told:
        yield from _stream_lines(stream)
    if explained.wrong is not None:
        yield _wrong(explained.wrong)


def _stream_lines(stream: ExplainedStream) -> Iterator[RenderableType]:
    if stream.name:
        yield ""
        yield stream.name
    if stream.reading is not None:
        wrongs = list(stream.reading.wrongs)
        yield _title(stream.reading)
        for number, frame in enumerate(stream.reading.frames, 1):
            end = frame.at + frame.size
            yield ""
            yield Sentence(
                "frame {number}: bytes {first} to {last}", number=number, first=frame.at, last=end - 1
            )
            yield _fields(frame)
            while wrongs and (wrongs[0].at < end or wrongs[0] is frame.wrong):
                yield _wrong(wrongs.pop(0))
            if frame.refused:
                yield frame.refused
        yield from map(_wrong, wrongs)
    if stream.note:
        yield stream.note


def _title(reading: Reading) -> str:
    count = len(reading.frames)
    if reading.framing is None:
        framing: str = Sentence("no framing")
    else:
        framing = Sentence("framing {framing}", framing=reading.framing)
    messages = Sentence("1 message") if count == 1 else Sentence("{count} messages", count=count)
    return Sentence(
        "{framing}, dialect {dialect}: {messages}",
        framing=framing,
        dialect=reading.dialect,
        messages=messages,
    )


def _fields(frame: DescribedFrame) -> Table:
    byte, field = _("byte"), _("field")
    rows = table(byte, field, _("value"), _("what it is"), _("raw"), right=(byte,), whole=(field,))
    rows.columns[2].ratio, rows.columns[3].ratio, rows.columns[4].ratio = 3, 5, 3
    rows.expand = True
    for node in frame.nodes:
        _add(rows, node, "")
    return rows


def _add(rows: Table, node: Node, indent: str) -> None:
    text = node.name or node.meaning
    if node.meaning and node.name:
        text = Sentence("{name}: {meaning}", name=node.name, meaning=node.meaning)
    if node.hidden:
        text = Sentence("{text} (not shown: {reason})", text=text, reason=node.hidden)
    rows.add_row(str(node.at), *map(cell, (f"{indent}{node.field}", node.value, text, node.raw)))
    if node.field != "MTI":  # its four digits are in its meaning
        for part in node.nodes:
            _add(rows, part, indent + _INDENT)
