"""In from the banks: statements of account, the money that arrived, and what is still awaited.

A day's posting says what a bank owes by its own file of transactions; whether the money came, only the
statement of the insurer's account with the bank says. Each statement is read, held against its own balances
and against the statement before it, and posted: what came goes from clearing to the deposit account, the
bank's fee to an account of fees. What is left on clearing is what has not arrived.

**Nouns.** A *statement* (银行对账单) covers some dates of one account, from an *opening* to a *closing*
balance. A *line* is one booking, + what came in. Its *kind* is settlement (money of transactions) or fee; it
*settles* the business date that its text names, or none. An *arrival* is what was expected for a bank's
business date against what came for it.

**What must always hold.** opening + lines = closing. A statement begins on a later date than the last one
ended, with its closing balance: otherwise a gap or an overlap is named, and nothing is taken. A statement is
taken once, and has one posting, `<date>/<bank>/statement-<number>`, on the bank's last posted date, with
the legs that its lines demand: the database takes no other.

**One statement, worked.** Of bank 01020000, opening 100,000 fen, two lines: +347,700 "代收付清算20260930" and
-2,000 "代收付手续费"; closing 445,700. The posting 20260930/01020000/statement-1 is

    1002   deposits  345,700
    122101 clearing -347,700
    660301 fees        2,000

and adds up to 0. The bank's file of 20260930 came to 347,700 as well: nothing is awaited for that date.

**The modules**, in the order in which data goes through them:

    layout      how a bank writes its statements, from TOML             pure
    statement   a statement as values, and what must hold of it         pure
    csv_file    CSV -> a statement, by a layout                         pure
    camt        camt.053 -> statements                                  pure, defusedxml
    reader      a file -> its statements, of the right account          pure
    settle      a person's word that no more is awaited: a break        (after load)
    load        a statement -> rows, posting, audit records; arrivals

Not here: a bank's file of transactions (`ledger.files`), a file's place on disk (`console`), an account's
number in code: which account takes what is only in the chart.
"""
