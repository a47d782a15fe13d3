"""The status page's own files, and the headers under which a browser gets anything from the status port.

Files of the package, read once when the site is made: a path in a request is looked up among them and never
becomes a file's. The words of codes and classes are added from the tables that the machine itself obeys. No
figure passes through here; the page asks `fep.status.feed` for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final, NamedTuple

from twisted.web.http import CACHED
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ledger.rules.break_classes import CLASSES
from protocol.responses import RESPONSES

KINDS: Final = MappingProxyType(
    {
        "html": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "json": "application/json",
        "svg": "image/svg+xml",
    }
)
"""What is served, by the end of its name; a file of another kind, such as a licence, is not."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: nothing from anywhere else, nothing inline, and nobody may frame the page."""

_HEADERS: Final = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
)
_PAGE: Final = "index.html"
_WORDS: Final = "words.json"
_VERSION: Final = b"@version@"
_VERSION_DIGITS: Final = 12
"""Fewer than the log strikes out."""


class Asset(NamedTuple):
    """One file as it is served."""

    kind: str
    body: bytes

    @property
    def tag(self) -> str:
        """Its ETag."""
        return f'"{hashlib.sha256(self.body).hexdigest()}"'


class Assets(NamedTuple):
    """The page, and the files that it asks for, under a version that changes when any of them does."""

    version: str
    page: Asset
    files: Mapping[str, Asset]


@cache
def shipped() -> Assets:
    """The package's own files."""
    found = dict(sorted(_found(files("fep.status") / "static", "")))
    found[_WORDS] = _with_tables(found[_WORDS])
    everything = hashlib.sha256()
    for name, asset in found.items():
        everything.update(f"{name} {asset.tag}\n".encode())
    version = everything.hexdigest()[:_VERSION_DIGITS]
    page = found.pop(_PAGE)
    body = page.body.replace(_VERSION, version.encode())
    return Assets(version, page._replace(body=body), MappingProxyType(found))


def _found(folder: Traversable, before: str) -> list[tuple[str, Asset]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _found(entry, f"{before}{entry.name}/")
        elif kind := KINDS.get(entry.name.rpartition(".")[2]):
            found.append((before + entry.name, Asset(kind, entry.read_bytes())))
    return found


def _with_tables(words: Asset) -> Asset:
    """The file of words, and those of the tables of response codes and break classes."""
    content = json.loads(words.body) | dict(_words_of_tables())
    return words._replace(body=json.dumps(content, ensure_ascii=False).encode())


def _words_of_tables() -> Iterator[tuple[str, dict[str, str]]]:
    for code, response in RESPONSES.items():
        yield f"response.{code}", {"zh": response.chinese, "en": response.english}
    for cls, row in CLASSES.items():
        yield f"class.{cls}", {"zh": row.chinese, "en": row.english}


def protect(request: Request) -> None:
    """Give an answer the headers that keep a browser from doing anything else with it."""
    for name, value in _HEADERS:
        request.setHeader(name.encode(), value.encode())


class PageResource(Resource):
    """The page itself, at /: asked for anew each time, and sent only where it has changed."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, asset: Asset) -> None:
        super().__init__()
        self._asset = asset

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """The page."""
        return _sent(request, self._asset, "no-cache")


class StaticResource(Resource):
    """/static/VERSION/NAME: a version's files never change, so a browser asks once."""

    def __init__(self, assets: Assets) -> None:
        super().__init__()
        self._assets = assets

    def render_GET(self, request: Request) -> bytes | int:  # noqa: N802 - Twisted's name
        """There is no list of the files."""
        body: bytes | int = _missing().render(request)
        return body

    def getChild(self, path: bytes, request: Request) -> IResource:  # noqa: N802 - Twisted's name
        """The file, if this is our version and there is such a name."""
        name = b"/".join(request.postpath or ()).decode("ascii", "replace")
        asset = self._assets.files.get(name)
        if path != self._assets.version.encode() or asset is None:
            return _missing()
        return _File(asset)


def _missing() -> IResource:
    return notFound(message="Reload the page at /.")


class _File(Resource):
    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, asset: Asset) -> None:
        super().__init__()
        self._asset = asset

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        return _sent(request, self._asset, "public, max-age=31536000, immutable")


def _sent(request: Request, asset: Asset, caching: str) -> bytes:
    protect(request)
    request.setHeader(b"cache-control", caching.encode())
    request.setHeader(b"content-type", asset.kind.encode())
    return b"" if request.setETag(asset.tag.encode()) is CACHED else asset.body
