"""Files of lines that are too large for a volume: cut at ends of lines, each part named by its first line.

    entries-1.p00000001.jsonl  entries-1.p02200001.jsonl  instead of  entries-1.jsonl

The parts, one after the other in the order of their names, are the file. What a line says is not known here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from archive.errors import IntakeRefused
from archive.volume.writing import written
from qianzhi_errors.sentence import Sentence

SUFFIXES: Final = frozenset({".jsonl", ".txt", ".csv"})
"""The endings of files of lines."""
LINES_MAX: Final = 99_999_999
_PART: Final = re.compile(r"(.+)\.p([0-9]{8})(\.(?:jsonl|txt|csv))")


def whole_name(name: str) -> str:
    """The name of the file that a part is of; a file that was not cut has its own."""
    part = _PART.fullmatch(name)
    return f"{part[1]}{part[3]}" if part else name


def first_line(name: str) -> int:
    """The number, from 1, that the first line of a part has in its file; 1 for a file that was not cut."""
    part = _PART.fullmatch(name)
    return int(part[2]) if part else 1


def in_order(folder: Path, name: str) -> list[Path]:
    """The file of this name in a folder, or its parts in their order; empty where neither is there."""
    whole = folder.joinpath(name)
    parts = [path for path in folder.glob(f"{whole.stem}.*{whole.suffix}") if whole_name(path.name) == name]
    return sorted({*parts, *([whole] if whole.exists() else [])})


def cut(path: Path, most: int) -> None:
    """Put parts of at most `most` bytes in the place of a file that is larger. Raises IntakeRefused for a
    line that is larger by itself, and for a file with more lines than LINES_MAX; then the file is as it was.
    """
    made: list[Path] = []
    with path.open("rb") as lines:
        line, number = lines.readline(most + 1), 1
        while line:
            part = path.with_name(f"{path.stem}.p{number:08d}{path.suffix}")
            size = 0
            with written(part) as out:
                while line and size + len(line) <= most and number <= LINES_MAX:
                    out.write(line)
                    size += len(line)
                    line, number = lines.readline(most + 1), number + 1
            made.append(part)
            if not size:
                for each in made:
                    each.unlink()
                raise IntakeRefused(
                    Sentence(
                        "{path}: line {line} does not fit into a file of {most} bytes",
                        path=path.name,
                        line=number,
                        most=most,
                    )
                )
    path.unlink()
