"""The audit as a whole: the list of the checks, the name of each invariant, and what no data can show.

Every check is a function of the same signature in the table AUDITS; a new check is added there and nowhere
else. No module of this package may use code that did the work under audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.book.store import Store
from office.audit import (
    advices,
    arrived,
    audit_records,
    bank_dates,
    chains,
    chart,
    decided,
    exported,
    files,
    forgotten,
    history,
    holds,
    kept,
    lines,
    posted,
    privacy,
    sequences,
    signed,
    totals,
    withheld,
    written,
)
from office.audit.dues import DuesFile, KeyedDigest, against_files
from office.audit.evidence import Checked, Evidence, Failing, Results, Stated, as_of_now, gathered
from office.audit.kept import BookDigests
from office.audit.privacy import masked
from qianzhi_errors.sentence import Sentence

LISTED_MAX: Final = 20
"""At most so many findings of one check are listed, so that a book that is wrong everywhere gives a short
list.
"""

INVARIANTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: Sentence("write before answer"),
        2: Sentence("a key acts at most once, and a refusal stays one"),
        3: Sentence("one transaction, one final state"),
        4: Sentence("a due is settled at most once, and at its amount"),
        5: Sentence("the journal is append-only, chained and sealed"),
        6: Sentence("totals, files and books agree"),
        7: Sentence("every posting balances"),
        8: Sentence("every transaction has one business date"),
        9: Sentence("complete: in the books, or a break"),
        10: Sentence("files and loads are taken whole, and once"),
        11: Sentence("an epoch fences the older node"),
        12: Sentence("no identity or card number"),
        13: Sentence("each receipt is signed, as the journal has it"),
    }
)
"""The name of each invariant, by its number."""

NOT_IN_DATA: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: Sentence(
            "whether an answer left before its transaction was durable is a matter of the process:"
            " tests kill the process and read again"
        ),
        2: Sentence("what a repeat was answered is not kept; tests send it again"),
        9: Sentence(
            "a request that was never answered leaves nothing; the banks' files show it as a difference"
        ),
        10: Sentence(
            "that a load is all or nothing shows in its transaction only; tests stop it at every step"
        ),
        11: Sentence("that an older node cannot write shows only when it tries; tests let it"),
        12: Sentence(
            "logs, pages, metrics and exceptions are not in the databases; a canary test reads them"
        ),
    }
)
"""For an invariant, the part that no row can show, and where that is proved instead."""

Check = Callable[[Evidence], Results]
"""What every check is."""

AUDITS: Final[tuple[Check, ...]] = (
    sequences.keys,
    sequences.refusals,
    sequences.reversals,
    sequences.sequences,
    sequences.untouched_dues,
    holds.held_dues,
    holds.granted_lines,
    holds.files_of_batches,
    chains.links,
    chains.copies,
    chains.seals,
    chains.recorded_ends,
    forgotten.retired_days,
    audit_records.audit_logs,
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
    bank_dates.date_steps,
    bank_dates.held,
    bank_dates.breaks_allowed,
    bank_dates.posted,
    written.pulls,
    written.files,
    written.reconciliations_made,
    written.postings_made,
    written.day_states,
    written.front_records_kept,
    arrived.arrived,
    exported.exported,
    files.files,
    files.loads,
    chains.epochs,
    privacy.office_texts,
    privacy.front_texts,
    signed.signed,
)
"""All checks, in the order in which they run."""


class Verdict(NamedTuple):
    """The verdict on one invariant: the findings, what was looked at, and what no data can show."""

    invariant: int
    name: str
    failings: tuple[Failing, ...]
    checked: tuple[Checked, ...]
    not_in_data: str

    @property
    def rows(self) -> int:
        """The number of rows that were looked at; with none the invariant is not proved."""
        return sum(checked.count for checked in self.checked)


class Audit(NamedTuple):
    """All findings, all that was looked at, and the digests to keep outside the books (None if they were not
    computed).
    """

    failings: tuple[Failing, ...]
    checked: tuple[Checked, ...]
    kept: BookDigests | None = None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """A verdict on each invariant, in order."""
        return tuple(
            Verdict(
                number,
                name,
                tuple(failing for failing in self.failings if failing.invariant == number),
                tuple(checked for checked in self.checked if checked.invariant == number),
                NOT_IN_DATA.get(number, ""),
            )
            for number, name in INVARIANTS.items()
        )


def audit(
    office: Store,
    front: Store | None,
    stated: Stated,
    progress: Callable[[str, int], None] = lambda _work, _rows: None,
    expected: Sequence[str] = (),
) -> Audit:
    """Check all that the databases can show. The books are sound if `failings` is empty.

    `stated` is what the settings state. Without the front book (None), what only the front has is neither
    checked nor counted. Each database is read as of one moment, and nothing is written; meanwhile a
    PostgreSQL front keeps old row versions, and an embedded front does not shorten its log. `progress` is
    called with the work at hand and the number of rows since the last call. `expected` are digests and hashes
    of audit records that were kept outside the books; each must be found again. Raises what Store.reading
    raises.
    """
    with gathered(office, front, stated, progress) as evidence:
        checked = examine(evidence)
        digests = kept.keep(evidence)
        again = _collected([kept.expected(evidence, digests, expected)] if expected else [])
    return Audit(checked.failings + again.failings, checked.checked + again.checked, digests)


def audit_dues(
    front: Store,
    files: Sequence[DuesFile],
    keyed_digest: KeyedDigest,
    progress: Callable[[str, int], None] = lambda _work, _rows: None,
) -> Audit:
    """Compare the front book's dues with the files that were loaded into it; the office's database is not
    used.

    `keyed_digest` turns a document's number into the digest that the book has of it. Reads the book as of one
    moment and writes nothing. Raises what Store.reading raises.
    """
    with as_of_now(front) as connection:
        return _collected([against_files(connection, files, keyed_digest, progress)])


def examine(evidence: Evidence, checks: Iterable[Check] = AUDITS) -> Audit:
    """Run the checks on open connections, by default every check of AUDITS."""
    return _collected(check(evidence) for check in checks)


def _collected(checks: Iterable[Results]) -> Audit:
    """Collect the results of the checks: of each at most LISTED_MAX findings, with every number of a person
    masked.
    """
    failings: list[Failing] = []
    checked: list[Checked] = []
    for results in checks:
        room = LISTED_MAX
        for result in results:
            if isinstance(result, Checked):
                checked.append(result)
            elif room:
                room -= 1
                failings.append(Failing(result.invariant, masked(result.subject), masked(result.what)))
            else:
                failings.append(
                    Failing(
                        result.invariant, Sentence(""), Sentence("and more of the same check, not listed")
                    )
                )
                break
    return Audit(tuple(failings), tuple(checked))
