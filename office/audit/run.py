"""The audit as a whole: which checks there are, what each invariant is called, and what no data can show.

Each check is one function of the same signature in the table AUDITS; add a check there and nowhere else.
Nothing here, nor in any module of this package, may use what did the work that is audited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.book.store import Store
from office.audit import (
    advices,
    audit_records,
    chains,
    chart,
    decided,
    files,
    forgotten,
    history,
    kept,
    lines,
    posted,
    privacy,
    sequences,
    totals,
    withheld,
    written,
)
from office.audit.dues import Conceal, DuesFile, against_files
from office.audit.evidence import Checked, Evidence, Failing, Outcome, Stated, as_of_now, gathered
from office.audit.kept import Kept
from office.audit.privacy import masked

LISTED_MAX: Final = 20
"""Failings of one check that are listed; a book that is wrong throughout is not listed throughout."""

INVARIANTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "write before answer",
        2: "a key acts at most once, and a refusal stays one",
        3: "one transaction, one final state",
        4: "a due is settled at most once, and at its amount",
        5: "the journal is append-only, chained and sealed",
        6: "totals, files and books agree",
        7: "every posting balances",
        8: "every transaction has one business date",
        9: "complete: in the books, or a break",
        10: "files and loads are taken whole, and once",
        11: "an epoch fences the older node",
        12: "no identity or card number",
    }
)
"""DESIGN section 6, in short."""

NOT_IN_DATA: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "whether an answer left before its transaction was durable is a matter of the process:"
        " tests kill the process and read again",
        2: "what a repeat was answered is not kept; tests send it again",
        9: "a request that was never answered leaves nothing; the banks' files show it as a difference",
        10: "that a load is all or nothing shows in its transaction only; tests stop it at every step",
        11: "that an older node cannot write shows only when it tries; tests let it",
        12: "logs, pages, metrics and exceptions are not in the databases; a canary test reads them",
    }
)
"""What of an invariant no row can show, and where it is proved instead."""

AUDITS: Final[tuple[Callable[[Evidence], Outcome], ...]] = (
    sequences.keys,
    sequences.refusals,
    sequences.reversals,
    sequences.sequences,
    sequences.untouched_dues,
    chains.links,
    chains.copies,
    chains.seals,
    chains.recorded_ends,
    forgotten.retired_days,
    audit_records.trails,
    totals.front_totals,
    posted.reconciled_sums,
    posted.day_postings,
    posted.suspense,
    posted.resolutions,
    chart.charts,
    posted.balance,
    posted.postings_named,
    chains.dates,
    chains.day_sizes,
    lines.accounted_lines,
    advices.exception_advices,
    advices.advices,
    advices.all_banks,
    withheld.withheld,
    withheld.exception_advices_whole,
    withheld.late_reversals,
    history.break_rows,
    history.break_events_follow,
    decided.decisions,
    decided.moments,
    written.pulls,
    written.files,
    written.reconciliations_made,
    written.postings_made,
    written.day_states,
    written.front_records_kept,
    files.files,
    files.loads,
    chains.epochs,
    privacy.texts,
)


class Verdict(NamedTuple):
    """What the audit says of one invariant: what fails, what was looked at, and what no data can show."""

    invariant: int
    name: str
    failings: tuple[Failing, ...]
    checked: tuple[Checked, ...]
    not_in_data: str

    @property
    def rows(self) -> int:
        """How many rows, of whatever kind, speak for it; with none it is not proved."""
        return sum(one.count for one in self.checked)


class Audit(NamedTuple):
    """Everything that fails, everything that was looked at, and what is to be kept elsewhere, where that was
    worked out.
    """

    failings: tuple[Failing, ...]
    checked: tuple[Checked, ...]
    kept: Kept | None = None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each invariant, in order."""
        return tuple(
            Verdict(
                number,
                name,
                tuple(one for one in self.failings if one.invariant == number),
                tuple(one for one in self.checked if one.invariant == number),
                NOT_IN_DATA.get(number, ""),
            )
            for number, name in INVARIANTS.items()
        )


def audit(
    office: Store,
    front: Store | None,
    stated: Stated,
    progress: Callable[[str, int], None] = lambda _what, _rows: None,
    expected: Sequence[str] = (),
) -> Audit:
    """Check everything that the databases can show; an empty `failings` is a sound book.

    `stated` is what the settings say. Without the front book, what only it
    holds is not checked, and not counted. Reads each database as of one moment and writes nothing; while it
    reads, a PostgreSQL front keeps what it would clean up and an embedded one does not shorten its log.
    `progress` is told what is at work and how many rows went by. `expected` are digests and acts' hashes that
    were kept elsewhere; each must be found again. Raises what Store.reading raises.
    """
    with gathered(office, front, stated, progress) as evidence:
        found = examine(evidence)
        books = kept.keep(evidence)
        asked = [kept.expected(evidence, books, expected)] if expected else []
        again = _collected(asked)
    return Audit(found.failings + again.failings, found.checked + again.checked, books)


def audit_dues(
    front: Store,
    files: Sequence[DuesFile],
    conceal: Conceal,
    progress: Callable[[str, int], None] = lambda _what, _rows: None,
) -> Audit:
    """Hold the front book's dues against the files that were loaded into it; the office is not asked.

    `conceal` turns a document's number into the digest that the book keeps. Reads the book as of one moment
    and writes nothing; raises what Store.reading raises.
    """
    with as_of_now(front) as connection:
        return _collected([against_files(connection, files, conceal, progress)])


def examine(evidence: Evidence) -> Audit:
    """Run every check on connections that are open already."""
    return _collected(check(evidence) for check in AUDITS)


def _collected(outcomes: Iterable[Outcome]) -> Audit:
    failings: list[Failing] = []
    checked: list[Checked] = []
    for outcome in outcomes:
        room = LISTED_MAX
        for one in outcome:
            if isinstance(one, Checked):
                checked.append(one)
            elif room:
                room -= 1
                failings.append(Failing(one.invariant, masked(one.subject), masked(one.what)))
            else:
                failings.append(Failing(one.invariant, "", "and more of the same check, not listed"))
                break
    return Audit(tuple(failings), tuple(checked))
