"""The templates of notices, as data: read from a TOML file and checked whole, or those that are shipped.

What a text may hold, `customers.rules.template` says. No text for customers may be put here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from pydantic import Field

from customers.rules.notice_states import Channel
from customers.rules.template import VALUES, filled, text_faults
from ledger.files.settings import Fault, Section, SettingsError, read_settings
from qianzhi_errors.sentence import Sentence, listed

SHIPPED: Final = Path(__file__).with_name("templates.toml")
Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")


class Texts(Section):
    """A template in one language: what goes to a phone, and what is a mail or a letter with its subject."""

    short: str = Field(min_length=1, description="for a phone: no link in it")
    subject: str = Field(min_length=1, pattern=r"^[^\r\n]*$", description="of a mail and a letter")
    long: str = Field(min_length=1, description="a mail's and a letter's text")


class Template(Section):
    """A section [[template]]: a text under its id, and the values that its places take."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="its name, as registered with the gateway")
    values: tuple[str, ...] = Field(default=(), strict=False, description="the places of its texts")
    zh: Texts
    en: Texts


class TemplateFile(Section):
    """A whole file of templates."""

    template: tuple[Template, ...] = Field(min_length=1, strict=False)


class Written(NamedTuple):
    """A notice as a channel gets it."""

    subject: str
    text: str


Templates = Mapping[str, Template]


def read_templates(path: Path = SHIPPED) -> Templates:
    """The templates of a file by their ids. Raises SettingsError, which names each fault with its place."""
    file = read_settings(path, TemplateFile)
    if faults := tuple(_faults(file)):
        raise SettingsError(str(path), faults)
    return MappingProxyType({template.id: template for template in file.template})


def written(template: Template, lang: str, values: Mapping[str, str], channel: Channel) -> Written:
    """The text of a notice for a channel, with its values."""
    texts = template.zh if lang == "zh" else template.en
    is_short = channel in (Channel.MOBILE, Channel.WECHAT)
    return Written(filled(texts.subject, values), filled(texts.short if is_short else texts.long, values))


def _faults(file: TemplateFile) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, template in enumerate(file.template):
        key = f"template[{place}]"
        if template.id in seen:
            yield Fault(f"{key}.id", Sentence("{id} is there twice", id=template.id))
        seen.add(template.id)
        unknown = tuple(name for name in template.values if name not in VALUES)
        if unknown:
            known = listed(tuple(VALUES))
            yield Fault(f"{key}.values", Sentence("{name} is none of {known}", name=unknown[0], known=known))
            continue
        for lang, texts in (("zh", template.zh), ("en", template.en)):
            for name, text in texts.model_dump().items():
                short = name != "long"
                for reason in text_faults(text, template.values, short=short):
                    yield Fault(f"{key}.{lang}.{name}", reason)
