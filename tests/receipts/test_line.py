"""The line of a receipt: one text for each receipt, and each fault named with its field."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.card_number import luhn_digit
from receipts.errors import CutLine, LineFault
from receipts.line import LINE_MAX, Receipt, SignedReceipt, read, signed_part, write

NUMBER = "202611240100000000172"
RECEIPT = Receipt("EXAMPLE", NUMBER, "P2026-1", 12000, "20261124093000", "20261124", "01020000", "7KQ2M3NA")
SIGNATURE = bytes(range(64))
SIGNED = SignedReceipt(RECEIPT, SIGNATURE)
LINE = (
    f"QZ1|EXAMPLE|{NUMBER}|P2026-1|12000|20261124093000|20261124|01020000|7KQ2M3NA|"
    "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPSAIJCEMSCKJRHFAUSUKZMFUXC6MBRGIZTINJWG44DSOR3HQ6T4PY"
)


def numbers(dates: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    places = st.tuples(dates, st.integers(0, 99), st.integers(0, 10**10 - 1))
    bodies = places.map(lambda parts: f"{parts[0]}{parts[1]:02d}{parts[2]:010d}")
    return bodies.map(lambda body: body + luhn_digit(body))


NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
DATES = st.dates().map(lambda day: f"{day.year:04d}{day:%m%d}")
RECEIPTS = DATES.flatmap(
    lambda date: st.builds(
        Receipt,
        insurer=st.text(NAMES, min_size=1, max_size=16),
        number=numbers(st.just(date)),
        policy=st.text(NAMES, min_size=1, max_size=24),
        amount=st.integers(-(10**12) + 1, 10**12 - 1).filter(bool),
        paid_at=st.datetimes().map(lambda moment: f"{moment.year:04d}{moment:%m%d%H%M%S}"),
        business_date=st.just(date),
        channel=st.text("0123456789", min_size=1, max_size=11),
        key=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=8, max_size=8),
    )
)


def test_a_receipt_is_one_line_of_text() -> None:
    assert write(SIGNED) == LINE
    assert read(LINE) == SIGNED


@given(RECEIPTS, st.binary(min_size=64, max_size=64))
def test_whatever_can_be_written_is_read_again_as_it_was(receipt: Receipt, signature: bytes) -> None:
    signed = SignedReceipt(receipt, signature)
    line = write(signed)
    assert read(line) == signed
    assert len(line) <= LINE_MAX
    assert line.isascii()


def test_what_is_signed_is_everything_before_the_signature() -> None:
    assert LINE.startswith(signed_part(RECEIPT))
    assert len(LINE) - len(signed_part(RECEIPT)) == 103


@pytest.mark.parametrize(
    "typed",
    [
        f"  {LINE}\r\n",
        f"\ufeff{LINE}\n",
        f"\t{LINE}",
        "\n".join(LINE[at : at + 76] for at in range(0, 201, 76)),
    ],
)
def test_blanks_and_line_ends_of_a_page_or_a_mail_do_not_matter(typed: str) -> None:
    assert read(typed) == SIGNED


FAULTS = (
    ("insurer", "EXAMPLE|", "EX_MPLE|"),
    ("insurer", "EXAMPLE|", "|"),
    ("insurer", "EXAMPLE|", "ABCDEFGHIJKLMNOPQ|"),
    ("receipt number", NUMBER, NUMBER[:-1]),
    ("receipt number", NUMBER, f"{NUMBER[:-1]}1"),
    ("receipt number", NUMBER, f"{NUMBER[:9]}2{NUMBER[10:]}"),
    ("policy", "P2026-1", ""),
    ("policy", "P2026-1", "P" * 25),
    ("amount", "12000", "0"),
    ("amount", "12000", "012000"),
    ("amount", "12000", "-0"),
    ("amount", "12000", "1E4"),
    ("amount", "12000", "1000000000000"),
    ("time of payment", "20261124093000", "20261124240000"),
    ("time of payment", "20261124093000", "20260230093000"),
    ("business date", "|20261124|", "|20261131|"),
    ("channel", "01020000", "0102000A"),
    ("channel", "01020000", "010200001111"),
    ("key id", "7KQ2M3NA", "7KQ2M3N1"),
    ("signature", "AAAQEAYE", "AAAQEA1E"),
    ("signature", "AAAQEAYE", "AAAAQEAYE"),
    ("", "QZ1", "QZ2"),
    ("", "QZ1", "qz1"),
    ("", "QZ1|", "QZ1||"),
    ("", "P2026-1", "P2026|1"),
    ("policy", "P2026-1", "保单1"),
    ("policy", "P2026-1", "P2026\u20111"),
    ("policy", "P2026-1", "P2026\x001"),
    ("policy", "P2026-1", "p2026-1"),
    ("amount", "12000", "１２０００"),
    ("business date", "|20261124|", "|２０２６１１２４|"),
)


@pytest.mark.parametrize(("field", "good", "bad"), FAULTS)
def test_a_fault_names_its_field(field: str, good: str, bad: str) -> None:
    assert good in LINE
    with pytest.raises(LineFault) as caught:
        read(LINE.replace(good, bad, 1))
    assert caught.value.field == field


@pytest.mark.parametrize("bad", ["", "|", " ", "A B", "A|B", "a", "A\nB", "A\x00", "保", "１"])
@pytest.mark.parametrize(
    "field", ["insurer", "number", "policy", "paid_at", "business_date", "channel", "key"]
)
def test_no_field_is_written_with_what_it_may_not_hold(field: str, bad: str) -> None:
    with pytest.raises(LineFault) as caught:
        signed_part(RECEIPT._replace(**{field: bad}))
    assert caught.value.field


def test_a_number_of_another_date_is_refused() -> None:
    with pytest.raises(LineFault, match="receipt number: begins with another business date"):
        signed_part(RECEIPT._replace(business_date="20261125"))


@pytest.mark.parametrize("length", [0, 3, 60, 98, len(LINE) - 1])
def test_a_cut_line_is_said_to_be_cut_or_no_receipt(length: int) -> None:
    with pytest.raises(LineFault if length < 3 else CutLine):
        read(LINE[:length])


def test_two_receipts_and_a_book_are_no_receipt() -> None:
    for text in (f"{LINE}\n{LINE}", f"{LINE}|", LINE * 500, "x" * 10**6):
        with pytest.raises(LineFault):
            read(text)


def test_one_last_character_alone_stands_for_the_end_of_a_signature() -> None:
    """It has three bits that belong to no byte: they are zero, or one signature had eight texts."""
    same = [
        last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" if signature_of(LINE[:-1] + last) == SIGNATURE
    ]
    assert len(same) == 8
    for last in same[1:]:
        with pytest.raises(LineFault, match="its last character has bits that no signature has"):
            read(LINE[:-1] + last)


def signature_of(line: str) -> bytes:
    return base64.b32decode(line[-103:] + "=")


def test_a_signature_of_another_length_is_not_written() -> None:
    with pytest.raises(LineFault, match="signature"):
        write(SignedReceipt(RECEIPT, SIGNATURE[:-1]))
