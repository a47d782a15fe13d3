"""Documents are known by their content, sealed under their person's key, and taken whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import DocumentRefused
from archive.intake.documents import form_of, gather_documents, parse_list, waiting_lists
from archive.intake.gather import Gathered
from archive.parcel import leaves_of, rows_of
from archive.sealed_line import KeysOfPolicies, PersonKey, open_line
from archive.volume.index import Kind
from tests.support.archived_days import ARCHIVE, forgotten, nobody, person_of, persons_of

DATE = "20260923"
PDF = b"%PDF-1.7\nJohn Doe, 110101199003070011\n"
HEAD = "policy,file,kind,sha256\n"


def listed(*rows: tuple[str, str, bytes]) -> bytes:
    """A list of documents: policy, file and content of each."""
    lines = (f"{policy},{file},policy,{hashlib.sha256(data).hexdigest()}\n" for policy, file, data in rows)
    return (HEAD + "".join(lines)).encode()


def inbox(folder: Path, *rows: tuple[str, str, bytes]) -> Path:
    made = folder / "inbox"
    made.mkdir()
    for _policy, file, data in rows:
        (made / file).write_bytes(data)
    (made / f"documents.{DATE}.csv").write_bytes(listed(*rows))
    return made


def gather(folder: Path, given_inbox: Path, key_of: KeysOfPolicies = persons_of) -> Gathered:
    return gather_documents(ARCHIVE, DATE, given_inbox, key_of, folder / "parcel")


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (PDF, "pdf"),
        (b"\x89PNG\r\n\x1a\n\x00", "png"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "xml"),
        (b'{"a": [1]}', "json"),
        ("姓名,保单\n张三,P1\n".encode(), "csv"),
        ("尊敬的客户".encode(), "txt"),
        (b"{not json", "txt"),
        (b"", ""),
        (b"MZ\x90\x00", ""),
        (b"\x7fELF", ""),
        ("中文".encode("gb18030"), ""),
        (b"text\x00", ""),
    ],
)
def test_a_form_is_known_by_its_content(data: bytes, form: str) -> None:
    assert form_of(data) == form


@given(st.binary(max_size=64))
def test_whatever_bytes_come_have_one_form_or_none(data: bytes) -> None:
    assert form_of(data) in ("", "pdf", "png", "xml", "json", "csv", "txt")


def test_a_document_is_found_by_policy_and_digest_and_opens_with_its_persons_key(
    tmp_path: Path,
) -> None:
    assert waiting_lists(made := inbox(tmp_path, ("P1", "a.pdf", PDF), ("P2", "b.exe", b"a letter"))) == (
        DATE,
    )
    assert gather(tmp_path, made).missing == ()
    parcel, digest = tmp_path / "parcel", hashlib.sha256(PDF).hexdigest()
    rows = {(row.kind, row.key): row for row in rows_of(parcel, DATE)}
    row = rows[Kind.DOCUMENT, digest]
    assert rows[Kind.POLICY, "P1"][2:] == row[2:]
    lines = (parcel / row.path).read_bytes().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if digest in line.decode())
    secret = person_of("P1").secret
    assert secret is not None
    assert open_line(lines[number - 1], secret, ARCHIVE, DATE, number) == PDF
    assert [leaf.kind for leaf in leaves_of(parcel, DATE)] == ["document", "document"]
    assert all(b"John" not in path.read_bytes() for path in parcel.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("key_of", "reason"),
    [
        (nobody, "nobody is known"),
        (lambda policies: dict.fromkeys(policies, PersonKey("", None)), "no customers' book"),
    ],
)
def test_a_document_without_a_person_waits(tmp_path: Path, key_of: KeysOfPolicies, reason: str) -> None:
    (piece,) = gather(tmp_path, inbox(tmp_path, ("P1", "a.pdf", PDF)), key_of).missing
    assert piece.piece == "a.pdf"
    assert reason in piece.reason
    assert not (tmp_path / "parcel").exists()


def test_a_file_that_is_not_there_is_named_and_holds_the_list(tmp_path: Path) -> None:
    made = inbox(tmp_path, ("P1", "a.pdf", PDF), ("P2", "b.txt", b"a letter"))
    (made / "b.txt").unlink()
    assert [piece.piece for piece in gather(tmp_path, made).missing] == ["b.txt"]


def test_nothing_is_kept_of_a_person_who_was_forgotten(tmp_path: Path) -> None:
    made = inbox(tmp_path, ("P1", "a.pdf", PDF))
    assert gather(tmp_path, made, forgotten).missing == ()
    assert list(rows_of(tmp_path / "parcel", DATE)) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"another", "is not the file that was listed"), (b"MZ\x90\x00", "none of PDF")],
)
def test_other_content_than_was_listed_and_other_forms_are_refused_whole(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    made = inbox(tmp_path, ("P1", "a.pdf", b"MZ\x90\x00"))
    (made / "a.pdf").write_bytes(data)
    with pytest.raises(DocumentRefused, match=f"line 2: .*{reason}.*no document of the list is kept"):
        gather(tmp_path, made)
    assert [path.name for path in tmp_path.iterdir()] == ["inbox"]


DIGEST = "a" * 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        "policy,file\nP1,a\n",
        f"{HEAD}P 1,a.pdf,policy,{DIGEST}\n",
        f"{HEAD}P1,../a.pdf,policy,{DIGEST}\n",
        f"{HEAD}P1,/etc/passwd,policy,{DIGEST}\n",
        f"{HEAD}P1,a.pdf,Policy!,{DIGEST}\n",
        f"{HEAD}P1,a.pdf,policy,{DIGEST[1:]}\n",
        f"{HEAD}P1,a.pdf,policy\n",
        f"{HEAD}P1,a.pdf,policy,{DIGEST}\nP1,b.pdf,policy,{DIGEST}\n",
    ],
)
def test_a_list_with_a_fault_is_refused(text: str) -> None:
    with pytest.raises(DocumentRefused):
        parse_list(text.encode())


def test_a_list_that_is_no_text_is_refused() -> None:
    with pytest.raises(DocumentRefused):
        parse_list(b"\xff\xfe")


def test_the_sealed_lines_of_a_list_are_the_same_each_time(tmp_path: Path) -> None:
    made = inbox(tmp_path, ("P1", "a.pdf", PDF))
    first = gather(tmp_path, made)
    second = gather_documents(ARCHIVE, DATE, made, persons_of, tmp_path / "again")
    assert first.files == second.files
    (line,) = (tmp_path / "parcel" / "sealed" / f"{DATE}.jsonl").read_bytes().splitlines()
    assert json.loads(line)["person"] == person_of("P1").person
