"""Bytes that are kept from view: a key, a component, a PIN.

What a secret opens or signs is not known here, and none is made or kept.
"""

from __future__ import annotations

import hmac
from typing import NoReturn, Self


class Secret:
    """Bytes that no repr, log or traceback shows. It cannot be pickled or hashed, and is compared in constant
    time.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bytes) -> None:
        self._value = value

    @classmethod
    def from_hex(cls, digits: str) -> Self | None:
        """The secret that a person or a file writes in hex digits, blanks allowed; None if it is not hex.

        Raises nothing: an error that is raised while the text is read could carry the text.
        """
        try:
            return cls(bytes.fromhex(digits))
        except ValueError:
            return None

    def reveal(self) -> bytes:
        """The bytes. Use them in the same expression, and keep no reference to them."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._value)} bytes)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
