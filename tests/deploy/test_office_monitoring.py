"""The office's alert rules: what they name is what a close leaves, and each alert says what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from office.close_metrics import METRICS

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy" / "prometheus" / "qianzhi-office.rules.yml"
TESTS = RULES.with_name("office-tests.yml")
RUNBOOK = ROOT / "docs" / "office-alerts.md"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on this machine"
)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\bqianzhi_office_[a-z_]+\b(?!\.prom)", text))


@needs_promtool
@pytest.mark.parametrize(("verb", "file"), [("check", RULES), ("test", TESTS)])
def test_each_alert_is_in_order_and_goes_off_when_it_should_and_not_before(verb: str, file: Path) -> None:
    command = ["promtool", verb, "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


def test_each_alert_has_a_test_in_which_it_goes_off() -> None:
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    fired = {alert["alertname"] for test in tests for alert in test["alert_rule_test"] if alert["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules()}


def test_rules_tests_and_runbook_name_what_a_close_leaves() -> None:
    assert metrics_in(RULES.read_text(encoding="utf-8")) <= set(METRICS)
    assert metrics_in(TESTS.read_text(encoding="utf-8")) <= set(METRICS)
    assert metrics_in(RUNBOOK.read_text(encoding="utf-8")) == set(METRICS)


def test_each_alert_has_its_section_in_the_runbook_and_each_section_its_alert() -> None:
    sections = re.findall(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/office-alerts.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")
