"""Runs Python under a unit's system call filter, without systemd: the kernel's seccomp, by libseccomp.

`python tests/support/system_call_filter.py UNIT [ARGUMENT...]` runs `python ARGUMENT...`. Takes
SystemCallFilter= and MemoryDenyWriteExecute= from the unit as systemd does; nothing else of it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from errno import EPERM
from pathlib import Path

LIBRARY = "libseccomp.so.2"
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | EPERM
_ALWAYS = frozenset({"execve", "exit", "exit_group", "rt_sigreturn"})
"""systemd never refuses these (seccomp-util.c): without them nothing starts or ends."""
_MASKED_EQUAL = 7


class _Comparison(ctypes.Structure):
    """scmp_arg_cmp: (argument & mask) == value."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


def expanded(names: list[str]) -> set[str]:
    """System calls of a filter's list, with the sets that begin with @ spelt out by systemd-analyze."""
    calls = set()
    for name in names:
        if name.startswith("@"):
            output = subprocess.run(
                ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
            ).stdout
            lines = [line.strip() for line in output.splitlines()[1:]]
            calls |= expanded([line for line in lines if line and not line.startswith("#")])
        else:
            calls.add(name)
    return calls


def allowed(unit: str) -> set[str]:
    """The system calls that a unit's text leaves, in the order of its lines."""
    calls: set[str] = set()
    for line in unit.splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter" and value.startswith("~"):
            calls -= expanded(value[1:].split())
        elif key == "SystemCallFilter":
            calls |= expanded(value.split())
    return calls | _ALWAYS


def confine(unit: str) -> None:
    """Put this process, and all that it starts, under the unit's filter. There is no way back."""
    seccomp = ctypes.CDLL(LIBRARY)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(_REFUSE))
    denies_writable_code = "MemoryDenyWriteExecute=true" in unit.splitlines()
    written_and_run = mmap.PROT_WRITE | mmap.PROT_EXEC
    for name in sorted(allowed(unit)):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # of another architecture
            continue
        if denies_writable_code and name == "mmap":
            for part in (0, mmap.PROT_WRITE, mmap.PROT_EXEC):
                rule = _Comparison(2, _MASKED_EQUAL, written_and_run, part)
                seccomp.seccomp_rule_add_array(context, _ALLOW, number, 1, ctypes.byref(rule))
        elif denies_writable_code and name == "mprotect":
            rule = _Comparison(2, _MASKED_EQUAL, mmap.PROT_EXEC, 0)
            seccomp.seccomp_rule_add_array(context, _ALLOW, number, 1, ctypes.byref(rule))
        else:
            seccomp.seccomp_rule_add_array(context, _ALLOW, number, 0, None)
    failed = seccomp.seccomp_load(context)
    if failed:
        raise OSError(-failed, "the kernel does not take the filter")


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
