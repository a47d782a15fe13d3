r"""A bank's client for the bank interface (docs/protocol.md), to copy from.

It needs Python 3.11 and the package `cryptography`, and nothing of the insurer's. Framing `2be`, dialect
`ascii87`, MAC `aes-cmac`. It signs on, asks for an echo, inquires about a policy, collects the first premium
due on it, and prints the receipt. Where no answer comes, it reverses until the reversal is answered.

    python bank.py --host 127.0.0.1 --port 8586 --bank 03080000 --zmk zmk.hex --policy P20200190000005 \
        --certificate bank.crt --key bank.key --pin 64_HEX_DIGITS_OF_THE_INSURER

Without --certificate it speaks plain TCP. Exit code: 0 collected, 1 not collected, 2 a usage error.

What a real bank does besides: it keeps each transaction's key on disk before it sends it, takes STANs from a
counter that outlives the process, has its ZMK in an HSM, and keeps its links open, each with a thread that
reads all the time and answers the insurer's echo.
"""

from __future__ import annotations

import argparse
import hashlib
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BEIJING = timezone(timedelta(hours=8))
UNDECIDED = {"63", "90", "91", "96"}
"""The answers that do not decide a transaction: what became of it is not known. Any other is final."""

Fields = dict[int, str]
"""A message's data elements by number, each as text; a MAC (DE 64, 128) in hex."""


# 1. A message as bytes (ascii87): MTI, bitmaps, then each data element in ascending order.

LENGTH_DIGITS = {2: 2, 32: 2, 44: 2, 48: 3, 62: 3}
"""Data elements of variable length: how many digits before the value give its length in bytes."""
FIXED = {3: 6, 4: 12, 7: 10, 11: 6, 12: 6, 13: 4, 15: 4, 37: 12, 38: 6, 39: 2, 41: 8, 42: 15, 49: 3}
FIXED |= {66: 1, 70: 3, 90: 42, 97: 17}
FIXED |= dict.fromkeys((74, 75, 76, 77), 10) | dict.fromkeys((86, 87, 88, 89), 16)
"""Data elements of fixed length, in bytes."""
MAC_BYTES = 8


def encode(mti: str, fields: Fields, mac_key: bytes | None) -> bytes:
    """Return the message; with a key it ends with its MAC, which covers everything before it."""
    mac_field = 128 if any(number > 64 for number in fields) else 64
    numbers = {*fields, mac_field} if mac_key else {*fields}
    if any(number > 64 for number in numbers):
        numbers.add(1)  # bit 1 says that a second bitmap follows
    bits = 128 if 1 in numbers else 64
    bitmap = sum(1 << (bits - number) for number in numbers).to_bytes(bits // 8)
    body = mti.encode() + bitmap + b"".join(_element(number, fields[number]) for number in sorted(fields))
    return body + mac(mac_key, body) if mac_key else body


def _element(number: int, text: str) -> bytes:
    data = text.encode()
    if number in LENGTH_DIGITS:
        return str(len(data)).zfill(LENGTH_DIGITS[number]).encode() + data
    if len(data) != FIXED[number]:
        raise ValueError(f"DE {number} has {len(data)} bytes, not {FIXED[number]}")
    return data


def decode(body: bytes) -> tuple[str, Fields]:
    """Return MTI and data elements. The MAC, if there is one, is the last 8 bytes. Raises LookupError and
    ValueError for what is no message.
    """
    bits = 128 if body[4] & 0x80 else 64
    bitmap, at, fields = int.from_bytes(body[4 : 4 + bits // 8]), 4 + bits // 8, {}
    for number in range(2, bits + 1):
        if not bitmap >> (bits - number) & 1:
            continue
        if number in (64, 128):
            length = MAC_BYTES
        elif number in LENGTH_DIGITS:
            start = at + LENGTH_DIGITS[number]
            at, length = start, int(body[at:start])
        else:
            length = FIXED[number]
        data = body[at : at + length]
        fields[number] = data.hex() if number in (64, 128) else data.decode()
        at += length
    return body[:4].decode(), fields


def groups(text: str) -> Iterator[tuple[str, str]]:
    """Yield tag and value of each group in DE 48: 2 characters, 3 digits of length in bytes, the value."""
    data = text.encode()
    while data:
        end = 5 + int(data[2:5])
        yield data[:2].decode(), data[5:end].decode()
        data = data[end:]


def group(tag: str, value: str) -> str:
    """Return one group of DE 48."""
    return f"{tag}{len(value.encode()):03d}{value}"


# 2. Keys: the MAC, and the key block in which a sign-on's answer brings the session key.


def cmac(key: bytes, data: bytes) -> bytes:
    """Return AES-CMAC (NIST SP 800-38B), all 16 bytes."""
    code = CMAC(AES(key))
    code.update(data)
    return code.finalize()


def mac(key: bytes, covered: bytes) -> bytes:
    """Return a message's MAC: the leftmost 8 bytes of the CMAC."""
    return cmac(key, covered)[:MAC_BYTES]


def unwrap(zmk: bytes, block: str) -> bytes:
    """Return the session key in a TR-31 key block, version D (docs/connect.md, "Open the key block")."""
    header, body = block[:16], bytes.fromhex(block[16:])
    if header != f"D{len(block):04d}M6AC00N0000":
        raise ValueError("this is no key block of an AES-CMAC session key")
    encrypted, block_mac = body[:-16], body[-16:]
    clear = Cipher(AES(_derived(zmk, b"\x00\x00")), CBC(block_mac)).decryptor().update(encrypted)
    if cmac(_derived(zmk, b"\x00\x01"), header.encode() + clear) != block_mac:
        raise ValueError("the key block was altered, or is under another ZMK")
    return clear[2 : 2 + int.from_bytes(clear[:2]) // 8]


def _derived(zmk: bytes, usage: bytes) -> bytes:
    """Return the block's key for encryption (usage 0000) or authentication (0001), as long as the ZMK."""
    algorithm = {16: b"\x00\x02", 24: b"\x00\x03", 32: b"\x00\x04"}[len(zmk)]
    tail = usage + b"\x00" + algorithm + (len(zmk) * 8).to_bytes(2)
    return (cmac(zmk, b"\x01" + tail) + cmac(zmk, b"\x02" + tail))[: len(zmk)]


def session_key(zmk: bytes, answer: Fields) -> bytes:
    """Return the key that the answer to a sign-on (or a change of keys) brings. Raises ValueError."""
    if answer[39] != "00":
        raise ValueError(f"answered {answer[39]} {answer.get(44, '')}")
    brought = dict(groups(answer[48]))
    key = unwrap(zmk, brought["KA"])
    if check_value(key) != brought["CA"]:
        raise ValueError("the session key's check value is wrong")
    return key


def check_value(key: bytes) -> str:
    """Return a key's check value: 10 hex digits of the CMAC of 16 zero bytes."""
    return cmac(key, bytes(16))[:5].hex().upper()


# 3. A link: it is opened by the bank, signs on, and has a session key of its own.


@dataclass(frozen=True)
class Settings:
    """What bank and insurer have agreed on, and who we are at the counter."""

    host: str
    port: int
    bank: str
    zmk: bytes
    certificate: str
    key: str
    pin: str
    answer_seconds: float
    terminal: str = "T0000001"
    branch: str = "B00000000000001"


class NoAnswer(Exception):
    """There is no link, or no answer came on it: what became of the request is not known."""


class Link:
    """One connection. Whatever goes wrong on it ends it: then open another."""

    def __init__(self, settings: Settings) -> None:
        """Connect, and sign on. Raises NoAnswer where either fails."""
        self._settings = settings
        self._mac_key: bytes | None = None
        try:
            self._socket = connect(settings)
        except OSError as error:
            raise NoAnswer(f"no link: {error}") from error
        answer = self.ask("0800", {**_stamp(), 32: settings.bank, 70: "001"})
        try:
            self._mac_key = session_key(settings.zmk, answer)  # from now on every message has a MAC
        except ValueError as error:
            self.close()
            raise NoAnswer(f"no sign-on: {error}") from error

    def ask(self, mti: str, fields: Fields) -> Fields:
        """Send a request; return its answer. Raises NoAnswer where none comes in time."""
        until = time.monotonic() + self._settings.answer_seconds
        try:
            self._send(encode(mti, fields, self._mac_key))
            while True:
                answer_mti, answer = self._receive(until)
                if answer_mti == "0800":
                    self._answer(answer)  # the insurer asks for an echo, or tells of a new business date
                elif 39 in answer and (answer[7], answer[11]) == (fields[7], fields[11]):
                    return answer
        except (OSError, KeyError) as error:  # a time-out is an OSError; KeyError: a field is missing
            self.close()
            raise NoAnswer(f"no answer to {mti}: {error}") from error

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _answer(self, asked: Fields) -> None:
        """Answer an 0800 of the insurer's: the same DE 7 and 11, DE 39 = 00, and a MAC."""
        self._send(encode("0810", {7: asked[7], 11: asked[11], 32: asked[32], 39: "00"}, self._mac_key))

    def _send(self, body: bytes) -> None:
        self._socket.sendall(len(body).to_bytes(2) + body)

    def _receive(self, until: float) -> tuple[str, Fields]:
        """Return the next message. Raises OSError where none comes in time, or one that is not to be
        believed.
        """
        body = self._exactly(int.from_bytes(self._exactly(2, until)), until)
        if self._mac_key and mac(self._mac_key, body[:-MAC_BYTES]) != body[-MAC_BYTES:]:
            raise ConnectionError("a message with a wrong MAC")
        try:
            return decode(body)
        except (LookupError, ValueError) as error:
            raise ConnectionError(f"a message that cannot be read: {error!r}") from error

    def _exactly(self, count: int, until: float) -> bytes:
        data = b""
        while len(data) < count:
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the insurer closed the link")
            data += more
        return data


def connect(settings: Settings) -> socket.socket:
    """Return a connection, over TLS where there is a certificate. The insurer is known by its key's pin."""
    plain = socket.create_connection((settings.host, settings.port), settings.answer_seconds)
    if not settings.certificate:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # No authority vouches for a pinned key; which name the certificate has does not matter either.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(settings.certificate, settings.key)
    secured = context.wrap_socket(plain)
    shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"").public_key()
    public = shown.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if hashlib.sha256(public).hexdigest() != settings.pin:
        secured.close()
        raise ConnectionError("the insurer's certificate is not the pinned one")
    return secured


# 4. A counter's business.


def _stamp() -> Fields:
    """Return DE 7 and 11 of a new message: with DE 32 and 41 they are a transaction's key, which must be new.
    Here the milliseconds see to that; a real bank has a counter.
    """
    now = datetime.now(BEIJING)
    return {7: f"{now:%m%d%H%M%S}", 11: f"{time.time_ns() // 1_000_000 % 1_000_000:06d}"}


def _at_the_counter(settings: Settings) -> Fields:
    """Return what every message of a counter has."""
    stamp = _stamp()
    local = {12: stamp[7][4:], 13: stamp[7][:4]}
    return {**stamp, **local, 32: settings.bank, 41: settings.terminal, 42: settings.branch}


def inquire(link: Link, settings: Settings, policy: str) -> list[dict[str, str]]:
    """Return the policy's open dues: each has DU, PC (the DE 3 that settles it), DK, DD, AM and ST."""
    answer = link.ask("0100", {**_at_the_counter(settings), 3: "310000", 48: group("PN", policy)})
    if answer[39] != "00":
        raise ValueError(f"the inquiry was answered {answer[39]} {answer.get(44, '')}")
    return [dict(groups(value)) for tag, value in groups(answer[48]) if tag == "DL"]


def collect(link: Link, settings: Settings, policy: str, due: dict[str, str]) -> Fields | None:
    """Collect a premium: its final answer, or None where it was reversed, and so has no effect."""
    request = {
        **_at_the_counter(settings),
        3: due["PC"],
        4: due["AM"].zfill(12),
        48: group("PN", policy) + group("DU", due["DU"]),
        49: "156",
    }
    request[37] = request[7][:6] + request[11]  # our own reference: 12 characters
    # Here a real bank writes the request down: if the process dies after this line, it must be reversed.
    print(f"terminal {request[41]}, DE 7 {request[7]}, STAN {request[11]}")
    try:
        answer = link.ask("0200", request)
        if answer[39] not in UNDECIDED:
            return answer
        print(f"not decided: {answer[39]} {answer.get(44, '')}")
    except NoAnswer as error:
        print(error)
    reverse(settings, request)
    return None


def reverse(settings: Settings, request: Fields) -> None:
    """Take a transaction out of effect, whatever became of it; end when that is answered."""
    repeated = {number: request[number] for number in (3, 4, 32, 41, 42, 48, 49)}
    original = f"0200{request[11]}{request[7]}{settings.bank.zfill(11)}{'0' * 11}"
    # The reversal has a key of its own. Its repeats are the same bytes, but for the MTI and the MAC.
    reversal = {**_at_the_counter(settings), **repeated, 37: request[37], 90: original}
    mti = "0400"
    while True:
        try:
            link = Link(settings)  # the old link may be gone, or half open: a new one is sure
            answer = link.ask(mti, reversal)
            link.close()
            if answer[39] in ("00", "21"):  # taken back; or it never came, and is refused if it still does
                print(f"reversed by {mti}: {answer[39]} {answer.get(44, '')}".rstrip())
                return
            print(f"the reversal was answered {answer[39]} {answer.get(44, '')}")
            if answer[39] not in UNDECIDED:
                raise ValueError("the transaction stands: this is for a person")
        except NoAnswer as error:
            print(error)
        mti = "0401"
        time.sleep(1)


def main() -> int:
    """Run the whole conversation; return the exit code."""
    parser = argparse.ArgumentParser(description="Collect the first premium due on a policy.")
    for name in ("host", "port", "bank", "zmk", "policy"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("certificate", "key", "pin"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--answer-seconds", type=float, default=30)
    given = parser.parse_args()
    zmk = bytes.fromhex(Path(given.zmk).read_text())
    settings = Settings(
        given.host,
        int(given.port),
        given.bank,
        zmk,
        given.certificate,
        given.key,
        given.pin,
        given.answer_seconds,
    )
    try:
        link = Link(settings)
        print("signed on")
        echo = link.ask("0800", {**_stamp(), 32: settings.bank, 70: "301"})
        print(f"echo: {echo[39]}")
        dues = [due for due in inquire(link, settings, given.policy) if due["DK"] == "premium"]
        if not dues:
            print("no premium is due")
            return 1
        print(f"due: {dues[0]['DU']} {dues[0]['PC']} {dues[0]['AM']}")
        answer = collect(link, settings, given.policy, dues[0])
        if answer is None:
            return 1
        if answer[39] == "00":
            print("collected: 00")
            print(answer.get(62, ""))  # the receipt: print its lines as they are
        else:
            print(f"refused: {answer[39]} {answer.get(44, '')}")
        link.ask("0800", {**_stamp(), 32: settings.bank, 70: "002"})
        link.close()
    except (NoAnswer, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if answer[39] == "00" else 1


if __name__ == "__main__":
    sys.exit(main())
