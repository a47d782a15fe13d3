"""The page `verify.html`: one file that verifies a receipt in a browser, with the public keys inside it.

It loads nothing and sends nothing, and works from a disk. What it says of a text is what
`receipts.signature.verify` says; it has code of its own for that, in JavaScript. The page is the text beside
this module; here the keys are put into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final

from receipts.public_keys import PublicKey

_PAGE: Final = "verify.html"
_KEYS: Final = "/*KEYS*/[]"
_NAMES: Final = "/*NAMES*/{}"


def verification_page(keys: Iterable[PublicKey], names: Mapping[str, str]) -> str:
    """Return the page with these keys; `names` gives insurers' names for people by their short names."""
    listed = [
        {
            "insurer": key.insurer,
            "key": key.key,
            "from": key.from_date,
            "to": key.to_date,
            "public": key.public,
        }
        for key in keys
    ]
    page = files("receipts").joinpath(_PAGE).read_text(encoding="utf-8")
    return page.replace(_KEYS, _script(listed), 1).replace(_NAMES, _script(dict(names)), 1)


def _script(value: object) -> str:
    """JSON that can stand in a script: nothing in it ends the script's element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
