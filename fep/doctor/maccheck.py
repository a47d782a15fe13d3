"""The doctor's check of how banks' messages are authenticated: what the settings allow and is weak is named.

Pure: takes the banks' entries, returns observations. What a method is, protocol.mac says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fep.doctor.finding import Observation, Verdict
from fep.settings.config import Bank
from protocol.mac import MacAlgorithm, MacMethod
from protocol.mac_cover import WHOLE
from qianzhi_errors.sentence import Sentence, listed

_MEND = Sentence('agree upon mac = "aes-cmac" with the bank, which takes a ZMK for AES')


def on_macs(banks: Iterable[Bank]) -> Iterator[Observation]:
    """Yield a warning for each enabled bank whose MACs are weak."""
    for bank in banks:
        if bank.enabled and bank.mac.is_weak:
            text = Sentence(
                "bank {code}: {method} is weak: {reason}",
                code=bank.code,
                method=str(bank.mac),
                reason=listed(list(_reasons(bank.mac))),
            )
            yield Observation(Verdict.WARN, text, _MEND)


def _reasons(method: MacMethod) -> Iterator[str]:
    if method.algorithm is not MacAlgorithm.AES_CMAC:
        yield Sentence("its cipher is DES")
    if method.size < MacMethod.AES_CMAC.size:
        yield Sentence("it has 4 bytes")
    if method.cover != WHOLE:
        yield Sentence("anybody may change the fields that it does not cover")
