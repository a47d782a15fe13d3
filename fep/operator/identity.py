"""The identity of an operator: the person at the keyboard, or at the other end of a local socket, by the
kernel's word.

It is the audit login uid of the process (pam_loginuid(8)), which stays with every process of a login,
through su and sudo; where no login started the process, its real uid. Nothing that a caller can set is
used: no variable, no option, no field of a message. The kernel gives both numbers as the reader's user
namespace has them, and anybody can make a namespace and choose the numbers in it (user_namespaces(7)); so
what a process reads about itself is believed only in the system's first namespace. What a person may do is
decided elsewhere.
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
from qianzhi_errors.sentence import Sentence

PROC: Final = Path("/proc")
_UNSET: Final = 2**32 - 1
"""The login uid of a process that no login started (audit_get_loginuid(3))."""
_CREDENTIALS: Final = struct.Struct("3i")
_SO_PEERPIDFD: Final = 77
"""asm-generic/socket.h, since Linux 6.5; Python has no name for it yet."""
_PIDFD_GET_USER_NAMESPACE: Final = 0xFF09
"""linux/pidfd.h, since Linux 6.11."""
_FIRST_USER_NAMESPACE: Final = 0xEFFFFFFD
"""The inode of the system's first user namespace (linux/proc_ns.h)."""
_UNMAPPED: Final = 65534
"""The uid of every user to whom a namespace gives no number (/proc/sys/kernel/overflowuid)."""

UNTOLD: Final = "unknown, in a user namespace"
"""The name of whoever acts in a user namespace other than the first. No login and no clerk has this name."""


class PersonUnknown(FepError):
    """The process that asked has ended, or has no number here: who it was cannot be said any more."""


def at_keyboard(proc: Path = PROC) -> str:
    """Return the name of the person who runs this process; UNTOLD outside the first user namespace, where
    whoever made the namespace chose its numbers.
    """
    if not _is_in_first_namespace():
        return UNTOLD
    return _person(_login(proc / "self"), os.getuid())


def at_other_end(connection: socket.socket, proc: Path = PROC) -> str:
    """Return the name of the person whose process opened the other end of a local connection (SO_PEERCRED,
    unix(7)).

    The login uid belongs to the process, and the process number may be another's by now. So the process is
    held by a descriptor while its login uid is read, and must not have ended after that. From Linux 6.5 the
    socket itself gives the descriptor. Before, it is opened by the process number: a process that ends
    between its connect() and our accept() could then be taken for another, so call this at once. A user
    namespace on the other side changes nothing: the kernel gives the numbers as they are on this side.
    Raises PersonUnknown where the process has ended, and where this side has no number for the user (a
    container that others reach into).
    """
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(packed)
    with _held(connection, process) as descriptor:
        login = _login(proc / str(process)) if descriptor is not None else None
        if descriptor is not None and _has_ended(descriptor):
            raise PersonUnknown(Sentence("who asked has ended: nothing was done"))
    if _UNMAPPED in (login, user) and not _is_in_first_namespace():
        raise PersonUnknown(Sentence("who asked has no number in this user namespace: nothing was done"))
    return _person(login, user)


def name_of(number: int) -> str:
    """Return the name of the user with this uid; the uid as text where there is none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _person(login: int | None, user: int) -> str:
    return name_of(user if login is None else login)


def _is_in_first_namespace() -> bool:
    """Whether this process is in the system's first user namespace. From Linux 6.11 the kernel says so of a
    descriptor; before, /proc is read, which whoever made a namespace can mount over.
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
    """Return the login uid of the process with this /proc folder; None where no login started it, or it may
    not be read.
    """
    try:
        text = (folder / "loginuid").read_text(encoding="ascii").strip()
    except OSError:
        return None
    number = int(text) if text.isdecimal() else _UNSET
    return None if number == _UNSET else number


@contextmanager
def _held(connection: socket.socket, process: int) -> Iterator[int | None]:
    """Context manager: a descriptor that holds the process (pidfd_open(2)), closed at the end. None where
    this system has none to give, or where the process has no number here because it runs in another
    container.
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
            raise PersonUnknown(Sentence("who asked has ended: nothing was done")) from error
    try:
        return os.pidfd_open(process)
    except ProcessLookupError as error:
        raise PersonUnknown(Sentence("who asked has ended: nothing was done")) from error
    except OSError:  # an older kernel, or one that was told not to
        return None


def _has_ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
