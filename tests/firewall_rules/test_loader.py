"""Loading: what is asked of nft, what its faults become, and that unconfirmed rules do not stay."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from console.firewall import appears, is_typed
from firewall_rules.errors import NftError, NftRefused
from firewall_rules.loader import Nft, apply
from firewall_rules.nftables import REMOVAL

Done = subprocess.CompletedProcess
OLD, NEW = "table inet qianzhi {\n}\n", "the new rules"


class Fake:
    """An nft that remembers what it was given, and refuses what it is told to refuse."""

    def __init__(
        self, loaded: str | None = OLD, refuse: tuple[str, ...] = (), stderr: str = "Error: no"
    ) -> None:
        self.loaded, self.refuse, self.stderr = loaded, refuse, stderr
        self.calls: list[tuple[str, ...]] = []

    def __call__(
        self,
        arguments: tuple[str, ...],
        *,
        input: str,  # noqa: A002 - subprocess.run's name
        env: dict[str, str],
        **_: object,
    ) -> Done[str]:
        self.calls.append(arguments)
        assert (env["TZ"], env["LC_ALL"]) == ("UTC", "C")
        if arguments[1] in self.refuse or input in self.refuse:
            return Done(arguments, 1, "", self.stderr)
        if arguments[1] == "-s":
            if self.loaded is None:
                return Done(arguments, 1, "", "Error: No such file or directory\n")
            return Done(arguments, 0, self.loaded, "")
        if arguments[1] == "-f":
            self.loaded = input.removeprefix(REMOVAL) or None
        return Done(arguments, 0, "", "")


def test_confirmed_rules_stay() -> None:
    fake = Fake()
    assert apply(Nft(fake), NEW, lambda: fake.loaded == NEW)
    assert fake.loaded == NEW


@pytest.mark.parametrize("before", [OLD, None])
def test_unconfirmed_rules_go_and_those_from_before_come_back(before: str | None) -> None:
    fake = Fake(before)
    assert not apply(Nft(fake), NEW, lambda: False)
    assert fake.loaded == before


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, SystemExit])
def test_whatever_ends_the_wait_ends_in_the_old_rules(kind: type[BaseException]) -> None:
    def lost() -> bool:
        raise kind

    fake = Fake()
    with pytest.raises(kind):
        apply(Nft(fake), NEW, lost)
    assert fake.loaded == OLD


@pytest.mark.parametrize("refuse", ["-c", "-f", "-s"])
def test_what_nft_refuses_is_never_half_loaded(refuse: str) -> None:
    fake = Fake(refuse=(refuse,))
    with pytest.raises(NftRefused, match="Error: no"):
        apply(Nft(fake), NEW, lambda: pytest.fail("nothing to confirm"))
    assert fake.loaded == OLD


def test_a_load_that_is_interrupted_ends_in_the_old_rules() -> None:
    """Whether nft had loaded the new ones by then, nobody knows."""
    fake = Fake()

    def run(arguments: tuple[str, ...], **given: str) -> Done[str]:
        done = fake(arguments, **given)  # type: ignore[arg-type]
        if given["input"] == NEW and arguments[1] == "-f":
            raise subprocess.TimeoutExpired("nft", 30)
        return done

    with pytest.raises(NftError, match="30 seconds"):
        apply(Nft(run), NEW, lambda: True)
    assert fake.loaded == OLD


def test_rules_that_cannot_be_put_back_are_told_with_the_way_out() -> None:
    with pytest.raises(NftError, match=r"could not be put back(.|\n)*nft delete table inet qianzhi"):
        apply(Nft(Fake(refuse=(REMOVAL + OLD,))), NEW, lambda: False)


def missing(*_: object, **__: object) -> Done[str]:
    raise FileNotFoundError


def stuck(*_: object, **__: object) -> Done[str]:
    raise subprocess.TimeoutExpired("nft", 30)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (missing, "install the package nftables"),
        (stuck, "has not ended within 30 seconds"),
        (Fake(refuse=("-c",), stderr="Operation not permitted (you must be root)\n"), "run it as root"),
        (Fake(refuse=("-c",), stderr="/dev/stdin:1:30-33: Error: syntax"), "nft -c -f -: /dev/stdin:1:30"),
        (Fake(refuse=("-c",), stderr=""), "exit code 1"),
    ],
)
def test_a_fault_says_what_to_do(run: Callable[..., Done[str]], said: str) -> None:
    with pytest.raises(NftError, match=said):
        Nft(run).check("")


@pytest.mark.parametrize(("typed", "kept"), [("keep\n", True), ("keep", True), ("no\n", False), ("", False)])
def test_only_the_word_confirms(typed: str, kept: bool) -> None:
    assert is_typed(io.StringIO(typed), 60, lambda _stream, _left: True) == kept


def test_nobody_who_types_is_a_no() -> None:
    waited = []
    assert not is_typed(io.StringIO("keep\n"), 60, lambda _stream, left: bool(waited.append(left)))
    assert waited == [60]


@pytest.mark.parametrize(("comes_at", "kept"), [(0.0, True), (9.5, True), (10.5, False)])
def test_a_file_confirms_if_it_comes_in_time(tmp_path: Path, comes_at: float, kept: bool) -> None:
    now, path = [0.0], tmp_path / "confirm"

    def sleep(seconds: float) -> None:
        assert seconds > 0
        now[0] += seconds
        if now[0] >= comes_at:
            path.touch()

    if comes_at == 0:
        path.touch()
    assert appears(path, 10, lambda: now[0], sleep) == kept
    assert now[0] <= 10
