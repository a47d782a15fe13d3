"""Files of mandates: whole or not at all, once, and no value of a row in a text."""

from __future__ import annotations

import pytest

from collection import mandates
from collection.errors import ActRefused, FileRefused
from collection.mandate_file import COLUMNS, read, write
from collection.mandates import Wanted
from tests.support.collection_desk import ACCOUNT, AGREEING, EVIDENCE, Room
from tests.support.customers_desk import OTHER_POLICY

HEADER = ",".join(COLUMNS)


def row(wanted: Wanted, evidence: str = EVIDENCE.digest) -> str:
    values = {
        **wanted._asdict(),
        **{"account": wanted.account.number, "name": wanted.account.name},
        **{"signed_by": "paper", "evidence": evidence},
    }
    return ",".join(str(values[column]) for column in COLUMNS)


def file_of(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows, f"TOTAL,{len(rows)}", "")).encode()


def test_a_file_of_signed_mandates_is_taken_whole_and_once(room: Room) -> None:
    data = file_of(row(room.wanted()), row(room.wanted(OTHER_POLICY, limit_fen=500_000)))
    taken = mandates.add_signed(room.desk(), read(data), "mandates.csv", data)
    assert [(one.state, one.limit_fen, one.tail) for one in taken] == [
        ("active", 0, "3445"),
        ("active", 500_000, "3456"),
    ]
    with pytest.raises(FileRefused, match="was taken before"):
        mandates.add_signed(room.desk(), read(data), "again.csv", data)
    twice = file_of(row(room.wanted(OTHER_POLICY)), row(room.wanted()))
    with pytest.raises(ActRefused, match="is active"):
        mandates.add_signed(room.desk(), read(twice), "twice.csv", twice)
    assert len(room.mandates()) == 2
    [content] = room.rows("SELECT content_sealed FROM files")[0]
    assert ACCOUNT.number.encode() not in bytes(content)  # type: ignore[call-overload]


def test_a_fault_names_the_line_and_the_column_and_no_value(room: Room) -> None:
    good = row(room.wanted())
    cases = (
        (b"\xff", "is not UTF-8 at byte 0"),
        (b"", "line 1: the header"),
        (file_of(good).replace(b"TOTAL,1", b"TOTAL,2"), "line 3: not TOTAL"),
        (file_of(good)[:-1], "line 1: the header"),
        (file_of(), "line 2: not TOTAL"),
        (file_of(good, good + ",x"), "line 3: 14 fields, not 13"),
        (file_of(good.replace(ACCOUNT.number, ACCOUNT.number + "-")), "line 2: account: not a value"),
        (file_of(row(room.wanted(), "e" * 63)), "line 2: evidence: not a value"),
        (file_of('"' + good), "is not CSV"),
    )
    for data, reason in cases:
        with pytest.raises(FileRefused) as caught:
            read(data)
        assert reason in str(caught.value)
        assert ACCOUNT.number not in str(caught.value)


def test_the_file_for_the_bank_has_what_it_needs_and_its_count(room: Room) -> None:
    added = mandates.add(room.desk(), room.wanted(channel=AGREEING))
    mandates.sign(room.desk(), added.mandate, EVIDENCE)
    lines = write(mandates.send(room.desk(), AGREEING)).decode().splitlines()
    assert lines[1:] == [
        f"M0000001,P20170080000001,102100000004,debit,{ACCOUNT.number},张三丰,0,any,20261101,,{'e' * 64}",
        "TOTAL,1",
    ]
