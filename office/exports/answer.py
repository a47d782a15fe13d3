"""The core system's answer to an export: read, held against what was exported, and kept.

An answer is about one export as a whole. It says of each file how many lines were accepted and their sum, and
names every line that was refused with the reason. What does not add up is refused as a whole. A later answer
may accept what an earlier one refused, never the other way round, so a refused line is work until it is
accepted. No file is opened here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, and_, func, insert, select

from ledger.files.wrong_value import reason_of
from ledger.rules.masking import masked_numbers
from office.database.audit_log import moment_of, write_record
from office.database.bulk import insert_rows
from office.database.proofs import digest_of
from office.database.schema import export_answers, export_files, export_refusals
from office.errors import AnswerRefused
from office.exports.lines import FILES
from office.exports.make import find_export
from office.exports.read import Export, lines_of, read_exports
from qianzhi_errors.sentence import Sentence, listed

ANSWER: Final = "export answer"
"""The act of an answer in the audit log."""
FORMAT: Final = "qianzhi-export-answer-1"
BYTES_MAX: Final = 64 * 1024 * 1024
"""No answer is longer: every line of a large date refused, with a reason, is shorter."""
_FAULTS_SHOWN: Final = 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Refused(_Part):
    """A line that the core system did not take."""

    line: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class _File(_Part):
    """One file of the export: the number of lines accepted, their sum in fen, and the lines refused."""

    name: str
    accepted: Annotated[int, Field(ge=0)]
    accepted_fen: int
    refused: Annotated[tuple[_Refused, ...], Field(strict=False)] = ()


class AnswerFile(_Part):
    """The whole answer. `manifest` is the SHA-256 of the manifest that the core system has read, in hex."""

    format: Literal["qianzhi-export-answer-1"]
    date: Annotated[str, Field(pattern=r"^[0-9]{8}$")]
    manifest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    files: Annotated[tuple[_File, ...], Field(strict=False)]


class Answer(NamedTuple):
    """An answer as it was kept: of the export of `date` the answer `number`, with its counts of lines.
    `is_new` is False for one that was taken before.
    """

    date: str
    number: int
    accepted: int
    refused: int
    is_new: bool


class Refusal(NamedTuple):
    """A line of an export that the core system has not taken, with its reason."""

    date: str
    file: str
    line: int
    reason: str


class ExportState(NamedTuple):
    """How far an export has come: the numbers of its answers and of the lines that stand refused."""

    date: str
    number: int
    manifest: str
    answers: int
    refused: int


def parse_answer(data: bytes) -> AnswerFile:
    """Return what an answer's file says. Raises AnswerRefused, which names each wrong place and why."""
    if len(data) > BYTES_MAX:
        raise AnswerRefused(
            Sentence(
                "the answer has {size} bytes; at most {bytes_max} are taken",
                size=len(data),
                bytes_max=BYTES_MAX,
            )
        )
    try:
        return AnswerFile.model_validate_json(data)
    except ValidationError as error:
        faults = [
            Sentence(
                "{place}: {reason}",
                place=".".join(map(str, fault["loc"])) or Sentence("the file"),
                reason=reason_of(fault),
            )
            for fault in error.errors(include_url=False, include_input=False)
        ]
        more = len(faults) - _FAULTS_SHOWN
        shown = faults[:_FAULTS_SHOWN] + ([Sentence("and {count} more", count=more)] if more > 0 else [])
        raise AnswerRefused(listed(shown, "{first}; {rest}")) from None


def take_answer(connection: Connection, data: bytes, at: int, by: str) -> Answer:
    """Keep the core system's answer, in the caller's transaction, and return it. The last answer given again
    changes nothing. `at` is microseconds since 1970-01-01 UTC. Raises AnswerRefused.
    """
    given, digest = parse_answer(data), hashlib.sha256(data).hexdigest()
    export = find_export(connection, given.date)
    if export is None:
        raise AnswerRefused(Sentence("{date} was not exported", date=given.date))
    if given.manifest != export.manifest:
        raise AnswerRefused(
            Sentence(
                "{date} was exported with manifest {manifest}, not the one answered",
                date=given.date,
                manifest=export.manifest,
            )
        )
    last = connection.execute(
        select(export_answers).where(export_answers.c.date == given.date).order_by(export_answers.c.number)
    ).all()
    if last and last[-1].digest == digest:
        return Answer(given.date, last[-1].number, last[-1].accepted, last[-1].refused, is_new=False)
    _check_files(connection, export, given)
    refusals = [
        Refusal(given.date, file.name, line.line, masked_numbers(line.reason))
        for file in given.files
        for line in file.refused
    ]
    _check_none_returns(connection, given.date, refusals, len(last))
    return _keep(connection, given, digest, refusals, len(last) + 1, moment_of(connection, at), by)


def outstanding_refusals(connection: Connection, date: str = "") -> tuple[Refusal, ...]:
    """The lines that stand refused by the last answer to their export; of one date, or of all."""
    last = (
        select(export_answers.c.date, func.max(export_answers.c.number).label("number"))
        .group_by(export_answers.c.date)
        .subquery()
    )
    line = export_refusals.c
    query = select(line.date, line.file, line.line, line.reason).join(
        last, and_(last.c.date == line.date, last.c.number == line.number)
    )
    if date:
        query = query.where(line.date == date)
    return tuple(sorted(Refusal._make(row) for row in connection.execute(query)))


def export_states(connection: Connection) -> tuple[ExportState, ...]:
    """How far each export has come, the oldest first."""
    counted = select(export_answers.c.date, func.count()).group_by(export_answers.c.date)
    counts: dict[str, int] = dict(map(tuple, connection.execute(counted)))
    refused: dict[str, int] = {}
    for refusal in outstanding_refusals(connection):
        refused[refusal.date] = refused.get(refusal.date, 0) + 1
    return tuple(
        ExportState(
            made.date, made.number, made.manifest, counts.get(made.date, 0), refused.get(made.date, 0)
        )
        for made in read_exports(connection)
    )


def _check_files(connection: Connection, export: Export, given: AnswerFile) -> None:
    """Raise AnswerRefused unless the answer is about every file of lines, once, and each adds up."""
    names = [file.name for file in given.files]
    if sorted(names) != sorted(FILES):
        raise AnswerRefused(
            Sentence(
                "it must answer to {files}, each once; it has {names}",
                files=listed(tuple(FILES)),
                names=listed(names),
            )
        )
    stored = select(export_files).where(export_files.c.date == export.date)
    exported = {row.name: row for row in connection.execute(stored)}
    faults = [fault for file in given.files for fault in _faults(connection, export, exported, file)]
    if faults:
        raise AnswerRefused(listed(faults[:_FAULTS_SHOWN], "{first}; {rest}"))


def _faults(
    connection: Connection, export: Export, exported: Mapping[str, Any], file: _File
) -> Iterator[str]:
    """What is wrong with the answer about one file."""
    wanted = exported[file.name]
    numbers = [line.line for line in file.refused]
    refused = set(numbers)
    if len(refused) < len(numbers):
        yield Sentence("{file}: a line is refused twice", file=file.name)
    if beyond := sorted(number for number in refused if number > wanted.lines):
        yield Sentence(
            "{file}: there is no line {line}; it has {lines}",
            file=file.name,
            line=beyond[0],
            lines=wanted.lines,
        )
    if file.accepted != wanted.lines - len(refused):
        yield Sentence(
            "{file}: {accepted} accepted, {refused} refused; it has {lines} lines",
            file=file.name,
            accepted=file.accepted,
            refused=len(refused),
            lines=wanted.lines,
        )
    amounts = lines_of(connection, export, file.name) if refused else ()
    rest = wanted.amount - sum(line.amount for line in amounts if line.line in refused)
    if file.accepted_fen != rest:
        yield Sentence(
            "{file}: {accepted} fen accepted; what was exported comes to {rest}",
            file=file.name,
            accepted=file.accepted_fen,
            rest=rest,
        )


def _check_none_returns(
    connection: Connection, date: str, refusals: list[Refusal], answers_before: int
) -> None:
    """Raise AnswerRefused if a line is refused that an earlier answer accepted."""
    if not answers_before:
        return
    before = {(refusal.file, refusal.line) for refusal in outstanding_refusals(connection, date)}
    for refusal in refusals:
        if (refusal.file, refusal.line) not in before:
            raise AnswerRefused(
                Sentence(
                    "{file}: line {line} was accepted by an earlier answer, and is refused now",
                    file=refusal.file,
                    line=refusal.line,
                )
            )


def _keep(
    connection: Connection,
    given: AnswerFile,
    digest: str,
    refusals: list[Refusal],
    number: int,
    at: int,
    by: str,
) -> Answer:
    """Write the answer, its refusals and its audit record."""
    accepted = sum(file.accepted for file in given.files)
    answer = Answer(given.date, number, accepted, len(refusals), is_new=True)
    row = {"date": given.date, "number": number, "digest": digest, "accepted": accepted}
    connection.execute(insert(export_answers).values(**row, refused=len(refusals), taken_at=at))
    insert_rows(connection, export_refusals, ({"number": number, **line._asdict()} for line in refusals))
    rows = sorted((line.date, number, line.file, line.line, line.reason) for line in refusals)
    words = f"answer {number}: {accepted} accepted, {len(refusals)} refused, file {digest}"
    write_record(connection, at, by, ANSWER, given.date, f"{words}; rows {digest_of(rows)}")
    return answer
