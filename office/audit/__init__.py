"""The audit: everything added up again from the journal, the banks' lines and the breaks, by code of its own.

It trusts nothing and changes nothing. Its modules use the tables' definitions, the store's connections and
the check of a signature, and no other module of ours: what did the work cannot vouch for it.
"""

from __future__ import annotations

from office.audit.dues import DuesFile
from office.audit.evidence import Checked, Failing, Stated
from office.audit.run import INVARIANTS, NOT_IN_DATA, Audit, Verdict, audit, audit_dues, examine

__all__ = [
    "INVARIANTS",
    "NOT_IN_DATA",
    "Audit",
    "Checked",
    "DuesFile",
    "Failing",
    "Stated",
    "Verdict",
    "audit",
    "audit_dues",
    "examine",
]
