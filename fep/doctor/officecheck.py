"""The doctor's check of the back office, as far as this machine sees it: the figures that a close leaves.

The machine asks nobody inside. What it has of the office is the file in `[status] breaks`, which each close
writes and somebody brings here; its age tells whether the office closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fep.doctor.finding import Observation, Verdict
from ledger.files.open_breaks_file import BYTES_MAX, FiguresRefused, parse
from qianzhi_errors.sentence import Sentence

TOLD_HOURS_MAX: Final = 26
"""The office closes each evening, and once more where a bank's file was late."""
_HOUR_US: Final = 3_600_000_000
_MEND: Final = Sentence(
    "on the office's machine: qianzhi office close; then see that its file is brought here"
)


def on_office(path: Path, now_us: int) -> Iterator[Observation]:
    """Yield what there is to say of the office's figures at `path`; `now_us` is microseconds since 1970-01-01
    UTC. Raises OSError for a file that is there and cannot be read.
    """
    if not path.exists():
        yield Observation(Verdict.OK, Sentence("no figures of the office are at {path} yet", path=path))
        return
    with path.open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    try:
        figures = parse(data)
    except FiguresRefused as error:
        yield Observation(
            Verdict.BAD, Sentence("the office's figures at {path}: {reason}", path=path, reason=error), _MEND
        )
        return
    hours = (now_us - figures.told_at) // _HOUR_US
    count = sum(row.breaks for row in figures.rows)
    if hours >= TOLD_HOURS_MAX:
        yield Observation(
            Verdict.WARN, Sentence("the office's last figures are {hours} hours old", hours=hours), _MEND
        )
    else:
        yield Observation(
            Verdict.OK,
            Sentence("the office told {hours} hours ago of {count} open breaks", hours=hours, count=count),
        )
