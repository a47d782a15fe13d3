"""The cases, as data: each a sentence of the interface and the steps that hold a machine to it."""

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
