"""What a bank does that it should not, or that is rare: one script each.

Nobody's record is kept of it; what must come of it, the oracle says. Imports the wire's code only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from protocol.message import Message
from simulators.world.banks import Ask, Bank, BankLink, Deal, Script
from simulators.world.reading import CANCEL, DUES, OUTCOME, PAYOUTS, RECEIPT, STATUS

_SOON = 5.0


class Target(NamedTuple):
    """A due that one can try for. `identity` is what its beneficiary shows."""

    policy: str
    due: str
    code: str
    amount: int
    identity: str


class Scene(NamedTuple):
    """Whom and what a script works on: its bank, another's code and deals, and a due."""

    bank: Bank
    others: Sequence[Bank]
    target: Target
    stranger: str


Act = Callable[[Scene], Script]


def _deal(scene: Scene, **other: object) -> Deal:
    """A deal for the target that the bank's own record does not have."""
    target = scene.target
    deal = scene.bank.deal(target.code, target.policy, target.due, target.amount, identity=target.identity)
    scene.bank.deals.remove(deal)
    for name, value in other.items():
        setattr(deal, name, value)
    return deal


def _post(bank: Bank, *messages: Message) -> BankLink | None:
    """Send without waiting for answers; on one link, or on none if none is ready."""
    link = bank.ready_link()
    for message in messages:
        if link is not None:
            link.send(message)
    return link


def reuse_key(scene: Scene) -> Script:
    """One key, two contents."""
    deal = _deal(scene)
    yield Ask(scene.bank.message(deal), _SOON)
    deal.amount += 100
    yield Ask(scene.bank.message(deal), _SOON)
    deal.amount -= 100
    yield Ask(scene.bank.message(deal, repeat=True), _SOON)


def two_terminals(scene: Scene) -> Script:
    """One trace number and moment at two terminals: two transactions."""
    deal = _deal(scene, terminal="T0000001")
    twin = _deal(scene, terminal="T0000002", stan=deal.stan, sent_at=deal.sent_at)
    yield Ask(scene.bank.message(deal), _SOON)
    yield Ask(scene.bank.message(twin), _SOON)
    yield Ask(scene.bank.reversal(deal), _SOON)
    yield Ask(scene.bank.message(twin, repeat=True), _SOON)


def speak_for_another(scene: Scene) -> Script:
    """DE 32 of another bank, under one's own MAC."""
    other = scene.others[0].terms.code if scene.others else "99999999"
    yield Ask(scene.bank.message(_deal(scene), de32=other), _SOON)


def undo_anothers(scene: Scene) -> Script:
    """DE 90 of another bank: a reversal, a cancel, and one of what was never done."""
    for other in scene.others:
        for deal in [*other.deals[-2:], _deal(scene)]:
            original = f"{deal.mti}{deal.stan}{deal.sent_at[4:]}{other.terms.full_code}{'0' * 11}"
            given = {"de90": original, "de41": deal.terminal, "de4": f"{deal.amount:012d}"}
            yield Ask(scene.bank.reversal(deal, **given), _SOON)
            own = _deal(scene, code=CANCEL, due="", terminal=deal.terminal, amount=deal.amount)
            yield Ask(scene.bank.message(own, de90=original), _SOON)


def advise_undoing_anothers(scene: Scene) -> Script:
    """The same by advice."""
    for other in scene.others:
        for deal in [*other.deals[-2:], _deal(scene)]:
            original = f"{deal.mti}{deal.stan}{deal.sent_at[4:]}{other.terms.full_code}{'0' * 11}"
            given = {"de90": original, "de41": deal.terminal, "de4": f"{deal.amount:012d}"}
            yield Ask(scene.bank.reversal(deal, "0420", **given), _SOON)
            own = _deal(scene, mti="0220", code=CANCEL, due="", terminal=deal.terminal, amount=deal.amount)
            yield Ask(scene.bank.message(own, de90=original), _SOON)


def keep_old_key(scene: Scene) -> Script:
    """Change keys, and go on with the old one, within its time and after it."""
    bank = scene.bank
    link = bank.ready_link()
    if link is None:
        return
    told: list[Message | None] = []
    link.ask(bank.network_message("101"), told.append, _SOON)
    yield _SOON
    if not told or told[0] is None or told[0].fields.get(39) != "00" or link.over:
        return
    link.install(told[0])
    old = link.old_key
    for pause in (0.0, bank.random.choice((10.0, 40.0))):
        yield pause
        if not link.over and old is not None:
            link.send(bank.message(_deal(scene)), key=old)


def no_good_mac(scene: Scene) -> Script:
    """A MAC that is wrong, and none at all."""
    bank = scene.bank
    link = bank.ready_link()
    if link is not None and link.key is not None:
        body = bytearray(bank.terms.codec.seal(bank.message(_deal(scene)), link.key.mac))
        body[-1] = body[-2] if body[-1] != body[-2] else body[-1] ^ 1
        link.send_body(bytes(body))
        link.send(bank.message(_deal(scene)), sealed=False)
    yield 1.0


def reverse_first(scene: Scene) -> Script:
    """The reversal before its original, and once more after it."""
    deal = _deal(scene)
    yield Ask(scene.bank.reversal(deal), _SOON)
    yield Ask(scene.bank.message(deal), _SOON)
    yield Ask(scene.bank.reversal(deal), _SOON)
    yield Ask(scene.bank.message(deal, repeat=True), _SOON)


def reverse_twice(scene: Scene) -> Script:
    """A reversal, its repeat, another, and one of the reversal itself."""
    deal = _deal(scene)
    yield Ask(scene.bank.message(deal), _SOON)
    message = scene.bank.reversal(deal)
    yield Ask(message, _SOON)
    yield Ask(Message("0401", message.fields), _SOON)
    yield Ask(scene.bank.reversal(deal, "0420"), _SOON)
    fields = message.fields
    own = f"0200{fields[11]}{fields[7]}{scene.bank.terms.full_code}{'0' * 11}"
    yield Ask(scene.bank.reversal(deal, de90=own), _SOON)


def cancel_and_back(scene: Scene) -> Script:
    """Cancels, reversals of cancels, reversals of what was cancelled, in any order."""
    bank, deal = scene.bank, _deal(scene)
    yield Ask(bank.message(deal), _SOON)
    cancels = []
    for _ in range(bank.random.randrange(1, 5)):
        choice = bank.random.choice(("cancel", "cancel", "reverse a cancel", "reverse", "again", "wait"))
        if choice == "cancel":
            own = _deal(scene, code=CANCEL, due="", terminal=deal.terminal)
            own.mti = bank.random.choice(("0200", "0200", "0220"))
            cancels.append(own)
            yield Ask(bank.message(own, de90=bank.original(deal)), _SOON)
        elif choice == "reverse a cancel" and cancels:
            yield Ask(bank.reversal(bank.random.choice(cancels)), _SOON)
        elif choice == "reverse":
            yield Ask(bank.reversal(deal), _SOON)
        elif choice == "again":
            yield Ask(bank.message(_deal(scene)), _SOON)
        else:
            yield bank.random.choice((1.0, 40.0))


def late_undoing(scene: Scene) -> Script:
    """Done, and cancelled or reversed much later: on another date if there was a cut-over."""
    bank, deal = scene.bank, _deal(scene)
    yield Ask(bank.message(deal), _SOON)
    yield 60.0 * bank.random.random()
    own = _deal(scene, code=CANCEL, due="", terminal=deal.terminal)
    yield Ask(bank.message(own, de90=bank.original(deal)), _SOON)
    yield 30.0 * bank.random.random()
    yield Ask(bank.reversal(deal), _SOON)
    yield Ask(bank.reversal(own), _SOON)


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
        yield Ask(bank.message(_deal(scene, **change)), _SOON)
    broken = bank.message(_deal(scene))
    missing = bank.random.choice((3, 4, 12, 13, 37, 42, 48, 49))
    fields = {number: text for number, text in broken.fields.items() if number != missing}
    yield Ask(Message(broken.mti, fields), _SOON)
    yield Ask(Message(broken.mti, {**bank.message(_deal(scene)).fields, 52: "0123456789ABCDEF"}), _SOON)


def advise(scene: Scene) -> Script:
    """Advices: one that fits, one that does not, repeats, and their reversals."""
    bank = scene.bank
    for change in bank.random.sample(({}, {"amount": 1}, {"policy": "NONE"}, {"terminal": "X2000000"}), 2):
        deal = _deal(scene, mti="0220", **change)
        yield Ask(bank.message(deal), _SOON)
        yield Ask(bank.message(deal, repeat=True), _SOON)
        if bank.random.random() < 0.5:
            yield Ask(bank.reversal(deal, bank.random.choice(("0400", "0420"))), _SOON)
            yield Ask(bank.reversal(deal), _SOON)


def everything_twice(scene: Scene) -> Script:
    """Each message twice at once, on one link or on two."""
    bank, deal = scene.bank, _deal(scene)
    message, reversal = bank.message(deal), bank.reversal(deal)
    for one in (message, reversal):
        _post(bank, one, Message(one.mti[:3] + "1", one.fields))
        yield bank.random.choice((0.0, 0.5, 5.0))
        _post(bank, one)
        yield 1.0


def burst(scene: Scene) -> Script:
    """Many at once, in one breath: most for the same due."""
    bank = scene.bank
    messages = []
    for _ in range(bank.random.randrange(5, 16)):
        deal = _deal(scene)
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
    body = bank.terms.codec.seal(bank.message(_deal(scene)), link.key.mac)
    choice = bank.random.randrange(4)
    if choice == 0:
        link.send_body(bank.random.randbytes(bank.random.randrange(1, 60)))
    elif choice == 1:
        link.send_body(body[: bank.random.randrange(1, len(body))])
    elif choice == 2:
        link.send(Message("0600", bank.message(_deal(scene)).fields))
    else:
        link.transport.write(bank.random.randbytes(bank.random.randrange(1, 40)))
    yield 1.0


def ask_around(scene: Scene) -> Script:
    """Inquiries of every kind, about one's own and others'."""
    bank, target = scene.bank, scene.target
    yield Ask(bank.inquiry(DUES, (("PN", target.policy),)), _SOON)
    yield Ask(bank.inquiry(STATUS, (("PN", target.policy),)), _SOON)
    deal = _deal(scene)
    yield Ask(bank.inquiry(OUTCOME, (), deal), _SOON)
    yield Ask(bank.message(deal), _SOON)
    yield Ask(bank.inquiry(OUTCOME, (), deal), _SOON)
    yield Ask(bank.inquiry(RECEIPT, (), deal), _SOON)
    yield Ask(bank.inquiry(DUES, (("PN", target.policy), ("PG", "2"))), _SOON)
    receipts = [one.receipt for other in scene.others for one in other.deals if one.receipt]
    for number in receipts[:1]:
        yield Ask(bank.inquiry(RECEIPT, (("RN", number),)), _SOON)
    yield Ask(bank.reversal(deal), _SOON)
    yield Ask(bank.inquiry(RECEIPT, (), deal), _SOON)
    yield Ask(bank.inquiry(OUTCOME, (), deal), _SOON)


def add_up(scene: Scene) -> Script:
    """Totals of today and of another date, right or not."""
    bank = scene.bank
    for date in bank.random.sample(("1124", "1125", "1126", "0101"), 2):
        yield Ask(bank.totals(date), _SOON)


def sign_off(scene: Scene) -> Script:
    """Sign off, and go on all the same; then sign on again."""
    bank = scene.bank
    link = bank.ready_link()
    if link is None:
        return
    link.send(bank.network_message("002"))
    link.send(bank.message(_deal(scene)))
    yield 5.0
    if not link.over:
        told: list[Message | None] = []
        link.ask(bank.network_message("001"), told.append, _SOON, sealed=False)
        yield _SOON
        if told and told[0] is not None and told[0].fields.get(39) == "00":
            link.install(told[0])


def not_my_money(scene: Scene) -> Script:
    """A payout to whoever asks."""
    bank = scene.bank
    identity = scene.stranger if scene.target.code in PAYOUTS else ""
    yield Ask(bank.message(_deal(scene, identity=identity)), _SOON)
    yield Ask(bank.message(_deal(scene)), _SOON)


ACTS: Mapping[str, Act] = MappingProxyType(
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
            late_undoing,
            wrong_content,
            advise,
            everything_twice,
            burst,
            garbage,
            ask_around,
            add_up,
            sign_off,
            not_my_money,
        )
    }
)
"""What is in every run's choice."""
