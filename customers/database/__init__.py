"""The customers' database: its tables, and what it refuses by itself.

    schema           tables, constraints and triggers, for SQLite and PostgreSQL
    contact_tables   those of contacts, agents, consents and changes
    notice_tables    those of notices, deliveries and tasks for staff
    audit_log        who did what with a person, chained (`ledger.book.audit_log`)

Whatever is imported of it, all tables are known to its MetaData.

Nothing of a customer stands in a column in clear but the masked name and the tail of a contact: a name, a
document's number and a contact are sealed lines under the person's key, and are found again by keyed digests.
The database holds to it that a person's state changes only by a proposal that two people agree on, that a key
which was destroyed never comes back, and that a contact is in the state to which its history leads. roles.sql
grants each role on PostgreSQL what it needs. No rule of the program's own may be put here.
"""

from customers.database import contact_tables, notice_tables, schema

__all__ = ["contact_tables", "notice_tables", "schema"]
