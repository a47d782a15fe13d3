"""A close over real files: what it says of the folder, and the file that it leaves for monitoring."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from console.closing import StepsWait, metrics_file
from console.main import cli
from simulators.days.discrepancies import Counts
from tests.support.closing_days import BANKS, LAYOUTS, SEALER, World


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


@pytest.fixture
def office(tmp_path: Path) -> tuple[Path, str]:
    """An office whose banks have left a good file, one with a BOM, and one under a name in capitals; beside
    them lie a note and a folder. The settings, and the date.
    """
    world = World(f"sqlite:///{tmp_path}/front.db", f"sqlite:///{tmp_path}/office.db", seed=3, policies=60)
    world.days.trade(6)
    date = world.days.cut_over().date
    world.leave_files(date, Counts())
    world.close_world()
    folder = tmp_path / "bankfiles"
    (folder / "old").mkdir(parents=True)
    (folder / "note").write_text("x", encoding="utf-8")
    for place, name in enumerate(
        (f"{BANKS[0]}.{date}.txt", f"{BANKS[1]}.{date}.TXT", f"{BANKS[2]}.{date}.txt")
    ):
        data = world.files[BANKS[place], date]
        (folder / name).write_bytes(b"\xef\xbb\xbf" * (place == 2) + data)
    banks = "".join(
        f'[[bank]]\ncode = "{code}"\nname = "{code}"\nlayout = "{name}"\n'
        for code, name in zip(BANKS, LAYOUTS, strict=True)
    )
    head = (
        '[office]\ndatabase = "sqlite:///office.db"\nfront = "sqlite:///front.db"\nmetrics = "office.prom"\n'
    )
    config = tmp_path / "office.toml"
    config.write_text(f'{head}seal_key = "{SEALER.public}"\n{banks}', encoding="utf-8")
    return config, date


@pytest.mark.slow
def test_a_close_posts_the_good_file_and_names_all_that_it_leaves(office: tuple[Path, str]) -> None:
    config, date = office
    done = CliRunner().invoke(cli, ["office", "close", "--config", str(config)])
    lines = done.output.splitlines()
    assert done.exit_code == StepsWait.exit_code == 3
    assert [line for line in lines if line.startswith(f"{date} {BANKS[0]} post done: ")]
    assert f"{date} {BANKS[1]} file waits: the bank's file is not there yet" in lines
    (refused,) = [line for line in lines if line.startswith(f"{date} {BANKS[2]} file waits: ")]
    assert "begins with a UTF-8 byte order mark (BOM), where the layout has utf-8 text" in refused
    assert [line for line in lines if line.startswith("left ")] == [
        f"left {BANKS[1]}.{date}.TXT: is to be named {BANKS[1]}.{date}.txt",
        "left note: is not named <bank>.<date>.txt",
        "left old: is a folder, and no day file",
    ]
    figures = config.with_name("office.prom").read_text(encoding="utf-8").splitlines()
    assert f'qianzhi_office_files_refused{{bank="{BANKS[2]}"}} 1' in figures
    assert f'qianzhi_office_files_refused{{bank="{BANKS[0]}"}} 0' in figures
    assert "qianzhi_office_left_names 3" in figures
    config.with_name("office.db").write_bytes(b"no database")
    assert CliRunner().invoke(cli, ["office", "close", "--config", str(config)]).exit_code == 1
    assert "qianzhi_office_close_failed 1" in config.with_name("office.prom").read_text(encoding="utf-8")
