"""What a file is that is not the text that its layout expects: told by its first bytes, or by a line's bytes.

Pure. Only names of kinds and encodings come out of here, never a value of the file.
"""

from __future__ import annotations

from typing import Final

from qianzhi_errors.sentence import Sentence

_BEGINNINGS: Final = (
    (b"\xef\xbb\xbf", Sentence("begins with a UTF-8 byte order mark (BOM)")),
    (b"\x84\x31\x95\x33", Sentence("begins with a GB18030 byte order mark (BOM)")),
    (b"\xff\xfe\x00\x00", Sentence("is UTF-32")),
    (b"\x00\x00\xfe\xff", Sentence("is UTF-32")),
    (b"\xff\xfe", Sentence("is UTF-16")),
    (b"\xfe\xff", Sentence("is UTF-16")),
    (b"PK\x03\x04", Sentence("is a ZIP archive or a spreadsheet")),
    (b"\x1f\x8b", Sentence("is compressed by gzip")),
    (b"%PDF", Sentence("is a PDF")),
    (b"\xd0\xcf\x11\xe0", Sentence("is a spreadsheet of an old kind (xls)")),
)
_LOOKED_AT: Final = 16
"""So many bytes with a NUL in each second place are UTF-16 without a byte order mark."""


def content_kind(beginning: bytes) -> str:
    """What a file is by its first bytes, as a verb and its object; empty for what may be plain text."""
    for magic, kind in _BEGINNINGS:
        if beginning.startswith(magic):
            return kind
    first = beginning[:_LOOKED_AT]
    if len(first) > 1 and (not any(first[1::2]) or not any(first[::2])):
        return Sentence("is UTF-16 without a byte order mark")
    return ""


def encoded_otherwise(raw: bytes, encoding: str) -> str:
    """The encoding that a line is in, if it is not `encoding` (utf-8 or gb18030): a sentence, or empty where
    it cannot be told. For lines with a fault only: some bytes are good text in both.
    """
    if raw.isascii():
        return ""
    if encoding == "utf-8":
        is_other = not _decodes(raw, "utf-8") and _decodes(raw, "gb18030")
        return Sentence("reads as GB18030 (GBK), where the layout has utf-8") if is_other else ""
    return (
        Sentence("reads as UTF-8, where the layout has {encoding}", encoding=encoding)
        if _decodes(raw, "utf-8")
        else ""
    )


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
