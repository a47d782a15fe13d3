"""The errors of the firewall. Each text is a sentence that tells an operator what to do."""

from __future__ import annotations

from qianzhi_errors import QianzhiError


class FirewallError(QianzhiError):
    """Base of all errors that the firewall's rules and their loading raise."""


class PolicyError(FirewallError):
    """The policy cannot be written as rules: a name twice, or a port that is not one."""


class UnknownRule(FirewallError):
    """A ruleset holds words that this project never writes, so nobody knows here what they do."""


class NftError(FirewallError):
    """The program nft is missing, has no permission, did not end in time, or rejects the rules."""


class NftRefused(NftError):
    """nft ended without a change: the rules are what they were before."""
