"""A sender that speaks to a gateway by HTTP, whose requests and answers are data in the settings.

A place `{to}` in a header or in the body is filled in whole, so that no value can change the form of the
request. A gateway's words may have the number in them: of its answer only the status is kept, and its own
name for the message. TLS is by the system's certificates; no redirection is followed.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from customers.errors import CustomersError
from customers.notices.message import Accepted, Answer, Later, Message, Refused, Report, Sent, Unsure
from customers.rules.notice_states import Channel
from customers.rules.template import VALUES
from ledger.rules.secret import Secret
from qianzhi_errors.sentence import Sentence

PLACE: Final = re.compile(r"\{([a-z_]+)\}")
"""A place in a text of the settings: `{to}`."""
_ANSWER_MAX: Final = 64 * 1024
_REF: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
_PHONE: Final = re.compile(r"(?<![0-9A-Za-z])(?:\+?86)?1[3-9][0-9]{9}(?![0-9A-Za-z])")
Means = Literal["accepted", "refused", "later", "delivered", "failed"]


class Rule(NamedTuple):
    """What an answer means: one of these statuses, any without them, and in this field (dots go deeper) one
    of these values, any without them.
    """

    means: Means
    status: tuple[int, ...]
    field: str
    values: tuple[str, ...]

    def fits(self, status: int, answer: object) -> bool:
        """Whether this rule is for this answer."""
        if self.status and status not in self.status:
            return False
        if not self.field:
            return True
        found = inside(answer, self.field)
        return found is not None and (not self.values or found in self.values)


class Request(NamedTuple):
    """A request as the settings have it, with places in braces."""

    url: str
    method: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    encoding: Literal["json", "form"]


class HttpSender(NamedTuple):
    """The gateway: how it is asked, and what its answers mean. Without a rule that fits, nobody knows.
    `retries` times an unanswered request is made again at once, under the same key.
    """

    name: str
    channels: tuple[Channel, ...]
    request: Request
    answers: tuple[Rule, ...]
    ref: str
    report: Request | None
    reported: tuple[Rule, ...]
    secret: Secret
    timeout_s: int
    retries: int

    def send(self, message: Message) -> Answer:
        """Hand the message over."""
        places = {
            **{name: getattr(message, name) for name in ("to", "subject", "text", "key", "template", "lang")},
            "values": json.dumps(
                {name: VALUES[name].written(value) for name, value in message.values.items()},
                ensure_ascii=False,
            ),
        }
        answer = self._sent(places)
        for _ in range(self.retries):
            if not isinstance(answer, Unsure):
                break
            answer = self._sent(places)
        return answer

    def reports(self, asked: Iterable[Sent]) -> Iterator[Report]:
        """What the gateway says of each message, where the settings say how it is asked."""
        if self.report is None:
            return
        for sent in asked:
            try:
                status, answer = self._asked(self.report, sent._asdict())
            except (_NotConnected, OSError, HTTPException):
                continue
            means = self._meaning(self.reported, status, answer)
            if means is not None and means.means in ("delivered", "failed"):
                has_arrived = means.means == "delivered"
                yield Report(sent, has_arrived, "" if has_arrived else f"reported {status}")

    def _sent(self, places: Mapping[str, str]) -> Answer:
        try:
            status, answer = self._asked(self.request, places)
        except _NotConnected as error:
            return Later(str(error))
        except (OSError, HTTPException) as error:
            return Unsure(type(error).__name__)
        rule = self._meaning(self.answers, status, answer)
        if rule is None:
            return Unsure(f"HTTP {status}")
        if rule.means == "refused":
            return Refused(f"HTTP {status}")
        if rule.means == "later":
            return Later(f"HTTP {status}")
        return Accepted(self._ref_of(answer, places))

    def _ref_of(self, answer: object, places: Mapping[str, str]) -> str:
        """The gateway's name for the message, or ours where it gives none that may be kept."""
        found = inside(answer, self.ref) if self.ref else None
        may_be_kept = found is not None and _REF.fullmatch(found) and not _PHONE.search(found)
        return found if found is not None and may_be_kept else places["key"]

    def _meaning(self, rules: Iterable[Rule], status: int, answer: object) -> Rule | None:
        return next((rule for rule in rules if rule.fits(status, answer)), None)

    def _asked(self, request: Request, places: Mapping[str, str]) -> tuple[int, object]:
        """Make a request, and return the status and the answer read as JSON, None where it is none. Raises
        _NotConnected before anything was sent, OSError and HTTPException after.
        """
        places = {**places, "secret": self.secret.reveal().decode()}
        url = urlsplit(PLACE.sub(lambda place: quote(places[place[1]], safe=""), request.url))
        body, kind = _body(request, places)
        headers = {name: _filled(value, places) for name, value in request.headers.items()}
        if body:
            headers = {"Content-Type": kind, **headers}
        connection = self._connection(url.scheme, url.hostname or "", url.port)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise _NotConnected(Sentence("not reached: {kind}", kind=type(error).__name__)) from None
            target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
            connection.request(request.method, target, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, _parsed(response.read(_ANSWER_MAX))
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> HTTPConnection:
        if scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=self.timeout_s, context=context)
        return HTTPConnection(host, port, timeout=self.timeout_s)


class _NotConnected(CustomersError):
    """The gateway was not reached: it has nothing of the message."""


def inside(answer: object, field: str) -> str | None:
    """The text of a field of an answer; dots go deeper, digits into a list; None if it is not there."""
    for name in field.split("."):
        if isinstance(answer, dict):
            answer = answer.get(name)
        elif isinstance(answer, list) and name.isdecimal() and int(name) < len(answer):
            answer = answer[int(name)]
        else:
            return None
    if isinstance(answer, bool):
        return str(answer).lower()
    return str(answer) if isinstance(answer, str | int) else None


def _filled(text: str, places: Mapping[str, str]) -> str:
    return PLACE.sub(lambda place: places[place[1]], text)


def _body(request: Request, places: Mapping[str, str]) -> tuple[bytes | None, str]:
    if not request.body:
        return None, ""
    if request.encoding == "form":
        fields = {name: _filled(str(value), places) for name, value in request.body.items()}
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    return json.dumps(_filled_in(request.body, places), ensure_ascii=False).encode(), "application/json"


def _filled_in(value: object, places: Mapping[str, str]) -> object:
    """A body with all places filled: in texts alone, so that the form stays as the settings have it."""
    if isinstance(value, str):
        return _filled(value, places)
    if isinstance(value, Mapping):
        return {name: _filled_in(inner, places) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled_in(inner, places) for inner in value]
    return value


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
