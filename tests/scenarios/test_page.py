"""The status page in a real browser, a real machine and simulated banks behind it: what a person sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fep.links.tls import Validity
from fep.status.host import Certificate, Disk, Host
from fep.status.limits import Room
from fep.status.snapshot import Light
from fep.status.webpage import shipped
from ledger.files.open_breaks_file import Figures, Outstanding, write
from ledger.rules.request import BankDay, Totals
from protocol.framing import Framing
from protocol.mac import MacMethod
from protocol.message import Message
from simulators.bank import Bank
from simulators.profile import BankProfile
from tests.support.browser import Browser, browser, missing, screenshots
from tests.support.builders import BANK, message
from tests.support.machine import (
    NOON,
    OTHER_BANK,
    ZMK,
    Machine,
    load_front_book,
    reactor,
    wait_for,
    write_settings,
)

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"no browser: {missing()}"),
]
SCREENS = ((1366, 768, False), (390, 844, True))
DARK, LIGHT = "rgb(14, 19, 25)", "rgb(243, 245, 248)"
GRID = {"light": "213,219,227,255", "dark": "48,58,71,255"}


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """One browser for all of these tests."""
    with browser() as opened:
        yield opened


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose clock cuts over at 22:00, on a book with dues; the office has told of breaks."""
    limits = '[day]\ncutover = "22:00"'
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", limits=limits)
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


class Counter:
    """A simulated bank, worked from the test's thread."""

    def __init__(self, machine: Machine) -> None:
        profile = BankProfile(
            BANK, "127.0.0.1", machine.port(), Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK
        )
        self.bank = Bank(profile, reactor, lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC))

    def do(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401 - the work's own
        return wait_for(work)

    def cut_the_line(self) -> None:
        for link in self.bank.links:
            wait_for(link.transport.abortConnection)


def opened(window: Browser, machine: Machine) -> str:
    """Open the page as if for the first time, and wait until it lives; its address."""
    url = f"http://127.0.0.1:{machine.service.status_port}/"
    window.open("about:blank")  # a page of a machine that is gone would go on asking, and complain
    for before in (window.asked_for, window.complaints):
        before()  # what they tell is not ours
    window.size(*SCREENS[0][:2])
    window.wish(prefers_color_scheme="light")
    window.open(url)
    window.run("localStorage.clear()")
    window.open(url)
    window.until(lambda: window.texts(".bank"))
    return url


def lights(window: Browser) -> dict[str, str]:
    """Each bank's light, in its words."""
    texts = window.run(
        "return [...document.querySelectorAll('.bank')]"
        ".map(bank => [bank.dataset.bank, bank.querySelector('.light').innerText])"
    )
    return dict(texts)


def alarm_names(window: Browser) -> list[str]:
    """The name of each alarm's kind, once for each of its lines."""
    return list(
        window.run(
            "return [...document.querySelectorAll('#alarm-list .what')]"
            ".map(line => line.closest('[data-alarm]').dataset.alarm)"
        )
    )


def tab(window: Browser) -> tuple[str, str]:
    """The title of the browser's tab, and the name of its icon."""
    icon = window.run("return document.querySelector('link[rel=icon]').getAttribute('href')")
    return str(window.run("return document.title")), icon.rpartition("/")[2]


def fact(bank: str, name: str) -> str:
    return f'[data-bank="{bank}"] [data-fact="{name}"]'


def drawn(window: Browser) -> set[str]:
    """The colours of the chart's pixels: red, green, blue, alpha."""
    return set(window.run(PIXELS))


PIXELS = """
const canvas = document.querySelector('#chart canvas');
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
const seen = new Set();
for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 4).join());
return [...seen];
"""


def looks(window: Browser, folder: Path, name: str) -> None:
    """In each language, theme and size: no scrolling to the side; a screenshot of each is kept."""
    for theme in ("light", "dark"):
        window.click(f'[data-theme-choice="{theme}"]')
        for language in ("zh", "en"):
            window.click(f'[data-language="{language}"]')
            for width, height, phone in SCREENS:
                window.size(width, height, phone=phone)
                window.until(lambda width=width: window.run("return innerWidth") == width)
                assert window.run("return document.documentElement.scrollWidth") == width
                window.shoot(screenshots(folder) / f"{name}-{theme}-{language}-{width}.png")
    window.size(*SCREENS[0][:2])


def test_a_bank_that_signed_off_and_one_without_a_link_just_now_are_grey_and_no_alarm(
    window: Browser, tmp_path: Path
) -> None:
    settings = write_settings(
        tmp_path,
        f"sqlite:///{tmp_path / 'front.db'}",
        limits='[day]\ncutover = "22:00"',
        entry="short_links = true",
    )
    load_front_book(settings)
    machine = Machine(settings)
    try:
        with machine.signed_on(OTHER_BANK) as bank:
            off = Message("0800", {7: "1124101112", 11: "000002", 32: OTHER_BANK, 70: "002"})
            assert bank.ask(off).fields[39] == "00"
        opened(window, machine)
        window.until(lambda: lights(window) == {BANK: "短连接空闲", OTHER_BANK: "已签退"})
        assert window.text("#verdict") == "一切正常"
        assert "连接断开" not in window.text("#events")
        looks(window, tmp_path / "screenshots", "signed-off")
        shown = {row["bank"]: row["light"] for row in json.loads(machine.get("/status")[1])["banks"]}
        assert shown == {BANK: "idle", OTHER_BANK: "signed_off"}
        metrics = machine.get("/metrics")[1]
        assert f'qianzhi_bank_light{{bank="{OTHER_BANK}",light="signed_off"}} 1.0' in metrics
        assert f'qianzhi_bank_light{{bank="{OTHER_BANK}",light="down"}} 0.0' in metrics
    finally:
        machine.stop()


def test_links_go_green_and_red_and_the_numbers_move(
    window: Browser, machine: Machine, tmp_path: Path
) -> None:
    url = opened(window, machine)
    assert lights(window) == {BANK: "断开", OTHER_BANK: "断开"}
    assert alarm_names(window) == ["bank_down", "bank_down"]
    assert "启动以来从未连上" in window.text("#alarm-list")
    assert len(window.texts('[data-alarm="bank_down"] .do')) == 1, "what to do is said once"
    assert (window.text("#day"), window.text("#cutover")) == ("2026-11-24", "11:48:48")
    assert window.run("return getComputedStyle(document.body).fontVariantNumeric") == "tabular-nums"
    counter = Counter(machine)
    counter.do(lambda: counter.bank.connect(2))
    window.until(lambda: lights(window)[BANK] == "已签到")
    assert window.text(fact(BANK, "links")) == "2 / 2"
    with machine.signed_on(OTHER_BANK):
        window.until(lambda: window.text("#verdict") == "一切正常")
        assert window.run("return document.querySelector('#verdict').dataset.severity") == "none"
        for _ in range(3):
            counter.do(lambda: counter.bank.inquire("P1"))
        counter.do(lambda: counter.bank.settle("500000", "P1", 120_001, due="D1"))
        counter.do(lambda: counter.bank.settle("500000", "P1", 120_000, due="D1"))
        window.until(lambda: window.text('[data-queue="batched"]') == "5")
        rows = window.texts("#responses tbody tr")
        assert [row.split() for row in rows] == [
            ["00", "成功，已落盘", "4", "4"],
            ["13", "金额不符", "1", "1"],
        ]
        window.until(lambda: "1,200.00" in window.texts(f'[data-totals="{BANK}"]')[0])
        sums = window.text("#totals tfoot").split()
        assert sums == ["合计", "1,200.00", "1", "笔", "0.00", "0", "笔", "1,200.00"]
        assert window.text('[data-held="messages"]') == "0"
        assert tab(window) == ("fep1 Qianzhi 前置状态", "icon.svg")
        window.until(lambda: window.text(fact(BANK, "p99")).startswith("≤ "))
        most = "return document.querySelector('#chart').ariaLabel.split('最多 ')[1]"
        assert int(window.run(most)) > 0
        counter.do(counter.bank.echo)
        window.until(lambda: window.text(fact(BANK, "echo")) != "从未")
        looks(window, tmp_path / "screenshots", "green")
        window.click('[data-language="zh"]')
        counter.cut_the_line()
        window.until(lambda: lights(window)[BANK] == "断开")
        assert lights(window)[OTHER_BANK] == "已签到"
        assert window.text("#verdict") == "1 项需要处理"
        assert tab(window) == ("(1 红) fep1 Qianzhi 前置状态", "icon-red.svg")
        assert "秒前" in window.text("#alarm-list")
        window.run("window.kept = document.querySelector('#alarm-list .do')")
        before = window.text("#alarm-list .what")
        window.until(lambda: window.text("#alarm-list .what") != before)
        assert window.run("return window.kept.isConnected") is True, "it can be marked while seconds pass"
        assert window.run("return document.querySelector('.bank').dataset.bank") == BANK, "the worst is first"
        window.until(lambda: any("连接断开" in event for event in window.texts("#events li")))
        looks(window, tmp_path / "screenshots", "red")
    assert window.complaints() == []
    asked = window.asked_for()
    assert f"{url}feed" in asked
    own = "chrome://"  # the browser's own snapshots, in itself
    assert [request for request in asked if not request.startswith((url, own))] == []


def test_a_bad_mac_is_seen_with_what_to_do(window: Browser, machine: Machine) -> None:
    opened(window, machine)
    with machine.signed_on() as bank:
        body = bytearray(bank.codec.seal(message(), bank.key.mac))
        body[-1] ^= 1
        bank.send_body(bytes(body))
        assert bank.receive().fields[39] == "63"
        window.until(lambda: "bad_mac" in alarm_names(window))
        assert window.text(fact(BANK, "mac")) == "1 (+1)"
        assert "重新签到" in window.text('[data-alarm="bad_mac"] .do')
        window.until(lambda: any("MAC 错" in event for event in window.texts("#events li")))


def test_language_and_theme_are_switched_and_kept(window: Browser, machine: Machine) -> None:
    url = opened(window, machine)
    fixture = "return getComputedStyle(document.body).backgroundColor"
    assert (window.run("return document.documentElement.lang"), window.run(fixture)) == ("zh-CN", LIGHT)
    window.wish(prefers_color_scheme="dark")
    window.until(lambda: window.run(fixture) == DARK)
    window.click('[data-theme-choice="light"]')
    assert window.run(fixture) == LIGHT, "a choice outweighs the system's wish"
    window.click('[data-theme-choice="dark"]')
    window.wish(prefers_color_scheme="light")
    window.click('[data-language="en"]')
    assert (window.text("#banks-title"), window.run(fixture)) == ("Banks' links", DARK)
    window.open(url)
    window.until(lambda: window.texts(".bank"))
    assert (window.text("#banks-title"), window.run(fixture)) == ("Banks' links", DARK), "and are kept"
    assert window.run("return document.documentElement.lang") == "en"
    assert window.run("return document.querySelector('[data-language=en]').ariaPressed") == "true"
    assert GRID["dark"] in drawn(window), "the charts have the theme's colours too"
    assert GRID["light"] not in drawn(window)
    window.click('[data-theme-choice=""]')
    assert window.run(fixture) == LIGHT
    window.until(lambda: GRID["light"] in drawn(window))
    assert window.run("return localStorage.getItem('qianzhi-theme')") is None


def test_the_keyboard_reaches_every_control_and_nothing_moves_for_who_does_not_want_it(
    window: Browser, machine: Machine
) -> None:
    opened(window, machine)
    window.wish(prefers_reduced_motion="reduce")
    light = "getComputedStyle(document.querySelector('.light[data-light=down]'), '::before')"
    assert window.run(f"return {light}.animationName") == "none"
    window.wish(prefers_reduced_motion="no-preference")
    assert window.run(f"return {light}.animationName") == "blink"
    reached = window.run(
        "return [...document.querySelectorAll('a, button')].map(one => one.tabIndex).every(at => at === 0)"
    )
    assert reached is True
    scrolling = window.run(
        "return [...document.querySelectorAll('main *')]"
        ".filter(one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX))"
        ".map(one => [one.id, one.tabIndex])"
    )
    assert scrolling == [["totals", 0], ["responses", 0], ["breaks", 0], ["events", 0]], (
        "and whatever it has to scroll"
    )
    window.run("document.querySelector('[data-language=en]').focus()")
    window.driver.switch_to.active_element.send_keys("\ue007")  # Enter
    assert window.text("#banks-title") == "Banks' links"


def test_contrast_is_enough_in_both_themes(window: Browser, machine: Machine) -> None:
    """WCAG AA: 4.5 to 1 for every text that has a ground of its own or its parents'."""
    opened(window, machine)
    for theme in ("light", "dark"):
        window.click(f'[data-theme-choice="{theme}"]')
        poor = window.run(CONTRAST)
        assert poor == []
        for light in Light:
            poor = window.run(f"document.querySelector('.light').dataset.light = '{light}';{CONTRAST}")
            assert poor == [], light
        for severity in ("none", "yellow", "red", "wait"):
            seen = f"document.querySelector('.verdict').dataset.severity = '{severity}';"
            assert window.run(seen + CONTRAST) == [], severity


CONTRAST = """
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const lum = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
const ground = node => {
  for (; node; node = node.parentElement) {
    const seen = rgb(getComputedStyle(node).backgroundColor);
    if (seen.length === 3 || seen[3] === 1) return seen;
  }
  return [255, 255, 255];
};
const own = node => [...node.childNodes].some(one => one.nodeType === 3 && one.textContent.trim());
return [...document.querySelectorAll('body *')]
  .filter(node => own(node) && node.checkVisibility() && !node.closest('noscript, script, .skip'))
  .map(node => {
    const [a, b] = [lum(rgb(getComputedStyle(node).color)), lum(ground(node))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), node.textContent.trim()];
  }).filter(([ratio]) => ratio < 4.5);
"""


def test_a_page_that_has_lost_the_machine_says_so(window: Browser, machine: Machine, tmp_path: Path) -> None:
    opened(window, machine)
    assert window.run("return document.body.dataset.feed") == "live"
    machine.stop()
    window.until(lambda: window.run("return document.body.dataset.feed") == "lost")
    assert alarm_names(window) == ["lost"], "the others are as old as the figures"
    assert "systemctl status qianzhi-fep" in window.text("#alarm-list")
    window.shoot(screenshots(tmp_path / "screenshots") / "lost-light-zh-1366.png")
    window.complaints()


def test_a_feed_that_falls_silent_is_asked_for_again(window: Browser, machine: Machine) -> None:
    """As after a power cut: nothing comes, and nobody has closed the connection."""
    opened(window, machine)
    window.asked_for()
    feed = machine.service.feed
    wait_for(machine.service._stop_calls)
    machine.service._calls.clear()
    window.until(lambda: window.run("return document.body.dataset.feed") == "lost")
    window.until(lambda: any(url.endswith("/feed") for url in window.asked_for()))
    window.until(lambda: feed.watchers == 1)


def test_a_page_of_another_version_than_the_machines_takes_the_new_files(
    window: Browser, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(window, machine)
    window.run("window.isOld = true")
    watchers = machine.service.feed._watchers

    def cut() -> None:
        for request in tuple(watchers):
            request.channel.transport.abortConnection()

    wait_for(cut)
    window.until(lambda: len(watchers) == 1)
    window.until(lambda: window.run("return document.body.dataset.feed") == "live")
    assert window.run("return window.isOld") is True, "the same version: the page goes on"
    monkeypatch.setattr("fep.status.feed.shipped", lambda: shipped()._replace(version="another"))
    wait_for(cut)
    window.until(lambda: not window.run("return window.isOld"))
    window.complaints()


def test_a_bank_that_is_disabled_is_not_missed_and_one_that_leaves_the_settings_is_gone(
    window: Browser, machine: Machine, tmp_path: Path
) -> None:
    opened(window, machine)
    most = "return document.querySelector('#chart').ariaLabel.split('最多 ')[1]"
    with machine.signed_on(OTHER_BANK) as bank:
        bank.ask(message())
        window.until(lambda: window.run(most) == "1")
    path = tmp_path / "qianzhi.toml"
    path.write_text(f"{path.read_text()}enabled = false\n")
    wait_for(machine.service.reload)
    window.until(lambda: lights(window) == {BANK: "断开", OTHER_BANK: "已停用"})
    assert alarm_names(window) == ["bank_down"], "a bank that is to have no link is not missed"
    assert window.text("#state-more") == "0 / 1 家银行在线"
    first, second, _ = path.read_text().split("[[bank]]")
    path.write_text(f"{first}[[bank]]{second}")
    wait_for(machine.service.reload)
    window.until(lambda: list(lights(window)) == [BANK])
    window.until(lambda: window.run(most) == "0")


def test_open_breaks_are_shown_as_the_office_told_them(window: Browser, tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    path = tmp_path / "breaks.json"
    status = settings.status.model_copy(update={"breaks": str(path)})
    load_front_book(settings)
    rows = (
        Outstanding(BANK, "bank_only", "20261124", 4, 1_234_567),
        Outstanding(OTHER_BANK, "bank_only", "20261101", 1, 33),
        Outstanding(BANK, "timing", "20261120", 2, 0),
    )
    path.write_bytes(write(Figures(1_764_000_000_000_000, rows)))
    machine = Machine(settings.model_copy(update={"status": status}))
    try:
        opened(window, machine)
        window.until(lambda: window.texts("#breaks tbody tr"))
        assert [row.split() for row in window.texts("#breaks tbody tr")] == [
            ["银行有、我方无", "4", "·", "1", "·", "12,346.00"],
            ["时间性差异", "·", "2", "·", "·", "0.00"],
        ]
        assert "后台于" in window.text("#breaks-more")
        assert "有差错已挂 23 天" in window.text("#alarm-list")
    finally:
        machine.stop()


def test_an_expired_certificate_and_a_full_disk_are_red_beside_the_days_sums(
    window: Browser, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(window, machine)
    monkeypatch.setattr(machine.service, "_take_overview", lambda _: None)
    ended = NOON.astimezone(UTC) - timedelta(days=303, hours=1)
    certificate = Certificate("keys/machine.crt", validity=Validity(ended - timedelta(days=825), ended))
    disks = (Disk(("book", "keystore"), "/var/lib", room=Room(200 << 20, 40 << 30)),)
    totals = Totals(12_345, 9_876_543_210_05, 2, 20_000_00, 678, 10_987_654_321_00)

    def change() -> None:
        service = machine.service
        service.host.latest = Host(certificate, disks)
        service._overview = service._overview._replace(figures={BANK: BankDay(totals)})

    wait_for(change)
    window.until(lambda: "certificate_expired" in alarm_names(window))
    assert "本机证书已过期 303 天：keys/machine.crt" in window.text("#alarm-list")
    assert "磁盘将满：/var/lib 只剩 200 MiB" in window.text("#alarm-list")
    assert window.texts("#host dd[data-severity=red]") == [
        "已过期 303 天\n至 2026-01-25 09:11",
        "余 200 MiB\n共 40 GiB，余 0%",
    ]
    assert tab(window)[0].startswith("(4 红)")
    sums = window.text("#totals tfoot")
    assert [amount in sums for amount in ("9,876,523,210.05", "10,987,654,321.00", "−1,111,131,110.95")] == [
        True
    ] * 3
    looks(window, tmp_path / "screenshots", "expired")
