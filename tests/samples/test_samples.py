"""The sample clients do against a real machine what they are copied for, and import nothing of ours."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.settings.config import Settings, load_settings
from fep.setup.certificates import Certificate, self_signed
from ledger.rules.beijing import BEIJING
from protocol.keyblock import wrap
from protocol.mac import MacMethod, check_value
from protocol.message import Message
from tests.docs import worked
from tests.docs.pages import ROOT
from tests.support.builders import BANK, book
from tests.support.clocks import still
from tests.support.losing_relay import LosingRelay
from tests.support.machine import ZMK, Books, Machine, load_front_book, write_settings

PYTHON = ROOT / "samples" / "python" / "bank.py"
JAVA = ROOT / "samples" / "java" / "Bank.java"
SECONDS = 120
needs_jdk = pytest.mark.skipif(
    shutil.which("javac") is None or shutil.which("java") is None, reason="there is no JDK here: no javac"
)
LANGUAGES = [pytest.param("python"), pytest.param("java", marks=needs_jdk)]
NOW = datetime.now(BEIJING)
"""The samples read the wall clock, so the machine's day is today."""


def test_the_python_sample_imports_the_standard_library_and_cryptography_alone() -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(PYTHON.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_the_java_sample_imports_the_jdk_alone() -> None:
    imported = re.findall(r"^import (?:static )?([a-z]+)\.", JAVA.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(imported) <= {"java", "javax"}


def python_sample() -> ModuleType:
    """The Python sample as a module."""
    spec = importlib.util.spec_from_file_location("sample", PYTHON)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


SAMPLE = python_sample()


@pytest.mark.parametrize("make", worked.MESSAGES, ids=lambda make: make.__name__)
def test_the_python_sample_writes_and_reads_the_pages_worked_messages(make: Callable[[], Message]) -> None:
    message, key = make(), None if make in worked.UNSEALED else worked.SESSION_KEY
    body = SAMPLE.encode(message.mti, dict(message.fields), key)
    assert len(body).to_bytes(2) + body == worked.framed(message, worked.DEFAULT, sealed=key is not None)
    mti, fields = SAMPLE.decode(body)
    read = {number: text for number, text in fields.items() if number not in (64, 128)}
    assert (mti, read) == (message.mti, dict(message.fields))


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: b"0210" + rest))
def test_what_the_python_sample_cannot_read_is_refused_in_one_way(body: bytes) -> None:
    with suppress(LookupError, ValueError):
        SAMPLE.decode(body)


def test_the_python_sample_opens_the_pages_key_block_and_no_altered_one() -> None:
    block = worked.key_block(MacMethod.AES_CMAC)
    assert SAMPLE.unwrap(worked.ZMK, block) == worked.SESSION_KEY
    assert SAMPLE.check_value(worked.SESSION_KEY) == check_value(MacMethod.AES_CMAC, worked.SESSION_KEY)
    altered = block[:20] + ("0" if block[20] != "0" else "1") + block[21:]
    for wrong in (altered, f"D0112M6AC00E0000{block[16:]}"):
        with pytest.raises(ValueError, match="key block"):
            SAMPLE.unwrap(worked.ZMK, wrong)


@pytest.mark.parametrize("length", [16, 24, 32])
def test_the_python_sample_opens_blocks_under_every_length_of_zmk(length: int) -> None:
    zmk = bytes(range(length))
    block = wrap(zmk, worked.SESSION_KEY, MacMethod.AES_CMAC, bytes)
    assert SAMPLE.unwrap(zmk, block) == worked.SESSION_KEY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings, book(date=f"{NOW:%Y%m%d}"))
    (tmp_path / "zmk").write_text(ZMK.hex())
    return settings


@pytest.fixture
def machine(settings: Settings) -> Iterator[Machine]:
    machine = Machine(settings, still(NOW))
    yield machine
    machine.stop()


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Java sample, compiled without a warning."""
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", folder, JAVA], check=True, timeout=SECONDS)
    return folder


@pytest.fixture(params=LANGUAGES)
def command(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What starts the sample in each language."""
    if request.param == "python":
        return sys.executable, "-I", str(PYTHON)
    return "java", "-XX:TieredStopAtLevel=1", "-cp", str(request.getfixturevalue("classes")), "Bank"


def run(command: tuple[str, ...], folder: Path, port: int, *more: str) -> tuple[int, list[str]]:
    """Run a sample to its end: its exit code and the lines that it prints."""
    given = ("--host", "127.0.0.1", "--port", str(port), "--bank", BANK, "--zmk", str(folder / "zmk"))
    done = subprocess.run(
        [*command, *given, "--policy", "P1", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.slow
def test_a_sample_reverses_what_is_not_answered_and_repeats_the_reversal(
    command: tuple[str, ...], tmp_path: Path, machine: Machine
) -> None:
    relay = LosingRelay(machine.port(), silenced=["0210"], cut=["0410"])
    try:
        code, lines = run(command, tmp_path, relay.port, "--answer-seconds", "3")
    finally:
        relay.stop()
    assert (code, lines[-1]) == (1, "reversed by 0401: 00"), lines
    assert lines[-2] == "no answer to 0400: the insurer closed the link"
    assert relay.requests == ["0800", "0800", "0100", "0200", "0800", "0400", "0800", "0401"]
    books = Books(machine.settings.node.database)
    try:
        assert books.responses() == [("collection", "00"), ("reversal", "00")]
        assert books.due("D1")[0] == "open"
    finally:
        books.close()


def write_party(folder: Path, name: str, certificate: Certificate) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.certificate)
    (folder / f"{name}.key").touch(0o600)
    (folder / f"{name}.key").write_bytes(certificate.key)


@pytest.fixture
def pins(tmp_path: Path, settings: Settings) -> dict[str, str]:
    """The settings' first bank connects over TLS: pins by name of who shows a certificate."""
    parties = {name: self_signed(name, NOW) for name in ("machine", "bank")}
    for name, party in parties.items():
        write_party(tmp_path, name, party)
    path = tmp_path / "qianzhi.toml"
    text = path.read_text().replace('transport = "plain"', f'pins = ["{parties["bank"].pin}"]', 1)
    tls = f'[tls]\ncertificate_file = "{tmp_path}/machine.crt"\nkey_file = "{tmp_path}/machine.key"\n'
    path.write_text(text.replace("[limits]", f"{tls}[limits]"))
    return {name: party.pin for name, party in parties.items()}


@pytest.mark.slow
def test_a_sample_collects_over_tls_from_the_pinned_machine_alone_and_prints_the_receipt(
    command: tuple[str, ...], tmp_path: Path, pins: dict[str, str]
) -> None:
    machine = Machine(load_settings(tmp_path / "qianzhi.toml"), still(NOW))
    own = ("--certificate", str(tmp_path / "bank.crt"), "--key", str(tmp_path / "bank.key"))
    try:
        code, lines = run(command, tmp_path, machine.port(), *own, "--pin", pins["machine"])
        assert lines[:3] == ["signed on", "echo: 00", "due: D1 500000 120000"], lines
        assert re.fullmatch("terminal T0000001, DE 7 [0-9]{10}, STAN [0-9]{6}", lines[3])
        assert lines[4] == "collected: 00"
        assert {"续期保费收据", "保单号：P1", "金额：1,200.00"} <= set(lines)
        assert code == 0
        wrong, told = run(command, tmp_path, machine.port(), *own, "--pin", pins["bank"])
        assert (wrong, told) == (1, ["no link: the insurer's certificate is not the pinned one"])
    finally:
        machine.stop()
