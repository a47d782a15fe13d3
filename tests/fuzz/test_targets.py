"""The fuzz targets: their corpus, and changes of it, find nothing; each is seen to find what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fep.operator.control
import fuzz.wire
import protocol.analyzer.describe
from collection.forms import answer, codes, form_file, returns, statement
from customers import load_file, load_rows, sealing
from fuzz.corpus import FOLDER, inputs
from fuzz.errors import Defect, TooMuch
from fuzz.files import layout_of
from fuzz.limits import Limits, Run, timed, weighed
from fuzz.seeds import file_text, seeds
from fuzz.targets import TARGETS
from ledger.files import bankfile, bookfile, bookline, hold_file, record_lines
from protocol import keyblock, tlv
from protocol.analyzer.error_locator import WrongByte
from protocol.codec import Codec
from protocol.framing import FrameReader
from protocol.subfields import Subfields

CORPUS = {name: list(inputs(name).values()) for name in TARGETS}
EVERY = pytest.mark.parametrize("target", TARGETS)


@st.composite
def changed(draw: st.DrawFn, corpus: list[bytes]) -> bytes:
    """An input of the corpus with a few changes: bytes put in, taken out, set, or another's tail put on."""
    data = draw(st.sampled_from(corpus))
    for _ in range(draw(st.integers(0, 4))):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        other = draw(st.sampled_from(corpus))
        middle = draw(st.binary(max_size=6) | st.just(data[start:stop] * 2) | st.just(other[start:stop]))
        data = data[:start] + middle + data[draw(st.sampled_from([start, stop])) :]
    return data


@EVERY
def test_the_corpus_finds_nothing(target: str) -> None:
    for data in (b"", *CORPUS[target]):
        weighed(TARGETS[target], data)


@EVERY
def test_changes_of_the_corpus_find_nothing(target: str) -> None:
    @settings(max_examples=50)
    @given(changed(CORPUS[target]))
    def check(data: bytes) -> None:
        timed(TARGETS[target], data)

    check()


def test_the_corpus_is_what_the_writers_make() -> None:
    made = {f"{target}/{name}": file_text(name, data) for target, name, data in seeds()}
    committed = {
        file.relative_to(FOLDER).as_posix(): file.read_bytes()
        for target in TARGETS
        for file in (FOLDER / target).iterdir()
        if not file.name.startswith("found-")
    }
    assert committed == made


def test_every_target_has_a_corpus_of_small_files() -> None:
    assert {folder.name for folder in FOLDER.iterdir() if folder.is_dir()} == set(TARGETS)
    sizes = {file: file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()}
    assert {file: size for file, size in sizes.items() if size > 8192} == {}


Plant = Callable[[pytest.MonkeyPatch], None]


def broken(thing: object, name: str) -> Plant:
    """Plant a defect: a function raises what it never documented."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("planted")

    return lambda patch: patch.setattr(thing, name, fail)


def instead(thing: object, name: str, wrong: Callable[..., Any]) -> Plant:
    """Plant a defect: a function gives `wrong(right, *arguments)`, where `right` is the function itself."""
    right = getattr(thing, name)
    return lambda patch: patch.setattr(thing, name, lambda *given, **named: wrong(right, *given, **named))


# Target -> defects, each of which its own corpus must show.
PLANTED: dict[str, list[Plant]] = {
    "framing": [
        broken(FrameReader, "feed"),
        instead(FrameReader, "feed", lambda right, reader, data: right(reader, data[:9])),
        instead(fuzz.wire.framing, "wrap", lambda right, *given: right(*given) + b"x"),
    ],
    "framing-table": [
        broken(fuzz.wire, "as_written"),
        instead(fuzz.wire, "as_written", lambda right, framing: right(replace(framing, tpdu=True))),
    ],
    "dialect": [
        broken(fuzz.wire, "tried"),
        broken(fuzz.wire, "unfit"),
        instead(fuzz.wire, "parse", lambda right, text, _name: right(text, "another")),
    ],
    **{
        name: [
            broken(Codec, "decode"),
            instead(Codec, "encode", lambda right, codec, message: right(codec, message) + b"0"),
            instead(
                Codec,
                "_partial",
                lambda _, codec, decoded, fault: fuzz.wire.Message("0200", {12: "", 41: "x"}),
            ),
        ]
        for name in TARGETS
        if name.startswith("codec-")
    },
    "subfields": [
        broken(Subfields, "dissect"),
        instead(Subfields, "write", lambda right, *given: right(*given) + b"0"),
        instead(Subfields, "read", lambda right, *given: {**right(*given), 1: "x"}),
    ],
    "tlv": [
        broken(tlv, "parse"),
        instead(tlv, "build", lambda right, *given: right(*given) + " "),
        instead(tlv, "parse", lambda right, *given: right(*given)[1:]),
    ],
    "keyblock": [
        broken(keyblock, "unseal"),
        instead(keyblock, "bytes_eq", lambda right, *_: True),
        instead(keyblock, "_key_of", lambda right, clear: clear[2:18]),
    ],
    "describe": [
        broken(Codec, "dissect"),
        instead(protocol.analyzer.describe, "first_wrong", lambda right, *given: WrongByte(1 << 30, "")),
        instead(protocol.analyzer.describe, "_frames", lambda right, *given: ([], None)),
    ],
    **{
        name: [
            broken(bankfile.Lines, "faults"),
            instead(
                bankfile.Lines,
                "text",
                lambda right, lines, line: right(lines, line._replace(amount=line.amount + 1)),
            ),
            instead(
                bankfile,
                "write",
                lambda right, layout, bank, date, lines: right(layout, bank, date, lines[1:]),
            ),
        ]
        for name in TARGETS
        if name.startswith("bankfile-")
    },
    "bookfile": [
        broken(bookfile, "parse"),
        instead(bookfile, "write", lambda right, date, entries, leaving: right(date, entries[1:], leaving)),
        broken(bookline.identity, "is_valid"),
    ],
    "holdings": [
        broken(load_rows, "is_document"),
        instead(load_file, "write", lambda right, date, rows: right(date, rows[1:])),
    ],
    "sealed-line": [
        broken(sealing, "is_person"),
        instead(sealing, "parse", lambda right, text: right(text)._replace(tag=b"")),
    ],
    **{
        name: [
            broken(answer, "joined"),
            instead(answer, "read", lambda right, *given: right(*given)._replace(complete=False)),
            broken(returns, "hold_channel"),
            instead(statement, "hold_name", lambda right, *given: {}["planted"]),
        ]
        for name in TARGETS
        if name.startswith("batchfile-")
    },
    "batch-form": [
        broken(form_file, "near_name"),
        broken(codes.Codes, "line"),
        broken(form_file.FileForm, "parts_of"),
    ],
    "held-batch": [
        broken(hold_file, "check_figures"),
        instead(record_lines.Record, "checked", lambda right, row, *fields: right(row, *fields)[:1] * 9),
    ],
    "control": [
        broken(fep.operator.control.json, "loads"),
        instead(fep.operator.control._Conversation, "_say", lambda right, talk, answer: None),
    ],
}


@EVERY
def test_the_target_finds_planted_defects(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(PLANTED[target]) > 1
    for plant in PLANTED[target]:
        with monkeypatch.context() as patch:
            plant(patch)
            assert found(TARGETS[target], CORPUS[target]) is not None


def found(run: Run, corpus: list[bytes]) -> Exception | None:
    for data in corpus:
        try:
            run(data)
        except Exception as error:
            return error
    return None


def test_what_takes_too_long_is_a_defect() -> None:
    def slow(data: bytes) -> None:
        until = time.thread_time_ns() + 3_000_000
        while time.thread_time_ns() < until:
            pass

    timed(slow, b"x")
    with pytest.raises(TooMuch, match="took"):
        timed(slow, b"x", Limits(nanoseconds=1_000_000, nanoseconds_a_byte=1))


def test_what_holds_too_much_is_a_defect() -> None:
    weighed(lambda data: None, b"x")
    with pytest.raises(TooMuch, match="be held"):
        weighed(lambda data: bytearray(64 << 20).clear(), b"x")


def test_a_defect_is_no_error_of_the_project() -> None:
    assert Defect.__mro__[1] is AssertionError
    assert layout_of("standard").name == "standard"
