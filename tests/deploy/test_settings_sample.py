"""The sample settings: every setting with its comment, loadable as they are, nothing left out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import Field

from archive import config as archive
from collection import config as collection
from customers import config as customers
from deploy.settings_sample import (
    ARCHIVE_PLACES,
    COLLECTION_PLACES,
    CUSTOMERS_PLACES,
    EXAMPLES,
    FRONT_PLACES,
    OFFICE_PLACES,
    archive_sample,
    collection_sample,
    customers_sample,
    front_sample,
    office_sample,
    sample,
    sections,
    toml,
)
from fep.settings import config as front
from ledger.files.settings import Section
from office import config as office

MODELS = (front.Settings, office.Settings, customers.Settings, collection.Settings, archive.Settings)
FRONT_TABLE = re.compile(r"^# (?=\[|[a-z_0-9]+ = )", re.MULTILINE)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_machines_sample_loads_as_it_is_and_has_no_bank(tmp_path: Path) -> None:
    settings = front.load_settings(written(tmp_path, front_sample()))
    assert settings.bank == ()
    assert settings.node.control == "/run/qianzhi-fep/control.sock"
    assert settings.limits == front.Limits()


def test_the_offices_sample_loads_as_it_is(tmp_path: Path) -> None:
    settings = office.load_settings(written(tmp_path, office_sample()))
    assert [clerk.name for clerk in settings.clerk] == ["li"]


def test_the_customers_sample_loads_as_it_is(tmp_path: Path) -> None:
    settings = customers.load_settings(written(tmp_path, customers_sample()))
    assert ([clerk.name for clerk in settings.clerk], settings.holder) == (["li"], ())


def test_collections_sample_loads_as_it_is(tmp_path: Path) -> None:
    settings = collection.load_settings(written(tmp_path, collection_sample()))
    assert ([channel.code for channel in settings.channel], settings.dunning) == (
        ["91020000"],
        collection.Dunning(),
    )


def test_the_archives_sample_loads_as_it_is(tmp_path: Path) -> None:
    settings = archive.load_settings(written(tmp_path, archive_sample()))
    assert [clerk.name for clerk in settings.clerk] == ["li"]
    assert settings.archive.writer == ("cp", "--", "{image}", "{place}")


def test_what_is_commented_out_in_a_sample_is_the_default(tmp_path: Path) -> None:
    text = FRONT_TABLE.sub("", front_sample()).replace("pins = []", f'pins = ["{"0" * 64}"]')
    loaded = front.load_settings(written(tmp_path, text))
    assert (loaded.limits, loaded.zones, loaded.receipt) == (
        front.Limits(),
        front.Zones(),
        front.ReceiptWords(),
    )
    (bank,) = loaded.bank
    given = {"code": "1", "name": "n", "port": 1, "networks": ["192.0.2.0/24"], "hours": "06:00-23:30"}
    default = front.Bank.model_validate(given)
    named = ("code", "name", "port", "pins")
    assert bank.model_copy(update=dict.fromkeys(named)) == default.model_copy(update=dict.fromkeys(named))
    loaded_office = office.load_settings(written(tmp_path, FRONT_TABLE.sub("", office_sample())))
    assert loaded_office.office.near_minutes == 10


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (front_sample(), front.Settings),
        (office_sample(), office.Settings),
        (customers_sample(), customers.Settings),
        (collection_sample(), collection.Settings),
        (archive_sample(), archive.Settings),
    ],
)
def test_a_sample_has_every_setting_once_under_its_section(text: str, model: type[Section]) -> None:
    parsed = tomllib.loads(FRONT_TABLE.sub("", text))
    for section in sections(model):
        entry = parsed[section.name]
        keys = list(entry[0] if section.repeats else entry)
        assert keys == [row.key for row in section.settings]
    assert list(parsed) == [section.name for section in sections(model)]


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_says_what_it_means(model: type[Section]) -> None:
    dumb = [
        f"{section.name}.{row.key}"
        for section in sections(model)
        for row in section.settings
        if not row.meaning
    ]
    assert dumb == [], "give each a description at its field"


def test_no_place_or_example_is_of_a_setting_that_is_gone() -> None:
    every = set()
    for model, places in zip(
        MODELS,
        (FRONT_PLACES, OFFICE_PLACES, CUSTOMERS_PLACES, COLLECTION_PLACES, ARCHIVE_PLACES),
        strict=True,
    ):
        known = {f"{section.name}.{row.key}" for section in sections(model) for row in section.settings}
        assert set(places) - known == set()
        every |= known
    assert set(EXAMPLES) - every == set()


class Inner(Section):
    """One thing.

    More of it.
    """

    count: int = Field(ge=1, le=9, description="how many")
    words: tuple[str, ...] = Field(default=("a", "b"), strict=False, description="said")


class Outer(Section):
    inner: Inner
    each: tuple[Inner, ...] = ()


def test_a_sample_sets_its_places_and_comments_out_the_rest() -> None:
    assert sample(Outer, {"inner.count": "3"}, "Head.") == (
        "# Head.\n\n# One thing.\n[inner]\n# how many (1 to 9, must be given)\ncount = 3\n"
        '# said\n# words = ["a", "b"]\n'
        "\n# One thing.\n# [[each]]\n# how many (1 to 9, must be given)\n# count = \n"
        '# said\n# words = ["a", "b"]\n'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (7, "7"), ('a"b', '"a\\"b"'), ("保", '"保"'), (("a",), '["a"]'), (None, ""), ((), "[]")],
)
def test_a_value_is_written_as_toml_has_it(value: object, text: str) -> None:
    assert toml(value) == text
    if text:
        read = tomllib.loads(f"x = {text}")["x"]
        assert (tuple(read) if isinstance(read, list) else read) == value
