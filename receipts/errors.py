"""The errors of receipts. Only exception types belong here."""

from __future__ import annotations

from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence


class ReceiptError(QianzhiError):
    """Base of all errors that a receipt or its keys raise on purpose."""


class LineFault(ReceiptError):
    """A receipt's line cannot be made or read. `field` names the field with the fault; it is empty where the
    fault is the whole line's. No value of the line is in the text.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(Sentence("{field}: {reason}", field=field, reason=reason) if field else reason)
        self.field = field
        self.reason = reason


class CutLine(LineFault):
    """A receipt's line ends before its signature does."""


class KeysFault(ReceiptError):
    """A file of public keys cannot be used; the text names the line, counted from 1, and the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(Sentence("line {line}: {reason}", line=line, reason=reason) if line else reason)
        self.line = line
