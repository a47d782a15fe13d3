"""A credible book of dues of any size, of nobody in particular, the same for the same random numbers.

Pure: entropy and the date are handed in, policies come one at a time. What a due's columns may hold
`ledger.files.bookfile` says; names stand in sample_names.toml.

Identity numbers pass every check of `ledger.rules.identity` and can be nobody's: their region code begins
with 00, and the codes of GB/T 2260 number the country's regions from 1, so none begins with 0. (81 to 83 and
9 would not do: the permits of residents from Hong Kong, Macau and Taiwan and of foreigners begin so.)
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from importlib.resources import files
from itertools import accumulate
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.files.bookfile import PolicyDues
from ledger.files.bookline import DueLine
from ledger.rules.dues import KINDS, Policy
from ledger.rules.identity import check_character
from qianzhi_errors.sentence import Sentence

POLICIES_MAX: Final = 9_999_999
"""Policy numbers count in seven digits."""
YEARS: Final = range(1990, 2100)
"""Beneficiaries are 18 to 80 years old, and an identity number's birth date is of 1900 to 2099."""

_UNASSIGNED_REGION: Final = "00"
_YEAR_DAYS: Final = 366
_YUAN: Final = 100


class _Shape(NamedTuple):
    """One kind of policy: how many in a hundred, its state, and the days and codes of its dues.

    `days` is the range of due dates around the business date; each due draws its code from one of `codes`.
    """

    share: int
    state: str
    codes: tuple[tuple[str, ...], ...] = ()
    days: tuple[int, int] = (-45, 15)


_RENEWAL: Final = ("500000",) * 19 + ("502000",)
_BENEFIT: Final = ("261000",) * 10 + ("260000",) * 5 + ("262000",) * 3 + ("263000",) * 2
_SHAPES: Final = (
    _Shape(70, "active", (_RENEWAL,)),
    _Shape(5, "active", (("500000",), ("502000",))),
    _Shape(3, "active", (("500000",), ("500000",)), (-58, 0)),
    _Shape(12, "active", (_BENEFIT,), (-30, 0)),
    _Shape(4, "active"),
    _Shape(1, "terminated"),
    _Shape(3, "lapsed", (("500000",),), (-400, -61)),
    _Shape(2, "pending", (("501000",),), (-5, 5)),
)
"""Shares of a hundred. A policy lapses when its premium is 60 days late, hence the days."""


class _Range(NamedTuple):
    """Amounts of a due, in whole `step` fen."""

    weight: int
    low: int
    high: int
    step: int = _YUAN


_PREMIUMS: Final = (
    _Range(30, 30_000, 100_000),
    _Range(35, 100_000, 300_000),
    _Range(20, 300_000, 800_000),
    _Range(5, 800_000, 2_000_000),
    _Range(10, 30_000, 500_000, 1),
)
_SURVIVAL: Final = (_Range(8, 100_000, 2_000_000), _Range(2, 100_000, 2_000_000, 1))
_AMOUNTS: Final = MappingProxyType(
    {
        "500000": _PREMIUMS,
        "501000": _PREMIUMS,
        "502000": (_Range(1, 100_000, 2_000_000, 1),),
        "260000": (_Range(1, 1_000_000, 20_000_000),),
        "261000": _SURVIVAL,
        "262000": (_Range(7, 100_000, 3_000_000, 1), _Range(3, 3_000_000, 20_000_000)),
        "263000": (_Range(1, 100_000, 10_000_000, 1),),
    }
)


class _Names(NamedTuple):
    """The name list, ready to draw from; `weights` are cumulative."""

    surnames: tuple[str, ...]
    weights: tuple[int, ...]
    given: tuple[str, str]
    whole: tuple[str, ...]


def make(random: Random, policies: int, business_date: str) -> Iterator[PolicyDues]:
    """Yield that many policies, with their dues around `business_date` (YYYYMMDD), for `bookfile.write`.

    The same state of `random`, count and date make the same book. Raises ValueError, before the first policy,
    for more than POLICIES_MAX or a date that is none or not of YEARS.
    """
    day = date.fromisoformat(business_date)
    if day.year not in YEARS or business_date != f"{day:%Y%m%d}":
        raise ValueError(
            Sentence(
                "the business date must be YYYYMMDD, {first} to {last}",
                first=YEARS.start,
                last=YEARS.stop - 1,
            )
        )
    if not 0 <= policies <= POLICIES_MAX:
        raise ValueError(Sentence("a sample has at most {most} policies", most=POLICIES_MAX))
    return _policies(random, policies, day)


class NextDay(NamedTuple):
    """What a later day's file brings: policies with their new dues, or with a new state and none; and dues of
    earlier days that leave unpaid.
    """

    entries: tuple[PolicyDues, ...]
    withdrawn: tuple[DueLine, ...]


def follow(
    random: Random, policies: Sequence[Policy], unpaid: Sequence[DueLine], business_date: str
) -> NextDay:
    """Make a later day's file for a book of `policies` in which `unpaid` are open: of a hundred policies ten
    get a due and one lapses; of a hundred unpaid dues one is withdrawn.
    """
    draw_due = _due_drawer(random, date.fromisoformat(business_date))
    active = [policy for policy in policies if policy.state == "active"]
    lapsing = random.sample(active, len(active) // 100)
    leaving = {policy.policy for policy in lapsing}
    chosen = [policy for policy in random.sample(active, len(active) // 10) if policy.policy not in leaving]
    entries = [PolicyDues(policy._replace(state="lapsed"), ()) for policy in lapsing]
    for policy in chosen:
        code = random.choice(_RENEWAL + _BENEFIT)
        due = draw_due(policy.policy, random.randrange(2), code, (-30, 0))
        entries.append(PolicyDues(policy, (_paid_to(policy.holder, due),)))
    staying = [due for due in unpaid if due.policy not in leaving]
    return NextDay(tuple(entries), tuple(random.sample(staying, len(staying) // 100)))


def _policies(random: Random, count: int, day: date) -> Iterator[PolicyDues]:
    draw_name, draw_due = _name_drawer(random, _read_names()), _due_drawer(random, day)
    shares = tuple(accumulate(shape.share for shape in _SHAPES))
    for serial in range(1, count + 1):
        shape = random.choices(_SHAPES, cum_weights=shares)[0]
        sex = random.randrange(2)
        year = day.year if shape.state == "pending" else day.year - random.randrange(1, 20)
        number = f"P{year}{random.randrange(1, 40):03d}{serial:07d}"
        dues = tuple(draw_due(number, sex, random.choice(codes), shape.days) for codes in shape.codes)
        policy = Policy(number, shape.state, draw_name(sex))
        yield PolicyDues(policy, tuple(_paid_to(policy.holder, due) for due in dues))


def _paid_to(payee: str, due: DueLine) -> DueLine:
    """The due with its payee's name, if it is a benefit."""
    return due._replace(payee=payee) if due.kind == "benefit" else due


def _due_drawer(random: Random, day: date) -> Callable[[str, int, str, tuple[int, int]], DueLine]:
    """Return a function of policy, sex of the beneficiary, code and range of days that makes the next due."""
    first = min(shape.days[0] for shape in _SHAPES)
    last = max(shape.days[1] for shape in _SHAPES)
    dates = {offset: f"{day + timedelta(offset):%Y%m%d}" for offset in range(first, last + 1)}
    start, taken = f"D{day:%Y%m%d}", 0

    def draw(policy: str, sex: int, code: str, days: tuple[int, int]) -> DueLine:
        nonlocal taken
        taken += 1
        kind = KINDS[code]
        beneficiary = _identity_number(random, sex, day) if kind == "benefit" else ""
        due_date = dates[random.randint(*days)]
        return DueLine(
            f"{start}{taken:08d}", policy, code, kind, due_date, _amount(random, code), beneficiary
        )

    return draw


def _amount(random: Random, code: str) -> int:
    ranges = _AMOUNTS[code]
    drawn = random.choices(ranges, [amounts.weight for amounts in ranges])[0]
    return random.randrange(drawn.low, drawn.high + 1, drawn.step)


def _identity_number(random: Random, sex: int, day: date) -> str:
    """Make the number of a person of 18 to 80; an odd sequence is a man's, sex 1 (GB 11643-1999)."""
    born = day - timedelta(random.randrange(18 * _YEAR_DAYS, 80 * 365))
    region = f"{_UNASSIGNED_REGION}{random.randrange(10_000):04d}"
    first17 = f"{region}{born.year}{born.month:02d}{born.day:02d}{random.randrange(sex, 1000, 2):03d}"
    return first17 + check_character(first17)


def _name_drawer(random: Random, names: _Names) -> Callable[[int], str]:
    """Return a function of a sex, 0 or 1, that makes a name: mostly of two given characters."""

    def draw(sex: int) -> str:
        if random.randrange(200) == 0:
            return random.choice(names.whole)
        length = 1 if random.randrange(7) == 0 else 2
        surname = random.choices(names.surnames, cum_weights=names.weights)[0]
        return surname + "".join(random.choices(names.given[sex], k=length))

    return draw


def _read_names() -> _Names:
    table = tomllib.loads(files("ledger.files").joinpath("sample_names.toml").read_text("utf-8"))
    surnames: dict[str, int] = table["surnames"]
    given = table["female"], table["male"]
    return _Names(tuple(surnames), tuple(accumulate(surnames.values())), given, tuple(table["whole"]))
