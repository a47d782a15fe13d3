"""The errors of the firewall. Only types; each text is a sentence that an operator can act on."""

from __future__ import annotations

from qianzhi_errors import QianzhiError


class FirewallError(QianzhiError):
    """Base of everything that the firewall's rules and their loading raise by design."""


class PolicyError(FirewallError):
    """The policy says something that no ruleset can mean."""


class UnknownRule(FirewallError):
    """A ruleset holds something that this project never writes, so what it would do is not known."""


class NftError(FirewallError):
    """The program nft is missing, may not do what was asked, or found fault with the rules."""


class NftRefused(NftError):
    """nft has ended without having changed anything."""
