"""The file that a close leaves for monitoring."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.closing import metrics_file


def test_the_file_is_left_whole_and_for_all_to_read(tmp_path: Path) -> None:
    path = tmp_path / "office.prom"
    path.write_text("old", encoding="utf-8")
    with metrics_file(str(path)) as leave:
        leave("new\n")
    assert path.read_text(encoding="utf-8") == "new\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["office.prom"]


def test_a_close_that_raises_is_said_to_have_failed(tmp_path: Path) -> None:
    path = tmp_path / "office.prom"
    path.write_text("qianzhi_office_close_failed 0\nqianzhi_office_breaks 7\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), metrics_file(str(path)):
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf-8") == "qianzhi_office_close_failed 1\nqianzhi_office_breaks 7\n"


def test_without_a_name_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with metrics_file("") as leave:
        leave("new\n")
    with pytest.raises(ValueError, match="why"), metrics_file(""):
        raise ValueError("why")
    assert list(tmp_path.iterdir()) == []
