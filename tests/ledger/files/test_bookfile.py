"""The file of dues: read whole or refused, each fault named by line and column, never by its value."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable

import pytest

from ledger.errors import BookFileError, Problem
from ledger.files.bookfile import PROBLEMS_MAX, Book, PolicyDues, opened, parse, write
from ledger.files.bookline import HEADER, DueLine
from ledger.rules.dues import Policy
from tests.support.dues_file import DATE, PERSON, file, leaving, row


def problems(data: bytes) -> list[str]:
    with pytest.raises(BookFileError) as caught:
        parse(data)
    assert PERSON not in str(caught.value)
    assert all(isinstance(problem.column, str) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def written(entries: Iterable[PolicyDues], withdrawn: Iterable[DueLine] = ()) -> bytes:
    return b"".join(write(DATE, entries, withdrawn))


PREMIUM = DueLine("D1", "P1", "500000", "premium", DATE, 30_000, "")
BENEFIT = DueLine("D2", "P2", "260000", "benefit", DATE, 4_567, PERSON, payee='Li, "Si"')
ABROAD = DueLine("D3", "P2", "263000", "benefit", DATE, 1, "E12345678", "passport")
GONE = DueLine("D9", "P9", "502000", "premium", DATE, 7, "")
ALSO = DueLine("D8", "P9", "260000", "benefit", DATE, 8, "")
P1, P2, P3, P4 = (
    Policy("P1", "active", "王伟"),
    Policy("P2", "lapsed", 'A, "B"'),
    Policy("P3", "pending", 'O"X'),
    Policy("P4", "active", "A, B"),
)
WRITTEN = f"""{HEADER}
P3,pending,"O""X",,,,,,
P4,active,"A, B",,,,,,
P2,lapsed,"A, ""B""\",D2,260000,{DATE},4567,{PERSON},"Li, ""Si""\"
P2,lapsed,"A, ""B""\",D3,263000,{DATE},1,passport:E12345678,
P1,active,王伟,D1,500000,{DATE},30000,,
WITHDRAWN,P9,,D9,502000,{DATE},7,,
WITHDRAWN,P9,,D8,260000,{DATE},8,,
TOTAL,{DATE},4,3,30000,4568,2,,
""".encode()


def test_a_file_is_written_a_line_at_a_time() -> None:
    entries = (
        PolicyDues(P3, ()),
        PolicyDues(P4, ()),
        PolicyDues(P2, (BENEFIT, ABROAD)),
        PolicyDues(P1, (PREMIUM,)),
    )
    assert list(write(DATE, iter(entries), iter([GONE, ALSO]))) == WRITTEN.splitlines(keepends=True)
    empty = [f"{HEADER}\n".encode(), f"TOTAL,{DATE},0,0,0,0,,,\n".encode()]
    assert list(write(DATE, ())) == empty


@pytest.mark.parametrize(
    "data", [WRITTEN, b"\xef\xbb\xbf" + WRITTEN, WRITTEN.replace(b"\n", b"\r\n")], ids=["lf", "bom", "crlf"]
)
def test_a_file_is_read_whole_in_its_own_order(data: bytes) -> None:
    book = parse(data)
    assert book == Book(
        DATE,
        (P3, P4, P2, P1),
        (BENEFIT, ABROAD, PREMIUM),
        30_000,
        4_568,
        hashlib.sha256(data).hexdigest(),
        (GONE, ALSO),
        (),
        (),
        book.lines,
    )
    assert book.lines({"D1"}) == {}
    assert parse(io.BytesIO(data)) == book


def test_a_book_without_more_brings_nothing_that_leaves_and_leaves_nothing_out() -> None:
    book = Book(DATE, (), (), 0, 0, "digest")
    assert book[6:9] == ((), (), ())
    assert book.lines({"D1"}) == {}


def test_an_opened_file_is_read_anew_each_time_its_policies_by_name() -> None:
    with opened(io.BytesIO(WRITTEN)) as book:
        for _ in range(2):
            assert (list(book.policies), list(book.dues), list(book.withdrawn)) == (
                [P1, P2, P3, P4],
                [BENEFIT, ABROAD, PREMIUM],
                [GONE, ALSO],
            )
        assert (len(book.policies), len(book.dues), len(book.withdrawn)) == (4, 3, 2)
        assert book.lines({"D1", "D3", "X"}) == {"D1": 6, "D3": 5}
        assert book[3:6] == (30_000, 4_568, hashlib.sha256(WRITTEN).hexdigest())
        assert (book.business_date, book.left_out, book.claims) == (DATE, (), ())


def test_an_opened_file_that_has_been_read_before_is_read_from_its_beginning() -> None:
    stream = io.BytesIO(WRITTEN)
    stream.seek(100)
    with opened(stream) as book:
        assert len(list(book.dues)) == 3


@pytest.mark.parametrize(
    "changed",
    [
        file(row(amount="30001")),
        b"x" * 200,
        file(row())[:-1],
        file(row()) + b"\n",
        file(row(code="310000")),
        file(row(amount="x")),
        file("\xff"),
        b"",
    ],
)
def test_a_file_that_changes_while_it_is_read_is_refused(changed: bytes) -> None:
    stream = io.BytesIO(file(row()))
    with opened(stream) as read:
        assert len(list(read.dues)) == 1
        stream.seek(0)
        stream.truncate()
        stream.write(changed)
        with pytest.raises(BookFileError) as caught:
            list(read.dues)
        assert caught.value.problems == (Problem(1, "", "the file was changed while it was read"),)


NO_END = "has no end: the file was cut short"
CUT = "the TOTAL line is missing: the file was cut short"


@pytest.mark.parametrize(
    ("data", "wordings"),
    [
        (b"", [f"line 1: {CUT}"]),
        (f"{HEADER}\n".encode(), [f"line 1: {CUT}"]),
        (file(row(), total=row(due="D2")), [f"line 3: {CUT}"]),
        (
            file(row(amount="x"), total=row(due="D2")),
            ["line 2, amount_fen: not a whole number of fen, 1 to 999999999999", f"line 3: {CUT}"],
        ),
        (HEADER.encode(), [f"line 1: {NO_END}"]),
        (file(row())[:-1], [f"line 3: {NO_END}"]),
        (file(row()) + b"x", [f"line 4: {NO_END}"]),
        (file(row()) + b"\n", ["line 4: nothing may follow the TOTAL line"]),
        (file(row(), total=f"TOTAL,{DATE},1,1,30000,0,,,\nx"), ["line 4: nothing may follow the TOTAL line"]),
        (file(header=HEADER.upper()), [f"line 1: the header must be {HEADER}"]),
        (b"\xef\xbb\xbf" + file(header="\ufeff" + HEADER), [f"line 1: the header must be {HEADER}"]),
        (file(row(), row(due="D2").replace(",", ";")), ["line 3: 9 columns expected, 1 found"]),
        (file("".join(["\ufeff", row()])), ["line 2, policy: not 1 to 24 of A-Z, 0-9 and -"]),
        (
            file(row(), total=f"TOTAL,{DATE},x,1,30000,0,y,z,"),
            [
                "line 3, policies: not a whole number of 1 to 17 digits",
                "line 3, withdrawn: neither empty nor a whole number from 1",
                "line 3: whatever is behind the figures of the TOTAL line must be empty",
            ],
        ),
        (
            file(row(policy="p", amount="x"), total=f"TOTAL,{DATE},9,9,9,9,9,,"),
            [
                "line 2, policy: not 1 to 24 of A-Z, 0-9 and -",
                "line 2, amount_fen: not a whole number of fen, 1 to 999999999999",
            ],
        ),
        (
            file(row(), row(holder="王二", due="D2"), row(due="D2"), total=f"TOTAL,{DATE},9,x,0,0,,,"),
            [
                "line 3, holder: differs from an earlier row of the same policy",
                "line 4, due: not unique: an earlier row has the same",
                "line 5, dues: not a whole number of 1 to 17 digits",
            ],
        ),
        (
            file(row(), total=f"TOTAL,{DATE},2,3,4,5,6,,"),
            [
                "line 3, policies: the TOTAL line says 2, the rows make 1",
                "line 3, dues: the TOTAL line says 3, the rows make 1",
                "line 3, premium: the TOTAL line says 4, the rows make 30000",
                "line 3, benefit: the TOTAL line says 5, the rows make 0",
                "line 3, withdrawn: the TOTAL line says 6, the rows make 0",
            ],
        ),
        (file(row(), leaving()), ["line 4, withdrawn: the TOTAL line says 0, the rows make 1"]),
        (
            file(row(), row("P2", due="D2", code="260000", beneficiary=PERSON), leaving(), leaving(due="D8")),
            [
                "line 6, policies: the TOTAL line says 1, the rows make 2",
                "line 6, dues: the TOTAL line says 1, the rows make 2",
                "line 6, benefit: the TOTAL line says 0, the rows make 30000",
                "line 6, withdrawn: the TOTAL line says 0, the rows make 2",
            ],
        ),
    ],
)
def test_a_file_that_is_not_whole_or_says_otherwise_is_refused(data: bytes, wordings: list[str]) -> None:
    assert problems(data) == wordings


ROW_BYTES = len(row(policy="").encode()) + 1
TOO_LONG = "line 2: longer than 2048 bytes"


@pytest.mark.parametrize(
    ("length", "end", "wording"),
    [
        (2048, "\n", "line 2, policy: not 1 to 24 of A-Z, 0-9 and -"),
        (2048, "\r\n", "line 2, policy: not 1 to 24 of A-Z, 0-9 and -"),
        *((length, "\n", TOO_LONG) for length in (2049, 2050, 4095, 4096, 4097, 6144, 6145, 10_000)),
    ],
)
def test_a_row_that_is_too_long_is_told_so_and_the_next_is_the_next(
    length: int, end: str, wording: str
) -> None:
    long = row(policy="P" * (length - ROW_BYTES - len(end) + 1))
    assert problems(file(long, row(state="x"), end=end)) == [
        wording,
        "line 3, state: not one of active, lapsed, pending, terminated",
    ]
    cut = f"{HEADER}\n{row(policy='P' * length)}".encode()
    assert problems(cut) == ["line 2: has no end: the file was cut short"]


def test_a_row_that_is_too_long_counts_for_the_files_digest() -> None:
    data = file(row(), "x" * 3_000, total=f"TOTAL,{DATE},1,1,30000,0,,,")
    with opened(io.BytesIO(data), {3}) as book:
        assert book.digest == hashlib.sha256(data).hexdigest()
        assert len(list(book.dues)) == 1


def test_rows_of_one_policy_may_stand_apart_but_must_agree() -> None:
    again = row(due="D3", state="lapsed", holder="王二")
    assert problems(file(row(), row("P2", due="D2"), again)) == [
        "line 4, state: differs from an earlier row of the same policy",
        "line 4, holder: differs from an earlier row of the same policy",
    ]


@pytest.mark.parametrize(
    "rows", [(row(), "P1,active,王伟,,,,,,"), ("P1,active,王伟,,,,,,", row()), ("P1,active,王伟,,,,,,",) * 2]
)
def test_a_policy_without_a_due_has_no_other_row(rows: tuple[str, ...]) -> None:
    assert problems(file(*rows)) == ["line 3, policy: a policy without a due has one row and no other"]


def test_a_due_stands_once_in_the_whole_file() -> None:
    assert problems(file(row(), row("P2"))) == ["line 3, due: not unique: an earlier row has the same"]


def test_totals_that_differ_say_what_is_said_and_what_is_there() -> None:
    assert problems(file(row(), total=f"TOTAL,{DATE},2,3,4,5,,,")) == [
        "line 3, policies: the TOTAL line says 2, the rows make 1",
        "line 3, dues: the TOTAL line says 3, the rows make 1",
        "line 3, premium: the TOTAL line says 4, the rows make 30000",
        "line 3, benefit: the TOTAL line says 5, the rows make 0",
    ]


def test_a_name_may_hold_a_comma_quotes_and_characters_of_private_use() -> None:
    for name in ('A, "B"', "王\ue863", "李𬍛", "阿依古丽·买买提"):
        entry = PolicyDues(Policy("P1", "active", name), ())
        assert parse(written([entry])).policies == (entry.policy,)


# Dues that leave.


def test_a_file_may_bring_nothing_but_dues_that_leave() -> None:
    read = parse(file(leaving(), leaving("P2", due="D8", code="260000"), total=f"TOTAL,{DATE},0,0,0,0,2,,"))
    assert read.withdrawn == (
        DueLine("D9", "P1", "500000", "premium", DATE, 30000, ""),
        DueLine("D8", "P2", "260000", "benefit", DATE, 30000, ""),
    )
    assert (read.policies, read.dues, read.premium, read.benefit) == ((), (), 0, 0)


@pytest.mark.parametrize(
    "rows", [(row(due="D9"), leaving()), (leaving(), row(due="D9")), (leaving(), leaving("P2"))]
)
def test_a_due_does_not_come_and_leave_in_one_file_nor_leave_twice(rows: tuple[str, ...]) -> None:
    assert problems(file(*rows)) == ["line 3, due: not unique: an earlier row has the same"]


def test_a_trailer_that_counts_dues_that_leave_where_none_does_is_refused() -> None:
    assert problems(file(row(), total=f"TOTAL,{DATE},1,1,30000,0,1,,")) == [
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
    rows = [
        row(f"P{n}", due=f"D{n}", code="260000", beneficiary=document) for n, document in enumerate(DOCUMENTS)
    ]
    data = file(*rows, total=f"TOTAL,{DATE},8,8,0,240000,,,")
    read = parse(data)
    assert [(due.document, due.beneficiary) for due in read.dues][:2] == [
        ("", "110105491231002"),
        ("passport", "E12345678"),
    ]
    entries = [PolicyDues(policy, (due,)) for policy, due in zip(read.policies, read.dues, strict=True)]
    assert written(entries) == data


@pytest.mark.parametrize("name", ["王" * 120, "MARIA " * 19 + "LOPEZ", "𠮷" * 120, '"' * 120])
def test_a_name_has_up_to_120_characters(name: str) -> None:
    entry = PolicyDues(Policy("P1", "active", name), ())
    assert parse(written([entry])).policies == (entry.policy,)


# Read without holding it.


def test_a_file_is_read_without_holding_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.files.sorting.Sorted.__init__.__defaults__", (3,))
    data = file(*(row(f"P{n % 7}", due=f"D{n}") for n in range(50)), total=f"TOTAL,{DATE},7,50,1500000,0,,,")
    with opened(io.BytesIO(data)) as read:
        assert [policy.policy for policy in read.policies] == [f"P{n}" for n in range(7)]
        assert [due.due for due in read.dues] == [f"D{n}" for n in range(50)]
        assert read.lines({"D3", "D49", "X"}) == {"D3": 5, "D49": 51}


def test_a_thousand_faults_are_named_and_no_more() -> None:
    rows = [row(f"P{n}", due=f"D{n}", amount="x") for n in range(1_005)]
    said = f"TOTAL,{DATE},999,999,0,0,,,"
    numbers = [f"line {n}" for n in range(2, 1_002)]
    assert [problem.split(",")[0] for problem in problems(file(*rows[:999], total=said))] == numbers[:-1]
    assert [problem.split(",")[0] for problem in problems(file(*rows))] == numbers
    assert [problem.split(",")[0] for problem in problems(file(*rows[:1_000])[:-1])] == numbers
    assert PROBLEMS_MAX == 1_000


def test_the_first_thousand_faults_are_in_the_order_of_lines_and_columns() -> None:
    rows = [row(f"P{n}", due=f"D{n}", state="x", amount="x") for n in range(501)]
    columns = [problem.split(":")[0] for problem in problems(file(*rows))]
    assert columns == [f"line {n}, {column}" for n in range(2, 502) for column in ("state", "amount_fen")]


def test_no_more_is_read_at_once_than_a_row_can_have() -> None:
    asked = set()

    class Asked(io.BytesIO):
        def readline(self, limit: int | None = -1, /) -> bytes:
            asked.add(limit)
            return super().readline(limit)

    with pytest.raises(BookFileError):
        parse(Asked(file(row(policy="P" * 5_000))))
    assert asked == {2048}


def test_any_altered_digit_of_a_count_or_sum_is_refused() -> None:
    total = f"TOTAL,{DATE},1,2,30000,4567,,,"
    rows = row(), row(due="D2", code="262000", amount="4567", beneficiary=PERSON)
    assert parse(file(*rows, total=total)).benefit == 4567
    for place in range(len(f"TOTAL,{DATE},,"), len(total)):
        for digit in "0123456789":
            if total[place].isdigit() and total[place] != digit:
                with pytest.raises(BookFileError):
                    parse(file(*rows, total=total[:place] + digit + total[place + 1 :]))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_small_file_cut_at_every_byte_is_refused(end: str) -> None:
    whole = file(row(), end=end)
    assert len(parse(whole).dues) == 1
    for length in range(len(whole)):
        with pytest.raises(BookFileError):
            parse(whole[:length])


def test_a_file_says_who_serves_a_policy_and_until_when_its_premium_can_be_paid() -> None:
    served = Policy("P1", "active", "王伟", "王芳, 营业部", "0571-88880000")
    premium = DueLine("D1", "P1", "500000", "premium", DATE, 30_000, "", grace_until="20270123")
    orphan = Policy("P2", "active", "王伟", "ORPHAN")
    left = premium._replace(due="D9", grace_until="")
    data = b"".join(
        write(DATE, [PolicyDues(served, (premium,)), PolicyDues(orphan, ())], [left], serving=True)
    )
    read = parse(data)
    assert (read.policies, read.dues, read.withdrawn) == ((served, orphan), (premium,), (left,))


def test_rows_of_a_policy_must_agree_in_who_serves_it() -> None:
    rows = [f"{row(due=due)},,王芳,{phone}" for due, phone in (("D1", "95500"), ("D2", "95501"))]
    total = f"TOTAL,{DATE},1,2,60000,0,,,,,,"
    with pytest.raises(BookFileError, match="serving_phone: differs from an earlier row"):
        parse(file(*rows, header=f"{HEADER},grace_until,serving,serving_phone", total=total))
