"""Reads a TOML text with the standard library, whose parser has faults that it does not call faults of TOML.

A number of thousands of digits, and tables or arrays in each other by the hundred, stop the parser with other
errors; here all are one. What a file may say is known by those who read it.
"""

from __future__ import annotations

import tomllib
from typing import Any, Final

_BYTE_ORDER_MARK: Final = "\ufeff"


def read_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML text; a mark of byte order before it, which some editors write, is passed
    over. Raises TOMLDecodeError, and nothing else.
    """
    try:
        return tomllib.loads(text.removeprefix(_BYTE_ORDER_MARK))
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("Tables or arrays are nested too deep") from None
    except ValueError:  # of int(), which takes no more than 4300 digits
        raise tomllib.TOMLDecodeError("A number has too many digits") from None
