"""volume.txt: what a volume is, in ten lines of text; and volume.note, in which they are signed.

The note has the lines of volume.txt, then the sums of both manifests, so that one signature covers every
byte of the volume. It is a C2SP signed note: text, a blank line, lines of signatures. Signing and verifying
belong to `archive.log.note`; what the figures count, to `archive.sealing`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from archive.errors import VolumeFault, VolumeRefused
from archive.volume.names import DESCRIPTION, NOTE
from qianzhi_errors.sentence import Sentence

FIRST: Final = "none"
"""What stands for the volume before the first one, and for sources that are not on the volume."""

_NAME: Final = r"[A-Z]{1,4}-[0-9]{4}"
_SHA256: Final = r"[0-9a-f]{64}"
_COUNT: Final = r"0|[1-9][0-9]{0,14}"
_WORD: Final = r"[!-~]{1,100}"
_FIELDS: Final = {
    "volume": _NAME,
    "place": rf"[1-9][0-9]? of [1-9][0-9]?\+1|parity of {_NAME}(?: {_NAME})*",
    "retention": r"[A-Z][A-Z0-9?]{0,3}",
    "first_date": r"[0-9]{8}",
    "last_date": r"[0-9]{8}",
    **dict.fromkeys(
        ("parcels", "files", "payload", "entries", "receipts", "persons_sealed", "log_size"), _COUNT
    ),
    "log": _WORD,
    "log_root": r"[A-Za-z0-9+/]{43}=",
    "previous": rf"{FIRST}|{_NAME} {_SHA256}",
    "made": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    "version": _WORD,
    "sources": rf"{FIRST}|{_SHA256}",
}
_LINES: Final = (
    "format: qianzhi-volume 1",
    "volume: {volume}",
    "set: {place}",
    "class: {retention}",
    "dates: {first_date} {last_date}",
    "parcels: {parcels}   files: {files}   payload: {payload}",
    "entries: {entries}   receipts: {receipts}   persons-sealed: {persons_sealed}",
    "log: {log} {log_size} {log_root}",
    "previous: {previous}",
    "made: {made} by qianzhi {version} (sources sha256 {sources})",
)
_DESCRIPTION_LINES: Final = len(_LINES)


class VolumeDescription(NamedTuple):
    """What stands in volume.txt.

    `volume` is the insurer's prefix and a number of four digits (QZ-0007); `place` its place in its set
    ("2 of 4+1", or "parity of QZ-0005 QZ-0006"); `retention` the class of its parcels; the dates YYYYMMDD.
    `files` and `payload` (bytes) count what is below data/: `build.complete` counts them. `log` is the log's
    name, which is the name under which the note is signed, `log_root` base64. `previous` is the volume before
    and the SHA-256 (hex) of its payload manifest, or `none`; `made` the moment in UTC, as text; `sources` the
    SHA-256 (hex) of tools/sources.tar, or `none`.
    """

    volume: str
    place: str
    retention: str
    first_date: str
    last_date: str
    parcels: int
    entries: int
    receipts: int
    persons_sealed: int
    log: str
    log_size: int
    log_root: str
    previous: str
    made: str
    version: str
    sources: str = FIRST
    files: int = 0
    payload: int = 0

    @property
    def number(self) -> int:
        """The number by which an index knows the volume."""
        return int(self.volume[-4:])

    @property
    def made_at(self) -> int:
        """The moment in whole seconds since 1970-01-01 UTC."""
        return int(datetime.fromisoformat(self.made).timestamp())

    def text(self) -> str:
        """Return the text of volume.txt. Raises VolumeRefused for a field that cannot stand in it."""
        for name, value in self._asdict().items():
            if not re.fullmatch(_FIELDS[name], str(value), re.ASCII):
                raise VolumeRefused(DESCRIPTION, Sentence("{field} is not of its form", field=name))
        if fault := _fault(self):
            raise VolumeRefused(DESCRIPTION, fault)
        return "".join(f"{line.format(**self._asdict())}\n" for line in _LINES)


class Note(NamedTuple):
    """What a volume.note says: the description, and the SHA-256 (hex) of both manifests."""

    description: VolumeDescription
    manifest: str
    tag_manifest: str

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.description.text()}manifest: {self.manifest}\ntagmanifest: {self.tag_manifest}\n"


def made_text(at: int) -> str:
    """Return a moment, seconds since 1970-01-01 UTC, as volume.txt writes it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse(text: str, place: str = DESCRIPTION) -> VolumeDescription:
    """Read volume.txt; `place` names the file in an error. Raises VolumeFault with the first line that is not
    of its form.
    """
    lines = text.split("\n")
    values: dict[str, str] = {}
    for number, pattern in enumerate(_LINES):
        names = re.findall(r"\{(\w+)\}", pattern)
        form = re.escape(pattern)
        for name in names:
            form = form.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{_FIELDS[name]})")
        match = re.fullmatch(form, lines[number] if number < len(lines) else "", re.ASCII)
        if match is None:
            raise _line_fault(place, number)
        values |= match.groupdict()
    if lines[_DESCRIPTION_LINES:] != [""]:
        raise _line_fault(place, _DESCRIPTION_LINES)
    counts = {name: int(value) for name, value in values.items() if _FIELDS[name] == _COUNT}
    description = VolumeDescription(**(values | counts))  # type: ignore[arg-type]  # counts are int by now
    if fault := _fault(description):
        raise VolumeFault(place, fault)
    return description


def parse_note(text: str) -> Note:
    """Read the text of a volume.note, before its signatures. Raises VolumeFault; proves no signature."""
    signed, blank, _ = text.partition("\n\n")
    lines = f"{signed}\n".split("\n")
    head = "".join(f"{line}\n" for line in lines[:_DESCRIPTION_LINES])
    description = parse(head, NOTE)
    sums = re.fullmatch(
        rf"manifest: ({_SHA256})\ntagmanifest: ({_SHA256})\n", "\n".join(lines[_DESCRIPTION_LINES:])
    )
    if sums is None or not blank:
        raise _line_fault(NOTE, _DESCRIPTION_LINES)
    return Note(description, sums[1], sums[2])


def _fault(description: VolumeDescription) -> str:
    """Return what is wrong with fields that are each of their form; empty if nothing is."""
    for date in (description.first_date, description.last_date):
        try:
            datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC)
        except ValueError:
            return Sentence("{field} is not of its form", field="dates")
    if description.first_date > description.last_date:
        return Sentence("its first date is after its last")
    try:
        moment = description.made_at
    except ValueError:
        moment = -1
    if moment < 0:
        return Sentence("{field} is not of its form", field="made")
    if description.number == 0:
        return Sentence("{field} is not of its form", field="volume")
    return ""


def _line_fault(place: str, number: int) -> VolumeFault:
    return VolumeFault(
        place, Sentence("line {line}: {reason}", line=number + 1, reason=Sentence("not of its form"))
    )
