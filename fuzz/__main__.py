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
    """Do what the arguments ask and return the exit code: 0, 1 if a defect was found, 2 without atheris."""
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
    """Fuzz one target, print the result, and return 0, or 1 if the hunt found a crash or was cut short."""
    result = hunt(target, plan, _FOLDER)
    print(
        f"{target}: seed {plan.seed}, {result.tried} inputs, {result.coverage} edges,"
        f" {result.features} features, {len(result.crashes)} found",
        flush=True,
    )
    for crash in result.crashes:
        print(f"  {sys.executable} -m fuzz {target} --repeat {crash}")
    if not result.clean and not result.crashes:
        print(f"  the engine ended with {result.ended}; see {_FOLDER / target}.log")
    return 0 if result.clean else 1


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
