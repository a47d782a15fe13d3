"""Links over real sockets: sign-on and keys, every framing and dialect, and peers that misbehave harm only
themselves.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from fep.settings.config import Settings
from protocol.framing import SHIPPED, sign_of_life
from protocol.message import Message
from tests.support.builders import BANK, inquiry, message, original
from tests.support.machine import (
    OTHER_BANK,
    Books,
    Client,
    Machine,
    load_front_book,
    reactor,
    wait_for,
    write_settings,
)

IMPATIENT = "frame_seconds = 1\nsign_on_seconds = 1\nidle_seconds = 1\necho_seconds = 3"


def network(code: str, **fields: str) -> Message:
    values = {7: "1124101112", 11: "000009", 32: BANK, 70: code}
    values.update({int(name.removeprefix("de")): value for name, value in fields.items()})
    return Message("0800", values)


@pytest.fixture
def lite(tmp_path: Path) -> Settings:
    """Settings on SQLite alone: what is tested here does not reach the database."""
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings)
    return settings


@pytest.fixture
def lite_machine(lite: Settings) -> Iterator[Machine]:
    machine = Machine(lite)
    yield machine
    machine.stop()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose deadlines are a second."""
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", limits=IMPATIENT)
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


def collected_and_repeated(bank: Client) -> Message:
    """The request of a premium collected: the receipt is printed, the repeat answered in the same bytes."""
    sent = message()
    answer = bank.ask(sent)
    first = bank.last_body[: -bank.codec.dialect.mac_width]
    bank.ask(message("0201", de7=sent.fields[7], de11=sent.fields[11]))
    assert bank.last_body[: -bank.codec.dialect.mac_width] == first
    assert (answer.fields[39], answer.fields[62].count("\n") >= 9) == ("00", True)
    return sent


@pytest.mark.parametrize("framing", ["2be", "4ascii", "2bcd", "2be-tpdu"])
@pytest.mark.parametrize("dialect", ["ascii87", "bcd87", "ebcdic87", "hex87"])
@pytest.mark.parametrize("mac", ["aes-cmac", "x9.19"])
def test_every_framing_dialect_and_mac_collects_and_repeats(
    tmp_path: Path, framing: str, dialect: str, mac: str
) -> None:
    url = f"sqlite:///{tmp_path / 'front.db'}"
    settings = write_settings(tmp_path, url, framing=framing, dialect=dialect, mac=mac)
    load_front_book(settings)
    machine = Machine(settings)
    with machine.signed_on() as bank:
        sent = collected_and_repeated(bank)
        assert bank.ask(inquiry(code="312000", de90=original(sent))).fields[48].count("done") == 1
    machine.stop()


@pytest.mark.parametrize("dialect", ["cups", "ebcdic-packed", "iso93-ascii", "unionpay-pos"])
def test_the_dialect_of_a_network_in_its_framing_collects_and_repeats(tmp_path: Path, dialect: str) -> None:
    framing = dialect if dialect in SHIPPED else "2be"
    settings = write_settings(
        tmp_path, f"sqlite:///{tmp_path / 'front.db'}", dialect=dialect, framing=framing
    )
    load_front_book(settings)
    machine = Machine(settings)
    with machine.signed_on() as bank:
        collected_and_repeated(bank)
    machine.stop()


def test_a_framing_of_parts_carries_a_day_s_messages_as_a_shipped_one_does(tmp_path: Path) -> None:
    parts = (
        '{ length = "5ascii", counts_itself = true, tpdu = true, trailer = "03", keep_alive = "30303030", '
        'header = ["fixed 2E", "length 4ascii", "destination 11", "source 11", "echo 3", "ours 00FF"] }'
    )
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", framing=parts)
    load_front_book(settings)
    machine = Machine(settings)
    with machine.signed_on() as bank:
        bank.socket.sendall(sign_of_life(bank.framing, bank.framing.head.sample()))
        assert bank.ask(message()).fields[39] == "00"
        assert bank.ask(inquiry()).fields[39] == "00"
    machine.stop()


@pytest.mark.parametrize(
    "mac",
    [
        "unionpay-ecb",
        '{ algorithm = "x9.19", padding = 2, bytes = 4 }',
        '{ algorithm = "x9.9", fields = [0, 3, 4, 7, 11, 41], joined = "unionpay" }',
    ],
    ids=["UnionPay", "4 bytes", "fields"],
)
def test_every_mac_method_signs_on_collects_and_is_held_to(tmp_path: Path, mac: str) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", mac=mac, dialect="bcd87")
    load_front_book(settings)
    machine = Machine(settings)
    with machine.signed_on() as bank:
        assert bank.ask(message()).fields[39] == "00"
        body = bytearray(bank.codec.seal(inquiry(), bank.key.mac))
        body[-8] ^= 1
        bank.send_body(bytes(body))
        assert bank.receive().fields[39] == "63"
    machine.stop()


def test_a_repeat_on_another_link_under_another_key_gets_the_first_answer(lite_machine: Machine) -> None:
    sent = message()
    with lite_machine.signed_on() as bank:
        bank.ask(sent)
        first = bank.last_body[:-8]
    with lite_machine.signed_on() as bank:
        bank.ask(Message("0201", sent.fields))
        assert bank.last_body[:-8] == first


def test_whatever_else_a_message_under_the_same_key_has_is_other_content(lite_machine: Machine) -> None:
    groups = (("PN", "P1"), ("DU", "D1"))
    sent = message(groups=groups)
    key = {f"de{number}": sent.fields[number] for number in (7, 11)}
    others = [
        *({name: text} for name, text in (("de12", "101113"), ("de13", "1123"), ("de37", "RRN000000002"))),
        *({name: text} for name, text in (("de2", "6222020000000000"), ("de42", "B00000000000002"))),
        *({"groups": changed} for changed in (groups[::-1], groups[:1], (*groups, ("ZZ", "")))),
        *({"mti": mti} for mti in ("0220", "0221")),
    ]
    with lite_machine.signed_on() as bank:
        bank.ask(sent)
        given = [bank.ask(message(**{"groups": groups, **key, **other})) for other in others]
    assert [answer.fields[39] for answer in given] == ["94"] * len(others)


def test_a_key_change_keeps_the_old_key_good_for_what_is_on_its_way(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as bank:
        old = bank.key
        assert bank.sign_on("101").fields[39] == "00"
        new = bank.key
        assert old is not None
        assert new is not None
        assert old.check_value != new.check_value
        bank.send_body(bank.codec.seal(inquiry(), old.mac))
        assert bank.receive().fields[39] == "00"


def test_a_second_sign_on_keeps_the_key_before_it_good_for_what_is_on_its_way(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as bank:
        old = bank.key
        bank.key = None
        assert bank.sign_on().fields[39] == "00"
        assert old is not None
        bank.send_body(bank.codec.seal(inquiry(), old.mac))
        assert bank.receive().fields[39] == "00"


def test_signing_on_again_does_not_forgive_bad_macs(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as bank:
        for _ in range(4):
            assert bank.ask(message(), sealed=False).fields[39] == "63"
        assert bank.sign_on().fields[39] == "00"
        assert bank.ask(message(), sealed=False).fields[39] == "63"
        assert bank.is_closed()


def test_what_a_stopping_machine_refuses_it_refuses_as_stopping(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as bank:
        wait_for(lite_machine.service.server.drain)
        for asked in (network("101"), network("002"), message()):
            answer = bank.ask(asked)
            assert (answer.fields[39], answer.fields[44]) == ("91", "STOPPING")


@pytest.mark.parametrize("page", ["0", "000", "1000", "09991", "-1", "1.", "\u0661"])
def test_30_a_page_that_is_none(lite_machine: Machine, page: str) -> None:
    with lite_machine.signed_on() as bank:
        answer = bank.ask(inquiry((("PN", "P1"), ("PG", page))))
        assert (answer.fields[39], answer.fields[44]) == ("30", "DE 48.PG malformed")


def test_echo_sign_off_and_an_unknown_network_code(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as bank:
        assert bank.ask(network("301")).fields[39] == "00"
        assert bank.ask(network("999")).fields[39] == "40"
        assert bank.ask(network("301"), sealed=False).fields[39] == "63"
        assert bank.ask(network("002")).fields[39] == "00"
        assert bank.ask(message()).fields[39] == "63"
        bank.sign_on()
        assert bank.ask(inquiry()).fields[39] == "00"


def test_sign_on_under_another_banks_name_is_refused(lite_machine: Machine) -> None:
    with lite_machine.client() as bank:
        assert bank.sign_on(bank=OTHER_BANK).fields[39] == "63"


def test_the_cut_over_notice_reaches_every_bank_signed_on(lite_machine: Machine) -> None:

    with lite_machine.signed_on() as bank:
        reactor.callFromThread(lite_machine.service.server.announce, "201")
        notice = bank.receive()
        assert (notice.mti, notice.fields[70], notice.fields[15]) == ("0800", "201", "1124")


def test_an_address_off_the_allowlist_is_closed_before_a_byte_is_read(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", networks='["192.0.2.0/24"]')
    load_front_book(settings)
    machine = Machine(settings)
    with socket.create_connection(("127.0.0.1", machine.port()), timeout=20) as stranger, suppress(OSError):
        assert stranger.recv(1) == b""
    assert machine.service.statistics.refused_connections == 1
    machine.stop()


@pytest.mark.parametrize(
    "data",
    [b"\x20\x01" + b"0" * 10, b"\xff\xff\xff\xff"],
    ids=["over the limit", "far over the limit"],
)
def test_a_frame_of_bad_length_closes_its_link_and_no_other(lite_machine: Machine, data: bytes) -> None:
    with lite_machine.signed_on() as good, lite_machine.client() as bad:
        bad.socket.sendall(data)
        assert bad.is_closed()
        assert good.ask(message()).fields[39] == "00"


def test_frames_before_a_bad_one_are_still_answered(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as bank:
        assert bank.key is not None
        body = bank.codec.seal(network("301"), bank.key.mac)
        bank.socket.sendall(len(body).to_bytes(2, "big") + body + b"\xff\xff")
        assert bank.receive().fields[39] == "00"
        assert bank.is_closed()


def test_garbage_in_good_frames_is_counted_and_closes_its_link(lite_machine: Machine) -> None:
    with lite_machine.signed_on() as good, lite_machine.client() as bad:
        for _ in range(5):
            bad.send_body(b"\xde\xad\xbe\xef" * 20)
        assert bad.is_closed()
        assert good.ask(message()).fields[39] == "00"


def test_a_truncated_frame_closes_its_link_at_the_deadline(impatient: Machine) -> None:
    with impatient.client() as slow:
        slow.socket.sendall(b"\x01\x00half")
        assert slow.is_closed()
    assert {reason for _, reason in impatient.service.statistics.closed_links} <= {
        "a frame was not complete in time",
        "no sign-on in time",
    }


def test_a_slow_senders_link_closes_though_every_byte_comes(impatient: Machine) -> None:
    """A byte every 50 ms keeps the link from being idle; the frame's deadline is absolute."""
    with impatient.signed_on() as slow:
        slow.socket.settimeout(0.05)
        closed = False
        slow.socket.sendall(b"\x01\x00")
        for _ in range(200):
            try:
                slow.socket.sendall(b"0")
                closed = slow.socket.recv(1) == b""
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                closed = True
            if closed:
                break
        assert closed
    assert (BANK, "a frame was not complete in time") in impatient.service.statistics.closed_links


def test_a_half_open_link_is_asked_and_closed(impatient: Machine) -> None:
    with impatient.signed_on() as silent:
        echo = silent.receive()
        assert (echo.mti, echo.fields[70]) == ("0800", "301")
        assert silent.is_closed()


def test_a_link_that_answers_the_echo_stays(impatient: Machine) -> None:
    with impatient.signed_on() as bank:
        for _ in range(2):
            echo = bank.receive()
            bank.send(Message("0810", {**echo.fields, 39: "00"}))
        assert bank.ask(inquiry()).fields[39] == "00"


def test_a_link_that_never_signs_on_is_closed(impatient: Machine) -> None:
    with impatient.client() as silent:
        assert silent.is_closed()
    assert impatient.service.statistics.closed_links == {(BANK, "no sign-on in time"): 1}


def test_a_bank_has_only_as_many_links_as_its_entry_says(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", entry="links = 2")
    load_front_book(settings)
    machine = Machine(settings)
    with machine.signed_on() as first, machine.signed_on() as second, machine.client() as third:
        third.send(network("001"), sealed=False)
        for bank in (first, second):
            echo = bank.receive()
            bank.send(Message("0810", {**echo.fields, 39: "00"}))
        assert third.is_closed()
        with machine.signed_on(OTHER_BANK) as other:
            assert other.ask(inquiry(de32=OTHER_BANK)).fields[39] == "00"
        assert first.ask(inquiry()).fields[39] == "00"
    machine.stop()


def test_connections_that_say_nothing_keep_no_bank_out(tmp_path: Path) -> None:
    """They come from the bank's own address, more than its links and than all links that there may be."""
    settings = write_settings(
        tmp_path,
        f"sqlite:///{tmp_path / 'front.db'}",
        limits="links = 6",
        entry="links = 1\nunsigned_links = 4",
    )
    load_front_book(settings)
    machine = Machine(settings)
    with ExitStack() as opened:
        for _ in range(20):
            silent = opened.enter_context(machine.client())
            silent.socket.sendall(b"\x00")
        with machine.signed_on() as bank:
            for _ in range(20):
                opened.enter_context(machine.client())
            assert bank.ask(message()).fields[39] == "00"
        with machine.signed_on() as again:
            assert again.ask(inquiry()).fields[39] == "00"
    machine.stop()


def test_a_link_that_is_lost_gives_its_place_to_the_same_banks_new_one(tmp_path: Path) -> None:
    """The old one stays open and answers nothing, as when its host was cut off from the net."""
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", entry="links = 1")
    load_front_book(settings)
    machine = Machine(settings)
    with machine.signed_on() as lost, machine.signed_on() as new:
        assert new.ask(message()).fields[39] == "00"
        assert lost.receive().fields[70] == "301"
        assert lost.is_closed()
    machine.stop()


def test_tls_at_a_port_for_plain_links_is_told_as_such(lite_machine: Machine) -> None:
    with lite_machine.client() as bank:
        bank.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert bank.is_closed()
    [refusal] = lite_machine.service.server.refusals.of(BANK)
    assert refusal.reason == "TLS came, and the entry of the bank says plain"


def test_a_graceful_stop_answers_what_was_taken_and_refuses_the_rest(
    machine: Machine, settings: Settings
) -> None:
    """Whatever the stop overtakes, each request has exactly one answer, and the journal agrees with it."""
    books = Books(settings.node.database)
    with machine.signed_on() as bank:
        sent = [message(de41=f"T{n:07d}") for n in range(40)]
        for frame in sent:
            bank.send(frame)
        first = bank.receive()
        machine.stop()
        answers = [first, *(bank.receive() for _ in sent[1:])]
        assert bank.is_closed()
    codes = {answer.fields[41]: answer.fields[39] for answer in answers}
    assert set(codes.values()) <= {"00", "12", "91"}
    recorded = dict(books.rows("SELECT terminal, response FROM journal"))
    assert recorded == {terminal: code for terminal, code in codes.items() if code != "91"}
    books.close()


def test_a_restart_remembers_every_answer(settings: Settings) -> None:
    sent = message()
    first = Machine(settings)
    with first.signed_on() as bank:
        bank.ask(sent)
        body = bank.last_body[:-8]
    first.stop()
    second = Machine(settings)
    books = Books(settings.node.database)
    with second.signed_on() as bank:
        bank.ask(sent)
        assert bank.last_body[:-8] == body
        assert bank.ask(message()).fields[39] == "12"
    assert books.broken() == []
    second.stop()
    books.close()


def test_the_status_port_tells_and_changes_nothing(machine: Machine, bank: Client) -> None:
    bank.ask(message())
    assert machine.get("/healthz") == (200, "ok\n")
    assert machine.get("/readyz") == (200, "ok\n")
    code, body = machine.get("/status")
    status = json.loads(body)
    assert (code, status["business_date"], status["ready"], status["queue"]) == (200, "20261124", True, 0)
    assert {"bank": BANK, "mti": "0200", "response": "00", "count": 1} in status["outcomes"]
    assert [link["state"] for link in status["links"]] == ["signed on"]
    assert status["latency_us"]["count"] == status["batched"] == 1
    code, body = machine.get("/metrics")
    assert f'qianzhi_answers_total{{bank="{BANK}",mti="0200",response="00"}} 1.0' in body
    assert 'qianzhi_latency_seconds_bucket{le="+Inf"} 1.0' in body
    assert machine.get("/nothing")[0] == 404


def test_a_book_without_a_day_is_not_ready_and_answers_90(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    machine = Machine(settings)
    assert machine.get("/readyz") == (503, "no business day is open: run `qianzhi book load FILE`\n")
    with machine.signed_on() as bank:
        assert bank.ask(message()).fields[39] == "90"
    machine.stop()
