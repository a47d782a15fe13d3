"""A bank whose dialect has subfields behind a private bitmap, over a real socket."""

from __future__ import annotations

from pathlib import Path

from fep.settings.config import load_settings
from protocol.codec import Codec
from protocol.dialect import parse
from protocol.message import Message
from tests.support.builders import BANK, inquiry, message
from tests.support.machine import Client, Machine, load_front_book, write_settings

DIALECT = """base = "ascii87"
[elements]
127 = { format = "b......999999", bitmap = "binary" }
[subfields.127]
2 = { name = "Switch key", format = "ans..32" }
35 = { name = "Track 2 data", format = "z..37", like = 35 }
"""
MORE = '9 = { name = "Unknown to the machine", format = "n 3" }\n'


def test_what_is_within_an_element_is_read_covered_by_the_mac_and_refused_by_what_it_is_like(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "dialects"
    folder.mkdir()
    (folder / "anybank.toml").write_text(DIALECT)
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    path = tmp_path / "qianzhi.toml"
    own = path.read_text().replace('dialect = "ascii87"', 'dialect = "anybank"', 1)
    path.write_text(own.replace("[node]", f'[node]\ndialects = "{folder}"', 1))
    settings = load_settings(path)
    load_front_book(settings)
    machine = Machine(settings)
    try:
        with Client(machine.port(), BANK) as bank:
            bank.codec = Codec(parse(DIALECT + MORE, "anybank"))
            bank.sign_on()
            paid = bank.ask(message()._replace(subfields={127: {2: "KEY-000001"}}))
            assert (paid.fields[39], paid.subfields) == ("00", {})
            track = inquiry()._replace(subfields={127: {35: "6222D3012"}})
            refused = bank.ask(track)
            assert (refused.fields[39], refused.fields[44]) == ("40", "TRACK DATA NOT ACCEPTED")
            unknown: Message = inquiry()._replace(subfields={127: {9: "123"}})
            malformed = bank.ask(unknown)
            assert (malformed.fields[39], malformed.fields[44]) == ("30", "DE 127.9 malformed")
            assert bank.ask(inquiry()).fields[39] == "00"
    finally:
        machine.stop()
