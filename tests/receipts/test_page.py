"""The page that verifies: in a real browser, from a file, it says what the program says, in two languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receipts.line import SignedReceipt, read, write
from receipts.page import verification_page
from receipts.signature import Outcome, Signer, verify
from tests.receipts.test_line import FAULTS, LINE, RECEIPT
from tests.receipts.test_signature import KEYS, OTHER, SIGNED, SIGNER, L, key_of
from tests.support.browser import Browser, browser, missing, screenshots

NAME = "示例人寿</script><b>"
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
)
"""Public key, message and signature: RFC 8032, section 7.1, tests 1 to 3."""
OUTCOMES = {
    "good": Outcome.GOOD,
    "no": Outcome.NO_RECEIPT,
    "many": Outcome.NO_RECEIPT,
    "cut": Outcome.CUT,
    "key": Outcome.UNKNOWN_KEY,
    "other": Outcome.OTHER_INSURER,
    "not": Outcome.NOT_SIGNED,
    "force": Outcome.NOT_IN_FORCE,
}
"""What the page calls what the program calls."""


def test_a_name_in_the_page_ends_no_script() -> None:
    page = verification_page(KEYS, {"EXAMPLE": NAME})
    assert page.count("</script>") == 1
    assert "http" not in page.replace("http-equiv", "")
    assert all(key.public in page for key in KEYS)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if missing():
        pytest.skip(f"no browser: {missing()}")
    file: Path = tmp_path_factory.mktemp("page") / "verify.html"
    expired = key_of(Signer(bytes(range(2, 34))), dates=("20260101", "20261123"))
    file.write_text(verification_page([*KEYS, expired], {"EXAMPLE": NAME}), encoding="utf-8")
    with browser() as shown:
        shown.open(file.as_uri())
        yield shown


def second_signature() -> str:
    """The receipt with S + L in its signature."""
    signed = read(SIGNED)
    scalar = int.from_bytes(signed.signature[32:], "little") + L
    return write(SignedReceipt(signed.receipt, signed.signature[:32] + scalar.to_bytes(32, "little")))


def texts() -> list[str]:
    """Receipts, and what is none, of every kind."""
    expired = Signer(bytes(range(2, 34)))
    return [
        *(
            SIGNED,
            f"\ufeff {SIGNED[:70]}\r\n{SIGNED[70:]}\t",
            SIGNED[:-1],
            SIGNED[:50],
            f"{SIGNED}|",
            SIGNED * 2,
        ),
        *(SIGNED.replace("|12000|", "|12001|"), SIGNED.lower(), SIGNED[:-1] + "B", second_signature(), LINE),
        *(write(expired.sign(RECEIPT)), write(OTHER.sign(RECEIPT))),
        *(
            write(OTHER.sign(RECEIPT._replace(insurer="ANOTHER"))),
            write(SIGNER.sign(RECEIPT._replace(amount=-1))),
        ),
        *(LINE.replace(good, bad, 1) for _field, good, bad in FAULTS),
        *(
            SIGNED[:at] + ("A" if SIGNED[at] != "A" else "B") + SIGNED[at + 1 :]
            for at in range(0, len(SIGNED), 9)
        ),
        "保单",
    ]


def test_it_says_of_each_text_what_the_program_says(page: Browser) -> None:
    keys = [*KEYS, key_of(Signer(bytes(range(2, 34))), dates=("20260101", "20261123"))]
    for text in texts():
        said = page.run("return judged(arguments[0])[0]", text)
        assert OUTCOMES[said] is verify(text, keys).outcome, text


def test_its_signatures_are_those_of_the_standard(page: Browser) -> None:
    check = "return isSigned(hex(arguments[0]), arguments[1] ? hex(arguments[1]) : [], hex(arguments[2]))"
    for public, message, signature in VECTORS:
        assert page.run(check, public, message, signature) is True
        assert page.run(check, public, f"{message}00", signature) is False
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(5, 37)))
    public = private.public_key().public_bytes_raw().hex()
    for length in (1, 47, 48, 63, 64, 111, 112, 128, 1000):
        message_bytes = bytes(place * 7 % 256 for place in range(length))
        assert page.run(check, public, message_bytes.hex(), private.sign(message_bytes).hex()) is True


@pytest.mark.slow
def test_a_person_sees_it_at_once_in_either_language_without_a_network(page: Browser, tmp_path: Path) -> None:
    page.size(320, 700, phone=True)
    page.asked_for()
    page.run("document.querySelector('#given').value = ''; show()")
    assert page.text("#verdict") == "等待凭证文本"
    page.driver.find_element("css selector", "#given").send_keys(SIGNED)
    assert page.text("#verdict") == "真实：由保险公司签署"
    assert "120.00 元（保险公司收到）" in page.text("#content")
    assert NAME in page.text("#content"), "a name is text"
    page.run("document.querySelector('details').open = true")
    assert page.run("return document.documentElement.scrollWidth") <= 320
    page.shoot(screenshots(tmp_path) / "receipt-verify-phone.png")
    page.size(1100, 800)
    page.shoot(screenshots(tmp_path) / "receipt-verify.png")
    page.run("document.querySelector('#given').focus()")
    page.driver.switch_to.active_element.send_keys(
        "\ue008\ue004\ue008"
    )  # shift, tab: the language, before it
    page.driver.switch_to.active_element.send_keys(" ")
    assert page.text("#verdict") == "Good: signed by the insurer"
    assert page.run("return document.documentElement.lang") == "en"
    page.driver.find_element("css selector", "#given").send_keys("A")
    assert page.text("#verdict") == "No receipt: signature"
    assert page.asked_for() == []
    assert page.complaints() == []
    page.click("#language")
