"""Alert rules, dashboard, metrics: what is named is what a machine exports; each alert says what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy import dashboard
from fep.settings.config import load_settings
from fep.setup.install import install
from tests.support.builders import message
from tests.support.machine import Machine, load_front_book, write_settings

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy" / "prometheus" / "qianzhi.rules.yml"
TESTS = RULES.with_name("tests.yml")
RUNBOOK = ROOT / "docs" / "alerts.md"
JOURNALD = Path("/lib/systemd/systemd-journald")
GIVEN_BY_PROMETHEUS = {"up"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on this machine"
)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    """Every PromQL expression of the dashboard's panels."""
    board = json.loads(dashboard.FILE.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def metrics_in(text: str) -> set[str]:
    """The names in a text that only a metric can have."""
    return set(re.findall(r"\b(?:qianzhi|process)_[a-z_]+\b|\bup\b", text))


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series that a machine with a certificate and an SQLite book exports, and of the
    families that have none before a bank has come.
    """
    folder = tmp_path_factory.mktemp("monitored")
    settings = write_settings(folder, f"sqlite:///{folder / 'front.db'}")
    install(folder / "tls", os.urandom, datetime(2026, 11, 24, tzinfo=UTC), first_port=0, status_port=0)
    keys = folder / "tls" / "keys"
    tls = f'\n[tls]\ncertificate_file = "{keys}/machine.crt"\nkey_file = "{keys}/machine.key"\n'
    file = folder / "qianzhi.toml"
    file.write_text(file.read_text(encoding="utf-8") + tls, encoding="utf-8")
    load_front_book(settings)
    machine = Machine(load_settings(file))
    with machine.signed_on() as bank:
        bank.ask(message())
    _, body = machine.get("/metrics")
    machine.stop()
    families = list(text_string_to_metric_families(body))
    without = {family.name for family in families if not family.samples}
    return without | {sample.name for family in families for sample in family.samples}


@needs_promtool
def test_the_rules_are_in_order() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert (checked.returncode, "SUCCESS" in checked.stdout) == (0, True), checked.stderr + checked.stdout


@needs_promtool
def test_each_alert_goes_off_when_it_should_and_not_before() -> None:
    tested = promtool("test", "rules", str(TESTS))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_alert_has_a_test_in_which_it_goes_off() -> None:
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    fired = {alert["alertname"] for test in tests for alert in test["alert_rule_test"] if alert["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules()}


@needs_promtool
def test_every_query_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    """As recording rules, with what Grafana puts in for its variables."""
    filled = [query.replace("$__rate_interval", "1m") for query in queries()]
    made = [{"record": f"panel:{place}", "expr": query} for place, query in enumerate(filled)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}), encoding="utf-8")
    checked = promtool("check", "rules", str(file))
    assert (checked.returncode, f"{len(made)} rules found" in checked.stdout) == (0, True), checked.stderr


def test_the_dashboard_is_what_the_table_of_panels_makes() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.made()


def test_no_panel_covers_another_and_each_has_a_number_of_its_own() -> None:
    panels = json.loads(dashboard.FILE.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    covered = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(covered)) == len(covered)
    assert max(x for x, _ in covered) < 24


def test_rules_and_dashboard_name_only_what_a_machine_exports(exported: set[str]) -> None:
    named = metrics_in(" ".join([*(rule["expr"] for rule in rules()), *queries()]))
    assert named - GIVEN_BY_PROMETHEUS - exported == set()


def test_the_rules_tests_name_only_what_a_machine_exports(exported: set[str]) -> None:
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    named = {series["series"].partition("{")[0] for test in tests for series in test["input_series"]}
    assert named - GIVEN_BY_PROMETHEUS - exported == set()


def test_all_that_is_exported_is_told_in_the_runbook(exported: set[str]) -> None:
    metrics = metrics_in(RUNBOOK.read_text(encoding="utf-8"))
    families = {re.sub(r"^(qianzhi_latency_seconds)_(bucket|sum|count)$", r"\1", name) for name in exported}
    assert families == {name for name in metrics if name.startswith(("qianzhi_", "process_"))}


def test_each_alert_has_its_section_in_the_runbook_and_each_section_its_alert() -> None:
    sections = re.findall(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.skipif(not JOURNALD.exists(), reason="systemd-journald is not on this machine")
def test_the_journals_bounds_are_settings_that_journald_has() -> None:
    known = JOURNALD.read_bytes()
    text = (ROOT / "deploy/journald.conf.d/qianzhi.conf").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^(\w+)=(.+)$", text, re.MULTILINE))
    assert settings.keys() >= {"Storage", "MaxRetentionSec", "SystemMaxUse"}
    assert [key for key in settings if b"\0Journal." + key.encode() + b"\0" not in known] == []
