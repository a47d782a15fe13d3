"""The site builds without a warning, a broken link fails it, and a reader's browser asks no outside host."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.docs.pages import DOCS
from tests.docs.site import build, build_in_chinese
from tests.docs.translations import SITES_WORDS, TRANSLATED, catalogue
from tests.support.browser import browser, missing
from tests.support.shared_folder import one_at_a_time, shared_folder

pytestmark = pytest.mark.slow

_REFERENCE = re.compile(r"""url\(\s*['"]?([^'")\s]+)|@import\s+['"]([^'"]+)""")
_OUTSIDE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
QUERIES = (
    ("保单", ["保单"]),
    ("保单查询", ["保单", "单查", "查询"]),
    ("险", ["险"]),
    ("DE 39应答码", ["DE", "39", "应答", "答码"]),
    ("front-end 前置", ["front", "end", "前置"]),
    ("、。", []),
)
"""What a reader types, and the terms that are looked for."""
# What a browser fetches by itself; an <a> is fetched when somebody follows it.
_FETCHED = ("src", "srcset", "data", "poster", "background")


class Fetched(HTMLParser):
    """Collects what a page has a browser fetch, its styles' references included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [given[name] for name in _FETCHED if name in given]
        if tag in ("link", "image", "use"):
            self.found += [given[name] for name in ("href", "xlink:href") if name in given]
        self.found += list(references(given.get("style", "")))


class Seen(HTMLParser):
    """Collects a page's texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def references(style: str) -> Iterator[str]:
    """What a style sheet refers to."""
    for match in _REFERENCE.finditer(style):
        yield match[1] or match[2]


def outside(text: str, *, style: bool = False) -> list[str]:
    """What a page or a style sheet fetches from an outside host."""
    if style:
        return [reference for reference in references(text) if _OUTSIDE.match(reference)]
    parser = Fetched()
    parser.feed(text)
    in_page = [
        reference
        for block in re.findall(r"<style.*?</style>", text, re.DOTALL)
        for reference in references(block)
    ]
    return [reference for reference in (*parser.found, *in_page) if _OUTSIDE.match(reference)]


def built_once(
    shared: Path, name: str, build_into: Callable[[Path], subprocess.CompletedProcess[str]]
) -> Path:
    """A site in the folder that all processes of a run share, built by whichever comes first."""
    folder = shared / name
    with one_at_a_time(shared, name):
        if not folder.exists():
            done = build_into(folder)
            assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_folder(tmp_path_factory, "sites")


@pytest.fixture(scope="module")
def site(shared: Path) -> Path:
    return built_once(shared, "html", build)


@pytest.fixture(scope="module")
def chinese_site(shared: Path) -> Path:
    return built_once(shared, "zh", build_in_chinese)


def test_every_page_is_in_the_site(site: Path) -> None:
    made = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    wanted = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert wanted - made == set()


def test_nothing_is_fetched_from_an_outside_host(site: Path) -> None:
    fetched = {
        (path.name, reference)
        for path in sorted(site.rglob("*"))
        if path.suffix in (".html", ".css", ".svg")
        for reference in outside(path.read_text(encoding="utf-8"), style=path.suffix == ".css")
    }
    assert fetched == set()


def texts(page: Path) -> str:
    """What a reader sees of a page."""
    parser = Seen()
    parser.feed(page.read_text(encoding="utf-8"))
    return " ".join(" ".join(parser.found).split())


def test_a_page_of_either_site_leads_to_itself_in_the_other(site: Path, chinese_site: Path) -> None:
    for page, back in (("index.html", "../index.html"), ("decisions/0035-pages-in-chinese.html", "../../")):
        assert f'href="{back}' in (chinese_site / page).read_text(encoding="utf-8")
    for page, there in (("keys.html", "zh/keys.html"), ("decisions/0016-site.html", "../zh/decisions/0016")):
        assert f'href="{there}' in (site / page).read_text(encoding="utf-8")


def test_the_home_page_shows_the_status_page_in_its_readers_language(site: Path, chinese_site: Path) -> None:
    assert 'src="_images/status.png"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'src="_images/status.zh_CN.png"' in (chinese_site / "index.html").read_text(encoding="utf-8")


def test_the_chinese_site_is_in_chinese_or_says_that_a_page_is_not(chinese_site: Path) -> None:
    english = "本页尚无中文译文，以下为英文。"
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    said = {page for page in pages if english in texts(chinese_site / f"{page}.html")}
    assert pages - said == set(TRANSLATED)
    home = texts(chinese_site / "index.html")
    assert [word for word in SITES_WORDS if word in home] == []
    assert "对账员" in home


def found_by(site: Path, term: str) -> set[str]:
    """The pages that a site's index has for a term."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    places = [index[terms].get(term, []) for terms in ("terms", "titleterms")]
    numbers = {number for place in places for number in (place if isinstance(place, list) else [place])}
    return {index["docnames"][number] for number in numbers}


def test_a_chinese_word_finds_every_page_that_has_it(chinese_site: Path) -> None:
    in_chinese = {
        page for page in TRANSLATED if any("保单" in str(message.string) for message in catalogue(page))
    }
    assert found_by(chinese_site, "保单") >= {"glossary", *in_chinese}


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_reader_who_types_a_chinese_word_is_shown_pages(chinese_site: Path) -> None:
    with served(chinese_site) as url, browser() as screen:
        screen.open(f"{url}/index.html")
        typed = screen.driver.find_element("css selector", "input.sidebar-search")
        typed.send_keys("保单基本信息\n")
        screen.until(lambda: "术语表" in screen.texts("ul.search li a"))
        for query, terms in QUERIES:
            assert screen.run("return splitQuery(arguments[0])", query) == terms, query


@contextmanager
def served(site: Path) -> Iterator[str]:
    """A site over HTTP; its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, *said: object) -> None:
        """Keep no log."""


@pytest.mark.parametrize(
    ("text", "wordings"),
    [
        ('<script src="https://cdn.example/a.js"></script>', ["https://cdn.example/a.js"]),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', ["//fonts.example/a.css"]),
        ('<img src="HTTPS://a.example/a.png">', ["HTTPS://a.example/a.png"]),
        ("<style>@import 'https://a.example/a.css';</style>", ["https://a.example/a.css"]),
        ('<p style="background: url(//a.example/a.png)">', ["//a.example/a.png"]),
        ('<a href="https://a.example">a</a><img src="figures/day.svg">', []),
        ('<img src="data:image/png;base64,//8=">', []),
    ],
)
def test_what_a_page_fetches_is_seen(text: str, wordings: list[str]) -> None:
    assert outside(text) == wordings


@pytest.mark.parametrize(
    ("style", "wordings"),
    [
        ("@font-face { src: url('https://a.example/a.woff2') }", ["https://a.example/a.woff2"]),
        ('@import "//a.example/a.css";', ["//a.example/a.css"]),
        ("a { background: url(a.png) }", []),
        ("a { background: url(data:image/svg+xml,%3Csvg) }", []),
    ],
)
def test_what_a_style_sheet_fetches_is_seen(style: str, wordings: list[str]) -> None:
    assert outside(style, style=True) == wordings


def test_a_broken_link_of_any_kind_fails_the_build(tmp_path: Path) -> None:
    page = "[a](no-page.md) [a](index.md#no-heading) ![a](no-figure.svg) [a](#no-place)"
    code, complaints = _small_site(tmp_path, index="```{toctree}\npage\n```\n", page=page)
    gone = ("no-page.md", "no-heading", "no-figure.svg", "no-place")
    assert (code, [name for name in gone if name not in complaints]) == (1, [])


def test_a_page_that_the_navigation_leaves_out_fails_the_build(tmp_path: Path) -> None:
    done = _small_site(tmp_path, index="nothing\n", page="text")
    assert (done[0], "toctree" in done[1]) == (1, True)


def test_a_site_of_whole_links_builds(tmp_path: Path) -> None:
    index = "## Two words\n\n```{toctree}\npage\n```\n"
    assert _small_site(tmp_path, index, "[a](index.md#two-words) [b](#page)") == (0, "")


def _small_site(folder: Path, index: str, page: str) -> tuple[int, str]:
    """Build a site of two pages by the settings of ours; exit code and complaints."""
    source = folder / "source"
    source.mkdir()
    (source / "conf.py").write_bytes((DOCS / "conf.py").read_bytes())
    (source / "index.md").write_text(f"# Index\n\n{index}", encoding="utf-8")
    (source / "page.md").write_text(f"# Page\n\n{page}\n", encoding="utf-8")
    done = build(folder / "html", source)
    return done.returncode, done.stderr
