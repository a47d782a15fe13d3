"""Reads XML from a bank: a tree of elements, or a refusal.

Pure. The standard library's reader is used behind defusedxml, which refuses a document type, and with it
every entity: there is no bomb to expand and nothing to fetch. What the elements mean does not belong here.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError  # nosec B405

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collection.errors import FormFault
from collection.forms.record_text import hold_encoding
from ledger.files.content_kind import encoded_otherwise
from qianzhi_errors.sentence import Sentence

_DECLARED: Final = re.compile(r"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCODINGS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}


def parsed(name: str, content: bytes, encoding: str) -> Element:
    """Return the root of a file. Raises FormFault with the line where it stops being XML."""
    hold_encoding(name, content, encoding)
    text = _text(name, content, encoding)
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        why = Sentence("a document type or an entity is not taken: {fault}", fault=type(error).__name__)
        raise FormFault(name, 0, why) from None
    except ParseError as error:
        raise FormFault(name, error.position[0], Sentence("is no XML here: cut or damaged")) from None
    except (ValueError, LookupError):
        raise FormFault(name, 0, Sentence("is no XML here: cut or damaged")) from None
    return root


def _text(name: str, content: bytes, encoding: str) -> str:
    """Return the text of a file, in the encoding of its form and of its own declaration."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        other = encoded_otherwise(content, "utf-8" if encoding == "utf-8" else "gb18030")
        raise FormFault(name, line, other or Sentence("not {encoding}", encoding=encoding)) from None
    declared = _DECLARED.match(text)
    if declared and _ENCODINGS.get(declared[1].lower()) != encoding:
        why = Sentence("declares another encoding than {encoding}", encoding=encoding)
        raise FormFault(name, 1, why)
    return text
