"""The receipts of what was pulled are signed once each; killed or run again, it comes to the same lines."""

from __future__ import annotations

from unittest import mock

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError
from ledger.rules.entry import Kind
from ledger.rules.request import Act
from office.database.schema import audit_log, entries, receipt_keys, signed_receipts
from office.receipts import sign as signing_module
from office.receipts.published import NoSuchReceipt, known_receipt, published_keys, receipt_of
from office.receipts.sign import KeyUnusable, Signed, Signing, sign
from receipts.line import read, write
from receipts.public_keys import PublicKey
from receipts.signature import Outcome, Signer, verify
from tests.support.builders import DATE, entry, request
from tests.support.pull_books import NEXT, Books

FIRST = Signing("EXAMPLE", Signer(bytes(range(32))))
SECOND = Signing("EXAMPLE", Signer(bytes(range(1, 33))))


def run(books: Books, signing: Signing = FIRST, now_us: int = 100) -> Signed:
    return sign(books.office, signing, lambda: now_us, "office")


def lines(books: Books) -> dict[str, str]:
    """The line of each signed receipt, by its number."""
    with books.office.reading() as connection:
        places = connection.execute(
            select(entries.c.receipt).join(
                signed_receipts,
                (entries.c.chain == signed_receipts.c.chain)
                & (entries.c.position == signed_receipts.c.position),
            )
        ).scalars()
        return {number: write(known_receipt(connection, number).signed) for number in places}


def keys(books: Books) -> tuple[PublicKey, ...]:
    with books.office.reading() as connection:
        return published_keys(connection)


def payments(books: Books) -> list[str]:
    """The numbers of all receipts of payments in the journal."""
    return [
        entry.receipt for entry in books.journal() if entry.receipt and entry.kind in ("collection", "payout")
    ]


def test_each_receipt_of_a_payment_gets_a_line_that_verifies(books: Books) -> None:
    books.commit(5)
    books.pull()
    assert run(books) == Signed(3, 0, "")
    signed = lines(books)
    assert sorted(signed) == sorted(payments(books))
    assert {verify(text, keys(books)).outcome for text in signed.values()} == {Outcome.GOOD}


def test_a_line_says_what_the_entry_says(books: Books) -> None:
    books.commit(1)
    books.pull()
    run(books)
    entry = books.journal()[0]
    with books.office.reading() as connection:
        receipt = known_receipt(connection, str(entry.receipt)).signed.receipt
    assert receipt == (
        *("EXAMPLE", entry.receipt, entry.policy, entry.amount, entry.local_at, entry.business_date),
        *(entry.bank, FIRST.signer.key),
    )


def test_run_again_it_signs_what_is_new_alone(books: Books) -> None:
    books.commit(1)
    books.pull()
    run(books)
    before = lines(books)
    assert run(books) == Signed(0, 0, "")
    books.nodes[1].commit([request(policy="P2", stan="000099")], 1)
    books.pull()
    assert run(books).receipts == 1
    assert before.items() < lines(books).items()


def test_what_was_killed_between_two_transactions_comes_to_the_same_lines(books: Books) -> None:
    books.commit(3)
    books.pull()
    with mock.patch.object(signing_module, "ENTRIES_A_TRANSACTION", 1):
        with (
            mock.patch.object(signing_module, "write_record", killed_at(3)),
            pytest.raises(KeyboardInterrupt),
        ):
            run(books)
        part = lines(books)
        assert len(part) == 1
        run(books, now_us=999)
    whole = lines(books)
    assert part.items() < whole.items()
    assert [write(FIRST.signer.sign(read(text).receipt)) for text in whole.values()] == [*whole.values()]


def killed_at(call: int) -> object:
    """A writer of records that stops at its call of this number; the first transaction has two."""
    real, calls = signing_module.write_record, iter(range(1, 99))

    def write_record(*arguments: object) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        real(*arguments)  # type: ignore[arg-type]

    return write_record


def cancel(books: Books, original: str, stan: str = "000777") -> str:
    """Cancel a payment of the first node's, and return the cancel's key."""
    done = request(act=Act.CANCEL, code="020000", original=original, stan=stan, policy="", due="")
    books.nodes[0].commit([done], 1)
    return done.key


def reverse(books: Books, original: str, stan: str = "000778") -> None:
    given = request(
        act=Act.REVERSE, mti="0400", code="020000", original=original, stan=stan, policy="", due=""
    )
    books.nodes[0].commit([given], 1)


def test_a_payment_that_was_taken_back_before_is_not_signed(books: Books) -> None:
    books.commit(1)
    paid = books.journal()[0]
    cancel(books, paid.key)
    books.pull()
    assert run(books) == Signed(0, 0, "")
    with books.office.reading() as connection, pytest.raises(NoSuchReceipt, match="was taken back on"):
        known_receipt(connection, str(paid.receipt))


def test_a_payment_that_is_taken_back_later_keeps_its_line_and_the_books_say_so(books: Books) -> None:
    books.commit(1)
    books.pull()
    run(books)
    before = lines(books)
    paid = books.journal()[0]
    cancel(books, paid.key)
    books.pull()
    run(books)
    assert lines(books) == before
    with books.office.reading() as connection:
        assert known_receipt(connection, str(paid.receipt)).taken_back == paid.business_date


def test_a_payment_that_is_put_into_effect_again_is_signed_then(books: Books) -> None:
    books.commit(1)
    paid = books.journal()[0]
    undone = cancel(books, paid.key)
    books.nodes[0].commit([request(policy="P2", stan="000099")], 1)
    books.pull()
    run(books)
    assert paid.receipt not in lines(books)
    reverse(books, undone)
    books.pull()
    assert run(books).receipts == 1
    assert paid.receipt in lines(books)
    with books.office.reading() as connection:
        assert known_receipt(connection, str(paid.receipt)).taken_back == ""


def test_another_key_signs_from_the_first_date_that_it_signs(books: Books) -> None:
    books.commit(1)
    books.pull()
    run(books)
    books.cut_over()
    books.nodes[0].commit([request(policy="P2", stan="000099")], 1)
    books.pull()
    run(books, SECOND)
    assert keys(books) == (
        PublicKey("EXAMPLE", FIRST.signer.key, DATE, DATE, FIRST.signer.public),
        PublicKey("EXAMPLE", SECOND.signer.key, NEXT, "", SECOND.signer.public),
    )
    outcomes = {verify(text, keys(books)).outcome for text in lines(books).values()}
    assert (len(lines(books)), outcomes) == (2, {Outcome.GOOD})


def test_a_key_that_was_replaced_signs_no_more(books: Books) -> None:
    books.commit(1)
    books.pull()
    run(books)
    books.nodes[0].commit([request(policy="P2", stan="000099")], 1)
    books.pull()
    run(books, SECOND)
    with pytest.raises(KeyUnusable, match="was replaced"):
        run(books, FIRST)


def test_a_key_signs_for_one_insurer(books: Books) -> None:
    books.commit(1)
    books.pull()
    run(books)
    with pytest.raises(KeyUnusable, match="another insurer needs a key of its own"):
        run(books, Signing("ANOTHER", FIRST.signer))


def test_a_receipt_that_no_line_can_have_is_counted_and_named_and_the_others_are_signed(books: Books) -> None:
    books.commit(2)
    first = books.journal()[0]
    books.forge(f"UPDATE journal SET local_at = '' WHERE key = '{first.key}'")  # noqa: S608 - a test's own
    with books.office.transaction() as connection:
        for entry in books.journal():
            connection.execute(insert(entries).values(entry._asdict()))
        connection.exec_driver_sql("INSERT INTO chains (chain, position, tip) VALUES (1, 2, 'x')")
    done = run(books)
    assert (done.receipts, done.refused) == (1, 1)
    assert done.reason == "entry 1/1: time of payment: no time, written YYYYMMDDhhmmss"


def test_the_database_itself_takes_no_second_and_no_foreign_signature(books: Books) -> None:
    books.commit(4)
    books.pull()
    run(books)
    with books.office.reading() as connection:
        row = connection.execute(select(signed_receipts)).first()
        refused = connection.execute(select(entries).where(entries.c.receipt.is_(None))).first()
    assert row is not None
    assert refused is not None
    good = dict(row._mapping)
    for statement in (
        insert(signed_receipts).values(good),
        insert(signed_receipts).values({**good, "chain": refused.chain, "position": refused.position}),
        insert(signed_receipts).values({**good, "position": 999}),
        insert(signed_receipts).values({**good, "key": SECOND.signer.key}),
        update(signed_receipts).values(signature="A" * 103),
        delete(signed_receipts),
        update(receipt_keys).values(from_date="20000101"),
        delete(receipt_keys),
        insert(receipt_keys).values(
            number=1, key="x", public="x", insurer="X", from_date=DATE, former_to="", added_at=1
        ),
    ):
        with pytest.raises((LedgerError, DBAPIError)), books.office.transaction() as connection:
            connection.execute(statement)


def test_every_transaction_leaves_a_record_of_what_it_signed(books: Books) -> None:
    books.commit(2)
    books.pull()
    run(books)
    with books.office.reading() as connection:
        records = connection.execute(
            select(audit_log.c.by, audit_log.c.act, audit_log.c.subject, audit_log.c.note)
            .where(audit_log.c.act.in_(["sign", "receipt key"]))
            .order_by(audit_log.c.number)
        ).all()
    (key, signed) = records
    assert key[:3] == ("office", "receipt key", FIRST.signer.key)
    assert key.note.startswith(f"signs for EXAMPLE from {DATE} on; row ")
    assert signed[:3] == ("office", "sign", "entry 1/2")
    assert signed.note.startswith("2 receipts; rows ")


def test_no_name_stands_in_a_table_of_receipts(books: Books) -> None:
    books.commit(2)
    books.pull()
    run(books)
    assert {column.name for table in (receipt_keys, signed_receipts) for column in table.c} == {
        *("number", "key", "public", "insurer", "from_date", "former_to", "added_at"),
        *("chain", "position", "signature", "signed_at"),
    }
    names = {entry.holder for entry in books.journal()} - {""}
    assert names
    assert [name for name in names for text in lines(books).values() if name in text] == []


def test_what_the_insurer_paid_out_is_negative() -> None:
    benefit = entry(kind=Kind.PAYOUT, code="260000", receipt="202611240100000000016")
    assert receipt_of(benefit, "EXAMPLE", "A" * 8).amount == -benefit.amount
    assert receipt_of(benefit._replace(kind=Kind.COLLECTION), "EXAMPLE", "A" * 8).amount == benefit.amount
