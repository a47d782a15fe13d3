"""A receipt as a page to print or to send: a view of its line, which is in it as text, as a QR code and as
the embedded file `receipt.txt`.

The same receipt gives the same bytes: the moment in the file is that of the payment. The file is written as
PDF/A-3B asks for, by fpdf2's own rules; no validator has seen it, so that is a wish and no proof. What counts
is the line. The font is Noto Sans CJK SC, of which only the characters that occur go into the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from fpdf import FPDF
from fpdf.enums import WrapMode

from ledger.rules.amount_in_words import in_figures, in_words
from ledger.rules.beijing import BEIJING
from ledger.rules.day import hyphenated
from qianzhi_errors.sentence import Sentence
from receipts import line, qr
from receipts.errors import ReceiptError
from receipts.line import Receipt, SignedReceipt

EMBEDDED: Final = "receipt.txt"
"""The name of the embedded file: the receipt's line and a line feed."""
FAMILY: Final = "Noto Sans CJK SC"
"""The font of our pages, once `add_font` has brought it."""
_FACE: Final = 2
"""The place of the simplified Chinese face in Noto's collection of fonts."""
_COLLECTION: Final = b"ttcf"
_FONTS: Final = (_COLLECTION, b"OTTO", b"\x00\x01\x00\x00")
"""How a file of a collection, an OpenType and a TrueType font begins."""
_MARGIN: Final = 56
_LABEL: Final = 120
_MODULE: Final = 2
"""Points, as all lengths here: two of a module of the code are 0.7 mm."""
_TEXT_COLUMNS: Final = 70
_PRODUCER: Final = "Qianzhi"
_XMP: Final = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmp:CreateDate="{at}" xmp:ModifyDate="{at}" xmp:MetadataDate="{at}" pdf:Producer="{by}">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
"""The file's description of itself. fpdf2's own would have the moment at which it was made."""
_NOTES: Final = (
    "扫描二维码或打开所附的 receipt.txt 可得凭证文本；其签名可用保险公司的公钥验证，不需要本公司的系统。",
    "签名证明当时确有此笔收付；此后是否撤回，以保险公司账册为准。",
    "本凭证不是发票。This receipt is not a tax invoice.",
)


class FontUnusable(ReceiptError):
    """The font of the page is not there, or is not the one that is needed."""


class Heading(NamedTuple):
    """What a page has besides the receipt's own content: the insurer's name, and what was paid; each as on
    the receipts of the counter.
    """

    insurer: str
    title: str


def receipt_pdf(signed: SignedReceipt, heading: Heading, font: Path) -> bytes:
    """Return the page of a receipt; `font` is the file of Noto Sans CJK. Raises FontUnusable, LineFault."""
    text = line.write(signed)
    receipt = signed.receipt
    page = FPDF(unit="pt", format="A4", enforce_compliance="PDF/A-3B")
    page.set_margin(_MARGIN)
    page.set_auto_page_break(auto=False)
    page.set_creation_date(_moment(receipt))
    page.set_lang("zh-CN")
    title = f"{heading.title} {receipt.number}"
    page.set_title(title)
    page.set_producer(_PRODUCER)
    page.set_xmp_metadata(_XMP.format(title=escape(title), at=_moment(receipt).isoformat(), by=_PRODUCER))
    add_font(page, font)
    page.add_page()
    _write_heading(page, receipt, heading)
    for label, value in _rows(receipt, heading):
        page.cell(_LABEL, 24, label)
        page.multi_cell(0, 24, value, new_x="LMARGIN", new_y="NEXT")
    _write_proof(page, text)
    page.embed_file(
        bytes=f"{text}\n".encode("ascii"),
        basename=EMBEDDED,
        modification_date=_moment(receipt),
        mime_type="text/plain",
        associated_file_relationship="Source",
    )
    return bytes(page.output())


def add_font(page: FPDF, font: Path) -> None:
    """Have a file of pages use the font of this path, under FAMILY. Raises FontUnusable."""
    kind = _kind_of(font)
    if kind not in _FONTS:
        raise _other_font(font)
    try:
        page.add_font(FAMILY, fname=font, collection_font_number=_FACE if kind == _COLLECTION else 0)
    except Exception as error:  # whatever the library makes of a damaged one
        raise _other_font(font) from error


def _kind_of(font: Path) -> bytes:
    """The first four bytes of the file. Raises FontUnusable where it cannot be read."""
    try:
        with font.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise FontUnusable(
            Sentence("no font at {path}: install fonts-noto-cjk, or set [receipts] font", path=font)
        ) from error


def _other_font(font: Path) -> FontUnusable:
    return FontUnusable(Sentence("the font {path} is not Noto Sans CJK: [receipts] font", path=font))


def _write_heading(page: FPDF, receipt: Receipt, heading: Heading) -> None:
    page.set_font(FAMILY, size=11)
    page.cell(0, 20, heading.insurer or receipt.insurer, new_x="LMARGIN", new_y="NEXT", align="C")
    page.set_font(FAMILY, size=18)
    page.cell(0, 34, heading.title, new_x="LMARGIN", new_y="NEXT", align="C")
    page.ln(9)
    page.line(_MARGIN, page.get_y(), page.w - _MARGIN, page.get_y())
    page.ln(9)
    page.set_font(FAMILY, size=10)


def _rows(receipt: Receipt, heading: Heading) -> Iterator[tuple[str, str]]:
    """Each label in both languages, and what stands beside it."""
    amount = abs(receipt.amount)
    time = receipt.paid_at[8:]
    insurer = f"{heading.insurer}（{receipt.insurer}）" if heading.insurer else receipt.insurer
    yield "凭证号 Receipt", receipt.number
    yield ("付款方 Paid by" if receipt.amount < 0 else "收款方 Received by"), insurer
    yield "保单号 Policy", receipt.policy
    yield "金额 Amount", f"人民币 {in_figures(amount)} 元"
    yield "大写 In words", in_words(amount)
    yield "交易时间 Time", f"{hyphenated(receipt.paid_at[:8])} {time[:2]}:{time[2:4]}:{time[4:]}"
    yield "业务日期 Date", hyphenated(receipt.business_date)
    yield "渠道 Channel", receipt.channel
    yield "签名密钥 Key", receipt.key


def _write_proof(page: FPDF, text: str) -> None:
    """The QR code, the line itself, and what they are."""
    page.ln(12)
    top = page.get_y()
    code = qr.modules(text)
    side = _MODULE * len(code)
    for y, row in enumerate(code):
        x = 0
        for is_dark, together in groupby(row):
            width = len(list(together))
            if is_dark:
                page.rect(_MARGIN + _MODULE * x, top + _MODULE * y, _MODULE * width, _MODULE, style="F")
            x += width
    page.set_font(FAMILY, size=9)
    page.set_xy(_MARGIN + side + 18, top)
    page.multi_cell(0, 15, "\n\n".join(_NOTES), align="L", wrapmode=WrapMode.CHAR)
    page.set_xy(_MARGIN, top + side + 18)
    page.set_font(FAMILY, size=8)
    pieces = (text[at : at + _TEXT_COLUMNS] for at in range(0, len(text), _TEXT_COLUMNS))
    page.multi_cell(0, 14, "\n".join(pieces), align="L", new_x="LMARGIN", new_y="NEXT")


def _moment(receipt: Receipt) -> datetime:
    """The moment of the payment, by which the file is dated."""
    return datetime.strptime(receipt.paid_at, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
