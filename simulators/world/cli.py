"""The command `python -m simulators.world`: run seeds, repeat one, show it.

Options, processes and words for people; what happens in a run, `run` says. Wall time is read here and
nowhere else in the world.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, takewhile
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple

from twisted.logger import globalLogBeginner

from protocol.errors import DecodeError, FrameError
from protocol.framing import FrameReader
from simulators.world.fixture import Fixture, in_memory, prepare
from simulators.world.plan import Plan
from simulators.world.reading import Terms
from simulators.world.run import RunResult, run_seed

_FRESH_FROM = 10**9
_COLLECT_EVERY = 25
_AHEAD = 4
_HEAD = (3, 4, 11, 15, 32, 38, 39, 41, 44, 70, 90)


class Verdict(NamedTuple):
    """What a worker tells of a seed."""

    seed: int
    violations: tuple[str, ...]
    judged: int
    virtual_seconds: float
    cpu_seconds: float


class _Worker:
    """A process's own ground; one run after the other."""

    fixture: Fixture | None = None
    runs = 0


def _silence() -> None:
    """The machine's log is read by the run itself."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)


def _begin(within: Path) -> None:
    _silence()
    gc.disable()  # a run leaves a few thousand objects behind: collected now and then, between two
    _Worker.fixture = prepare(within)


def _judge(seed: int) -> Verdict:
    """Run a seed in this process."""
    if _Worker.fixture is None:
        raise RuntimeError("this process has no ground yet")
    begun = time.process_time()
    try:
        outcome = run_seed(seed, _Worker.fixture)
    except Exception as error:
        raise RuntimeError(f"the run of seed {seed} broke") from error
    _Worker.runs += 1
    if _Worker.runs % _COLLECT_EVERY == 1:
        gc.collect()
    if _Worker.runs == 1:
        gc.freeze()  # what is there after the first run stays, and need not be looked at again
    took = time.process_time() - begun
    return Verdict(seed, outcome.violations, outcome.judged, outcome.virtual_seconds, took)


def run_here(seeds: Iterable[int]) -> Iterator[Verdict]:
    """Run seeds in this process, one after the other."""
    with in_memory() as within:
        _begin(within)
        yield from map(_judge, seeds)


def run_many(seeds: Iterable[int], jobs: int, seconds: float | None = None) -> Iterator[Verdict]:
    """Run seeds in so many processes; after `seconds` no further one is begun."""
    until = None if seconds is None else time.monotonic() + seconds
    in_time = takewhile(lambda _: until is None or time.monotonic() < until, seeds)
    with in_memory() as within, get_context("spawn").Pool(jobs, _begin, (within,)) as pool:
        ahead: deque[AsyncResult[Verdict]] = deque()
        for seed in in_time:
            ahead.append(pool.apply_async(_judge, (seed,)))
            if len(ahead) >= _AHEAD * jobs:
                yield ahead.popleft().get()
        for result in ahead:
            yield result.get()


def describe(outcome: RunResult) -> Iterator[str]:
    """A run, line by line."""
    terms = {bank.port: bank for bank in outcome.plan.banks}
    links: dict[int, Terms] = {}
    readers: dict[tuple[int, str], FrameReader] = {}
    for at, event, number, data in outcome.trace:
        if event == "open" and isinstance(data, str) and isinstance(number, int):
            port = data.removeprefix("port ")
            if port.isdigit() and int(port) in terms:
                links[number] = terms[int(port)]
        if not isinstance(data, bytes):
            yield f"{at:10.4f}  {event} {number} {data}"
        elif isinstance(number, int) and number in links:
            reader = readers.setdefault((number, str(event)), FrameReader(links[number].framing))
            try:
                for frame in reader.feed(data):
                    yield f"{at:10.4f}  link {number} {event}: {_summary(links[number], frame.body)}"
            except FrameError as error:
                yield f"{at:10.4f}  link {number} {event}: no frame: {error}"


def _summary(terms: Terms, body: bytes) -> str:
    try:
        message = terms.codec.decode(body)
    except DecodeError as error:
        return f"{len(body)} bytes that do not decode: {error}"
    shown = " ".join(f"{number}={message.fields[number]}" for number in _HEAD if number in message.fields)
    more = message.fields.get(48, "")
    return f"{message.mti} {shown}{' 48=' + more if len(more) < 60 and more else ''}"


def show_plan(plan: Plan) -> Iterator[str]:
    """A plan, line by line."""
    for name, value in plan._asdict().items():
        text = ", ".join(f"{bank.code} {bank.dialect}" for bank in plan.banks) if name == "banks" else value
        if name == "targets":
            text = ", ".join(target.due for target in plan.targets)
        yield f"  {name}: {text}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.world", description="The deterministic world."
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--seed", type=int, help="run one seed")
    choice.add_argument("--seeds", help="run a range: A..B, both included")
    choice.add_argument("--minutes", type=float, help="run fresh seeds for so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--trace", action="store_true", help="print the whole run (with --seed)")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that fails")
    return parser


def _run_once(seed: int, *, trace: bool) -> int:
    _silence()
    with in_memory() as within:
        outcome = run_seed(seed, prepare(within))
    if trace:
        for line in describe(outcome):
            print(line)
    print(f"seed {seed}: digest {outcome.digest}, {outcome.judged} answers judged")
    print(*show_plan(outcome.plan), sep="\n")
    for violation in outcome.violations:
        print(f"  {len(outcome.trace)} steps, {violation}")
    return 1 if outcome.violations else 0


def summed_up(verdicts: Iterable[Verdict], *, keep_going: bool) -> int:
    """Tell what came of many seeds; 1 if one failed."""
    begun = time.monotonic()
    seeds = judged = failed = 0
    virtual = cpu = 0.0
    for verdict in verdicts:
        seeds += 1
        judged += verdict.judged
        virtual += verdict.virtual_seconds
        cpu += verdict.cpu_seconds
        if verdict.violations:
            failed += 1
            print(f"seed {verdict.seed}: {verdict.violations[0]}")
            print(
                f"  again, with all steps: python -m simulators.world --seed {verdict.seed} --trace",
                flush=True,
            )
            if not keep_going:
                break
    took = time.monotonic() - begun
    pace = f"{seeds / took * 60:.0f} a minute, {cpu / seeds * 1000:.1f} ms of CPU each" if seeds else ""
    print(
        f"{seeds} seeds, {failed} failed, {judged} answers judged, {virtual / 3600:.1f} virtual hours; {pace}"
    )
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = _parser().parse_args(arguments)
    if given.seed is not None:
        return _run_once(given.seed, trace=given.trace)
    if given.seeds:
        first, _, last = given.seeds.partition("..")
        verdicts = run_many(range(int(first), int(last or first) + 1), given.jobs)
    else:
        begin = _FRESH_FROM + SystemRandom().randrange(_FRESH_FROM)
        print(f"fresh seeds from {begin}")
        verdicts = run_many(count(begin), given.jobs, (given.minutes or 1.0) * 60)
    return summed_up(verdicts, keep_going=given.keep_going)
