"""`qianzhi describe`: from any form to words or JSON, of the same data; the exit code says if it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from console import describe as command
from fep.settings.dialects import read_dialect
from protocol.codec import Codec
from protocol.errors import DialectError
from protocol.framing import Framing, wrap
from tests.support.builders import message
from tests.support.canary import CARD, IDENTITY, PERSONS
from tests.support.machine import write_settings
from tests.support.messages import CODECS
from tests.support.packet_capture import Segment, ip_packet, on_link, pcap

BODY = CODECS["bcd87"].encode(message(groups=(("PN", "P1"), ("IN", IDENTITY)), de2=CARD))
RAW = wrap(Framing.BE2, BODY)


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(command.describe_command, arguments, input=stdin, env={"COLUMNS": "100"})


def as_json(*arguments: str, stdin: bytes = b"") -> Any:  # noqa: ANN401 - JSON
    return json.loads(run(*arguments, "--json", stdin=stdin).stdout)


def test_words_and_json_have_the_same_fields() -> None:
    result, shown = run(RAW.hex()), as_json(RAW.hex())
    assert (result.exit_code, shown["form"]) == (0, "hex digits")
    reading = shown["told"][0]["reading"]
    assert (reading["framing"], reading["dialect"]) == ("2be", "bcd87")
    for node in reading["frames"][0]["nodes"]:
        assert f"{node['at']:>4}  {node['field']}" in result.stdout
        assert node["value"][:16] in result.stdout


@pytest.mark.parametrize("stdin", [RAW, RAW.hex(" ").encode()])
@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_is_read(arguments: tuple[str, ...], stdin: bytes) -> None:
    assert as_json(*arguments, stdin=stdin)["told"][0]["reading"]["dialect"] == "bcd87"


def test_hex_digits_may_be_typed_in_several_words() -> None:
    assert as_json(*RAW.hex(" ").split())["told"] == as_json(RAW.hex())["told"]


def test_a_capture_in_a_file_is_described_with_its_addresses(tmp_path: Path) -> None:
    file = tmp_path / "links.pcap"
    file.write_bytes(pcap([on_link(1, ip_packet(Segment(RAW * 2)))]))
    result = run(str(file))
    assert result.exit_code == 0
    assert "192.0.2.10:40000 to 192.0.2.20:8583\nframing 2be, dialect bcd87: 2 messages" in result.stdout


def test_what_is_wrong_is_pointed_at_and_is_the_exit_code() -> None:
    result = run(RAW[:60].hex())
    assert result.exit_code == 1
    assert "wrong: byte 60: expected" in result.stdout
    assert "Error: byte 60: expected" in result.stderr


def test_a_file_that_is_not_there_is_no_message() -> None:
    result = run("gone.pcap")
    assert isinstance(result.exception, FileNotFoundError)


@pytest.mark.parametrize("typed", ["zz", "nosuchfile", "captures/today", "links_of_today", "\udcff\udcfe"])
def test_a_name_of_no_file_is_not_told_as_a_message(typed: str) -> None:
    result = run(typed)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no file has this name" in result.stderr


@pytest.mark.parametrize("stdin", [b"", b" \n"])
@pytest.mark.parametrize("arguments", [(), ("",), ("  ",), ("-",)])
def test_an_empty_input_is_said_to_be_empty(arguments: tuple[str, ...], stdin: bytes) -> None:
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is nothing in it" in result.stderr


def test_the_error_names_the_first_wrong_byte_of_several() -> None:
    result = run(RAW.hex() + "30323030")
    assert f"Error: byte {len(RAW)}: expected a frame" in result.stderr
    at = [int(line.split()[2][:-1]) for line in result.stdout.splitlines() if line.startswith("wrong:")]
    assert at == sorted(at)
    assert len(at) == 2


def test_what_is_wrong_stands_under_its_own_frame() -> None:
    wrong = RAW[: len(RAW) // 2]
    lines = run(
        "--framing", "2be", (RAW + len(wrong[2:]).to_bytes(2) + wrong[2:] + RAW).hex()
    ).stdout.splitlines()
    kept = [line.split(":")[0] for line in lines if line.startswith(("frame", "wrong"))]
    assert kept == ["frame 1", "frame 2", "wrong", "frame 3"]
    lines = run("--framing", "2be", (RAW + b"\xff\xff" + RAW).hex()).stdout.splitlines()
    kept = [line.split(":")[0] for line in lines if line.startswith(("frame", "wrong"))]
    assert kept == ["frame 1", "frame 2", "wrong", "wrong"]


def test_framing_and_dialect_can_be_fixed() -> None:
    shown = as_json("--framing", "none", "--dialect", "bcd87", BODY.hex())["told"][0]["reading"]
    assert (shown["framing"], shown["dialect"]) == (None, "bcd87")
    wrong = as_json("--dialect", "hex87", RAW.hex())["told"][0]["reading"]
    assert wrong["dialect"] == "hex87"
    assert wrong["frames"][0]["wrong"]


def test_a_bank_fixes_both(tmp_path: Path) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    config = str(tmp_path / "qianzhi.toml")
    shown = as_json("--config", config, "--bank", "01020000", RAW.hex())["told"][0]["reading"]
    assert (shown["framing"], shown["dialect"]) == ("2be", "ascii87")
    assert run("--config", config, "--bank", "9", RAW.hex()).exit_code == 2


OWN = 'base = "unionpay-pos"\n[elements]\n61 = { format = "ans...100" }\n'


def test_a_dialect_of_ones_own_is_named_by_its_file_or_by_its_name_in_the_settings_folder(
    tmp_path: Path,
) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    config = tmp_path / "qianzhi.toml"
    folder = tmp_path / "dialects"
    folder.mkdir()
    (folder / "anybank.toml").write_text(OWN)
    config.write_text(config.read_text().replace("[node]", f'[node]\ndialects = "{folder}"', 1))
    raw = wrap(Framing.BE2, Codec(read_dialect(folder / "anybank.toml")).encode(message())).hex()
    by_file = as_json("--dialect", str(folder / "anybank.toml"), raw)
    assert by_file["told"][0]["reading"]["dialect"] == "anybank"
    assert as_json("--config", str(config), "--dialect", "anybank", raw) == by_file
    config.write_text(config.read_text().replace('"ascii87"', '"anybank"'))
    assert as_json("--config", str(config), "--bank", "01020000", raw) == by_file


def test_a_dialect_that_is_none_is_refused() -> None:
    with pytest.raises(DialectError, match="no such dialect; there are"):
        raise run("--config", "gone.toml", "--dialect", "gone", RAW.hex()).exception or AssertionError


def test_what_the_machine_would_refuse_is_said_in_its_words() -> None:
    missing = message()
    raw = CODECS["ascii87"].encode(missing._replace(fields={**missing.fields, 49: "840"}))
    result = run(wrap(Framing.BE2, raw).hex())
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "the machine would refuse it: DE 39 = 30, DE 49 malformed",
    )
    assert "would refuse" not in run(RAW.hex()).stdout


def test_a_text_in_which_no_message_is_seen_is_said_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Please find the messages of yesterday in the other mail.\n")
    result = run(str(file))
    assert (result.exit_code, result.stdout) == (
        1,
        "read as text in no known form\nwrong: byte 0: expected hex digits, a hexdump, base64 or a message\n",
    )


def test_an_input_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "INPUT_BYTES_MAX", 100)
    assert "cut the capture" not in run("-", stdin=RAW[:100]).stderr
    assert "cut the capture" in run("-", stdin=bytes(101)).stderr


def test_no_secret_is_printed() -> None:
    for form in (RAW.hex(), RAW.hex()[:-9], RAW.hex(" ") + " 00"):
        for flags in ((), ("--json",)):
            result = run(form, *flags)
            assert [mark.kind for mark in PERSONS if mark.is_in(result.output.encode())] == []
