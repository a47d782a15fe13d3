"""What a file is that is not the text that its layout expects."""

from __future__ import annotations

import io

import pytest

from ledger.errors import BankFileError
from ledger.files.bankfile import read
from ledger.files.content_kind import content_kind, encoded_otherwise
from ledger.files.layout import Layout, load, parse
from tests.support.day_layouts import FIXED

GOOD = "H|01020000|20261124|1\nT|0|0|0\n"
STANDARD = load("standard")
BIG5 = "\u4fdd".encode("big5")


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"", ""),
        (b"H", ""),
        (GOOD.encode(), ""),
        ("首|".encode("gb18030"), ""),
        (b"\xef\xbb\xbfH|", "begins with a UTF-8 byte order mark (BOM)"),
        ("\ufeffH".encode("gb18030"), "begins with a GB18030 byte order mark (BOM)"),
        (GOOD.encode("utf-16"), "is UTF-16"),
        ("\ufeffH".encode("utf-16-be"), "is UTF-16"),
        (GOOD.encode("utf-32"), "is UTF-32"),
        (GOOD.encode("utf-16-le"), "is UTF-16 without a byte order mark"),
        (GOOD.encode("utf-16-be"), "is UTF-16 without a byte order mark"),
        (b"PK\x03\x04....", "is a ZIP archive or a spreadsheet"),
        (b"\x1f\x8b\x08", "is compressed by gzip"),
        (b"%PDF-1.7", "is a PDF"),
    ],
)
def test_the_first_bytes_tell_what_is_no_text(beginning: bytes, kind: str) -> None:
    assert content_kind(beginning) == kind


@pytest.mark.parametrize(
    ("raw", "encoding", "said"),
    [
        (b"plain", "utf-8", ""),
        ("保单".encode(), "utf-8", ""),
        ("保单".encode("gb18030"), "utf-8", "reads as GB18030 (GBK), where the layout has utf-8"),
        (b"\xff\xff", "utf-8", ""),
        (b"plain", "gb18030", ""),
        ("保单号".encode("gb18030"), "gb18030", ""),
        ("保单号".encode(), "gb18030", "reads as UTF-8, where the layout has gb18030"),
    ],
)
def test_a_lines_bytes_tell_in_which_encoding_it_is(raw: bytes, encoding: str, said: str) -> None:
    assert encoded_otherwise(raw, encoding) == said


def fault(layout: Layout, data: bytes) -> str:
    with pytest.raises(BankFileError) as caught:
        list(read(layout, io.BytesIO(data), "01020000", "20261124"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"\xef\xbb\xbf" + GOOD.encode(),
            "the file begins with a UTF-8 byte order mark (BOM), where",
        ),
        (GOOD.encode("utf-16"), "the file is UTF-16, where the layout has utf-8 text"),
        (GOOD.replace("\n", "\r\n").encode(), "ends in CRLF, where the layout has LF"),
        (GOOD.replace("\n", "\r").encode(), "its lines end in CR, as no layout has it"),
        (GOOD.replace("H|", "头|").encode("gb18030"), "the header is missing"),
        (GOOD.replace("T|", "D|保|\nT|").encode("gb18030"), "not utf-8; it reads as GB18030 (GBK)"),
        (b"", "the file is empty"),
    ],
)
def test_a_day_file_in_another_encoding_is_told_what_it_is(data: bytes, said: str) -> None:
    assert said in fault(STANDARD, data)


def test_a_file_of_widths_in_another_encoding_is_told_what_it_is() -> None:
    layout = parse(FIXED, "mine")
    assert "reads as GB18030 (GBK), where the layout has utf-8" in fault(
        layout, "H保    11.24\n".encode("gb18030")
    )
