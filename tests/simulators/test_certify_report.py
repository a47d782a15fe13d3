"""What an examination found, on its page, in its JUnit XML and its transcript: all of it, and no secret."""

from __future__ import annotations

from xml.dom.minidom import parseString

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.card_number import masked_card
from protocol.codec import Codec
from protocol.dialect import load, shipped
from protocol.message import Message
from protocol.tlv import build
from simulators.certify.report import as_html, as_junit
from simulators.certify.result import Check, Outcome, Result, Run, Shown, Way
from simulators.certify.transcript import shown

HOSTILE = "<script>alert(1)</script> & \"'\x00\x1b]]>"


def result(outcome: Outcome, text: str = "as it should be", name: str = "CASE-1") -> Result:
    checks = (Check("00", text, outcome is Outcome.PASSED),)
    messages = (Shown(Way.BANK, "0800", "30 38", (("44", "reason", text),), "right"),)
    return Result(name, "5.5", text, text, text, outcome, text, checks, messages)


def run(*results: Result) -> Run:
    return Run("认证", "Certification", (("bank", HOSTILE),), results)


def test_a_run_passes_only_if_something_passed_and_nothing_failed() -> None:
    passed, failed, neither = (result(outcome) for outcome in Outcome)
    assert run(passed, neither).passed
    assert not run(passed, failed).passed
    assert not run(neither).passed
    assert not run().passed


@pytest.mark.parametrize("outcome", Outcome)
def test_a_text_from_the_wire_is_a_text_on_the_page(outcome: Outcome) -> None:
    page = as_html(run(result(outcome, HOSTILE)))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;&#39;\\u0000\\u001b]]&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


@given(st.lists(st.tuples(st.sampled_from(Outcome), st.text()), max_size=8))
def test_junit_is_xml_and_counts_what_the_run_counts(drawn: list[tuple[Outcome, str]]) -> None:
    examination = run(*(result(outcome, text) for outcome, text in drawn))
    suite = parseString(as_junit(examination).encode()).getElementsByTagName("testsuite")[0]
    counted = {
        "tests": len(drawn),
        "failures": sum(outcome is Outcome.FAILED for outcome, _ in drawn),
        "skipped": sum(outcome is Outcome.NOT_APPLICABLE for outcome, _ in drawn),
    }
    assert {name: int(suite.getAttribute(name)) for name in counted} == counted
    for element, name in (("testcase", "tests"), ("failure", "failures"), ("skipped", "skipped")):
        assert len(suite.getElementsByTagName(element)) == counted[name]


def test_the_same_run_gives_the_same_bytes() -> None:
    first, second = (run(*(result(outcome) for outcome in Outcome)) for _ in range(2))
    assert as_html(first) == as_html(second)
    assert as_junit(first) == as_junit(second)


@given(
    dialect=st.sampled_from(shipped()),
    card=st.text("123456789", min_size=13, max_size=19),
    identity=st.text("123456789", min_size=17, max_size=18),
    block=st.text("ABCDEF123456789", min_size=20, max_size=112),
    pin=st.text("123456789ABCDEF", min_size=16, max_size=16),
)
def test_no_secret_of_a_message_is_shown_not_even_in_its_hex(
    dialect: str, card: str, identity: str, block: str, pin: str
) -> None:
    codec = Codec(load(dialect))
    groups = build((("PN", "P1"), ("IN", identity), ("KA", block)), codec.dialect.de48_encoding)
    message = Message("0200", {2: card, 48: groups, 52: pin})
    message_shown = shown(Way.BANK, codec, message)
    raw = codec.encode(message)
    text_shown = " ".join(text for row in message_shown.fields for text in row)
    digits = message_shown.hex.replace(" ", "")
    assert len(bytes.fromhex(digits)) == len(raw)
    assert [secret for secret in (card, identity, block, pin) if secret in text_shown] == []
    assert masked_card(card) in text_shown
    assert digits[: 2 * codec.dialect.mti_width] == raw.hex()[: 2 * codec.dialect.mti_width]
    secrets = (card, identity, block, pin)
    written = [secret.encode(way).hex() for secret in secrets for way in ("ascii", "cp500")]
    assert [secret for secret in (*written, card, pin.lower()) if secret in digits] == []
