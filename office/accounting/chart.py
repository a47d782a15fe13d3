"""The chart of accounts: the accounts, the account of each processing code, and the resolutions of a break.

Pure: the text of chart.toml in, values out. No account, and no effect of a resolution on the books, is ever
written in code. `office.accounting.posting` builds the postings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.files.wrong_value import reason_of
from ledger.rules.break_classes import BreakClass
from ledger.rules.dues import KINDS
from office.errors import ChartError
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.toml_text import read_toml

AccountKind = Literal["asset", "liability", "equity", "income", "expense"]
Side = Literal["debit", "credit"]
Sign = Literal["+", "-", "0"]
"""The sign of a break's difference, theirs - ours + withheld."""

PRODUCT: Final = "product"
"""As counter account of a resolution by which the bank is right: the account of the bank's processing
code.
"""
OUR_PRODUCT: Final = "our_product"
"""As counter account of a resolution by which our journal is right: the account of our processing code."""
NONE: Final = "none"
"""As counter account of a resolution that moves nothing: no account."""

_CODE: Final = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,2}")
_NAME: Final = re.compile(r"[a-z][a-z_]{0,31}")
_REFUSED: Final = "failed"
"""The first word in the note of a refused decision. Other notes begin with a resolution, so none may have
this name.
"""
_DAY_KINDS: Final = MappingProxyType({"clearing": "asset", "long": "liability", "short": "asset"})


class Account(NamedTuple):
    """One account. `by_bank` says that its legs name a bank, so that it has a balance for each bank."""

    code: str
    zh: str
    en: str
    kind: AccountKind
    normal: Side
    by_bank: bool


class Resolution(NamedTuple):
    """One resolution of a break: the classes and signs that it fits, and the account that takes the
    difference.
    """

    name: str
    zh: str
    en: str
    classes: tuple[BreakClass, ...]
    signs: tuple[Sign, ...]
    counter: str

    def fits(self, break_class: str, difference: int) -> bool:
        """Whether a break of this class and difference (fen) may end by this resolution."""
        return break_class in self.classes and sign_of(difference) in self.signs


class Chart(NamedTuple):
    """A whole chart, in the order of the file. `clearing`, `long` and `short` are the accounts of the bank's
    money, of overages and of shortages in suspense; `deposit` and `fee` those of a statement of account: of
    the money that arrived, and of the bank's fees; `products` gives the account of each processing code;
    `currency` is ISO 4217 numeric.
    """

    currency: str
    accounts: Mapping[str, Account]
    clearing: str
    long: str
    short: str
    deposit: str
    fee: str
    products: Mapping[str, str]
    resolutions: Mapping[str, Resolution]

    def suspense(self, difference: int) -> str:
        """The suspense account of a difference in fen, not 0."""
        return self.long if difference > 0 else self.short

    def bank_of(self, account: str, bank: str) -> str:
        """The bank that a leg on the account names: `bank`, or empty if the account has no balance by
        bank.
        """
        return bank if self.accounts[account].by_bank else ""

    def fitting(self, break_class: str, difference: int) -> tuple[Resolution, ...]:
        """The resolutions that fit a break of this class and difference (fen), in the file's order."""
        return tuple(
            resolution for resolution in self.resolutions.values() if resolution.fits(break_class, difference)
        )


def sign_of(difference: int) -> Sign:
    """The sign of a difference in fen, as chart.toml writes it."""
    if difference == 0:
        return "0"
    return "+" if difference > 0 else "-"


def shipped() -> Chart:
    """The chart that is installed with the office. Raises ChartError if it is not in order."""
    return parse(files("office.accounting").joinpath("chart.toml").read_bytes().decode())


def lines_of(chart: Chart) -> dict[str, str]:
    """Return the chart as lines, values by names: the database stores them, its triggers and the audit read
    them.

    The line `end <resolution> <class> <sign>` has the counter account of a break that ends so: `product` is
    the account of the bank's processing code, `our_product` that of our processing code.
    """
    lines = {
        "currency": chart.currency,
        "clearing": chart.clearing,
        "long": chart.long,
        "short": chart.short,
        "deposit": chart.deposit,
        "fee": chart.fee,
    }
    for code, account in chart.accounts.items():
        lines |= {f"name {code}": f"{account.zh} {account.en}", f"kind {code}": account.kind}
        lines |= {f"normal {code}": account.normal, f"by_bank {code}": str(int(account.by_bank))}
    for code, account_code in chart.products.items():
        lines[f"product {code}"] = account_code
    for name, resolution in chart.resolutions.items():
        lines[f"words {name}"] = f"{resolution.zh} {resolution.en}"
        for break_class in resolution.classes:
            for sign in resolution.signs:
                lines[f"end {name} {break_class} {sign}"] = resolution.counter
    return lines


def parse(source: str, file: str = "chart.toml") -> Chart:
    """Return the chart that a file's text describes. Raises ChartError, which names the file, each wrong
    key and the reason.
    """
    try:
        content = _File.model_validate(read_toml(source))
    except tomllib.TOMLDecodeError as error:
        raise ChartError(file, (("", Sentence("not TOML: {error}", error=error)),)) from error
    except ValidationError as error:
        details = error.errors()
        faults = tuple((".".join(map(str, detail["loc"])), reason_of(detail)) for detail in details)
        raise ChartError(file, faults) from None
    if faults := tuple(_faults(content)):
        raise ChartError(file, faults)
    accounts = {code: Account(code, **dict(row)) for code, row in content.accounts.items()}
    resolutions = {name: Resolution(name, **dict(row)) for name, row in content.resolutions.items()}
    return Chart(
        content.currency,
        MappingProxyType(accounts),
        content.day.clearing,
        content.day.long,
        content.day.short,
        content.statement.deposit,
        content.statement.fee,
        MappingProxyType(dict(content.products)),
        MappingProxyType(resolutions),
    )


class _Section(BaseModel):
    """A part of the file: types are strict, and an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


_Words = Annotated[str, Field(min_length=1, max_length=60)]
_Class = Annotated[BreakClass, Field(strict=False)]


class _Account(_Section):
    zh: _Words
    en: _Words
    kind: AccountKind
    normal: Side
    by_bank: bool = False


class _Day(_Section):
    clearing: str
    long: str
    short: str


class _Statement(_Section):
    deposit: str
    fee: str


class _Resolution(_Section):
    zh: _Words
    en: _Words
    classes: Annotated[tuple[_Class, ...], Field(min_length=1, strict=False)]
    signs: Annotated[tuple[Sign, ...], Field(min_length=1, strict=False)]
    counter: str


class _File(_Section):
    currency: Annotated[str, Field(pattern=r"^[0-9]{3}$")]
    accounts: dict[str, _Account]
    day: _Day
    statement: _Statement
    products: dict[str, str]
    resolutions: dict[str, _Resolution]


_Fault: TypeAlias = tuple[str, str]
"""A key, and what is wrong with its value."""


def _faults(content: _File) -> Iterator[_Fault]:
    """The faults that each entry by itself does not show."""
    yield from _account_faults(content)
    yield from _day_faults(content)
    yield from _statement_faults(content)
    yield from _product_faults(content)
    yield from _resolution_faults(content)
    yield from _endless_faults(content)


def _account_faults(content: _File) -> Iterator[_Fault]:
    for code in content.accounts:
        if not _CODE.fullmatch(code):
            yield f"accounts.{code}", Sentence("a code is 4, 6 or 8 digits")


def _day_faults(content: _File) -> Iterator[_Fault]:
    """The accounts of the day: each has the kind of its sign and keeps balances by bank, and they are three
    different accounts, so that suspense holds open breaks and nothing else.
    """
    codes = dict(content.day)
    for use, code in codes.items():
        key, account = f"day.{use}", content.accounts.get(code)
        if account is None:
            yield key, Sentence("no account {account}", account=code)
        elif account.kind != _DAY_KINDS[use] or not account.by_bank:
            yield key, Sentence("{code} must be of kind {kind}, by bank", code=code, kind=_DAY_KINDS[use])
    if len(set(codes.values())) < len(codes):
        yield "day", Sentence("clearing, long and short must be three accounts")


def _statement_faults(content: _File) -> Iterator[_Fault]:
    """The accounts of a statement: the deposits keep a balance by bank, the fees are an expense, and neither
    is an account of the day.
    """
    for use, (kind, by_bank) in {"deposit": ("asset", True), "fee": ("expense", False)}.items():
        code = dict(content.statement)[use]
        key, account = f"statement.{use}", content.accounts.get(code)
        if account is None:
            yield key, Sentence("no account {account}", account=code)
        elif (account.kind, account.by_bank) != (kind, by_bank):
            yield (
                key,
                Sentence("{code} must be of kind {kind}, by bank", code=code, kind=kind)
                if by_bank
                else Sentence("{code} must be of kind {kind}, not by bank", code=code, kind=kind),
            )
        elif code in dict(content.day).values():
            yield key, Sentence("{account} is kept for the day's clearing and suspense", account=code)


def _product_faults(content: _File) -> Iterator[_Fault]:
    """Every processing code that moves money has its account, and no other code has one."""
    for code in KINDS:
        if code not in content.products:
            yield f"products.{code}", Sentence("missing: money of this processing code would have no account")
    for code, account in content.products.items():
        key = f"products.{code}"
        if code not in KINDS:
            yield (
                key,
                Sentence(
                    "no processing code that moves money; there are {codes}", codes=listed(tuple(KINDS))
                ),
            )
        if account not in content.accounts:
            yield key, Sentence("no account {account}", account=account)
        elif account in dict(content.day).values():
            yield key, Sentence("{account} is kept for the day's clearing and suspense", account=account)


def _resolution_faults(content: _File) -> Iterator[_Fault]:
    for name, resolution in content.resolutions.items():
        key, counter = f"resolutions.{name}", resolution.counter
        if not _NAME.fullmatch(name) or name == _REFUSED:
            yield (
                key,
                Sentence(
                    "a name is 1 to 32 of a-z and _, begins with a letter, and is not {name}", name=_REFUSED
                ),
            )
        if (counter == NONE) != (resolution.signs == ("0",)):
            yield f"{key}.counter", Sentence('none goes with signs = ["0"] and with no others')
        if counter in (content.day.long, content.day.short):
            yield f"{key}.counter", Sentence("{account} is where the break lies already", account=counter)
        elif counter not in (PRODUCT, OUR_PRODUCT, NONE) and counter not in content.accounts:
            yield (
                f"{key}.counter",
                Sentence("no account {account}, nor product, our_product, none", account=counter),
            )


def _endless_faults(content: _File) -> Iterator[_Fault]:
    """Every class and sign has a resolution; otherwise such a break could never end."""
    for break_class in BreakClass:
        for sign in get_args(Sign):
            resolutions = content.resolutions.values()
            if not any(break_class in row.classes and sign in row.signs for row in resolutions):
                yield (
                    "resolutions",
                    Sentence("none fits a break of class {cls} and sign {sign}", cls=break_class, sign=sign),
                )
