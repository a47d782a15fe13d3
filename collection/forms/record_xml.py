"""Files of XML whose element names are data: records to bytes and back.

Pure. `root` holds `head`, with an element for each column of the header, and `body`, which holds one `row` a
line. What is not there, or is there besides, is refused: a bank that changes its file must say so. The line
of a fault is the number of its row. What the records mean is judged as for `record_text`.
"""

from __future__ import annotations

from itertools import zip_longest
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # nosec B405

from collection.errors import FormFault
from collection.forms.cell import text_of, value_of
from collection.forms.form_file import Columns, FileForm, Form
from collection.forms.lines import Record, Records
from collection.forms.xml_reading import parsed
from qianzhi_errors.sentence import Sentence


def written(name: str, form: Form, file: FileForm, records: Records) -> bytes:
    """Return the file of these records. Raises FormFault with the batch's line and the column that the form
    cannot say.
    """
    root = Element(file.root)
    _fill(name, form, SubElement(root, file.head), file.header, Record(0, records.edge))
    body = SubElement(root, file.body)
    for record in records.lines:
        _fill(name, form, SubElement(body, file.row), file.detail, record)
    indent(root, "")
    head = f'<?xml version="1.0" encoding="{form.encoding.upper()}"?>{form.end}'
    return (head + tostring(root, encoding="unicode") + form.end).encode(form.encoding)


def _fill(name: str, form: Form, element: Element, columns: Columns, record: Record) -> None:
    for column in columns:
        try:
            text = text_of(column, record.values.get(column.name, "")) if column.name else column.literal
            text.encode(form.encoding)
        except UnicodeEncodeError:
            lacks = Sentence("has a character that {encoding} lacks", encoding=form.encoding)
            raise FormFault(name, record.line, _of(column.element, lacks)) from None
        except ValueError as error:
            raise FormFault(name, record.line, _of(column.element, str(error))) from None
        SubElement(element, column.element).text = text


def read(name: str, content: bytes, form: Form, file: FileForm) -> Records:
    """Return the records of a file. Raises FormFault with the row and the element at fault."""
    root = parsed(name, content, form.encoding)
    if root.tag != file.root:
        raise FormFault(name, 0, Sentence("the root is not {element}", element=file.root))
    _hold_container(name, 0, root, (file.head, file.body))
    head, body = root
    edge = _values(name, 0, head, file.header)
    _hold_container(name, 0, body, (file.row,) * len(body))
    return Records(
        edge,
        tuple(Record(number, _values(name, number, row, file.detail)) for number, row in enumerate(body, 1)),
    )


def _values(name: str, number: int, element: Element, columns: Columns) -> dict[str, str]:
    _hold_container(name, number, element, tuple(column.element for column in columns))
    values = {}
    for column, child in zip(columns, element, strict=True):
        if len(child) or child.attrib or (child.tail or "").strip():
            raise FormFault(name, number, _of(column.element, Sentence("holds more than its text")))
        try:
            value = value_of(column, child.text or "")
        except ValueError as error:
            raise FormFault(name, number, _of(column.element, str(error))) from None
        if column.name:
            values[column.name] = value
    return values


def _hold_container(name: str, number: int, element: Element, wanted: tuple[str, ...]) -> None:
    """Raise FormFault unless an element has just these children, in this order, and nothing of its own."""
    tags = tuple(child.tag for child in element)
    for tag, want in zip_longest(tags, wanted):
        if want is None:
            raise FormFault(name, number, Sentence("an element more than the form has"))
        if tag != want:
            raise FormFault(name, number, _of(want, Sentence("is missing, or not in its place")))
    texts = (element.text, *(child.tail for child in element))
    if element.attrib or any(text and text.strip() for text in texts):
        raise FormFault(name, number, Sentence("a text or an attribute that the form has not"))


def _of(element: str, reason: str) -> str:
    return Sentence("{column}: {reason}", column=element, reason=reason)
