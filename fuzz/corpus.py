"""The committed corpus: small inputs that lead a fuzzer past the first check, one folder a target.

`.hex` holds hex digits, with `#` before a comment; `.txt` holds the bytes themselves. Reads only; what made
the files is `fuzz.seeds`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent / "corpus"


def bytes_of(file: Path) -> bytes:
    """Return the input that a corpus file stands for."""
    if file.suffix != ".hex":
        return file.read_bytes()
    lines = file.read_text(encoding="utf-8").splitlines()
    return bytes.fromhex("".join(line.partition("#")[0] for line in lines))


def inputs(target: str) -> dict[str, bytes]:
    """Return the target's inputs by file name."""
    return {file.name: bytes_of(file) for file in sorted((FOLDER / target).iterdir())}
