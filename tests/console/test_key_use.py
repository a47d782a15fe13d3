"""A key that a bank or a book uses is not ended; any other only when its name is typed."""

from __future__ import annotations

from os import urandom
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.key_use import KeyInUse
from console.keys import keys
from fep.keys.keys import FRONT, SEAL, KeyKind, generated, zmk_name
from fep.keys.keystore import Keystore, MasterKey
from ledger.rules.secret import Secret
from tests.support.builders import BANK
from tests.support.machine import MASTER_KEY, load_front_book, write_settings

NAME = zmk_name(BANK)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with two banks, and a front book that nobody has made yet."""
    write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    return tmp_path / "qianzhi.toml"


@pytest.fixture
def in_use(config: Path) -> Path:
    """The same, with a front book and an open day."""
    load_front_book(write_settings(config.parent, f"sqlite:///{config.parent / 'front.db'}"))
    return config


def run(config: Path, *arguments: str, typed: str = "") -> Result:
    done = CliRunner().invoke(keys, [*arguments, "--config", str(config)], input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def held(config: Path) -> dict[str, str]:
    """The names and check values of the keys that are kept."""
    keystore = Keystore(config.with_name("keystore"), MasterKey(Secret(MASTER_KEY)))
    return {name: keystore[name].check_value for name in keystore}


def without_entries(config: Path) -> None:
    """Leave the second bank's entry alone in the settings."""
    head, _, rest = config.read_text().partition("[[bank]]")
    config.write_text(head + "[[bank]]" + rest.partition("[[bank]]")[2])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("remove", FRONT), "the front book .*front.db was made with it"),
        (("generate", FRONT, "--replace"), "the front book .*front.db was made with it"),
        (("remove", SEAL), "the business days of the front book .*front.db are sealed with it"),
        (("remove", NAME), f"bank {BANK} signs on with it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_key_in_use_is_not_ended_whatever_is_typed(
    in_use: Path, arguments: tuple[str, ...], why: str
) -> None:
    before = held(in_use)
    with pytest.raises(KeyInUse, match=why):
        run(in_use, *arguments, typed=f"{arguments[1]}\ny\n")
    assert held(in_use) == before


@pytest.mark.parametrize("enabled", ["", "enabled = false"])
def test_a_disabled_banks_key_is_in_use_too(config: Path, enabled: str) -> None:
    config.write_text(config.read_text().replace("[[bank]]", f"[[bank]]\n{enabled}", 1))
    with pytest.raises(KeyInUse):
        run(config, "remove", NAME, typed=NAME)


@pytest.mark.parametrize("typed", ["y\n", "yes\n", "\n", "FRONT\n", f"{SEAL}\n", "fron\n", ""])
@pytest.mark.parametrize("arguments", [("remove", FRONT), ("generate", FRONT, "--replace")], ids=" ".join)
def test_only_the_whole_name_ends_a_key(config: Path, arguments: tuple[str, ...], typed: str) -> None:
    before = held(config)
    assert run(config, *arguments, typed=typed).exit_code == 1
    assert held(config) == before


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        (FRONT, ("repeat with its original", "no identity number", "No book made with it is served")),
        (SEAL, ("No business day can be sealed", "proved by its public half")),
        (NAME, ("cannot sign on with this key", "components")),
    ],
)
def test_what_is_lost_is_said_before_the_name_is_asked_for(
    config: Path, name: str, lost: tuple[str, ...]
) -> None:
    without_entries(config)
    done = run(config, "remove", name, typed=f"{name}\n")
    said, _, _ = done.output.partition("type its name")
    assert [text for text in lost if text not in said] == []
    assert name not in held(config)


def test_a_front_key_that_is_not_the_books_may_be_ended(in_use: Path) -> None:
    other = Keystore(in_use.with_name("keystore"), MasterKey(Secret(MASTER_KEY)))
    other.put(FRONT, generated(KeyKind.BLAKE2B, 32, urandom), urandom, replace=True)
    assert run(in_use, "remove", FRONT, typed=FRONT).exit_code == 0


def test_where_the_book_cannot_be_asked_nothing_is_ended(config: Path) -> None:
    text = config.read_text()
    config.write_text(
        text.replace(f"sqlite:///{config.parent / 'front.db'}", "postgresql+psycopg://x@127.0.0.1:1/y")
    )
    before = held(config)
    with pytest.raises(Exception, match="nothing was done"):
        run(config, "remove", FRONT, typed=FRONT)
    assert held(config) == before
