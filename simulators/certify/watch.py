"""The rules that a bank must keep towards the trial machine, and the result of each.

Pure: a story in, results out. A rule that had no occasion is not applicable, and says how to bring one
about. `transactions` and `links` hold the judges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.certify.exercises import EXERCISES, Provocation
from simulators.certify.links import (
    answered,
    check_value,
    date_changed,
    macs,
    names_known,
    new_key,
    questions,
)
from simulators.certify.result import Outcome, Result
from simulators.certify.story import Judged, Story
from simulators.certify.transactions import (
    advice_repeated,
    asks_again,
    each_tale,
    insists,
    is_reversed,
    no_other,
    not_reversed,
    refusal_taken,
    rests,
    reversed_elsewhere,
)

_UNDECIDED = (
    Provocation.SILENCE,
    Provocation.DEAFNESS,
    Provocation.DELAY,
    Provocation.CUT,
    Provocation.LOSS,
    Provocation.BUSY,
    Provocation.CLOSING,
    Provocation.FORGERY,
)
"""Where the bank does not know what became of its transaction, until its reversal is answered."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for a bank, as a sentence. `occasion` says how to bring its occasion about."""

    id: str
    section: str
    title: str
    title_en: str
    rule: str
    occasion: str
    judge: Callable[[Story], Judged]


def watched(story: Story) -> tuple[Result, ...]:
    """The result of every rule for what happened."""
    return tuple(_result(rule, rule.judge(story)) for rule in RULES)


def _result(rule: Rule, judged: Judged) -> Result:
    failing = [check for check in judged.checks if not check.passed]
    outcome, reason = Outcome.PASSED, ""
    if not judged.checks:
        outcome, reason = Outcome.NOT_APPLICABLE, f"no occasion: {rule.occasion}"
    elif failing:
        outcome = Outcome.FAILED
        reason = f"expected {failing[0].expected}; seen {failing[0].seen}"
    shown = tuple(event.shown for event in judged.events if event.shown is not None)
    return Result(
        rule.id, rule.section, rule.rule, rule.title, rule.title_en, outcome, reason, judged.checks, shown
    )


def _use(*provocations: Provocation) -> str:
    policies = [exercise.policy for exercise in EXERCISES if exercise.provocation in provocations]
    return f"act on policy {' or '.join(policies)}"


_RULE_SILENT = (
    "a bank that got none within its time limit (30 s by convention) sends 0400, and repeats it as 0401"
    " until answered."
)
_RULE_UNKNOWN = "not available now; **only** where it is certain that nothing was done"
_RULE_MAC = "From then on every message both ways, except 0800/0810 sign-on, carries a MAC."
_RULE_ASK = "network management, either side may ask"
_P = Provocation

RULES: tuple[Rule, ...] = (
    Rule(
        "MACS",
        "5.3",
        "每个报文带正确的MAC",
        "Every message carries a right MAC",
        _RULE_MAC,
        "sign on and speak",
        macs,
    ),
    Rule(
        "FORMAT",
        "3",
        "没有被答以30或40的报文",
        "No message is answered 30 or 40",
        "A missing or malformed mandatory field: DE 39 = 30, DE 44 names the field.",
        "send anything",
        answered(frozenset({"30", "40"}), "no message is answered 30 or 40, or does not decode"),
    ),
    Rule(
        "KEYS",
        "6",
        "键不重用",
        "No key is used for two transactions",
        "(DE 32, DE 41, DE 7, DE 11), unique for ever.",
        "send anything",
        answered(frozenset({"94"}), "no message is answered 94"),
    ),
    Rule(
        "NO-REVERSAL",
        "6",
        "应答00后不冲正",
        "What was answered 00 is not reversed",
        "done, and on disk",
        _use(_P.NOTHING),
        each_tale(not_reversed, _P.NOTHING, _P.ECHO, _P.CUTOVER, _P.CHECK_VALUE),
    ),
    Rule(
        "SILENCE",
        "6",
        "无应答：冲正",
        "No answer: reversed",
        _RULE_SILENT,
        _use(_P.SILENCE),
        each_tale(is_reversed, _P.SILENCE),
    ),
    Rule(
        "INSIST",
        "6",
        "冲正无应答：以0401重发至有应答",
        "No answer to the reversal: repeated as 0401 until there is one",
        _RULE_SILENT,
        _use(_P.DEAFNESS),
        each_tale(insists, _P.DEAFNESS),
    ),
    Rule(
        "DELAY",
        "6",
        "应答迟到：冲正",
        "An answer that comes too late: reversed all the same",
        _RULE_SILENT,
        _use(_P.DELAY),
        each_tale(is_reversed, _P.DELAY),
    ),
    Rule(
        "CUT",
        "6",
        "应答中断线：重连并冲正",
        "A link cut within the answer: reversed on another",
        "So a link that breaks at any byte leaves both sides able to agree.",
        _use(_P.CUT),
        each_tale(reversed_elsewhere, _P.CUT),
    ),
    Rule(
        "LOSS",
        "6",
        "请求未到：冲正得21即止",
        "A request that never arrived: reversed, and 21 ends it",
        "reversal or cancel: no such original.",
        _use(_P.LOSS),
        each_tale(rests, _P.LOSS),
    ),
    Rule(
        "BUSY",
        "6",
        "应答91：同键重发或冲正",
        "After 91: the same key again, or a reversal",
        _RULE_UNKNOWN,
        _use(_P.BUSY),
        each_tale(asks_again, _P.BUSY),
    ),
    Rule(
        "CLOSING",
        "6",
        "应答90：同键重发或冲正",
        "After 90: the same key again, or a reversal",
        "cutover under way, ask again",
        _use(_P.CLOSING),
        each_tale(asks_again, _P.CLOSING),
    ),
    Rule(
        "FORGERY",
        "5.3",
        "应答MAC错误：不采信，冲正",
        "An answer under a wrong MAC is not believed: reversed",
        _RULE_MAC,
        _use(_P.FORGERY),
        each_tale(is_reversed, _P.FORGERY),
    ),
    Rule(
        "ONE-KEY",
        "6",
        "结果未明前不换键重做",
        "Nothing under another key before the outcome is known",
        "**One transaction, one key:**",
        _use(*_UNDECIDED),
        each_tale(no_other, *_UNDECIDED),
    ),
    Rule(
        "NAMES",
        "3",
        "冲正指明原交易",
        "Every reversal names its original",
        "DE 90 names the original, DE 41 its terminal.",
        _use(_P.SILENCE),
        names_known,
    ),
    Rule(
        "ADVICE",
        "3",
        "通知无应答：重发至有应答",
        "An advice is repeated until it is answered",
        "advice: the bank has already taken or paid the money while the link was down",
        f"send an 0220: {_use(_P.ADVICE)}",
        each_tale(advice_repeated, _P.ADVICE),
    ),
    Rule(
        "REFUSAL",
        "6",
        "被拒后不以通知补记",
        "What was refused is not sent as an advice",
        "a refusal stays a refusal",
        _use(_P.REFUSAL),
        each_tale(refusal_taken, _P.REFUSAL),
    ),
    Rule("ECHO", "5.5", "应答线路测试", "Our echo is answered", _RULE_ASK, _use(_P.ECHO), questions("301")),
    Rule(
        "CHECK-VALUE",
        "5.2",
        "校验值错误的密钥不用",
        "A key with a wrong check value is not used",
        "The answer carries KA and CA",
        f"{_use(_P.CHECK_VALUE)}, then change keys or sign on",
        check_value,
    ),
    Rule(
        "NEW-KEY",
        "5.4",
        "更换后使用新密钥",
        "After a change of keys the new one is used",
        "`0800/101` changes keys: the answer carries the new ones, MACed with the old.",
        "change keys, and speak on",
        new_key,
    ),
    Rule(
        "NOTICE",
        "5.5",
        "应答日切通知",
        "The notice of a cut-over is answered",
        "`0800/201` cutover (the FEP announces the new business date in DE 15)",
        _use(_P.CUTOVER),
        questions("201"),
    ),
    Rule(
        "DATE",
        "7",
        "日切后按已关闭业务日对账相符",
        "After the notice the closed date is reconciled, in balance",
        "in 0500 the date being reconciled",
        f"{_use(_P.CUTOVER)}, then send an 0500",
        date_changed,
    ),
)
