"""The cases, as data: each a sentence of the interface and the steps that hold a machine to it.

A case has an id, the section of docs/protocol.md that demands it, a title in Chinese and in English, and
steps (`simulators.certify.steps`). Their order is that of an examination: `conversation` first, since
without a session nothing else can be asked; then `security`, `forms`, `money`, `reversals`; `questions`
last (with `inquiries` in it), whose last case finds the totals as they stood before the first.

A new case is one entry in one of these lists. Whatever it has approved is reversed behind it, so a case may
lean on no other. A case that a bank's terms rule out says `NotApplicable`; it is not left out.
"""

from __future__ import annotations

from simulators.certify.cases.conversation import CONVERSATION
from simulators.certify.cases.forms import FORMS
from simulators.certify.cases.money import MONEY
from simulators.certify.cases.questions import QUESTIONS
from simulators.certify.cases.reversals import REVERSALS
from simulators.certify.cases.security import SECURITY
from simulators.certify.steps import Case

CASES: tuple[Case, ...] = (*CONVERSATION, *SECURITY, *FORMS, *MONEY, *REVERSALS, *QUESTIONS)
"""All of them, in the order in which they are asked; the last looks whether the books are clean."""
