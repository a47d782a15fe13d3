"""The page's files: what is shipped, the headers that it goes out with, its words, what it may not hold."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import Site

from fep.day.schedule import Obstacle
from fep.links.connection import HANDSHAKE_FAILED, TLS_CAME
from fep.links.places import FULL, NEWER, SILENT
from fep.status.snapshot import Light, State
from fep.status.webpage import POLICY, PageResource, StaticResource, shipped
from fep.telemetry.event_log import Kind
from ledger.rules.break_classes import CLASSES, BreakClass
from protocol.responses import RESPONSES, Response

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "fep" / "status" / "static"
WORDS = json.loads(shipped().files["words.json"].body)
OURS = sorted(path for path in STATIC.iterdir() if path.is_file())


def get(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer of the page's part of the status port."""
    assets, root = shipped(), Resource()
    root.putChild(b"", PageResource(assets.page))
    root.putChild(b"static", StaticResource(assets))
    transport, channel = StringTransport(), Site(root, reactor=Clock()).buildProtocol(None)
    channel.makeConnection(transport)
    lines = [f"{method} {path} HTTP/1.0", *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers)]
    channel.dataReceived("\r\n".join([*lines, "", ""]).encode())
    head, _, body = transport.value().partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in rest), body


def static(name: str) -> str:
    return f"/static/{shipped().version}/{name}"


def test_the_page_is_asked_for_anew_and_sent_only_where_it_changed() -> None:
    code, headers, body = get("/")
    assert (code, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (headers["cache-control"], headers["content-security-policy"]) == ("no-cache", POLICY)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert get("/", if_none_match=headers["etag"])[::2] == (304, b"")
    assert get("/", if_none_match='"another"')[0] == 200


def test_the_policy_lets_in_our_own_files_and_nothing_else() -> None:
    directives = dict(part.strip().split(" ", 1) for part in POLICY.split(";"))
    assert directives == {
        **dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'"),
        **dict.fromkeys(("script-src", "style-src", "img-src", "connect-src"), "'self'"),
    }


@pytest.mark.parametrize("name", sorted(shipped().files))
def test_a_file_of_a_version_never_changes(name: str) -> None:
    code, headers, body = get(static(name))
    assert (code, body) == (200, shipped().files[name].body)
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-security-policy"] == POLICY
    assert get(static(name), if_none_match=headers["etag"])[0] == 304


@pytest.mark.parametrize("name", sorted({*shipped().files} - {"words.json"}))
def test_a_file_goes_out_as_it_lies_in_the_package(name: str) -> None:
    assert shipped().files[name].body == (STATIC / name).read_bytes()


def test_the_words_are_those_of_the_file_and_of_the_machines_own_tables() -> None:
    file = json.loads((STATIC / "words.json").read_text(encoding="utf-8"))
    rows = {f"class.{cls}": (row.chinese, row.english) for cls, row in CLASSES.items()}
    rows |= {f"response.{code}": (row.chinese, row.english) for code, row in RESPONSES.items()}
    assert rows.keys() & file.keys() == set()
    assert file | {key: {"zh": zh, "en": en} for key, (zh, en) in rows.items()} == WORDS


@pytest.mark.parametrize("path", ["/", static("page.js")])
def test_head_says_the_same_without_the_body(path: str) -> None:
    _, headers, body = get(path)
    code, head_headers, head_body = get(path, "HEAD")
    assert (code, head_body, head_headers["content-length"]) == (200, b"", str(len(body)))
    same = ("etag", "cache-control", "content-type", "content-security-policy")
    assert [head_headers[name] for name in same] == [headers[name] for name in same]


@pytest.mark.parametrize(
    "path",
    [
        "/static",
        "/static/",
        f"/static/{shipped().version}",
        static("nothing.js"),
        static("index.html"),
        static("uplot/LICENSE"),
        static("../webpage.py"),
        static("..%2fwebpage.py"),
        static("/etc/passwd"),
        "/static/000000000000/page.js",
    ],
)
def test_there_is_nothing_but_the_versions_files(path: str) -> None:
    assert get(path)[0] == 404


@pytest.mark.filterwarnings(
    "ignore:twisted.web.resource._UnsafeErrorPage"
)  # Twisted's own, with constant text
@pytest.mark.parametrize("path", ["/", static("page.js")])
def test_nothing_can_be_sent_there(path: str) -> None:
    assert get(path, "POST")[0] == 405


def test_the_page_asks_for_files_that_there_are() -> None:
    page = shipped().page.body.decode()
    wanted = set(re.findall(r'(?:src|href)="/static/[^/"]+/([^"]+)"', page))
    assert wanted - shipped().files.keys() == set()
    assert "@version@" not in page
    scripts = "".join(path.read_text(encoding="utf-8") for path in OURS if path.suffix == ".js")
    imported = set(re.findall(r'from "\./(.+?)"', scripts))
    assert imported - shipped().files.keys() == set()


def test_the_version_is_that_of_what_is_shipped() -> None:
    everything = hashlib.sha256()
    names = sorted(
        path.relative_to(STATIC).as_posix()
        for path in STATIC.rglob("*")
        if path.suffix in (".html", ".css", ".js", ".json", ".svg")
    )
    bodies = {name: (STATIC / name).read_bytes() for name in names} | {
        "words.json": shipped().files["words.json"].body
    }
    for name, body in bodies.items():
        digest = hashlib.sha256(body).hexdigest()
        everything.update(f'{name} "{digest}"\n'.encode())
    assert shipped().version == everything.hexdigest()[:12]
    assert {*shipped().files, "index.html"} == set(names)


def test_the_chart_library_is_the_one_that_was_taken_in() -> None:
    folder = STATIC / "uplot"
    stated = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "SHA256SUMS"
    }
    assert stated == digests
    assert digests["uPlot.iife.min.js"] == "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    assert "The MIT License" in (folder / "LICENSE").read_text()


def test_what_is_shipped_is_in_the_package() -> None:
    patterns = re.search(r"^fep.status = (.+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert patterns is not None
    packed = {path for pattern in patterns[1].split(", ") for path in (ROOT / "fep" / "status").glob(pattern)}
    assert {path for path in STATIC.rglob("*") if path.is_file()} - packed == set()


FORBIDDEN = (
    r"innerHTML",
    r"outerHTML",
    r"insertAdjacentHTML",
    r"document\.write",
    r"\beval\b",
    r"new Function",
    r"\bon[a-z]+=",
    r"<script(?![^>]*\bsrc=)",
    r"<style",
    r"\sstyle=",
    r"https?://(?!www\.w3\.org/2000/svg)",
    r"url\(",
    r"@import",
)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_inline_nothing_from_elsewhere_and_no_text_as_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [pattern for pattern in FORBIDDEN if re.search(pattern, text)] == []


def test_a_colour_is_said_once_for_light_and_for_dark() -> None:
    style = (STATIC / "page.css").read_text(encoding="utf-8")
    colour = r"#[0-9a-f]{3,8}"
    pairs = re.findall(rf"(--[\w-]+): light-dark\({colour}, {colour}\);", style)
    assert sorted(pairs) == sorted(set(pairs))
    assert len(re.findall(rf"{colour}\b", style)) == 2 * len(pairs), "no colour stands elsewhere"
    assert set(re.findall(r"var\((--[\w-]+)\)", style)) == set(pairs)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_the_languages_words_stand_in_the_table_alone(path: Path) -> None:
    text = re.sub(r"(?s)<noscript>.*?</noscript>", "", path.read_text(encoding="utf-8"))
    chinese = set(re.findall(r"[\u4e00-\u9fff]+", text))
    allowed = {"前置", "中文"} if path.name == "index.html" else set()
    assert path.name == "words.json" or chinese == allowed


def _is_in_both_languages(word: dict[str, str]) -> bool:
    return (
        word.keys() == {"zh", "en"}
        and all(word.values())
        and {*re.findall(r"\{\w+\}", word["zh"])} == {*re.findall(r"\{\w+\}", word["en"])}
        and not re.search(r"[\u4e00-\u9fff]", word["en"])
    )


def test_a_word_is_there_in_both_languages_with_the_same_places() -> None:
    assert WORDS
    assert {key: word for key, word in WORDS.items() if not _is_in_both_languages(word)} == {}


def literal_keys() -> set[str]:
    """The keys that page and scripts name in full."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in OURS if path.suffix == ".js")
    return {
        *re.findall(r'data-(?:word|label)="([^"]+)"', page),
        *re.findall(r'\bword\("([^"]+)"', scripts),
        *re.findall(r'\["(\w+)", \d+\]', scripts),
    }


def made_keys() -> set[str]:
    """The keys that scripts put together from what the machine says."""
    scripts = (STATIC / "sections.js").read_text(encoding="utf-8")
    listed = {
        name: re.findall(r'"(\w+)"', re.search(rf"const {name} = \[(.+?)\]", scripts)[1])  # type: ignore[index]
        for name in ("FACTS", "QUEUE")
    }
    return {
        *(f"light.{light}" for light in Light),
        *(f"state.{state}" for state in State),
        *(f"event.{kind}" for kind in Kind),
        *(f"response.{code}" for code in Response),
        *(f"class.{break_class}" for break_class in BreakClass),
        *(f"severity.{colour}" for colour in ("red", "yellow")),
        *(f"bank.{fact}" for fact in listed["FACTS"]),
        *(f"queue.{figure}" for figure in (*listed["QUEUE"], "waiting", "refused")),
        *(f"reason.{reason}" for reason in ("", *reasons())),
        *(f"alarm.bank_down.{seen}" for seen in ("heard", "never")),
        *(f"held.{what}" for what in ("messages", "locked", "dues", "cutover", "breaks")),
        *(f"waits.{obstacle}" for obstacle in Obstacle),
        *(f"disk.{what}" for what in ("book", "keystore", "log")),
        *("alarm.lost", "alarm.lost.do", "events.since", "events.times"),
    }


GIVE_REASONS = ("_no_longer_allowed", "unwelcome", "admit", "missed")
"""The functions of fep.links that return why a connection is refused or a link is ended."""


def literal(argument: ast.expr) -> Iterator[object]:
    """The value of an argument that is written in its place, as it is or as a Sentence without values."""
    match argument:
        case ast.Constant(value=text) | ast.Call(args=[ast.Constant(value=text)], keywords=[]):
            yield text


def reasons() -> set[str]:
    """Why links are ended and connections refused: every such text in the machine's code."""
    texts = {HANDSHAKE_FAILED, TLS_CAME, FULL, NEWER, SILENT}
    for path in sorted((ROOT / "fep" / "links").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("_close", "end", "ending", "_refuse"):
                    texts |= {text for argument in node.args for text in literal(argument)}
            elif isinstance(node, ast.FunctionDef) and node.name in GIVE_REASONS:
                texts |= {
                    constant.value
                    for statement in ast.walk(node)
                    if isinstance(statement, ast.Return | ast.Assign)
                    for constant in ast.walk(statement)
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
                }
    return {text for text in texts if isinstance(text, str) and text}


def test_every_word_that_is_wanted_is_there_and_none_is_idle() -> None:
    alarms = {key for key in WORDS if key.startswith("alarm.")}
    assert (literal_keys() | made_keys()) - WORDS.keys() == set()
    assert WORDS.keys() - literal_keys() - made_keys() - alarms == set()
