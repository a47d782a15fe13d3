"""An examination as a page and as JUnit XML.

Pure: the same run gives the same bytes. What may be shown at all `transcript` has seen to; the looks are the
templates'. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from ledger.rules.escaping import escaped
from simulators.certify.result import Outcome, Run, Way

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Outcome.PASSED.value: "通过",
        Outcome.FAILED.value: "未通过",
        Outcome.NOT_APPLICABLE.value: "不适用",
        Way.BANK.value: "银行 →",
        Way.MACHINE.value: "← 前置机",
        Way.NOTE.value: "",
    }
)


def as_html(run: Run) -> str:
    """The run as one self-contained page: no script, no image, no outside host."""
    return _ENVIRONMENT.get_template("report.html").render(run=run, counts=run.counts)


def as_junit(run: Run) -> str:
    """The run as JUnit XML: one suite, a test case for each result."""
    return _ENVIRONMENT.get_template("junit.xml").render(run=run, counts=run.counts)


def as_markdown(run_of_ids: tuple[tuple[str, str, str, str], ...]) -> str:
    """A list of (id, section, title, English title) as a table of a document."""
    rows = [f"| `{id_}` | {section} | {title} | {english} |" for id_, section, title, english in run_of_ids]
    return "\n".join(["| case | section | 名称 | what it asks |", "|---|---|---|---|", *rows]) + "\n"


def _printable(value: object) -> object:
    return escaped(value, lines=True) if type(value) is str else value


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("simulators.certify", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(words=_WORDS, Outcome=Outcome, Way=Way)
    return made


_ENVIRONMENT: Final = _environment()
