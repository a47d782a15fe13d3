"""The status page's own files, and the headers under which a browser gets anything from the status port.

The files are the package's, read once when the site is made: a path in a request is looked up among them
and is never opened as a file. The words of response codes and break classes are added from the tables that
the machine itself obeys. No figure passes through here; the page gets those from `fep.status.feed`.
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
"""The media type of each file that is served, by its extension; a file with another one, such as a licence,
is not.
"""

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
"""Fewer hexadecimal digits than those that the log strikes out (fep.process.logtext)."""


class Asset(NamedTuple):
    """One file as it is served."""

    kind: str
    body: bytes

    @property
    def tag(self) -> str:
        """Return the file's ETag."""
        return f'"{hashlib.sha256(self.body).hexdigest()}"'


class Assets(NamedTuple):
    """The page, and the files that it asks for, under a version that changes whenever one of them changes."""

    version: str
    page: Asset
    files: Mapping[str, Asset]


@cache
def shipped() -> Assets:
    """Return the package's own files, read once."""
    assets = dict(sorted(_assets_below(files("fep.status") / "static", "")))
    assets[_WORDS] = _with_tables(assets[_WORDS])
    everything = hashlib.sha256()
    for name, asset in assets.items():
        everything.update(f"{name} {asset.tag}\n".encode())
    version = everything.hexdigest()[:_VERSION_DIGITS]
    page = assets.pop(_PAGE)
    body = page.body.replace(_VERSION, version.encode())
    return Assets(version, page._replace(body=body), MappingProxyType(assets))


def _assets_below(folder: Traversable, before: str) -> list[tuple[str, Asset]]:
    """Return the files below a folder that are served, each with its path; `before` is the folder's own
    path.
    """
    assets = []
    for entry in folder.iterdir():
        if entry.is_dir():
            assets += _assets_below(entry, f"{before}{entry.name}/")
        elif kind := KINDS.get(entry.name.rpartition(".")[2]):
            assets.append((before + entry.name, Asset(kind, entry.read_bytes())))
    return assets


def _with_tables(words: Asset) -> Asset:
    """Return the file of words, with those of the response codes and the break classes added."""
    content = json.loads(words.body) | dict(_words_of_tables())
    return words._replace(body=json.dumps(content, ensure_ascii=False).encode())


def _words_of_tables() -> Iterator[tuple[str, dict[str, str]]]:
    for code, response in RESPONSES.items():
        yield f"response.{code}", {"zh": response.chinese, "en": response.english}
    for cls, row in CLASSES.items():
        yield f"class.{cls}", {"zh": row.chinese, "en": row.english}


def protect(request: Request) -> None:
    """Set the headers that keep a browser from using an answer in another way than it is meant."""
    for name, value in _HEADERS:
        request.setHeader(name.encode(), value.encode())


class PageResource(Resource):
    """The page itself, at /: a browser asks for it each time, and gets it where it has changed."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, asset: Asset) -> None:
        super().__init__()
        self._asset = asset

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """Return the page, or nothing with 304 where the browser has it."""
        return _sent(request, self._asset, "no-cache")


class StaticResource(Resource):
    """The files at /static/VERSION/NAME: those of one version never change, so a browser asks once."""

    def __init__(self, assets: Assets) -> None:
        super().__init__()
        self._assets = assets

    def render_GET(self, request: Request) -> bytes | int:  # noqa: N802 - Twisted's name
        """Return 404: there is no list of the files."""
        body: bytes | int = _missing().render(request)
        return body

    def getChild(self, path: bytes, request: Request) -> IResource:  # noqa: N802 - Twisted's name
        """Return the resource of a file of this version; a 404 page for any other version or name."""
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
