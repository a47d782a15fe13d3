"""The commands on receipts: `qianzhi receipt ...`. Anyone who has the public keys verifies one, anywhere.

Parses arguments, opens what is named, calls, prints. What a receipt is, `receipts` says; what the office
knows of one, `office.receipts`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Final, NamedTuple

import click

from console.closing import opened
from console.language import spoken
from console.options import OFFICE_SETTINGS
from console.output import JSON, show
from console.say import say
from ledger.files.settings import Fault, SettingsError
from ledger.rules.amount_in_words import in_figures
from ledger.rules.day import hyphenated
from office.config import load_settings
from office.receipts.published import NoSuchReceipt, known_receipt, published_keys
from protocol.transactions import TRANSACTIONS
from qianzhi_errors.sentence import Sentence, phrase
from qianzhi_errors.system import system_reason
from receipts import line, public_keys, qr
from receipts.errors import ReceiptError
from receipts.line import LINE_MAX, Receipt
from receipts.page import verification_page
from receipts.pdf import Heading, receipt_pdf
from receipts.public_keys import PublicKey
from receipts.signature import Outcome, Verdict, verify

_RECEIPT_BYTES: Final = 8 * LINE_MAX
_KEYS_BYTES: Final = 1_000_000
_WORDS: Final = {
    Outcome.GOOD: phrase("good: {reason}"),
    Outcome.NO_RECEIPT: phrase("no receipt: {reason}"),
    Outcome.CUT: phrase("cut: {reason}"),
    Outcome.UNKNOWN_KEY: phrase("unknown key: {reason}"),
    Outcome.OTHER_INSURER: phrase("another insurer's key: {reason}"),
    Outcome.NOT_SIGNED: phrase("altered or forged: {reason}"),
    Outcome.NOT_IN_FORCE: phrase("key not in force: {reason}"),
}


class UnreadableFile(ReceiptError):
    """A file that was named cannot be read."""


class TakenBack(ReceiptError):
    """No page is made of a receipt whose payment was taken back."""


class Shown(NamedTuple):
    """A receipt of the journal as it is shown: its line, and when the payment was taken back, if it was."""

    line: str
    receipt: Receipt
    taken_back: str


class Judged(NamedTuple):
    """What was found of a text: the outcome by its signature, and what the office's books say of it; empty
    where these were not asked.
    """

    outcome: str
    reason: str
    receipt: Receipt | None
    books: str
    stands: bool


@click.group()
def receipt() -> None:
    """Receipts that anyone can verify: their lines, signatures and public keys."""


@receipt.command("show")
@click.argument("number", metavar="RECEIPT")
@OFFICE_SETTINGS
@JSON
def show_command(number: str, config: Path, as_json: bool) -> None:
    """Print the signed line of a receipt, by its number, and its QR code."""
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        known = known_receipt(connection, number.strip())
    shown = Shown(line.write(known.signed), known.signed.receipt, known.taken_back)

    def lines() -> Iterator[str]:
        yield shown.line
        yield qr.terminal_text(shown.line).rstrip("\n")
        yield from _content(shown.receipt)
        if shown.taken_back:
            yield _("the payment was taken back on {date}").format(date=hyphenated(shown.taken_back))

    show(shown, lines, as_json=as_json)


@receipt.command("verify")
@click.argument("text", metavar="TEXT|FILE|-")
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="the insurer's public keys; with them no office is asked",
)
@OFFICE_SETTINGS
@JSON
def verify_command(text: str, keys_file: Path | None, config: Path, as_json: bool) -> None:
    """Verify a receipt: its line as text, in a file, or on standard input (-). The exit code is 1 unless it
    is good.

    With the office at hand its books are asked too: a receipt whose payment was taken back since is not good.
    """
    given = _text_of(text)
    judged = _by_keys(given, keys_file) if keys_file else _by_office(given, config)

    def lines() -> Iterator[str]:
        words = _(_WORDS[Outcome(judged.outcome)])
        yield words.format(reason=spoken(judged.reason))
        if judged.receipt is not None:
            yield from _content(judged.receipt)
        if judged.books:
            yield spoken(judged.books)

    show(judged, lines, as_json=as_json)
    if not judged.stands:
        sys.exit(1)


@receipt.command("pdf")
@click.argument("number", metavar="RECEIPT")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@OFFICE_SETTINGS
def pdf_command(number: str, output: Path, config: Path) -> None:
    """Write a receipt as a PDF into OUTPUT, by its number: the page, its QR code, its line as an embedded
    file. The font is that of [receipts].
    """
    settings = load_settings(config)
    with opened(settings, write=False) as store, store.reading() as connection:
        known = known_receipt(connection, number.strip())
    if known.taken_back:
        raise TakenBack(Sentence("the payment was taken back on {date}", date=hyphenated(known.taken_back)))
    if settings.receipts is None:
        raise SettingsError(str(config), (Fault("receipts", Sentence("is missing")),))
    heading = Heading(settings.receipts.name, TRANSACTIONS[known.code].voucher[0])
    output.write_bytes(receipt_pdf(known.signed, heading, Path(settings.receipts.font)))
    say(_("wrote {path}").format(path=output))


@receipt.command("keys")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@OFFICE_SETTINGS
def keys_command(output: Path, config: Path) -> None:
    """Write the public keys of receipts with their dates into OUTPUT, for whoever verifies."""
    keys = _keys_of_office(config)
    output.write_text(public_keys.write(keys), encoding="ascii")
    say(_("wrote {path}: {count} public keys").format(path=output, count=len(keys)))


@receipt.command("page")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@OFFICE_SETTINGS
def page_command(output: Path, config: Path) -> None:
    """Write a page into OUTPUT that verifies receipts in any browser, without a network: one file, with the
    public keys inside it.
    """
    receipts = load_settings(config).receipts
    names = {receipts.insurer: receipts.name} if receipts is not None and receipts.name else {}
    keys = _keys_of_office(config)
    output.write_text(verification_page(keys, names), encoding="utf-8")
    say(_("wrote {path}: {count} public keys").format(path=output, count=len(keys)))


def _by_keys(text: str, keys_file: Path) -> Judged:
    """What the signature says, by public keys of a file alone. Raises KeysFault and UnreadableFile."""
    verdict = verify(text, public_keys.read(_content_of(keys_file, _KEYS_BYTES)))
    return _judged(verdict, Sentence(""), stands=True)


def _by_office(text: str, config: Path) -> Judged:
    """What the signature and the office's books say."""
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        verdict = verify(text, published_keys(connection))
        if verdict.outcome is not Outcome.GOOD or verdict.receipt is None:
            return _judged(verdict, Sentence(""), stands=False)
        try:
            known = known_receipt(connection, verdict.receipt.number)
        except NoSuchReceipt as error:
            return _judged(verdict, Sentence("in the books: {reason}", reason=error), stands=False)
    if known.signed != line.read(text):
        return _judged(verdict, Sentence("in the books: another receipt has this number"), stands=False)
    if known.taken_back:
        words = Sentence(
            "in the books: the payment was taken back on {date}", date=hyphenated(known.taken_back)
        )
        return _judged(verdict, words, stands=False)
    return _judged(verdict, Sentence("in the books: the payment stands"), stands=True)


def _judged(verdict: Verdict, books: str, *, stands: bool) -> Judged:
    is_good = verdict.outcome is Outcome.GOOD
    return Judged(verdict.outcome.value, verdict.reason, verdict.receipt, books, stands and is_good)


def _keys_of_office(config: Path) -> tuple[PublicKey, ...]:
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        return published_keys(connection)


def _text_of(given: str) -> str:
    """The text that an argument is, or names: standard input, a receipt's line, or a file."""
    if given == "-":
        return sys.stdin.buffer.read(_RECEIPT_BYTES).decode("utf-8", errors="replace")
    if "|" in given or given.startswith(line.VERSION):
        return given
    return _content_of(Path(given), _RECEIPT_BYTES)


def _content_of(path: Path, most: int) -> str:
    """The text of a file, but no more of it than `most` bytes. Raises UnreadableFile."""
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", errors="replace")
    except (OSError, ValueError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else Sentence("is no name of a file")
        raise UnreadableFile(Sentence("the file cannot be read: {reason}", reason=reason)) from error


def _content(receipt: Receipt) -> Iterator[str]:
    """What a receipt says, for a person."""
    time = receipt.paid_at[8:]
    moment = f"{hyphenated(receipt.paid_at[:8])} {time[:2]}:{time[2:4]}:{time[4:]}"
    paid = _("  {yuan} yuan received by {insurer}, policy {policy}")
    if receipt.amount < 0:
        paid = _("  {yuan} yuan paid out by {insurer}, policy {policy}")
    yield _("  receipt {number}, business date {date}").format(
        number=receipt.number, date=hyphenated(receipt.business_date)
    )
    yield paid.format(yuan=in_figures(abs(receipt.amount)), insurer=receipt.insurer, policy=receipt.policy)
    yield _("  {moment}, channel {channel}, key {key}").format(
        moment=moment, channel=receipt.channel, key=receipt.key
    )
