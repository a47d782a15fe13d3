"""The queue of notices: one that is wanted goes in once, by its dedupe.

Whoever wants a notice may ask for it again after a crash: the same dedupe is the same notice. A person gets a
template about one thing once, whatever the dedupe. Sending is `customers.notices.dispatch`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select

from customers.book import read_person
from customers.database.notice_tables import notices
from customers.errors import NoticeRefused
from customers.notices.templates import LANGS, Templates
from customers.rules.notice_states import NoticeState
from customers.rules.template import value_faults
from qianzhi_errors.sentence import Sentence, listed

_NAME: Final = re.compile(r"[A-Za-z0-9._/:-]{1,120}")
"""The form of a dedupe and of what a notice is about."""


class NoticeWanted(NamedTuple):
    """A notice that is wanted: `about` is the due or the receipt that it tells of, with a step behind it
    where a template goes out several times (`D1/15`); `not_before` in microseconds since 1970-01-01 UTC.
    """

    person: str
    policy: str
    template: str
    lang: str
    about: str
    dedupe: str
    not_before: int
    values: Mapping[str, str]


class Queued(NamedTuple):
    """A wanted notice's number, and whether it is new."""

    notice: int
    is_new: bool


class Notice(NamedTuple):
    """A notice as the database has it; moments are microseconds since 1970-01-01 UTC."""

    notice: int
    person: str
    policy: str
    template: str
    lang: str
    about: str
    dedupe: str
    content: str
    not_before: int
    state: NoticeState
    created_at: int
    moved_at: int

    @property
    def values(self) -> dict[str, str]:
        """The values of the template's places."""
        return dict(json.loads(self.content))


NOTICES: Final = select(*(notices.c[name] for name in Notice._fields)).order_by(notices.c.notice)


def queue(connection: Connection, templates: Templates, wanted: NoticeWanted, at: int) -> Queued:
    """Put a wanted notice into the queue, in the caller's transaction, once. Raises NoticeRefused where its
    template does not allow it, or its dedupe is another notice's, and NoSuchPerson.
    """
    _check(templates, wanted)
    read_person(connection, wanted.person)
    same_thing = (
        (notices.c.person == wanted.person)
        & (notices.c.template == wanted.template)
        & (notices.c.about == wanted.about)
    )
    query = NOTICES.where((notices.c.dedupe == wanted.dedupe) | same_thing)
    found = [notice_of(row) for row in connection.execute(query)]
    for notice in found:
        if notice.dedupe == wanted.dedupe and _identity(notice) != _identity(wanted):
            raise NoticeRefused(Sentence("notice {notice} has this dedupe already", notice=notice.notice))
    if found:
        return Queued(found[0].notice, is_new=False)
    number = 1 + int(connection.execute(select(func.coalesce(func.max(notices.c.notice), 0))).scalar_one())
    values = {**wanted._asdict(), "notice": number, "state": NoticeState.QUEUED.value}
    content = json.dumps(dict(values.pop("values")), sort_keys=True, separators=(",", ":"))
    connection.execute(insert(notices).values(**values, content=content, created_at=at, moved_at=at))
    return Queued(number, is_new=True)


def find(connection: Connection, number: int) -> Notice:
    """The notice of this number. Raises NoticeRefused."""
    row = connection.execute(NOTICES.where(notices.c.notice == number)).first()
    if row is None:
        raise NoticeRefused(Sentence("there is no notice {number}", number=number))
    return notice_of(row)


def dedupes(connection: Connection, prefix: str) -> set[str]:
    """The dedupes of queued notices that begin so, whatever became of the notices."""
    query = select(notices.c.dedupe).where(notices.c.dedupe.startswith(prefix, autoescape=True))
    return set(connection.execute(query).scalars())


def notice_rows(connection: Connection) -> Iterator[Notice]:
    """All notices, in the order in which they were queued."""
    yield from map(notice_of, connection.execute(NOTICES))


def notice_of(row: Sequence[Any]) -> Notice:
    """The notice of a row of NOTICES."""
    notice = Notice._make(row)
    return notice._replace(state=NoticeState(notice.state))


def _identity(notice: Notice | NoticeWanted) -> tuple[str, str, str]:
    return notice.person, notice.template, notice.about


def _check(templates: Templates, wanted: NoticeWanted) -> None:
    if faults := tuple(_faults(templates, wanted)):
        raise NoticeRefused(
            Sentence("no notice of {template}: {faults}", template=wanted.template, faults=listed(faults))
        )


def _faults(templates: Templates, wanted: NoticeWanted) -> Iterator[str]:
    template = templates.get(wanted.template)
    if template is None:
        yield Sentence("there is no such template")
        return
    if wanted.lang not in LANGS:
        yield Sentence("the language is none of {langs}", langs=listed(LANGS))
    if not _NAME.fullmatch(wanted.about) or not _NAME.fullmatch(wanted.dedupe):
        yield Sentence("about and dedupe are 1 to 120 letters, digits and . _ / : -")
    yield from value_faults(template.values, wanted.values)
