"""Records of a form's file to bytes and back, as lines of text or as XML: which of them, the form says.

Pure. What the records mean is judged by who reads them.
"""

from __future__ import annotations

from collection.forms import record_text, record_xml
from collection.forms.form_file import FileForm, Form
from collection.forms.lines import Records


def read(name: str, content: bytes, form: Form, file: FileForm) -> Records:
    """Return the records of a file. Raises FormFault."""
    read_records = record_xml.read if form.form == "xml" else record_text.read
    return read_records(name, content, form, file)


def written(name: str, form: Form, file: FileForm, records: Records) -> bytes:
    """Return the bytes of a file that has these records. Raises FormFault."""
    write_records = record_xml.written if form.form == "xml" else record_text.written
    return write_records(name, form, file, records)
