"""`qianzhi` as somebody else's: `python -m tests.docs.keyboard PERSON ARGUMENT...`.

Who is at the keyboard the kernel says, by the login; a test has one login, and two people decide about a
break. So this process takes the name from its first argument, where the command would look it up; the rest
is the command.
"""

from __future__ import annotations

import sys

import fep.operator.identity
from console.main import main

if __name__ == "__main__":
    person = sys.argv.pop(1)
    fep.operator.identity.name_of = lambda _number: person
    main()
