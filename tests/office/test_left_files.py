"""What lies in the folder of the banks' files and was not taken, by name and kind."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from office.left_files import FolderEntry, Known, LeftFile, TakenFile, left_files, shown

A, B = "01020000", "3080000"
CLOSED, POSTED, WITHOUT, COMING = "20261124", "20261123", "20261120", "20261125"
KNOWN = Known(
    (A, B),
    MappingProxyType({WITHOUT: "archived", POSTED: "posted", CLOSED: "closed"}),
    MappingProxyType({(A, POSTED): TakenFile("a" * 64, 1_000)}),
    frozenset({(B, WITHOUT)}),
)


def left(name: str, kind: str = "file", changed_at: int = 0, digest: str = "b" * 64) -> list[LeftFile]:
    return list(left_files([FolderEntry(name, kind, 1, changed_at)], KNOWN, lambda _: digest))


@pytest.mark.parametrize("name", [f"{A}.{CLOSED}.txt", f"{A}.{POSTED}.txt", f"{B}.{WITHOUT}.txt"])
def test_what_is_to_be_taken_or_was_taken_is_not_named(name: str) -> None:
    assert left(name) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{A}.{COMING}.txt", "its business day is not closed yet, or is none"),
        (f"{A}.20261122.txt", "the office has no such business day"),
        (f"{B}.{POSTED}.txt", "its business day was posted without this bank"),
        (f"{A}.20261131.txt", "its date is none of the calendar"),
        (f"99999999.{CLOSED}.txt", "is of a bank that the settings have not"),
        (f"{A}.{CLOSED}.TXT", f"is to be named {A}.{CLOSED}.txt"),
        (f"{A}-{CLOSED}.csv", f"is to be named {A}.{CLOSED}.txt"),
        (f"{A}.{CLOSED}.txt ", f"is to be named {A}.{CLOSED}.txt"),
        (f"{A}_{CLOSED}", f"is to be named {A}.{CLOSED}.txt"),
        (f"0{B}.{CLOSED}.txt", f"is to be named {B}.{CLOSED}.txt"),
        (f"{A}.{CLOSED}.txt.filepart", "is not named <bank>.<date>.txt"),
        ("readme", "is not named <bank>.<date>.txt"),
        (".hidden", "is not named <bank>.<date>.txt"),
    ],
)
def test_a_name_that_is_not_taken_has_its_reason(name: str, reason: str) -> None:
    assert left(name) == [LeftFile(name, reason)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [("folder", "a folder"), ("link", "a link"), ("other", "a pipe, socket or device")],
)
def test_what_is_no_file_is_called_what_it_is(kind: str, said: str) -> None:
    assert left(f"{A}.{CLOSED}.txt", kind)[0].reason == f"is {said}, and no plain file"
    assert left("archive", kind)[0].reason == f"is {said}, and no day file"


def test_other_contents_for_what_was_taken_are_named_with_both_digests() -> None:
    (other,) = left(f"{A}.{POSTED}.txt", changed_at=1_001)
    assert other.is_other
    assert "digest aaaaaaaaaaaa…, this one is bbbbbbbbbbbb…" in other.reason
    assert left(f"{A}.{POSTED}.txt", changed_at=1_001, digest="a" * 64) == []
    assert left(f"{A}.{POSTED}.txt", changed_at=1_000) == []
    assert "this one is unreadable" in left(f"{A}.{POSTED}.txt", changed_at=1_001, digest="")[0].reason


def test_a_folder_full_of_others_gives_a_short_list() -> None:
    entries = [FolderEntry(f"{number:04}", "file", 1, 0) for number in range(1_000)]
    rows = list(left_files(entries, KNOWN, lambda _: ""))
    assert len(rows) == 51
    assert rows[0].name == "0000"
    assert rows[-1] == LeftFile("", "950 more names that are no day files to be taken")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a\nb", "a\\nb"),
        ("a\u202eb", "a\\u202eb"),
        ("\udcff.txt", "\\udcff.txt"),
        ("工行.txt", "工行.txt"),
        ("x" * 90, "x" * 80 + "…"),
    ],
)
def test_a_name_is_shown_without_what_a_terminal_or_a_person_is_not_to_see(name: str, text: str) -> None:
    assert shown(name) == text
    assert shown(name).isprintable()
    assert "19491231002" not in shown("11010519491231002X.txt")
