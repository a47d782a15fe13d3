"""The file of dues: read whole or refused, each fault named by line and column, never by its value."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import identity
from ledger.bookfile import (
    HEADER,
    KINDS,
    LINE_BYTES_MAX,
    PROBLEMS_MAX,
    STATES,
    DueLine,
    Policy,
    PolicyDues,
    opened,
    parse,
    write,
)
from ledger.errors import BookFileError
from tests.dues_file import DATE, PERSON, file, leaving, row

OTHER_PERSON_BADLY = "110105194912310021"


def problems(data: bytes) -> list[str]:
    with pytest.raises(BookFileError) as caught:
        parse(data)
    assert PERSON not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


def written(entries: Iterable[PolicyDues], withdrawn: Iterable[DueLine] = ()) -> bytes:
    return b"".join(write(DATE, entries, withdrawn))


NUMBERS = st.text("ABZ019-", min_size=1, max_size=20)
HOLDERS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs"]), min_size=1, max_size=20)
    | st.text('王, "·', min_size=1, max_size=20)
).filter(lambda name: name == name.strip())


@st.composite
def books(draw: st.DrawFn) -> list[PolicyDues]:
    policies = draw(st.lists(NUMBERS.filter(lambda number: number != "TOTAL"), unique=True, max_size=4))
    references = iter(draw(st.lists(NUMBERS, unique=True, min_size=8, max_size=8)))
    entries = []
    for number in policies:
        dues = []
        for _ in range(draw(st.integers(0, 2))):
            code, day, amount = (
                draw(st.sampled_from(list(KINDS))),
                draw(st.dates()),
                draw(st.integers(1, 10**12 - 1)),
            )
            date = day.isoformat().replace("-", "")
            person = PERSON if KINDS[code] == "benefit" else ""
            dues.append(DueLine(next(references), number, code, KINDS[code], date, amount, person))
        policy = Policy(number, draw(st.sampled_from(sorted(STATES))), draw(HOLDERS))
        entries.append(PolicyDues(policy, tuple(dues)))
    return entries


@settings(deadline=None)
@given(entries=books(), bom=st.sampled_from([b"", b"\xef\xbb\xbf"]), end=st.sampled_from([b"\n", b"\r\n"]))
def test_what_is_written_reads_back_with_its_sums_and_digest(
    entries: list[PolicyDues], bom: bytes, end: bytes
) -> None:
    data = bom + written(entries).replace(b"\n", end)
    dues = tuple(due for entry in entries for due in entry.dues)
    book = parse(data)
    assert book.business_date == DATE
    assert book.policies == tuple(entry.policy for entry in entries)
    assert book.dues == dues
    assert book.premium == sum(due.amount for due in dues if due.kind == "premium")
    assert book.benefit == sum(due.amount for due in dues if due.kind == "benefit")
    assert book.digest == hashlib.sha256(data).hexdigest()
    assert parse(io.BytesIO(data)) == book


@settings(deadline=None, max_examples=30)
@given(entries=books(), data=st.data())
def test_a_file_cut_at_any_byte_is_refused(entries: list[PolicyDues], data: st.DataObject) -> None:
    whole = written(entries)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(BookFileError):
        parse(cut)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_small_file_cut_at_every_byte_is_refused(end: str) -> None:
    whole = file(row(), end=end)
    assert len(parse(whole).dues) == 1
    for length in range(len(whole)):
        with pytest.raises(BookFileError):
            parse(whole[:length])


def test_any_altered_digit_of_a_count_or_sum_is_refused() -> None:
    total = f"TOTAL,{DATE},1,2,30000,4567,,"
    rows = row(), row(due="D2", code="262000", amount="4567", beneficiary=PERSON)
    assert parse(file(*rows, total=total)).benefit == 4567
    for place in range(len(f"TOTAL,{DATE},"), len(total)):
        for digit in "0123456789":
            if total[place].isdigit() and total[place] != digit:
                with pytest.raises(BookFileError):
                    parse(file(*rows, total=total[:place] + digit + total[place + 1 :]))


@given(data=st.binary(max_size=300) | st.text('TOAL,01"\r\nP', max_size=80).map(str.encode))
def test_any_bytes_are_a_book_or_a_book_file_error(data: bytes) -> None:
    for candidate in (data, HEADER.encode() + b"\n" + data):
        try:
            book = parse(candidate)
        except BookFileError as error:
            assert 1 <= len(error.problems) <= PROBLEMS_MAX
        else:
            assert book.digest == hashlib.sha256(candidate).hexdigest()


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ({"policy": ""}, "policy"),
        ({"policy": "p1"}, "policy"),
        ({"policy": "P" * 25}, "policy"),
        ({"policy": "P１"}, "policy"),
        ({"state": "Active"}, "state"),
        ({"holder": ""}, "holder"),
        ({"holder": "王" * 121}, "holder"),
        ({"holder": "王\t伟"}, "holder"),
        ({"holder": "王\u202e伟"}, "holder"),
        ({"holder": "王\u2028伟"}, "holder"),
        ({"holder": "王\r伟"}, "holder"),
        ({"holder": " 王伟"}, "holder"),
        ({"due": ""}, "due"),
        ({"due": "D" * 21}, "due"),
        ({"code": "310000"}, "code"),
        ({"due_date": "20260229"}, "due_date"),
        ({"due_date": "2026W011"}, "due_date"),
        ({"due_date": "2026-1-1"}, "due_date"),
        ({"amount": "0"}, "amount_fen"),
        ({"amount": "-1"}, "amount_fen"),
        ({"amount": "300.00"}, "amount_fen"),
        ({"amount": "030000"}, "amount_fen"),
        ({"amount": "1_000"}, "amount_fen"),
        ({"amount": "1" + "0" * 12}, "amount_fen"),
        ({"beneficiary": PERSON}, "beneficiary"),
        ({"code": "260000"}, "beneficiary"),
        ({"code": "260000", "beneficiary": OTHER_PERSON_BADLY}, "beneficiary"),
    ],
)
def test_a_bad_field_is_named_by_line_and_column_and_not_repeated(bad: dict[str, str], column: str) -> None:
    [problem] = problems(file(row(**bad)))
    assert problem.startswith(f"line 2, {column}: ")
    assert OTHER_PERSON_BADLY not in problem


def test_a_problem_reads_like_a_sentence() -> None:
    assert problems(file(row(amount="x"))) == [
        "line 2, amount_fen: not a whole number of fen, 1 to 999999999999"
    ]


def test_every_fault_of_a_row_is_told() -> None:
    assert len(problems(file(row(policy="p", state="x", amount="x")))) == 3


def test_rows_of_one_policy_may_stand_apart_but_must_agree() -> None:
    again = row(due="D3", state="lapsed", holder="王二")
    assert problems(file(row(), row("P2", due="D2"), again)) == [
        "line 4, state: differs from an earlier row of the same policy",
        "line 4, holder: differs from an earlier row of the same policy",
    ]


@pytest.mark.parametrize(
    "rows", [(row(), "P1,active,王伟,,,,,"), ("P1,active,王伟,,,,,", row()), ("P1,active,王伟,,,,,",) * 2]
)
def test_a_policy_without_a_due_has_no_other_row(rows: tuple[str, ...]) -> None:
    assert problems(file(*rows)) == ["line 3, policy: a policy without a due has one row and no other"]


def test_a_due_stands_once_in_the_whole_file() -> None:
    assert problems(file(row(), row("P2"))) == ["line 3, due: not unique: an earlier row has the same"]


def test_totals_that_differ_say_what_is_said_and_what_is_there() -> None:
    assert problems(file(row(), total=f"TOTAL,{DATE},2,3,4,5,,")) == [
        "line 3, policies: the TOTAL line says 2, the rows make 1",
        "line 3, dues: the TOTAL line says 3, the rows make 1",
        "line 3, premium: the TOTAL line says 4, the rows make 30000",
        "line 3, benefit: the TOTAL line says 5, the rows make 0",
    ]


@pytest.mark.parametrize(
    ("total", "problem"),
    [
        ("TOTAL,20261301,1,1,30000,0,,", "line 3, business_date: not a date, YYYYMMDD"),
        (f"TOTAL,{DATE},01,1,30000,0,,", "line 3, policies: not a whole number of 1 to 17 digits"),
        (f"TOTAL,{DATE},1,1,30000,{PERSON},,", "line 3, benefit: not a whole number of 1 to 17 digits"),
        (f"TOTAL,{DATE},1,1,30000,0,,0", "line 3: the last column of the TOTAL line must be empty"),
        (f"TOTAL,{DATE},1,1,30000,0,", "line 3: 8 columns expected, 7 found"),
        (row(due="D2"), "line 3: the TOTAL line is missing: the file was cut short"),
        ("TOTAL,20261124,1,1,30000,0,,\nx", "line 4: nothing may follow the TOTAL line"),
    ],
)
def test_a_bad_trailer_is_refused(total: str, problem: str) -> None:
    assert problem in problems(file(row(), total=total))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1: the TOTAL line is missing: the file was cut short"),
        (file(header=HEADER.upper()), f"line 1: the header must be {HEADER}"),
        (file(row(holder="x" * LINE_BYTES_MAX)), f"line 2: longer than {LINE_BYTES_MAX} bytes"),
        (file(row())[:-1], "line 3: has no end: the file was cut short"),
        (file(row()).decode().encode("gb18030"), "line 2: not UTF-8"),
        (file(row(holder='"王"伟')), "line 2: quotes that do not match"),
        (file(row(), ""), "line 3: 8 columns expected, 1 found"),
    ],
)
def test_a_file_of_another_form_is_refused(data: bytes, problem: str) -> None:
    assert problem in problems(data)


def test_a_thousand_faults_are_named_and_no_more() -> None:
    rows = [row(f"P{n}", due=f"D{n}", amount="x") for n in range(1_005)]
    said = f"TOTAL,{DATE},999,999,0,0,,"
    assert [one.split(",")[0] for one in problems(file(*rows[:999], total=said))] == [
        f"line {n}" for n in range(2, 1_001)
    ]
    assert len(problems(file(*rows))) == PROBLEMS_MAX == 1_000


def test_a_name_may_hold_a_comma_quotes_and_characters_of_private_use() -> None:
    for name in ('A, "B"', "王\ue863", "李𬍛", "阿依古丽·买买提"):
        entry = PolicyDues(Policy("P1", "active", name), ())
        assert parse(written([entry])).policies == (entry.policy,)


# Dues that leave.


@given(entries=books(), gone=books())
def test_dues_that_leave_read_back_without_their_beneficiary_and_count_towards_no_sum(
    entries: list[PolicyDues], gone: list[PolicyDues]
) -> None:
    named = {due.due for entry in entries for due in entry.dues}
    withdrawn = [due for entry in gone for due in entry.dues if due.due not in named]
    data = written(entries, withdrawn)
    read = parse(data)
    assert read.withdrawn == tuple(due._replace(beneficiary="") for due in withdrawn)
    assert read._replace(withdrawn=(), digest="") == parse(written(entries))._replace(digest="")
    assert PERSON.encode() not in written([], withdrawn), "who is paid is nobody's business here"
    for length in {len(data) - 1, len(data) // 2}:
        with pytest.raises(BookFileError):
            parse(data[:length])


def test_a_file_may_bring_nothing_but_dues_that_leave() -> None:
    read = parse(file(leaving(), leaving("P2", due="D8", code="260000"), total=f"TOTAL,{DATE},0,0,0,0,2,"))
    assert read.withdrawn == (
        DueLine("D9", "P1", "500000", "premium", DATE, 30000, ""),
        DueLine("D8", "P2", "260000", "benefit", DATE, 30000, ""),
    )
    assert (read.policies, read.dues, read.premium, read.benefit) == ((), (), 0, 0)


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ({"policy": ""}, "policy"),
        ({"policy": "p1"}, "policy"),
        ({"due": ""}, "due"),
        ({"due": "D" * 21}, "due"),
        ({"code": "310000"}, "code"),
        ({"code": ""}, "code"),
        ({"due_date": "20260229"}, "due_date"),
        ({"amount": ""}, "amount_fen"),
        ({"amount": "0"}, "amount_fen"),
        ({"amount": "-30000"}, "amount_fen"),
    ],
)
def test_a_bad_field_of_a_due_that_leaves_is_named(bad: dict[str, str], column: str) -> None:
    [problem] = problems(file(row(), leaving(**bad), total=f"TOTAL,{DATE},1,1,30000,0,1,"))
    assert problem.startswith(f"line 3, {column}: ")


@pytest.mark.parametrize("filled", [{"holder": "王伟"}, {"beneficiary": PERSON}])
def test_a_due_that_leaves_names_no_person(filled: dict[str, str]) -> None:
    data = file(row(), leaving(**filled), total=f"TOTAL,{DATE},1,1,30000,0,1,")
    assert problems(data) == ["line 3: columns 3 and 8 of a WITHDRAWN line must be empty"]


@pytest.mark.parametrize(
    "rows", [(row(due="D9"), leaving()), (leaving(), row(due="D9")), (leaving(), leaving("P2"))]
)
def test_a_due_does_not_come_and_leave_in_one_file_nor_leave_twice(rows: tuple[str, ...]) -> None:
    assert "line 3, due: not unique: an earlier row has the same" in problems(file(*rows))


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", "line 4, withdrawn: the TOTAL line says 0, the rows make 1"),
        ("2", "line 4, withdrawn: the TOTAL line says 2, the rows make 1"),
        ("0", "line 4, withdrawn: neither empty nor a whole number from 1"),
        ("01", "line 4, withdrawn: neither empty nor a whole number from 1"),
        ("x", "line 4, withdrawn: neither empty nor a whole number from 1"),
        (PERSON, "line 4, withdrawn: neither empty nor a whole number from 1"),
    ],
)
def test_the_trailer_counts_the_dues_that_leave(said: str, problem: str) -> None:
    assert problems(file(row(), leaving(), total=f"TOTAL,{DATE},1,1,30000,0,{said},")) == [problem]


def test_a_trailer_that_counts_dues_that_leave_where_none_does_is_refused() -> None:
    assert problems(file(row(), total=f"TOTAL,{DATE},1,1,30000,0,1,")) == [
        "line 3, withdrawn: the TOTAL line says 1, the rows make 0"
    ]


# Every kind of customer.

DOCUMENTS = (
    "110105491231002",
    "passport:E12345678",
    "hk-macao-permit:H12345678",
    "taiwan-permit:12345678",
    "permanent-residence:CAN110078010101",
    "hk-identity:A123456(3)",
    "company:91350100M000100Y43",
    "other:P110123456",
)


def test_documents_of_every_kind_come_with_a_benefit_and_are_written_as_they_were_read() -> None:
    rows = [row(f"P{n}", due=f"D{n}", code="260000", beneficiary=one) for n, one in enumerate(DOCUMENTS)]
    data = file(*rows, total=f"TOTAL,{DATE},8,8,0,240000,,")
    read = parse(data)
    assert [(due.document, due.beneficiary) for due in read.dues][:2] == [
        ("", "110105491231002"),
        ("passport", "E12345678"),
    ]
    entries = [PolicyDues(one, (due,)) for one, due in zip(read.policies, read.dues, strict=True)]
    assert written(entries) == data


@pytest.mark.parametrize(
    ("beneficiary", "reason"),
    [
        ("E12345678", "not a valid identity number; any other document has its kind before it, as passport:"),
        ("passport:E1234567890", "not a valid number of its kind, passport"),
        ("company:91350100M000100Y44", "not a valid number of its kind, company"),
        ("pass:E12345678", f"not a kind of document; there are {', '.join(identity.KINDS)}"),
    ],
)
def test_a_document_that_is_none_is_named_and_not_repeated(beneficiary: str, reason: str) -> None:
    assert problems(file(row(code="260000", beneficiary=beneficiary))) == [f"line 2, beneficiary: {reason}"]


@pytest.mark.parametrize("name", ["王" * 120, "MARIA " * 19 + "LOPEZ", "𠮷" * 120, '"' * 120])
def test_a_name_has_up_to_120_characters(name: str) -> None:
    entry = PolicyDues(Policy("P1", "active", name), ())
    assert parse(written([entry])).policies == (entry.policy,)


# Read without holding it.


def test_a_file_that_changes_while_it_is_read_is_refused() -> None:
    stream = io.BytesIO(file(row()))
    for changed in (file(row(amount="30001")), b"x" * 200, file(row())[:-1]):
        stream.seek(0)
        stream.truncate()
        stream.write(file(row()))
        with opened(stream) as read:
            assert len(list(read.dues)) == 1
            stream.seek(0)
            stream.truncate()
            stream.write(changed)
            with pytest.raises(BookFileError, match="changed while it was read"):
                list(read.dues)


def test_a_file_is_read_without_holding_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.sorting.Sorted.__init__.__defaults__", (3,))
    data = file(*(row(f"P{n % 7}", due=f"D{n}") for n in range(50)), total=f"TOTAL,{DATE},7,50,1500000,0,,")
    with opened(io.BytesIO(data)) as read:
        assert [one.policy for one in read.policies] == [f"P{n}" for n in range(7)]
        assert [one.due for one in read.dues] == [f"D{n}" for n in range(50)]
        assert read.lines({"D3", "D49", "X"}) == {"D3": 5, "D49": 51}
