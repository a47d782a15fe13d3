"""How any settings file is read: one TOML file, checked whole, every fault named with its key.

Each program has its settings in models of its own (fep.settings.config, office.config); no setting is named
here.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ledger.errors import LedgerError
from ledger.files.near_name import near_name
from ledger.files.toml_reason import toml_reason
from ledger.files.wrong_value import reason_of
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.system import system_reason
from qianzhi_errors.toml_text import read_toml

_SQLITE = "sqlite:///"


class Fault(NamedTuple):
    """One fault of the settings: the dotted key, empty for the whole file, and the reason."""

    key: str
    reason: str

    def __str__(self) -> str:
        if not self.key:
            return self.reason
        return Sentence("{key}: {reason}", key=self.key, reason=self.reason)


class SettingsError(LedgerError):
    """The settings cannot be used; the text names the file and every fault in it, a line each."""

    def __init__(self, file: str, faults: tuple[Fault, ...]) -> None:
        lines = [Sentence("{file}: {fault}", file=file, fault=str(fault)) for fault in faults]
        super().__init__(listed(lines, "{first}\n{rest}"))
        self.file = file
        self.faults = faults


class Section(BaseModel):
    """A section of a settings file: strict types, no unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


Model = TypeVar("Model", bound=Section)


def read_settings(path: Path, model: type[Model]) -> Model:
    """Read a settings file into its model. Raises SettingsError."""
    try:
        data = read_toml(path.read_bytes().decode())
        return model.model_validate(data)
    except OSError as error:
        raise SettingsError(
            str(path), (Fault("", Sentence("cannot be read: {reason}", reason=system_reason(error))),)
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            str(path), (Fault("", Sentence("is not UTF-8 at byte {byte}", byte=error.start)),)
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            str(path), (Fault("", Sentence("is not TOML: {reason}", reason=toml_reason(error))),)
        ) from error
    except ValidationError as error:
        faults = tuple(_fault(detail, model) for detail in error.errors())
        raise SettingsError(str(path), faults) from None


def rooted_path(text: str, folder: Path) -> str:
    """Return a path of a settings file as an absolute one; it counts from the file's own folder."""
    return str(folder.joinpath(text).resolve())


def rooted_database(url: str, folder: Path) -> str:
    """Return a database URL with an absolute SQLite path; it counts from the settings file's own folder."""
    if url.startswith(_SQLITE) and not url.startswith(_SQLITE + "/"):
        return _SQLITE + rooted_path(url.removeprefix(_SQLITE), folder)
    return url


def embedded_file(url: str) -> Path | None:
    """Return the file of an embedded database's URL; None for a database on a server."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def _fault(detail: ErrorDetails, model: type[Section]) -> Fault:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    if detail["type"] == "extra_forbidden":
        near = near_name(str(detail["loc"][-1]), _known_keys(detail["loc"], model))
        return Fault(key, Sentence("is no setting{near}", near=near))
    if detail["type"] == "missing":
        return Fault(key, Sentence("is missing"))
    return Fault(key, reason_of(detail))


def _known_keys(location: tuple[int | str, ...], model: type[Section]) -> tuple[str, ...]:
    """Return the settings that exist at an unknown key's place: of the file, or of the key's section."""
    if len(location) == 1:
        return tuple(model.model_fields)
    annotation = model.model_fields[str(location[0])].annotation
    candidates = (annotation, *getattr(annotation, "__args__", ()))
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return tuple(candidate.model_fields)
    return ()
