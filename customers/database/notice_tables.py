"""The tables of notices to customers, of their deliveries, and of tasks for staff, with what they refuse.

No statement here reads or writes rows. Moments are microseconds since 1970-01-01 UTC. No phone, address or
name stands here: a delivery names a contact by its number.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from customers.database.schema import CUSTOMERS
from customers.rules.notice_states import (
    DELIVERY_TRANSITIONS,
    NOTICE_TRANSITIONS,
    TASK_TRANSITIONS,
    Channel,
    DeliveryState,
    NoticeState,
    Outcome,
    TaskKind,
    TaskState,
    TaskStep,
)
from customers.rules.sending import A_DAY_MAX, AGAIN_US
from ledger.book.guards import (
    attach,
    changed,
    make_append_only,
    make_lasting,
    not_a_step,
    refused_insert,
    refused_update,
)
from ledger.book.schema import integer_column, one_of, partial_index, text_column

notices = Table(
    "notices",
    CUSTOMERS,
    Column("notice", Integer, primary_key=True, autoincrement=False),
    text_column("person"),
    text_column("policy"),
    text_column("template"),
    text_column("lang"),
    text_column("about"),
    text_column("dedupe"),
    text_column("content"),
    integer_column("not_before"),
    text_column("state"),
    integer_column("created_at"),
    integer_column("moved_at"),
    ForeignKeyConstraint(["person"], ["persons.person"], name="notice_of_person"),
    UniqueConstraint("dedupe", name="notice_once"),
    UniqueConstraint("person", "template", "about", name="template_once"),
    CheckConstraint(one_of("state", NoticeState), name="notice_state"),
    CheckConstraint("lang IN ('zh', 'en')", name="notice_lang"),
    CheckConstraint("template <> '' AND about <> '' AND dedupe <> ''", name="notice_is_whole"),
    CheckConstraint("content NOT LIKE '%@%' AND about NOT LIKE '%@%'", name="notice_has_no_address"),
    partial_index("notices_to_send", "not_before", where="state IN ('queued', 'unknown', 'accepted')"),
)
"""What is to be told to whom: the template, and in `content` the values of its places, as a JSON text. One
`dedupe` is one notice, and a person gets a template about one thing (`about`: a due, a receipt) once.
"""

deliveries = Table(
    "deliveries",
    CUSTOMERS,
    integer_column("notice"),
    integer_column("attempt"),
    text_column("person"),
    text_column("day"),
    integer_column("nth_of_day"),
    text_column("channel"),
    integer_column("contact"),
    text_column("sender"),
    text_column("key"),
    text_column("ref"),
    text_column("state"),
    integer_column("sent_at"),
    integer_column("report_at"),
    text_column("reason"),
    PrimaryKeyConstraint("notice", "attempt"),
    ForeignKeyConstraint(["notice"], ["notices.notice"], name="delivery_of_notice"),
    CheckConstraint(one_of("channel", Channel), name="delivery_channel"),
    CheckConstraint(one_of("state", DeliveryState), name="delivery_state"),
    CheckConstraint("attempt > 0 AND sender <> '' AND key <> ''", name="delivery_is_whole"),
    CheckConstraint(
        f"nth_of_day BETWEEN 0 AND {A_DAY_MAX} AND (nth_of_day = 0) = (channel = 'post' OR state = 'failed')",
        name="so_many_a_day",
    ),
    CheckConstraint("reason NOT LIKE '%@%' AND ref NOT LIKE '%@%'", name="delivery_has_no_address"),
    partial_index("nth_once", "person", "day", "nth_of_day", where="nth_of_day <> 0", unique=True),
    partial_index("deliveries_by_key", "sender", "key", where="state IN ('unknown', 'accepted')"),
)
"""Each attempt to deliver a notice: by which channel and sender, to the contact of which number. It is
written as unknown before anything is sent. `key` is what a sender knows it by if it is sent again; `ref` what
the sender calls it. `nth_of_day` counts what went to a person on a day in Beijing, letters not.
"""

tasks = Table(
    "tasks",
    CUSTOMERS,
    Column("task", Integer, primary_key=True, autoincrement=False),
    text_column("kind"),
    text_column("policy"),
    text_column("person"),
    text_column("owner"),
    text_column("due_on"),
    text_column("state"),
    text_column("outcome"),
    text_column("note"),
    integer_column("escalated"),
    integer_column("opened_at"),
    integer_column("moved_at"),
    CheckConstraint(one_of("kind", TaskKind), name="task_kind"),
    CheckConstraint(one_of("state", TaskState), name="task_state"),
    CheckConstraint(f"outcome = '' OR {one_of('outcome', Outcome)}", name="task_outcome"),
    CheckConstraint("policy <> '' OR person <> ''", name="task_is_about_something"),
    CheckConstraint("state <> 'open' OR owner = ''", name="open_task_is_nobodys"),
    CheckConstraint("state <> 'assigned' OR owner <> ''", name="assigned_task_is_somebodys"),
    CheckConstraint("state = 'done' OR outcome = ''", name="outcome_ends_a_task"),
    CheckConstraint("note NOT LIKE '%@%'", name="task_has_no_address"),
    partial_index("one_open_task", "kind", "policy", "person", where="state <> 'done'", unique=True),
)
"""What staff have to do. Of one kind about one policy and person there is one that is not done. `escalated`
counts how often it was taken away from somebody who let its time pass; `moved_at` is when it was last taken.
"""

task_history = Table(
    "task_history",
    CUSTOMERS,
    integer_column("task"),
    integer_column("step"),
    text_column("what"),
    integer_column("at"),
    text_column("by"),
    text_column("owner"),
    text_column("state"),
    text_column("note"),
    PrimaryKeyConstraint("task", "step"),
    ForeignKeyConstraint(["task"], ["tasks.task"], name="history_of_task"),
    CheckConstraint(one_of("what", TaskStep), name="history_step"),
    CheckConstraint(one_of("state", TaskState), name="history_state"),
    CheckConstraint("note NOT LIKE '%@%'", name="history_has_no_address"),
)
"""All that happened to each task, by whom. Append-only."""

for _table in (notices, deliveries, tasks):
    make_lasting(_table)
make_append_only(task_history)


_NOTICE_KEPT: Final = (
    *("notice", "person", "policy", "template", "lang", "about", "dedupe", "content", "created_at"),
)
_DELIVERY_KEPT: Final = (
    *("notice", "attempt", "person", "day", "channel", "contact", "sender", "key", "sent_at"),
)
_TASK_KEPT: Final = ("task", "kind", "policy", "person", "due_on", "note", "opened_at")
_LAST: Final = (
    "coalesce((SELECT d.{column} FROM deliveries d WHERE d.notice = NEW.notice"
    " ORDER BY d.attempt DESC LIMIT 1), {otherwise})"
)
_LAST_STATE: Final = _LAST.format(column="state", otherwise="''")
_LAST_SENT: Final = _LAST.format(column="sent_at", otherwise="0")
_IS_DELIVERED: Final = (
    "EXISTS (SELECT 1 FROM deliveries d WHERE d.notice = NEW.notice AND d.state = 'delivered')"
)
_GUARDS: Final = (
    *refused_insert(
        "notice_begins_queued",
        "notices",
        "NEW.state <> 'queued' OR NEW.notice <> (SELECT count(*) + 1 FROM notices)",
        "a notice begins as queued, under the next number",
    ),
    *refused_update(
        "notice_goes_on",
        "notices",
        ", ".join((*_NOTICE_KEPT, "state", "moved_at", "not_before")),
        f"{changed(*_NOTICE_KEPT)} OR {not_a_step(NOTICE_TRANSITIONS)}",
        "a notice only goes on",
    ),
    *refused_update(
        "notice_follows_its_delivery",
        "notices",
        "state",
        f"(NEW.state <> OLD.state AND NEW.state IN ('unknown', 'accepted') AND {_LAST_STATE} <> NEW.state)"
        f" OR (NEW.state = 'delivered' AND NOT {_IS_DELIVERED})",
        "a notice is what its delivery is",
    ),
    *refused_update(
        "not_again_so_soon",
        "notices",
        "state",
        f"OLD.state IN ('unknown', 'accepted') AND NEW.state = 'queued' AND {_LAST_STATE} <> 'failed'"
        f" AND ({_LAST_STATE} <> 'unknown' OR NEW.moved_at - {_LAST_SENT} < {AGAIN_US})",
        "what may have been sent is not sent again within 24 hours",
    ),
    *refused_insert(
        "delivery_begins_unknown",
        "deliveries",
        "NEW.state <> 'unknown' OR NEW.ref <> '' OR NOT EXISTS (SELECT 1 FROM notices n"
        " WHERE n.notice = NEW.notice AND n.person = NEW.person AND n.state = 'queued')"
        " OR NEW.attempt <> (SELECT count(*) + 1 FROM deliveries d WHERE d.notice = NEW.notice)",
        "a delivery of a queued notice begins as unknown, as the next attempt",
    ),
    *refused_update(
        "delivery_goes_on",
        "deliveries",
        ", ".join((*_DELIVERY_KEPT, "state", "ref", "nth_of_day")),
        f"{changed(*_DELIVERY_KEPT)} OR {not_a_step(DELIVERY_TRANSITIONS)}"
        " OR (OLD.ref <> '' AND OLD.ref <> NEW.ref)"
        " OR (NEW.nth_of_day <> OLD.nth_of_day AND NEW.state <> 'failed')",
        "a delivery only goes on",
    ),
    *refused_insert(
        "task_begins_open",
        "tasks",
        "NEW.state <> 'open' OR NEW.escalated <> 0 OR NEW.task <> (SELECT count(*) + 1 FROM tasks)",
        "a task begins as open, under the next number",
    ),
    *refused_update(
        "task_goes_on",
        "tasks",
        ", ".join((*_TASK_KEPT, "state", "owner", "outcome", "escalated")),
        f"{changed(*_TASK_KEPT)} OR OLD.state = 'done' OR {not_a_step(TASK_TRANSITIONS)}"
        " OR NEW.escalated - OLD.escalated <>"
        " (CASE WHEN OLD.state = 'assigned' AND NEW.state = 'open' THEN 1 ELSE 0 END)",
        "a task only goes on",
    ),
    *refused_insert(
        "history_follows_the_task",
        "task_history",
        "NEW.step <> (SELECT count(*) + 1 FROM task_history h WHERE h.task = NEW.task) OR NOT EXISTS"
        " (SELECT 1 FROM tasks t WHERE t.task = NEW.task AND t.state = NEW.state AND t.owner = NEW.owner)",
        "a record of a task says what it is, under the next number",
    ),
)
for _guard in _GUARDS:
    attach(CUSTOMERS.tables[_guard.table], _guard)
