"""`python -m fuzz`: fuzz one target or all, or run one input again.

python -m fuzz framing --seconds 60
python -m fuzz all --seconds 5
python -m fuzz framing --repeat var/fuzz/crashes/framing-crash-...
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from random import SystemRandom

from fuzz.corpus import bytes_of
from fuzz.hunt import Plan, hunt
from fuzz.limits import weighed
from fuzz.targets import TARGETS

_FOLDER = Path("var/fuzz")
_SEEDS = 2**31 - 1


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments ask; the exit code is 1 where anything was found."""
    asked = _parser().parse_args(arguments)
    if asked.repeat is not None:
        weighed(TARGETS[asked.target], bytes_of(asked.repeat))
        print(f"{asked.target}: {asked.repeat} is as it should be")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: it has wheels for CPython 3.11 to 3.14 on Linux, x86-64; see")
        print("docs/decisions/0012-fuzzing.md. `make test` runs the corpus and changes of it all the same.")
        return 2
    seed = asked.seed if asked.seed is not None else SystemRandom().randrange(1, _SEEDS)
    names = tuple(TARGETS) if asked.target == "all" else (asked.target,)
    return max([_hunted(name, Plan(asked.seconds, seed, asked.inputs)) for name in names])


def _hunted(target: str, plan: Plan) -> int:
    """Fuzz one target and say what came of it."""
    found = hunt(target, plan, _FOLDER)
    print(
        f"{target}: seed {plan.seed}, {found.tried} inputs, {found.coverage} edges,"
        f" {found.features} features, {len(found.crashes)} found",
        flush=True,
    )
    for crash in found.crashes:
        print(f"  {sys.executable} -m fuzz {target} --repeat {crash}")
    if not found.clean and not found.crashes:
        print(f"  the engine ended with {found.ended}; see {_FOLDER / target}.log")
    return 0 if found.clean else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m fuzz", description="Fuzz what reads bytes from outside.")
    parser.add_argument("target", choices=(*TARGETS, "all"))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--inputs", type=int, default=0, help="stop after so many inputs instead")
    parser.add_argument("--seed", type=int, help="to look the same way again  [default: a new one, printed]")
    parser.add_argument("--repeat", type=Path, help="run this one input again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
