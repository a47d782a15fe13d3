"""Templates are data that is checked whole: no link to a phone, no place but for sums and tails."""

from __future__ import annotations

from pathlib import Path

import pytest

from customers.notices.templates import read_templates, written
from customers.rules.notice_states import Channel
from ledger.files.settings import SettingsError

GOOD = """[[template]]
id = "receipt"
values = ["amount", "policy", "line"]
zh = { short = "保费{amount}元", subject = "凭证", long = "{line} {policy}" }
en = { short = "{amount} yuan", subject = "Receipt", long = "{line}" }
"""
LINE = "QZ1|EXAMPLE|202611240100000000173|P2026-1|12000|20261124093000|20261124|01020000|7KQ2M3NA|MFRGG"


def test_a_notice_is_written_for_its_channel(tmp_path: Path) -> None:
    file = tmp_path / "templates.toml"
    file.write_text(GOOD, encoding="utf-8")
    template = read_templates(file)["receipt"]
    values = {"amount": "1234567", "policy": "0001", "line": LINE}
    assert written(template, "zh", values, Channel.MOBILE).text == "保费12,345.67元"
    assert written(template, "zh", values, Channel.EMAIL) == ("凭证", f"{LINE} 0001")
    assert written(template, "en", values, Channel.WECHAT).text == "12,345.67 yuan"


@pytest.mark.parametrize(
    ("was", "now", "fault"),
    [
        ("保费{amount}元", "见 https://qz.example/r", r"template\[0\].zh.short: has a link"),
        ("保费{amount}元", "请登录 qz.example.cn 查询", r"template\[0\].zh.short: has a link"),
        ("{amount} yuan", "{line}", r"en.short: the place line does not fit a phone"),
        ("{amount} yuan", "{name}", r"en.short: the place name is not among its values"),
        ("{amount} yuan", "{amount!r}", r"en.short: the place amount is not among its values"),
        ("{amount} yuan", "{amount", r"en.short: a brace is not closed"),
        ("{amount} yuan", "y" * 201, r"en.short: is longer than 200"),
        ('"amount", ', '"amount", "phone", ', r"values: phone is none of amount, date"),
        ("subject", "sujet", r"template\[0\].zh.sujet: is no setting"),
        (GOOD, GOOD + GOOD, r"template\[1\].id: receipt is there twice"),
        (GOOD, "template = []", r"template"),
    ],
)
def test_a_fault_of_a_file_is_named_with_its_place(tmp_path: Path, was: str, now: str, fault: str) -> None:
    file = tmp_path / "templates.toml"
    file.write_text(GOOD.replace(was, now, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=fault):
        read_templates(file)


def test_the_shipped_templates_are_in_order() -> None:
    assert {"receipt", "debit_announced", "debit_failed", "grace", "lapsed"} <= set(read_templates())
