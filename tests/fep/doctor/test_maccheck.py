"""What is weak in how a bank's messages are authenticated is named, each reason for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fep.doctor.finding import Verdict
from fep.doctor.maccheck import on_macs
from fep.settings.config import Bank


def entry(mac: object, *, enabled: bool = True) -> Bank:
    given: Mapping[str, Any] = {"code": "1", "name": "Bank", "port": 8583, "networks": ["192.0.2.0/24"]}
    return Bank.model_validate({**given, "mac": mac, "enabled": enabled})


@pytest.mark.parametrize(
    ("mac", "said"),
    [
        ("x9.19", "bank 1: x9.19 is weak: its cipher is DES"),
        ({"bytes": 4}, "bank 1: aes-cmac, 4 bytes is weak: it has 4 bytes"),
        ("unionpay-ecb", "bank 1: unionpay-ecb is weak: its cipher is DES, it has 4 bytes"),
        (
            {"algorithm": "x9.9", "padding": 2, "key_bytes": 16},
            "bank 1: x9.9, key of 16 bytes, padding 2 is weak: its cipher is DES",
        ),
    ],
)
def test_a_weak_mac_is_a_warning_that_says_why(mac: object, said: str) -> None:
    [observation] = on_macs([entry(mac)])
    assert (observation.verdict, observation.said) == (Verdict.WARN, said)


def test_a_recommended_mac_and_a_bank_that_is_disabled_are_no_finding() -> None:
    assert list(on_macs([entry("aes-cmac"), entry("x9.9", enabled=False)])) == []
