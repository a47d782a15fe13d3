"""Keeps this process's memory private, before it reads a key.

Nothing here knows keys, settings or sockets. The user and what the process may see are set by the systemd
units in `deploy/`.
"""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

from fep.errors import FepError
from qianzhi_errors.sentence import Sentence

_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h"""


class ProcessError(FepError):
    """The kernel refuses to protect the process's memory, so it must not hold keys."""


def keep_memory_private() -> None:
    """Make this process write no core file, and keep other processes of the same user from reading its
    memory. Raises ProcessError.

    A core file would hold every key. A core limit of 0 does not stop a kernel that pipes cores into a program
    (core(5)), and a debugger needs no core file: both look at the process's dumpable flag (prctl(2)), which
    is cleared as well.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise ProcessError(
            Sentence(
                "this process cannot be made undumpable: {reason}", reason=os.strerror(ctypes.get_errno())
            )
        )
