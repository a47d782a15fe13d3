"""The volume in `samples` is what the program makes today, and is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.volume.carried import verify
from archive.volume.names import files_below
from tests.support.bag_validator import bag_fault
from tests.support.sample_volume import ESCROW, FOLDER, escrow, write

REMAKE = "run `python -m tests.support.sample_volume`, and see what the page on reading a volume prints"


def test_sample_is_what_would_be_made(tmp_path: Path) -> None:
    write(tmp_path)
    made = {path: (tmp_path / path).read_bytes() for path in files_below(tmp_path)}
    assert {path: (FOLDER / path).read_bytes() for path in files_below(FOLDER)} == made, REMAKE
    assert ESCROW.read_text(encoding="utf-8") == escrow(), REMAKE


def test_sample_is_a_good_volume(capsys: pytest.CaptureFixture[str]) -> None:
    assert bag_fault(FOLDER) == ""
    assert verify.main([str(FOLDER)]) == 0, capsys.readouterr().out
