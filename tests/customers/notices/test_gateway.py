"""A gateway's file and the senders' settings are checked whole; each fault is named with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from customers.notices.gateway import read_gateway
from customers.sender_settings import Sender, sender_faults
from ledger.files.settings import SettingsError

GOOD = """
[send]
url = "https://gateway.example/send"
headers = { Key = "{key}" }
body = { to = "{to}" }
[[answer]]
means = "accepted"
status = [200]
"""


@pytest.mark.parametrize(
    ("was", "now", "fault"),
    [
        ("https://", "http://", "send.url: no https:// address"),
        ("/send", "/send?to={to}", "send.url: has {to} in it"),
        ('"{key}"', '"k"', "send: has no {key}"),
        ('"{to}"', '"{phone}"', "send: the place phone is none of to, subject"),
        ('"accepted"', '"delivered"', r"answer\[0\].means: none of accepted"),
        ("status = [200]", "", r"answer\[0\]: fits every answer"),
        ("body", "bdy", "send.bdy: is no setting; did you mean 'body'"),
        ("[[answer]]", '[report]\nurl = "https://g.example/{to}"\n[[answer]]', "report: the place to"),
    ],
)
def test_a_fault_of_a_gateways_file_is_named(tmp_path: Path, was: str, now: str, fault: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD, encoding="utf-8")
    assert read_gateway(file).send.body == {"to": "{to}"}
    file.write_text(GOOD.replace(was, now, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=fault):
        read_gateway(file)


def test_what_a_sender_lacks_is_named() -> None:
    faults = [
        str(fault)
        for fault in sender_faults(
            (
                Sender(name="a", kind="folder"),
                Sender(name="a", kind="smtp", host="mail.example", tls="none", login="us"),
                Sender(name="b", kind="http"),
            )
        )
    ]
    assert faults == [
        "sender[0].path: is missing",
        "sender[0].from_address: is missing",
        "sender[1].name: a is there twice",
        "sender[1].from_address: is missing",
        "sender[1].channels: a mail server takes email alone",
        "sender[1].tls: mails leave this machine in clear: none is only for it",
        "sender[1].secret: is missing",
        "sender[2].gateway: is missing",
    ]
