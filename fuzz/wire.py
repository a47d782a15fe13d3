"""Targets for what comes over a bank's link: frames, messages in each dialect, DE 48, key blocks; and for
the input of `qianzhi describe`.

Each takes any bytes and returns if the module under it kept its promises. What the modules promise stands in
their docstrings; nothing is promised here that is not promised there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Final

from fep.links.receipt import Letterhead
from fep.links.response_builder import render
from fuzz.errors import require
from ledger.rules.request import Answer
from protocol import framing, keyblock, tlv
from protocol.analyzer.explain import Candidates, explain
from protocol.analyzer.message_trial import tried
from protocol.codec import Codec
from protocol.dialect import basic_first, load, parse
from protocol.dialect_fit import unfit
from protocol.errors import (
    DecodeError,
    DialectError,
    EncodeError,
    FormatError,
    FrameError,
    FramingError,
    KeyBlockError,
)
from protocol.frame_head import parsed_part
from protocol.frame_length import WIDTHS, LengthForm, Notation
from protocol.framing import SHIPPED, Frame, FrameReader, Framing
from protocol.framing_table import as_written, framing_of
from protocol.mac import MacAlgorithm, MacMethod
from protocol.message import Message, is_answer
from protocol.responses import Response


def _framings() -> Iterator[Framing]:
    """The shipped framings; then lengths in every notation with each kind of part of a head, and trailers."""
    yield from SHIPPED.values()
    parts = tuple(map(parsed_part, ("echo 3", "fixed 4F4B", "ours 0000", "length 4ascii")))
    addressed = tuple(map(parsed_part, ("destination 4", "source 4")))
    widths = ((notation, width) for notation in Notation for width in WIDTHS[notation][::3])
    for place, (notation, width) in enumerate(widths):
        header = addressed if place % 5 == 4 else (parts[place % 5],)
        trailer = b"\x03" if place % 2 else b""
        yield Framing(
            LengthForm(width, notation),
            counts_itself=place % 3 == 0,
            tpdu=place % 4 == 0,
            header=header,
            trailer=trailer,
            counts_trailer=not trailer or place % 4 == 1,
            keep_alive=b"PING" if place % 7 == 0 else b"",
        )


FRAMINGS: Final = tuple(_framings())
FRAME_LIMITS: Final = (8192, 256, 1, 65535)
TEXT_ENCODINGS: Final = ("utf-8", "gb18030", "cp500")
ZMKS: Final = (
    (MacMethod.AES_CMAC, bytes(range(16))),
    (MacMethod.AES_CMAC, bytes(range(24))),
    (MacMethod.AES_CMAC, bytes(range(32))),
    (MacMethod.X9_19, bytes(range(16))),
    (MacMethod.X9_19, bytes(range(24))),
    (MacMethod(MacAlgorithm.X9_9), bytes(range(16))),
    (MacMethod(MacAlgorithm.UNIONPAY_ECB, size=4, in_hex=True), bytes(range(24))),
)
_SQUEEZED_MAX: Final = 1 << 17
"""Bytes: a hexdump that leaves out lines that are the same stands for more than it has."""
_MAC: Final = b"\xa5" * 8
# Key usage indicators of ANSI X9.143's derivation data, in figures of their own: a target is a witness.
_FOR_ENCRYPTION: Final = b"\x00\x00"
_FOR_AUTHENTICATION: Final = b"\x00\x01"


def _first(data: bytes) -> int:
    """Return the first byte, by which a target chooses a variant; 0 for an empty input."""
    return data[0] if data else 0


def _cut(reader: FrameReader, pieces: list[bytes]) -> tuple[list[Frame], str, int]:
    """Feed a reader the pieces of a stream; return its frames, its error ("" for none), and the most bytes
    that
    it held.
    """
    frames: list[Frame] = []
    held = 0
    for piece in pieces:
        try:
            frames += reader.feed(piece)
        except FrameError as error:
            return frames + list(error.frames), str(error), held
        held = max(held, reader.pending)
    return frames, "", held


def frames(data: bytes) -> None:
    """Frames: the same however the stream is split; written again, they are the bytes that were read."""
    chosen, stream = data[:3].ljust(3, b"\x00"), data[3:]
    kind, limit = FRAMINGS[chosen[0] % len(FRAMINGS)], FRAME_LIMITS[chosen[1] % 4]
    takes_empty = bool(chosen[1] & 4)
    whole, error, _ = _cut(FrameReader(kind, limit, takes_empty=takes_empty), [stream])
    random = Random(chosen[2])
    places = sorted(random.randrange(len(stream) + 1) for _ in range(random.randrange(9)))
    pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    reader = FrameReader(kind, limit, takes_empty=takes_empty)
    again, same_error, held = _cut(reader, pieces)
    require((again, same_error) == (whole, error), "frames depend on how the stream was split")
    most = kind.length.width + kind.head.size + limit + len(kind.trailer)
    require(held <= most, "more than one frame is held")
    written = b"".join(framing.frame_bytes(kind, frame) for frame in whole)
    # Hexadecimal digits may come in lower case, and are written in upper case.
    require(stream.upper().startswith(written.upper()), "frames written again are other bytes")
    require(all(len(frame.body) <= limit for frame in whole), "a frame is over the limit")
    require(takes_empty or all(frame.body for frame in whole), "a frame is empty")
    for frame in whole:
        if frame.body:
            framing.wrap(kind, b"x", kind.head.of_answer(frame.head))
        else:
            require(len(framing.echoed(kind, frame)) == len(frame.whole), "an echo is no frame like it")
    if error:
        require(
            _cut(reader, [b"\x00\x01x"]) == ([], error, 0), "a reader went on after it had lost its place"
        )


def framing_table(data: bytes) -> None:
    """A framing as the settings say it: a FramingError, or a framing that frames are written and read in, and
    that is said so again.
    """
    text = data.decode("utf-8", "replace")
    try:
        kind = framing_of(text)
    except FramingError:
        return
    require(framing_of(as_written(kind)) == kind, "it is said otherwise than it was read")
    head = kind.head.sample()
    try:
        raw = framing.wrap(kind, b"0800", head)
    except EncodeError:
        return
    [frame] = FrameReader(kind, takes_empty=True).feed(raw)
    require(frame.body == b"0800" or kind.keep_alive == b"0800", "a frame is read as another")


_ANY_MESSAGES: Final = (b"0200" + bytes(8), b"\x02\x00" + b"\xff" * 80, b"0800822000000000000004" * 9)


def dialect_file(data: bytes) -> None:
    """A dialect's file: a DialectError that names it, or a dialect in which any bytes are a message or a
    DecodeError, and a message is written again.
    """
    try:
        codec = Codec(parse(data.decode("utf-8", "replace"), "bank"))
    except DialectError as error:
        require(str(error).startswith("bank.toml"), "an error that does not name the file")
        return
    unfit(codec.dialect)
    for raw in _ANY_MESSAGES:
        tried(codec, raw)


@cache
def codec_of(dialect: str) -> Codec:
    """Return the codec of a dialect."""
    return Codec(load(dialect))


_SUBFIELDS: Final = """base = "bcd87"
[elements]
43 = { text = true, counts = "characters" }
44 = { counts = "characters", length = "binary" }
48 = { format = "ans...999", text = true }
61 = { format = "b", bitmap = "hex-cp500" }
126 = { format = "b...255", bitmap = "hex-ascii" }
127 = { format = "b......999999", bitmap = "binary" }
[subfields.61]
1 = { name = "First", format = "n 3" }
64 = { name = "Last", format = "b 64", encoding = "hex-ascii" }
[subfields.126]
2 = { name = "Card", format = "n..20", counts = "bytes", like = 2 }
3 = { name = "Text", format = "ans...99", encoding = "gbk", shown = true }
[subfields.127]
2 = { name = "Switch key", format = "ans..32", length = "ascii" }
9 = { name = "Fee", format = "x+n 8", encoding = "bcd" }
25 = { name = "Chip data", format = "b....8000" }
"""


@cache
def codec_with_subfields() -> Codec:
    """Return the codec of a dialect with private bitmaps in each form, with and without a length."""
    return Codec(parse(_SUBFIELDS, "subfields"))


def message(dialect: str, data: bytes) -> None:
    """A message: decodes or is a DecodeError; encoded again it means the same; either way it is answered."""
    _message(codec_of(dialect), data)


def subfields(data: bytes) -> None:
    """A message with subfields behind private bitmaps: as `message`, and tried by its first wrong byte."""
    codec = codec_with_subfields()
    _message(codec, data)
    trial = tried(codec, data)
    require(trial.at is None or 0 <= trial.at <= len(data), "a wrong byte outside the message")


def _message(codec: Codec, data: bytes) -> None:
    """A message of a codec's dialect, as `message` says."""
    codec.last_bytes(data)
    try:
        decoded = codec.decode(data)
    except DecodeError as error:
        require(0 <= error.position <= len(data), "an error at a place outside the message")
        if error.partial is not None:
            _answerable(codec, error.partial)
        return
    codec.mac_of(data, decoded)
    require(list(decoded.fields) == sorted(decoded.fields), "fields out of order")
    encoded = codec.encode(decoded)
    again = codec.decode(encoded)
    require(
        (again.mti, dict(again.fields), again.subfields, again.alike)
        == (decoded.mti, dict(decoded.fields), decoded.subfields, decoded.alike),
        "encoded, it means something else",
    )
    # Shorter where a second bitmap said nothing.
    require(len(encoded) <= len(data), "encoded, it is longer")
    _answerable(codec, decoded)
    if 48 in decoded.fields:
        _groups(decoded.fields[48], codec.dialect.de48_encoding)


def _answerable(codec: Codec, asked: Message) -> None:
    """Require that a refusal of any message can be written: else the link would end unanswered."""
    if is_answer(asked.mti):
        return
    refusal = render(
        asked,
        Answer(Response.FORMAT, "DE 4 malformed", business_date="20261124"),
        codec.dialect,
        Letterhead(),
    )
    codec.seal(refusal, lambda _: _MAC)


def _groups(text: str, encoding: str) -> None:
    try:
        groups = tlv.parse(text, encoding)
    except FormatError as error:
        require(len(str(error)) <= 25, "a reason too long for DE 44")
        return
    require(tlv.build(groups, encoding) == text, "groups built again are another text")
    for group in groups:
        require(group.value not in repr(group) or len(group.value) < 4, "a group shows its value")
        if group.tag == "DL" and group.value != text:
            _groups(group.value, encoding)


def described(data: bytes) -> None:
    """A description: any bytes are described whole, or the first wrong byte or a note says why not."""
    explained = explain(data, Candidates({name: codec_of(name) for name in basic_first()}))
    pointed = [explained.wrong]
    for stream in explained.told:
        if stream.reading is None:
            continue
        pointed.append(stream.reading.wrong)
        for frame in stream.reading.frames:
            pointed.append(frame.wrong)
            require(
                all(frame.at <= node.at <= frame.at + frame.size for node in frame.nodes),
                "a field outside its frame",
            )
            require(
                all(not node.hidden or not node.raw or node.nodes for node in frame.nodes),
                "hidden, and shown",
            )
    require(
        explained.whole or any(pointed) or any(stream.note for stream in explained.told),
        "not whole, and nothing said",
    )
    require(
        all(0 <= wrong.at <= max(len(data), _SQUEEZED_MAX) for wrong in pointed if wrong),
        "a wrong byte outside the input",
    )


def groups(data: bytes) -> None:
    """DE 48: parses or is a FormatError; built again it is the same text."""
    encoding = TEXT_ENCODINGS[_first(data) % 3]
    _groups(data[1:].decode(encoding, "replace"), encoding)
    _groups(data[1:].decode("latin-1"), encoding)


def block(data: bytes) -> None:
    """A key block: is refused, unless it is one that the ZMK's owner made. First byte: algorithm and ZMK."""
    algorithm, zmk = ZMKS[_first(data) % len(ZMKS)]
    rest = data[1:]
    _opened(zmk, rest.decode("latin-1"), algorithm)
    _authentic(zmk, rest, algorithm)
    _altered(zmk, rest, algorithm)


def _opened(zmk: bytes, text: str, algorithm: MacMethod) -> bytes | None:
    try:
        return keyblock.unwrap(zmk, text, algorithm)
    except KeyBlockError as error:
        require(zmk.hex() not in str(error).lower(), "an error shows a key")
        return None


def _authentic(zmk: bytes, rest: bytes, algorithm: MacMethod) -> None:
    """Key data of any content under a good MAC, as only the ZMK's owner makes: past the check of the MAC."""
    binding = keyblock.VERSION_D if algorithm is MacMethod.AES_CMAC else keyblock.VERSION_B
    size = binding.block_length
    clear = rest[: len(rest) // size * size][:2048]
    good = keyblock.wrap(zmk, bytes(range(16)), algorithm, bytes)
    length = keyblock.HEADER_LENGTH + 2 * (len(clear) + size)
    header = f"{good[0]}{length:04d}{good[5 : keyblock.HEADER_LENGTH]}"
    mac = binding.cmac(binding.derive(zmk, _FOR_AUTHENTICATION), header.encode() + clear)
    encrypted = binding.cbc(binding.derive(zmk, _FOR_ENCRYPTION), mac).encryptor().update(clear)
    key = _opened(zmk, header + (encrypted + mac).hex().upper(), algorithm)
    if key is not None:
        has_length = clear[: keyblock.KEY_BITS_LENGTH] == (len(key) * 8).to_bytes(
            keyblock.KEY_BITS_LENGTH, "big"
        )
        require(has_length and clear[keyblock.KEY_BITS_LENGTH :].startswith(key), "it opens to another key")


def _altered(zmk: bytes, rest: bytes, algorithm: MacMethod) -> None:
    """A good block opens to its key; with any one character changed it does not open."""
    if len(rest) < 2:
        return
    key = (rest * 16)[:16]
    good = keyblock.wrap(zmk, key, algorithm, bytes)
    require(_opened(zmk, good, algorithm) == key, "a good block does not open to its key")
    place, character = rest[0] % len(good), chr(rest[1])
    if good[place] != character:
        bad = good[:place] + character + good[place + 1 :]
        require(_opened(zmk, bad, algorithm) is None, "an altered block opens")
