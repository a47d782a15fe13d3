"""The figures of docs/figures/, each out of the table that the code itself obeys."""

from __future__ import annotations

from typing import Any

from archive.rules.states import COPY, PARCEL, VOLUME, CopyState, ParcelState, VolumeState
from collection.rules.states import BATCH, LINE, MANDATE, BatchState, LineState, MandateState
from customers.rules.contact_states import CHANGE_TRANSITIONS as CHANGE
from customers.rules.contact_states import CONTACT_TRANSITIONS as CONTACT
from customers.rules.contact_states import ChangeState, ContactState
from customers.rules.notice_states import NOTICE_TRANSITIONS as NOTICE
from customers.rules.notice_states import TASK_TRANSITIONS as TASK
from customers.rules.notice_states import NoticeState, TaskState
from customers.rules.states import PROPOSAL_TRANSITIONS as PROPOSAL
from customers.rules.states import TRANSITIONS as PERSON
from customers.rules.states import PersonState, ProposalState
from fep.links.session import BUSINESS
from fep.links.session import TRANSITIONS as SESSION
from ledger.rules.day import TRANSITIONS as DAY
from ledger.rules.day import DayState
from office.accounting.break_states import TRANSITIONS as BREAK
from office.accounting.break_states import BreakState
from protocol.responses import Response
from tests.docs.figures import Arrow, Figure, draw
from tests.support.house_rules import DIRECTIONS


def packages() -> Figure:
    """Which package may import which; below is what knows of no other."""
    order = sorted(DIRECTIONS, key=lambda name: (-len(DIRECTIONS[name]), name))
    arrows = [Arrow(name, other) for name in order for other in DIRECTIONS[name] if other != name]
    return Figure("What each package may import", tuple((name, "") for name in order), tuple(arrows))


def session() -> Figure:
    """The states of a link's session. An input that changes nothing in a state is not drawn."""
    answers = {state.name: response for state, response in BUSINESS}
    boxes = tuple(
        (name, "a transaction may come" if answer is Response.APPROVED else f"a transaction gets {answer}")
        for name, answer in answers.items()
    )
    arrows = [
        Arrow(state.name, following.name, _words(event))
        for state, event, following, output in SESSION
        if state is not following or output.__name__ != "_nothing"
    ]
    return Figure("The states of a link's session", boxes, tuple(arrows))


def _words(event: Any) -> str:  # noqa: ANN401 - a method of the machine's protocol
    return str(event.__name__).replace("_", " ")


def day() -> Figure:
    """How far a business day has come."""
    boxes = tuple((state.value, "") for state in DayState)
    return Figure("The states of a business day", boxes, _arrows(DAY))


def break_() -> Figure:
    """The life of a break."""
    boxes = tuple((state.value, "") for state in BreakState)
    return Figure("The states of a break", boxes, _arrows(BREAK))


def person() -> Figure:
    """How far what is known of a person may be used."""
    boxes = tuple((state.value, "") for state in PersonState)
    return Figure("The states of a person", boxes, _arrows(PERSON))


def proposal() -> Figure:
    """The life of a proposal about a person."""
    boxes = tuple((state.value, "") for state in ProposalState)
    return Figure("The states of a proposal", boxes, _arrows(PROPOSAL))


def contact() -> Figure:
    """Whether something that is sent to a contact arrives."""
    boxes = tuple((state.value, "") for state in ContactState)
    return Figure("The states of a contact", boxes, _arrows(CONTACT))


def change() -> Figure:
    """How far a customer's request for another contact has come."""
    boxes = tuple((state.value, "") for state in ChangeState)
    return Figure("The states of a change", boxes, _arrows(CHANGE))


def notice() -> Figure:
    """How far a notice to a customer has come."""
    boxes = tuple((state.value, "") for state in NoticeState)
    return Figure("The states of a notice", boxes, _arrows(NOTICE))


def task() -> Figure:
    """How far a task for staff has come."""
    boxes = tuple((state.value, "") for state in TaskState)
    return Figure("The states of a task", boxes, _arrows(TASK))


def parcel() -> Figure:
    """How far a parcel of the archive has come."""
    boxes = tuple((state.value, "") for state in ParcelState)
    return Figure("The states of a parcel", boxes, _arrows(PARCEL))


def volume() -> Figure:
    """The life of a volume of the archive."""
    boxes = tuple((state.value, "") for state in VolumeState)
    return Figure("The states of a volume", boxes, _arrows(VOLUME))


def copy() -> Figure:
    """The life of a copy of a volume."""
    boxes = tuple((state.value, "") for state in CopyState)
    return Figure("The states of a copy", boxes, _arrows(COPY))


def batch() -> Figure:
    """How far a batch of collection has come."""
    boxes = tuple((state.value, "") for state in BatchState)
    return Figure("The states of a batch", boxes, _arrows(BATCH))


def line() -> Figure:
    """What becomes of a line of a batch."""
    boxes = tuple((state.value, "") for state in LineState)
    return Figure("The states of a line", boxes, _arrows(LINE))


def mandate() -> Figure:
    """The life of a mandate."""
    boxes = tuple((state.value, "") for state in MandateState)
    return Figure("The states of a mandate", boxes, _arrows(MANDATE))


def _arrows(table: Any) -> tuple[Arrow, ...]:  # noqa: ANN401 - tables over different enumerations
    return tuple(
        Arrow(state.value, following.value, event.value.replace("_", " "))
        for (state, event), following in table.items()
    )


def figures() -> dict[str, str]:
    """File name -> SVG, of all figures."""
    figures_by_name = {"packages": packages(), "session": session(), "day": day(), "break": break_()}
    figures_by_name |= {"person": person(), "proposal": proposal()}
    figures_by_name |= {"contact": contact(), "change": change()}
    figures_by_name |= {"notice": notice(), "task": task()}
    figures_by_name |= {"parcel": parcel(), "volume": volume(), "copy": copy()}
    figures_by_name |= {"batch": batch(), "line": line(), "mandate": mandate()}
    return {f"{name}.svg": draw(figure) for name, figure in figures_by_name.items()}
