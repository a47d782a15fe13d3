"""The receipts of the journal, signed inside after each pull so that anyone can verify them.

A receipt is signed if its entry is a collection or a payout that is in effect when the office signs. One that
was cancelled or reversed before has no signature. One that is taken back later keeps its own, which says only
what was paid then; `published` says whether it still is, from the books.

    sign        the entries without a signature -> signed_receipts, in small transactions
    published   a receipt's line, whether it was taken back, the public keys with their dates

The form of a receipt, its signature and its keys' file belong to `receipts`.
"""
