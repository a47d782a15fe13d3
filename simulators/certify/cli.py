"""The `qianzhi-certify` command: arguments, files and words for people.

What is asked and judged stands in the package's other modules. Every expected error is one line; the exit
code is 0 only if something was examined and nothing failed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import click

from console.failure import run_to_end
from console.options import FRAMING, MAC
from console.say import say
from console.settings_place import FRONT
from fep.keys.keys import KeyRefused, check_private, checked, zmk_kind
from fep.settings.config import load_settings
from fep.settings.dialects import find_dialect
from ledger.rules.day import is_date
from ledger.rules.secret import Secret
from protocol.codec import Codec
from protocol.dialect import shipped
from protocol.framing import Framing
from protocol.mac import MacMethod, check_value
from qianzhi_errors import QianzhiError
from simulators.certify import dues
from simulators.certify.cases import CASES
from simulators.certify.examiner import examine, run_of
from simulators.certify.exercises import EXERCISES
from simulators.certify.rehearsal import rehearsal_run, rehearse
from simulators.certify.report import as_html, as_junit, as_markdown
from simulators.certify.result import Outcome, Result, Run
from simulators.certify.scheduler import DELAY_SECONDS
from simulators.certify.steps import Case
from simulators.certify.story import Story
from simulators.certify.talk import Means
from simulators.certify.terms import TERMINAL, Terms, TlsFiles, terms_of
from simulators.certify.trial_machine import EXERCISE_ZMK
from simulators.certify.watch import RULES, watched
from simulators.cli import chosen_bank

_CUTOVER_SECONDS = 300.0
_DE_32_DIGITS_MAX = 11
_PATH = click.Path(path_type=Path)


def main() -> NoReturn:
    """Run the command; expected errors become one line on standard error."""
    run_to_end("qianzhi-certify", cli, (QianzhiError, OSError))


class BankCode(click.ParamType):
    """A bank's code as DE 32 holds it."""

    name = "digits"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The code; fails where it is none."""
        if not (value.isascii() and value.isdecimal() and len(value) <= _DE_32_DIGITS_MAX):
            self.fail(f"{value!r}: a bank's code is up to {_DE_32_DIGITS_MAX} digits", param, ctx)
        return value


class ReportsFolder(click.Path):
    """Where the reports go: made before anything is examined, so that no hour of it is lost at its end."""

    name = "path"

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The folder, which is there; fails where it cannot be written to."""
        folder = Path(value)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.fail(f"{folder}: no folder, and none can be made: {error.strerror}", param, ctx)
        if not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"{folder}: may not be written to", param, ctx)
        return folder


_OUT = click.option(
    "--out", type=ReportsFolder(), default=Path("var/certify"), show_default=True, help="reports' folder"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Hold a front-end machine, or a bank, to the interface."""


def agreed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what bank and insurer have agreed."""
    for option in reversed(
        (
            click.option("--dialect", type=click.Choice(shipped()), default="ascii87", show_default=True),
            click.option(
                "--framing",
                type=FRAMING,
                default="2be",
                show_default=True,
            ),
            click.option(
                "--mac",
                type=MAC,
                default="aes-cmac",
                show_default=True,
            ),
            click.option("--makes-keys", is_flag=True, help="the bank makes the session keys"),
        )
    ):
        command = option(command)
    return command


@cli.command()
@click.option(
    "--config",
    type=_PATH,
    default=None,
    help=f"the machine's settings, its keys beside  [default: {FRONT.words}, unless --zmk-file is given]",
)
@click.option(
    "--bank", "code", type=BankCode(), default=None, help="DE 32  [default: the first bank in the settings]"
)
@click.option("--host", default="", help="[default: the bank's in the settings, or 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="[default: the bank's in the settings]"
)
@agreed
@click.option("--zmk-file", type=_PATH, default=None, help="without --config: the ZMK, in hex; yours alone")
@click.option("--tls-certificate", type=_PATH, default=None, help="without --config: the bank's, PEM")
@click.option("--tls-key", type=_PATH, default=None, help="its key, PEM")
@click.option("--tls-machine", type=_PATH, default=None, help="the machine's certificate, PEM")
@click.option("--terminal", default="", help="DE 41  [default: T0000001]")
@click.option("--only", default="", help="ids that begin so, separated by commas")
@click.option("--patient", is_flag=True, help="also ask what takes time (KEY-03: 31 s)")
@click.option(
    "--cutover", is_flag=True, help="also ask what needs two cut-overs, which the operator is told of"
)
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=10, show_default=True, help="an answer's")
@_OUT
def fep(only: str, patient: bool, cutover: bool, seconds: float, out: Path, **given: Any) -> None:  # noqa: ANN401 - options
    """Examine a front-end machine as a bank.

    With --config the bank's terms and keys come from the machine's own settings; without, from the options.
    The dues must be loaded first: `qianzhi-certify dues`.
    """
    terms = _terms(**given)
    cases = _chosen(only)
    means = Means(
        terms,
        Codec(find_dialect(terms.dialect, terms.dialects), terms.mac.cover),
        lambda: datetime.now().astimezone(),
        count(datetime.now().astimezone().microsecond),  # the last run's STANs are forgotten
        seconds,
        time.sleep if patient else None,
        _ask_for_cutover if cutover else None,
    )
    _finish(run_of(means, examine(means, cases, _tell)), out)


@cli.command()
@click.option(
    "--bank",
    "code",
    type=BankCode(),
    default="01020000",
    show_default=True,
    help="DE 32 that the bank will send",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="where to listen")
@click.option("--port", type=click.IntRange(0, 65535), default=8600, show_default=True)
@agreed
@click.option("--zmk-file", type=_PATH, default=None, help="hex, yours alone  [default: the practice key]")
@click.option(
    "--late-seconds",
    type=click.FloatRange(0.1, 600),
    default=DELAY_SECONDS,
    show_default=True,
    help="how late a late answer comes: later than the bank waits",
)
@click.option("--until-idle", type=click.FloatRange(1, 86_400), default=None, help="end after such a silence")
@_OUT
def bank(
    code: str,
    host: str,
    port: int,
    dialect: str,
    framing: Framing,
    mac: MacMethod,
    makes_keys: bool,
    zmk_file: Path | None,
    late_seconds: float,
    until_idle: float | None,
    out: Path,
) -> None:
    """Be a machine for a bank to practise on; watch what the bank does, and report at the end.

    The real machine on a throw-away book. Which policy provokes what is printed at the start. SIGINT or
    SIGTERM ends it, or --until-idle.
    """
    zmk = EXERCISE_ZMK if zmk_file is None else read_zmk(zmk_file, mac)
    terms = Terms(code, host, port, framing, dialect, mac, zmk, makes_keys=makes_keys)
    say(f"business date {datetime.now().astimezone():%Y%m%d}; exercises, all on DE 3 as given:")
    for exercise in EXERCISES:
        say(f"  {exercise.policy}  DE 3 {exercise.code}  {exercise.amount} fen  {exercise.does_en}")
    say(f"the ZMK's check value is {check_value(mac, zmk)}")
    events, spoilt = rehearse(terms, late_seconds, until_idle, say)
    results = watched(Story(events, spoilt))
    for result in results:
        _tell(result)
    _finish(rehearsal_run(terms, datetime.now().astimezone(), results), out)


@cli.command("exercises")
def list_exercises() -> None:
    """List the exercises and the rules of `qianzhi-certify bank` as tables of a document."""
    rows = [
        f"| `{row.policy}` | {row.code} | {row.amount} | {row.does} | {row.does_en} |" for row in EXERCISES
    ]
    head = ["| policy | DE 3 | DE 4, fen | 情形 | what happens |", "|---|---|---|---|---|"]
    say("\n".join([*head, *rows, ""]))
    say(as_markdown(tuple((rule.id, rule.section, rule.title, rule.title_en) for rule in RULES)), nl=False)


@cli.command("dues")
@click.option("--date", required=True, help="the open business date, YYYYMMDD; for a new book, its first")
@click.option("--out", type=_PATH, default=Path("certify.csv"), show_default=True)
def write_dues(date: str, out: Path) -> None:
    """Write the dues that the cases work on, for the operator to load: `qianzhi book load FILE`."""
    if not is_date(date):
        raise click.BadParameter("is no date, written YYYYMMDD", param_hint="--date")
    out.write_bytes(dues.write(date))
    say(f"{out}: load it with `qianzhi book load {out}`")


@cli.command("cases")
def list_cases() -> None:
    """List the cases of `qianzhi-certify fep` as a table of a document."""
    say(as_markdown(tuple((c.id, c.section, c.title, c.title_en) for c in CASES)), nl=False)


def _terms(config: Path | None, code: str | None, host: str, port: int, terminal: str, **given: Any) -> Terms:  # noqa: ANN401
    if config is None and given["zmk_file"] is None and (usual := FRONT.find()).exists():
        config = usual
    if config is None:
        return _terms_given(code, host, port, terminal, **given)
    settings = load_settings(config)
    entry, chosen_port = chosen_bank(settings, code, port or None)
    return terms_of(settings, entry, host=host, port=chosen_port, terminal=terminal)


def _terms_given(
    code: str | None,
    host: str,
    port: int,
    terminal: str,
    *,
    dialect: str,
    framing: Framing,
    mac: MacMethod,
    makes_keys: bool,
    zmk_file: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_machine: Path | None,
) -> Terms:
    if code is None or not port or zmk_file is None:
        raise click.UsageError("without --config give --bank, --port and --zmk-file")
    files = tls_certificate, tls_key, tls_machine
    tls = TlsFiles(*files) if all(files) else None  # type: ignore[arg-type]
    if tls is None and any(files):
        raise click.UsageError("--tls-certificate, --tls-key and --tls-machine go together")
    return Terms(
        code,
        host or "127.0.0.1",
        port,
        framing,
        dialect,
        mac,
        read_zmk(zmk_file, mac),
        tls,
        terminal or TERMINAL,
        makes_keys=makes_keys,
    )


def read_zmk(path: Path, mac: MacMethod) -> bytes:
    """The ZMK in a file that is its owner's alone, in hex. Raises KeyFileError and KeyRefused."""
    check_private(path)
    secret = Secret.from_hex(path.read_text("ascii", errors="replace"))
    if secret is None:
        raise KeyRefused(f"{path}: is not hex digits")
    return checked(zmk_kind(mac), secret).secret.reveal()


def _chosen(only: str) -> tuple[Case, ...]:
    starts = tuple(start.strip().upper() for start in only.split(",") if start.strip())
    cases = tuple(case for case in CASES if not starts or case.id.startswith(starts))
    if not cases:
        raise click.BadParameter("no case begins so: see qianzhi-certify cases", param_hint="--only")
    return cases


def _ask_for_cutover() -> float:
    say("Cut over now, the date that is open: qianzhi day cutover --date YYYYMMDD --early")
    return _CUTOVER_SECONDS


def _tell(result: Result) -> None:
    if result.outcome is not Outcome.PASSED:
        say(f"{result.id:16} {result.outcome.value}: {result.reason}")


def _finish(run: Run, out: Path) -> None:
    """Write both reports, say how it ended; exit code 1 where it was not passed."""
    (out / "report.html").write_text(as_html(run), encoding="utf-8")
    (out / "junit.xml").write_text(as_junit(run), encoding="utf-8")
    counts = ", ".join(f"{run.counts[outcome.value]} {outcome.value}" for outcome in Outcome)
    say(f"{counts}; {out / 'report.html'}, {out / 'junit.xml'}")
    if not run.passed:
        sys.exit(1)


if __name__ == "__main__":
    main()
