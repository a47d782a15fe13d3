"""Tables of the bank interface that banks ask for: the texts of DE 44, the values of ST, the seconds.

What a text of DE 44 means is written here, once. That it is a text of the machine's, and that none is
missing, `test_interface.py` finds in the sources. Nothing that has a table in the code belongs here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from OpenSSL import SSL

from fep.links.connection import CLOSE_SECONDS, EMPTY_FRAMES_A_MINUTE
from fep.links.places import ANSWER_SECONDS as PROBE_SECONDS
from fep.links.tls import CIPHERS_OF_1_2
from fep.settings.config import Bank, Limits
from ledger.rules.dues import STATES
from ledger.rules.inquire import HELD
from ledger.rules.view import DueState
from simulators.bank import ANSWER_SECONDS
from tests.docs.pages import ROOT
from tests.docs.tables import markdown


class Reason(NamedTuple):
    """One text of DE 44 with the codes that it comes with. `{}` stands for what differs."""

    text: str
    codes: str
    meaning: str


REASONS: Final = (
    Reason("REVERSED", "00", "a repeat: done, and taken back since; there is no DE 62"),
    Reason("ALREADY PAID", "12", "the due is settled"),
    Reason("ALREADY CANCELLED", "12", "a cancel: its original is not in effect any more"),
    Reason("CANCEL AFTER CUTOVER", "12", "a cancel: its original is of an earlier business date"),
    Reason("DUE {}", "12", "the due is `LAPSED`, or `WITHDRAWN` by the insurer"),
    Reason("IN BATCH COLLECTION", "12", "the due is being collected by file, away from the counter"),
    Reason("DUE SETTLED SINCE", "12", "a reversal of a cancel: another transaction has settled the due"),
    Reason("ORIGINAL IS A {}", "12", "a cancel names a `CANCEL` or a `REVERSAL`"),
    Reason("ORIGINAL IS A BREAK", "12", "a cancel names an advice that did not fit the book"),
    Reason("ORIGINAL IS A REVERSAL", "12", "a reversal names a reversal"),
    Reason("ORIGINAL: OTHER DE 2", "12", "the card is not the original's"),
    Reason("ORIGINAL: OTHER DE 3", "12", "the processing code is not the original's"),
    Reason("ORIGINAL: OTHER DE 42", "12", "the branch is not the original's"),
    Reason("POLICY {}", "12", "a premium of a policy that is `LAPSED` or `TERMINATED`"),
    Reason("REVERSAL TOO LATE", "12", "the original is older than the bank's reversals may reach"),
    Reason("REVERSED: NO RECEIPT", "12", "313000: that transaction was taken back"),
    Reason("AMOUNT DIFFERS", "13", "DE 4 is not the due's amount, or not the original's"),
    Reason("NO SUCH ORIGINAL", "21", "a reversal or cancel of what has not come; it is remembered"),
    Reason("ORIGINAL REFUSED {}", "21", "a reversal or cancel of what was refused, with that DE 39"),
    Reason("REVERSED BEFORE IT CAME", "21", "the transaction itself, after its reversal"),
    Reason("NO BUSINESS DATE {}", "25", "0500: the machine has kept no such business date"),
    Reason("NO SUCH DUE", "25", "DU names no due of that policy and kind, or the policy has none"),
    Reason("NO SUCH POLICY", "25", "PN is not in the book"),
    Reason("NO SUCH RECEIPT", "25", "313000: RN or DE 90 names no receipt of this bank"),
    Reason("NO SUCH TRANSACTION", "25", "312000: nothing is recorded under the key in DE 90"),
    Reason("ORIGINAL: OTHER DUE", "25", "DU is not the original's"),
    Reason("ORIGINAL: OTHER POLICY", "25", "PN is not the original's"),
    Reason("THE DUE IS OF DE 3 {}", "25", "the due is there, and another DE 3 settles it"),
    Reason("DE {} missing", "30", "a mandatory field or group is not there; `DE 48.DU`: there are several"),
    Reason("DE {} malformed", "30", "a field or group cannot be read, or holds what it may not"),
    Reason("DE {} not within {} days", "30", "the date in DE 7 or 90 is outside the window"),
    Reason("DE 3 {} NOT SUPPORTED", "40", "no such processing code in this kind of message"),
    Reason("DE 70 {} NOT SUPPORTED", "40", "no such network management code"),
    Reason("MTI {} NOT SUPPORTED", "40", "no such kind of message"),
    Reason("PIN DATA IS NOT ACCEPTED", "40", "DE 52, 53 or 125 is there"),
    Reason("TRACK DATA NOT ACCEPTED", "40", "DE 35, 36 or 45 is there"),
    Reason("DE 90: OTHER BANK", "57", "DE 90 names a transaction of another bank"),
    Reason("NOT ALLOWED TO THIS BANK", "57", "the bank's entry does not have this DE 3"),
    Reason("TERMINAL NOT ALLOWED", "58", "the bank's entry does not have this DE 41"),
    Reason("OVER LIMIT", "61", "over the bank's limit of one transaction"),
    Reason("OVER LIMIT OF THE DAY", "61", "with this one the bank would be over its limit of the day"),
    Reason("DE 32: OTHER BANK", "63", "DE 32 is not the bank of this link"),
    Reason("MAC MISSING", "63", "there is no MAC, or not in its place"),
    Reason("MAC WRONG", "63", "the MAC is not that of these bytes under the session key"),
    Reason("SIGN ON FIRST", "63", "the link has not signed on, or has signed off"),
    Reason("SEND A KEY FIRST", "63", "the bank makes the keys, and signed on without one"),
    Reason("KEY BLOCK MALFORMED", "63", "of the bank's making: no TR-31 key block"),
    Reason("KEY BLOCK: OTHER ZMK", "63", "the same: altered, or under another ZMK"),
    Reason("KEY BLOCK: OTHER VERSION", "63", "the same: not of the version of this ZMK"),
    Reason("KEY BLOCK: OTHER USE", "63", "the same: usage, algorithm or mode is not that of the MAC"),
    Reason("KEY OF WRONG LENGTH", "63", "the same: not as many bytes as agreed"),
    Reason("KEY IS WEAK", "63", "the same: bytes or halves are alike, or it is a weak DES key"),
    Reason("CHECK VALUE DIFFERS", "63", "the same: CA is not the check value of the key in KA"),
    Reason("KEY WAS REPLACED BEFORE", "63", "the same: another key came after it"),
    Reason("IDENTITY DIFFERS", "76", "IN is not the beneficiary's, or the due is locked"),
    Reason("CUTOVER, ASK AGAIN", "90", "no business day is open at this moment"),
    Reason("BUSY, ASK AGAIN", "91", "more is waiting than can be answered in time"),
    Reason("NOT AVAILABLE NOW", "91", "the machine's database cannot be reached"),
    Reason("STOPPING", "91", "the machine is being stopped: sign on at another link"),
    Reason("TOO MANY 25 AND 76, WAIT", "91", "the bank's budget of such answers is spent for now"),
    Reason("TOO MANY SIGN-ONS, WAIT", "91", "more sign-ons and changes of keys in a minute than may be"),
    Reason("KEY USED, OTHER CONTENT", "94", "under this key something else was sent before"),
    Reason("TOTALS DIFFER", "95", "0500: a figure is not the machine's; the answer has the machine's"),
    Reason("ANSWER DOES NOT FIT", "96", "an inquiry whose answer the dialect cannot carry"),
    Reason("NO KEY NOW, ASK AGAIN", "96", "a sign-on or change of keys: the machine cannot make a key now"),
    Reason("FAULT, NOTHING WAS DONE", "96", "a fault of the machine's"),
)
"""Every text of DE 44, by code."""

_NOT_SENT_TO_A_BANK: Final = frozenset({"DE 7 OUTSIDE THE WINDOW"})
"""Reasons of exception advices: the advice is answered 00, and the office reads the reason."""
_FOLDERS: Final = ("ledger/rules", "fep/links", "fep/engine")
_PRINTED: Final = "receipt.py"
"""Its texts in capitals are the labels of a receipt in English, DE 62."""
_IS_REASON: Final = re.compile(
    r"(?=.*[A-Z]{3})(?=.* |REVERSED|STOPPING)[A-Z][A-Z0-9 ,:{}'-]*(?<! )"
).fullmatch

_OF_FORM: Final = re.compile(r"DE [0-9.A-Z]+(?= missing| malformed)")


def found_reasons() -> set[str]:
    """The texts of DE 44 that stand in the sources, `{}` for what is put in."""
    return {
        text
        for folder in _FOLDERS
        for path in sorted((ROOT / folder).glob("*.py"))
        if path.name != _PRINTED
        for text in _reasons(ast.parse(path.read_text(encoding="utf-8")))
    } - _NOT_SENT_TO_A_BANK


def _reasons(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "FormatError":
            yield f"DE {{}} {_text(node.args[1]) if len(node.args) > 1 else 'missing'}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("Refusal", "Answer"):
            text = _text(node.args[1]) if len(node.args) > 1 else ""
            yield from (_OF_FORM.sub("DE {}", text),) if text else ()
        elif isinstance(node, ast.Constant | ast.JoinedStr) and _IS_REASON(_text(node)):
            yield _text(node)


def found_codes() -> set[tuple[str, str]]:
    """Each text of DE 44 with the name of its response code, where the sources have the two side by side."""
    pairs = set()
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                parts = _side_by_side(node)
                if len(parts) > 1 and _IS_REASON(_text(parts[1])):
                    response, _, name = ast.unparse(parts[0]).partition(".")
                    if response == "Response":
                        pairs.add((_text(parts[1]), name))
    return {pair for pair in pairs if pair[0] not in _NOT_SENT_TO_A_BANK}


def _side_by_side(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return node.args
    return node.elts if isinstance(node, ast.Tuple) else []


def _text(node: ast.expr) -> str:
    """A text as it stands in the source, `{}` for each value in it; what is no text is empty."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


STATUS: Final = (
    ("310000, 311000", "pending", "the policy is agreed and not yet in force; premiums are collected"),
    ("310000, 311000", "active", "the policy is in force"),
    ("310000, 311000", "lapsed", "no premium is collected any more; benefits are still paid"),
    ("310000, 311000", "terminated", "the same, for good"),
    ("310000, in each DL", "open", "the due can be settled; a due in another state is not listed"),
    ("310000, in each DL", "held", "the due is being collected by file: nobody can settle it at a counter"),
    ("312000", "done", "the transaction is in effect"),
    ("312000", "reversed", "it was done, and a reversal or a cancel took it back"),
    ("312000", "refused NN", "it was refused with that DE 39, and nothing was done"),
)
"""Where ST comes in an answer, its value, and what it says."""


def status_values() -> frozenset[str]:
    """The values of ST that are states in the code: a policy's, and those of a due that is listed."""
    return STATES | {DueState.OPEN.value, HELD}


_SECONDS: Final = {
    "frame_seconds": "from a frame's first byte to its last; then the link is closed",
    "handshake_seconds": "from the opening of a link to the end of its handshake; then the link is closed",
    "sign_on_seconds": "from the opening of a link to its sign-on; then the link is closed",
    "idle_seconds": "without a byte from a bank that has signed on; then the machine asks for an echo",
    "echo_seconds": "for the answer to that echo; then the link is closed",
    "old_key_seconds": "that the MAC key before the current one is still good after a change of keys",
}
_NOT_SEEN_BY_A_BANK: Final = frozenset({"retry_seconds", "stop_seconds"})


def seconds() -> Iterator[tuple[str, str, str]]:
    """Each time limit that a bank sees: whose it is, how long, what it is for."""
    for name, field in Limits.model_fields.items():
        if name.endswith("_seconds") and name not in _NOT_SEEN_BY_A_BANK:
            words = _SECONDS.get(name) or field.description or ""
            yield "the machine's", f"{field.default} s (`limits.{name}`)", words
    queue = Limits.model_fields["queue_ms"].default
    yield "the machine's", f"{queue} ms (`limits.queue_ms`)", "that a request may wait; else 91 at once"
    yield "the machine's", f"{CLOSE_SECONDS} s", "for the bank to let a link end that the machine has closed"
    yield (
        "the machine's",
        f"{PROBE_SECONDS:.0f} s",
        "for an echo where another link wants the place; then the silent one is closed",
    )
    yield "the bank's", f"{ANSWER_SECONDS} s, by convention", "for an answer; then it reverses"


def bounds() -> Iterator[tuple[str, str]]:
    """Each bound on what a bank sends: how much, and what happens beyond it."""
    limits, bank = Limits.model_fields, Bank.model_fields
    yield (
        f"links that have signed on: {bank['links'].default} (`links`)",
        "a silent one gives way, or the new one is closed",
    )
    yield (
        f"links that have not signed on: {bank['unsigned_links'].default} (`unsigned_links`)",
        "the oldest gives way",
    )
    yield (
        f"new links a minute: {bank['new_links_a_minute'].default} (`new_links_a_minute`)",
        "the next one is closed before a byte is read",
    )
    yield (
        f"messages a second: {bank['messages_a_second'].default} (`messages_a_second`), over all links",
        "what comes faster is read later; nothing is refused",
    )
    yield (
        f"recorded refusals a minute: {bank['refusals_a_minute'].default} (`refusals_a_minute`)",
        "the same",
    )
    yield (
        f"answers 25 and 76: {bank['misses_a_minute'].default} a minute, {bank['misses_a_day'].default} a day"
        " (`misses_a_minute`, `misses_a_day`)",
        "inquiries and new payouts get 91",
    )
    yield (
        f"sign-ons and changes of keys a minute: {bank['link_sign_ons_a_minute'].default} on one link,"
        f" {bank['sign_ons_a_minute'].default} over all (`link_sign_ons_a_minute`, `sign_ons_a_minute`)",
        "the next gets 91",
    )
    yield f"bad MACs in a row: {limits['bad_macs'].default} (`limits.bad_macs`)", "the link is closed"
    yield (
        f"stray messages a minute: {limits['strays_a_minute'].default} (`limits.strays_a_minute`)",
        "the link is closed",
    )
    yield f"empty frames a minute: {EMPTY_FRAMES_A_MINUTE}", "the link is closed"
    yield f"a message: {limits['frame_bytes'].default} bytes (`limits.frame_bytes`)", "the link is closed"
    yield (
        f"answers left unread: {limits['unsent_bytes'].default} bytes (`limits.unsent_bytes`)",
        "the link is closed",
    )


class Alert(NamedTuple):
    """What a bank's side of TLS is told in TLS 1.3, the alert's name and number (RFC 8446, section 6); and in
    TLS 1.2, where that is another one.
    """

    name: str
    in_1_2: str = ""


ALERTS: Final = {
    "a certificate whose key is not pinned": Alert("unknown_ca (48)"),
    "no certificate": Alert("certificate_required (116)", "handshake_failure (40)"),
    "a certificate that has expired": Alert("certificate_expired (45)"),
    "a certificate that is not valid yet": Alert("bad_certificate (42)"),
    "a certificate for servers alone": Alert("unsupported_certificate (43)"),
    "an older version than the entry's `tls_minimum`": Alert("–", "protocol_version (70)"),
    "no cipher suite of the machine's": Alert("handshake_failure (40)"),
}
"""What a bank shows or offers, and the alert that the machine sends."""


def alerts() -> str:
    """Each alert of the machine's, by what the bank has shown."""
    rows = [[what, alert.name, alert.in_1_2 or alert.name] for what, alert in ALERTS.items()]
    return markdown(["the bank shows", "in TLS 1.3", "in TLS 1.2"], rows)


def suites() -> str:
    """The cipher suites that the machine takes, the first preferred, by version."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(CIPHERS_OF_1_2)
    names = [f"`{name}`" for name in SSL.Connection(context, None).get_cipher_list()]
    newest = [name for name in names if name.startswith("`TLS_")]
    older = [name for name in names if name not in newest]
    return markdown(["TLS", "cipher suites"], [["1.3", ", ".join(newest)], ["1.2", ", ".join(older)]])


def status() -> str:
    """Every value of ST, by the answer that it comes in."""
    rows = [[where, f"`{value}`", meaning] for where, value, meaning in STATUS]
    return markdown(["answer to", "ST", "meaning"], rows)


def reasons() -> str:
    """Every text of DE 44, its DE 39 and its meaning."""
    rows = [[reason.codes, f"`{reason.text.replace('{}', '…')}`", reason.meaning] for reason in REASONS]
    return markdown(["DE 39", "DE 44", "meaning"], rows)


def made() -> dict[str, str]:
    """Name of a made place -> its text."""
    return {
        "reasons": reasons(),
        "status": status(),
        "seconds": markdown(["whose", "how long", "for what"], seconds()),
        "alerts": alerts(),
        "suites": suites(),
        "bounds": markdown(["at most, unless set otherwise", "beyond it"], bounds()),
    }
