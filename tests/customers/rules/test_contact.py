"""Contacts as values: what is one, in how many spellings, and what is shown of it."""

from __future__ import annotations

import pytest

from customers.rules.contact import ContactDigest, ContactKind, Source, compared, is_contact, normalised, tail
from customers.rules.person import DocumentDigest
from ledger.rules.identity import Document

MOBILE, EMAIL, WECHAT, POST = ContactKind


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            MOBILE,
            ["13800138000", "138 0013-8000", "+8613800138000", "+85291234567"],
            [
                "12800138000",
                "1380013800",
                "138001380000",
                "+0123456789",
                "+123456",
                "+86",
                "",
                "\uff11380013800",
            ],
        ),
        (
            EMAIL,
            ["li@example.com", "Li.Si+a@Mail.Example.cn"],
            [
                *("li", "@example.com", "li@", "li@example", "l..i@example.com", ".li@example.com"),
                *("li@-example.com", "li@example.com\n", "li@exa mple.com", "李@example.com", "a@b.c"),
                *("li,wang@example.com", "x" * 109 + "@example.com", "li@example..com"),
            ],
        ),
        (WECHAT, ["o6_bmjrPTlm6_2sgVt7hMZOPfL2M"], ["short", "with blank", "x" * 65, ""]),
        (
            POST,
            ["上海市黄浦区示例路1号", "上海市中山路"],
            ["上海市中山", "上海市黄浦区\n示例路", " 上海市黄浦区示例路", "x" * 200],
        ),
    ],
)
def test_what_is_no_contact_of_its_kind_is_known(kind: ContactKind, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not is_contact(kind, text)] == []
    assert [text for text in bad if is_contact(kind, text)] == []


def test_spellings_of_a_contact_are_one_value_and_one_digest() -> None:
    assert {normalised(MOBILE, text) for text in ("138 0013-8000", "+86 138(0013)8000", "13800138000")} == {
        "13800138000"
    }
    assert normalised(EMAIL, "Li@Example.COM") == "Li@example.com"
    digest = ContactDigest(bytes(32))
    assert digest.of(MOBILE, "+8613800138000") == digest.of(MOBILE, "138-00138000")
    assert digest.of(EMAIL, "Li@Example.COM") == digest.of(EMAIL, "li@example.com")
    assert digest.of(WECHAT, "13800138000") != digest.of(MOBILE, "13800138000")
    assert ContactDigest(bytes(31) + b"x").of(MOBILE, "13800138000") != digest.of(MOBILE, "13800138000")


def test_the_words_of_kinds_and_sources_stand_in_files_and_rows() -> None:
    assert list(map(str, ContactKind)) == ["mobile", "email", "wechat", "post"]
    assert list(map(str, Source)) == ["core", "portal", "counter", "bank", "staff"]


def test_only_what_has_spellings_is_changed() -> None:
    assert (normalised(MOBILE, "X138"), normalised(WECHAT, "A@B")) == ("X138", "A@B")
    assert normalised(EMAIL, "A@B@C") == "A@B@c"
    assert (compared(EMAIL, "Li@Example.com"), compared(WECHAT, "Li")) == ("li@example.com", "Li")
    assert tail(EMAIL, "a@b@example.com") == "*@example.com"


def test_a_digest_is_the_same_for_ever() -> None:
    digest = ContactDigest(bytes(range(32)))
    assert digest.of(MOBILE, "13800138000") == "815a4539afee19b8c63c6c5a2d61cda6"


def test_the_digest_of_a_contact_is_never_that_of_a_document_with_the_same_text() -> None:
    document = Document("mobile", "13800138000")
    assert DocumentDigest(bytes(32)).of(document) != ContactDigest(bytes(32)).of(MOBILE, "13800138000")


def test_a_tail_tells_the_person_who_knows_it_and_of_an_address_nothing() -> None:
    shown = [
        tail(MOBILE, "13800138000"),
        tail(EMAIL, "li.si@example.com"),
        tail(WECHAT, "o6_bmjrPTlm6"),
        tail(POST, "上海市黄浦区示例路1号"),
    ]
    assert shown == ["*8000", "*@example.com", "*Tlm6", "*"]
