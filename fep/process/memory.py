"""What this process asks of the kernel for itself, before it reads a key: that its memory stays its own.

Nothing here knows keys, settings or sockets. What only the system can set (who we are, what we may see), the
units in `deploy/` set.
"""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

from fep.errors import FepError

_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h"""


class ProcessError(FepError):
    """The kernel refuses what the process must have before it may hold keys."""


def keep_memory_private() -> None:
    """Write no core file, and let nobody of the same user read this process's memory. Raises ProcessError.

    A core file would hold every key. A limit of 0 does not stop a kernel that pipes cores into a program
    (core(5)), and a debugger needs no core at all: both ask whether the process is dumpable (prctl(2)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise ProcessError(f"this process cannot be made undumpable: {os.strerror(ctypes.get_errno())}")
