"""The examination's page in a real browser: what a link leads to is open, and a phone's width is enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.certify.cases import CASES
from simulators.certify.report import as_html
from simulators.certify.result import Check, Outcome, Result, Run
from tests.support.browser import Browser, browser, missing

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"no browser: {missing()}"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Every case of the machine's examination, one of each outcome in turn."""
    results = []
    for place, case in enumerate(CASES):
        outcome = tuple(Outcome)[place % len(Outcome)]
        checks = (Check("DE 39 = 00", "DE 39 = 25 NO SUCH POLICY", outcome is Outcome.PASSED),)
        reason = "" if outcome is Outcome.PASSED else "expected DE 39 = 00; seen DE 39 = 25"
        results.append(
            Result(case.id, case.section, case.title, case.title_en, "", outcome, reason, checks, ())
        )
    file: Path = tmp_path_factory.mktemp("report") / "report.html"
    run = Run("前置机接口认证", "Certification", (("bank", "01020000"),), tuple(results))
    file.write_text(as_html(run), encoding="utf-8")
    with browser() as shown:
        shown.open(file.as_uri())
        yield shown


def test_a_case_is_open_when_its_link_was_followed(page: Browser) -> None:
    page.size(1366, 900)
    opened = "return document.getElementById(arguments[0]).closest('details').open"
    passed = CASES[0].id
    assert page.run(opened, passed) is False
    page.click(f"a[href='#{passed}']")
    page.until(lambda: page.run(opened, passed))
    bound = "return document.getElementById(arguments[0]).closest('details').getBoundingClientRect().top"
    assert page.run(bound, passed) >= 0, "its heading is in sight"


@pytest.mark.parametrize("width", [360, 390, 1366])
def test_what_a_case_asks_has_most_of_the_width(page: Browser, width: int) -> None:
    page.size(width, 844, phone=width < 700)
    assert page.run("return document.documentElement.scrollWidth") <= width
    narrowest = page.run(
        "return Math.min(...[...document.querySelectorAll('table.cases:last-of-type td.asks')]"
        ".map(cell => cell.getBoundingClientRect().width))"
    )
    assert narrowest > width / 2
