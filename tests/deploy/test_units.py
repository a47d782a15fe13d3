"""The systemd units: in order, as tight as they are said to be, and no tighter than the program can bear."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
SERVICES = ("qianzhi-fep.service", "qianzhi-office.service", "qianzhi-archive.service")
TIMERS = ("qianzhi-archive.timer", "qianzhi-office.timer")
EXPOSURE_MAX = {"qianzhi-fep.service": 14, "qianzhi-office.service": 10, "qianzhi-archive.service": 11}
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
    for name in (*SERVICES, *TIMERS):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        assert (INSTALLED in text) == name.endswith(".service")
        (tmp_path / name).write_text(text.replace(INSTALLED, "/bin/true"), encoding="utf-8")
    for name in (*SERVICES, *TIMERS):
        checked = analyzed("verify", str(tmp_path / name))
        assert (checked.returncode, checked.stderr.replace("\n", "")) == (0, "")


@needs_systemd
def test_a_timer_means_what_it_says() -> None:
    calendars = [value for timer in TIMERS for key, value in settings(timer) if key == "OnCalendar"]
    assert len(calendars) > len(TIMERS)
    for calendar in calendars:
        assert analyzed("calendar", calendar).returncode == 0, calendar


@EVERY
def test_unit_has_what_every_unit_has(unit: str) -> None:
    lines = (DEPLOY / unit).read_text(encoding="utf-8").splitlines()
    lacking = [line for line in LINES if line not in lines]
    assert lacking == []


LINES = (
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
)


def test_each_unit_gets_its_own_master_key_alone_and_sees_none_of_the_others() -> None:
    front, office, archive = (dict(settings(unit)) for unit in SERVICES)
    assert front["LoadCredential"] == "master-key:/etc/qianzhi/credentials/master-key"
    assert "LoadCredential" not in office
    key = "archive-master-key"
    assert archive["LoadCredential"] == f"{key}:/etc/qianzhi-archive/credentials/{key}"
    assert len({unit["User"] for unit in (front, office, archive)}) == len(SERVICES)
    hidden = [set(unit["InaccessiblePaths"].split()) for unit in (front, office, archive)]
    of_front, of_archive = {"-/var/lib/qianzhi-fep", "-/etc/qianzhi"}, {"-/var/lib/qianzhi-archive"}
    assert {"-/var/lib/qianzhi-office", *of_archive} <= hidden[0]
    assert {*of_front, *of_archive, "-/etc/qianzhi-archive"} <= hidden[1]
    assert {*of_front, "-/etc/qianzhi-office", "-/etc/qianzhi-archive/credentials"} <= hidden[2]


def test_the_archive_reads_the_office_s_files_by_its_group_and_writes_its_own_state_alone() -> None:
    office, archive = dict(settings(SERVICES[1])), dict(settings(SERVICES[2]))
    assert archive["SupplementaryGroups"] == office["Group"]
    assert (office["StateDirectoryMode"], archive["StateDirectoryMode"]) == ("0750", "0700")
    assert archive["ReadWritePaths"] == "/var/lib/qianzhi-archive"
    assert {"-/srv/qianzhi-bankfiles", "-/var/lib/qianzhi-office"} <= set(archive["ReadOnlyPaths"].split())


def test_the_archive_may_call_the_system_as_the_office_may() -> None:
    filters = [[pair for pair in settings(unit) if pair[0].startswith("SystemCall")] for unit in SERVICES[1:]]
    assert filters[0] == filters[1] != []


def test_a_bank_can_be_asked_for_its_certificate_in_the_front() -> None:
    """A C callback of pyOpenSSL needs memory that is written and then run; the others need none."""
    assert dict(settings(SERVICES[0]))["MemoryDenyWriteExecute"] == "false"
    assert {dict(settings(unit))["MemoryDenyWriteExecute"] for unit in SERVICES[1:]} == {"true"}


def test_office_and_archive_have_a_timer_and_each_starts_its_own() -> None:
    assert sorted(file.name for file in DEPLOY.glob("*.timer")) == list(TIMERS)
    assert {Path(timer).stem for timer in TIMERS} == {Path(unit).stem for unit in SERVICES[1:]}
