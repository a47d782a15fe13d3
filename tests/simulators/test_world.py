"""The deterministic world: one seed is one run, the seeds hold, and what is wrong is found."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from random import Random, SystemRandom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.break_classes import BreakClass
from ledger.rules.numbering import receipt_number
from office.accounting import chart
from protocol.codec import Codec
from protocol.errors import DecodeError
from protocol.framing import SHIPPED
from protocol.message import Message
from simulators.world import fixture as world_fixture
from simulators.world import misconduct
from simulators.world.accounts import ENDS, Break, fits
from simulators.world.cli import Verdict, describe, main, run_many, summed_up
from simulators.world.conversation import Conversation, Question
from simulators.world.fixture import (
    DATES,
    Fixture,
    Remembering,
    agreed,
    in_memory,
    permitted_otherwise,
    prepare,
)
from simulators.world.hunt import CONTROL, HuntResult, hunt, table
from simulators.world.mutations import MUTATIONS, Mutation, stale
from simulators.world.oracle import meant
from simulators.world.plan import draw
from simulators.world.reading import Ask
from simulators.world.rules import receipt
from simulators.world.run import RunResult, run_seed
from tests.support.python_sources import PACKAGES

ROOT = Path(__file__).resolve().parent.parent.parent
JUDGES = (
    "budget",
    "reading",
    "rules",
    "stamps",
    "trouble",
    "conversation",
    "answer_check",
    "oracle",
    "observer",
    "accounts",
)
MAY_IMPORT = ("protocol", *(f"simulators.world.{name}" for name in JUDGES))
CHUNK, FIXED = 10, 40
SOME_OFFICE = range(7, 14)
"""Seeds of which some end with the office's close."""
FRESH_SECONDS = 10


@pytest.fixture(scope="module")
def fixture() -> Iterator[Fixture]:
    with in_memory() as within:
        yield prepare(within)


def failing(outcome: RunResult) -> str:
    return f"seed {outcome.seed}: {outcome.violations[0]}" if outcome.violations else ""


def test_one_seed_is_one_run(fixture: Fixture) -> None:
    first, again = run_seed(3, fixture), run_seed(3, fixture)
    assert (first.digest, first.judged, first.violations) == (again.digest, again.judged, ())


def test_another_seed_is_another_run(fixture: Fixture) -> None:
    assert run_seed(3, fixture).digest != run_seed(4, fixture).digest


def test_a_run_takes_nothing_from_those_before_it(fixture: Fixture) -> None:
    forth = {seed: run_seed(seed, fixture).digest for seed in SOME_OFFICE}
    back = {seed: run_seed(seed, fixture).digest for seed in reversed(SOME_OFFICE)}
    assert forth == back
    assert {draw(seed).office for seed in SOME_OFFICE} == {True, False}


def test_a_copy_of_a_book_has_nothing_of_the_run_before(fixture: Fixture) -> None:
    names = [f"{fixture.database.name}{end}" for end in ("", "-wal", "-shm")]
    for name in names:
        (fixture.folder / name).write_bytes(b"left")
    fixture.fresh(fixture.database, DATES[0])
    assert [name for name in names if (fixture.folder / name).exists()] == names[:1]
    assert fixture.database.read_bytes() == fixture.template(fixture.database, DATES[0]).read_bytes()


def decoded(codec: Codec, body: bytes) -> Message | str:
    try:
        return codec.decode(body)
    except DecodeError as error:
        return str(error)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99))), st.integers(1, 3))
def test_what_was_decoded_before_is_what_the_codec_says(sent: list[tuple[int, int]], room: int) -> None:
    terms = agreed(Random(1), 1)[0]
    plain, remembering = Codec(terms.codec.dialect), Remembering(terms.codec.dialect, room)
    for stan, cut in sent:
        fields = {7: "1124215900", 11: f"{stan:06d}", 32: terms.code, 70: "301"}
        body = plain.encode(Message("0800", fields))[: cut or None]
        assert decoded(remembering, body) == decoded(plain, body)


def test_one_seed_is_one_run_in_whatever_order_a_process_hashes() -> None:
    program = (
        "from simulators.world.fixture import in_memory, prepare\n"
        "from simulators.world.run import run_seed\n"
        "with in_memory() as within:\n"
        "    ground = prepare(within)\n"
        f"    print(*(run_seed(seed, ground).digest for seed in {SOME_OFFICE}))\n"
    )
    digests = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        digests.append(done.stdout)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("first", range(0, FIXED, CHUNK))
def test_fixed_seeds_hold(fixture: Fixture, first: int) -> None:
    failed = [failing(run_seed(seed, fixture)) for seed in range(first, first + CHUNK)]
    assert [text for text in failed if text] == []


def test_a_day_holds_in_each_dialect_of_a_network_and_in_its_framing(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = ("unionpay-pos", "cups", "iso93-ascii", "ebcdic-packed")
    banks = tuple(
        (bank[0], dialect if dialect in SHIPPED else bank[1], dialect, *bank[3:])
        for bank, dialect in zip(world_fixture._BANKS, networks, strict=True)
    )
    monkeypatch.setattr(world_fixture, "_BANKS", banks)
    seeds = range(2_000, 2_004)
    spoken = {bank.dialect for seed in seeds for bank in draw(seed).banks}
    assert (spoken, [failing(run_seed(seed, fixture)) for seed in seeds]) == (
        set(networks),
        [""] * len(seeds),
    )


def test_fresh_seeds_hold() -> None:
    begin = 10**9 + SystemRandom().randrange(10**9)
    verdicts = list(run_many(range(begin, begin + 10**6), 1, FRESH_SECONDS))
    failed = [(verdict.seed, verdict.violations) for verdict in verdicts if verdict.violations]
    assert failed == [], f"repeat with python -m simulators.world --seed {failed[0][0]} --trace"
    assert sum(verdict.judged for verdict in verdicts) > 0


def test_every_branch_of_the_oracles_rules_is_reached_by_the_seeds_that_were_chosen_for_it() -> None:
    command = [sys.executable, "-m", "tests.support.oracle_branches"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [], "choose them anew: python -m tests.support.oracle_branches 0 599"


def test_what_judges_imports_nothing_of_what_it_judges() -> None:
    imported = []
    for name in JUDGES:
        tree = ast.parse((ROOT / f"simulators/world/{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                allowed = module.startswith("protocol.") or module in MAY_IMPORT
                if module.partition(".")[0] in PACKAGES and not allowed:
                    imported.append(f"{name} imports {module}")
    assert imported == []


def test_a_mutations_text_stands_once_in_its_module() -> None:
    assert stale() == []


def test_mutations_have_names_of_their_own() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


FOUND_SOON = (
    "answered before the commit",
    "a reversal acts twice",
    "a wrong MAC passes",
    "the cut-over seals one entry too few",
)
"""Deliberate bugs that a few seeds find, each in another place; the hunt of all takes long."""


def test_deliberate_bugs_are_found_and_nothing_without_them() -> None:
    only = [argument for name in FOUND_SOON for argument in ("--only", name)]
    command = [sys.executable, "-m", "simulators.world.hunt", *only, "--seeds", "15", "--jobs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "4 of 4 found"), done.stderr


@pytest.mark.parametrize(
    ("times", "expected"),
    [(1, (2, "a", 2.0, 0.5)), (2, (2, "a", 2.5, 0.625)), (3, (2, "a", 3.0, 0.75))],
)
def test_a_bug_is_looked_for_so_many_times(
    times: int, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    violations = {2: "a", 5: "b"}
    verdicts = [
        Verdict(seed, tuple(filter(None, [violations.get(seed)])), 1, 1.0, 0.25) for seed in range(1, 7)
    ]
    monkeypatch.setattr("simulators.world.cli.run_here", lambda _seeds: iter(verdicts))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    assert hunt(CONTROL, 6, times) == HuntResult(CONTROL, *expected)


def test_many_seeds_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = [Verdict(1, (), 10, 1800.0, 0.25), Verdict(2, ("1.000 s: wrong",), 20, 1800.0, 0.75)]
    assert summed_up(verdicts, keep_going=True) == 1
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("2 seeds, 1 failed, 30 answers judged, 1.0 virtual hours; ")
    assert last.endswith(", 500.0 ms of CPU each")


def test_a_bug_that_was_not_found_is_told_so() -> None:
    mutation = Mutation("name", "module", "old", "new")
    assert table([HuntResult(mutation, 0, "")]).splitlines()[-1] == "| name | `module` | not found |  |"


def test_each_run_has_some_of_what_may_happen_and_none_has_all() -> None:
    plans = [draw(seed) for seed in range(200)]
    for chance in ("kills", "stops", "cutovers", "loads", "office", "fault_chance", "hour", "reloads"):
        assert {bool(getattr(plan, chance)) for plan in plans} == {True, False}, chance
    assert {name for plan in plans for name in plan.acts} == set(misconduct.MISDEEDS)


def test_a_reload_changes_what_banks_may_do_and_no_limit_of_the_day() -> None:
    random = Random(1)
    for _ in range(20):
        before = agreed(random, 3)
        after = permitted_otherwise(random, before)
        kept = [(bank.code, bank.port, bank.dialect, bank.mac, bank.zmk, bank.limit_day) for bank in before]
        assert [
            (bank.code, bank.port, bank.dialect, bank.mac, bank.zmk, bank.limit_day) for bank in after
        ] == kept
        assert after != before


@pytest.mark.parametrize("code", ["500000", "260000", "020000", ""])
def test_a_break_may_end_as_the_oracle_has_it(code: str) -> None:
    book = chart.shipped()
    assert set(ENDS) == set(book.resolutions)
    for name, resolution in book.resolutions.items():
        for cls, difference in product(BreakClass, (-7, 0, 7)):
            has_account = resolution.counter not in ("product", "our_product") or code in book.products
            fitting = resolution.fits(cls, difference) and has_account
            assert fits(Break("B", "104", "key", cls, code, difference), name) == fitting, (name, cls)


@pytest.mark.parametrize(
    ("faults", "response", "exception_code", "place"),
    [
        (("", "58"), "58", "", 1),
        (("", "58"), "00", "", 0),
        (("58", ""), "12", "", 1),
        (("58", ""), "00", "58", 0),
        (("57", "58"), "58", "", 1),
        (("", ""), "00", "", 0),
    ],
)
def test_an_entry_was_made_for_the_question_whose_permission_it_shows(
    faults: tuple[str, ...], response: str, exception_code: str, place: int
) -> None:
    questions = [asked(fault) for fault in faults]
    assert meant(questions, {"response": response, "exception_code": exception_code}) is questions[place]
    assert meant([], {"response": response, "exception_code": exception_code}) is None


def asked(fault: str) -> Question:
    terms = agreed(Random(1), 1)[0]
    link = Conversation(1, terms, lambda _: None, lambda: date(2026, 11, 24))
    return Question(link, (), b"", Message("0200", {}), Ask("0200", terms.code, fault=fault), 0.0, 0, None)


def test_the_oracles_receipt_numbers_are_the_ledgers() -> None:
    positions = [*range(1, 500), 9_999_999_999]
    own = [receipt("20261124", position) for position in positions]
    assert own == [receipt_number("20261124", 1, position) for position in positions]


def test_a_run_can_be_read(fixture: Fixture) -> None:
    lines = list(describe(run_seed(3, fixture)))
    assert any("machine got: 0800" in line for line in lines)
    assert any("machine wrote: 0810" in line for line in lines)


def test_command_tells_a_seed_and_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3"]) == 0
    assert capsys.readouterr().out.startswith("seed 3: digest ")
