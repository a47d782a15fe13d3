"""What a bank does that it should not do, or that is rare: one script each.

No record is kept of it; the oracle judges what comes of it. Imports the wire's code only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from protocol.message import Message
from simulators.world.banks import Ask, Bank, BankLink, Script
from simulators.world.false_claims import FALSE_CLAIMS
from simulators.world.reading import CANCEL, DUES, OUTCOME, PAYOUTS, RECEIPT, STATUS
from simulators.world.scene import SOON, Misdeed, Scene, unrecorded


def _post(bank: Bank, *messages: Message) -> BankLink | None:
    """Send without waiting for answers; on one link, or on none if none is ready."""
    link = bank.ready_link()
    for message in messages:
        if link is not None:
            link.send(message)
    return link


def reuse_key(scene: Scene) -> Script:
    """One key, two contents."""
    deal = unrecorded(scene)
    yield Ask(scene.bank.message(deal), SOON)
    deal.amount += 100
    yield Ask(scene.bank.message(deal), SOON)
    deal.amount -= 100
    yield Ask(scene.bank.message(deal, repeat=True), SOON)


def two_terminals(scene: Scene) -> Script:
    """One trace number and moment at two terminals: two transactions."""
    deal = unrecorded(scene, terminal="T0000001")
    twin = unrecorded(scene, terminal="T0000002", stan=deal.stan, sent_at=deal.sent_at)
    yield Ask(scene.bank.message(deal), SOON)
    yield Ask(scene.bank.message(twin), SOON)
    yield Ask(scene.bank.reversal(deal), SOON)
    yield Ask(scene.bank.message(twin, repeat=True), SOON)


def speak_for_another(scene: Scene) -> Script:
    """DE 32 of another bank, under one's own MAC."""
    other = scene.others[0].terms.code if scene.others else "99999999"
    yield Ask(scene.bank.message(unrecorded(scene), de32=other), SOON)


def undo_anothers(scene: Scene) -> Script:
    """DE 90 of another bank: a reversal, a cancel, and one of what was never done."""
    for other in scene.others:
        for deal in [*other.deals[-2:], unrecorded(scene)]:
            original = f"{deal.mti}{deal.stan}{deal.sent_at[4:]}{other.terms.full_code}{'0' * 11}"
            given = {"de90": original, "de41": deal.terminal, "de4": f"{deal.amount:012d}"}
            yield Ask(scene.bank.reversal(deal, **given), SOON)
            own = unrecorded(scene, code=CANCEL, due="", terminal=deal.terminal, amount=deal.amount)
            yield Ask(scene.bank.message(own, de90=original), SOON)


def advise_undoing_anothers(scene: Scene) -> Script:
    """The same by advice."""
    for other in scene.others:
        for deal in [*other.deals[-2:], unrecorded(scene)]:
            original = f"{deal.mti}{deal.stan}{deal.sent_at[4:]}{other.terms.full_code}{'0' * 11}"
            given = {"de90": original, "de41": deal.terminal, "de4": f"{deal.amount:012d}"}
            yield Ask(scene.bank.reversal(deal, "0420", **given), SOON)
            own = unrecorded(
                scene, mti="0220", code=CANCEL, due="", terminal=deal.terminal, amount=deal.amount
            )
            yield Ask(scene.bank.message(own, de90=original), SOON)


def keep_old_key(scene: Scene) -> Script:
    """Change keys, and go on with the old one, within its time and after it."""
    bank = scene.bank
    link = bank.ready_link()
    if link is None:
        return
    answers: list[Message | None] = []
    link.ask(bank.network_message("101"), answers.append, SOON)
    yield SOON
    if not answers or answers[0] is None or answers[0].fields.get(39) != "00" or link.over:
        return
    link.install(answers[0])
    old = link.old_key
    for pause in (0.0, bank.random.choice((10.0, 40.0))):
        yield pause
        if not link.over and old is not None:
            link.send(bank.message(unrecorded(scene)), key=old)


def no_good_mac(scene: Scene) -> Script:
    """A MAC that is wrong, and none at all."""
    bank = scene.bank
    link = bank.ready_link()
    if link is not None and link.key is not None:
        body = bytearray(bank.terms.codec.seal(bank.message(unrecorded(scene)), link.key.mac))
        body[-1] = body[-2] if body[-1] != body[-2] else body[-1] ^ 1
        link.send_body(bytes(body))
        link.send(bank.message(unrecorded(scene)), sealed=False)
    yield 1.0


def reverse_first(scene: Scene) -> Script:
    """The reversal before its original, and once more after it."""
    deal = unrecorded(scene)
    yield Ask(scene.bank.reversal(deal), SOON)
    yield Ask(scene.bank.message(deal), SOON)
    yield Ask(scene.bank.reversal(deal), SOON)
    yield Ask(scene.bank.message(deal, repeat=True), SOON)


def reverse_twice(scene: Scene) -> Script:
    """A reversal, its repeat, another, and one of the reversal itself."""
    deal = unrecorded(scene)
    yield Ask(scene.bank.message(deal), SOON)
    message = scene.bank.reversal(deal)
    yield Ask(message, SOON)
    yield Ask(Message("0401", message.fields), SOON)
    yield Ask(scene.bank.reversal(deal, "0420"), SOON)
    fields = message.fields
    own = f"0200{fields[11]}{fields[7]}{scene.bank.terms.full_code}{'0' * 11}"
    yield Ask(scene.bank.reversal(deal, de90=own), SOON)


def cancel_and_back(scene: Scene) -> Script:
    """Cancels, reversals of cancels, reversals of what was cancelled, in any order."""
    bank, deal = scene.bank, unrecorded(scene)
    yield Ask(bank.message(deal), SOON)
    cancels = []
    for _ in range(bank.random.randrange(1, 5)):
        choice = bank.random.choice(("cancel", "cancel", "reverse a cancel", "reverse", "again", "wait"))
        if choice == "cancel":
            own = unrecorded(scene, code=CANCEL, due="", terminal=deal.terminal)
            own.mti = bank.random.choice(("0200", "0200", "0220"))
            cancels.append(own)
            yield Ask(bank.message(own, de90=bank.original(deal)), SOON)
        elif choice == "reverse a cancel" and cancels:
            yield Ask(bank.reversal(bank.random.choice(cancels)), SOON)
        elif choice == "reverse":
            yield Ask(bank.reversal(deal), SOON)
        elif choice == "again":
            yield Ask(bank.message(unrecorded(scene)), SOON)
        else:
            yield bank.random.choice((1.0, 40.0))


def late_reversing(scene: Scene) -> Script:
    """Done, and cancelled or reversed much later: on another date if there was a cut-over."""
    bank, deal = scene.bank, unrecorded(scene)
    yield Ask(bank.message(deal), SOON)
    yield 60.0 * bank.random.random()
    own = unrecorded(scene, code=CANCEL, due="", terminal=deal.terminal)
    yield Ask(bank.message(own, de90=bank.original(deal)), SOON)
    yield 30.0 * bank.random.random()
    if bank.random.random() < 0.3:
        yield Ask(bank.reversal(deal), SOON)
    yield Ask(bank.reversal(own), SOON)


def wrong_content(scene: Scene) -> Script:
    """An amount, an identity, a due, a policy, a code or a field that is not right."""
    bank, target = scene.bank, scene.target
    wrong: Sequence[dict[str, object]] = (
        {"amount": target.amount + 1},
        {"amount": target.amount - 1},
        {"identity": scene.stranger},
        {"identity": ""},
        {"due": ""},
        {"due": "D1"},
        {"due": "NONE"},
        {"policy": "NONE"},
        {"policy": "P4", "due": "D4", "amount": 33_000, "code": "500000"},
        {"code": "501000"},
        {"code": "263000", "identity": target.identity or scene.stranger},
        {"code": "990000"},
        {"amount": 0},
        {"terminal": "X2000000"},
    )
    for change in bank.random.sample(wrong, 3):
        yield Ask(bank.message(unrecorded(scene, **change)), SOON)
    broken = bank.message(unrecorded(scene))
    missing = bank.random.choice((3, 4, 12, 13, 37, 42, 48, 49))
    fields = {number: text for number, text in broken.fields.items() if number != missing}
    yield Ask(Message(broken.mti, fields), SOON)
    yield Ask(Message(broken.mti, {**bank.message(unrecorded(scene)).fields, 52: "0123456789ABCDEF"}), SOON)


def advise(scene: Scene) -> Script:
    """Advices: one that fits, one that does not, repeats, and their reversals."""
    bank = scene.bank
    for change in bank.random.sample(({}, {"amount": 1}, {"policy": "NONE"}, {"terminal": "X2000000"}), 2):
        deal = unrecorded(scene, mti="0220", **change)
        yield Ask(bank.message(deal), SOON)
        yield Ask(bank.message(deal, repeat=True), SOON)
        if bank.random.random() < 0.5:
            yield Ask(bank.reversal(deal, bank.random.choice(("0400", "0420"))), SOON)
            yield Ask(bank.reversal(deal), SOON)


def everything_twice(scene: Scene) -> Script:
    """Each message twice at once, on one link or on two."""
    bank, deal = scene.bank, unrecorded(scene)
    message, reversal = bank.message(deal), bank.reversal(deal)
    for request in (message, reversal):
        _post(bank, request, Message(request.mti[:3] + "1", request.fields))
        yield bank.random.choice((0.0, 0.5, 5.0))
        _post(bank, request)
        yield 1.0


def burst(scene: Scene) -> Script:
    """Many at once, in one breath: most for the same due."""
    bank = scene.bank
    messages = []
    for _ in range(bank.random.randrange(5, 16)):
        deal = unrecorded(scene)
        messages.append(bank.message(deal))
        if bank.random.random() < 0.4:
            messages.append(bank.reversal(deal))
    bank.random.shuffle(messages)
    _post(bank, *messages)
    yield 5.0


def garbage(scene: Scene) -> Script:
    """Bytes that are no message, half a message, messages that nobody knows."""
    bank = scene.bank
    link = bank.ready_link()
    if link is None or link.key is None:
        return
    body = bank.terms.codec.seal(bank.message(unrecorded(scene)), link.key.mac)
    choice = bank.random.randrange(4)
    if choice == 0:
        link.send_body(bank.random.randbytes(bank.random.randrange(1, 60)))
    elif choice == 1:
        link.send_body(body[: bank.random.randrange(1, len(body))])
    elif choice == 2:
        link.send(Message("0600", bank.message(unrecorded(scene)).fields))
    else:
        link.transport.write(bank.random.randbytes(bank.random.randrange(1, 40)))
    yield 1.0


def ask_around(scene: Scene) -> Script:
    """Inquiries of every kind, about one's own and others'."""
    bank, target = scene.bank, scene.target
    yield Ask(bank.inquiry(DUES, (("PN", target.policy),)), SOON)
    yield Ask(bank.inquiry(STATUS, (("PN", target.policy),)), SOON)
    deal = unrecorded(scene)
    yield Ask(bank.inquiry(OUTCOME, (), deal), SOON)
    yield Ask(bank.message(deal), SOON)
    yield Ask(bank.inquiry(OUTCOME, (), deal), SOON)
    yield Ask(bank.inquiry(RECEIPT, (), deal), SOON)
    yield Ask(bank.inquiry(DUES, (("PN", target.policy), ("PG", "2"))), SOON)
    receipts = [deal.receipt for other in scene.others for deal in other.deals if deal.receipt]
    for number in receipts[:1]:
        yield Ask(bank.inquiry(RECEIPT, (("RN", number),)), SOON)
    yield Ask(bank.reversal(deal), SOON)
    yield Ask(bank.inquiry(RECEIPT, (), deal), SOON)
    yield Ask(bank.inquiry(OUTCOME, (), deal), SOON)


def add_up(scene: Scene) -> Script:
    """Totals of today and of another date, right or not."""
    bank = scene.bank
    for date in bank.random.sample(("1124", "1125", "1126", "0101"), 2):
        yield Ask(bank.totals(date), SOON)


def sign_off(scene: Scene) -> Script:
    """Sign off, and go on all the same; then sign on again."""
    bank = scene.bank
    link = bank.ready_link()
    if link is None:
        return
    link.send(bank.network_message("002"))
    link.send(bank.message(unrecorded(scene)))
    yield 5.0
    if not link.over:
        answers: list[Message | None] = []
        link.ask(bank.network_message("001"), answers.append, SOON, sealed=False)
        yield SOON
        if answers and answers[0] is not None and answers[0].fields.get(39) == "00":
            link.install(answers[0])


def not_my_money(scene: Scene) -> Script:
    """A payout to whoever asks."""
    bank = scene.bank
    identity = scene.stranger if scene.target.code in PAYOUTS else ""
    yield Ask(bank.message(unrecorded(scene, identity=identity)), SOON)
    yield Ask(bank.message(unrecorded(scene)), SOON)


MISDEEDS: Mapping[str, Misdeed] = MappingProxyType(
    {
        act.__name__: act
        for act in (
            reuse_key,
            two_terminals,
            speak_for_another,
            undo_anothers,
            advise_undoing_anothers,
            keep_old_key,
            no_good_mac,
            reverse_first,
            reverse_twice,
            cancel_and_back,
            late_reversing,
            wrong_content,
            advise,
            everything_twice,
            burst,
            garbage,
            ask_around,
            add_up,
            sign_off,
            not_my_money,
            *FALSE_CLAIMS,
        )
    }
)
"""What is in every run's choice."""
