"""Who is at the keyboard, and at the other end: the kernel's word for it, whatever a caller sets."""

from __future__ import annotations

import errno
import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import fep.operator.identity
from fep.operator.identity import UNTOLD, PersonUnknown, at_keyboard, at_other_end
from tests.support.other_user import SECONDS, can_have_namespaces, namespace, started

pytestmark = pytest.mark.slow

NOBODY: Final = pwd.getpwnam("nobody")
ME: Final = pwd.getpwuid(os.getuid()).pw_name
NAMELESS: Final = 2_000_000_123
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
UNSET: Final = "4294967295"


def made(tmp_path: Path, login: str | None, process: object = "self") -> Path:
    """A folder like /proc in which a process came of this login."""
    folder = tmp_path / str(process)
    folder.mkdir()
    if login is not None:
        (folder / "loginuid").write_text(login)
    return tmp_path


def test_the_login_counts_and_not_the_user_that_it_has_become(tmp_path: Path) -> None:
    assert at_keyboard(made(tmp_path, str(NOBODY.pw_uid))) == "nobody"


@pytest.mark.parametrize("login", [UNSET, f"{UNSET}\n", None, "", "-1", "x"])
def test_without_a_login_the_real_user_counts(tmp_path: Path, login: str | None) -> None:
    assert at_keyboard(made(tmp_path, login)) == ME


def test_a_login_without_a_name_is_its_number(tmp_path: Path) -> None:
    assert at_keyboard(made(tmp_path, str(NAMELESS))) == str(NAMELESS)


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"])
def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv(name, "wang")
    assert at_keyboard(made(tmp_path, None)) == ME


def said_after(become: str, proc: Path = Path("/nonexistent")) -> str:
    """Who a process is once it has changed itself; by default one that no login began."""
    return started(become, "say", str(proc)).communicate(timeout=SECONDS)[0]


@needs_root
def test_another_real_user_is_another_person_whatever_it_calls_itself() -> None:
    assert said_after("another user") == "nobody"


@needs_root
def test_an_effective_user_is_no_other_person() -> None:
    assert said_after("another effective user") == "root"


def can_log_in() -> bool:
    """Whether a process may be given a login here: root alone may, and only where the kernel keeps one."""
    try:
        return os.getuid() == 0 and Path("/proc/self/loginuid").read_text() == UNSET
    except OSError:
        return False


real_logins = pytest.mark.skipif(not can_log_in(), reason="no login can be given: not root, or one has begun")


@real_logins
def test_a_real_login_stays_whoever_the_process_becomes() -> None:
    assert said_after("logged in", Path("/proc")) == "nobody"


# User namespaces: whoever makes one says what the numbers in it are, and needs not be root for it.


needs_namespaces = pytest.mark.skipif(
    not can_have_namespaces(), reason="no user namespace can be made here: no unshare(1), or it is forbidden"
)


@pytest.fixture(params=["since 6.11", "before"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "before":
        monkeypatch.setattr(fep.operator.identity, "_PIDFD_GET_USER_NAMESPACE", 0xFFFF)
    return str(request.param)


def test_in_the_systems_first_namespace_a_person_is_told(system: str, tmp_path: Path) -> None:
    assert at_keyboard(made(tmp_path, None)) == ME, system


def test_in_another_namespace_nobody_is_told(
    system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As if another were the first."""
    monkeypatch.setattr(fep.operator.identity, "_FIRST_USER_NAMESPACE", 1)
    assert at_keyboard(made(tmp_path, str(NOBODY.pw_uid))) == UNTOLD, system


@needs_namespaces
@pytest.mark.parametrize("number", [0, 1, NOBODY.pw_uid, NAMELESS])
def test_a_number_that_a_namespace_gives_is_nobodys(number: int) -> None:
    output = started("nobody else", "say", "/proc", before=namespace(number)).communicate(timeout=SECONDS)[0]
    assert output == UNTOLD


@needs_namespaces
def test_what_a_namespace_mounts_over_proc_is_not_believed(tmp_path: Path) -> None:
    """A false login, and the namespace of a process outside in the place of its own: from Linux 6.11 /proc is
    not asked which namespace it is.
    """
    first = os.stat("/proc/self/ns/user").st_ino
    (tmp_path / "self").mkdir()
    (tmp_path / "self/loginuid").write_text(str(NOBODY.pw_uid))
    before = ("sh", "-c", f'mount --bind {tmp_path} /proc && exec "$@"', "sh")
    completed = started("nobody else", "say", "/proc", before=(*namespace(0), *before))
    assert (completed.communicate(timeout=SECONDS)[0], first) == (
        UNTOLD,
        fep.operator.identity._FIRST_USER_NAMESPACE,
    )


# The other end of a socket.


class Other(NamedTuple):
    """The test's end of a connection, and the process that opened the other."""

    here: socket.socket
    process: subprocess.Popen[str]

    def end(self) -> None:
        """Have the other process end, and see to it that it has."""
        with suppress(BrokenPipeError):  # it has ended already
            self.here.send(b"x")
        self.process.communicate(timeout=SECONDS)


@contextmanager
def connected(tmp_path: Path, become: str = "nobody else", before: tuple[str, ...] = ()) -> Iterator[Other]:
    """A connection that another process has opened once it has changed itself; it ends when told a byte."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(SECONDS)
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o666)
        process = started(become, "connect", str(path), before=before)
        try:
            here, _ = listener.accept()
        except TimeoutError:
            process.kill()
            process.communicate()
            raise
    with here:
        other = Other(here, process)
        try:
            yield other
        finally:
            other.end()


def no_descriptor_of_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel before 6.5."""
    monkeypatch.setattr(fep.operator.identity, "_SO_PEERPIDFD", 9999)


@pytest.fixture(params=["since 6.5", "before"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "before":
        no_descriptor_of_the_socket(monkeypatch)
    return str(request.param)


def test_an_option_that_no_kernel_has_is_refused_as_the_code_expects() -> None:
    here, there = socket.socketpair()
    with here, there, pytest.raises(OSError, match="Protocol not available") as raised:
        here.getsockopt(socket.SOL_SOCKET, 9999)
    assert raised.value.errno == errno.ENOPROTOOPT


def test_the_login_of_the_process_that_connected_counts(tmp_path: Path, kernel: str) -> None:
    with connected(tmp_path) as other:
        assert at_other_end(other.here, made(tmp_path, str(NOBODY.pw_uid), other.process.pid)) == "nobody", (
            kernel
        )


@real_logins
def test_the_real_login_of_the_process_that_connected_counts(tmp_path: Path, kernel: str) -> None:
    with connected(tmp_path, "logged in") as other:
        assert at_other_end(other.here) == "nobody", kernel


@pytest.mark.parametrize("login", [UNSET, None])
def test_the_user_who_connected_counts_where_there_is_no_login(
    tmp_path: Path, kernel: str, login: str | None
) -> None:
    with connected(tmp_path) as other:
        assert at_other_end(other.here, made(tmp_path, login, other.process.pid)) == ME, kernel


@needs_root
def test_another_user_who_connected_is_another_person(tmp_path: Path, kernel: str) -> None:
    tmp_path.chmod(0o711)
    for folder in tmp_path.parents:
        if folder.owner() == ME and folder.name.startswith(("pytest", "popen")):
            folder.chmod(0o711)
    with connected(tmp_path, "another user") as other:
        assert at_other_end(other.here, made(tmp_path, None, other.process.pid)) == "nobody", kernel


@needs_namespaces
def test_a_namespace_at_the_other_end_makes_nobody_another(tmp_path: Path, kernel: str) -> None:
    """The kernel tells the numbers as they are on this side."""
    with connected(tmp_path, before=namespace(NAMELESS)) as other:
        assert at_other_end(other.here, Path("/nonexistent")) == ME, kernel


def test_who_has_no_number_on_this_side_is_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    """In a user namespace all who come from outside it have one number: they are not one person."""
    monkeypatch.setattr(fep.operator.identity, "_UNMAPPED", os.getuid())
    with connected(tmp_path) as other:
        assert at_other_end(other.here, Path("/nonexistent")) == ME, "in the first namespace it is somebody"
        monkeypatch.setattr(fep.operator.identity, "_FIRST_USER_NAMESPACE", 1)
        with pytest.raises(PersonUnknown, match="has no number in this user namespace"):
            at_other_end(other.here, Path("/nonexistent"))
    assert kernel


def test_a_number_that_may_be_another_processs_by_now_says_nothing(tmp_path: Path, kernel: str) -> None:
    """The process has ended: the login that stands under its number is somebody else's."""
    with connected(tmp_path) as other:
        proc = made(tmp_path, str(NOBODY.pw_uid), other.process.pid)
        other.end()
        with pytest.raises(PersonUnknown, match="nothing was done"):
            at_other_end(other.here, proc)
    assert kernel


def test_a_process_that_ends_while_its_login_is_read_says_nothing(
    tmp_path: Path, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(tmp_path) as other:

        def ends_then_reads(_folder: Path) -> int:
            other.end()
            return NOBODY.pw_uid

        monkeypatch.setattr(fep.operator.identity, "_login", ends_then_reads)
        with pytest.raises(PersonUnknown):
            at_other_end(other.here, tmp_path)
    assert kernel


def test_a_system_without_descriptors_of_processes_tells_the_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_descriptor_of_the_socket(monkeypatch)

    def not_here(_process: int) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", not_here)
    with connected(tmp_path) as other:
        assert at_other_end(other.here, made(tmp_path, str(NOBODY.pw_uid), other.process.pid)) == ME


def test_no_descriptor_is_left_open(tmp_path: Path, kernel: str) -> None:
    with connected(tmp_path) as other:
        proc = made(tmp_path, UNSET, other.process.pid)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            at_other_end(other.here, proc)
        assert len(os.listdir("/proc/self/fd")) == before, kernel
