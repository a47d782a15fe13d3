"""Loading: what is asked of nft, what its faults become, and that unconfirmed rules do not stay."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from firewall_rules.errors import NftError, NftRefused
from firewall_rules.loader import Nft, apply
from firewall_rules.nftables import REMOVAL

Done = subprocess.CompletedProcess
OLD, NEW = "table inet qianzhi {\n}\n", "the new rules"
CHECK, LOAD, LIST = (
    ("nft", "-c", "-f", "-"),
    ("nft", "-f", "-"),
    ("nft", "-s", "list", "table", "inet", "qianzhi"),
)


class Fake:
    """An nft that remembers what it was given, and refuses what it is told to refuse."""

    def __init__(
        self, loaded: str | None = OLD, refuse: tuple[str, ...] = (), stderr: str = "Error: no"
    ) -> None:
        self.loaded, self.refuse, self.stderr = loaded, refuse, stderr
        self.calls: list[tuple[tuple[str, ...], str]] = []

    def __call__(self, arguments: tuple[str, ...], *, input: str, **_: object) -> Done[str]:  # noqa: A002 - as there
        self.calls.append((arguments, input))
        if arguments[1] in self.refuse or input in self.refuse:
            return Done(arguments, 1, "", self.stderr)
        if arguments[1] == "-s":
            if self.loaded is None:
                return Done(arguments, 1, "", "Error: No such file or directory\n")
            return Done(arguments, 0, self.loaded, "")
        if arguments[1] == "-f":
            self.loaded = input.removeprefix(REMOVAL) or None
        return Done(arguments, 0, "", "")


@pytest.mark.parametrize(
    ("ask", "arguments", "text"),
    [
        (lambda nft: nft.check("rules"), CHECK, "rules"),
        (lambda nft: nft.load("rules"), LOAD, "rules"),
        (lambda nft: nft.listed(), LIST, ""),
    ],
    ids=["check", "load", "listed"],
)
def test_nft_is_run_in_utc_in_its_own_words_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[Nft], object], arguments: tuple[str, ...], text: str
) -> None:
    asked: list[tuple[tuple[str, ...], dict[str, object]]] = []

    def run(given: tuple[str, ...], **how: object) -> Done[str]:
        asked.append((given, how))
        return Done(given, 0, "", "")

    monkeypatch.setattr("os.environ", {"TZ": "Asia/Shanghai", "LC_ALL": "zh_CN", "A": "b", "PATH": "/bin"})
    ask(Nft(run))
    env = {"TZ": "UTC", "LC_ALL": "C", "A": "b", "PATH": "/bin:/usr/sbin:/sbin"}
    quiet = {"capture_output": True, "text": True, "check": False, "timeout": 30}
    assert asked == [(arguments, {"input": text, "env": env, **quiet})]


@pytest.mark.parametrize("environment", [{}, {"PATH": ""}])
def test_nft_is_never_looked_for_where_this_is_started(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    asked: list[dict[str, str]] = []

    def run(given: tuple[str, ...], *, env: dict[str, str], **_: object) -> Done[str]:
        asked.append(env)
        return Done(given, 0, "", "")

    monkeypatch.setattr("os.environ", environment)
    Nft(run).load("")
    assert asked == [{"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/sbin:/sbin"}]


@pytest.mark.parametrize(
    ("done", "listed"),
    [
        (Done((), 0, OLD, ""), OLD),
        (Done((), 0, OLD, "Warning: No such file or directory"), OLD),
        (Done((), 1, "", "Error: No such file or directory\nlist table inet qianzhi\n"), None),
    ],
)
def test_the_table_is_listed_or_there_is_none(done: Done[str], listed: str | None) -> None:
    assert Nft(lambda *_, **__: done).listed() == listed


def test_confirmed_rules_stay() -> None:
    fake = Fake()
    assert apply(Nft(fake), NEW, lambda: fake.loaded == NEW) is True
    assert fake.calls == [(LIST, ""), (CHECK, NEW), (LOAD, NEW)]


@pytest.mark.parametrize("before", [OLD, None])
def test_unconfirmed_rules_go_and_those_from_before_come_back(before: str | None) -> None:
    fake = Fake(before)
    assert apply(Nft(fake), NEW, lambda: False) is False
    assert fake.calls == [(LIST, ""), (CHECK, NEW), (LOAD, NEW), (LOAD, REMOVAL + (before or ""))]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, SystemExit])
def test_whatever_ends_the_wait_ends_in_the_old_rules(kind: type[BaseException]) -> None:
    def lost() -> bool:
        raise kind

    fake = Fake()
    with pytest.raises(kind):
        apply(Nft(fake), NEW, lost)
    assert fake.loaded == OLD


@pytest.mark.parametrize(("refuse", "calls"), [("-s", 1), ("-c", 2), ("-f", 3)])
def test_what_nft_refuses_is_never_half_loaded_and_nothing_is_put_back(refuse: str, calls: int) -> None:
    fake = Fake(refuse=(refuse,))
    with pytest.raises(NftRefused, match=r": Error: no$"):
        apply(Nft(fake), NEW, lambda: pytest.fail("nothing to confirm"))
    assert fake.calls == [(LIST, ""), (CHECK, NEW), (LOAD, NEW)][:calls]


def test_a_load_that_is_interrupted_ends_in_the_old_rules() -> None:
    """Whether nft had loaded the new ones by then, nobody knows."""
    fake = Fake()

    def run(arguments: tuple[str, ...], **given: str) -> Done[str]:
        done = fake(arguments, **given)
        if given["input"] == NEW and arguments[1] == "-f":
            raise subprocess.TimeoutExpired("nft", 30)
        return done

    with pytest.raises(NftError, match=r"^nft has not ended within 30 seconds$"):
        apply(Nft(run), NEW, lambda: True)
    assert fake.loaded == OLD


def test_rules_that_cannot_be_put_back_are_told_with_the_way_out() -> None:
    reason = (
        "the rules from before could not be put back: nft -f -: Error: no\n"
        "the new ones hold; `nft delete table inet qianzhi` removes them"
    )
    with pytest.raises(NftError, match=f"^{re.escape(reason)}$"):
        apply(Nft(Fake(refuse=(REMOVAL + OLD,))), NEW, lambda: False)


def missing(*_: object, **__: object) -> Done[str]:
    raise FileNotFoundError


def stuck(*_: object, **__: object) -> Done[str]:
    raise subprocess.TimeoutExpired("nft", 30)


ROOT_NEEDED = "nft may not do this: run it as root, or with the capability CAP_NET_ADMIN"


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (missing, "the program nft is missing: install the package nftables"),
        (stuck, "nft has not ended within 30 seconds"),
        (Fake(refuse=("-c",), stderr="Operation not permitted (you must be root)\n"), ROOT_NEEDED),
        (Fake(refuse=("-c",), stderr="Permission denied"), ROOT_NEEDED),
        (
            Fake(refuse=("-c",), stderr=" /dev/stdin:1:30-33: Error: syntax\n"),
            "nft -c -f -: /dev/stdin:1:30-33: Error: syntax",
        ),
        (Fake(refuse=("-c",), stderr=" \n"), "nft -c -f -: exit code 1, and nothing more"),
    ],
)
def test_a_fault_says_what_to_do(run: Callable[..., Done[str]], reason: str) -> None:
    with pytest.raises(NftError, match=f"^{re.escape(reason)}$"):
        Nft(run).check("")
