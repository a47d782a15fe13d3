"""An export that is cut short: run again it is whole, the same, and made once."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from console.main import cli
from ledger.book.store import Store
from office.database.schema import export_files, exports
from simulators.days.discrepancies import Counts
from tests.support.closing_days import BANKS, LAYOUTS, SEALER, World


@pytest.fixture
def office(tmp_path: Path) -> tuple[Path, str]:
    """The settings of an office with one posted date, which is to be exported; and the date."""
    world = World(f"sqlite:///{tmp_path}/front.db", f"sqlite:///{tmp_path}/office.db", seed=3, policies=60)
    date, _ = world.one_day(4, Counts())
    world.close_world()
    banks = "".join(
        f'[[bank]]\ncode = "{code}"\nname = "{code}"\nlayout = "{name}"\n'
        for code, name in zip(BANKS, LAYOUTS, strict=True)
    )
    head = '[office]\ndatabase = "sqlite:///office.db"\nfront = "sqlite:///front.db"\n'
    config = tmp_path / "office.toml"
    config.write_text(f'{head}seal_key = "{SEALER.public}"\n{banks}', encoding="utf-8")
    return config, date


def export(config: Path) -> Result:
    return CliRunner().invoke(cli, ["office", "export", "--config", str(config)])


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("moved", [0, 2], ids=["before the first file is moved", "after the second"])
def test_an_export_that_dies_after_its_commit_is_whole_when_it_is_run_again(
    office: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    config, date = office
    folder = config.with_name("exports") / date
    done: list[str] = []

    def killed(path: Path, target: Path) -> Path:
        if len(done) == moved:
            raise KeyboardInterrupt
        done.append(path.name)
        return path.rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        assert export(config).exit_code != 0
    assert len(list(folder.iterdir())) == moved
    store = Store(f"sqlite:///{config.with_name('office.db')}", lock=False, by_index=False)
    with store.reading() as connection:
        made = connection.execute(select(exports)).all()
        kept = {row.name: row.digest for row in connection.execute(select(export_files))}
    again = export(config)
    assert (again.exit_code, "exported again, as it was" in again.output) == (0, True)
    with store.reading() as connection:
        assert connection.execute(select(exports)).all() == made
    store.close()
    assert [row.date for row in made] == [date]
    assert digests(folder) == kept | {"manifest.json": made[0].manifest}
    assert [path.name for path in folder.parent.iterdir()] == [date]
    assert "nothing waits to be exported" in export(config).output


@pytest.mark.slow
def test_what_is_made_for_others_is_read_by_the_office_s_group_and_the_book_by_nobody_else(
    office: tuple[Path, str],
) -> None:
    config, date = office
    config.with_name("office.db").chmod(0o600)
    old = os.umask(0o077)  # as console.main sets it
    try:
        assert export(config).exit_code == 0
        reported = CliRunner().invoke(cli, ["recon", "report", "--config", str(config)])
    finally:
        os.umask(old)
    assert reported.exit_code == 0
    made = [config.with_name("exports") / date, config.with_name("reports")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for folder in made for path in folder.iterdir()}
    assert set(modes.values()) == {0o640}
    folders = [config.with_name("exports"), *made]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o750] * 3
    assert stat.S_IMODE(config.with_name("office.db").stat().st_mode) == 0o600
