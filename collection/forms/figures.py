"""What a file states about itself, held against its own lines and its own name.

Pure. A figure is always of its own file: a part of a batch that states the whole sum is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from collection.errors import FormFault
from collection.forms.form_file import FIGURES, FileForm
from collection.forms.lines import Records
from ledger.rules.masking import figure
from qianzhi_errors.sentence import Sentence


def hold_figures(name: str, file: FileForm, records: Records, sums: Mapping[str, int]) -> None:
    """Raise FormFault where the header or the trailer states a figure that the lines do not make."""
    headed = {column.name for column in file.header}
    for column in sorted(FIGURES & records.edge.keys()):
        stated = int(records.edge[column])
        if stated != sums[column]:
            raise FormFault(
                name,
                (1 if column in headed else records.trailer) if records.trailer or headed else 0,
                Sentence(
                    "{column}: the file says {stated}, its lines make {made}",
                    column=column,
                    stated=figure(stated),
                    made=figure(sums[column]),
                ),
            )


def hold_name(name: str, file: FileForm, edge: Mapping[str, str]) -> Mapping[str, str]:
    """Return what the header states and the file's name says, together. Raises FormFault where the name is
    not by the form's pattern, or says something else than the file.
    """
    named = file.parts_of(name)
    if named is None:
        raise FormFault(name, 0, Sentence("the name is not as the form has it"))
    values = {**named, "part": str(int(named["part"]))} if "part" in named else dict(named)
    for column, value in values.items():
        if edge.get(column, value) != value:
            raise FormFault(name, 0, Sentence("{column}: the name says another", column=column))
    return {**edge, **values}


def hold_channel(name: str, edge: Mapping[str, str], channel: str) -> None:
    """Raise FormFault for a file of another channel."""
    if edge.get("channel", channel) != channel:
        raise FormFault(
            name, 0, Sentence("{column}: {reason}", column="channel", reason=Sentence("of another channel"))
        )
