"""The language in which the commands speak to a person: English, the source, or Chinese by a catalogue.

The standard library's gettext looks a text up when it is shown, in `locale/<language>`, the folder beside
this module; a text that is not there stays English. What a program reads, `--json` and the log, is never
looked up. No text and no help belongs here.
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import translated
from qianzhi_errors.system import text_of

DOMAIN: Final = "qianzhi"
CATALOGUES: Final = Path(__file__).with_name("locale")
LANGUAGES: Final = ("en", "zh")
VARIABLE: Final = "QIANZHI_LANG"
_CHINESE: Final = re.compile(r"zh(?![a-z])", re.IGNORECASE)
"""How the name of a Chinese locale begins: zh, zh_CN.UTF-8, zh-Hans."""


class LanguageUnknown(QianzhiError):
    """The environment names a language that the commands do not speak."""


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language that an environment asks for: what $QIANZHI_LANG says, or else its locale's.

    The locale is the first of LC_ALL, LC_MESSAGES and LANG that is not empty; where it is not C, the first
    name in LANGUAGE goes before it, as in GNU gettext. Raises LanguageUnknown for another value of
    $QIANZHI_LANG.
    """
    if named := environment.get(VARIABLE, ""):
        if named not in LANGUAGES:
            raise LanguageUnknown(f"{VARIABLE} is neither {' nor '.join(LANGUAGES)}")
        return named
    set_ones = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, set_ones), "C")
    if locale.partition(".")[0] not in ("C", "POSIX"):
        locale = environment.get("LANGUAGE", "").partition(":")[0] or locale
    return "zh" if _CHINESE.match(locale) else "en"


def speak(language: str) -> None:
    """Have every text of this process from now on in a language of LANGUAGES, click's own texts too."""
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, str(CATALOGUES))
    gettext.textdomain(DOMAIN)


def speaks_chinese() -> bool:
    """Whether texts are looked up in the Chinese catalogue."""
    return gettext.textdomain() == DOMAIN and gettext.find(DOMAIN, str(CATALOGUES)) is not None


def spoken(text: object) -> str:
    """Return a text as the reader is to see it: a Sentence in the reader's language, and so is the Sentence
    that an error was raised with; any other object's text as it is.
    """
    whole = text_of(text) if isinstance(text, BaseException) else str(text)
    return str(translated(whole, gettext.gettext))


def chinese() -> Callable[[str], str]:
    """Return what gives a text in Chinese, whatever language is spoken: for pages that are in both."""
    return gettext.translation(DOMAIN, str(CATALOGUES), ["zh"]).gettext
