"""What the office finds is shown in Chinese: no English is left over, and columns stand in line."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from console.audit import audit_lines
from console.closing import print_step
from console.language import speak, spoken
from ledger.rules.break_classes import CLASSES as BREAK_CLASSES
from office.accounting.break_reasons import CLASS_NAMES, ONLY_OURS, SEE_ALSO, reason_of
from office.audit.evidence import Checked, Failing
from office.audit.kept import BookDigests, DatabaseDigest
from office.audit.run import INVARIANTS, Audit
from office.audit.subjects import FRONT_SIDE, OFFICE_SIDE, entry_at
from office.bank_close import CloseStep, StepResult, WaitCause
from office.reports.wording import CLOSE_STEPS
from qianzhi_errors.sentence import Sentence

_ENGLISH = re.compile(r"[A-Za-z]{2,}")
DIGEST = "0" * 64


def an_audit() -> Audit:
    finding = Failing(5, entry_at(OFFICE_SIDE, 1, 7), Sentence("stands {count} times", count=2))
    sides = (DatabaseDigest(OFFICE_SIDE, DIGEST, 3, DIGEST), DatabaseDigest(FRONT_SIDE, DIGEST, 12, DIGEST))
    return Audit((finding,), (Checked(5, "entries", 4),), BookDigests(DIGEST, sides))


def test_an_audit_is_in_chinese() -> None:
    speak("zh")
    lines = list(audit_lines(an_audit()))
    assert "   5: 后台，流水条目 1/7：出现 2 次" in lines
    assert [line for line in lines if _ENGLISH.search(line)] == []


def test_the_verdicts_of_an_audit_stand_in_columns_of_the_terminal() -> None:
    for language in ("en", "zh"):
        speak(language)
        lines = list(audit_lines(an_audit()))
        verdicts = [line for line in lines if re.match(r" ?\d+ ", line)]
        assert (len(verdicts), {cell_len(line) for line in verdicts}) == (len(INVARIANTS), {79})
        assert max(map(cell_len, "\n".join(lines).split("\n"))) <= 80


def test_a_step_of_a_close_is_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    missing = Sentence("the bank's file is not there yet")
    speak("zh")
    print_step(StepResult(CloseStep.FILE, "20261124", "01020000", missing, WaitCause.MISSING))
    print_step(
        StepResult(
            CloseStep.PULL, "", "", Sentence("{entries} entries, {days} closed days", entries=2, days=1)
        )
    )
    assert capsys.readouterr().out.splitlines() == [
        "20261124 01020000 收文件 等待：银行文件尚未送到",
        "取流水 完成：2 条流水条目，1 个已日切业务日",
    ]


def test_every_step_of_a_close_has_its_name() -> None:
    assert set(CLOSE_STEPS) == set(CloseStep)


def test_a_reason_kept_in_a_book_is_in_chinese_under_the_classes_own_names() -> None:
    speak("zh")
    assert spoken(reason_of(f"{ONLY_OURS}; {SEE_ALSO.format(name='B1', date='20261124')}")) == (
        "我方有，银行文件没有；另见 20261124 的差错 B1"
    )
    names = {cls: row.chinese for cls, row in BREAK_CLASSES.items()}
    assert {cls: spoken(Sentence(cls)) for cls in CLASS_NAMES} == names
