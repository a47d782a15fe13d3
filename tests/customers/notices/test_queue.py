"""A notice that is wanted is queued once; what its template does not allow is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from customers.errors import NoSuchPerson, NoticeRefused
from customers.notices import queue as notice_queue
from customers.notices.queue import NoticeWanted, Queued, queue
from customers.notices.templates import read_templates
from tests.support.customers_desk import POLICY, Counter

TEMPLATES = read_templates()
VALUES: Mapping[str, str] = {"amount": "12000", "date": "20261201", "policy": "0001"}


def wanted(counter: Counter, **changes: object) -> NoticeWanted:
    given = {
        "person": counter.person(),
        "policy": POLICY,
        "template": "grace",
        "lang": "zh",
        "about": "D1/15",
        "dedupe": "dunning:D1/15",
        "not_before": 0,
        "values": VALUES,
    }
    return NoticeWanted(**{**given, **changes})  # type: ignore[arg-type]


def put(counter: Counter, **changes: object) -> Queued:
    with counter.store.transaction() as connection:
        return queue(connection, TEMPLATES, wanted(counter, **changes), counter.now())


def test_a_notice_is_queued_once_whoever_asks_again(loaded: Counter) -> None:
    assert put(loaded) == Queued(1, is_new=True)
    assert put(loaded) == Queued(1, is_new=False)
    # Another dedupe does not get a template about one thing to a person twice.
    assert put(loaded, dedupe="again") == Queued(1, is_new=False)
    assert put(loaded, dedupe="other", about="D1/30") == Queued(2, is_new=True)
    with loaded.store.reading() as connection:
        notice = notice_queue.find(connection, 1)
    assert (notice.state, notice.values, notice.about) == ("queued", VALUES, "D1/15")


def test_one_dedupe_is_not_two_notices(loaded: Counter) -> None:
    put(loaded)
    with pytest.raises(NoticeRefused, match="notice 1 has this dedupe already"):
        put(loaded, about="D2/15")


def test_what_the_template_does_not_allow_is_refused_and_not_repeated(loaded: Counter) -> None:
    phone = "13912345678"
    refused: tuple[dict[str, object], ...] = (
        {"template": "none"},
        {"lang": "fr"},
        {"about": "a due"},
        {"dedupe": ""},
        {"values": {**VALUES, "policy": phone}},
        {"values": {**VALUES, "name": phone}},
        {"values": {**VALUES, "date": "20261301"}},
        {"values": {**VALUES, "amount": "-1"}},
        {"values": {}},
    )
    for changes in refused:
        with pytest.raises(NoticeRefused) as caught:
            put(loaded, **changes)
        assert phone not in str(caught.value), changes
    with pytest.raises(NoSuchPerson):
        put(loaded, person="A" * 16)
