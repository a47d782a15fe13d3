"""What there is to set, as the models say it: a row for each setting, and a sample file with all of them.

The package takes the sample along, and the pages' reference is made of the same rows, so that neither can say
what the program does not. What a setting means stands at its field, in `fep.settings.config`,
`office.config`, `customers.config`, `collection.config` and `archive.config`; only where the package has its
files is said here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from inspect import cleandoc
from typing import Any, Final, NamedTuple, get_args

from archive.config import Settings as ArchiveSettings
from collection.config import Settings as CollectionSettings
from customers.config import Settings as CustomersSettings
from fep.settings.config import Settings as FrontSettings
from ledger.files.settings import Section
from office.config import Settings as OfficeSettings
from protocol.framing import Framing
from protocol.mac import MacMethod

Schema = Mapping[str, Any]

FRONT_PLACES: Final[Mapping[str, str]] = {
    "node.name": '"fep1"',
    "node.database": '"postgresql+psycopg://qianzhi-fep@/qianzhi_front?host=/var/run/postgresql"',
    "node.control": '"/run/qianzhi-fep/control.sock"',
    "keystore.file": '"/var/lib/qianzhi-fep/keystore"',
    "keystore.master_key": '"credential:master-key"',
    "status.port": "8580",
    "tls.certificate_file": '"/var/lib/qianzhi-fep/machine.crt"',
    "tls.key_file": '"/var/lib/qianzhi-fep/machine.key"',
}
"""What the sample sets: where the units and folders of the package have things, by dotted key, in TOML."""

OFFICE_PLACES: Final[Mapping[str, str]] = {
    "office.database": '"postgresql+psycopg://qianzhi-office@/qianzhi_office?host=/var/run/postgresql"',
    "office.front": '"postgresql+psycopg://qianzhi-office@/qianzhi_front?host=/var/run/postgresql"',
    "office.seal_key": f'"{"0" * 64}"',
    "office.files": '"/srv/qianzhi-bankfiles"',
    "office.reports": '"/var/lib/qianzhi-office/reports"',
    "office.exports": '"/var/lib/qianzhi-office/exports"',
    "bank.code": '"01020000"',
    "bank.name": '"Example bank"',
    "clerk.name": '"li"',
}
"""The same for the office. The seal key, the bank and the clerk are to be replaced by the site's own."""

CUSTOMERS_PLACES: Final[Mapping[str, str]] = {
    "customers.database": '"postgresql+psycopg://qianzhi-office@/qianzhi_customers?host=/var/run/postgresql"',
    "customers.certificates": '"/var/lib/qianzhi-office/certificates"',
    "customers.escrow": '"/var/lib/qianzhi-office/escrow"',
    "keystore.file": '"/var/lib/qianzhi-office/customers-keystore"',
    "keystore.master_key": '"credential:customers-master-key"',
    "notices.letters": '"/var/lib/qianzhi-office/letters"',
    "sender.name": '"folder"',
    "sender.kind": '"folder"',
    "sender.path": '"/var/lib/qianzhi-office/outbox"',
    "sender.from_address": '"service@insurer.example"',
    "clerk.name": '"li"',
}
"""The same for the customers, who run under the office's user. The clerk is to be replaced by the site's own.
"""

ARCHIVE_PLACES: Final[Mapping[str, str]] = {
    "archive.database": '"postgresql+psycopg://qianzhi-office@/qianzhi_archive?host=/var/run/postgresql"',
    "archive.office": '"/etc/qianzhi-office/office.toml"',
    "archive.customers": '"/etc/qianzhi-customers/customers.toml"',
    "archive.staging": '"/var/lib/qianzhi-office/archive/staging"',
    "archive.images": '"/var/lib/qianzhi-office/archive/images"',
    "archive.inbox": '"/var/lib/qianzhi-office/archive/inbox"',
    "keystore.file": '"/var/lib/qianzhi-office/archive-keystore"',
    "keystore.master_key": '"credential:archive-master-key"',
    "clerk.name": '"li"',
}
"""The same for the archive, which runs under the office's user; the clerk is to be replaced."""

COLLECTION_PLACES: Final[Mapping[str, str]] = {
    "collection.database": '"postgresql+psycopg://qianzhi-office@/qianzhi_collection?host=/var/run/postgresql"',
    "collection.customers": '"/etc/qianzhi-customers/customers.toml"',
    "collection.files": '"/var/lib/qianzhi-office/collection"',
    "keystore.file": '"/var/lib/qianzhi-office/collection-keystore"',
    "keystore.master_key": '"credential:collection-master-key"',
    "channel.code": '"91020000"',
    "channel.bank": '"01020000"',
    "channel.name": '"Example bank, collection in batches"',
    "channel.request": '"batch-standard"',
    "clerk.name": '"li"',
}
"""The same for collection, which runs under the office's user; channel and clerk are to be replaced."""

EXAMPLES: Final[Mapping[str, str]] = {
    "channel.code": '"91020000"',
    "channel.name": '"Example bank, collection in batches"',
    "keystore.pkcs11_module": '"/usr/lib/softhsm/libsofthsm2.so"',
    "keystore.token": '"qianzhi"',
    "keystore.pin": '"credential:token-pin"',
    "day.cutover": '"22:00"',
    "receipts.insurer": '"EXAMPLE"',
    "keystore.file": '"/var/lib/qianzhi-office/keystore"',
    "keystore.master_key": '"credential:office-master-key"',
    "holder.name": '"safe A"',
    "holder.public": f'"{"0" * 64}"',
    "bank.code": '"01020000"',
    "bank.name": '"Example bank"',
    "bank.port": "8583",
    "bank.networks": '["192.0.2.0/24"]',
    "bank.hours": '"06:00-23:30"',
}
"""Values for settings without a default, in lines that a sample has commented out."""

_WRITTEN: Final = {"Hours": 'hours, `"06:00-23:30"`', "Endpoint": '`"ADDRESS:PORT"`'}
_WIDTH: Final = 110


class SettingRow(NamedTuple):
    """One setting. `form` says what it may be and within which limits; `default` is in TOML, empty where the
    setting must be given or has no value.
    """

    key: str
    form: str
    default: str
    required: bool
    meaning: str


class SectionRows(NamedTuple):
    """One section: its name, whether there may be several ([[name]]) or none, what it is, its settings."""

    name: str
    repeats: bool
    optional: bool
    about: str
    settings: tuple[SettingRow, ...]

    @property
    def heading(self) -> str:
        """How the section begins in TOML."""
        return f"[[{self.name}]]" if self.repeats else f"[{self.name}]"


def sections(model: type[Section]) -> Iterator[SectionRows]:
    """Yield the sections of a settings file, in the order of its model."""
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        candidates = (field.annotation, *get_args(field.annotation))
        section = next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, Section))
        about = cleandoc(section.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        repeats = schema["properties"][name].get("type") == "array"
        yield SectionRows(name, repeats, field.default is None, about, tuple(_rows(section)))


def sample(model: type[Section], places: Mapping[str, str], head: str) -> str:
    """Return a settings file with every setting and its comment: those of `places` set, all others commented
    out at their defaults. A section that may repeat or be absent, and of which nothing is set, is commented
    out whole.
    """
    parts = [f"# {head}\n"]
    for section in sections(model):
        is_set = any(place.startswith(f"{section.name}.") for place in places) or not (
            section.repeats or section.optional
        )
        parts.append(f"\n# {section.about}\n{'' if is_set else '# '}{section.heading}\n")
        for row in section.settings:
            place = f"{section.name}.{row.key}"
            off = "" if place in places else "# "
            value = places.get(place) or EXAMPLES.get(place) or row.default
            parts.append(f"{_comment(row)}{off}{row.key} = {value}\n")
    return "".join(parts)


def front_sample() -> str:
    """Return the sample of /etc/qianzhi/qianzhi.toml: it can be loaded as it is, and has no bank."""
    head = "Settings of a Qianzhi front-end machine. A line without # is set; the others say the defaults."
    return sample(FrontSettings, FRONT_PLACES, head)


def office_sample() -> str:
    """Return the sample of /etc/qianzhi-office/office.toml: it can be loaded as it is."""
    head = "Settings of a Qianzhi back office. A line without # is set; the others say the defaults."
    return sample(OfficeSettings, OFFICE_PLACES, head)


def customers_sample() -> str:
    """Return the sample of /etc/qianzhi-customers/customers.toml: it can be loaded as it is."""
    head = "Settings of Qianzhi's customers. A line without # is set; the others say the defaults."
    return sample(CustomersSettings, CUSTOMERS_PLACES, head)


def collection_sample() -> str:
    """Return the sample of /etc/qianzhi-collection/collection.toml: it can be loaded as it is."""
    head = "Settings of Qianzhi's collection. A line without # is set; the others say the defaults."
    return sample(CollectionSettings, COLLECTION_PLACES, head)


def archive_sample() -> str:
    """Return the sample of /etc/qianzhi-archive/archive.toml: it can be loaded as it is."""
    head = "Settings of a Qianzhi archive. A line without # is set; the others say the defaults."
    return sample(ArchiveSettings, ARCHIVE_PLACES, head)


def toml(value: object) -> str:
    """Return a setting's value as TOML has it; empty for None, which TOML cannot say."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Enum | Framing | MacMethod):
        return toml(str(value))
    return json.dumps(value, ensure_ascii=False)


def _rows(section: type[Section]) -> Iterator[SettingRow]:
    schema = section.model_json_schema()
    for key, field in section.model_fields.items():
        form = _form(schema["properties"][key], schema.get("$defs", {}))
        required = field.is_required()
        yield SettingRow(
            key, form, "" if required else toml(field.default), required, field.description or ""
        )


def _form(schema: Schema, named: Mapping[str, Schema]) -> str:
    """Return in words what a value may be."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return _WRITTEN.get(name) or _form(named[name], named)
    if several := schema.get("anyOf"):
        return " or ".join(
            dict.fromkeys(_form(kind, named) for kind in several if kind.get("type") != "null")
        )
    if values := schema.get("enum"):
        return " or ".join(f"`{toml(value)}`" for value in values)
    if "const" in schema:
        return f"`{toml(schema['const'])}`"
    if schema["type"] == "array":
        items = schema["items"]
        return f"list{' of at least one' if schema.get('minItems') else ''}: {_form(items, named)}"
    if schema["type"] == "integer":
        return _bounds(schema, "minimum", "maximum") or "a whole number"
    if schema["type"] == "object":
        return "a table of parts"
    if schema["type"] == "boolean":
        return "`true` or `false`"
    return _text_form(schema)


def _text_form(schema: Schema) -> str:
    if str(schema.get("format", "")).endswith("network"):
        return 'network, `"192.0.2.0/24"`'
    length = _bounds(schema, "minLength", "maxLength")
    parts = ["text", f"of {length} characters" if length else "", _pattern(schema)]
    return " ".join(filter(None, parts))


def _pattern(schema: Schema) -> str:
    return f"`{schema['pattern']}`" if "pattern" in schema else ""


def _bounds(schema: Schema, least: str, most: str) -> str:
    """Return the limits in words; empty where there are none."""
    if least in schema and most in schema:
        return f"{schema[least]} to {schema[most]}"
    if most in schema:
        return f"at most {schema[most]}"
    return f"at least {schema[least]}" if least in schema else ""


def _comment(row: SettingRow) -> str:
    """Return the comment lines of a setting, of at most _WIDTH characters."""
    limits = "" if row.form.startswith(("text", "list")) else row.form.replace("`", "")
    notes = ", ".join(filter(None, (limits, "must be given" if row.required else "")))
    words = (f"{row.meaning} ({notes})" if notes else row.meaning).split(" ")
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 3 > _WIDTH:
            lines.append("")
        lines[-1] += f" {word}"
    return "".join(f"#{line}\n" for line in lines)
