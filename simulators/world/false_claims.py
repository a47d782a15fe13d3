"""What a bank claims that is not true, or that it may not claim: about originals, about payouts, about the
customer's identity, about dates. One script each.

The oracle judges what comes of it. Imports the wire's code and the simulated banks only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from protocol.message import Message
from simulators.world.banks import Ask, Script
from simulators.world.reading import CANCEL, DUES, OUTCOME, PAYOUTS, STATUS
from simulators.world.scene import SOON, Scene, Target, unrecorded

_CARD, _ITS_TWIN = "6222020200112233445", "6222020200998877445"
"""Two card numbers of which the same is kept."""
_PAYABLE = Target("P3", "B3", "260000", 500_000, "")
"""What is to be paid to somebody whose number the bank does not know."""
_OTHER_CARD = "6222020200112230000"
_OTHER_BRANCH = "B00000000000009"
_SECRETS = {
    35: "6222020200112233=2912",
    36: "996222020200112233=156",
    45: "B6222020200112233^A/B^2912",
    52: "0123456789ABCDEF",
    53: "2600000000000000",
    125: "0123456789ABCDEF",
}
_DISTANCES = (-400, -365, -200, -32, -31, -2, 1, 2, 40)
"""Days from today, within the window of keys and outside it."""


def undo_untruly(scene: Scene) -> Script:
    """What undoes says of its original what is not so; at last one that is right."""
    bank, target = scene.bank, scene.target
    deal = unrecorded(scene, mti=bank.random.choice(("0200", "0200", "0220")))
    deal.due = bank.random.choice((target.due, target.due, ""))
    card = bank.random.choice(({}, {"de2": _CARD}))
    yield Ask(bank.message(deal, **card), SOON)
    right = {"de48": bank.groups((("PN", target.policy), ("DU", target.due))), **card}
    wrong: Sequence[dict[str, str]] = (
        {"de48": bank.groups((("PN", "P6"), ("DU", target.due)))},
        {"de48": bank.groups((("PN", target.policy), ("DU", "NONE")))},
        {"de42": _OTHER_BRANCH},
        {"de2": _OTHER_CARD},
        {"de2": _ITS_TWIN},
        {"de2": "622202"},
        {"de4": f"{deal.amount + 1:012d}"},
        {"de3": "501000" if deal.code != "501000" else "500000"},
        {"de90": f"{bank.original(deal)[:-1]}7"},
        {"de90": f"0100{bank.original(deal)[4:]}"},
        {"de90": f"{bank.original(deal)[:20]}00000000009{'0' * 11}"},
    )
    yield Ask(bank.message(unrecorded(scene, due="")), SOON)
    for change in bank.random.sample(wrong, 4):
        mti = bank.random.choice(("0400", "0400", "0420", "cancel", "cancel by advice"))
        if mti.startswith("04"):
            yield Ask(bank.reversal(deal, mti, **{**right, **change}), SOON)
        elif "de3" not in change:
            own = unrecorded(scene, code=CANCEL, terminal=deal.terminal)
            own.mti = "0200" if mti == "cancel" else "0220"
            yield Ask(bank.message(own, **{"de90": bank.original(deal), **right, **change}), SOON)
    yield Ask(bank.reversal(deal, **right), SOON)
    yield Ask(bank.message(deal, repeat=True, **card), SOON)


def undo_a_cancel_untruly(scene: Scene) -> Script:
    """A cancel, a cancel of it, and reversals of it that mean another; then, perhaps, the right one: on a
    later date if there was a cut-over, and too late if the due has gone to another.
    """
    bank, deal = scene.bank, unrecorded(scene)
    yield Ask(bank.message(deal), SOON)
    own = unrecorded(scene, code=CANCEL, terminal=deal.terminal)
    cancel = bank.message(own, de90=bank.original(deal))
    yield Ask(cancel, SOON)
    for change in bank.random.sample(({"de42": _OTHER_BRANCH}, {"de3": deal.code}, {"de4": f"{1:012d}"}), 2):
        yield Ask(bank.reversal(own, **change), SOON)
    again = unrecorded(scene, code=CANCEL, terminal=deal.terminal)
    yield Ask(bank.message(again, de90=bank.original(own)), SOON)
    yield bank.random.choice((0.0, 60.0, 60.0))
    if bank.random.random() < 0.3:
        yield Ask(bank.message(unrecorded(scene)), SOON)
    if bank.random.random() < 0.7:
        yield Ask(bank.reversal(own), SOON)
    for message in (bank.message(deal, repeat=True), Message("0201", cancel.fields)):
        yield Ask(message, SOON)


def say_it_was_paid(scene: Scene) -> Script:
    """Advices of payouts: some banks' word is taken, the others' is judged as a request."""
    bank, target = scene.bank, scene.target
    code = target.code if target.code in PAYOUTS else "260000"
    for change in bank.random.sample(
        ({}, {"identity": scene.stranger}, {"amount": 999_999_999_999}, {"policy": "NONE"}, {"due": "D1"}), 3
    ):
        given = {"code": code, "identity": target.identity or scene.stranger, "mti": "0220", **change}
        deal = unrecorded(scene, **given)
        yield Ask(bank.message(deal), SOON)
        yield Ask(bank.inquiry(OUTCOME, (), deal), SOON)
        if bank.random.random() < 0.4:
            yield Ask(bank.reversal(deal, de48=bank.groups((("PN", deal.policy), ("DU", deal.due)))), SOON)
        yield Ask(bank.message(deal, repeat=True), SOON)


def guess_numbers(scene: Scene) -> Script:
    """Numbers of nobody's in a row for what is to be paid, some repeated, with right amounts and wrong
    ones, and the right number; once more when an operator may have unlocked the due.
    """
    bank, target = scene.bank, scene.target if scene.target.code in PAYOUTS else _PAYABLE
    about = {"code": target.code, "policy": target.policy, "due": target.due, "amount": target.amount}
    for pause in bank.random.choice(((0.0,), (0.0, 30.0))):
        yield pause
        for place in range(bank.random.randrange(3, 8)):
            change = {**about, "identity": f"{scene.stranger[:-2]}{place:02d}"}
            if bank.random.random() < 0.1:
                change["amount"] = target.amount + 1
            deal = unrecorded(scene, **change)
            deal.mti = bank.random.choice(("0200", "0200", "0200", "0220"))
            yield Ask(bank.message(deal), SOON)
            if bank.random.random() < 0.3:
                yield Ask(bank.message(deal, repeat=True), SOON)
            yield bank.random.choice((0.0, 0.0, 0.0, 20.0))
        yield Ask(bank.message(unrecorded(scene, **about, identity=target.identity)), SOON)


def other_times(scene: Scene) -> Script:
    """DE 7 of other days and years, and of none: what settles, what undoes and what asks."""
    bank = scene.bank
    today, clock = date.fromisoformat(bank.moment()[:8]), bank.moment()[8:]
    moments = [f"{today + timedelta(days):%Y%m%d}{clock}" for days in bank.random.sample(_DISTANCES, 4)]
    for moment in (*moments, bank.random.choice(("20260229120000", "20261332120000", "20261124250000"))):
        deal = unrecorded(scene, sent_at=moment, mti=bank.random.choice(("0200", "0220", "0220")))
        yield Ask(bank.message(deal, de12="101112", de13="1124"), SOON)
        yield Ask(bank.reversal(deal), SOON)
        original = unrecorded(scene)
        yield Ask(bank.message(original), SOON)
        own = unrecorded(scene, code=CANCEL, terminal=original.terminal, sent_at=moment)
        own.mti = bank.random.choice(("0200", "0220"))
        yield Ask(bank.message(own, de90=bank.original(original), de12="101112", de13="1124"), SOON)
        given = {"de7": moment[4:], "de12": "101112", "de13": "1124"}
        yield Ask(bank.reversal(original, **given), SOON)
        asking = bank.inquiry(STATUS, (("PN", scene.target.policy),))
        yield Ask(Message("0100", {**asking.fields, 7: moment[4:]}), SOON)
        totals = bank.totals(f"{today:%m%d}")
        yield Ask(Message(totals.mti, {**totals.fields, 7: moment[4:]}), SOON)


def other_days(scene: Scene) -> Script:
    """Totals of days that no business date has, and times of the counter that are none."""
    bank = scene.bank
    days = ("1123", "1128", "1129", "1201", "0101", "0601", "0229", "1131", "0000")
    for day in bank.random.sample(days, 3):
        yield Ask(bank.totals(day), SOON)
    wrong = bank.random.choice(({"de12": "250000"}, {"de13": "1131"}, {"de49": "840"}))
    yield Ask(bank.message(unrecorded(scene), **wrong), SOON)
    message = bank.message(unrecorded(scene))
    yield Ask(Message("0200", {**message.fields, 48: "PN"}), SOON)
    yield Ask(bank.message(unrecorded(scene, code="990000")), SOON)
    yield Ask(Message("0600", bank.message(unrecorded(scene)).fields), SOON)
    fields = {number: text for number, text in bank.totals("1124").fields.items() if number != 97}
    yield Ask(Message("0520", fields), SOON)
    yield Ask(Message("0500", {**bank.totals("1124").fields, 49: "840"}), SOON)


def pass_secrets_on(scene: Scene) -> Script:
    """A PIN or a track of a card, in whatever message."""
    bank, deal = scene.bank, unrecorded(scene)
    messages = [
        bank.message(deal),
        bank.message(unrecorded(scene, mti="0220")),
        bank.reversal(deal),
        bank.inquiry(DUES, (("PN", scene.target.policy),)),
        bank.totals("1124"),
        bank.network_message("301"),
    ]
    for message in bank.random.sample(messages, 3):
        number = bank.random.choice(sorted(_SECRETS))
        fields = {**message.fields, number: _SECRETS[number]}
        yield Ask(Message(message.mti, dict(sorted(fields.items()))), SOON)


def sign_on_otherwise(scene: Scene) -> Script:
    """Network management that is none of the interface's."""
    bank, link = scene.bank, scene.bank.ready_link()
    for mti in bank.random.sample(("0802", "0803", "0820", "0840", "0801"), 3):
        for code in ("301", "001"):
            message = Message(mti, bank.network_message(code).fields)
            if code == "301":
                yield Ask(message, SOON)
            elif link is not None and not link.over and mti != "0801":
                link.send(message, sealed=False)
    fields = bank.network_message("301").fields
    yield Ask(Message("0800", {**fields, 7: "1332120000"}), SOON)
    yield Ask(Message("0800", {number: text for number, text in fields.items() if number != 32}), SOON)


def ask_elsewhere(scene: Scene) -> Script:
    """Inquiries from another terminal, with somebody's number, for other pages; and some that lack what they
    need.
    """
    bank, policy = scene.bank, scene.target.policy
    pairs = (("PN", policy), ("IN", scene.stranger))
    for code in (DUES, STATUS):
        yield Ask(bank.inquiry(code, pairs), SOON)
        elsewhere = bank.inquiry(code, pairs[:1])
        yield Ask(Message("0100", {**elsewhere.fields, 41: "X2000000"}), SOON)
    for pairs in (
        (("PN", policy), ("PG", "0")),
        (("PN", policy), ("PG", "abc")),
        (("PN", "NONE"),),
        (("DU", "D1"),),
    ):
        yield Ask(bank.inquiry(bank.random.choice((DUES, STATUS)), pairs), SOON)
    for code in (OUTCOME, "313000"):
        yield Ask(bank.inquiry(code, (("PN", policy),)), SOON)
    yield Ask(bank.inquiry(bank.random.choice((OUTCOME, "313000")), (), unrecorded(scene)), SOON)


def restore_again(scene: Scene) -> Script:
    """Cancels that are reversed: at once, on a later date, and after another has taken the due."""
    bank = scene.bank
    for _ in range(4):
        deal = unrecorded(scene)
        yield Ask(bank.message(deal), SOON)
        own = unrecorded(scene, code=CANCEL, terminal=deal.terminal)
        yield Ask(bank.message(own, de90=bank.original(deal)), SOON)
        yield bank.random.choice((0.0, 20.0, 40.0))
        if bank.random.random() < 0.4:
            yield Ask(bank.message(unrecorded(scene)), SOON)
        yield Ask(bank.reversal(own), SOON)
        yield Ask(bank.reversal(deal), SOON)


FALSE_CLAIMS = (
    restore_again,
    undo_untruly,
    undo_a_cancel_untruly,
    say_it_was_paid,
    guess_numbers,
    other_times,
    other_days,
    pass_secrets_on,
    sign_on_otherwise,
    ask_elsewhere,
)
