"""Runs the program nft, the edge to the kernel; puts the old rules back unless a person confirms the new
ones.

What the rules say does not belong here, nor does how a person confirms them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TypeAlias

from firewall_rules.errors import NftError, NftRefused
from firewall_rules.nftables import REMOVAL, TABLE
from qianzhi_errors.sentence import Sentence

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
NFT_SECONDS = 30


class Nft:
    """The program nft. `run` is called as subprocess.run is."""

    def __init__(self, run: Run = subprocess.run) -> None:
        self._run = run

    def check(self, text: str) -> None:
        """Have nft and the kernel check the rules; nothing is changed. Raises NftError."""
        self._expect(("-c", "-f", "-"), text)

    def load(self, text: str) -> None:
        """Load the rules, all of them or none. Raises NftError."""
        self._expect(("-f", "-"), text)

    def listed(self) -> str | None:
        """Return the loaded table's text without counters; None if it is not loaded. Raises NftError."""
        arguments = ("-s", "list", "table", *TABLE.split())
        completed = self._nft(arguments)
        if completed.returncode and "No such file or directory" in completed.stderr:
            return None
        return self._checked(arguments, completed)

    def _expect(self, arguments: tuple[str, ...], text: str) -> str:
        return self._checked(arguments, self._nft(arguments, text))

    def _nft(self, arguments: tuple[str, ...], text: str = "") -> subprocess.CompletedProcess[str]:
        # TZ: nft writes hours in the time zone in which it runs. LC_ALL: its messages must have the words
        # sought below. PATH: nft is in directories that an ordinary user's shell does not search; an empty
        # part would mean the current directory, so there is none.
        places = filter(None, (os.environ.get("PATH"), "/usr/sbin", "/sbin"))
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "PATH": ":".join(places)}
        try:
            return self._run(
                ("nft", *arguments),
                input=text,
                env=environment,
                capture_output=True,
                text=True,
                timeout=NFT_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise NftRefused(Sentence("the program nft is missing: install the package nftables")) from error
        except subprocess.TimeoutExpired as error:
            raise NftError(
                Sentence("nft has not ended within {seconds} seconds", seconds=NFT_SECONDS)
            ) from error

    @staticmethod
    def _checked(arguments: tuple[str, ...], completed: subprocess.CompletedProcess[str]) -> str:
        if completed.returncode == 0:
            return completed.stdout
        reason = completed.stderr.strip() or Sentence(
            "exit code {returncode}, and nothing more", returncode=completed.returncode
        )
        if "not permitted" in reason or "Permission denied" in reason:
            raise NftRefused(
                Sentence("nft may not do this: run it as root, or with the capability CAP_NET_ADMIN")
            )
        raise NftRefused(Sentence("nft {arguments}: {reason}", arguments=" ".join(arguments), reason=reason))


def apply(nft: Nft, text: str, confirmed: Callable[[], bool]) -> bool:
    """Load the rules, and load the old ones again unless `confirmed` returns True; tell whether the new rules
    were kept.

    `confirmed` may wait as long as it likes. If it ends by an exception or an interrupt, the old rules are
    loaded again too. Raises NftError.
    """
    before = nft.listed()
    nft.check(text)
    settled = False
    try:
        nft.load(text)
        settled = kept = confirmed()
    except NftRefused:
        settled = True  # nft loads all or nothing: the old rules are still there
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
            Sentence(
                "the rules from before could not be put back: {reason}\nthe new ones hold; `nft "
                "delete table {table}` removes them",
                reason=str(error),
                table=TABLE,
            )
        ) from error
