"""The senders, over real files and sockets with TLS: what is sent, what an answer means, and nothing said in
clear but to whom it is sent.
"""

from __future__ import annotations

import json
from email import policy
from email.parser import BytesParser
from pathlib import Path
from textwrap import dedent

import pytest

from customers.notices.message import Accepted, Answer, Later, Message, Refused, Report, Sender, Sent, Unsure
from customers.notices.opening import senders_of
from customers.rules.notice_states import Channel
from customers.sender_settings import Sender as SenderSettings
from ledger.rules.secret import Secret
from tests.support.loopback_servers import HOST, Gateway, MailServer, running, trusted
from tests.support.outbox import MAIL, MORNING, PHONE

KEY = "ab" * 16
TEXT = '您的保单"0001"\n{to}'
MESSAGE = Message(
    KEY, Channel.EMAIL, MAIL, "凭证", TEXT, "grace", "zh", {"amount": "12000", "policy": "0001"}, MORNING
)
SMS = MESSAGE._replace(channel=Channel.MOBILE, to=PHONE)
ASKED = Sent(KEY, "")
# Answers are compared as they are written: two kinds of them with one reason are equal as tuples.


def sender(password: str = "", **settings: object) -> Sender:
    given = {"name": "out", "from_address": "service@insurer.example", **settings}
    secrets = {"out": Secret(password.encode())}
    return senders_of((SenderSettings.model_validate(given),), secrets)[0]


def test_a_folder_gets_whole_private_files_that_count_as_delivered(tmp_path: Path) -> None:
    folder = sender(kind="folder", path=str(tmp_path / "outbox"))
    assert list(folder.reports([ASKED])) == []
    assert folder.send(MESSAGE) == folder.send(MESSAGE) == Accepted(f"{KEY}.eml")
    assert folder.send(SMS) == Accepted(f"{KEY}.txt")
    files = {path.name: path for path in (tmp_path / "outbox").iterdir()}
    assert set(files) == {f"{KEY}.eml", f"{KEY}.txt"}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    mail = BytesParser(policy=policy.default).parsebytes(files[f"{KEY}.eml"].read_bytes())
    assert (mail["To"], mail["Subject"], mail["Message-ID"]) == (MAIL, "凭证", f"<{KEY}@insurer.example>")
    assert mail.get_content().replace("\r\n", "\n").strip() == TEXT
    assert mail["Date"] == "Tue, 01 Dec 2026 09:00:00 +0800"
    assert files[f"{KEY}.txt"].read_text(encoding="utf-8") == f"{PHONE}\n\n{TEXT}\n"
    # A crash before the note: the file says that it was written.
    assert list(folder.reports([ASKED])) == [Report(ASKED, has_arrived=True)]


def test_a_folder_that_cannot_be_written_is_asked_later(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("no folder")
    answer = sender(kind="folder", path=str(tmp_path / "outbox")).send(MESSAGE)
    assert isinstance(answer, Later)


def test_a_mail_server_gets_the_mail_by_tls_and_its_answers_mean_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trusted(tmp_path, monkeypatch) as context:
        server = MailServer(context)
        with running(server) as port:
            smtp = sender(
                "pass", kind="smtp", channels=["email"], host=HOST, port=port, login="us", secret="env:NONE"
            )
            assert smtp.send(MESSAGE) == Accepted(KEY)
            mail = BytesParser(policy=policy.default).parsebytes(server.mails[0])
            assert (mail["To"], mail["Message-ID"]) == (MAIL, f"<{KEY}@insurer.example>")
            assert server.heard[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
            meanings: dict[tuple[str, int], Answer] = {
                ("RCPT", 550): Refused("RCPT 550"),
                ("RCPT", 450): Later("RCPT 450"),
                ("MAIL", 451): Later("MAIL 451"),
                ("MAIL", 550): Later("MAIL 550"),
                ("END", 554): Refused("DATA 554", is_of_contact=False),
                ("END", 452): Later("DATA 452"),
                ("END", 0): Unsure("SMTPServerDisconnected"),
            }
            for (verb, code), meaning in meanings.items():
                server.codes = {verb: code}
                assert repr(smtp.send(MESSAGE)) == repr(meaning), (verb, code)
            assert len(server.mails) == 1
        assert repr(smtp.send(MESSAGE)) == repr(Later("ConnectionRefusedError"))
    assert list(smtp.reports([ASKED])) == []


def test_a_mail_server_that_is_not_who_it_says_or_speaks_no_tls_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trusted(tmp_path, monkeypatch) as context:
        monkeypatch.delenv("SSL_CERT_FILE")
        for server, reason in (
            (MailServer(context), "SSLCertVerificationError"),
            (MailServer(None), "SMTPNotSupportedError"),
        ):
            with running(server) as port:
                smtp = sender(kind="smtp", channels=["email"], host=HOST, port=port)
                assert repr(smtp.send(MESSAGE)) == repr(Later(reason))
                assert not {"MAIL", "DATA", "AUTH"} & set(server.heard)


FILE = """
ref = "data.id"
[send]
url = "URL/send"
headers = { Authorization = "Bearer {secret}", Idempotency-Key = "{key}" }
body = { phone = "{to}", content = "{text}", param = "{values}", list = [{ id = "{template}" }] }
[[answer]]
means = "accepted"
status = [200]
field = "code"
values = ["0"]
[[answer]]
means = "refused"
field = "code"
values = ["INVALID"]
[[answer]]
means = "later"
status = [429, 503]
[report]
url = "URL/report?id={ref}&key={key}"
method = "GET"
[[reported]]
means = "delivered"
field = "state"
values = ["DELIVRD"]
[[reported]]
means = "failed"
field = "state"
values = ["UNDELIV"]
"""


def test_a_gateway_is_asked_and_understood_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trusted(tmp_path, monkeypatch) as context:
        server = Gateway(context)
        with running(server) as port:
            file = tmp_path / "gateway.toml"
            file.write_text(FILE.replace("URL", f"https://{HOST}:{port}"), encoding="utf-8")
            gateway = sender("s3cret", kind="http", gateway=str(file), secret="env:NONE")
            meanings: tuple[tuple[tuple[int, object], Answer], ...] = (
                ((200, {"code": 0, "data": {"id": "m1"}}), Accepted("m1")),
                ((200, {"code": 0, "data": {"id": PHONE}}), Accepted(KEY)),
                ((200, {"code": "INVALID", "message": PHONE}), Refused("HTTP 200")),
                ((503, PHONE), Later("HTTP 503")),
                ((500, PHONE), Unsure("HTTP 500")),
                ((200, {"code": 7}), Unsure("HTTP 200")),
                ((302, None), Unsure("HTTP 302")),
            )
            for (status, body), meaning in meanings:
                server.answers = [(status, json.dumps(body).encode())]
                assert repr(gateway.send(SMS)) == repr(meaning), body
            called, headers, body = server.heard[0]
            assert (called, headers["authorization"]) == ("POST /send", "Bearer s3cret")
            assert json.loads(body) == {
                "phone": PHONE,
                "content": TEXT,
                "param": '{"amount": "120.00", "policy": "0001"}',
                "list": [{"id": "grace"}],
            }
            assert {headers["idempotency-key"] for _, headers, _ in server.heard} == {KEY}
            sent = Sent(KEY, "m/1")
            for state, reports in (
                ("DELIVRD", [Report(sent, has_arrived=True)]),
                ("UNDELIV", [Report(sent, has_arrived=False, reason="reported 200")]),
                ("ROUTED", []),
            ):
                server.answers = [(200, json.dumps({"state": state}).encode())]
                assert list(gateway.reports([sent])) == reports, state
            assert server.heard[-1][0] == f"GET /report?id=m%2F1&key={KEY}"
            monkeypatch.delenv("SSL_CERT_FILE")
            assert isinstance(gateway.send(SMS), Later)  # it is not who it says
        assert isinstance(gateway.send(SMS), Later)  # nobody is there
        assert list(gateway.reports([ASKED])) == []


def test_an_unanswered_request_is_made_again_under_the_same_key(tmp_path: Path) -> None:
    server = Gateway(None)
    with running(server) as port:
        file = tmp_path / "gateway.toml"
        file.write_text(FILE.replace("URL", f"http://{HOST}:{port}"), encoding="utf-8")
        gateway = sender(kind="http", gateway=str(file), retries=1)
        server.answers = [(0, b""), (200, b'{"code": 0}')]
        assert gateway.send(SMS) == Accepted(KEY)
        assert [headers["idempotency-key"] for _, headers, _ in server.heard] == [KEY, KEY]
        server.answers = [(0, b"")]
        assert repr(gateway.send(SMS)) == repr(Unsure("RemoteDisconnected"))
        assert len(server.heard) == 4


def test_a_form_is_encoded_so_that_no_value_adds_a_field(tmp_path: Path) -> None:
    server = Gateway(None)
    with running(server) as port:
        file = tmp_path / "gateway.toml"
        text = dedent(f"""
            [send]
            url = "http://{HOST}:{port}/"
            encoding = "form"
            body = {{ to = "{{to}}", text = "{{text}}", key = "{{key}}" }}
            [[answer]]
            means = "accepted"
            status = [200]
        """)
        file.write_text(text, encoding="utf-8")
        gateway = sender(kind="http", gateway=str(file))
        assert gateway.send(SMS._replace(text="a&to=1")) == Accepted(KEY)
        assert server.heard[0][2] == f"to={PHONE}&text=a%26to%3D1&key={KEY}".encode()
