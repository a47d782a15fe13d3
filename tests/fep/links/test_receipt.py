"""The lines of a receipt, as tables: in Chinese, in English, and how long they can be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fep.links.receipt import NAME_BYTES_MAX, TITLES, Letterhead, letterhead_of, receipt_lines
from fep.settings.config import Bank, ReceiptWords
from protocol.codec import Codec
from protocol.dialect import Dialect, load
from protocol.message import Message
from protocol.transactions import TRANSACTIONS
from tests.support.builders import DONE, RECEIPT

UTF_8, GB18030, CP500 = load("ascii87"), load("bcd87"), load("ebcdic87")
LETTERHEAD = Letterhead(
    ("示例人寿保险股份有限公司", "SAMPLE LIFE"),
    ("示例银行", "SAMPLE BANK"),
    "400-000-0000",
    ("加盖业务章后有效", "VALID WITH THE BANK'S STAMP"),
)
CHINESE = [
    "示例人寿保险股份有限公司",
    "续期保费收据",
    f"收据号：{RECEIPT}",
    "业务日期：2026-11-24",
    "交易时间：2026-11-23 10:11:13",
    "经办银行：示例银行",
    "网点终端：B1 T1",
    "保单号：P1",
    "投保人：张三",
    "应收付号：D1",
    "应收付日：2026-12-01",
    "金额：1,200.50",
    "大写：人民币壹仟贰佰元零伍角",
    "授权码：000001",
    "客服热线：400-000-0000",
    "盖章：加盖业务章后有效",
]
ENGLISH = [
    "SAMPLE LIFE",
    "RENEWAL PREMIUM",
    f"RECEIPT: {RECEIPT}",
    "BUSINESS DATE: 2026-11-24",
    "TIME: 2026-11-23 10:11:13",
    "BANK: SAMPLE BANK",
    "BRANCH/TERMINAL: B1 T1",
    "POLICY: P1",
    "HOLDER: ZHANG SAN",
    "DUE: D1",
    "DUE DATE: 2026-12-01",
    "AMOUNT CNY: 1,200.50",
    "AUTHORIZATION: 000001",
    "HOTLINE: 400-000-0000",
    "SEAL: VALID WITH THE BANK'S STAMP",
]


def test_a_name_has_room_for_120_bytes() -> None:
    assert NAME_BYTES_MAX == 120


@pytest.mark.parametrize("dialect", [UTF_8, GB18030])
def test_a_receipt_is_in_chinese_where_the_dialect_can_carry_it(dialect: Dialect) -> None:
    assert receipt_lines(DONE, dialect, LETTERHEAD) == CHINESE


def test_a_receipt_is_in_english_where_the_dialect_carries_nothing_else() -> None:
    assert receipt_lines(DONE._replace(holder="ZHANG SAN"), CP500, LETTERHEAD) == ENGLISH
    without_holder = [line for line in ENGLISH if not line.startswith("HOLDER")]
    assert receipt_lines(DONE, CP500, LETTERHEAD) == without_holder


def test_a_line_that_says_nothing_is_left_out_of_a_receipt() -> None:
    bare = DONE._replace(holder="", due="", due_date="", policy="", authorization="")
    left = ("保单号", "投保人", "应收付号", "应收付日", "授权码")
    assert receipt_lines(bare, UTF_8, LETTERHEAD) == [line for line in CHINESE if not line.startswith(left)]


@pytest.mark.parametrize(
    "code", ["500000", "501000", "502000", "260000", "261000", "262000", "263000", "020000"]
)
def test_a_receipt_has_the_title_of_its_code(code: str) -> None:
    titles = (receipt_lines(DONE._replace(code=code), dialect, Letterhead())[0] for dialect in (UTF_8, CP500))
    assert tuple(titles) == TITLES[code] == TRANSACTIONS[code].voucher


def test_nothing_but_what_moves_money_has_a_receipt() -> None:
    assert set(TITLES) == {code for code, row in TRANSACTIONS.items() if row.voucher != ("", "")}
    assert len(TITLES) == 8


@pytest.mark.parametrize("code", sorted(TITLES))
def test_the_receipt_of_a_benefit_alone_has_a_line_for_the_payees_signature(code: str) -> None:
    signed = {
        label: [
            line for line in receipt_lines(DONE._replace(code=code), dialect, LETTERHEAD) if label in line
        ]
        for label, dialect in (("领款人签名", UTF_8), ("PAYEE'S SIGNATURE", CP500))
    }
    is_benefit = TRANSACTIONS[code].kind == "benefit"
    assert {label: len(lines) for label, lines in signed.items()} == dict.fromkeys(signed, int(is_benefit))


@pytest.mark.parametrize(
    ("dialect", "payee", "line"),
    [
        (UTF_8, "李四", ["领款人：李四"]),
        (GB18030, "李四", ["领款人：李四"]),
        (CP500, "LI SI", ["PAYEE: LI SI"]),
        (CP500, "李四", []),
        (UTF_8, "", []),
        (UTF_8, "李" * 41, [f"领款人：{'李' * 28}..."]),
        (CP500, "W" * 89, [f"PAYEE: {'W' * 85}..."]),
    ],
)
def test_the_receipt_of_a_benefit_names_the_payee_as_far_as_it_can_above_the_line_for_the_signature(
    dialect: Dialect, payee: str, line: list[str]
) -> None:
    nobody = receipt_lines(DONE._replace(code="260000"), dialect, LETTERHEAD)
    [place] = [at for at, text in enumerate(nobody) if text.startswith(("领款人签名", "PAYEE'S SIGNATURE"))]
    named = receipt_lines(DONE._replace(code="260000", payee=payee), dialect, LETTERHEAD)
    assert named == [*nobody[:place], *line, *nobody[place:]]


def test_two_names_on_a_receipt_have_88_bytes_each() -> None:
    paid = DONE._replace(code="260000", holder="W" * 89, payee="V" * 88)
    lines = receipt_lines(paid, UTF_8, LETTERHEAD)
    assert {f"投保人：{'W' * 85}...", f"领款人：{'V' * 88}"} < set(lines)


def test_what_the_settings_do_not_say_is_not_printed() -> None:
    left = ("示例人寿", "经办银行", "客服热线", "盖章")
    assert receipt_lines(DONE, UTF_8, Letterhead()) == [line for line in CHINESE if not line.startswith(left)]


def bank(**given: object) -> Bank:
    return Bank.model_validate(
        {"code": "1", "name": "银行", "port": 1, "networks": ["127.0.0.1"], "transport": "plain", **given}
    )


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"name": "示例银行"}, ("示例银行", "")),
        ({"name": "示例银行", "name_en": "SAMPLE BANK"}, ("示例银行", "SAMPLE BANK")),
        ({"name": "Sample Bank"}, ("Sample Bank", "Sample Bank")),
        ({"name": "Sample Bank", "name_en": "SB"}, ("Sample Bank", "SB")),
    ],
)
def test_a_bank_is_named_as_its_entry_says(given: dict[str, str], names: tuple[str, str]) -> None:
    words = ReceiptWords(insurer="甲", insurer_en="A", hotline="1", seal="章", seal_en="S")
    assert letterhead_of(words, bank(**given)) == Letterhead(("甲", "A"), names, "1", ("章", "S"))


@pytest.mark.parametrize("name", ["insurer", "insurer_en", "hotline", "seal", "seal_en"])
@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "a\u202eb", "a\x00b", "x" * 61])
def test_words_that_are_no_line_or_too_long_are_refused(name: str, text: str) -> None:
    with pytest.raises(ValidationError):
        ReceiptWords.model_validate({name: text})


@pytest.mark.parametrize("name", ["insurer_en", "hotline", "seal_en"])
def test_words_for_banks_without_chinese_have_none(name: str) -> None:
    with pytest.raises(ValidationError):
        ReceiptWords.model_validate({name: "甲"})


@pytest.mark.parametrize("dialect", [UTF_8, GB18030, CP500])
@pytest.mark.parametrize("code", ["500000", "262000", "020000"])
def test_the_longest_receipt_goes_into_de_62(dialect: Dialect, code: str) -> None:
    wide = "甲" if dialect is not CP500 else "W"
    words = ReceiptWords(
        insurer="甲" * 30, insurer_en="W" * 60, hotline="9" * 24, seal="章" * 30, seal_en="W" * 60
    )
    longest = DONE._replace(
        code=code,
        holder=wide * 120,
        payee=wide * 120 if code == "262000" else "",
        policy="P" * 24,
        due="D" * 20,
        amount=999_999_999_999,
        branch="B" * 15,
        terminal="T" * 8,
    )
    letterhead = letterhead_of(words, bank(name="行" * 40, name_en="W" * 60))
    text = "\n".join(receipt_lines(longest, dialect, letterhead))
    assert len(text.encode(dialect.text_encoding)) <= 999
    assert Codec(dialect).encode(Message("0210", {62: text}))
