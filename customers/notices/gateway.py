"""A gateway as data: the TOML file that says how it is asked, and what its answers mean.

Read and checked whole; every fault is named with its key. No gateway of anybody's is known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from customers.notices.senders.http import PLACE, Means, Request, Rule
from ledger.files.settings import Fault, Section, SettingsError, read_settings
from qianzhi_errors.sentence import Sentence, listed

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_OF_MESSAGE: Final = ("to", "subject", "text", "key", "template", "lang", "values", "secret")
_OF_REPORT: Final = ("key", "ref", "secret")


class Asking(Section):
    """A request: where it goes, and what is in it. Places stand in braces."""

    url: str = Field(description="https://..., http:// only on this machine")
    method: Literal["GET", "POST", "PUT"] = Field(default="POST", description="of the request")
    headers: dict[str, str] = Field(default_factory=dict, description="by name")
    body: dict[str, Any] = Field(default_factory=dict, description="its fields, with places in the texts")
    encoding: Literal["json", "form"] = Field(default="json", description="how the body is written")

    def request(self) -> Request:
        """The request as the sender makes it."""
        mapped = (MappingProxyType(self.headers), MappingProxyType(self.body))
        return Request(self.url, self.method, *mapped, self.encoding)

    def texts(self) -> Iterator[str]:
        """All texts in which places may stand."""
        yield self.url
        yield from self.headers.values()
        yield from _texts(self.body)


class Meaning(Section):
    """What an answer means: the first one that fits counts."""

    means: Means = Field(description="what it means")
    status: tuple[int, ...] = Field(default=(), strict=False, description="one of these; any without")
    field: str = Field(default="", description="a field of the answer; a dot goes deeper")
    values: tuple[str, ...] = Field(default=(), strict=False, description="one of these; any without")

    def rule(self) -> Rule:
        """The rule as the sender has it."""
        return Rule(self.means, self.status, self.field, self.values)


class Gateway(Section):
    """The whole file."""

    send: Asking
    answer: tuple[Meaning, ...] = Field(min_length=1, strict=False)
    ref: str = Field(default="", description="the field of the answer that names the message")
    report: Asking | None = None
    reported: tuple[Meaning, ...] = Field(default=(), strict=False)


def read_gateway(path: Path) -> Gateway:
    """Read and check a gateway's file. Raises SettingsError."""
    gateway = read_settings(path, Gateway)
    if faults := tuple(_faults(gateway)):
        raise SettingsError(str(path), faults)
    return gateway


def _faults(gateway: Gateway) -> Iterator[Fault]:
    asked: list[tuple[str, Asking, tuple[str, ...]]] = [("send", gateway.send, _OF_MESSAGE)]
    if gateway.report is not None:
        asked.append(("report", gateway.report, _OF_REPORT))
    for name, asking, places in asked:
        yield from _request_faults(name, asking, places)
    if not any("{key}" in text for text in gateway.send.texts()):
        yield Fault(
            "send", Sentence("has no {place}: a message that is sent again would be two", place="{key}")
        )
    if "{to}" in gateway.send.url:
        yield Fault("send.url", Sentence("has {place} in it: an address is logged on its way", place="{to}"))
    for name, meanings, allowed in (
        ("answer", gateway.answer, ("accepted", "refused", "later")),
        ("reported", gateway.reported, ("delivered", "failed")),
    ):
        for place, meaning in enumerate(meanings):
            if meaning.means not in allowed:
                yield Fault(f"{name}[{place}].means", Sentence("none of {known}", known=listed(allowed)))
            if not meaning.status and not meaning.field:
                yield Fault(f"{name}[{place}]", Sentence("fits every answer: give status or field"))


def _request_faults(name: str, asking: Asking, places: tuple[str, ...]) -> Iterator[Fault]:
    url = urlsplit(asking.url)
    is_ours = url.scheme == "http" and url.hostname in _LOOPBACK
    if not url.hostname or not (url.scheme == "https" or is_ours):
        yield Fault(f"{name}.url", Sentence("no https:// address, nor an http:// one of this machine"))
    for text in asking.texts():
        for place in PLACE.findall(text):
            if place not in places:
                known = listed(places)
                yield Fault(name, Sentence("the place {name} is none of {known}", name=place, known=known))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
