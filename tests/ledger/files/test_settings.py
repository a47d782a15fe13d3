"""A settings file is read whole or refused, each fault with its file, its key and a near name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, ValidationError, field_validator

from ledger.files.settings import (
    Fault,
    Section,
    SettingsError,
    embedded_file,
    read_settings,
    rooted_database,
    rooted_path,
)
from qianzhi_errors.sentence import Sentence, unlisted


class Limits(Section):
    batch: int = 1
    queue: int = 2


class Bank(Section):
    code: str
    port: int = Field(default=1, le=65_535)


class Settings(Section):
    name: str
    limits: Limits = Limits()
    bank: list[Bank] = Field(default_factory=list)
    spare: Limits | None = None
    words: dict[str, int] = Field(default_factory=dict)
    named: dict[str, Limits] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _is_short(cls, name: str) -> str:
        if len(name) > 8:
            raise ValueError("longer than 8")
        return name


def read(folder: Path, content: bytes) -> Settings:
    path = folder / "some.toml"
    path.write_bytes(content)
    return read_settings(path, Settings)


def test_a_file_that_is_in_order_is_what_its_model_says(tmp_path: Path) -> None:
    content = (
        'name = "银"\nspare = { batch = 3 }\nwords = { a = 1 }\n[limits]\nqueue = 9\n[[bank]]\ncode = "1"\n'
    )
    settings = read(tmp_path, content.encode())
    assert settings == Settings(
        name="银",
        limits=Limits(batch=1, queue=9),
        bank=[Bank(code="1", port=1)],
        spare=Limits(batch=3, queue=2),
        words={"a": 1},
    )
    with pytest.raises(ValidationError):
        settings.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", ["name: is missing"]),
        (b"[name", ["is not TOML: Expected ']' at the end of a table declaration (at end of document)"]),
        ('name = "银"'.encode("gb18030"), ["is not UTF-8 at byte 8"]),
        (b"name = 1", ["name: Input should be a valid string"]),
        (b'name = "much too long"', ["name: longer than 8"]),
        (b'nmae = "a"', ["name: is missing", "nmae: is no setting; did you mean 'name'?"]),
        (b'name = "a"\nzzz = 1', ["zzz: is no setting"]),
        (b'name = "a"\nXyz = 1', ["Xyz: is no setting"]),
        (b'name = "a"\nnamed = 1', ["named: Input should be a valid dictionary"]),
        (b'name = "a"\n[named.x]\nqeue = 1', ["named.x.qeue: is no setting; did you mean 'queue'?"]),
        (b'name = "a"\nbatch = 1', ["batch: is no setting"]),
        (b'name = "a"\n[limits]\nbatch = "1"', ["limits.batch: Input should be a valid integer"]),
        (b'name = "a"\n[limits]\nqeue = 1', ["limits.qeue: is no setting; did you mean 'queue'?"]),
        (b'name = "a"\n[limits]\nname = 1', ["limits.name: is no setting"]),
        (b'name = "a"\n[spare]\nqeue = 1', ["spare.qeue: is no setting; did you mean 'queue'?"]),
        (
            b'name = "a"\n[[bank]]\ncode = "1"\n[[bank]]\ncdoe = "2"\nport = 70000',
            [
                "bank[1].code: is missing",
                "bank[1].port: Input should be less than or equal to 65535",
                "bank[1].cdoe: is no setting; did you mean 'code'?",
            ],
        ),
        (b'name = "a"\nwords = { a = "x" }', ["words.a: Input should be a valid integer"]),
    ],
)
def test_every_fault_is_named_with_file_key_and_reason(
    tmp_path: Path, content: bytes, faults: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, content)
    file = str(tmp_path / "some.toml")
    assert [str(fault) for fault in caught.value.faults] == faults
    assert all(isinstance(fault.key, str) for fault in caught.value.faults)
    assert caught.value.file == file
    assert str(caught.value) == "\n".join(f"{file}: {fault}" for fault in faults)


def test_a_file_that_cannot_be_read_is_told_by_the_systems_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "none.toml", Settings)
    assert caught.value.faults == (Fault("", "cannot be read: No such file or directory"),)
    assert caught.value.file == str(tmp_path / "none.toml")


def test_paths_count_from_the_files_own_folder(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    assert rooted_path("a/../front.db", folder) == f"{folder}/front.db"
    assert rooted_path("/var/front.db", folder) == "/var/front.db"


@pytest.mark.parametrize(
    ("url", "rooted"),
    [
        ("sqlite:///front.db", "sqlite:///{folder}/front.db"),
        ("sqlite:///./front.db", "sqlite:///{folder}/front.db"),
        ("sqlite:////var/front.db", "sqlite:////var/front.db"),
        ("sqlite:////var/x/../front.db", "sqlite:////var/x/../front.db"),
        ("postgresql://host/front", "postgresql://host/front"),
        ("", ""),
    ],
)
def test_a_databases_path_counts_from_there_where_it_is_a_file_and_not_rooted(
    tmp_path: Path, url: str, rooted: str
) -> None:
    folder = tmp_path.resolve()
    assert rooted_database(url, folder) == rooted.format(folder=folder)


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///front.db", Path("front.db")),
        ("sqlite:////var/front.db", Path("/var/front.db")),
        ("postgresql+psycopg://host/front", None),
        ("postgresql+psycopg://host/sqlite:///x", None),
    ],
)
def test_a_database_has_a_file_where_it_is_embedded(url: str, file: Path | None) -> None:
    assert embedded_file(url) == file


def test_each_fault_is_a_line_that_another_language_can_say() -> None:
    error = SettingsError("some.toml", (Fault("name", Sentence("is missing")), Fault("", "is no file")))
    lines = unlisted(str(error))
    assert lines == ["some.toml: name: is missing", "some.toml: is no file"]
    assert {type(line) for line in lines} == {Sentence}
