"""The commands of the firewall, with an nft that only remembers; and what their settings may say."""

from __future__ import annotations

import hashlib
import io
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console import firewall
from console.audit_entry import NotRecorded
from fep.operator.identity import at_keyboard
from fep.settings.config import load_settings
from firewall_rules.errors import NftError
from firewall_rules.nftables import REMOVAL
from ledger.book.store import Store
from ledger.errors import BookInUse
from ledger.files.settings import SettingsError
from tests.support.firewall_policies import firewall_settings
from tests.support.machine import records
from tests.support.time_zones import ELSEWHERE, in_zone


class Remembering:
    """An nft with one table."""

    def __init__(self) -> None:
        self.loaded: str | None = None

    def check(self, text: str) -> None:
        if "drop" not in text:
            raise NftError("no")

    def load(self, text: str) -> None:
        self.loaded = text.removeprefix(REMOVAL) or None

    def listed(self) -> str | None:
        return self.loaded


@pytest.fixture
def nft(monkeypatch: pytest.MonkeyPatch) -> Remembering:
    fake = Remembering()
    monkeypatch.setattr(firewall, "Nft", lambda: fake)
    return fake


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return firewall_settings(tmp_path)


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(firewall.firewall, [*arguments, "--config", str(config)])


def test_what_is_rendered_is_what_is_applied(nft: Remembering, config: Path, tmp_path: Path) -> None:
    rendered = run(config, "render").output
    assert run(config, "check").output == "nft would take these rules\n"
    assert nft.loaded is None
    assert run(config, "diff").exit_code == 1
    nft.load(rendered)
    assert run(config, "diff").output == "the loaded rules are those of the settings\n"
    assert rendered == REMOVAL + (nft.loaded or "")


def test_a_banks_hours_are_rendered_as_beijings_in_whatever_zone_the_host_is(config: Path) -> None:
    """06:00 to 23:30 in Beijing is 22:00 to 15:30 UTC: closed from 55,800 to 79,199 s of the day."""
    text = config.read_text()
    config.write_text(text.replace('mac = "aes-cmac"', 'mac = "aes-cmac"\nhours = "06:00-23:30"', 1))
    rendered = set()
    for zone in ELSEWHERE:
        with in_zone(zone):
            rendered.add(run(config, "render").output)
    assert len(rendered) == 1
    assert "meta hour 55800-79199" in rendered.pop()


def test_a_changed_setting_is_a_difference(nft: Remembering, config: Path) -> None:
    nft.load(run(config, "render").output)
    config.write_text(config.read_text().replace("[22]", "[22, 2222]"))
    result = run(config, "diff")
    assert result.exit_code == 1
    assert "+chain input: tcp dport { 22, 2222 } ip saddr @inside_ip accept" in result.output


def test_a_file_confirms(
    nft: Remembering, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waited: list[tuple[Path, float]] = []
    monkeypatch.setattr(firewall, "appears", lambda path, seconds: not waited.append((path, seconds)))
    path = tmp_path / "confirm"
    done = run(config, "apply", "--confirm-file", str(path), "--seconds", "30")
    assert (done.exit_code, waited) == (0, [(path, 30)])
    assert nft.loaded == run(config, "render").output.removeprefix(REMOVAL)


def test_a_file_that_is_there_already_confirms_nothing(nft: Remembering, config: Path) -> None:
    done = run(config, "apply", "--confirm-file", str(config))
    assert (done.exit_code, nft.loaded) == (1, None)
    assert "there already" in done.output


def test_a_table_that_was_loaded_before_is_back_when_nobody_confirms(nft: Remembering, config: Path) -> None:
    nft.loaded = before = run(config, "render").output.replace("2222", "22").removeprefix(REMOVAL)
    done = run(config, "apply", "--confirm-file", str(config.with_name("never")), "--seconds", "0")
    assert (done.exit_code, nft.loaded) == (1, before)
    assert "hold again" in done.output


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_lost_terminal_ends_in_the_old_rules(
    nft: Remembering, config: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    nft.loaded = before = "table inet qianzhi {\n}\n"
    handler = signal.getsignal(number)
    monkeypatch.setattr(firewall, "appears", lambda *_: os.kill(os.getpid(), number))
    done = run(config, "apply", "--confirm-file", str(config.with_name("never")))
    assert number.name in str(done.exception)
    assert nft.loaded == before
    assert signal.getsignal(number) == handler


# The audit log.


@pytest.fixture
def digest(nft: Remembering, config: Path) -> str:
    """Of the rules that the settings ask for."""
    return hashlib.sha256(run(config, "render").output.encode()).hexdigest()


def of_me(digest: str, *acts: tuple[str, str]) -> list[tuple[str, ...]]:
    return [(at_keyboard(), f"firewall {act}", digest, note) for act, note in acts]


def test_rules_that_were_kept_are_written_down_step_by_step(
    nft: Remembering, config: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firewall, "appears", lambda *_: records(config) == of_me(digest, ("apply", "asked")))
    assert run(config, "apply", "--confirm-file", str(config.with_name("never"))).exit_code == 0
    assert records(config) == of_me(digest, ("apply", "asked"), ("confirm", "asked"), ("apply", "done"))


def test_rules_that_were_taken_back_are_written_down_as_that(
    nft: Remembering, config: Path, digest: str
) -> None:
    run(config, "apply", "--confirm-file", str(config.with_name("never")), "--seconds", "0")
    assert records(config) == of_me(
        digest, ("apply", "asked"), ("rollback", "done"), ("apply", "failed: error NotConfirmed")
    )


def test_rules_are_not_loaded_if_it_cannot_be_written_down(nft: Remembering, config: Path) -> None:
    store = Store(load_settings(config).node.database)  # another process has the book
    done = run(config, "apply", "--confirm-file", str(config.with_name("never")))
    store.close()
    assert (type(done.exception), nft.loaded) == (NotRecorded, None)


def test_rules_under_which_it_cannot_be_written_down_that_they_stay_do_not_stay(
    nft: Remembering, config: Path, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be just the rules that keep the machine from its database."""
    nft.loaded = before = "table inet qianzhi {\n}\n"
    stores: list[Store] = []

    def cut_off(*_: object) -> bool:
        stores.append(Store(load_settings(config).node.database))
        return True

    monkeypatch.setattr(firewall, "appears", cut_off)
    done = run(config, "apply", "--confirm-file", str(config.with_name("never")))
    stores[0].close()
    assert (type(done.exception), nft.loaded) == (BookInUse, before)
    assert "that this failed could not be written down" in done.output
    assert records(config) == of_me(digest, ("apply", "asked"))


@pytest.mark.parametrize(
    ("good", "bad", "wording"),
    [
        ("inside_ports", "inside_prots", "zones.inside_prots: is no setting; did you mean 'inside_ports'?"),
        ('"10.2.1.0/24"', '"10.2.1.5/24"', "zones.ops: 10.2.1.5/24 has host bits set"),
        ('["10.2.1.0/24"]', '"10.2.1.0/24"', "zones.ops: give a list of networks"),
        ("[22]", "[0]", "zones.inside_ports[0]: Input should be greater than or equal to 1"),
        ("[22]", "[8583]", "zones.inside_ports: 8583 is the port of bank[0]"),
        ("[22]", "[8580]", "zones.inside_ports: 8580 is the status port"),
        ("inside_ports = [22]", "", "zones.inside_ports: is missing"),
        (
            '"10.2.2.0/24"',
            '"10.1.0.0/16"',
            "bank[0].networks: 10.1.0.0/16 of zones.inside would be this bank",
        ),
        ('"10.2.1.0/24"', '"::ffff:10.1.1.0/120"', "bank[0].networks: 10.1.1.0/24 of zones.ops would be"),
        ('host = "10.2.0.1"', "", "status.host: 127.0.0.1 cannot be reached from zones.ops"),
        (
            "[22]",
            '[22]\ndatabases = ["db:5432"]',
            "zones.databases: 'db' does not appear to be an IPv4 or IPv6",
        ),
        ("[22]", '[22]\ndatabases = ["10.2.0.8"]', "zones.databases: '10.2.0.8' is no address and port"),
        ("[22]", '[22]\ndatabases = "10.2.0.8:5432"', "zones.databases: give a list of addresses with ports"),
        (
            "[22]",
            '[22]\ndatabases = ["10.2.0.8:5432"]',
            "zones.databases: is for a front book on another host",
        ),
        ('mac = "aes-cmac"', 'hours = "6-23"', "bank[0].hours: '6-23' are no hours"),
        ('mac = "aes-cmac"', "hours = 6", "bank[0].hours: Input should be"),
        ('mac = "aes-cmac"', "new_links_a_minute = 0", "bank[0].new_links_a_minute: Input should be greater"),
        ('mac = "aes-cmac"', "new_link_a_minute = 9", "did you mean 'new_links_a_minute'?"),
    ],
)
def test_a_mistake_is_named_with_key_and_reason(config: Path, good: str, bad: str, wording: str) -> None:
    text = config.read_text()
    assert good in text
    config.write_text(text.replace(good, bad, 1))
    with pytest.raises(SettingsError) as raised:
        load_settings(config)
    assert any(wording in str(fault) for fault in raised.value.faults), raised.value.faults


POSTGRESQL = "postgresql+psycopg://fep@10.2.0.8/front"
PAIR = "postgresql+psycopg://fep@/front?host=10.2.0.8:5432&host=10.2.0.9:5433&target_session_attrs=read-write"
BOTH = ("10.2.0.8:5432", "10.2.0.9:5433")
SIX = "postgresql+psycopg://fep@/front?host=fd00::8,[fd00::9]:5433"


@pytest.mark.parametrize(
    ("url", "databases", "wording"),
    [
        (POSTGRESQL, (), "zones.databases: is missing: node.database is elsewhere"),
        (POSTGRESQL, ("10.2.0.8:5433",), "zones.databases: has no 10.2.0.8 with port 5432"),
        (POSTGRESQL, ("10.2.0.9:5432",), "zones.databases: has no 10.2.0.8 with port 5432"),
        (
            POSTGRESQL,
            ("10.2.0.8:5432", "10.2.0.9:5432"),
            "zones.databases: has 10.2.0.9 with port 5432; node",
        ),
        (POSTGRESQL.replace("/front", ":x/front"), ("10.2.0.8:5432",), "node.database: is no URL"),
        (
            POSTGRESQL.replace("10.2.0.8", "localhost"),
            ("10.2.0.8:5432",),
            "zones.databases: is for a front book on",
        ),
        (
            POSTGRESQL.replace("10.2.0.8", "db.test"),
            ("10.2.0.8:5433",),
            "zones.databases: has no server with port",
        ),
        (PAIR, (), "zones.databases: is missing: node.database is elsewhere"),
        (PAIR, BOTH[:1], "zones.databases: has no 10.2.0.9 with port 5433, and node.database has"),
        (PAIR, BOTH[1:], "zones.databases: has no 10.2.0.8 with port 5432, and node.database has"),
        (SIX, ("[fd00::8]:5432", "[fd00::9]:5432"), "zones.databases: has no fd00::9 with port 5433"),
        (POSTGRESQL, ("10.2.0.8:5432",), ""),
        (POSTGRESQL.replace("10.2.0.8", "db.test:5433"), ("10.2.0.8:5433",), ""),
        (POSTGRESQL.replace("10.2.0.8", ""), (), ""),
        (PAIR, BOTH, ""),
        ("postgresql+psycopg://fep@/front?host=10.2.0.8,10.2.0.9&port=5432,5433", BOTH, ""),
        (SIX, ("[fd00::8]:5432", "[fd00::9]:5433"), ""),
    ],
)
def test_the_only_ways_out_are_to_the_front_books_servers(
    config: Path, url: str, databases: tuple[str, ...], wording: str
) -> None:
    text = config.read_text().replace("sqlite:///front.db", url)
    config.write_text(text.replace("[22]", f"[22]\ndatabases = {list(databases)}"))
    try:
        load_settings(config).policy()
        faults = ""
    except SettingsError as error:
        faults = str(error)
    assert wording in faults
    assert bool(wording) == bool(faults)


def test_a_port_that_the_system_chooses_has_no_firewall(config: Path) -> None:
    config.write_text(config.read_text().replace("port = 8583", "port = 0"))
    with pytest.raises(SettingsError, match=r"bank\[0\].port: is 0: a firewall needs the port"):
        load_settings(config).policy()


@pytest.mark.parametrize(("typed", "kept"), [("keep\n", True), ("keep", True), ("no\n", False), ("", False)])
def test_only_the_word_confirms(typed: str, kept: bool) -> None:
    assert firewall.is_typed(io.StringIO(typed), 60, lambda _stream, _left: True) == kept


def test_nobody_who_types_is_a_no() -> None:
    waited = []
    assert not firewall.is_typed(io.StringIO("keep\n"), 60, lambda _stream, left: bool(waited.append(left)))
    assert waited == [60]


@pytest.mark.parametrize(("comes_at", "kept"), [(0.0, True), (9.5, True), (10.5, False)])
def test_a_file_confirms_if_it_comes_in_time(tmp_path: Path, comes_at: float, kept: bool) -> None:
    now, path = [0.0], tmp_path / "confirm"

    def sleep(seconds: float) -> None:
        assert seconds > 0
        now[0] += seconds
        if now[0] >= comes_at:
            path.touch()

    if comes_at == 0:
        path.touch()
    assert firewall.appears(path, 10, lambda: now[0], sleep) == kept
    assert now[0] <= 10
