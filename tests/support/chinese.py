"""What is left in English of a text that is said in Chinese: words that no name, path, setting or command
accounts for.

The forms that stay are few and listed here, so that a text without a translation is found by its words.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from typing import Final

from console.language import CATALOGUES, DOMAIN
from qianzhi_errors.sentence import translated

_CHINESE: Final = gettext.translation(DOMAIN, CATALOGUES, ["zh"])
_PATH: Final = r"[\w.~*%@#-]*/[\w./~*%@#=-]*"
_UNIT: Final = r"[\w-]+\.service"
_STAYS: Final = (
    r"\b(?=[A-F]*\d)[0-9A-F]{10}\b|\b[0-9a-f]{64}\b",
    r"(?<=的状态为 )\w+|libeatmydata|(?<=：)[a-z_]+(?=：)|'[a-z_]+'",
    r"connection failed: connection to server.*|NotADatabase.*|(?:\w+: )?file is not a database",
    rf"df -h {_PATH}|findmnt -T {_PATH}|fuser {_PATH}|ls -ld {_PATH}|du -xh {_PATH} \| sort -h \| tail",
    rf"chmod [\w-]+ {_PATH}|ss -ltnp sport = :\d+|timedatectl(?: set-ntp true)?|journalctl -u [\w-]+",
    rf"systemctl (?:start|restart|enable) {_UNIT}|systemctl (?:status|daemon-reload)",
    r"qianzhi [a-z]+(?: [a-z]+)?(?: (?:--[a-z]+|[A-Z]+|\d{8}|zmk/\d{8}|\.\.\.))*",
    _PATH,
    r"[\w-]+\.(?:service|toml|db|crt|key|json|sock|md)\b",
    r"\[[a-z]+\](?: [a-z_]+)?",
    r"\b[a-z]+(?:_[a-z]+)+\b|\b(?:bank\[\d\]|node|status|zones|limits|keystore)\.[a-z_]+",
    r"--[a-z]+\b",
    r"\b(?:mac|pins|networks|hours|host|links|holidays|workdays|durable|cutover|false|true|off|plain)\b",
    r"\b[A-Z]*\d*[A-Z]{2,}[\w-]*\b|\b(?:PostgreSQL|SQLite|OpenSSL|MiB|IPAddressAllow)\b",
    r"\b[a-z]+\d[\w-]*\b|\b\d[a-z]+\b|\b(?:aes-cmac|aes|tdes|tls|systemd|drop-in|root|nft|front|zmk|li|ext)\b",
)
"""Digests, what systemd and a database say themselves, commands, paths, settings with their values,
abbreviations, and names that are the same in Chinese.
"""


def in_chinese(text: str) -> str:
    """The text as a Chinese reader is shown it."""
    return str(translated(text, _CHINESE.gettext))


def left_in_english(texts: Iterable[str]) -> dict[str, list[str]]:
    """The texts that are not said whole in Chinese, as they are said, with the words that are not."""
    return {said: words for said in map(in_chinese, texts) if (words := english_left(said))}


def english_left(text: str) -> list[str]:
    """The English words of a text that no form that stays accounts for."""
    for form in _STAYS:
        text = re.sub(form, " ", text, flags=re.ASCII)
    return re.findall(r"[A-Za-z]{2,}", text)
