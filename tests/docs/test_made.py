"""What the pages have from the code is as the code has it; what is written by hand does not contradict it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import psec
import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

from fep.links.request_parser import MANDATORY
from protocol.codec import Codec
from protocol.dialect import load, shipped
from protocol.framing import SHIPPED, FrameReader, Framing
from protocol.mac import MacMethod
from protocol.mac_table import mac_of
from protocol.responses import Response
from protocol.tlv import KNOWN
from tests.docs import drawn, figures, made, worked
from tests.docs.figures import Arrow, Figure
from tests.docs.pages import DOCS, filled, made_places, pages, sections

PROTOCOL = (DOCS / "protocol.md").read_text(encoding="utf-8")
CONNECT = (DOCS / "connect.md").read_text(encoding="utf-8")
_SVG = "{http://www.w3.org/2000/svg}"

# The witness builds its ciphers in ways that the library is about to drop; our own code may not warn.
pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore:.*TripleDES:cryptography.utils.CryptographyDeprecationWarning:psec.{module}"
    )
    for module in ("des", "mac")
]


def rows(text: str) -> list[list[str]]:
    """The cells of a page's table rows."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_what_is_made_from_the_code_is_as_the_code_has_it() -> None:
    assert [path.name for path in made.stale()] == [], "run: make docs"


def test_every_made_text_has_its_place_in_a_page() -> None:
    placed = {name for page in pages() for name in made_places(page.read_text(encoding="utf-8"))}
    assert placed == set(made.places())


def test_a_place_is_filled_and_what_is_around_it_stays() -> None:
    text = "a\n<!-- made: x -->\nold\n<!-- end -->\nb\n"
    assert filled(text, {"x": "new\n"}) == "a\n<!-- made: x -->\n\nnew\n\n<!-- end -->\nb\n"
    assert filled(filled(text, {"x": "new"}), {"x": "new"}) == filled(text, {"x": "new"})


def test_a_place_that_nothing_makes_is_refused() -> None:
    with pytest.raises(KeyError, match="gone"):
        filled("<!-- made: gone -->\n<!-- end -->", {})


# The hand-written reference, against the code.


def test_mandatory_fields_of_the_text_are_those_that_the_gate_asks_for() -> None:
    table = rows(sections(PROTOCOL, 3)["Fields"])
    heads = table[0][2:]
    said: dict[str, set[int]] = {mti: set() for head in heads for mti in head.split("/")}
    for cells in table[2:]:
        numbers = {
            number
            for part in re.split(r"[,/] ?", cells[0])
            for first, _, last in [part.partition("–")]
            for number in range(int(first), int(last or first) + 1)
        }
        for head, cell in zip(heads, cells[2:], strict=True):
            for mti in head.split("/"):
                said[mti] |= numbers - {64, 128} if cell == "M" else set()
    assert said == {mti: set(numbers) for mti, numbers in MANDATORY.items()}


def test_response_codes_of_the_text_are_all_that_there_are() -> None:
    table = rows(sections(PROTOCOL, 2)["6. Outcomes, DE 39"])
    assert {code for cells in table[2:] for code in cells[0].split(" / ")} == {
        code.value for code in Response
    }


def test_groups_of_the_text_are_all_that_are_known() -> None:
    table = rows(
        sections(PROTOCOL, 2)["4. DE 48: groups of tag (2 characters) + length (3 digits, bytes) + value"]
    )
    assert {cells[place] for cells in table[2:] for place in (0, 2) if cells[place]} == set(KNOWN)


@pytest.mark.parametrize(
    ("section", "names"),
    [("1. Framing (per bank)", tuple(SHIPPED)), ("2. Dialects (shipped as data files)", shipped())],
)
def test_names_of_the_text_are_those_that_settings_take(section: str, names: tuple[str, ...]) -> None:
    table = rows(sections(PROTOCOL, 2)[section])
    assert {re.match(r"`([^`]+)`", cells[0])[1] for cells in table[2:]} == set(names)  # type: ignore[index]


# The worked examples, read off the page, by other libraries than the machine's.


def on_page(words: str, place: str) -> str:
    """What the row of this name says in a made place of the page."""
    text = CONNECT.split(f"<!-- made: {place} -->")[1].split("<!-- end -->")[0]
    return next(cells[1].strip("`") for cells in rows(text) if cells[0].startswith(words))


def test_the_pages_aes_mac_is_what_another_implementation_computes() -> None:
    mac = CMAC(AES(bytes.fromhex(on_page("session key", "worked-mac"))))
    mac.update(bytes.fromhex(on_page("covered", "worked-mac")))
    assert mac.finalize()[:8] == bytes.fromhex(on_page("MAC", "worked-mac"))


def test_the_pages_retail_mac_is_what_another_implementation_computes() -> None:
    key = bytes.fromhex(on_page("session key", "worked-mac-x919"))
    covered = bytes.fromhex(on_page("covered", "worked-mac-x919"))
    mac = psec.mac.generate_retail_mac(key[:8] * 3, key[8:] * 3, covered, padding=1)
    assert mac == bytes.fromhex(on_page("MAC", "worked-mac-x919"))


@pytest.mark.parametrize("algorithm", [MacMethod.AES_CMAC, MacMethod.X9_19], ids=str)
def test_the_pages_key_block_opens_by_another_implementation(algorithm: MacMethod) -> None:
    block = on_page(f"`{algorithm}`", "worked-keys")
    assert psec.tr31.unwrap(worked.ZMK, block)[1] == worked.SESSION_KEY


def column(algorithm: MacMethod) -> dict[str, bytes]:
    """The values of the opened key block of one algorithm, by name; the header's are its characters."""
    text = CONNECT.split("<!-- made: worked-key-block -->")[1].split("<!-- end -->")[0]
    table = rows(text)
    place = table[0].index(f"`{algorithm}`")
    values = {cells[0]: cells[place].strip("`") for cells in table[2:]}
    header = values.pop("header").encode("ascii")
    return {name: bytes.fromhex(value.replace(", ", "")) for name, value in values.items()} | {
        "header": header
    }


def double_length(key: bytes) -> TripleDES:
    """Triple DES under K1, K2, K1."""
    return TripleDES(key + key[:8])


@pytest.mark.parametrize(("algorithm", "cipher"), [("aes-cmac", AES), ("x9.19", double_length)])
def test_the_pages_key_block_opens_step_by_step_as_the_page_says(
    algorithm: str, cipher: Callable[[bytes], BlockCipherAlgorithm]
) -> None:
    values = column(mac_of(algorithm))
    for use in ("encryption", "authentication"):
        data = values[f"derivation data, {use}"]
        derived = b"".join(cmac(cipher, worked.ZMK, data[at : at + 8]) for at in range(0, len(data), 8))
        assert derived == values[f"block {use} key"]
    key, mac = values["block encryption key"], values["block MAC"]
    opened = Cipher(cipher(key), CBC(mac)).decryptor().update(values["encrypted key data"])
    assert opened == values["clear key data"]
    authentic = cmac(cipher, values["block authentication key"], values["header"] + opened)
    assert authentic == values["its CMAC behind the header"] == mac
    assert opened[:2] + values["key"] == (128).to_bytes(2) + worked.SESSION_KEY == opened[:18]


def cmac(cipher: Callable[[bytes], BlockCipherAlgorithm], key: bytes, data: bytes) -> bytes:
    code = CMAC(cipher(key))
    code.update(data)
    return code.finalize()


@pytest.mark.parametrize("make", worked.MESSAGES)
def test_a_worked_frame_is_read_back_as_its_message(make: object) -> None:
    message = make()  # type: ignore[operator]
    frame = bytes.fromhex(on_page((make.__doc__ or "").rstrip("."), "worked-frames"))
    (first,) = FrameReader(Framing.BE2).feed(frame)
    read = Codec(load("ascii87")).decode(first.body)
    without_mac = {number: text for number, text in read.fields.items() if number not in (64, 128)}
    assert (read.mti, without_mac) == (message.mti, dict(message.fields))


# The figures.


@pytest.mark.parametrize("name", drawn.figures())
def test_a_figure_is_well_formed_and_nothing_sticks_out_of_it(name: str) -> None:
    root = ET.fromstring(drawn.figures()[name])
    left, top, width, height = map(int, root.attrib["viewBox"].split())
    for text in root.iter(f"{_SVG}text"):
        x, y = int(text.attrib["x"]), int(text.attrib["y"])
        assert left <= x <= left + width
        assert top <= y <= top + height


def test_a_figure_shows_every_box_and_every_arrow_once() -> None:
    two_ways = (
        Arrow("a", "b", "go"),
        Arrow("a", "b", "run"),
        Arrow("b", "a", "back"),
        Arrow("b", "b", "wait"),
    )
    root = ET.fromstring(figures.draw(Figure("t", (("a", ""), ("b", "note")), two_ways)))
    texts = [text.text for text in root.iter(f"{_SVG}text")]
    assert sorted(texts) == sorted(["a", "b", "note", "stays at: wait", "go, run", "back"])
    assert len([path for path in root.iter(f"{_SVG}path") if "marker-end" in path.attrib]) == 2


def test_labels_do_not_cover_each_other() -> None:
    boxes = tuple((name, "") for name in "abcd")
    arrows = (Arrow("a", "d", "from the first to the last"), Arrow("b", "c", "from the second to the third"))
    root = ET.fromstring(figures.draw(Figure("t", boxes, arrows)))
    places = {text.text: int(text.attrib["y"]) for text in root.iter(f"{_SVG}text")}
    assert abs(places[arrows[0].words] - places[arrows[1].words]) >= figures.LINE


def test_an_arrow_to_no_box_is_refused() -> None:
    with pytest.raises(KeyError, match="gone"):
        figures.draw(Figure("t", (("a", ""),), (Arrow("a", "gone"),)))
