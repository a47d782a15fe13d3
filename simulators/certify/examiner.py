"""Runs an examination of a machine: one case after the other, each with a conversation of its own; a case
that fails does not end the rest.

The cases say what is asked; `report` makes a page of the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from protocol.errors import PeerError
from simulators.certify import dues
from simulators.certify.drafts import inquire, totals
from simulators.certify.result import CertifyError, Check, Outcome, Result, Run
from simulators.certify.steps import Case
from simulators.certify.talk import Failed, Means, NotApplicable, Talk
from simulators.certify.wire import Closed, Nonsense, Silence

_ENDS = (Failed, Silence, Closed, Nonsense)
"""How a conversation ends before its time; what was expected is noted down by then, or is noted here."""


def examine(
    means: Means, cases: Iterable[Case], on_result: Callable[[Result], None] = lambda _: None
) -> tuple[Result, ...]:
    """Run the cases in order; `on_result` is called with each result. Raises CertifyError where the machine
    cannot be reached, or does not have the dues that the cases need.
    """
    _prepare(means)
    results = []
    for case in cases:
        result = _held(means, case)
        on_result(result)
        results.append(result)
    return tuple(results)


def run_of(means: Means, results: tuple[Result, ...]) -> Run:
    """The examination, with what was agreed at its head."""
    terms = means.terms
    facts = (
        ("bank, DE 32", terms.code),
        ("machine", f"{terms.host}:{terms.port}, {'TLS' if terms.tls else 'plain'}"),
        ("framing", str(terms.framing)),
        ("dialect", terms.dialect),
        ("MAC", str(terms.mac)),
        ("held at", means.now().isoformat(" ", "seconds")),
    )
    return Run("前置机接口认证", "Certification of a front-end machine", facts, results)


def _held(means: Means, case: Case) -> Result:
    talk = Talk(means)
    outcome, reason = Outcome.PASSED, ""
    try:
        _steps(talk, case)
    except NotApplicable as error:
        outcome, reason = Outcome.NOT_APPLICABLE, str(error)
    except (*_ENDS, PeerError) as error:
        outcome = Outcome.FAILED
        reason = _reason(talk, error)
    try:
        talk.take_back()
    except (*_ENDS, PeerError) as error:
        outcome = Outcome.FAILED
        reason = reason or f"taking back: {_reason(talk, error)}"
    talk.close()
    return Result(
        case.id,
        case.section,
        case.rule,
        case.title,
        case.title_en,
        outcome,
        reason,
        tuple(talk.checks),
        tuple(talk.shown),
    )


def _steps(talk: Talk, case: Case) -> None:
    for step in case.steps:
        step(talk)


def _reason(talk: Talk, error: Exception) -> str:
    """The check that failed; added here where the conversation ended without one."""
    if not talk.checks or talk.checks[-1].passed:
        failing = [check for check in talk.checks if not check.passed]
        if not failing:
            talk.checks.append(Check("the conversation goes on", type(error).__name__.lower(), False))
    check = next(check for check in talk.checks if not check.passed)
    return f"expected {check.expected}; seen {check.seen}"


def _prepare(means: Means) -> None:
    """Look whether the dues are there, and keep the totals that stand before the first case."""
    talk = Talk(means)
    try:
        talk.sign_on()
        for entry in dues.entries(""):
            code = talk.ask(inquire("310000", [("PN", entry.policy.policy)])(talk)).message.fields.get(39)
            if code != "00":
                raise CertifyError(
                    f"{entry.policy.policy} is answered {code}: have the dues loaded that"
                    " `qianzhi-certify dues` writes (`qianzhi book load FILE`)"
                )
    except (*_ENDS, PeerError) as error:
        raise CertifyError(f"the machine cannot be examined: {_reason(talk, error)}") from None
    else:
        _keep_totals(talk)
    finally:
        talk.close()


def _keep_totals(talk: Talk) -> None:
    """Keep the machine's totals for the last case. If there are none, that is for a case to find."""
    talk.means.baseline.clear()
    with suppress(*_ENDS, PeerError):
        answer = talk.ask(totals()(talk)).message.fields
        talk.means.baseline.update({number: answer.get(number, "") for number in (15, 97)})
