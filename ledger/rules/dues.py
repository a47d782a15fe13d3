"""A policy and its states, and the kind of due that each processing code settles.

Pure, data only. A due is receivable where its kind is `premium` (the bank collects it for the insurer) and
payable where it is `benefit` (the bank pays it for the insurer). A due as the front book holds it is
`ledger.rules.view.Due`; as a line of a file gives it, `ledger.files.bookline.DueLine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.transactions import SETTLEMENTS

KINDS: Final[Mapping[str, str]] = MappingProxyType({code: row.kind for code, row in SETTLEMENTS.items()})
"""Processing code (DE 3) to the kind of due that it settles, `premium` or `benefit` (docs/protocol.md section
3).
"""

STATES: Final = frozenset({"pending", "active", "lapsed", "terminated"})
"""The states of a policy."""

ENDED: Final = frozenset({"lapsed", "terminated"})
"""The states in which no premium of a policy is collected any more; its benefits are still paid."""


class Policy(NamedTuple):
    """One policy; `state` is one of STATES, `holder` the policyholder's name. `serving` is the name of the
    agent or office that serves it, `ORPHAN` where none does, and `serving_phone` that office's phone; both
    are empty where the file of dues does not say it.
    """

    policy: str
    state: str
    holder: str
    serving: str = ""
    serving_phone: str = ""
