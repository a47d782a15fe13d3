"""The edge to the kernel: runs the program nft, and puts the old rules back unless someone confirms the new.

What the rules say is no business of this module, and neither is how a person confirms.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TypeAlias

from firewall_rules.errors import NftError, NftRefused
from firewall_rules.nftables import REMOVAL, TABLE

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
NFT_SECONDS = 30


class Nft:
    """The program nft; `run` stands for subprocess.run."""

    def __init__(self, run: Run = subprocess.run) -> None:
        self._run = run

    def check(self, text: str) -> None:
        """Have nft and the kernel look through the rules, changing nothing. Raises NftError."""
        self._expect(("-c", "-f", "-"), text)

    def load(self, text: str) -> None:
        """Load the rules, all at once or not at all. Raises NftError."""
        self._expect(("-f", "-"), text)

    def listed(self) -> str | None:
        """The table as it is loaded, without counts; None if there is none. Raises NftError."""
        arguments = ("-s", "list", "table", *TABLE.split())
        done = self._nft(arguments)
        if done.returncode and "No such file or directory" in done.stderr:
            return None
        return self._checked(arguments, done)

    def _expect(self, arguments: tuple[str, ...], text: str) -> str:
        return self._checked(arguments, self._nft(arguments, text))

    def _nft(self, arguments: tuple[str, ...], text: str = "") -> subprocess.CompletedProcess[str]:
        # UTC, for nft words hours in the time zone it is run in; and its messages in the words sought below.
        # And PATH with the places where nft is, in which an ordinary user's shell does not look; never with
        # an empty one, which would be the directory that this is started in.
        places = filter(None, (os.environ.get("PATH"), "/usr/sbin", "/sbin"))
        surroundings = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "PATH": ":".join(places)}
        try:
            return self._run(
                ("nft", *arguments),
                input=text,
                env=surroundings,
                capture_output=True,
                text=True,
                timeout=NFT_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise NftRefused("the program nft is missing: install the package nftables") from error
        except subprocess.TimeoutExpired as error:
            raise NftError(f"nft has not ended within {NFT_SECONDS} seconds") from error

    @staticmethod
    def _checked(arguments: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> str:
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.strip() or f"exit code {done.returncode}, and nothing more"
        if "not permitted" in said or "Permission denied" in said:
            raise NftRefused("nft may not do this: run it as root, or with the capability CAP_NET_ADMIN")
        raise NftRefused(f"nft {' '.join(arguments)}: {said}")


def apply(nft: Nft, text: str, confirmed: Callable[[], bool]) -> bool:
    """Load the rules, and put back what was there unless `confirmed` says so; whether they were kept.

    `confirmed` waits as long as it likes. Whatever ends it otherwise, an exception or an interrupt, ends in
    the old rules too. Raises NftError.
    """
    before = nft.listed()
    nft.check(text)
    settled = False
    try:
        nft.load(text)
        settled = kept = confirmed()
    except NftRefused:
        settled = True  # all or nothing: the old rules never went away
        raise
    finally:
        if not settled:
            _put_back(nft, before)
    return kept


def _put_back(nft: Nft, before: str | None) -> None:
    try:
        nft.load(REMOVAL + (before or ""))
    except NftError as error:
        raise NftError(
            f"the rules from before could not be put back: {error}\n"
            f"the new ones hold; `nft delete table {TABLE}` removes them"
        ) from error
