"""The root of the `qianzhi` command, and what becomes of an error.

Every expected error ends as one line that says what to do, and exit code 1; anything else is a fault of ours
and keeps its traceback, but not its text, which may be somebody's secret.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click
from twisted.internet.error import CannotListenError

from console.audit_log import COMMANDS as AUDIT_LOG_COMMANDS
from console.bank import COMMANDS as BANK_COMMANDS
from console.clock import COMMANDS as CLOCK_COMMANDS
from console.completion import COMMANDS as COMPLETION_COMMANDS
from console.describe import COMMANDS as DESCRIBE_COMMANDS
from console.doctor import COMMANDS as DOCTOR_COMMANDS
from console.due import COMMANDS as DUE_COMMANDS
from console.failure import fail, run
from console.firewall import COMMANDS as FIREWALL_COMMANDS
from console.front import COMMANDS as FRONT_COMMANDS
from console.keys import COMMANDS as KEY_COMMANDS
from console.office import COMMANDS as OFFICE_COMMANDS
from console.trace import COMMANDS as TRACE_COMMANDS
from fep.process.logtext import traceback_text
from fep.process.memory import keep_memory_private
from qianzhi_errors import QianzhiError


def main() -> NoReturn:
    """Run the command; expected errors become one line each on standard error."""
    os.umask(0o077)  # whatever is written here, books and databases, is for its owner alone
    try:
        keep_memory_private()
        run(cli)
    except (QianzhiError, CannotListenError, OSError) as error:
        fail("qianzhi", str(error))
    except Exception as fault:  # not left to the interpreter, which would print its text
        click.echo(traceback_text(fault), err=True)
        sys.exit(1)
    sys.exit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="qianzhi")
def cli() -> None:
    """Qianzhi 前置: the front-end machine between banks and a life insurer, and its back office."""


for _command in (
    *FRONT_COMMANDS,
    *OFFICE_COMMANDS,
    *FIREWALL_COMMANDS,
    *KEY_COMMANDS,
    *AUDIT_LOG_COMMANDS,
    *DESCRIBE_COMMANDS,
    *DOCTOR_COMMANDS,
    *DUE_COMMANDS,
    *TRACE_COMMANDS,
    *BANK_COMMANDS,
    *CLOCK_COMMANDS,
    *COMPLETION_COMMANDS,
):
    cli.add_command(_command)


if __name__ == "__main__":
    main()
