"""The clerks of a settings file: who may do what, by the permissions that the file gives each.

Office, customers and archive have clerks with permissions of their own; what a permission allows is theirs to
say, and so is the error that is raised without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Protocol

from pydantic import Field

from ledger.files.settings import Fault
from qianzhi_errors.sentence import Sentence, listed

Name = Annotated[str, Field(pattern=r"^\S.{0,62}\S$|^\S$")]
"""The name of a person in the settings: 64 characters at most, no blank at either end."""


class Clerk(Protocol):
    """A section [[clerk]] of any of the settings files."""

    @property
    def name(self) -> str:
        """The login."""

    @property
    def may(self) -> Sequence[str]:
        """The permissions."""


def refusal(clerks: Sequence[Clerk], person: str, permission: str) -> str:
    """Why the settings do not let this person do something; empty if they do."""
    allowed = [clerk.name for clerk in clerks if permission in clerk.may]
    if person in allowed:
        return ""
    return Sentence(
        "{person!r} may not {permission}; these may: {names}",
        person=person,
        permission=permission,
        names=listed(allowed) or Sentence("nobody yet"),
    )


def name_faults(clerks: Sequence[Clerk]) -> Iterator[Fault]:
    """Yield the fault of clerks of whom two have one name."""
    names = [clerk.name for clerk in clerks]
    if len(set(names)) < len(names):
        yield Fault("clerk", Sentence("two clerks have one name"))
