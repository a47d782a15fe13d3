"""A receipt's page: other people's readers find its text, its font, the embedded line and the QR code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from receipts.errors import LineFault
from receipts.line import Receipt, read, write
from receipts.pdf import EMBEDDED, FontUnusable, Heading, receipt_pdf
from receipts.qr import modules
from receipts.signature import Signer
from tests.receipts.test_line import RECEIPT

FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
HEADING = Heading("示例人寿保险", "续期保费收据")
SIGNED = Signer(bytes(range(32))).sign(RECEIPT)
TOOLS = ("pdftotext", "pdffonts", "pdfdetach", "pdftoppm", "zbarimg")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FONT.exists(), reason="not installed: fonts-noto-cjk"),
]
needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)),
    reason=f"not installed: {', '.join(n for n in TOOLS if not shutil.which(n))}",
)


def said(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=60)
    return done.stdout.decode()


@needs_tools
def test_other_readers_find_in_it_what_was_written(tmp_path: Path) -> None:
    page = tmp_path / "receipt.pdf"
    page.write_bytes(receipt_pdf(SIGNED, HEADING, FONT))
    text = said("pdftotext", "-layout", page, "-")
    for words in (
        *(
            "示例人寿保险",
            "续期保费收据",
            RECEIPT.number,
            "P2026-1",
            "人民币 120.00 元",
            "人民币壹佰贰拾元整",
        ),
        *("2026-11-24 09:30:00", "收款方", "本凭证不是发票"),
    ):
        assert words in text
    fonts = said("pdffonts", page).splitlines()[2:]
    assert [line.split()[-5:-2] for line in fonts] == [["yes", "yes", "yes"]], (
        "embedded, a subset, with Unicode"
    )
    said("pdfdetach", "-save", "1", "-o", tmp_path / EMBEDDED, page)
    assert (tmp_path / EMBEDDED).read_text() == f"{write(SIGNED)}\n"
    said("pdftoppm", "-r", "150", "-png", "-singlefile", page, tmp_path / "page")
    assert said("zbarimg", "-q", "--raw", tmp_path / "page.png") == f"{write(SIGNED)}\n"
    copied = said("pdftotext", "-raw", page, "-").partition("QZ1|")
    assert read("".join(copied[1:]).rstrip("\f")) == SIGNED, "as it is copied from the page, in three lines"


def test_the_same_receipt_gives_the_same_small_file() -> None:
    pages = [receipt_pdf(SIGNED, HEADING, FONT) for _ in range(2)]
    assert pages[0] == pages[1]
    assert len(pages[0]) < 60_000
    assert b"2026-11-24T09:30:00+08:00" in pages[0]


def test_without_the_font_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FontUnusable, match="install fonts-noto-cjk"):
        receipt_pdf(SIGNED, HEADING, tmp_path / "nowhere.ttc")
    tmp_path.joinpath("broken.ttc").write_bytes(b"no font")
    with pytest.raises(FontUnusable, match="is not Noto Sans CJK"):
        receipt_pdf(SIGNED, HEADING, tmp_path / "broken.ttc")


def test_what_is_no_receipt_gets_no_page() -> None:
    with pytest.raises(LineFault):
        receipt_pdf(SIGNED._replace(receipt=RECEIPT._replace(policy="保单")), HEADING, FONT)


def test_a_receipt_of_the_longest_fields_has_a_code_of_version_11_at_most() -> None:
    longest = Receipt(
        *("E" * 16, RECEIPT.number, "P" * 24, -999_999_999_999, "20261124093000"),
        *("20261124", "01020000999", ""),
    )
    sides = [len(modules(write(Signer(bytes(32)).sign(given)))) for given in (RECEIPT, longest)]
    assert sides == [57, 61]
