"""Request files: what is written is the batch, each file with its own sums, or nothing."""

from __future__ import annotations

import hashlib

import pytest

from collection.errors import FormFault
from collection.forms.form_file import load
from collection.forms.request import unwritable, write
from tests.support.batch_files import batch_of, request_line

STANDARD = load("batch-standard")


def test_a_request_file_is_the_batch_as_the_form_has_it() -> None:
    (file,) = write(batch_of(12000, 300), STANDARD)
    body = (
        "H|1|B0000123|91020000|20261124|20261123203000|1|1|示例人寿保险股份有限公司|1100987654321|AGR0001\n"
        "D|1|张三|62220200000000014|102100099996|12000|P20260001|D20260001|M20260001|20250301|RCUR|保费\n"
        "D|2|张三|62220200000000024|102100099996|300|P20260002|D20260002|M20260002|20250301|RCUR|保费\n"
    ).encode()
    assert file.name == "B0000123-91020000-20261124-01.txt"
    assert file.content == body + f"T|2|12300|{hashlib.sha256(body).hexdigest()}\n".encode()


def test_each_file_of_a_split_batch_states_its_own_count_and_sum() -> None:
    files = write(batch_of(100, 200, 300), STANDARD.model_copy(update={"lines_max": 2}))
    trailers = [file.content.decode().splitlines()[-1].split("|")[1:3] for file in files]
    assert trailers == [["2", "300"], ["1", "300"]]
    assert [file.name[-6:-4] for file in files] == ["01", "02"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "张|三"}, "name: holds the separator"),
        ({"note": "保费\n"}, "note: has a character that cannot be printed"),
        ({"policy": "P 1 "}, "policy: has blanks around it"),
        ({"amount": 0}, "amount: must be more than nothing"),
        ({"amount": -5}, "amount: must be more than nothing"),
        ({"signed_on": "20250230"}, "signed_on: not a date as YYYYMMDD"),
        ({"line": 1}, "the line number stands twice, or is none"),
        ({"line": 1_000_000}, "the line number stands twice, or is none"),
    ],
)
def test_a_line_that_the_form_cannot_say_is_refused_and_named(change: dict[str, object], why: str) -> None:
    batch = batch_of(100)
    bad = request_line(2)._replace(**change)  # type: ignore[arg-type]
    with pytest.raises(FormFault) as refused:
        write(batch._replace(lines=(*batch.lines, bad)), STANDARD)
    assert (refused.value.line, refused.value.why) == (bad.line, why)
    assert bad.account not in str(refused.value)


def test_lines_that_the_form_cannot_say_are_told_before_the_batch_is_written() -> None:
    batch = batch_of(100)
    bad = request_line(2, name="张|三")
    assert unwritable(batch._replace(lines=(*batch.lines, bad)), STANDARD) == (
        (2, "name: holds the separator"),
    )


def test_a_batch_of_more_files_than_the_form_allows_is_refused() -> None:
    form = STANDARD.model_copy(update={"lines_max": 1, "files_max": 2})
    with pytest.raises(FormFault, match="would be 3 files, and the form allows 2"):
        write(batch_of(1, 2, 3), form)


def test_a_batch_without_a_line_is_refused() -> None:
    with pytest.raises(FormFault, match="the batch has no line"):
        write(batch_of(), STANDARD)
