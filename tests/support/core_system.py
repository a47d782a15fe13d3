"""The core system as the tests play it: folders for exports, and answers to them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from sqlalchemy import Connection, select

from office.database.schema import export_files
from office.exports.answer import FORMAT
from office.exports.lines import FILES
from office.exports.read import Export, lines_of

Refused = Mapping[str, Mapping[int, str]]
"""The refused lines by their file, each with its reason."""


class Folder:
    """A folder in memory: the bytes of each file by its name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        stream = io.BytesIO()
        yield stream
        self.files[name] = stream.getvalue()


@contextmanager
def nowhere(_name: str) -> Iterator[BinaryIO]:
    """A file that nobody reads."""
    yield io.BytesIO()


def answer_content(connection: Connection, export: Export, refused: Refused) -> dict[str, object]:
    """An answer that adds up, as JSON has it."""
    files = []
    for name in FILES:
        columns = export_files.c.lines, export_files.c.amount
        stored = connection.execute(
            select(*columns).where(export_files.c.date == export.date, export_files.c.name == name)
        ).one()
        reasons = refused.get(name, {})
        amount = sum(line.amount for line in lines_of(connection, export, name) if line.line in reasons)
        files.append(
            {
                "name": name,
                "accepted": stored.lines - len(reasons),
                "accepted_fen": stored.amount - amount,
                "refused": [{"line": line, "reason": reason} for line, reason in reasons.items()],
            }
        )
    return {"format": FORMAT, "date": export.date, "manifest": export.manifest, "files": files}


def answer_to(connection: Connection, export: Export, refused: Refused) -> bytes:
    """The bytes of an answer that adds up."""
    return json.dumps(answer_content(connection, export, refused)).encode()
