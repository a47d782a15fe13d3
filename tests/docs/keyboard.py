"""`qianzhi` as somebody else's: the first argument is a person's name.

Who is at the keyboard the kernel says, by the login; a test has one login, and two people decide about a
break. So this process takes the name from its first argument, where the command would look it up; the rest
is the command.
"""

from __future__ import annotations

import sys

import console.main
import fep.operator.identity


def main() -> None:
    """Run the command, with that person at its keyboard."""
    person = sys.argv.pop(1)
    fep.operator.identity.name_of = lambda _number: person
    console.main.main()
