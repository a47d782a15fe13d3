"""Letters to print: one list and one file of pages a day, the same after a crash, posted once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import customers.notices.letters
from customers.errors import NoticeRefused
from customers.notices.dispatch import Dispatched
from customers.notices.letters import make_letters, posted
from customers.rules.contact import ContactKind
from customers.rules.notice_states import NoticeState
from customers.rules.states import Act
from receipts.pdf import FontUnusable
from tests.support.customers_desk import Counter
from tests.support.outbox import ADDRESS, Post

FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
needs_font = pytest.mark.skipif(not FONT.exists(), reason="Noto Sans CJK is not installed")


@pytest.fixture
def post(loaded: Counter) -> Iterator[Post]:
    post = Post(loaded)
    post.reach(ContactKind.POST)
    return post


@pytest.fixture
def blank_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages take a second for the font; these tests are about what goes on them when."""
    monkeypatch.setattr(customers.notices.letters, "_pages", lambda *_: b"%PDF")


def made(post: Post, folder: Path, font: Path = FONT) -> int:
    return make_letters(post.outbox, folder, font, post.at).letters


@pytest.mark.usefixtures("blank_pages")
def test_a_day_has_one_list_and_its_letters_are_posted_once(post: Post, tmp_path: Path) -> None:
    post.put("D1")
    assert post.run() == Dispatched(letters=1)
    assert made(post, tmp_path) == 1
    post.put("D2")
    assert made(post, tmp_path) == 0
    assert (tmp_path / "L20261201.csv").read_text(encoding="utf-8") == (
        f"letter,notice,name,address,subject\n1,1,张三丰,{ADDRESS},宽限期提醒（保单尾号0001）\n"
    )
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} >= {0o600}
    assert post.notice(1).state is NoticeState.ACCEPTED
    with post.counter.store.transaction() as connection:
        assert posted(connection, "L20261201", post.at) == 1
        with pytest.raises(NoticeRefused, match="no list of letters L20261201"):
            posted(connection, "L20261201", post.at)
    assert post.notice(1).state is NoticeState.DELIVERED
    assert post.run(hours=24) == Dispatched(letters=1)
    assert made(post, tmp_path) == 1
    assert [row.reason for row in post.deliveries(2)] == ["L20261202"]


@pytest.mark.usefixtures("blank_pages")
def test_a_crash_is_followed_by_the_same_letters(post: Post, tmp_path: Path) -> None:
    post.put("D1")
    in_the_way = tmp_path / "letters"
    in_the_way.write_text("no folder")
    with pytest.raises(OSError, match="letters"):
        made(post, in_the_way)
    assert post.notice(1).state is NoticeState.UNKNOWN
    post.put("D2")
    assert post.run(hours=30) == Dispatched(letters=1)  # the first one is no crash of a sender's
    in_the_way.unlink()
    assert made(post, in_the_way) == 1
    assert {path.name for path in in_the_way.iterdir()} == {"L20261201.csv", "L20261201.pdf"}
    assert made(post, in_the_way) == 1
    assert len(post.deliveries(1)) == 1


@pytest.mark.usefixtures("blank_pages")
def test_no_letter_is_written_to_who_was_restricted_since(post: Post, tmp_path: Path) -> None:
    post.put()
    with pytest.raises(OSError, match="letters"):
        made(post, Path("/dev/null/letters"))
    post.counter.agreed(Act.RESTRICT, post.person)
    assert made(post, tmp_path) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "customers.db"] or not list(tmp_path.glob("L*"))
    assert post.notice().state is NoticeState.QUEUED
    assert post.run() == Dispatched(given_up=1)


def test_without_a_font_nothing_is_lost(post: Post, tmp_path: Path) -> None:
    post.put()
    with pytest.raises(FontUnusable):
        made(post, tmp_path, tmp_path / "none.ttc")
    assert list(tmp_path.glob("L*")) == []
    assert post.notice().state is NoticeState.UNKNOWN


@needs_font
@pytest.mark.slow
def test_a_page_has_name_address_and_text(loaded: Counter, tmp_path: Path) -> None:
    post = Post(loaded)
    post.reach(ContactKind.POST)
    post.put()
    assert made(post, tmp_path) == 1
    text = subprocess.run(
        ["pdftotext", str(tmp_path / "L20261201.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    for words in ("张三丰", ADDRESS, "L20261201/1", "2026-12-01", "120.00", "宽限期提醒"):
        assert words in text, words
