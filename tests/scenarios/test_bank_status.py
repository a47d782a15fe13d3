"""`qianzhi bank test` asks the machine that serves: what it says of a bank is what it does with it."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from fep.doctor.bankcheck import BankProbe, could_connect
from fep.doctor.finding import Verdict
from fep.doctor.machine import Machine as Looked
from fep.operator.control_client import ask
from fep.settings.config import load_settings
from tests.support.builders import BANK
from tests.support.machine import Machine, load_front_book, write_settings


def told(config: Path, address: str = "127.0.0.1") -> list[tuple[Verdict, str]]:
    """What the step of the machine found, with the settings' file as it is now."""
    settings = load_settings(config)
    entry = next(bank for bank in settings.bank if bank.code == BANK)
    looked = Looked(config, datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC))
    findings = could_connect(looked, settings, BankProbe(entry, ip_address(address)))
    return [(finding.verdict, finding.said) for finding in findings if finding.check == "machine"]


def test_a_file_that_is_newer_than_what_is_served_does_not_hide_what_is_served(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db", networks='["127.0.0.1"]')
    load_front_book(settings)
    config = tmp_path / "qianzhi.toml"
    machine = Machine(settings)
    try:
        assert told(config) == [
            (Verdict.OK, "it lets 127.0.0.1 in; no link; not seen since the machine began")
        ]
        with machine.signed_on():
            [(verdict, wording)] = told(config)
            assert (verdict, wording.rpartition(" last seen ")[0]) == (
                Verdict.OK,
                "it lets 127.0.0.1 in; 1 signed on;",
            )
        config.write_text(config.read_text().replace('["127.0.0.1"]', '["127.0.0.1", "127.0.0.9"]'))
        why = "it refuses 127.0.0.9 now: the address is not on the allowlist"
        assert told(config, "127.0.0.9")[0] == (Verdict.BAD, why)
        ask(Path(settings.node.control), "reload")
        assert told(config, "127.0.0.9")[0][0] is Verdict.OK
    finally:
        machine.stop()
    assert told(config)[0][0] is Verdict.SKIPPED
