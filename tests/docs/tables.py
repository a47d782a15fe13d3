"""Tables of the reference pages, each out of the table that the code itself obeys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from archive.config import Settings as ArchiveSettings
from collection.config import Settings as CollectionSettings
from customers.config import Settings as CustomersSettings
from deploy.settings_sample import SettingRow, sections
from fep.links.request_parser import MANDATORY
from fep.links.session import BUSINESS
from fep.links.session import TRANSITIONS as SESSION
from fep.settings.config import Settings as FrontSettings
from ledger.files import bookline, layout
from ledger.files.settings import Section
from ledger.rules import identity
from ledger.rules.break_classes import CLASSES, BreakClass
from office.accounting.break_states import TRANSITIONS as BREAK
from office.accounting.break_states import BreakEvent
from office.accounting.chart import shipped
from office.config import Settings as OfficeSettings
from office.exports.lines import FEN, FILES, MEANINGS, YUAN
from office.statements import layout as statement_layout
from protocol import dialect
from protocol.codec import Codec
from protocol.message import Message
from protocol.responses import RESPONSES
from tests.docs.worked import field_bytes

_SIGNS = (("overage 长款", 1), ("shortage 短款", -1), ("no difference", 0))


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def mandatory() -> str:
    """Which DE a message must have (fep.links.request_parser.MANDATORY)."""
    numbers = sorted({number for fields in MANDATORY.values() for number in fields})
    rows = [
        [
            str(number),
            dialect.element_names()[number],
            *("M" if number in MANDATORY[mti] else "–" for mti in MANDATORY),
        ]
        for number in numbers
    ]
    return markdown(["DE", "name", *MANDATORY], rows)


def responses() -> str:
    """Every DE 39 with its meaning, and whether a repeat gets it again for ever (protocol/responses.py)."""
    rows = [
        [f"`{code}`", code.name.lower().replace("_", " "), row.meaning, "yes" if row.is_kept else "no"]
        for code, row in RESPONSES.items()
    ]
    return markdown(["code", "name", "meaning", "recorded under the key"], rows)


def wires() -> str:
    """How each dialect writes what."""
    read = {name: _file(name)["wire"] for name in dialect.shipped()}
    words = {
        "mti": "message type",
        "bitmap": "bitmaps",
        "length": "lengths of variable fields",
        "numeric": "`n`",
        "other": "`a`, `an`, `ns`, `ans`, `x+n`, `z`",
        "binary": "`b`",
        "text": "text: DE 44, 48, 62, 63",
    }
    return markdown(
        ["", *(f"`{name}`" for name in read)],
        [[what, *(f"`{wire[key]}`" for wire in read.values())] for key, what in words.items()],
    )


def _file(name: str) -> dict[str, dict[str, object]]:
    source = files("protocol").joinpath("dialects", f"{name}.toml").read_text("utf-8")
    return dialect.complete(source, name)


def elements() -> str:
    """Every DE with its format in each dialect; one column where all agree."""
    read = {name: _file(name)["elements"] for name in dialect.shipped()}
    rows = []
    for number, name in dialect.element_names().items():
        formats = {str(entries[str(number)]["format"]) for entries in read.values()}  # type: ignore[index]
        rows.append([str(number), name, " / ".join(f"`{notation}`" for notation in sorted(formats))])
    return markdown(["DE", "name", "format in every dialect"], rows)


def samples() -> str:
    """A few fields as each dialect writes them."""
    given = {4: "000000120000", 11: "000004", 32: "01020000", 39: "00", 41: "T0000001", 70: "301"}
    rows = [
        [str(number), f"`{value}`", *(f"`{_written(name, number, value)}`" for name in dialect.shipped())]
        for number, value in given.items()
    ]
    return markdown(["DE", "value", *(f"`{name}`" for name in dialect.shipped())], rows)


def _written(name: str, number: int, value: str) -> str:
    """A field's bytes in a dialect, its length before it if it has one; hex."""
    body = Codec(dialect.load(name)).encode(Message("0800", {number: value}))
    parts = field_bytes(body, name)
    return parts[str(number)].hex(" ").upper()


def session() -> str:
    """For each state of a session, what each input leads to, and what a transaction is answered."""
    inputs = list(dict.fromkeys(event.__name__ for _, event, _, _ in SESSION))
    answers = {state.name: str(response) for state, response in BUSINESS}
    following = {(state.name, event.__name__): after.name for state, event, after, _ in SESSION}
    rows = [
        [name, *(following[name, event] for event in inputs), "let in" if answer == "00" else answer]
        for name, answer in answers.items()
    ]
    return markdown(["state", *(event.replace("_", " ") for event in inputs), "a transaction"], rows)


def breaks() -> str:
    """What can happen to a break in each state."""
    states = dict.fromkeys(state for state, _ in BREAK)
    rows = [
        [
            state.value,
            ", ".join(
                f"{event.value} → {BREAK[state, event].value}"
                for event in BreakEvent
                if (state, event) in BREAK
            ),
        ]
        for state in states
    ]
    return markdown(["state", "what can happen → the state then"], rows)


def classes() -> str:
    """Every class of breaks: its meaning, and which money is in suspense (ledger/rules/break_classes.py)."""
    money = {True: "the transaction's, withheld", False: "the difference between the two sides"}
    rows = [[f"`{cls}`", row.chinese, row.meaning, money[row.withholds]] for cls, row in CLASSES.items()]
    return markdown(["class", "Chinese", "meaning", "money in suspense"], rows)


def resolutions() -> str:
    """Which resolutions fit which class and sign (office/accounting/chart.toml)."""
    chart = shipped()
    rows = []
    for cls in BreakClass:
        cells = [
            ", ".join(f"`{resolution.name}`" for resolution in chart.fitting(cls, difference)) or "–"
            for _, difference in _SIGNS
        ]
        rows.append([f"`{cls}`", *cells])
    return markdown(["class", *(words for words, _ in _SIGNS)], rows)


def layouts() -> str:
    """The shipped layouts of a day file."""
    rows = []
    for name in layout.shipped():
        loaded = layout.load(name)
        form = f"separated by `{loaded.separator}`" if loaded.separator else "fixed widths"
        form = form.replace("|", "\\|")
        rows.append([f"`{name}`", form, f"`{loaded.encoding}`", "yes" if loaded.lists_reversed else "no"])
    return markdown(["layout", "columns", "encoding", "lists what was reversed"], rows)


def export_columns(file: str) -> str:
    """The columns of a file that is handed to the core system (office/exports/lines.py)."""
    rows = [
        [", ".join(f"`{name}`" for name in (field, *_in_yuan(field))), MEANINGS[field]]
        for field in FILES[file]._fields
    ]
    return markdown(["column", "what it holds"], rows)


def _in_yuan(field: str) -> tuple[str, ...]:
    return (field.removesuffix(FEN) + YUAN,) if field.endswith(FEN) else ()


def statement_keys() -> str:
    """The keys of a layout of statements, with the words of the layouts in the package."""
    layouts = [row for row in map(statement_layout.load, statement_layout.shipped()) if row.heads]
    rows = []
    for part, model in (("heads", statement_layout.Heads), ("columns", statement_layout.Columns)):
        for key, field in model.model_fields.items():
            words = {getattr(getattr(row, part), key) for row in layouts} - {None}
            rows.append(
                [f"`{part}.{key}`", str(field.description), ", ".join(map("`{}`".format, sorted(words)))]
            )
    return markdown(["key", "what it holds", "the bank's word, for example"], rows)


def settings(model: type[Section]) -> str:
    """Every section of a settings file, with a table of its settings (deploy/settings_sample.py)."""
    parts: list[str] = []
    for section in sections(model):
        rows = [
            [f"`{row.key}`", row.form.replace("|", "\\|"), _default(row), row.meaning]
            for row in section.settings
        ]
        heads = ["setting", "what it may be", "without it", "what it means"]
        parts += [f"### `{section.heading}`", section.about, markdown(heads, rows)]
    return "\n\n".join(parts)


def _default(row: SettingRow) -> str:
    if row.required:
        return "must be given"
    return f"`{row.default}`" if row.default else "–"


def dues_columns() -> str:
    """The columns of a row of the file of dues (ledger/files/bookline.py)."""
    kinds = ", ".join(f"`{kind}:`" for kind in identity.KINDS if kind != identity.RESIDENT)
    documents = f"a resident identity number; or another document with its kind before it: {kinds}"
    rules = dict(_rules(bookline.CHECKS))
    rules |= {"beneficiary": documents, "payee": f"empty, or {rules['holder']}; empty for a premium"}
    phone = "empty, or a phone number of 3 to 17 digits, `-` and a leading +"
    rules |= {"grace_until": "empty, or a date, YYYYMMDD, not before `due_date`; empty for a benefit"}
    rules |= {"serving": f"empty, or {rules['holder']}", "serving_phone": phone}
    rows = [[f"`{name}`", bookline.MEANINGS[name], rules[name]] for name in bookline.COLUMNS]
    return markdown(["column", "what it holds", "what it may be"], rows)


def dues_total() -> str:
    """The columns of the TOTAL line (ledger/files/bookline.py)."""
    rows = [[f"`{name}`", bookline.MEANINGS[name], rule] for name, rule in _rules(bookline.TRAILER_CHECKS)]
    return markdown(["column", "what it holds", "what it may be"], rows)


def _rules(checks: Iterable[bookline.Check]) -> Iterator[tuple[str, str]]:
    """Each column's name, and its rule in the words of the fault."""
    for name, _, fault in checks:
        yield name, fault.removeprefix("not ").replace("neither empty nor", "empty, or")


def made() -> dict[str, str]:
    """Name of a made place -> its text."""
    return {
        "mandatory": mandatory(),
        "responses": responses(),
        "wires": wires(),
        "elements": elements(),
        "samples": samples(),
        "session": session(),
        "breaks": breaks(),
        "classes": classes(),
        "resolutions": resolutions(),
        "layouts": layouts(),
        "statement-keys": statement_keys(),
        "settings-front": settings(FrontSettings),
        "settings-office": settings(OfficeSettings),
        "settings-customers": settings(CustomersSettings),
        "settings-collection": settings(CollectionSettings),
        "settings-archive": settings(ArchiveSettings),
        "dues-columns": dues_columns(),
        "dues-total": dues_total(),
        "export-dues": export_columns("dues.csv"),
        "export-vouchers": export_columns("vouchers.csv"),
        "export-breaks": export_columns("breaks.csv"),
    }
