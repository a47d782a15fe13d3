"""The systemd units: in order, as tight as they are said to be, and no tighter than the program can bear."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
SERVICES = ("qianzhi-fep.service", "qianzhi-office.service")
EXPOSURE_MAX = {"qianzhi-fep.service": 14, "qianzhi-office.service": 10}
"""Tenths, as `systemd-analyze security` of systemd 252 counts; docs/hardening.md says what the rest is."""
INSTALLED = "/usr/bin/qianzhi"

EVERY = pytest.mark.parametrize("unit", SERVICES)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


def settings(unit: str) -> list[tuple[str, str]]:
    lines = (DEPLOY / unit).read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return [(key, value) for key, _, value in pairs]


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )


@needs_systemd
@EVERY
def test_exposure_is_what_the_documentation_says(unit: str) -> None:
    output = analyzed("security", "--offline=true", str(DEPLOY / unit)).stdout
    match = re.search(r"exposure level for \S+: (\d+)\.(\d)", output)
    assert match is not None, output
    assert int(match[1]) * 10 + int(match[2]) <= EXPOSURE_MAX[unit]


@needs_systemd
def test_units_are_in_order(tmp_path: Path) -> None:
    """But for the program's place, which is not on this machine: another program stands in for it."""
    for name in (*SERVICES, "qianzhi-office.timer"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        assert (INSTALLED in text) == name.endswith(".service")
        (tmp_path / name).write_text(text.replace(INSTALLED, "/bin/true"), encoding="utf-8")
    for name in (*SERVICES, "qianzhi-office.timer"):
        checked = analyzed("verify", str(tmp_path / name))
        assert (checked.returncode, checked.stderr.replace("\n", "")) == (0, "")


@needs_systemd
def test_the_timer_means_what_it_says() -> None:
    for calendar in [value for key, value in settings("qianzhi-office.timer") if key == "OnCalendar"]:
        assert analyzed("calendar", calendar).returncode == 0, calendar


@EVERY
@pytest.mark.parametrize(
    "line",
    [
        "NoNewPrivileges=true",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=true",
        "PrivateTmp=true",
        "PrivateDevices=true",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SocketBindDeny=any",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
        "LimitCORE=0",
        "MemorySwapMax=0",
        "UMask=0077",
    ],
)
def test_unit_has(unit: str, line: str) -> None:
    assert line in (DEPLOY / unit).read_text(encoding="utf-8").splitlines()


def test_the_front_alone_gets_the_master_key_and_neither_sees_the_other() -> None:
    front, office = dict(settings(SERVICES[0])), dict(settings(SERVICES[1]))
    assert front["LoadCredential"] == "master-key:/etc/qianzhi/credentials/master-key"
    assert "LoadCredential" not in office
    assert front["User"] != office["User"]
    assert "-/var/lib/qianzhi-office" in front["InaccessiblePaths"].split()
    assert {"-/var/lib/qianzhi-fep", "-/etc/qianzhi"} <= set(office["InaccessiblePaths"].split())


def test_a_bank_can_be_asked_for_its_certificate_in_the_front() -> None:
    """A C callback of pyOpenSSL needs memory that is written and then run; the office needs none."""
    assert dict(settings(SERVICES[0]))["MemoryDenyWriteExecute"] == "false"
    assert dict(settings(SERVICES[1]))["MemoryDenyWriteExecute"] == "true"


def test_only_the_office_has_a_timer_and_it_starts_the_office() -> None:
    assert sorted(file.name for file in DEPLOY.glob("*.timer")) == ["qianzhi-office.timer"]
    assert (DEPLOY / "qianzhi-office.timer").stem == (DEPLOY / SERVICES[1]).stem
