"""A hunt runs from the corpus and says what it tried; a crash is a file, with the command that repeats it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import fuzz.__main__
from fuzz.__main__ import main
from fuzz.corpus import inputs
from fuzz.errors import Defect
from fuzz.hunt import Plan, hunt

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python or machine"
)
PLAN = Plan(seconds=0, seed=1, inputs=300)
PLANTED = """
import sys
from fuzz import engine, wire
from protocol.framing import FrameReader
def feed(reader, data): raise KeyError("planted")
FrameReader.feed = feed
engine.main(sys.argv[1:])
"""


@needs_atheris
def test_a_hunt_that_finds_nothing_says_how_much_it_tried(tmp_path: Path) -> None:
    outcome = hunt("framing", PLAN, tmp_path)
    assert (outcome.clean, outcome.tried, outcome.crashes) == (True, 300, ())
    assert outcome.features > outcome.coverage > 20


@needs_atheris
def test_a_crash_is_kept_as_a_file(tmp_path: Path) -> None:
    outcome = hunt("framing", PLAN, tmp_path, (sys.executable, "-c", PLANTED))
    assert (outcome.clean, len(outcome.crashes)) == (False, 1)
    [crash] = outcome.crashes
    assert crash.parent == tmp_path / "crashes"
    assert crash.name.startswith("framing-crash-")
    assert "KeyError: 'planted'" in (tmp_path / "framing.log").read_text(encoding="utf-8")


def test_a_crash_is_told_with_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crash = Path("var/fuzz/crashes/framing-crash-1")
    monkeypatch.setattr(fuzz.__main__, "hunt", lambda *_: fuzz.hunt.HuntResult(9, 1, 2, (crash,), 77))
    monkeypatch.setattr(fuzz.__main__.importlib.util, "find_spec", lambda _: object())
    assert main(["framing", "--seed", "5"]) == 1
    output = capsys.readouterr().out
    assert output.startswith("framing: seed 5, 9 inputs, 1 edges, 2 features, 1 found\n")
    assert f"-m fuzz framing --repeat {crash}\n" in output


def test_an_engine_that_fails_without_a_crash_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz.__main__, "hunt", lambda *_: fuzz.hunt.HuntResult(0, 0, 0, (), 1))
    monkeypatch.setattr(fuzz.__main__.importlib.util, "find_spec", lambda _: object())
    assert main(["framing"]) == 1
    assert "the engine ended with 1" in capsys.readouterr().out


def test_one_input_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "framing-crash-1"
    file.write_bytes(inputs("framing")["2be.hex"])
    assert main(["framing", "--repeat", str(file)]) == 0

    def defect(_: bytes) -> None:
        raise Defect("planted")

    monkeypatch.setattr(fuzz.__main__, "TARGETS", {"framing": defect})
    with pytest.raises(Defect, match="planted"):
        main(["framing", "--repeat", str(file)])


def test_without_the_fuzzer_it_says_so_and_does_not_succeed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz.__main__.importlib.util, "find_spec", lambda _: None)
    assert main(["framing"]) == 2
    assert "atheris is not installed" in capsys.readouterr().out
