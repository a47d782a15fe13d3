"""Who is at the keyboard, or at the other end of a local socket: the kernel's word for it, and nobody else's.

A login's number (pam_loginuid(8)) stays with every process that comes of it, through su and sudo; where no
login began the process, its real user stands for the person. Nothing that a caller can set is asked: no
variable, no option, no field of a message. Both numbers are told as the asker's user namespace has them, and
anybody can make one and say what the numbers in it are (user_namespaces(7)); so about itself a process is
believed only in the system's first one. What a person may do, others say.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fep.errors import FepError

PROC: Final = Path("/proc")
_UNSET: Final = 2**32 - 1
"""The login's number of a process that no login began (audit_get_loginuid(3))."""
_CREDENTIALS: Final = struct.Struct("3i")
_SO_PEERPIDFD: Final = 77
"""asm-generic/socket.h, since Linux 6.5; Python has no name for it yet."""
_PIDFD_GET_USER_NAMESPACE: Final = 0xFF09
"""linux/pidfd.h, since Linux 6.11."""
_FIRST_USER_NAMESPACE: Final = 0xEFFFFFFD
"""The inode of the user namespace that the system has begun with (linux/proc_ns.h)."""
_UNMAPPED: Final = 65534
"""The number of every user to whom a namespace gives none (/proc/sys/kernel/overflowuid)."""

UNTOLD: Final = "unknown, in a user namespace"
"""Who did something in a user namespace other than the first. No login has such a name, nor has a clerk."""


class PersonUnknown(FepError):
    """Who asked has ended meanwhile: nobody can say any more who it was."""


def at_keyboard(proc: Path = PROC) -> str:
    """The person who runs this very process; UNTOLD in a user namespace, whose maker chose its numbers."""
    if not _is_in_first_namespace():
        return UNTOLD
    return _person(_login(proc / "self"), os.getuid())


def at_other_end(connection: socket.socket, proc: Path = PROC) -> str:
    """The person whose process opened the other end of a local connection (SO_PEERCRED, unix(7)).

    The login belongs to the process, and its number may be another's by now: the process is held by a
    descriptor while its login is read, and must not have ended after that. From Linux 6.5 the socket itself
    gives the descriptor. Before, it is got by the number: then a process that ends between its connect() and
    our accept() could be taken for another, so ask at once. A user namespace on the other side changes
    nothing: the kernel tells the numbers as they are on this side. Raises PersonUnknown, also where this side
    has no number for the user, as a container that others reach into.
    """
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(packed)
    with _held(connection, process) as descriptor:
        login = _login(proc / str(process)) if descriptor is not None else None
        if descriptor is not None and _has_ended(descriptor):
            raise PersonUnknown("who asked has ended: nothing was done")
    if _UNMAPPED in (login, user) and not _is_in_first_namespace():
        raise PersonUnknown("who asked has no number in this user namespace: nothing was done")
    return _person(login, user)


def name_of(number: int) -> str:
    """The name of the system's user with this number; the number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _person(login: int | None, user: int) -> str:
    return name_of(user if login is None else login)


def _is_in_first_namespace() -> bool:
    """Whether this process is in the user namespace that the system has begun with. From Linux 6.11 the
    kernel says so of a descriptor; before, /proc is asked, which whoever made a namespace can cover.
    """
    descriptors = []
    try:
        descriptors.append(os.pidfd_open(os.getpid()))
        descriptors.append(fcntl.ioctl(descriptors[0], _PIDFD_GET_USER_NAMESPACE))
        namespace = os.fstat(descriptors[1])
    except OSError:
        namespace = (PROC / "self/ns/user").stat()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return namespace.st_ino == _FIRST_USER_NAMESPACE


def _login(folder: Path) -> int | None:
    """The login's number of a process; None where no login began it, or where we are not shown it."""
    try:
        text = (folder / "loginuid").read_text(encoding="ascii").strip()
    except OSError:
        return None
    number = int(text) if text.isdecimal() else _UNSET
    return None if number == _UNSET else number


@contextmanager
def _held(connection: socket.socket, process: int) -> Iterator[int | None]:
    """A descriptor of the process (pidfd_open(2)); None where this system has none to give, or the process
    has no number here because it runs in another container.
    """
    descriptor = _descriptor(connection, process)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _descriptor(connection: socket.socket, process: int) -> int | None:
    if process <= 0:
        return None
    try:
        return connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise PersonUnknown("who asked has ended: nothing was done") from error
    try:
        return os.pidfd_open(process)
    except ProcessLookupError as error:
        raise PersonUnknown("who asked has ended: nothing was done") from error
    except OSError:  # an older kernel, or one that was told not to
        return None


def _has_ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
