"""The QR code of a receipt's line (ISO/IEC 18004): the same text, for a telephone.

At error correction M a line of usual length is version 10, 57 modules: a bank's printer prints it, and a
telephone reads it from paper. Nothing but the line is in it: no address, so that a scan leads nowhere.
"""

from __future__ import annotations

import io
from typing import Final

import segno

_QUIET: Final = 4
"""The margin in modules that the standard asks for."""


def modules(line: str) -> tuple[tuple[bool, ...], ...]:
    """Return the code's rows of modules, without a margin; True is dark."""
    return tuple(tuple(bool(module) for module in row) for row in _code(line).matrix)


def terminal_text(line: str) -> str:
    """Return the code in half blocks, light on dark as a terminal shows it, with its margin."""
    text = io.StringIO()
    _code(line).terminal(text, border=_QUIET, compact=True)
    return text.getvalue()


def _code(line: str) -> segno.QRCode:
    return segno.make_qr(line, error="m", boost_error=False, mode="byte")
