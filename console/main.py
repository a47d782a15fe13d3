"""The root of the `qianzhi` command: the table of its commands, and how an error ends it.

An expected error ends as lines on standard error that say what to do, and exit code 1. Any other error is a
fault of ours: it keeps its traceback but not its text, which may repeat a secret. No command's own module is
imported here.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from console.failure import fail, leave_garbage_at_the_end, run
from console.language import LANGUAGES, language_of, speak
from console.lazy_group import CommandPlace, LazyGroup
from console.say import say
from fep.process.memory import keep_memory_private
from qianzhi_errors import QianzhiError

COMMANDS = (
    CommandPlace(
        "archive",
        "console.archive:archive",
        "The archive: closed days on write-once volumes, found exactly, proved, and kept for decades.",
    ),
    CommandPlace(
        "audit",
        "console.audit:audit_command",
        "Add everything up again from the journal, by other code; exit code 1 if anything does not hold.",
    ),
    CommandPlace(
        "audit-log", "console.audit_log:audit_log_command", "List who had the machine do what, and when."
    ),
    CommandPlace(
        "backup",
        "console.backup:backup_command",
        "Copy the machine into FOLDER while it serves: settings, keystore, certificate and book.",
    ),
    CommandPlace(
        "bank",
        "console.bank:bank",
        "The banks: their entries in the settings, and whether they could connect.",
    ),
    CommandPlace("book", "console.book:book", "The day's dues."),
    CommandPlace("clock", "console.clock:clock", "The machine's wall clock."),
    CommandPlace(
        "collection",
        "console.collection:collection",
        "Collection away from the counter: mandates, batches for a bank, their answers, returns.",
    ),
    CommandPlace(
        "completion",
        "console.completion:completion_command",
        "Print the script that has SHELL complete commands, options, and the banks' codes of the settings.",
    ),
    CommandPlace(
        "customers",
        "console.customers:customers",
        "Persons under names that mean nothing: loaded, looked up, restricted, forgotten by two people.",
    ),
    CommandPlace("day", "console.day:day", "The business day."),
    CommandPlace(
        "describe",
        "console.describe:describe_command",
        "Explain a message, a stream of them or a capture: framing, dialect, every field, the first"
        " wrong byte.",
    ),
    CommandPlace(
        "dialect",
        "console.dialect:dialect",
        "Dialects: how a bank's network writes ISO 8583, shipped ones and files of your own.",
    ),
    CommandPlace(
        "doctor",
        "console.doctor:doctor_command",
        "Look at this machine, and say what is wrong and what mends it; exit code 1 if anything is bad.",
    ),
    CommandPlace(
        "batch", "console.batch:batch", "Batches of collection: the dues that they hold, and their results."
    ),
    CommandPlace("due", "console.due:due", "Benefits that are locked after wrong identity numbers."),
    CommandPlace(
        "firewall",
        "console.firewall:firewall",
        "The machine's own firewall: the settings' policy, as rules for nft.",
    ),
    CommandPlace("init", "console.serve:init", "Write sample settings and fresh keys into FOLDER."),
    CommandPlace("journal", "console.journal:journal", "The journal."),
    CommandPlace(
        "keys", "console.keys:keys", "Keys at rest: the keystore, the token, and the custodians' ceremony."
    ),
    CommandPlace(
        "office",
        "console.office:office",
        "The back office: pull the journal, close the day, keep the ledger.",
    ),
    CommandPlace(
        "receipt",
        "console.receipt:receipt",
        "Receipts that anyone can verify: their lines, signatures and public keys.",
    ),
    CommandPlace("recon", "console.recon:recon", "Reconciliation with the banks."),
    CommandPlace(
        "reload",
        "console.reload:reload_command",
        "Have the machine read its settings again: banks, keys, certificates, allowlist. Good links stay.",
    ),
    CommandPlace(
        "restore",
        "console.backup:restore_command",
        "Bring the backup in FOLDER back to where the settings say, and prove its book.",
    ),
    CommandPlace(
        "run",
        "console.serve:run",
        "Serve a sample installation in ./var, made at the first run, and print how to connect.",
    ),
    CommandPlace(
        "serve", "console.serve:serve", "Serve the banks with the settings in CONFIG until SIGTERM or SIGINT."
    ),
    CommandPlace(
        "trace", "console.trace:trace_command", "Tell all that is known of a transaction, by any of its keys."
    ),
)
"""Every command of `qianzhi`, with the first sentence of its help; a test holds them against the commands."""


def main() -> NoReturn:
    """Run the command; the lines of an expected error go to standard error."""
    leave_garbage_at_the_end()
    os.umask(0o077)  # the books and databases that a command writes are for their owner alone
    try:
        speak(language_of(os.environ))
        keep_memory_private()
        run(cli)
    except (QianzhiError, OSError) as error:
        fail("qianzhi", error)
    except Exception as fault:  # not left to the interpreter, which would print its text
        from fep.process.logtext import traceback_text  # noqa: PLC0415 - it takes the log's Twisted along

        say(traceback_text(fault), err=True)
        sys.exit(1)
    sys.exit(0)


def _speak(_ctx: click.Context, _option: click.Parameter, language: str | None) -> None:
    if language:
        speak(language)


@click.group(cls=LazyGroup, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    is_eager=True,
    expose_value=False,
    callback=_speak,
    help="the language of what is shown to a person  [default: $QIANZHI_LANG, or the locale's]",
)
@click.version_option(package_name="qianzhi")
def cli() -> None:
    """Qianzhi 前置: the front-end machine between banks and a life insurer, and its back office."""


if __name__ == "__main__":
    main()
