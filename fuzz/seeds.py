"""Makes the corpus anew: `python -m fuzz.seeds`. From the project's own writers, and from its test vectors.

What a fuzzer found stays in the corpus beside it under `found-*`, and is not made here.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from collection.forms import form_file, request
from customers import load_file, sealing
from customers.load_rows import (
    AgentRow,
    ConsentRow,
    ContactRow,
    EndedHolding,
    Holding,
    LeftRow,
    ServingRow,
    WithdrawnRow,
)
from customers.rules.contact import ContactKind
from customers.rules.contact_states import Purpose
from customers.rules.person import Role
from fuzz.batches import CHANNEL, DAY, DAYS, PAYEE, sent
from fuzz.corpus import FOLDER
from fuzz.files import BANK, DATE
from fuzz.wire import FRAMINGS, TEXT_ENCODINGS, ZMKS, codec_with_subfields
from ledger.files import bankfile, bookfile, layout, sample
from ledger.files.apply_file import (
    ApplyAnswer,
    ApplyFile,
    Done,
    Failed,
    FailureClass,
    LineReceipt,
    LineReturn,
    Returned,
    write_apply,
    write_apply_answer,
)
from ledger.files.bankline import BankLine
from ledger.files.bookfile import PolicyDues
from ledger.files.hold_file import (
    HoldAnswer,
    HoldFile,
    HoldLine,
    ReleaseAnswer,
    ReleaseCause,
    ReleaseFile,
    write_hold,
    write_hold_answer,
    write_release,
    write_release_answer,
)
from ledger.rules.dues import KINDS
from ledger.rules.holding import NotHeld
from ledger.rules.identity import Document
from protocol import dialect, framing, keyblock, tlv
from protocol.codec import Codec
from protocol.dialect import Dialect, Element
from protocol.message import Message
from simulators.channel.channel import Channel
from simulators.channel.outcomes import Habits
from simulators.messages import Stamp, original

_VECTORS: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "messages"
_HEX_COLUMNS: Final = 64
_COMMON: Final = {7: "1124101112", 11: "000123", 32: BANK}
_MONEY: Final = {
    **_COMMON,
    3: "500000",
    4: "000000120000",
    12: "101112",
    13: "1124",
    37: "RRN000000123",
    41: "T0000001",
    42: "B00000000000001",
    49: "156",
}
_FEW: Final = 4
_CUT_BYTES: Final = 5
"""Into DE 42 or DE 49, which an answer repeats."""
_SAMPLE_OF: Final = {"n": "1", "a": "A", "an": "A", "ns": "1", "ans": "A", "z": "1", "b": "A"}

Seeds = Iterator[tuple[str, bytes]]
"""File name and input."""


def framing_seeds() -> Seeds:
    """Two frames in each framing, the second cut short; then a length field that is no length."""
    for place, kind in enumerate(FRAMINGS):
        head = kind.head.sample()
        stream = framing.wrap(kind, b"0800" + bytes(12), head) + framing.wrap(kind, b"0200" + bytes(60), head)
        name = str(kind) if kind in framing.SHIPPED.values() else f"{kind.length}-parts"
        yield f"{name}.hex", bytes([place, 0, 5]) + stream[:-3]
        if kind in framing.SHIPPED.values():
            yield f"{name}-small.hex", bytes([place, 2, 1]) + framing.wrap(kind, b"x", head) * 3 + b"\xff\xff"


def framing_table_seeds() -> Seeds:
    """Each shipped framing by its name, and tables that say every part."""
    for name in framing.SHIPPED:
        yield f"{name}.txt", name.encode()
    yield (
        "all.txt",
        (
            b'{ length = "4ascii", counts_itself = true, tpdu = true, trailer = "03", '
            b"counts_trailer = false, "
            b'header = ["echo 3", "fixed 4F4B", "ours 00", "destination 2", "source 2", "length 4hex"], '
            b'keep_alive = "0000" }'
        ),
    )


def codec_seeds(name: str) -> Seeds:
    """The dialect's test vector, one message of each kind, and one with every field."""
    codec = Codec(dialect.load(name))
    lines = (_VECTORS / f"{name}.hex").read_text(encoding="utf-8").splitlines()
    digits = (line.partition("#")[0].strip().partition("  ")[0] for line in lines)
    yield "vector.hex", bytes.fromhex("".join(digits))
    for label, message in _messages(codec.dialect):
        if label == "collection":
            yield "cut.hex", codec.encode(Message("0200", {**_MONEY}))[:-_CUT_BYTES]
        yield f"{label}.hex", codec.seal(message, lambda _: b"\x00\xff" * 4)
    own = codec.dialect.place_of
    every = {own(n): _value(element) for n, element in codec.dialect.elements.items() if n not in (1, 65)}
    yield "every-field.hex", codec.encode(Message("0200", every))


def _messages(chosen: Dialect) -> Iterator[tuple[str, Message]]:
    def build(*groups: tuple[str, str]) -> str:
        return tlv.build(groups, chosen.de48_encoding)

    name = "张三" if chosen.carries("张三") else "ZHANG SAN"
    yield "sign-on", Message("0800", {**_COMMON, 70: "001"})
    yield "inquiry", Message("0100", {**_MONEY, 3: "310000", 48: build(("PN", "P1"), ("PG", "2"))})
    yield "collection", Message("0200", {**_MONEY, 48: build(("PN", "P1"), ("DU", "D1"), ("NM", name))})
    yield "reversal", Message("0400", {**_MONEY, 90: original("0200", Stamp("1124101112", "000123"), BANK)})
    totals = {
        74: "0000000001",
        76: "0000000002",
        86: "0" * 15 + "5",
        88: "0" * 15 + "7",
        97: "D" + "0" * 15 + "2",
    }
    yield "totals", Message("0500", {**_COMMON, 15: "1124", 49: "156", **totals})


def _value(element: Element) -> str:
    """A value of the field's kind: as long as it must be, or a few characters."""
    length = min(element.length, _FEW) if element.prefix else element.length
    return "C" + "1" * (length - 1) if element.kind == "x+n" else _SAMPLE_OF[element.kind] * length


def dialect_seeds() -> Seeds:
    """Files that say every key of a dialect, and some that contradict themselves."""
    yield (
        "every-key.txt",
        b'base = "bcd87"\n[wire]\nversion = "1993"\nsecondary = "always"\nlength = "binary"\n'
        b"[interface]\ngroups = 57\nreceipt = 58\n"
        b'[elements]\n2 = { format = "n..20", counts = "bytes", fill = "right F" }\n'
        b'22 = { fill = "right 0" }\n28 = { encoding = "bcd" }\n35 = { encoding = "bcd" }\n'
        b'43 = { encoding = "gbk", counts = "characters" }\n'
        b'55 = { format = "b...999", encoding = "hex-cp500" }\n'
        b"57 = { text = true }\n58 = { text = true, lines = true }\n"
        b'127 = { format = "b......999999", bitmap = "hex-ascii" }\n'
        b'130 = { name = "Third", format = "n 1" }\n'
        b"[subfields.127]\n"
        b'2 = { name = "Track", format = "z..37", length = "ascii", like = 35 }\n'
        b'64 = { name = "Last", format = "ans 2", shown = true }\n',
    )
    yield "contradiction.txt", b'base = "ascii87"\n[elements]\n3 = { counts = "bytes", fill = "left 0" }\n'
    yield "no-table.txt", b'base = "hex87"\nelements = 3\n'


def subfield_seeds() -> Seeds:
    """A message with every subfield of the target's dialect, and text that is counted in characters; one
    with empty bitmaps, and one cut short.
    """
    money = {**_MONEY, 43: "张三".ljust(40), 44: "余额不足", 48: "PN002P1"}
    subfields = {
        61: {1: "123", 64: "0123456789ABCDEF"},
        126: {2: "6222021234567", 3: "保单"},
        127: {2: "SWITCH_KEY", 9: "C00000012", 25: "9F0206000000010000"},
    }
    codec = codec_with_subfields()
    whole = codec.seal(Message("0200", money, subfields), lambda _: b"\x00\xff" * 4)
    yield "every-subfield.hex", whole
    yield "cut.hex", whole[:-_CUT_BYTES]
    empty: dict[int, dict[int, str]] = {number: {} for number in subfields}
    yield "empty-bitmaps.hex", codec.encode(Message("0800", _COMMON, empty))


def tlv_seeds() -> Seeds:
    """Groups in each encoding, flat and nested, and one cut short."""
    for place, encoding in enumerate(TEXT_ENCODINGS):
        due = tlv.build(
            [("DU", "D1"), ("DK", "premium"), ("DD", DATE), ("AM", "120000"), ("ST", "open")], encoding
        )
        name = "ZHANG SAN" if encoding == "cp500" else "张三"
        text = tlv.build([("PN", "P1"), ("NM", name), ("DL", due), ("DL", due), ("PG", "more")], encoding)
        yield f"{encoding}.hex", bytes([place]) + text.encode(encoding)
        yield f"{encoding}-cut.hex", bytes([place]) + text.encode(encoding)[:-1]


def keyblock_seeds() -> Seeds:
    """A block for each algorithm and length of ZMK, and key data as it is before encryption."""
    for place, (algorithm, zmk) in enumerate(ZMKS):
        key = bytes(range(100, 116))
        block = keyblock.wrap(zmk, key, algorithm, bytes)
        yield f"{algorithm.algorithm}-{len(zmk)}.hex", bytes([place]) + block.encode()
        yield f"{algorithm.algorithm}-{len(zmk)}-clear.hex", bytes([place]) + b"\x00\x80" + key + bytes(14)


_DESCRIBED: Final = ("ascii87", "bcd87", "ebcdic87", "hex87")


def describe_seeds() -> Seeds:
    """A message in each dialect and another framing, as bytes, as text, as a hexdump and in a capture."""
    for kind, name in zip(framing.SHIPPED.values(), _DESCRIBED, strict=False):
        chosen = dialect.load(name)
        [asked] = (message for label, message in _messages(chosen) if label == "collection")
        raw = framing.wrap(kind, Codec(chosen).encode(asked), kind.head.sample())
        yield f"{name}.hex", raw * 2
        yield f"{name}-cut.hex", raw[:-_CUT_BYTES]
    yield "digits.txt", raw.hex(" ").encode()
    yield "base64.txt", base64.b64encode(raw)
    rows = (f"{at:08x}: {raw[at : at + 16].hex(' ', -2)}  .\n" for at in range(0, len(raw), 16))
    yield "hexdump.txt", "".join(rows).encode()
    tcp = struct.pack(">HHIIBBHHH", 40_000, 8583, 1, 0, 5 << 4, 0x10, 8192, 0, 0) + raw
    ip = struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, b"\xc0\x00\x02\x0a" * 2) + tcp
    head = struct.pack("<IHHiIIIIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101, 0, 0, len(ip), len(ip))
    yield "capture.hex", head + ip


def _bank_lines() -> list[BankLine]:
    codes = tuple(KINDS)
    return [
        BankLine(
            0,
            f"T000000{n}",
            "B00000000000001",
            f"2026112410110{n}",
            f"{n:06d}",
            f"RRN00000000{n}",
            codes[n % len(codes)],
            f"P{n}",
            f"D{n}",
            100 * n + 1,
            f"R{n}" if n % 2 else "",
            "R" if n == 3 else "S",
        )
        for n in range(1, 8)
    ]


def bankfile_seeds(name: str) -> Seeds:
    """A day's file, an empty one, one that was cut short, and one with a line that is wrong."""
    chosen = layout.load(name)
    suffix = "txt" if chosen.separator else "hex"
    whole = b"".join(bankfile.write(chosen, BANK, DATE, _bank_lines()))
    list(bankfile.read(chosen, io.BytesIO(whole), BANK, DATE))  # raises unless it is good
    yield f"day.{suffix}", whole
    yield f"empty.{suffix}", b"".join(bankfile.write(chosen, BANK, DATE, []))
    yield f"cut.{suffix}", whole[:-5]
    yield f"wrong-line.{suffix}", whole.replace(b"000002", b"00000x")


def bookfile_seeds() -> Seeds:
    """A sample book, the next day's with what leaves, one with other documents, one without the column of
    payees, and one cut short.
    """
    entries = list(sample.make(Random(1), 24, DATE))
    whole = b"".join(bookfile.write(DATE, entries))
    leaving = [due._replace(beneficiary="", payee="") for entry in entries for due in entry.dues][:2]
    next_day = (date.fromisoformat(DATE) + timedelta(1)).strftime("%Y%m%d")
    new = list(sample.make(Random(2), 2, next_day))
    named = {due.due for due in leaving}
    new = [entry for entry in new if not named & {due.due for due in entry.dues}]
    yield "book.txt", whole
    yield "next-day.txt", b"".join(bookfile.write(next_day, new, leaving))
    documents = (("passport", "E12345678"), ("company", "91350100M000100Y43"), ("", "110105491231002"))
    known = [
        PolicyDues(entry.policy, (entry.dues[0]._replace(document=kind, beneficiary=number),))
        for entry, (kind, number) in zip(
            (entry for entry in entries if any(due.beneficiary for due in entry.dues)),
            documents,
            strict=False,
        )
    ]
    yield "documents.txt", b"".join(bookfile.write(DATE, known))
    premiums = [entry for entry in entries if all(due.kind == "premium" for due in entry.dues)]
    without = b"".join(line.removesuffix(b",\n") + b"\n" for line in bookfile.write(DATE, premiums))
    yield "without-payees.txt", without.replace(b",payee\n", b"\n")
    yield "cut.txt", whole[:-5]


def control_seeds() -> Seeds:
    """Commands as the `qianzhi` command sends them, and lines that are no commands."""
    commands = (
        {"command": "cutover", "date": DATE, "early": True},
        {"command": "record", "act": "keys remove", "subject": "zmk/1", "stage": "done", "details": {}},
        {"command": "load", "path": "/book.csv"},
        {"command": "reload"},
    )
    yield "commands.txt", b"".join(json.dumps(command).encode() + b"\n" for command in commands)
    yield "none.txt", b'\n[]\n1\n"cutover"\n{}\n{"command": ["load"]}\n'


def holdings_seeds() -> Seeds:
    """A whole file, the same cut short, and one with two names for one document."""
    resident, passport = Document("resident", "11010119900307803X"), Document("passport", "E12345678")
    rows = [
        Holding(0, "P1", Role.HOLDER, "张三, 丰", resident, "20170301"),
        Holding(0, "P1", Role.INSURED, "Li Si", passport, "20170301"),
    ]
    others = [
        EndedHolding(0, "P2", Role.PAYER, resident, "20261123"),
        ContactRow(0, resident, ContactKind.MOBILE, "13800138000", "20260101"),
        ContactRow(0, passport, ContactKind.POST, "上海市黄浦区示例路1号, 2楼", ""),
        AgentRow(0, "A1", "Wang", "Shanghai", "021-1"),
        LeftRow(0, "A2", "20260101"),
        ServingRow(0, "P1", "A1", "20260101"),
        ConsentRow(0, resident, Purpose.NOTICE, "20260101", "0" * 64),
        WithdrawnRow(0, resident, Purpose.DEBIT, "20260101", "0" * 64),
    ]
    whole = b"".join(load_file.write(DATE, (*rows, *others)))
    yield "whole.txt", whole
    yield "cut.txt", whole[:-_CUT_BYTES]
    other = [*rows, rows[1]._replace(policy="P3", name="Li Wu")]
    yield "two-names.txt", b"".join(load_file.write(DATE, other))


def sealed_line_seeds() -> Seeds:
    """A sealed line, and the same cut short."""
    label = sealing.Label("MFRGGZDFMZTWQ2LK", "holder", "entries/1/8812")
    place = sealing.place_on_volume("QZ-0007", DATE, 1)
    key = sealing.SecretKey(bytes(range(sealing.KEY_BYTES)))
    line = sealing.sealed_line(key, label, b"a name", bytes(sealing.NONCE_BYTES), place).encode()
    yield "line.txt", line + b"\n"
    yield "cut.txt", line[:-_CUT_BYTES]


def batch_seeds(name: str) -> Seeds:
    """A bank's answer, its returns and its statement; then a cut answer, and one with another amount."""
    chosen = form_file.load(name)
    suffix = "txt" if chosen.encoding == "utf-8" else "hex"
    bank = Channel(chosen, CHANNEL, PAYEE.account, Random(5), Habits(failed=300, returned=1000))
    bank.take(request.write(sent(), chosen), DAY)
    (answer,) = bank.answers(DAY)
    yield f"answer.{suffix}", answer.content
    for kind, file in (
        ("returns", bank.returns(DAYS["returns"])),
        ("statement", bank.statement(DAYS["statement"])),
    ):
        if file is not None:
            yield f"{kind}.{suffix}", file.content
    yield f"cut.{suffix}", answer.content[:-_CUT_BYTES]
    yield f"wrong.{suffix}", answer.content.replace(b"12000", b"12001").replace(b"120.00", b"120.01")


def batch_form_seeds() -> Seeds:
    """A form of pain.008, a table of codes, and a form with a key that is none."""
    yield "pain008.txt", form_file.source_of("pain008").encode()
    yield "codes.txt", b'like = "unionpay"\n[lines]\n51 = { class = "funds", zh = "\xe4\xbd\x99" }\n'
    yield "wrong.txt", b'form = "delimited"\nseparatr = "|"\n'


def held_batch_seeds() -> Seeds:
    """One file of each kind, and one that was cut."""
    lines = (HoldLine(1, "D1", "P1", 120_000), HoldLine(2, "D2", "P1", 80_000))
    whole = write_hold(HoldFile("B0000123", CHANNEL, DAY, f"{DAY}203000", lines))
    results = (Done(1, DAY, "REF1"), Failed(2, FailureClass.FUNDS), Returned(1, DAY, "REF2", "AC04"))
    receipts = (LineReceipt(1, "202611240100000000017", f"{CHANNEL}/B0000123/{DAY}203000/000001", DAY),)
    yield "hold.txt", whole
    yield "cut.txt", whole[:-_CUT_BYTES]
    yield "held.txt", write_hold_answer(HoldAnswer("B0000123", 1, 120_000, ((2, NotHeld.PAID),)))
    forced = ReleaseFile("B0000123", CHANNEL, ReleaseCause.FORCED, (1, 2), ("li", "wang"))
    yield "release.txt", write_release(forced)
    yield "released.txt", write_release_answer(ReleaseAnswer("B0000123", 2, 200_000, 1))
    yield "apply.txt", write_apply(ApplyFile("B0000123", CHANNEL, 1, results, 120_000, 120_000))
    yield (
        "applied.txt",
        write_apply_answer(
            ApplyAnswer("B0000123", 1, 1, 120_000, 1, 1, (2,), receipts, (LineReturn(1, DAY),))
        ),
    )


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, file name and input of every seed."""
    makers = {
        "framing": framing_seeds(),
        "framing-table": framing_table_seeds(),
        **{f"codec-{name}": codec_seeds(name) for name in dialect.shipped()},
        "subfields": subfield_seeds(),
        "dialect": dialect_seeds(),
        "tlv": tlv_seeds(),
        "keyblock": keyblock_seeds(),
        "describe": describe_seeds(),
        **{f"bankfile-{name}": bankfile_seeds(name) for name in layout.shipped()},
        "bookfile": bookfile_seeds(),
        "holdings": holdings_seeds(),
        "sealed-line": sealed_line_seeds(),
        **{f"batchfile-{name.removeprefix('batch-')}": batch_seeds(name) for name in form_file.shipped()},
        "batch-form": batch_form_seeds(),
        "held-batch": held_batch_seeds(),
        "control": control_seeds(),
    }
    for target, made in makers.items():
        yield from ((target, name, data) for name, data in made)


def file_text(name: str, data: bytes) -> bytes:
    """Return the content of the corpus file for an input."""
    if not name.endswith(".hex"):
        return data
    digits = data.hex()
    rows = [digits[at : at + _HEX_COLUMNS] for at in range(0, len(digits), _HEX_COLUMNS)]
    return "".join(f"{row}\n" for row in rows).encode()


def main() -> None:
    """Write every seed into the corpus folder."""
    for target, name, data in seeds():
        folder = FOLDER / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(file_text(name, data))


if __name__ == "__main__":
    main()
